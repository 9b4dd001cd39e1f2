"""Staged orders: the list, and the page with one record's whole life."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from monday.screens import ReadOnly, moment, pill
from staging.batches.describe import OrderPicture, orders
from staging.batches.diff import edited, field_titles, reason_of, shown
from staging.batches.release import release_field, withheld
from staging.batches.rows import BESIDE
from staging.core.causes import Cause
from staging.core.changeset import SIZE
from staging.core.lifecycle import NotAllowed, OrderState
from staging.core.meaning import BOARD_KEEPS, ORDER
from staging.core.words import sentences
from staging.models import Seen, StagedOrder
from staging.models.snapshot import Verdict
from staging.records.life import Life, life
from staging.records.search import matching

from . import unused
from .batches import order_of_batch
from .conflicts import why_not_rule
from .decisions import may, why_not
from .gone import is_gone
from .numbers import number
from .pills import operation_word, order_pill
from .record import in_words, record, sizes_chart


class Kept(admin.SimpleListFilter):
    """Orders that are held or without an answer, by why."""

    title = "why it is kept back"
    parameter_name = "kept"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (Cause.CONFLICT, "Edited on the board too"),
            ("rest", "All but those"),
            (Cause.GONE, "Its item is gone"),
            (Cause.AMBIGUOUS, "Not clear which item is its own"),
            (Cause.TOO_MANY, "Too many removals at once"),
            ("other", "By a person, or for another reason"),
            ("unclear", "Sent, and no answer came"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = str(self.value())
        if value in list(Cause):
            return queryset.held_for(Cause(value))
        if value == "other":
            return queryset.filter(state=OrderState.HELD, cause="")
        if value == "unclear":
            return queryset.filter(state=OrderState.UNCLEAR)
        return queryset.kept_back() if value == "rest" else queryset


@admin.register(StagedOrder)
class OrderAdmin(ReadOnly):
    list_display = ("label", "operation_pill", "pill", "why", "batch_link", "customer", "moved")
    list_display_links = ("label",)
    list_select_related = ("batch__customer",)
    list_filter = (Kept, "state", "operation", "batch__customer")
    search_fields = ("record",)
    search_help_text = "How the name, the order number, PO or style begins, or a whole UUID"
    sortable_by = ("operation_pill", "pill", "moved")
    exported = (
        *("id", "batch__id", "batch__customer__name", "record", "label", "key", "operation", "state"),
        *("code", "reason", "attempts", "updated_at"),
    )
    ordering = ("-id",)

    def get_urls(self) -> list[URLPattern]:
        """With the release of a withheld field, and the page of a record that was never staged."""
        return [
            path("<int:pk>/free/", self.admin_site.admin_view(self.free), name="staging_stagedorder_free"),
            path("record/<int:board>/<str:record>/", self.admin_site.admin_view(record), name="staging_record"),
            *super().get_urls(),
        ]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with the values of the page's conflicts."""
        listed = super().get_changelist_instance(request)
        rows: list[Any] = list(listed.result_list)
        values = edited(rows)
        for order in rows:
            order.edited = values.get(order.pk, "") if order.state == OrderState.HELD else ""
        listed.result_list = rows
        return listed

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The pages of runs lead to the orders that each staged."""
        return lookup == "batch__run" or super().lookup_allowed(lookup, value, request)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By what its record is called, as on every page's search."""
        return narrowed(queryset, search_term), False

    def free(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST lets the next sync ask for one withheld field again. 403 without the right to release."""
        if not may(request.user, "release"):
            raise PermissionDenied
        order = _found(str(pk))
        if request.method == "POST":
            field = request.POST.get("field", "")
            try:
                release_field(order=order, field=field, actor=request.user.get_username(), now=timezone.now())
                messages.success(request, f"{field_titles(order.batch)(field)} is staged again by the next sync.")
            except NotAllowed as refused:
                messages.error(request, str(refused))
        return HttpResponseRedirect(reverse("admin:staging_stagedorder_change", args=[pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One order: its diff, the proof of every write, what else was staged for its record, and its item."""
        order = _found(object_id)
        if not self.has_view_permission(request, order):
            raise PermissionDenied
        (picture,) = orders(order.batch, after_id=order.pk - 1, limit=1)
        found = life(board_id=order.board_id, record=order.record, link_key=order.link_key)
        snapshot = found.snapshot
        context = {
            **self.admin_site.each_context(request),
            "title": order.label,
            "opts": self.opts,
            "staged": order,
            "order": picture,
            "may_rule": not why_not_rule(order.batch, request.user),
            "pill": order_pill(order),
            "means": BOARD_KEEPS if _keeps(order, picture, found) else ORDER[order.state],
            "operation": operation_word(order.operation),
            **in_words(found),
            "record": order.record,
            "sizes": sizes_chart(picture.sizes, new=order.operation == "create"),
            "snapshot": snapshot,
            "gone": snapshot is not None and is_gone(order, snapshot),
            "withheld": [
                (name, field_titles(order.batch)(name), shown(value)) for name, value in withheld(order).items()
            ],
            "may_release": may(request.user, "release"),
            "may_undo": order.state in ("applied", "kept") and not why_not(order.batch, request.user, "undo"),
            "sandbox": order.board.environment == "sandbox",
        }
        return TemplateResponse(request, "staging/admin/order.html", context)

    @admin.display(description="Does", ordering="operation")
    def operation_pill(self, order: StagedOrder) -> SafeString:
        return operation_word(order.operation)

    @admin.display(description="State", ordering="state")
    def pill(self, order: StagedOrder) -> SafeString:
        return order_pill(order)

    @admin.display(description="Why")
    def why(self, order: Any) -> str:
        return order.edited or reason_of(order)[:160]

    def code(self, order: StagedOrder) -> str:
        """What it is held for, or what the board refused it with; a column of the export."""
        return order.cause

    @admin.display(description="Batch", ordering="batch")
    def batch_link(self, order: StagedOrder) -> SafeString:
        return order_of_batch(order)

    @admin.display(description="Customer")
    def customer(self, order: StagedOrder) -> str:
        return order.batch.customer.name

    @admin.display(description="Moved", ordering="updated_at")
    def moved(self, order: StagedOrder) -> SafeString:
        return moment(order.updated_at)


@admin.register(Seen)
class SeenAdmin(ReadOnly):
    called = "Rows not used"
    list_display = ("record", "rows", "pill", "customer_name", "key", "why", "owner", "when")
    list_filter = ("verdict",)
    search_fields = ("record",)
    search_help_text = "A whole UUID, a customer's whole name as the source has it, or how a part of the key begins"
    sortable_by = ("pill", "when")
    exported = ("id", "record", "rows", "customer_name", "key", "verdict", "why", "owner", "at")
    fields = readonly_fields = ("board", "record", "rows", "pill", "customer_name", "key", "why", "owner", "at")
    ordering = ("-id",)
    change_list_template = "staging/admin/seen.html"

    def get_urls(self) -> list[URLPattern]:
        """With the files for the source's owners."""
        return [*unused.urls(), *super().get_urls()]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with the number of rows that all of its entries stand for."""
        listed: Any = super().get_changelist_instance(request)
        listed.rows = listed.queryset.number_of_rows()
        return listed  # type: ignore[no-any-return]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By what its row is called, or by its customer's name."""
        if search_term.strip() and queryset.filter(customer_name=search_term.strip()).exists():
            return queryset.filter(customer_name=search_term.strip()), False
        return narrowed(queryset, search_term), False

    @admin.display(description="Verdict", ordering="verdict")
    def pill(self, seen: Seen) -> SafeString:
        return pill("wait" if seen.verdict == Verdict.WAITING else "bad", seen.get_verdict_display())

    @admin.display(description="Why")
    def why(self, seen: Seen) -> str:
        beside = [p["value"] for p in seen.problems if p["column"] == BESIDE][:5]
        said = sentences(*[f"{p['column']}: {p['reason']}" for p in seen.problems if p["column"] != BESIDE][:5])
        return f"{said} They are: {'; '.join(beside)}" if beside else said

    @admin.display(description="Whose job")
    def owner(self, seen: Seen) -> str:
        return ", ".join(sorted({p["owner"] for p in seen.problems}))

    @admin.display(description="Seen", ordering="at")
    def when(self, seen: Seen) -> SafeString:
        return moment(seen.at)


def narrowed(rows: Any, words: str) -> Any:
    """The rows whose record is called so; all of them without words."""
    return rows.filter(record__in=matching(words).values("record")) if words.strip() else rows


def _keeps(order: StagedOrder, picture: OrderPicture, found: Life) -> bool:
    """Whether the board keeps a field of its own that this order, the last of its record, asked for."""
    last = found.versions and found.versions[0].order.pk == order.pk
    asked = {field.field for field in picture.fields} | {SIZE + size.size for size in picture.sizes}
    return bool(last and order.state == OrderState.APPLIED and asked & withheld(order).keys())


def _found(object_id: str) -> StagedOrder:
    found = StagedOrder.objects.filter(pk=number(object_id))
    order = found.select_related("batch__customer", "batch__board", "board").first()
    if order is None:
        raise Http404(f"There is no staged order {object_id}.")
    return order
