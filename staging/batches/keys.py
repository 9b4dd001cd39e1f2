"""Link keys of new orders: each its record's UUID, or one of its own where that is another order's key already.

A key outlives the UUID that it was made from, so a UUID that comes back may belong to another order's item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import F

from monday.models import Board
from staging.core.identity import spare
from staging.models import Snapshot, StagedOrder, Term

PAGE = 500


def give_keys(board: Board, creations: Sequence[StagedOrder]) -> None:
    """Give a spare key to each of these orders whose UUID is the link key of another one.

    The same order gets the same key each time, so that after a crash its item is found by it.
    """
    asked, number = list(creations), 0
    while asked:
        number += 1
        asked = [order for start in range(0, len(asked), PAGE) for order in _taken(board, asked[start : start + PAGE])]
        for order in asked:
            order.link_key = spare(order.record, number)


def _taken(board: Board, orders: Sequence[StagedOrder]) -> Iterator[StagedOrder]:
    keys = {order.link_key: order for order in orders}
    taken = set(Snapshot.objects.filter(board=board, link_key__in=list(keys)).values_list("link_key", flat=True))
    others = Term.objects.filter(board=board, text__in=list(keys)).exclude(record=F("text"))
    records = sorted(set(others.values_list("record", flat=True)))
    for start in range(0, len(records), PAGE):
        staged = StagedOrder.objects.filter(board=board, record__in=records[start : start + PAGE])
        for record, key, hashed, current in staged.values_list("record", "link_key", "key_hash", "current"):
            # A past order of the same business key may be this very one, which had another UUID in between.
            if key in keys and record != keys[key].record and (current or hashed != keys[key].key_hash):
                taken.add(key)
    return (order for key, order in keys.items() if key in taken)
