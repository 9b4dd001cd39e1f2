"""Items that are gone from the board: recreate them, link another item, or stop following the order.

Each is a person's decision, audited with what it replaces. What is staged of the record is out of date by it; the next
sync compares the record anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from mapping.core.document import Mapping as CustomerMapping
from monday.models import Board
from staging import audit
from staging.batches.approvers import why_not_answer
from staging.core.adoption import last_seen, lines_of, link_of
from staging.core.causes import Cause
from staging.core.fingerprint import fingerprint, order_of, payload
from staging.core.lifecycle import ORDER, NotAllowed, OrderState
from staging.core.ports import LiveItem
from staging.models import BoardFinding, Snapshot, StagedOrder
from staging.models.run import Kind
from staging.models.snapshot import LinkState
from staging.setup import Setup
from staging.transitions import move_orders

from .board_items import EVERYBODY, whole_board
from .findings import NOT_THERE

BUSY = (OrderState.SENDING, OrderState.UNCLEAR, OrderState.UNDOING)
CHOICES = {
    "recreate": "Recreate the item",
    "relink": "Link another item",
    "stop": "Stop following the order",
}


def gone(board: Board | None = None) -> QuerySet[Snapshot]:
    """Links of a board, or of every board, on which a person must decide or has: those of `not_there` and `left`."""
    return _links(board).filter(not_there(board) | left()).select_related("customer", "board").order_by("pk")


def not_there(board: Board | None = None) -> Q:
    """Links whose item a push, or the last reconciliation of their board, did not find on it."""
    return _each(board, lambda one: Q(record__in=_held(one))) | _each(board, lambda one: Q(item_id__in=_missing(one)))


def left() -> Q:
    """Links that nobody follows any more, as a person said."""
    return Q(state=LinkState.GONE)


def out_of_source(board: Board | None = None) -> Q:
    """Links whose record is gone from the source: their item was removed, or its removal waits or was declined."""
    return Q(state=LinkState.REMOVED) | _each(board, lambda one: Q(record__in=_leaving(one)))


def _links(board: Board | None) -> QuerySet[Snapshot]:
    return Snapshot.objects.filter(board=board) if board else Snapshot.objects.all()


def _each(board: Board | None, of: Callable[[int], Q]) -> Q:
    """What holds for the links of each board: a record's UUID may stand on several.

    `of` gives one condition that an index answers; of several joined by "or" SQLite would read every link.
    """
    ids = [board.pk] if board else Board.objects.order_by("pk").values_list("pk", flat=True)
    return reduce(or_, (Q(board=pk) & of(pk) for pk in ids), Q(pk__in=[]))


def _held(board: int) -> QuerySet[Any, str]:
    return StagedOrder.objects.held_for(Cause.GONE).filter(board=board, current=True).values_list("record", flat=True)


def _missing(board: int) -> QuerySet[Any, str]:
    found = BoardFinding.objects.filter(run__board=board, run__kind=Kind.RECONCILE, category__in=NOT_THERE)
    return found.exclude(item_id="").values_list("item_id", flat=True)


def _leaving(board: int) -> QuerySet[Any, str]:
    # Removals are few: they are told from an index first, or every order of the board would be read.
    removals = StagedOrder.objects.filter(operation="remove").values("pk")
    return StagedOrder.objects.filter(pk__in=removals, board=board, current=True).values_list("record", flat=True)


def recreate(*, link: Snapshot, setup: Setup, actor: str, reason: str = "") -> None:
    """Forget the link to an item that is gone, so that the next sync creates the item anew.

    What people had typed into the former item stays in it. Raises NotAllowed where the item is on the board, and
    Unavailable. Opens a transaction.
    """
    live = _read(setup, link.item_id).get(link.item_id)
    if _stands(live):
        raise NotAllowed(
            f"Item {link.item_id} is on the board. Remedy: release its order; the next sync goes on with it."
        )
    now = setup.clock.now()
    with transaction.atomic():
        _supersede(link, actor, now, "The item is created anew.")
        _tell(
            link, "gone.recreate", actor, now, reason, {"item": link.item_id, "was": live.state if live else "missing"}
        )
        Snapshot.objects.filter(pk=link.pk, item_id=link.item_id).delete()


def relink(*, link: Snapshot, item_id: str, setup: Setup, actor: str, reason: str = "") -> None:
    """Link another item to the record; what it shows counts as last seen, and the next sync stages what differs.

    Raises NotAllowed where that item is not there, is another record's, or cannot be told apart, and where the order's
    own item is on the board: two would carry its key then. Raises Unavailable. Opens a transaction.
    """
    if refused := why_not_answer(link, actor):
        raise NotAllowed(refused)
    read = _read(setup, item_id, link.item_id)
    live = _check_other(link, item_id, read.get(item_id))
    if item_id != link.item_id and _stands(read.get(link.item_id)):
        raise NotAllowed(
            f"Item {link.item_id} of this order is on the board. Remedy: archive it there, then link item {item_id}; "
            "or leave the order as it is."
        )
    lines = lines_of(live, link.link_key, _sizes(link))
    if lines.why:
        raise NotAllowed(lines.why)
    marked = live.link_key == link.link_key and not lines.unmarked
    order = last_seen(live, sorted(rules.to for rules in _mapping(link, setup).columns), lines, marked=marked)
    now = setup.clock.now()
    with transaction.atomic():
        _supersede(link, actor, now, f"Item {item_id} stands for the record now.")
        _tell(link, "gone.relink", actor, now, reason, {"item": link.item_id, "to": item_id, "order": link.order})
        Snapshot.objects.filter(pk=link.pk, item_id=link.item_id).update(
            item_id=item_id,
            order=payload(order),
            order_fingerprint=fingerprint(order),
            lines=dict(lines.ids),
            withheld={},
            state=LinkState.LINKED,
            source_fingerprint="",
            accepted_at=now,
        )


def stop(*, link: Snapshot, actor: str, now: datetime, reason: str) -> None:
    """Follow the record no more: whatever the source says, nothing is staged for it until somebody takes it up again.

    Raises NotAllowed without a reason. Opens a transaction.
    """
    if not reason.strip():
        raise NotAllowed("To stop following an order needs a reason. Remedy: say why in a few words.")
    with transaction.atomic():
        _supersede(link, actor, now, "The order is not followed any more.")
        _tell(link, "gone.stop", actor, now, reason, {"item": link.item_id})
        Snapshot.objects.filter(pk=link.pk).update(state=LinkState.GONE)


def name_of(link: Snapshot) -> str:
    """What the item was called when it was last accepted."""
    return order_of(link.order).name


def _check_other(link: Snapshot, item_id: str, live: LiveItem | None) -> LiveItem:
    """The item that is to be linked, as it stands. Raises NotAllowed where it cannot stand for the record."""
    other = Snapshot.objects.filter(board=link.board_id, item_id=item_id).exclude(pk=link.pk).first()
    if live is None or not _stands(live):
        raise NotAllowed(f"Item {item_id} is not on the board. Remedy: give the number of one that is.")
    if other is not None:
        raise NotAllowed(f"Item {item_id} belongs to the record {other.record}. Remedy: link another one.")
    if link_of(live) not in ("", link.link_key):
        raise NotAllowed(
            f"Item {item_id} carries the key {live.link_key} of another record. Remedy: empty its UUID column, or link "
            "another one."
        )
    return live


def _stands(live: LiveItem | None) -> bool:
    """Whether an item that was looked for is on the board."""
    return live is not None and live.state == "active" and live.on_board


def _read(setup: Setup, *item_ids: str) -> Mapping[str, LiveItem]:
    return setup.destination(whole_board(setup), EVERYBODY).read(list(dict.fromkeys(item_ids)))


def _mapping(link: Snapshot, setup: Setup) -> CustomerMapping:
    family, name = setup.mappings.family, link.customer.name
    return family.mapping(name) if name in family.customers else family.default


def _sizes(link: Snapshot) -> set[str]:
    """The sizes that the order had or is to have: a subitem of another size is people's own."""
    staged = StagedOrder.objects.filter(board=link.board_id, record=link.record, current=True)
    wanted = [order_of(order.after) for order in staged if order.after]
    return {size for order in (order_of(link.order), *wanted) for size in order.sizes}


def _supersede(link: Snapshot, actor: str, now: datetime, why: str) -> None:
    """What is staged of the record is out of date. Raises NotAllowed where it is on its way to the board."""
    staged = StagedOrder.objects.filter(board=link.board_id, record=link.record)
    for order in _open(staged):
        if order.state in BUSY:
            raise NotAllowed(f"{order.label} is on its way to the board. Remedy: wait for the push, then decide again.")
        move_orders(order.batch, [order.pk], "supersede", actor=actor, now=now, reason=why, current=False)
    staged.filter(current=True).update(current=False)


def _open(staged: QuerySet[StagedOrder]) -> Iterable[StagedOrder]:
    return staged.filter(state__in=[*sorted(ORDER["supersede"].sources), *BUSY]).select_related("batch").order_by("pk")


def _tell(link: Snapshot, action: str, actor: str, now: datetime, reason: str, data: dict[str, Any]) -> None:
    audit.record(
        chain=audit.DECISIONS,
        actor=actor,
        action=action,
        subject=f"record:{link.record}",
        now=now,
        reason=reason,
        data={"link_key": link.link_key, **data},
    )
