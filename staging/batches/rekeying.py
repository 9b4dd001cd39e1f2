"""Records that carry a new UUID: their links follow, and so does what was decided of them.

What takes the UUIDs of a page, new -> former, requires an open transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Q, QuerySet

from monday.models import Board
from staging.core.causes import Cause
from staging.core.lifecycle import OrderState
from staging.models import Snapshot, StagedOrder, update_each
from staging.records import terms as names

from .rows import CLOSED, PAGE, REPLACEABLE


def lose(board: Board, records: Sequence[str]) -> None:
    """Forget the fingerprints of these records' rows. Opens no transaction."""
    for start in range(0, len(records), PAGE):
        known = Snapshot.objects.filter(board=board, record__in=records[start : start + PAGE])
        known.exclude(source_fingerprint="").update(source_fingerprint="")


def settle(orders: Sequence[int]) -> None:
    """Of these orders, those that were declined as nobody could tell whose they were: now it is clear. Requires an open
    transaction; what somebody decided meanwhile stays."""
    for start in range(0, len(orders), PAGE):
        declined = StagedOrder.objects.filter(pk__in=orders[start : start + PAGE], state=OrderState.DECLINED)
        declined.filter(cause=Cause.AMBIGUOUS).update(problem=None, cause="")


def free(board: Board, pairs: Mapping[str, str]) -> dict[str, str]:
    """Without those whose new UUID got an item of its own, or is on its way to one, while the source was read."""
    taken = set(Snapshot.objects.filter(board=board, record__in=list(pairs)).values_list("record", flat=True))
    hands = _current(board, list(pairs)).exclude(state__in=sorted(REPLACEABLE))
    taken |= set(hands.values_list("record", flat=True))
    return {new: former for new, former in pairs.items() if new not in taken}


def links(board: Board, pairs: Mapping[str, str]) -> int:
    """Move the links; their link keys stay. Returns how many there were."""
    news = {former: new for new, former in pairs.items()}
    snapshots = list(Snapshot.objects.filter(board=board, record__in=list(news)))
    for snapshot in snapshots:
        snapshot.record = news[snapshot.record]
    update_each(snapshots, ["record"])
    names.remember(board.pk, names.of_snapshots(snapshots))
    return len(snapshots)


def left_behind(board: Board, pairs: Mapping[str, str]) -> list[StagedOrder]:
    """What is out of date: of the former UUID what does not move along, and of the new one what was held, or declined,
    while its match was unclear."""
    former = [order for order in _current(board, list(pairs.values())) if not moves_along(order)]
    return former + list(_current(board, list(pairs)))


def orders(board: Board, pairs: Mapping[str, str]) -> None:
    """Move what `moves_along`: it goes on under the new UUID."""
    news = {former: new for new, former in pairs.items()}
    kept = [order for order in _current(board, list(news)) if moves_along(order)]
    for order in kept:
        order.record = news[order.record]
        StagedOrder.objects.filter(pk=order.pk).update(record=order.record)
    names.remember(board.pk, names.of_orders(kept))


def moves_along(order: StagedOrder) -> bool:
    """Whether a staged order stands when its row gets another UUID: one that is on its way to the board, was decided,
    was refused, or is held, but for what leaves the board and what is held as nobody can tell whose it is."""
    told = order.state == OrderState.REJECTED or (order.state == OrderState.HELD and order.cause != Cause.AMBIGUOUS)
    return (told and order.operation != "remove") or order.state not in REPLACEABLE - CLOSED


def moving_along() -> Q:
    """`moves_along` as a condition on the staged orders of a database."""
    told = Q(state=OrderState.REJECTED) | (Q(state=OrderState.HELD) & ~Q(cause=Cause.AMBIGUOUS))
    return (told & ~Q(operation="remove")) | ~Q(state__in=sorted(REPLACEABLE - CLOSED))


def _current(board: Board, records: list[str]) -> QuerySet[StagedOrder]:
    return StagedOrder.objects.filter(board=board, record__in=records, current=True).select_related("batch")
