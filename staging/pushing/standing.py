"""Whether an approved order may still go out: what it was approved for must be what it would write, and where.

Between approval and push an earlier batch may be undone, and a person may stop following the order. What would write
more than was approved, or onto another order's item, is out of date; the next sync stages it anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from monday.models import Board
from staging.core.adoption import size_of
from staging.core.changeset import differences
from staging.core.fingerprint import order_of
from staging.core.ports import LiveItem
from staging.core.pushplan import Plan
from staging.models import Receipt, Snapshot, StagedOrder
from staging.models.receipt import WriteOutcome
from staging.models.snapshot import LinkState
from staging.transitions import PAGE

MOVED = "What the board accepted of it has moved since it was staged."
LEFT = "It is not followed any more."
UNLINKED = "It is not linked to an item any more."
TAKEN = "Its link key is that of another order by now."


def overtaken(order: StagedOrder, snapshot: Snapshot | None) -> str:
    """Why an order is out of date beside its link as it stands, "" where it is not."""
    if snapshot is None:
        return "" if order.operation == "create" else UNLINKED
    if snapshot.state == LinkState.GONE:
        return LEFT
    if order.before is None or order.after is None or order.before == snapshot.order:
        return ""
    after = order_of(order.after)
    shown = {change.field for change in differences(order_of(order.before), after)}
    # What an earlier attempt wrote of it is among the fields that were shown; what an undo put back is not.
    return MOVED if any(c.field not in shown for c in differences(order_of(snapshot.order), after)) else ""


def stands(live: LiveItem | None) -> bool:
    """Whether an item is where it was made."""
    return live is not None and live.state == "active" and live.on_board


def with_linked(
    creations: Iterable[StagedOrder],
    found: Mapping[str, Sequence[LiveItem]],
    links: Mapping[str, Snapshot],
    live: Mapping[str, LiveItem],
) -> dict[str, list[LiveItem]]:
    """What stands for the creations whose item was made already, by key: that item, and others that carry the key.

    The board finds it by its key only after a while, and never again once somebody has emptied the cell.
    """
    known = {order.link_key: live.get(links[order.record].item_id) for order in creations if order.record in links}
    return {
        key: [item, *(other for other in found.get(key, ()) if other.id != item.id)]
        for key, item in known.items()
        if item is not None and stands(item)
    }


def linked_elsewhere(board: Board, found: Mapping[str, Sequence[LiveItem]]) -> dict[str, Snapshot]:
    """The links of the items that creations found by their keys, by item."""
    ids = sorted({item.id for items in found.values() for item in items})
    links: Iterable[Snapshot] = (
        link
        for start in range(0, len(ids), PAGE)
        for link in Snapshot.objects.filter(board=board, item_id__in=ids[start : start + PAGE])
    )
    return {link.item_id: link for link in links}


def of_another(order: StagedOrder, found: Iterable[LiveItem], links: Mapping[str, Snapshot]) -> Snapshot | None:
    """The link of another record that one of the items found for an order belongs to."""
    others = (links[item.id] for item in found if item.id in links)
    return next((link for link in others if link.record != order.record), None)


def belongs(link: Snapshot) -> str:
    """Why a creation waits for a person where its key stands on another order's item."""
    return (
        f"Item {link.item_id} carries this order's key, and belongs to the order {link.order.get('name')!r}. "
        "Remedy: correct the key on the board, then release the order."
    )


def unanswered_lines(orders: Iterable[StagedOrder]) -> dict[int, set[str]]:
    """By order, the sizes whose subitems an earlier attempt of it was to make and got no answer about."""
    again = [order.pk for order in orders if order.attempts > 1]
    found: dict[int, set[str]] = defaultdict(set)
    lost = Receipt.objects.filter(order__in=again, kind="create_line", outcome=WriteOutcome.UNCLEAR)
    for pk, size in lost.values_list("order_id", "size") if again else ():
        found[pk].add(size)
    return found


def doubtful(plan: Plan, live: Mapping[str, LiveItem], link_key: str, unanswered: Iterable[str]) -> str:
    """Why an order waits for a person that would make a subitem which may stand there already, its key emptied since;
    "" where it may go out."""
    sizes = {write.size: write.parent_id for write in plan.lines if write.kind == "create_line"}
    for size in unanswered:
        item = live.get(sizes.get(size, ""))
        line = next((line for line in item.lines if not line.key and size_of(line) == size), None) if item else None
        if line is not None:
            return (
                f"Subitem {line.id} has no key, and may be the size {size} of which no answer came. Remedy: write "
                f"{link_key}/{size} as its key, or archive it, where it is; then release the order."
            )
    return ""
