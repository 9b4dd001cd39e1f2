"""The undo page: what will be reversed, kept and not reversed, read from the live board; ticked, then confirmed.

Looking at the board is a job. What is ticked is remembered with the preview, so that a batch of many pages can be gone
through without a script; the confirmation binds to exactly what stands ticked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from staging import jobs
from staging.batches.approvers import why_not_answer
from staging.batches.diff import field_titles, shown
from staging.core.lifecycle import BATCH, NotAllowed, allowed
from staging.core.undoplan import ITEM
from staging.core.words import counted
from staging.models import Batch, Foreseen, Part, SyncRun
from staging.models.run import Kind, RunState
from staging.running.runs import ACTIVE
from staging.undoing.foresee import ANEW, choose_all, force_all, latest, tally, tick, unsent, what_is_chosen, why_stale
from staging.undoing.undo import can_undo

from .decisions import Person, may
from .numbers import number, numbers
from .pills import batch_pill, operation_word
from .progress import progress_of
from .ticks import keep, ticked

PAGE = 50  # orders of one part on one page
LEADS = {
    Part.BACK: "These fields go back to what they were before the batch. Untick an order to leave it as it is.",
    Part.KEPT: "Somebody wrote here after the batch. It stays, unless you tick it to be overwritten.",
    Part.CANNOT: "This stays as it is, for the reason beside it.",
}


def undoing(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows the preview, or how far it is; POST looks at the board, keeps what is ticked, or starts the undo.

    403 without the right to undo.
    """
    if not may(request.user, "undo"):
        raise PermissionDenied
    batch = Batch.objects.select_related("board", "customer", "board_version", "customer_version").filter(pk=pk).first()
    if batch is None:
        raise Http404(f"There is no batch {pk}.")
    preview = latest(batch)
    if request.method != "POST":
        return _page(request, batch, preview)
    try:
        return POSTED.get(request.POST.get("do", ""), _save)(request, batch, preview)
    except NotAllowed as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(_here(batch))


# --- what a press of a button does ------------------------------------------------------------------------------------
def _look(request: HttpRequest, batch: Batch, preview: SyncRun | None) -> HttpResponse:
    if why := allowed(BATCH, batch.state, "undo"):
        raise NotAllowed(f"Batch {batch.pk}: {why}.")
    if not can_undo(batch):
        raise NotAllowed(f"Batch {batch.pk} wrote nothing that could be put back.")
    orders = _asked_for(request, batch, request.POST)
    wanted = set(orders)
    mine = [pk for pk in batch.orders.order_by("pk").values_list("pk", flat=True) if pk in wanted]
    if orders and not mine:
        raise NotAllowed("None of the ticked orders is in this batch. Remedy: tick orders on the batch's page.")
    jobs.ask_preview(batch, actor=request.user.get_username(), trigger="admin", orders=mine)
    if mine:
        keep(request, batch, ())
    return HttpResponseRedirect(_here(batch))


def _save(request: HttpRequest, batch: Batch, preview: SyncRun | None) -> HttpResponse:
    """Keep what is ticked on this page, and go where the pressed button leads."""
    if preview is None:
        return HttpResponseRedirect(_here(batch))
    given = request.POST
    forced: dict[int, list[str]] = {}
    for word in given.getlist("force"):
        row, _, field = word.partition("|")
        forced.setdefault(number(row), []).append(field)
    tick(
        preview=preview,
        rows=numbers(given.getlist("row")),
        chosen=numbers(given.getlist("chosen")),
        forced=forced,
    )
    do = given.get("do", "")
    if do in ("all", "none"):
        choose_all(preview=preview, chosen=do == "all")
    if do in ("force_all", "force_none"):
        force_all(preview=preview, force=do == "force_all")
    if do == "confirm":
        return HttpResponseRedirect(f"{_here(batch)}?confirm=1")
    part, _, after = do.partition(":")
    at = {each: number(given.get(f"at_{each}", "")) for each in Part.values}
    if part in at:
        at[part] = number(after)
    onwards = urlencode({each: row for each, row in at.items() if row})
    place = f"{_here(batch)}?{onwards}" if onwards else _here(batch)
    return HttpResponseRedirect(f"{place}#{part}" if part in at else place)


def _go(request: HttpRequest, batch: Batch, preview: SyncRun | None) -> HttpResponse:
    """Start the undo of what stands ticked. Raises NotAllowed where that is not what the page showed."""
    if preview is None:
        raise NotAllowed("The board was not looked at yet. Remedy: look at it first.")
    if why := why_stale(preview, batch):
        raise NotAllowed(why)
    if request.POST.get("seen") != what_is_chosen(preview):
        raise NotAllowed("What is ticked has changed since the page was shown. Remedy: look at it again.")
    numbers = numbers_of(preview)
    reason = request.POST.get("reason", "").replace("\x00", "").strip()[:2000]
    if numbers["forced"] and not reason:
        messages.error(request, "Overwriting what people edited needs a reason. Remedy: say why in a few words.")
        return HttpResponseRedirect(f"{_here(batch)}?confirm=1")
    if not numbers["orders"]:
        raise NotAllowed("Nothing is ticked. Remedy: tick what is to be put back.")
    run = jobs.ask_undo(batch, actor=request.user.get_username(), trigger="admin", reason=reason, preview=preview)
    messages.success(request, f"Batch {batch.pk}: the undo is on its way.")
    return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[run.pk]))


POSTED: Mapping[str, Callable[[HttpRequest, Batch, SyncRun | None], HttpResponse]] = {"look": _look, "go": _go}


# --- the page ---------------------------------------------------------------------------------------------------------
def _page(request: HttpRequest, batch: Batch, preview: SyncRun | None) -> HttpResponse:
    asked = _asked_for(request, batch, request.GET)
    fresh = preview if preview is not None and not asked else None
    ready = fresh is not None and fresh.state == RunState.COMPLETED
    active = fresh is not None and fresh.state in ACTIVE
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Undo: batch {batch.pk} - {batch.customer.name}",
        "opts": Batch._meta,
        "batch": batch,
        "pill": batch_pill(batch),
        "why_not": why_not_undo(batch, request.user),
        "asked_for": len(asked),
        "orders": () if "ticked" in request.GET else asked,
        "by_ticks": "ticked" in request.GET and asked,
        "preview": fresh,
        "active": active,
        "progress": progress_of(fresh, request.user) if fresh and active else None,
        "back": reverse("admin:staging_batch_change", args=[batch.pk]),
    }
    if fresh is not None and ready:
        context |= _ready(request, batch, fresh)
    return TemplateResponse(request, "staging/admin/undo.html", context)


def _ready(request: HttpRequest, batch: Batch, preview: SyncRun) -> dict[str, Any]:
    numbers, titles = numbers_of(preview), field_titles(batch)
    later = SyncRun.objects.filter(kind=Kind.UNDO, subject=preview.subject, pk__gt=preview.pk).order_by("-id").first()
    return {
        "ready": True,
        "confirming": "confirm" in request.GET,
        "stale": why_stale(preview, batch),
        "later": later,
        "numbers": numbers,
        "sentence": _sentence(numbers),
        "unsent": 0 if preview.scope.get("orders") else unsent(batch),
        "parts": [_part(request, preview, part, titles) for part in Part],
        "seen": what_is_chosen(preview),
    }


def _part(request: HttpRequest, preview: SyncRun, part: Part, titles: Callable[[str], str]) -> dict[str, Any]:
    after = number(request.GET.get(str(part), "0"))
    rows = Foreseen.objects.filter(run=preview, part=part, pk__gt=after).select_related("order").order_by("pk")
    page = list(rows[: PAGE + 1])
    return {
        "part": str(part),
        "label": part.label,
        "lead": LEADS[part],
        "total": Foreseen.objects.filter(run=preview, part=part).count(),
        "rows": [_row(row, titles) for row in page[:PAGE]],
        "more": page[PAGE - 1].pk if len(page) > PAGE else None,
        "after": after,
    }


def _row(row: Foreseen, titles: Callable[[str], str]) -> dict[str, Any]:
    return {
        "row": row,
        "order": row.order,
        "operation": operation_word(row.order.operation),
        "fields": [_field(row, seen, titles) for seen in row.fields],
    }


def _field(row: Foreseen, seen: Mapping[str, Any], titles: Callable[[str], str]) -> dict[str, Any]:
    whole = seen["field"] == ITEM
    said = {"title": "The whole item" if whole else titles(seen["field"]), "name": seen["field"]}
    if whole and row.part == Part.BACK:
        made = seen["why"] == ANEW
        words = ("", "archived", "made anew") if made else ("on the board", "on the board", "archived")
        said |= {"written": words[0], "live": words[1], "before": words[2]}
    elif whole:
        said |= {"written": "made by this batch", "live": "written into by somebody", "before": "not there"}
    else:
        said |= {side: shown(seen[side]) for side in ("written", "live", "before")}
    forced = seen["field"] in row.forced
    return said | {"why": seen["why"], "forcible": seen["forcible"], "forced": forced}


def numbers_of(preview: SyncRun) -> dict[str, int]:
    """How many orders are ticked, and how many edits of people are overwritten."""
    rows = Foreseen.objects.filter(run=preview)
    unticked = set(rows.filter(part=Part.BACK, chosen=False).values_list("order_id", flat=True))
    forced = rows.filter(part=Part.KEPT).values_list("order_id", "forced")
    overwritten = sum(len(fields) for order, fields in forced.iterator() if order not in unticked)
    parts = tally(preview)
    orders = rows.values("order_id").distinct().count() - len(unticked)
    return {"orders": orders, "unticked": len(unticked), "forced": overwritten, **parts}


def _sentence(numbers: Mapping[str, int]) -> str:
    words = f"Puts back what the batch wrote in {counted(numbers['back'] - numbers['unticked'], 'order')}."
    if numbers["kept"]:
        words += f" Keeps what people edited since in {counted(numbers['kept'], 'order')}"
        words += ", but for what is overwritten." if numbers["forced"] else "."
    if numbers["cannot"]:
        words += f" Cannot put back all of {counted(numbers['cannot'], 'order')}."
    if numbers["forced"]:
        words += f" Overwrites {counted(numbers['forced'], 'edit')} of people."
    if numbers["unticked"]:
        they = "it is" if numbers["unticked"] == 1 else "they are"
        words += f" Leaves {counted(numbers['unticked'], 'unticked order')} as {they}."
    return words


def _asked_for(request: HttpRequest, batch: Batch, given: QueryDict) -> list[int]:
    """The orders that alone are to be undone: those that are named, or those that this person has ticked."""
    return ticked(request, batch) if "ticked" in given else list(numbers(given.getlist("orders")))


def why_not_undo(batch: Batch, person: Person) -> str:
    """Empty where what the batch wrote can be put back now by this person, else a sentence."""
    if why := allowed(BATCH, batch.state, "undo"):
        return f"One {why}."
    if not can_undo(batch):
        return "It wrote nothing that could be put back."
    if refused := why_not_answer(batch, person.get_username()):
        return refused
    busy = SyncRun.objects.filter(subject=f"batch:{batch.pk}", state__in=ACTIVE).exclude(kind=Kind.PREVIEW).first()
    return f"{busy.get_kind_display()} run {busy.pk} is under way. Remedy: wait for it, or cancel it." if busy else ""


def _here(batch: Batch) -> str:
    return reverse("admin:staging_batch_undo", args=[batch.pk])
