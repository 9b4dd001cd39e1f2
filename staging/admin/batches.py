"""Batches: the list with its actions on several, and the page on which one is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from monday.screens import ReadOnly, link, moment
from staging.batches.decide import comment, out_of_date, waiting_in_vain
from staging.batches.describe import describe_all
from staging.core.lifecycle import NotAllowed
from staging.models import Batch, StagedOrder

from .batch_page import context
from .confirm import AT_ONCE, confirm
from .conflicts import conflict
from .decisions import WORDS, may, person_actions
from .numbers import number
from .pills import WORDS as PILL_WORDS
from .pills import batch_pill
from .ticks import ticking
from .undo_many import undo_many
from .undoing import undoing


class WaitsFor(admin.SimpleListFilter):
    """The batches by what a person can do with them: to open ones, or to those of which something has yet to go out."""

    title = "what it waits for"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("approval", "Approval"),
            ("sync", "The next sync, as it is out of date"),
            ("release", "Release, as all of it is held"),
            ("push", "A push, as what is approved was not sent"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        waits = str(self.value())
        if waits == "release":
            return queryset.filter(pk__in=Batch.objects.all_held().values("pk"))
        if waits == "push":
            return queryset.filter(pk__in=Batch.objects.approved_unsent().values("pk"))
        if waits not in ("approval", "sync"):
            return queryset
        stale = waiting_in_vain()
        waiting = queryset.filter(pk__in=Batch.objects.waiting().values("pk"))
        return waiting.filter(pk__in=stale) if waits == "sync" else waiting.exclude(pk__in=stale)


class State(admin.ChoicesFieldListFilter):
    """The state, in the words of its pills."""

    def choices(self, changelist: Any) -> Any:
        """Django's own, under the names that the list shows."""
        for choice in super().choices(changelist):
            yield {**choice, "display": NAMES.get(str(choice["display"]), choice["display"])}


NAMES: dict[str, Any] = {Batch(state=state).get_state_display(): words for state, words in PILL_WORDS.items()}


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    list_display = ("name", "customer", "pill", "holds", "does", "created", "approver")
    list_display_links = ("name",)
    list_select_related = ("customer", "run", "board")
    list_filter = (WaitsFor, ("state", State), "board", "customer")
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
            path("undo/", self.admin_site.admin_view(undo_many), name="staging_batch_undo_many"),
            path("<int:pk>/ticks/", self.admin_site.admin_view(ticking), name="staging_batch_ticks"),
            path("<int:pk>/comment/", self.admin_site.admin_view(self.comment_view), name="staging_batch_comment"),
            path("<int:pk>/undo/", self.admin_site.admin_view(undoing), name="staging_batch_undo"),
            *super().get_urls(),
        ]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with what each batch of the page does and whether it is out of date, asked for in one go."""
        listed = super().get_changelist_instance(request)
        batches = list(listed.result_list)
        stale = out_of_date(batches)
        for batch, picture in zip(batches, describe_all(batches), strict=True):
            batch.picture, batch.stale = picture, batch.pk in stale
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
        shown = {**self.admin_site.each_context(request), "opts": self.opts, **context(request, batch)}
        return TemplateResponse(request, "staging/admin/batch.html", shown)

    def comment_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """By POST, a comment for whoever looks at the batch next. 403 without the right to hold orders."""
        batch = _found(str(pk))
        if not may(request.user, "hold"):
            raise PermissionDenied
        if request.method == "POST":
            text = request.POST.get("text", "").replace("\x00", "").strip()[:2000]
            try:
                comment(batch=batch, actor=request.user.get_username(), now=timezone.now(), text=text)
                messages.success(request, "The comment was added.")
            except NotAllowed as refused:
                messages.error(request, str(refused))
        return HttpResponseRedirect(reverse("admin:staging_batch_change", args=[batch.pk]) + "#history")

    @admin.display(description="Batch", ordering="id")
    def name(self, batch: Batch) -> str:
        return f"Batch {batch.pk}"

    @admin.display(description="State", ordering="state")
    def pill(self, batch: Any) -> SafeString:
        return batch_pill(batch, all_held=batch.picture.all_held, stale=batch.stale)

    @admin.display(description="Holds")
    def holds(self, batch: Any) -> str:
        held: str = batch.picture.holds
        return held

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
    found = Batch.objects.filter(pk=number(object_id))
    batch = found.select_related("board", "customer", "run", "board_version__document", "customer_version").first()
    if batch is None:
        raise Http404(f"There is no batch {object_id}.")
    return batch


def order_of_batch(order: StagedOrder) -> SafeString:
    """A link to an order's batch."""
    return link(reverse("admin:staging_batch_change", args=[order.batch_id]), f"Batch {order.batch_id}")
