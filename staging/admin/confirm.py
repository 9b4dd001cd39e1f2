"""The confirm page of decisions on batches: what will happen, on one batch or several, and then it happens by POST."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from staging.batches.decide import OnlyRemovals, removing
from staging.batches.describe import describe_all
from staging.core.lifecycle import BATCH, ORDER, NotAllowed
from staging.core.words import counted
from staging.models import Batch, SyncRun
from staging.models.batch import Operation
from staging.pushing.outlook import ahead

from .decisions import DO, ON_ORDERS, WORDS, Decision, NothingDone, carry_out, consequence, may, what_is_shown, why_not
from .kept_notes import UNWRITTEN, forget_note, keep_note, kept_note
from .numbers import numbers
from .ticks import keep, named, ticked

AT_ONCE = 200  # batches on one confirm page


def confirm(request: HttpRequest, action: str) -> HttpResponse:
    """GET shows what will happen to the batches in `ids` (and the `orders` ticked in one of them); POST does it.

    Refused with 403 where the person's role has no right to it, whatever button was pressed.
    """
    if action not in DO:
        raise Http404(f"There is no action {action}.")
    if not may(request.user, action):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    batches = found_batches(given.getlist("ids"))
    by_ticks = "ticked" in given and len(batches) == 1
    orders = tuple(ticked(request, batches[0])) if by_ticks else numbers(given.getlist("orders"))
    reason = given.get("reason", "").replace("\x00", "").strip()[:2000]
    if by_ticks and request.method == "POST" and given["ticked"] != named(orders):
        kept = keep_note(request, action, batches[0], reason)
        messages.error(request, f"What is ticked has changed since the page was shown. Remedy: look at it again.{kept}")
        return HttpResponseRedirect(_home(batches))
    if by_ticks and not orders:
        messages.warning(request, "Nothing is ticked. Remedy: tick orders first.")
        return HttpResponseRedirect(_home(batches))
    if action in ON_ORDERS and (len(batches) != 1 or not orders):
        messages.warning(request, "Nothing is ticked. Remedy: tick orders first.")
        return HttpResponseRedirect(_home(batches))
    if action == "undo" and len(batches) > 1:
        many = reverse("admin:staging_batch_undo_many")
        return HttpResponseRedirect(f"{many}?ids={','.join(str(batch.pk) for batch in batches)}")
    if request.method != "POST" and action == "undo":
        return HttpResponseRedirect(reverse("admin:staging_batch_undo", args=[batches[0].pk]))
    if request.method != "POST":
        return _page(request, action, batches, orders, by_ticks=by_ticks)
    decision = Decision(
        action=action,
        reason=reason,
        orders=orders if len(batches) == 1 else (),
        removals="removals" in given,
        push_after="push_after" in given and may(request.user, "push"),
        shown={batch.pk: given.get(f"shown-{batch.pk}", "") for batch in batches},
    )
    started, done, amiss = _carry_out_all(request, batches, decision)
    if amiss and not done:
        return _page(request, action, batches, orders, by_ticks=by_ticks, filled_in=decision)
    if len(started) == 1 and len(batches) == 1:
        return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[started[0].pk]))
    return HttpResponseRedirect(_home(batches))


def _carry_out_all(request: HttpRequest, batches: list[Batch], decision: Decision) -> tuple[list[SyncRun], int, int]:
    """Decide on each batch and say how it went: the runs that it started, how many batches were decided on, and of how
    many nothing goes for want of the tick for what leaves the board."""
    started: list[SyncRun] = []
    done = amiss = 0
    for batch in batches:
        try:
            sentence, run = carry_out(batch, decision, request.user)
        except NotAllowed as why:
            kept, mendable = keep_note(request, decision.action, batch, decision.reason), isinstance(why, OnlyRemovals)
            said = f"{why}{'' if mendable else kept}"  # what may be mended stands on the page that is shown again
            (messages.warning if isinstance(why, NothingDone) else messages.error)(request, said)
            amiss += mendable
            continue
        messages.success(request, sentence)
        keep(request, batch, ())
        forget_note(request, decision.action, batch)
        done += 1
        started += [run] if run else []
    return started, done, amiss


def _page(
    request: HttpRequest,
    action: str,
    batches: list[Batch],
    orders: tuple[int, ...],
    *,
    by_ticks: bool,
    filled_in: Decision | None = None,
) -> HttpResponse:
    """What will happen; `filled_in` is what somebody sent already and may mend."""
    label, words = WORDS[action]
    rows = [
        {
            "batch": batch,
            "picture": picture,
            "why_not": "" if action in ON_ORDERS else why_not(batch, request.user, action, orders),
            "consequence": consequence(action, batch, picture, orders),
            "ignored": len(ticked(request, batch)) if action == "approve" and not orders else 0,
            "shown": what_is_shown(batch) if action == "approve" else "",
            "forecast": ahead(batch, orders or None) if action in ("approve", "push") else None,
        }
        for batch, picture in zip(batches, describe_all(batches), strict=True)
    ]
    possible = [row for row in rows if not row["why_not"]]
    approved = [batch for batch, row in zip(batches, rows, strict=True) if action == "approve" and not row["why_not"]]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"{label}: {_which(batches)}",
        "action": action,
        "label": label,
        "words": words,
        "rows": rows,
        "possible": possible,
        "orders": () if by_ticks else orders,
        "ticked": named(orders) if by_ticks else "",
        "removals": _removals(approved, orders),
        "filled_in": filled_in,
        "has_note": action not in UNWRITTEN,
        "note": filled_in.reason if filled_in else kept_note(request, action, batches),
        "may_push": action == "approve" and may(request.user, "push"),
        "reason_needed": (ORDER if action in ON_ORDERS else BATCH)[action].reason,
        "back": _home(batches),
        "opts": Batch._meta,
    }
    return TemplateResponse(request, "staging/admin/confirm.html", context)


def _which(batches: list[Batch]) -> str:
    return f"batch {batches[0].pk} - {batches[0].customer.name}" if len(batches) == 1 else f"{len(batches)} batches"


def _removals(batches: list[Batch], ticked: tuple[int, ...]) -> str:
    """What an approval of these batches (of the ticked orders, where there are any) takes off the board, in words; ""
    where it takes nothing."""
    found = [row for batch in batches for row in removing(batch).values_list("pk", "operation")]
    wanted = set(ticked)
    taking = [operation for pk, operation in found if pk in wanted or not wanted]
    items = taking.count(Operation.REMOVE)
    sizes = len(taking) - items
    parts = [counted(items, "order")] if items else []
    return " and ".join(parts + ([f"sizes of {counted(sizes, 'order')}"] if sizes else []))


def found_batches(words: list[str]) -> list[Batch]:
    """The batches of these ids. Raises Http404 where there is none."""
    ids = numbers(words)[:AT_ONCE]
    found = list(Batch.objects.filter(pk__in=ids).select_related("board", "customer", "run").order_by("id"))
    if not found:
        raise Http404("No such batch.")
    return found


def _home(batches: list[Batch]) -> str:
    if len(batches) == 1:
        return reverse("admin:staging_batch_change", args=[batches[0].pk])
    return reverse("admin:staging_batch_changelist")
