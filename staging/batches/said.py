"""What the source said last of an order that has an item, where its item shows another business key.

A change of a business key waits, is declined, superseded or released: whatever becomes of it, the order is known by
that key when its table is loaded with fresh UUIDs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monday.models import Board
from staging.core.fingerprint import key_hash
from staging.models import Snapshot, StagedOrder

from .rows import PAGE, Judged


@dataclass(frozen=True, slots=True)
class Said:
    """A business key that the source gave a record, as text and as hash, and the fingerprint of the order, "" where
    its row could not be used."""

    record: str
    key: str
    hashed: str
    fingerprint: str
    mapping_key: str


def said(judged: Judged, snapshot: Snapshot, key: tuple[str, ...], order_fingerprint: str) -> list[str]:
    """What its row says now, [] where the item shows it: and will, as nothing is on its way to the board."""
    if key_hash(key) == snapshot.key_hash and judged.replaceable:
        return []
    return [" / ".join(key), key_hash(key), order_fingerprint, judged.mapping_key]


def heard(judged: Judged, key: tuple[str, ...], order_fingerprint: str = "") -> list[Snapshot]:
    """The record's link where it has to be stored with what its row says now; `key` is () where nothing is known."""
    snapshot = judged.snapshot
    if snapshot is None or not key or (now := said(judged, snapshot, key, order_fingerprint)) == snapshot.said:
        return []
    snapshot.said = now
    return [snapshot]


def said_since(board: Board, records: Sequence[str]) -> Iterator[Said]:
    """What the source said of these records and no item shows, the last of each last: what waits or was decided of its
    last business key, and this key itself. Reads the database."""
    staged = StagedOrder.objects.filter(board=board, current=True).exclude(operation="remove")
    for start in range(0, len(records), PAGE):
        page = records[start : start + PAGE]
        links = Snapshot.objects.filter(board=board, record__in=page).values_list("record", "key_hash", "said")
        known = {record: (hashed, words) for record, hashed, words in links}
        fields = ("record", "key", "key_hash", "order_fingerprint", "mapping_key")
        for order in staged.filter(record__in=page).values_list(*fields):
            hashed, words = known.get(order[0], (order[2], []))
            if order[2] == (words[1] if words else hashed):
                yield Said(*order)
        yield from (Said(record, *words) for record, (_, words) in known.items() if words)
