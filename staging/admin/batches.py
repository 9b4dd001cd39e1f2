"""Batches: the list with its actions on several, and the page on which one is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mapping.publish import NoMapping, load_family
from monday.screens import ReadOnly, link, moment
from staging.check import batch_problems
from staging.core.lifecycle import COUNTED
from staging.describe import BatchPicture, describe, describe_all, history, orders
from staging.diff import open_conflicts
from staging.models import Batch, StagedOrder
from staging.outlook import forecast
from staging.release import remembered

from .confirm import AT_ONCE, confirm
from .conflicts import conflict, why_not_rule
from .decisions import WORDS, active_run, buttons, may, person_actions, why_not
from .pills import batch_pill, operation_word, state_pill
from .undoing import undoing

PAGE = 50  # orders of a batch on one page


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    list_display = ("name", "customer", "pill", "changes", "does", "created", "approver")
    list_display_links = ("name",)
    list_select_related = ("customer", "run", "board")
    list_filter = ("state", "board", "customer")
    search_fields = ("=id", "customer__name")
    search_help_text = "A batch's number or a customer's name"
    exported = ("id", "run__id", "customer__name", "state", "approved_by", "approved_at", "note", "created_at")
    ordering = ("-id",)

    def get_urls(self) -> list[URLPattern]:
        """With the confirm pages of every action and of a conflict."""
        view = self.admin_site.admin_view(confirm)
        ruling = self.admin_site.admin_view(conflict)
        return [
            path("act/<slug:action>/", view, name="staging_batch_act"),
            path("conflict/", ruling, name="staging_batch_conflict"),
            path("<int:pk>/undo/", self.admin_site.admin_view(undoing), name="staging_batch_undo"),
            *super().get_urls(),
        ]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with what each batch of the page does, counted in one go."""
        listed = super().get_changelist_instance(request)
        batches = list(listed.result_list)
        for batch, picture in zip(batches, describe_all(batches), strict=True):
            batch.picture = picture
        listed.result_list = batches
        return listed

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The lifecycle's actions that this person may take."""
        return {
            action: (_on_several(action), action, f"{WORDS[action][0]} ...")
            for action in person_actions()
            if may(request.user, action)
        }

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one batch: what it does, whether the board takes it, its orders old -> new, its history."""
        batch = _found(object_id)
        if not self.has_view_permission(request, batch):
            raise PermissionDenied
        return TemplateResponse(request, "staging/admin/batch.html", self._context(request, batch))

    def _context(self, request: HttpRequest, batch: Batch) -> dict[str, Any]:
        picture = describe(batch)
        shown, after = _part(request), _after(request)
        states = sorted(COUNTED[shown]) if shown else None
        page = orders(batch, after_id=after, limit=PAGE, states=states)
        return {
            **self.admin_site.each_context(request),
            "title": picture.title,
            "opts": self.opts,
            "batch": batch,
            "picture": picture,
            "pill": batch_pill(batch),
            "buttons": buttons(batch, request.user),
            "busy": active_run(batch),
            "forecast": forecast([batch]) if batch.state in ("open", "approved", "pushing") else None,
            "problems": _problems(batch),
            "tabs": _tabs(picture, shown),
            "part": shown,
            "orders": [(order, operation_word(order.operation), state_pill(order.state)) for order in page],
            "total": batch.orders.count(),
            "after": after,
            "more": page[-1].id if len(page) == PAGE else None,
            "may_hold": may(request.user, "hold"),
            "may_undo": not why_not(batch, request.user, "undo"),
            "may_tick": _may_tick(batch, request),
            "may_approve": may(request.user, "approve"),
            "conflicts": open_conflicts(batch),
            "why_no_ruling": (why_no_ruling := why_not_rule(batch, request.user)),
            "may_rule": not why_no_ruling,
            "history": history(batch, limit=60) if request.user.has_perm("staging.view_batch") else [],
        }

    @admin.display(description="Batch", ordering="id")
    def name(self, batch: Batch) -> str:
        return f"Batch {batch.pk}"

    @admin.display(description="State", ordering="state")
    def pill(self, batch: Batch) -> SafeString:
        return batch_pill(batch)

    @admin.display(description="Changes")
    def changes(self, batch: Any) -> str:
        return f"{batch.picture.changes:,}"

    @admin.display(description="What it does")
    def does(self, batch: Any) -> str:
        sentence: str = batch.picture.sentence
        return sentence

    @admin.display(description="Built", ordering="created_at")
    def created(self, batch: Batch) -> SafeString:
        return moment(batch.created_at)

    @admin.display(description="Approved by", ordering="approved_by")
    def approver(self, batch: Batch) -> SafeString | str:
        return format_html("{}<br>{}", batch.approved_by, moment(batch.approved_at)) if batch.approved_by else ""


def _may_tick(batch: Batch, request: HttpRequest) -> bool:
    """Whether there is anything that this person may do with single orders of the batch."""
    if not why_not(batch, request.user, "undo"):
        return True
    waits = batch.state == "open" or batch.orders.filter(state="held").exists() or remembered(batch).exists()
    return waits and may(request.user, "hold")


def _on_several(action: str) -> Callable[[Any, HttpRequest, QuerySet[Batch]], HttpResponse]:
    """The list action that leads to the confirm page for the ticked batches."""

    def go(model_admin: BatchAdmin, request: HttpRequest, ticked: QuerySet[Batch]) -> HttpResponse:
        ids = list(ticked.order_by("id").values_list("pk", flat=True)[: AT_ONCE + 1])
        if len(ids) > AT_ONCE:
            model_admin.message_user(
                request, f"At most {AT_ONCE} batches go at once. Remedy: filter the list.", "error"
            )
            return HttpResponseRedirect(request.get_full_path())
        place = reverse("admin:staging_batch_act", args=[action])
        return HttpResponseRedirect(f"{place}?ids={','.join(map(str, ids))}")

    return go


def _found(object_id: str) -> Batch:
    found = Batch.objects.filter(pk=object_id) if object_id.isascii() and object_id.isdigit() else Batch.objects.none()
    batch = found.select_related("board", "customer", "run", "board_version__document", "customer_version").first()
    if batch is None:
        raise Http404(f"There is no batch {object_id}.")
    return batch


def _problems(batch: Batch) -> list[str]:
    """What the board, as it was read last, would not take of the published mapping."""
    structure = batch.board.known_structure()
    if structure is None or batch.state not in ("open", "approved"):
        return []
    try:
        return [problem.sentence() for problem in batch_problems(batch, load_family(batch.board.board_id), structure)]
    except NoMapping as missing:
        return [str(missing)]


def _part(request: HttpRequest) -> str:
    part = request.GET.get("part", "")
    return part if part in COUNTED else ""


def _after(request: HttpRequest) -> int:
    word = request.GET.get("after", "0")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else 0


def _tabs(picture: BatchPicture, shown: str) -> list[dict[str, Any]]:
    """All orders, and those that count as each thing; empty ones are left out."""
    parts = [("", "All", sum(picture.counts.values()))]
    parts += [(name, name.capitalize(), number) for name, number in picture.counts.items() if number]
    return [{"part": part, "label": label, "number": number, "open": part == shown} for part, label, number in parts]


def order_of_batch(order: StagedOrder) -> SafeString:
    """A link to an order's batch."""
    return link(reverse("admin:staging_batch_change", args=[order.batch_id]), f"Batch {order.batch_id}")
