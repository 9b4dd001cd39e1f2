"""Settling conflicts: a person says whether the source or the board holds, for one order or a whole batch's column."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from staging import jobs
from staging.batches.conflicts import SIDES, in_conflict, rule, undecided, what_is_seen
from staging.batches.diff import conflict_title, last_written, shown
from staging.core.lifecycle import BATCH, NotAllowed, allowed
from staging.core.words import counted
from staging.models import Batch, StagedOrder
from staging.running import runs

from .decisions import Person, may, why_not_this_person
from .numbers import number

LISTED = 50  # orders whose three values stand on the confirm page
WORDS = {
    "source": "What the source says is written over what stands on the board.",
    "board": "What stands on the board stays, until the source asks for another value there.",
}


def why_not_rule(batch: Batch, person: Person) -> str:
    """Empty where this person may settle conflicts of the batch now, else a sentence."""
    if not may(person, "approve"):
        return "Your role may not settle conflicts. Remedy: ask somebody who approves batches."
    if reason := allowed(BATCH, batch.state, "push"):
        return f"One {reason}."
    return runs.busy(f"batch:{batch.pk}") or why_not_this_person(batch, person)


def conflict(request: HttpRequest) -> HttpResponse:
    """GET shows the three values and what will hold; POST decides it. 403 without the right to approve.

    `order` names one held order, or `batch` all of a batch that have a conflict in `field`.
    """
    if not may(request.user, "approve"):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    field, take = given.get("field", ""), given.get("take", "")
    if take not in SIDES:
        raise Http404("A conflict is decided for the source or for the board.")
    batch, orders = _named(given.get("batch", ""), given.get("order", ""), field)
    home = HttpResponseRedirect(reverse("admin:staging_batch_change", args=[batch.pk]))
    if not orders:
        messages.info(request, "Nothing is in conflict there any more.")
        return home
    if request.method != "POST":
        return _page(request, batch, orders, field, take)
    if why := why_not_rule(batch, request.user):
        messages.error(request, why)
        return home
    actor = request.user.get_username()
    try:
        ruled, ready = rule(
            batch=batch,
            orders=orders,
            field=field,
            take=take,
            seen=given.get("seen", ""),
            actor=actor,
            now=timezone.now(),
        )
    except NotAllowed as refused:
        messages.error(request, str(refused))
        return home
    said = f"Batch {batch.pk}: {SIDES[take]} in {counted(ruled, 'order')}; {counted(ready, 'order')} can go out."
    if ready and "push_after" in given and may(request.user, "push"):
        jobs.ask_push(batch, actor=actor, trigger="admin")
        said += " The push is on its way."
    messages.success(request, said)
    return home


def _page(request: HttpRequest, batch: Batch, orders: list[StagedOrder], field: str, take: str) -> HttpResponse:
    title = conflict_title(batch, field)
    values = [next(one for one in undecided(order) if one["field"] == field) for order in orders[:LISTED]]
    context = {
        **admin.site.each_context(request),
        "title": f"{SIDES[take].capitalize()}: {title} in {counted(len(orders), 'order')}",
        "label": SIDES[take].capitalize(),
        "words": WORDS[take],
        "why_not": why_not_rule(batch, request.user),
        "batch": batch,
        "order": request.GET.get("order", ""),
        "field": field,
        "take": take,
        "seen": what_is_seen(orders, field),
        "rows": [
            (order, last_written(one), shown(one["wanted"]), shown(one["live"]))
            for order, one in zip(orders, values, strict=False)
        ],
        "left": max(0, len(orders) - LISTED),
        "may_push": may(request.user, "push"),
        "back": reverse("admin:staging_batch_change", args=[batch.pk]),
        "opts": Batch._meta,
    }
    return TemplateResponse(request, "staging/admin/conflict.html", context)


def _named(batch: str, order: str, field: str) -> tuple[Batch, list[StagedOrder]]:
    """The batch, and its orders that wait for a ruling on this field. Raises Http404 where there is no such thing."""
    held = StagedOrder.objects.filter(pk=number(order)).first() if order else None
    found = Batch.objects.filter(pk=held.batch_id if held else number(batch))
    one = found.select_related("board", "customer", "board_version", "customer_version").first()
    if one is None or (order and held is None):
        raise Http404("No such batch or order.")
    return one, [o for o in in_conflict(one, field) if held is None or o.pk == held.pk]
