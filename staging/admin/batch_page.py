"""The page of one batch: what it does, whether the board takes it, its orders old -> new, its history."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from mapping.core.value_line import has_column
from mapping.publish import NoMapping, PublishedFamily, load_family
from monday.core.structure import BoardStructure
from staging.batches.check import batch_problems
from staging.batches.decide import removing, why_out_of_date
from staging.batches.describe import BatchPicture, OrderPicture, describe, history
from staging.batches.diff import fields_of, open_conflicts, orders_of
from staging.batches.lacking import lacking
from staging.batches.narrow import Narrowing, matching, messages
from staging.core.lifecycle import SHOWN
from staging.core.meaning import ALL_HELD, BATCH, OUT_OF_DATE, partly_undone
from staging.models import Batch
from staging.models.batch import Operation
from staging.pushing.outlook import Missing, forecast
from staging.reports.unused import of_customer

from .conflicts import why_not_rule
from .decisions import active_run, buttons, may
from .pills import batch_pill, operation_word, state_pill
from .progress import progress_of
from .ticks import asked, bar, places, query, tick_actions, ticked

PAGE = 50  # orders of a batch on one page
LISTED = 100  # labels and groups that are named
AHEAD = ("open", "approved", "needs_attention")  # states in which it matters what the batch lacks
PARTS = {"undone": "Undone or kept", "unclear": "No answer yet"}


def context(request: HttpRequest, batch: Batch) -> dict[str, Any]:
    """Everything that the page shows."""
    picture, narrowing = describe(batch), asked(request.GET)
    busy, board = active_run(batch), _of_the_board(batch)
    stale, missing = bool(board["out_of_date"]), board.pop("missing")
    return {
        "title": picture.title,
        "batch": batch,
        "picture": picture,
        "pill": batch_pill(batch, all_held=picture.all_held, stale=stale),
        "means": _means(batch, picture, stale=stale),
        "buttons": buttons(batch, request.user),
        "progress": progress_of(busy, request.user) if busy else None,
        "forecast": forecast([batch], missing=missing) if batch.state in ("open", "approved", "pushing") else None,
        "tabs": _tabs(picture, narrowing),
        "may_rule": not (why_no_ruling := why_not_rule(batch, request.user)),
        "why_no_ruling": why_no_ruling,
        "conflicts": open_conflicts(batch),
        "messages_said": messages(batch),
        "history": history(batch, limit=60),
        "may_comment": may(request.user, "hold"),
        "may_map": request.user.has_perm("mapping.change_document"),
        "unused": of_customer(batch.board, batch.customer) if batch.state in AHEAD else (),
        **board,
        **_orders(request, batch, narrowing),
    }


def _means(batch: Batch, picture: BatchPicture, *, stale: bool) -> str:
    """What the batch's state means, and what to do next."""
    if batch.state == "partly_undone":
        return partly_undone(kept=picture.states.get("kept", 0), left=picture.states.get("applied", 0))
    return ALL_HELD if picture.all_held else OUT_OF_DATE if stale else BATCH[batch.state]


def _orders(request: HttpRequest, batch: Batch, narrowing: Narrowing) -> dict[str, Any]:
    """One page of the orders that the narrowing leaves, and one of those that leave the board."""
    found = matching(batch, narrowing)
    stay = [pk for pk, operation in found if operation != Operation.REMOVE]
    leave = [pk for pk, operation in found if operation == Operation.REMOVE]
    at = places(request.GET)
    shown, gone = _Part.of(stay, at["after"]), _Part.of(leave, at["removed"])
    ticks = set(ticked(request, batch))
    return {
        **bar(request, batch, narrowing, len(found)),
        "orders": _rows(batch, shown.ids, ticks),
        "removals": _rows(batch, gone.ids, ticks),
        "pages": shown,
        "pages_removed": gone,
        "at": at,
        "losing_sizes": removing(batch).exclude(operation=Operation.REMOVE).count() if batch.state == "open" else 0,
        "may_tick": may_tick(request, batch),
        "kinds": Operation.choices,
        "fields": fields_of(batch),
        "query": query(narrowing),
    }


@dataclass(frozen=True, slots=True)
class _Part:
    """One page of orders: their ids and where they stand among all of them. `back` and `more` are the ids after which
    the pages before and behind it begin, None where there is none."""

    ids: Sequence[int]
    first: int
    total: int
    back: int | None
    more: int | None

    @classmethod
    def of(cls, ids: Sequence[int], after: int) -> _Part:
        """The page of these ids, in order, that begins after one of them; the last one where none is left."""
        start = bisect_right(ids, after)
        if start == len(ids):
            start = max(0, len(ids) - 1) // PAGE * PAGE
        shown, before = ids[start : start + PAGE], start - PAGE
        back = ids[before - 1] if before > 0 else 0
        more = shown[-1] if start + PAGE < len(ids) else None
        return cls(shown, start + 1, len(ids), back if start else None, more)

    @property
    def last(self) -> int:
        """The number of its last order."""
        return self.first + len(self.ids) - 1


def _rows(batch: Batch, ids: Sequence[int], ticks: set[int]) -> list[tuple[OrderPicture, Any, Any, bool]]:
    found = orders_of(batch, ids) if ids else []
    return [(one, operation_word(one.operation), state_pill(one.state), one.id in ticks) for one in found]


def may_tick(request: HttpRequest, batch: Batch) -> bool:
    """Whether there is anything that this person may do with single orders of the batch."""
    return bool(tick_actions(request, batch))


def _of_the_board(batch: Batch) -> dict[str, Any]:
    """Whether its mapping still holds; what the board, as it was read last, would not take of it; what it lacks."""
    found = {"problems": [], "lacks": [], "lacks_left": 0, "missing": Missing(), "out_of_date": ""}
    if batch.state not in ("open", "approved"):
        return found
    try:
        mappings = load_family(batch.board.board_id)
    except NoMapping as missing:
        return found | {"problems": [{"words": str(missing)}]}
    structure = batch.board.known_structure()
    found |= _held_against(batch, mappings, structure) if structure else {}
    return found | {"out_of_date": why_out_of_date(batch, mappings) if batch.state == "open" else ""}


def _held_against(batch: Batch, mappings: PublishedFamily, structure: BoardStructure) -> dict[str, Any]:
    lacks = lacking(batch, mappings, structure)
    return {
        "problems": batch_problems(batch, mappings, structure),
        "lacks": [(lack, _document(batch, lack.source) if lack.entry else 0) for lack in lacks[:LISTED]],
        "lacks_left": max(0, len(lacks) - LISTED),
        "missing": Missing.of(lacks),
    }


def _document(batch: Batch, source: str) -> int:
    """The document that says how this source column is mapped: the customer's own, else the board's."""
    own = batch.customer_version
    held = own.document.versions.published().first() if own else None
    return held.document_id if held and has_column(held.text, source) else batch.board_version.document_id


def _tabs(picture: BatchPicture, narrowing: Narrowing) -> list[dict[str, Any]]:
    """All orders, and those that stand as each thing; empty ones are left out."""
    parts = [("", "All", sum(picture.states.values()))]
    for name, states in SHOWN.items():
        if found := sum(picture.states.get(state, 0) for state in states):
            parts.append((name, PARTS.get(name, name.capitalize()), found))
    return [{"part": p, "label": label, "number": n, "open": p == narrowing.part} for p, label, n in parts]
