"""The columns and filters of the list of runs: who asked, when, and what was found, as numbers one below the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mapping.models import Customer
from monday.screens import moment
from staging.models import Batch, SyncRun
from staging.models.run import Kind

from .pills import run_pill
from .run_picture import took, trigger

FOUND = ("read", "unchanged", "new", "changed", "removed", "invalid")
COUNTS = (*FOUND, "staged", "applied", "rejected", "held")


class WithChanges(admin.SimpleListFilter):
    """Hides the runs that found nothing to do."""

    title = "changes"
    parameter_name = "changes"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("some", "Runs with changes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "some":
            return queryset
        return queryset.filter(~Q(kind=Kind.SYNC) | Q(pk__in=Batch.objects.values("run")))


class OfCustomer(admin.SimpleListFilter):
    """The syncs that staged something of a customer, and what was done with those batches since."""

    title = "customer"
    parameter_name = "customer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Customer.objects.order_by("name").values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {value for value, _ in self.lookup_choices}
        if self.value() not in known:
            return queryset
        batches = Batch.objects.filter(customer=int(str(self.value())))
        subject = Concat(Value("batch:"), Cast("pk", CharField(max_length=20)))
        named = batches.annotate(as_subject=subject).values("as_subject")
        return queryset.filter(Q(pk__in=batches.values("run")) | Q(subject__in=named))


def count_of(run: Any, name: str) -> int | str:
    """One of a run's counts as it stands now: "" where it counts no such thing, words where it was not checked."""
    number = getattr(run.now, name) if run.now else run.counts.get(name, "")
    return "not checked" if number is None else number


def _exported(name: str) -> Callable[[Any, Any], object]:
    def told(screen: Any, run: Any) -> object:
        return count_of(run, name)

    return told


def _listed(name: str) -> Callable[[Any, Any], SafeString]:
    @admin.display(description=name.capitalize())
    def told(screen: Any, run: Any) -> SafeString:
        number = count_of(run, name)
        if not isinstance(number, int):
            return format_html('<span class="{}">{}</span>', "quiet" if number else "none", number or "-")
        where = _where(run, name) if number else ""
        if where:
            return format_html('<a href="{}">{}</a>', where, f"{number:,}")
        return format_html('<span class="{}">{}</span>', "" if number else "quiet", f"{number:,}")

    return told


def _where(run: SyncRun, name: str) -> str:
    """Where the orders stand that a number counts; "" for numbers that count no orders."""
    if name not in ("rejected", "held"):
        return ""
    if run.kind == Kind.SYNC:
        return f"{reverse('admin:staging_stagedorder_changelist')}?batch__run={run.pk}&state__exact={name}"
    if run.kind == Kind.PUSH and run.scope.get("batch"):
        return f"{reverse('admin:staging_batch_change', args=[run.scope['batch']])}?part={name}#orders"
    return ""


class RunColumns:
    """What the list shows of each run, for its screen."""

    read, unchanged, new, changed, removed, invalid, staged, applied, rejected, held = map(_exported, COUNTS)
    n_read, n_unchanged, n_new, n_changed, n_removed, n_invalid = map(_listed, FOUND)
    n_applied, n_rejected, n_held = map(_listed, ("applied", "rejected", "held"))

    @admin.display(description="Run", ordering="id")
    def name(self, run: SyncRun) -> SafeString:
        return format_html('Run {}<span class="what">{}</span>', run.pk, _what(run))

    @admin.display(description="State", ordering="state")
    def pill(self, run: SyncRun) -> SafeString:
        return run_pill(run)

    @admin.display(description="Trigger", ordering="trigger")
    def asked_by(self, run: SyncRun) -> SafeString:
        words = trigger(run)
        by = "" if run.actor.lower() == words.lower() else run.actor
        return format_html('{}<span class="what quiet">{}</span>', words, by)

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: SyncRun) -> SafeString:
        lasted = took(run)
        words = f"{'took' if run.finished_at else 'at work for'} {lasted}" if lasted else ""
        return format_html('{}<span class="what quiet">{}</span>', moment(run.started_at), words)


def _what(run: SyncRun) -> str:
    scope = run.scope.get("customer") or run.subject.replace(":", " ")
    if not run.mode:
        return str(run.get_kind_display())
    words = f"{run.mode} {run.get_kind_display().lower()}{f' of {scope}' if scope else ''}"
    # No column is for what an undo counts: what it put back was not applied by it, and what it kept is not held.
    done = [f"{run.counts[name]:,} {name}" for name in ("undone", "kept") if run.counts.get(name)]
    return f"{words}: {', '.join(done)}" if run.kind == Kind.UNDO and done else words
