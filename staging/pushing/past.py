"""What is known of items that creations find by their keys: from receipts, and where there are none from the board.

A database that was restored has forgotten what was written since, and a person may have edited it in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db.models import F

from mapping.core.order import LineShape, Order
from monday.models import Board
from staging.core.changeset import SIZE
from staging.core.ports import Destination, LiveItem
from staging.core.pushplan import Past, line_of, unexplained
from staging.models import Receipt
from staging.models.receipt import WriteOutcome

from .settle import know_line

LEFT = (WriteOutcome.DONE, WriteOutcome.SENT, WriteOutcome.UNCLEAR)
ITEM_FIELDS = ("name", "group")


def pasts(
    orders: Mapping[str, Order],
    found: Mapping[str, Sequence[LiveItem]],
    *,
    board: Board,
    destination: Destination,
    lines: LineShape | None,
) -> dict[str, Past]:
    """What is known of each single item that stands for one of these orders, by link key.

    Asks the board's activity about items of which the receipts do not say whose their values are, and only about
    those. Opens no transaction. Raises Unavailable.
    """
    items = {key: standing[0] for key, standing in found.items() if key in orders and len(standing) == 1}
    known = _sent(items, board) if items else {}
    asked: dict[str, dict[str, str]] = {}
    for key, item in items.items():
        fields = unexplained(orders[key], key, item, known[key])
        asked[key] = {name: _where(name, key, item, known[key].lines) for name in fields}
    ids = sorted({one for fields in asked.values() for one in fields.values()})
    edits = destination.edits(ids) if ids else {}
    quantity = lines.quantity_column if lines else ""
    for key, places in asked.items():
        ours = {name for name, at in places.items() if at in edits and _column(name, quantity) not in edits[at]}
        known[key] = replace(known[key], ours=frozenset(ours))
    return known


def _sent(items: Mapping[str, LiveItem], board: Board) -> dict[str, Past]:
    """What we sent last to each of these items, as far as the receipts say, whether or not it was answered."""
    sent: dict[str, dict[str, object]] = {key: {} for key in items}
    stood: dict[str, dict[str, object]] = {key: {} for key in items}
    lines: dict[str, dict[str, str]] = {key: {} for key in items}
    made: set[str] = set()
    receipts = Receipt.objects.filter(board=board, order__link_key__in=list(items), outcome__in=LEFT).order_by("id")
    for receipt in receipts.annotate(key=F("order__link_key")):
        key = receipt.key
        if items[key].id in (receipt.item_id, receipt.parent_id) or not (receipt.item_id or receipt.parent_id):
            sent[key].update(receipt.after)
            made |= {key} if receipt.kind == "create_item" else set()
            answered = receipt.outcome == WriteOutcome.DONE
            before = {name: None if answered else receipt.before.get(name) for name in receipt.after}
            stood[key].update(before)
            if answered and SIZE + receipt.size in receipt.after:
                know_line(lines[key], receipt)
    return {key: Past(fields, stood[key], made=key in made, lines=lines[key]) for key, fields in sent.items()}


def _where(name: str, link_key: str, item: LiveItem, lines: Mapping[str, str]) -> str:
    """The item or the subitem on which a field stands."""
    line = line_of(item, link_key, name[len(SIZE) :], lines) if name.startswith(SIZE) else None
    return line.id if line else item.id


def _column(name: str, quantity: str) -> str:
    """The column of a field; of a name or a group there is none, and the activity of its item tells all of them."""
    return quantity if name.startswith(SIZE) else "" if name in ITEM_FIELDS else name
