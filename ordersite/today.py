"""What the front page shows: what waits, what went wrong, how the last run ended, whether the workers live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_q.models import Schedule

from monday.screens import moment, pill
from staging.admin.pills import run_pill
from staging.core.lifecycle import COUNTED, BatchState, OrderState
from staging.models import Batch, Receipt, Seen, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.models.snapshot import Verdict
from staging.tally import counts_now

from .watchdog import workers

DAYS = 14
READ = (RunState.WAITING, RunState.COMPLETED, RunState.WITH_ERRORS)
"""How a sync ends that has read the source to its end."""
TONES = {RunState.FAILED: "bad", RunState.REFUSED: "bad", RunState.WITH_ERRORS: "warn", RunState.WAITING: "wait"}
KINDS = ("create", "update", "remove", "restore")


@dataclass(frozen=True, slots=True)
class Card:
    """One card: a number or a pill, what it means, and the list behind it."""

    title: str
    value: SafeString | str
    words: str
    url: str
    tone: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the chart. `parts` are (kind, number, top, height), from the bottom up; `numbers` are by KINDS."""

    day: date
    total: int
    numbers: list[int]
    parts: list[tuple[str, int, float, float]]
    left: float
    middle: float
    label: float


def cards() -> list[Card]:
    """The cards of the front page, from counting queries over indexed states."""
    return [_waiting(), _rejected(), _held(), _unused(), _last_run(), _workers(), _next_run()]


def _waiting() -> Card:
    batches = Batch.objects.filter(state=BatchState.OPEN)
    customers = batches.aggregate(n=Count("customer", distinct=True))["n"]
    changes = StagedOrder.objects.filter(batch__state=BatchState.OPEN, state=OrderState.STAGED).count()
    words = f"changes of {customers} customer{'' if customers == 1 else 's'}" if changes else "nothing waits"
    url = f"{reverse('admin:staging_batch_changelist')}?state__exact=open"
    return Card("Waiting for approval", f"{changes:,}", words, url, "wait" if changes else "good")


def _rejected() -> Card:
    number = StagedOrder.objects.filter(state=OrderState.REJECTED).count()
    if not number and not Receipt.objects.exists():
        return Card("Rejected", "-", "nothing was sent yet", reverse("admin:rejected"), "off")
    words = f"{'order' if number == 1 else 'orders'} the board refused" if number else "the board took everything"
    return Card("Rejected", f"{number:,}", words, reverse("admin:rejected"), "bad" if number else "good")


def _held() -> Card:
    number = StagedOrder.objects.filter(state__in=[OrderState.HELD, OrderState.UNCLEAR]).count()
    url = f"{reverse('admin:staging_stagedorder_changelist')}?state__in=held,unclear"
    words = "orders kept back or without an answer" if number else "nothing is kept back"
    return Card("Held and unclear", f"{number:,}", words, url, "warn" if number else "good")


def _unused() -> Card:
    number = Seen.objects.exclude(verdict=Verdict.WAITING).count()
    url = reverse("admin:staging_seen_changelist")
    if not number and not SyncRun.objects.filter(kind=Kind.SYNC, rehearsal=False, state__in=READ).exists():
        return Card("Rows not used", "-", "no sync has read the source yet", url, "off")
    words = "rows of the source that cannot be used" if number else "every row can be used"
    return Card("Rows not used", f"{number:,}", words, url, "warn" if number else "good")


def _last_run() -> Card:
    url = reverse("admin:staging_syncrun_changelist")
    run = SyncRun.objects.filter(rehearsal=False, kind=Kind.SYNC).order_by("-id").first()
    if run is None:
        return Card("Last sync", "-", "none yet", url, "off")
    url = reverse("admin:staging_syncrun_change", args=[run.pk])
    words = format_html("{}, by {}{}", moment(run.finished_at or run.started_at), run.actor, _result(run))
    return Card("Last sync", run_pill(run), words, url, TONES.get(RunState(run.state), "off"))


def _result(run: SyncRun) -> str:
    """What a sync found and what of it is on the board by now, "" where it did not come so far."""
    counts = counts_now([run]).get(run.pk)
    if counts is None or run.state not in READ:
        return ""
    removed = "removals not checked" if counts.removed is None else f"{counts.removed:,} removed"
    found = f"{counts.read:,} read, {counts.new:,} new, {counts.changed:,} changed, {removed}"
    return f": {found}; {counts.applied:,} applied"


def _workers() -> Card:
    found = workers()
    value = pill("good", "Alive") if found.alive else pill("bad", "Silent")
    words = f"{found.busy} at work" if found.busy else "idle"
    url = f"{reverse('admin:staging_syncrun_changelist')}?state__exact=running"
    return Card("Workers", value, words if found.alive else found.sentence(), url, "good" if found.alive else "bad")


def _next_run() -> Card:
    url = reverse("admin:django_q_schedule_changelist")
    following = Schedule.objects.filter(func="staging.jobs.start").exclude(repeats=0).order_by("next_run").first()
    if following is None or following.next_run is None:
        words = "Remedy: manage.py setup_schedules"
        return Card("Next scheduled sync", "none", words, url, "warn")
    late = following.next_run < timezone.now() - timedelta(minutes=2)
    if late:
        words = format_html("{} was due {}", following.name or "a sync", moment(following.next_run))
        return Card("Next scheduled sync", "overdue", words, url, "warn")
    return Card("Next scheduled sync", moment(following.next_run), following.name or "", url, "off")


def chart(height: float = 90.0, step: float = 66.0) -> dict[str, Any]:
    """Changes applied per day and kind, as bars in the chart's own units (x to the right, y downwards)."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    numbers = _numbers(first)
    totals = {first + timedelta(n): 0 for n in range(DAYS)}
    for (day, _), number in numbers.items():
        totals[day] += number
    most = max(totals.values(), default=0)
    days = []
    for at, day in enumerate(sorted(totals)):
        parts, top = [], height
        for kind in KINDS:
            if number := numbers.get((day, kind), 0):
                tall = height * number / most
                top -= tall
                parts.append((kind, number, round(top, 2), round(tall, 2)))
        counted = [numbers.get((day, kind), 0) for kind in KINDS]
        left = at * step + step * 0.15
        days.append(Day(day, totals[day], counted, parts, left, at * step + step / 2, round(top - 4, 2)))
    return {"days": days, "most": most, "bar": step * 0.7, "foot": height + 14, "width": DAYS * step, "kinds": KINDS}


def _numbers(first: date) -> dict[tuple[date, str], int]:
    """Applied orders by day and kind; a day is compared by its bounds, as cutting a time is slow on SQLite."""
    starts = [datetime.combine(first + timedelta(n), time.min, tzinfo=UTC) for n in range(DAYS + 1)]
    each = {
        f"day{n}": Count("id", filter=Q(updated_at__gte=starts[n], updated_at__lt=starts[n + 1])) for n in range(DAYS)
    }
    found = StagedOrder.objects.filter(state__in=sorted(COUNTED["applied"]), updated_at__gte=starts[0])
    rows = found.values_list("operation").annotate(**each).order_by()
    return {(first + timedelta(n), kind): number for kind, *numbers in rows for n, number in enumerate(numbers)}
