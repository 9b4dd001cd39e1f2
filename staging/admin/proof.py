"""What was written and what happened, read-only: snapshots, receipts, the audit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from monday.screens import Occurring, ReadOnly, link, moment, pill
from staging.boards.gone import left, not_there, out_of_source
from staging.core.terms import term
from staging.models import AuditChain, AuditEvent, Receipt, Snapshot
from staging.models.receipt import WriteOutcome
from staging.models.snapshot import LinkState
from staging.records.search import matching
from staging.upkeep.care import last_check

from .pills import LINKS, WRITES

WHAT_IS_GONE = {
    "item": "The item is gone from the board",
    "left": "Nobody follows it",
    "record": "The record is gone from the source",
}


def _sides() -> dict[str, Q]:
    """The links of which each is gone."""
    return {"item": not_there(), "left": left(), "record": out_of_source()}


def _gone_of(links: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """What is gone of each of these links; those of which nothing is are absent."""
    found: dict[int, tuple[str, ...]] = {}
    for side, test in _sides().items():
        for pk in Snapshot.objects.filter(test, pk__in=links).values_list("pk", flat=True):
            found[pk] = (*found.get(pk, ()), side)
    return found


class Gone(admin.SimpleListFilter):
    """Links of which one side is gone: the item from the board, or the record from the source."""

    title = "what is gone"
    parameter_name = "gone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*WHAT_IS_GONE.items(), ("any", "Any of these")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        sides = _sides()
        found = {**sides, "any": reduce(or_, sides.values())}.get(str(self.value()))
        return queryset.filter(found) if found else queryset


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnly):
    list_display = ("record", "name", "pill", "decide", "customer", "key", "item", "accepted")
    list_select_related = ("customer", "board")
    list_filter = (Gone, "state", "customer", "board")
    search_fields = ("record",)
    search_help_text = "A whole UUID or item id, or how the name or a part of the business key begins"
    sortable_by = ("pill", "accepted")
    fields = readonly_fields = (
        *("board", "record", "link_key", "customer", "key", "pill", "decide", "item", "accepted_at"),
        *("shown_order", "shown_lines", "shown_withheld", "order_fingerprint", "source_fingerprint", "mapping_key"),
    )
    exported = ("id", "record", "link_key", "customer__name", "key", "item_id", "state", "accepted_at")
    ordering = ("-id",)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By what its record is called, or by its item."""
        words = search_term.strip()
        if words.isdecimal() and (found := queryset.filter(item_id=words)).exists():
            return found, False
        return (queryset.filter(record__in=matching(words).values("record")) if words else queryset), False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with those of the page whose item is gone or that nobody follows, asked for in one go."""
        listed = super().get_changelist_instance(request)
        rows: list[Any] = list(listed.result_list)
        found = _gone_of([row.pk for row in rows])
        for row in rows:
            row.gone = found.get(row.pk, ())
        listed.result_list = rows
        return listed

    @admin.display(description="Gone")
    def decide(self, snapshot: Any) -> SafeString | str:
        """What is gone, with the way to the decision where there is one; "" where both sides stand."""
        found = snapshot.gone if hasattr(snapshot, "gone") else _gone_of([snapshot.pk]).get(snapshot.pk, ())
        words = ", ".join(WHAT_IS_GONE[side] for side in found)
        if not set(found) - {"record"}:
            return words
        return format_html("{}: {}", words, link(reverse("admin:staging_gone", args=[snapshot.pk]), "decide ..."))

    @admin.display(description="Name on the board")
    def name(self, snapshot: Snapshot) -> str:
        return str(snapshot.order.get("name", ""))

    @admin.display(description="State", ordering="state")
    def pill(self, snapshot: Snapshot) -> SafeString:
        return pill(LINKS[LinkState(snapshot.state)], snapshot.get_state_display())

    @admin.display(description="Item")
    def item(self, snapshot: Snapshot) -> SafeString:
        return item_link(snapshot.item_id, sandbox=snapshot.board.environment == "sandbox")

    @admin.display(description="Accepted", ordering="accepted_at")
    def accepted(self, snapshot: Snapshot) -> SafeString:
        return moment(snapshot.accepted_at)

    @admin.display(description="The order as accepted")
    def shown_order(self, snapshot: Snapshot) -> SafeString:
        return data_block(snapshot.order)

    @admin.display(description="Subitems by size")
    def shown_lines(self, snapshot: Snapshot) -> SafeString:
        return data_block(snapshot.lines)

    @admin.display(description="Fields left to the board")
    def shown_withheld(self, snapshot: Snapshot) -> SafeString:
        return data_block(snapshot.withheld)


@admin.register(Receipt)
class ReceiptAdmin(ReadOnly):
    list_display = ("id", "pill", "kind", "size", "item", "batch", "when", "request_id")
    list_select_related = ("batch", "board", "undoes")
    list_filter = ("outcome", ("kind", Occurring))
    search_fields = ("record",)
    sortable_by = ("id",)
    search_help_text = "A whole record UUID, item id, request id or batch number"
    fields = readonly_fields = (
        *("board", "batch", "order", "record", "attempt", "kind", "size", "item", "pill", "shown_before"),
        *("shown_after", "shown_problem", "undoes", "idempotency_key", "request_id"),
        *("intended_at", "sent_at", "answered_at"),
    )
    exported = (
        *("id", "batch__id", "order__id", "record", "kind", "size", "item_id", "outcome", "request_id"),
        *("intended_at", "sent_at", "answered_at"),
    )
    ordering = ("-id",)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By a whole word, each kind by its own index."""
        words = term(search_term)
        if not words:
            return queryset, False
        mine = Q(record=words) | Q(item_id=words) | Q(request_id=search_term.strip())
        if words.isdecimal() and len(words) < 19:
            mine |= Q(batch=int(words))
        return queryset.filter(mine), False

    @admin.display(description="Outcome", ordering="outcome")
    def pill(self, receipt: Receipt) -> SafeString:
        return pill(WRITES[WriteOutcome(receipt.outcome)], receipt.get_outcome_display())

    @admin.display(description="Item")
    def item(self, receipt: Receipt) -> SafeString:
        return item_link(receipt.item_id, sandbox=receipt.board.environment == "sandbox")

    @admin.display(description="Answered", ordering="answered_at")
    def when(self, receipt: Receipt) -> SafeString:
        return moment(receipt.answered_at or receipt.intended_at)

    @admin.display(description="Before")
    def shown_before(self, receipt: Receipt) -> SafeString:
        return data_block(receipt.before)

    @admin.display(description="After")
    def shown_after(self, receipt: Receipt) -> SafeString:
        return data_block(receipt.after)

    @admin.display(description="Problem")
    def shown_problem(self, receipt: Receipt) -> SafeString:
        return data_block(receipt.problem or {})


@admin.register(AuditEvent)
class AuditAdmin(ReadOnly):
    called = "Audit"
    list_display = ("place", "when", "actor", "action", "subject", "reason")
    list_display_links = ("place",)
    list_select_related = ("chain",)
    list_filter = (("action", Occurring),)
    search_fields = ("subject",)
    sortable_by = ("place", "when")
    search_help_text = "A whole subject (batch:12), actor or chain (run:7)"
    fields = readonly_fields = (
        *("chain", "sequence", "at", "actor", "action", "subject", "reason"),
        *("shown_data", "previous_hash", "hash"),
    )
    exported = (
        *("id", "chain__name", "sequence", "at", "actor", "action", "subject", "reason"),
        *("previous_hash", "hash"),
    )
    ordering = ("-id",)
    change_list_template = "staging/admin/audit.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, and when its chains were checked last."""
        run, at = last_check()
        shown = {"check": run, "checked": moment(at), "broken": bool(run and run.result.get("broken"))}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By a whole word. A subject has a colon in it, and only such a one may be a chain too."""
        words = search_term.strip()
        if not words:
            return queryset, False
        chain = AuditChain.objects.filter(name=words).first()
        mine = Q(subject=words) if ":" in words else Q(actor=words)
        # Who acted from the command line has a colon too: cli:anna.
        mine |= Q(actor=words) if words.startswith(("cli:", "policy:")) else Q()
        return queryset.filter(mine | Q(chain=chain) if chain else mine), False

    @admin.display(description="Place", ordering="id")
    def place(self, event: AuditEvent) -> str:
        return f"{event.chain.name} #{event.sequence}"

    @admin.display(description="At", ordering="at")
    def when(self, event: AuditEvent) -> SafeString:
        return moment(event.at)

    @admin.display(description="Data")
    def shown_data(self, event: AuditEvent) -> SafeString:
        return data_block(event.data)


def item_link(item_id: str, *, sandbox: bool) -> SafeString:
    """An item's id, as a link to its page where the board is the local one."""
    if not sandbox or not item_id:
        return format_html('<span class="mono">{}</span>', item_id)
    return format_html('<a class="mono" href="/sandbox/items/{}">{}</a>', item_id, item_id)


def data_block(data: Any) -> SafeString:
    """Stored data as it is, indented."""
    return format_html('<pre class="data">{}</pre>', json.dumps(data, indent=2, ensure_ascii=False))
