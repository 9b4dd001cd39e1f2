"""What a push, an undo or a person moved while a sync judged: the next run finds it as it is then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monday.models import Board
from staging.core.lifecycle import OPEN
from staging.models import Snapshot, StagedOrder

PAGE = 500
MOVED = ("accepted_at", "state", "item_id", "order_fingerprint", "mapping_key", "withheld")
"""What of a link never stays the same when somebody writes, undoes, releases, relinks or stops following."""

Standing = tuple[Any, ...]


def standing(snapshot: Snapshot) -> Standing:
    """How a link stands, to be compared with how it stands later."""
    return tuple(getattr(snapshot, name) for name in MOVED)


def moved(board: Board, judged: Mapping[str, Standing | None]) -> set[str]:
    """The records whose link does not stand as it did when they were judged; None where there was none."""
    found: dict[str, Standing] = {}
    for page in _pages(list(judged)):
        links = Snapshot.objects.filter(board=board, record__in=page).values_list("record", *MOVED)
        found.update((record, tuple(values)) for record, *values in links)
    return {record for record, stood in judged.items() if found.get(record) != stood}


def in_hand(board: Board, records: Sequence[str]) -> set[str]:
    """The records of which an order is in somebody's hands, so that no other can be staged."""
    taken: set[str] = set()
    for page in _pages(records):
        orders = StagedOrder.objects.filter(board=board, record__in=page, state__in=sorted(OPEN))
        taken.update(orders.values_list("record", flat=True))
    return taken


def _pages(records: Sequence[str]) -> Iterator[Sequence[str]]:
    return (records[start : start + PAGE] for start in range(0, len(records), PAGE))
