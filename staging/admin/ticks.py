"""The ticks on a batch's orders: kept by the server for each person, so that filters and pages lose none of them.

Nothing is ticked to begin with, and what is ticked is a plain set of orders: one by one, all that a filter leaves, or
all of the batch and then all but a few. A decision about "the ticked ones" binds to exactly the set that its confirm
page showed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse

from staging.batches.narrow import Narrowing, matching
from staging.batches.release import remembered
from staging.core.lifecycle import SHOWN
from staging.models import Batch
from staging.models.batch import Operation

from .by_post import by_post
from .decisions import Button, may, why_not, why_not_this_person
from .numbers import number

KEY = "ticks"
BATCHES = 20  # batches of which ticks are kept for one person; the one left alone longest goes first
ACTIONS = ("approve", "hold", "release", "undo")


def ticked(request: HttpRequest, batch: Batch) -> list[int]:
    """The orders of a batch that this person has ticked, by id."""
    return list(request.session.get(KEY, {}).get(str(batch.pk), ()))


def keep(request: HttpRequest, batch: Batch, orders: Iterable[int]) -> None:
    """Remember these as the ticked orders of the batch; none forgets it."""
    kept: dict[str, list[int]] = request.session.get(KEY, {})
    kept.pop(str(batch.pk), None)
    if found := sorted(set(orders)):
        kept[str(batch.pk)] = found
    request.session[KEY] = dict(list(kept.items())[-BATCHES:])


def named(orders: Iterable[int]) -> str:
    """A name of exactly this set of orders; a confirmation binds to it."""
    return hashlib.sha256(",".join(map(str, sorted(orders))).encode()).hexdigest()


def asked(given: QueryDict) -> Narrowing:
    """What a page's address or form asks for; what is unknown narrows nothing."""
    part, operation = given.get("part", ""), given.get("kind", "")
    return Narrowing(
        text=given.get("q", "").replace("\x00", "").strip()[:200],
        part=part if part in SHOWN else "",
        operation=operation if operation in Operation.values else "",
        message=given.get("message", "")[:12],
        field=given.get("field", "")[:100],
    )


def query(narrowing: Narrowing, **more: object) -> str:
    """The same as the query of an address."""
    found = QueryDict(mutable=True)
    parts = {"q": narrowing.text, "part": narrowing.part, "kind": narrowing.operation}
    parts |= {"message": narrowing.message, "field": narrowing.field}
    found.update({name: str(value) for name, value in {**parts, **more}.items() if value})
    return found.urlencode()


def places(given: QueryDict) -> dict[str, int]:
    """After which order each of the two lists of a batch begins, those that stay and those that leave the board.

    Who goes on in one of them, or ticks many, stays where the page stood in the other (`at_...`); whoever asks for
    other orders begins anew.
    """
    stays = "after" in given or "removed" in given or bool(given.get("do", ""))
    at = {name: given.get(f"at_{name}", "") if stays else "" for name in ("after", "removed")}
    return {name: number(given.get(name, before)) for name, before in at.items()}


@by_post("admin:staging_batch_change")
def ticking(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the ticks of the page that was sent, then do what was pressed: go on looking, tick many, or decide.

    A script sends it with every tick and gets the bar that counts them. 403 where nothing could be done with ticks.
    """
    if not any(may(request.user, action) for action in ACTIONS):
        raise PermissionDenied
    batch = Batch.objects.filter(pk=pk).first()
    if batch is None:
        raise Http404(f"There is no batch {pk}.")
    given, narrowing = request.POST, asked(request.POST)
    shown = {number(word) for word in given.getlist("row")}
    mine = set(batch.orders.filter(pk__in=sorted(shown)[:1000]).values_list("pk", flat=True))
    here = {number(word) for word in given.getlist("orders")} & mine
    wanted = (set(ticked(request, batch)) - mine) | here
    do = given.get("do", "")
    if do in MANY:
        wanted = MANY[do](wanted, {one for one, _ in matching(batch, narrowing)})
    keep(request, batch, wanted)
    if request.headers.get("HX-Request"):
        return TemplateResponse(request, "staging/admin/ticked.html", bar(request, batch, narrowing))
    if do in ACTIONS:
        return HttpResponseRedirect(_confirm(batch, do))
    home = reverse("admin:staging_batch_change", args=[batch.pk])
    part = "removals" if "removed" in given else "orders"
    return HttpResponseRedirect(f"{home}?{query(narrowing, **places(given))}#{part}")


MANY: dict[str, Callable[[set[int], set[int]], set[int]]] = {
    "tick": lambda wanted, found: wanted | found,
    "untick": lambda wanted, found: wanted - found,
    "none": lambda wanted, found: set(),
}


def bar(request: HttpRequest, batch: Batch, narrowing: Narrowing, found: int | None = None) -> dict[str, Any]:
    """What the bar above the orders says: how many are ticked of how many, and what may be done with them.

    `found` is how many the narrowing leaves, where the caller has counted them.
    """
    return {
        "batch": batch,
        "narrowing": narrowing,
        "ticked_count": len(ticked(request, batch)),
        "total": batch.orders.count(),
        "found": len(matching(batch, narrowing)) if found is None else found,
        "tick_actions": tick_actions(request, batch),
    }


def tick_actions(request: HttpRequest, batch: Batch) -> list[Button]:
    """What this person may do with ticked orders of the batch as it stands; an approval is grey for whoever the policy
    does not let approve this batch."""
    open_one, person = batch.state == "open", request.user
    ways = []
    if open_one and may(person, "approve"):
        ways.append(Button("approve", "Approve only these ...", "", why_not_this_person(batch, person)))
    if open_one and may(person, "hold"):
        ways.append(Button("hold", "Hold ...", "", ""))
    if may(person, "release") and releasable(batch):
        ways.append(Button("release", "Release ...", "", ""))
    if not why_not(batch, person, "undo"):
        ways.append(Button("undo", "Undo only these ...", "", ""))
    return ways


def releasable(batch: Batch) -> bool:
    """Whether anything in the batch can be released: what is held, or what was undone, declined or given up."""
    return batch.orders.filter(state="held").exists() or remembered(batch).exists()


def _confirm(batch: Batch, action: str) -> str:
    if action == "undo":
        return f"{reverse('admin:staging_batch_undo', args=[batch.pk])}?ticked=1"
    return f"{reverse('admin:staging_batch_act', args=[action])}?ids={batch.pk}&ticked=1"
