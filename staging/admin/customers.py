"""Customers with their spellings, their orders, their last sync and their mapping; and the lists that come and go."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mapping.core.family import Family
from mapping.models import Alias, Customer, VersionState
from mapping.publish import NoMapping, load_family
from mapping.resources import AliasResource, CustomerResource
from monday.models import Board
from monday.screens import ReadOnly, link, moment
from staging.core.lifecycle import OPEN
from staging.models import Snapshot, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.models.snapshot import LinkState

from .lists import ListPages
from .pills import run_pill
from .unknown import UnknownPages

RECENT = 200  # syncs that are looked through for the last one of each customer
ENDED = (RunState.COMPLETED, RunState.WITH_ERRORS, RunState.WAITING)


@admin.register(Customer)
class CustomerAdmin(ListPages, UnknownPages, ReadOnly):
    list_display = ("name", "spellings", "orders", "open_orders", "last_sync", "document", "approvers")
    search_fields = ("name", "aliases__text")
    search_help_text = "A name or one of its spellings"
    fields = readonly_fields = ("name", "spellings", "orders", "open_orders", "last_sync", "document", "approvers")
    exported = ("customer", "aliases")
    list_resource = CustomerResource
    list_columns = ("customer", "aliases")
    change_list_template = "staging/admin/customers.html"
    ordering = ("name",)

    def get_urls(self) -> list[URLPattern]:
        """With the customers that nobody knows yet, and a list that comes in."""
        return [*self.unknown_urls(), *self.list_urls(), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        linked = Snapshot.objects.filter(customer=OuterRef("pk"), state=LinkState.LINKED)
        waiting = StagedOrder.objects.filter(batch__customer=OuterRef("pk"), state__in=sorted(OPEN))
        customers = super().get_queryset(request).prefetch_related("aliases", "documents__versions")
        numbers = {"linked": _number(linked, "customer"), "waiting": _number(waiting, "batch__customer")}
        annotated: QuerySet[Any] = customers.annotate(**numbers)
        return annotated

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with the way to the customers that nobody knows."""
        shown = {"unknown": self.unknown_count(), "may_bring": self.may_bring(request)}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page of the list, each customer with its last sync."""
        page = super().get_changelist_instance(request)
        runs, families = list(_recent()), _families()
        for customer in page.result_list:
            customer.last_run = _last(runs, customer)
            customer.families = families
        return page

    @admin.display(description="Spellings in the source")
    def spellings(self, customer: Customer) -> SafeString:
        texts = sorted(alias.text for alias in customer.aliases.all())
        return format_html(
            '<span class="chips">{}</span>', format_html_join("", '<span class="chip">{}</span>', ((t,) for t in texts))
        )

    @admin.display(description="Orders on the board", ordering="linked")
    def orders(self, customer: Any) -> SafeString | str:
        address = reverse("admin:staging_snapshot_changelist")
        number, query = customer.linked or 0, f"customer__id__exact={customer.pk}&state__exact={LinkState.LINKED}"
        return link(f"{address}?{query}", f"{number:,}") if number else "0"

    @admin.display(description="In hand", ordering="waiting")
    def open_orders(self, customer: Any) -> SafeString | str:
        address = reverse("admin:staging_batch_changelist")
        number = customer.waiting or 0
        return link(f"{address}?customer__id__exact={customer.pk}", f"{number:,}") if number else "0"

    @admin.display(description="Last sync")
    def last_sync(self, customer: Any) -> SafeString | str:
        run = customer.last_run if hasattr(customer, "last_run") else _last(_recent(), customer)
        if run is None:
            return "none yet"
        page = reverse("admin:staging_syncrun_change", args=[run.pk])
        return format_html("{} {}", link(page, moment(run.finished_at or run.started_at)), run_pill(run))

    @admin.display(description="Mapping")
    def document(self, customer: Customer) -> SafeString | str:
        found = next(iter(customer.documents.all()), None)
        if found is None:
            return "-"
        versions = list(found.versions.all())
        held = next((each for each in versions if each.state == VersionState.PUBLISHED), None)
        drafts = sum(each.state == VersionState.DRAFT for each in versions)
        words = f"version {held.number}" if held else "not published"
        more = f" + {drafts} draft{'s' if drafts > 1 else ''}" if drafts else ""
        return link(reverse("admin:mapping_document_change", args=[found.pk]), words + more)

    @admin.display(description="Approved by")
    def approvers(self, customer: Any) -> str:
        """Whom the policies of the boards name; anybody with the right where they name nobody."""
        families = customer.families if hasattr(customer, "families") else _families()
        policies = [family.mapping(customer.name).policy for family in families if customer.name in family.customers]
        named = sorted({name for policy in policies for name in policy.approvers})
        words = ", ".join(named) or "any approver"
        return f"{words}, four eyes" if any(policy.four_eyes for policy in policies) else words


@admin.register(Alias)
class AliasAdmin(ListPages, ReadOnly):
    called, one = "Spellings of customers", "Spelling"
    list_display = ("text", "customer")
    list_select_related = ("customer",)
    search_fields = ("text", "customer__name")
    exported = ("customer", "alias")
    list_resource = AliasResource
    list_columns = ("customer", "alias")
    change_list_template = "staging/admin/customers.html"
    ordering = ("text",)

    def get_urls(self) -> list[URLPattern]:
        """With a list that comes in."""
        return [*self.list_urls(), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"may_bring": self.may_bring(request), **(extra_context or {})})


def _families() -> list[Family]:
    """What is published for each board; a board without a mapping has none."""
    found = []
    for board_id in Board.objects.order_by("pk").values_list("board_id", flat=True):
        with suppress(NoMapping):
            found.append(load_family(board_id).family)
    return found


def _number(rows: QuerySet[Any], by: str) -> Subquery:
    """How many of these rows there are for each customer; NULL where there are none."""
    counted = rows.order_by().values(by).annotate(number=Count("pk")).values("number")
    return Subquery(counted, output_field=IntegerField())


def _recent() -> QuerySet[SyncRun]:
    """The last syncs that ended, the newest first."""
    runs = SyncRun.objects.filter(kind=Kind.SYNC, rehearsal=False, state__in=ENDED, finished_at__isnull=False)
    return runs.order_by("-id")[:RECENT]


def _last(runs: Iterable[SyncRun], customer: Customer) -> SyncRun | None:
    """The newest of these syncs that looked at the customer's rows."""
    return next((run for run in runs if run.scope.get("customer") in (None, "", customer.name)), None)
