"""Resolving: what a dead process left behind is settled, and what was sent without an answer is looked up.

It comes before anything is compared or sent: an order of which it is not known whether the board has it can neither be
superseded nor matched with a new UUID, or its item would stand on the board and belong to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Max

from monday.client import Unavailable
from staging.core.fingerprint import order_of
from staging.core.lifecycle import BatchState, OrderState
from staging.core.lookplan import Seen, plan_look
from staging.core.ports import LiveItem
from staging.core.pushplan import plan_archive
from staging.models import Batch, Receipt, Snapshot, StagedOrder
from staging.running.lease import LENGTH, LeaseLost, database_now, free_for, let_go, new_owner, renew
from staging.setup import Setup

from .journal import intend
from .send import Sender, recover, sender_of
from .settle import Attempt, settle_found
from .standing import linked_elsewhere, of_another

PAGE = 100
PATIENCE = 5.0  # seconds that a push waits for unclear orders itself; longer waits are left to the next run
LEFT = (OrderState.SENDING, OrderState.UNCLEAR)
WHERE = (BatchState.PUSHING, BatchState.PAUSED, BatchState.FAILED, BatchState.NEEDS_ATTENTION)
log = structlog.get_logger(__name__)


def resolve(*, setup: Setup, actor: str) -> int:
    """Settle and look up everything on this board that no living process is at. Returns how many orders that were.

    Opens short transactions, none while the board is waited for. An outage leaves the rest for the next run.
    """
    batches = Batch.objects.filter(board=setup.board, state__in=WHERE, orders__state__in=LEFT)
    moved = 0
    for batch in batches.select_related("customer", "board").distinct().order_by("id"):
        owner = new_owner()
        if not _seize(batch, owner):
            continue
        try:
            moved += settle_left(batch, sender_of(batch, setup, actor, lambda b=batch, o=owner: renew(b, o)))  # type: ignore[misc]
        except (Unavailable, LeaseLost) as problem:
            log.warning("orders without an answer could not be looked up", batch=batch.pk, why=str(problem))
        finally:
            let_go(batch, owner)
    return moved


def settle_left(batch: Batch, sender: Sender) -> int:
    """Settle what a dead process left as sending in a batch whose lease the caller holds, and look up what is unclear.

    Returns how many orders there were. Raises Unavailable.
    """
    left = list(StagedOrder.objects.filter(batch=batch, state=OrderState.SENDING).values_list("pk", flat=True))
    if left:
        recover(batch, left, actor=sender.actor, setup=sender.setup)
    return look_up(batch, sender) or len(left)


def look_up(batch: Batch, sender: Sender, *, patience: float = 0.0) -> int:
    """Look up the unclear orders of a batch, once the board must be done with them; returns how many.

    What the board shows of them is accepted, and what is missing may be sent. Waits at most `patience` seconds for
    the board. Raises Unavailable.
    """
    setup = sender.setup
    unclear = list(StagedOrder.objects.filter(batch=batch, state=OrderState.UNCLEAR).values_list("pk", flat=True))
    if not unclear:
        return 0
    sent = Receipt.objects.filter(batch=batch, order__state=OrderState.UNCLEAR)
    left = seconds_left(sent.aggregate(newest=Max("sent_at"))["newest"], setup)
    if left > patience:
        return 0
    if left > 0:
        setup.clock.sleep(left)
    return sum(_look(batch, unclear[start : start + PAGE], sender) for start in range(0, len(unclear), PAGE))


def seconds_left(sent: datetime | None, setup: Setup) -> float:
    """For how long the board may still be at work on a request that was sent then."""
    if sent is None:
        return 0.0
    return (sent + timedelta(seconds=setup.settle_seconds) - setup.clock.now()).total_seconds()


def _seize(batch: Batch, owner: str) -> bool:
    """Take the lease of a batch as it stands, unless a living process has it."""
    now = database_now()
    mine = Batch.objects.filter(free_for(batch, now), pk=batch.pk)
    return bool(mine.update(lease_owner=owner, lease_until=now + LENGTH))


def _look(batch: Batch, ids: Sequence[int], sender: Sender) -> int:
    orders = list(StagedOrder.objects.filter(pk__in=ids).select_related("batch").order_by("id"))
    records = [order.record for order in orders]
    snapshots = {s.record: s for s in Snapshot.objects.filter(board=batch.board, record__in=records)}
    new = [order.link_key for order in orders if order.record not in snapshots and order.after is not None]
    found = sender.destination.find(new) if new else {}
    links = linked_elsewhere(batch.board, found)
    known = [snapshots[order.record].item_id for order in orders if order.record in snapshots]
    live = sender.destination.read(known) if known else {}
    seen: list[tuple[StagedOrder, Snapshot | None, Seen]] = []
    for order in orders:
        snapshot = snapshots.get(order.record)
        items = [item for item in found.get(order.link_key, []) if not of_another(order, [item], links)]
        item = live.get(snapshot.item_id) if snapshot else items[0] if len(items) == 1 else None
        seen.append((order, snapshot, _seen(order, snapshot, item)))
    now = sender.setup.clock.now()
    writes = [(order, write) for order, _, what in seen for write in what.confirmed]
    with transaction.atomic():
        receipts: dict[int, list[Receipt]] = {}
        for receipt in intend(batch, writes, now=now) if writes else ():
            receipts.setdefault(receipt.order_id, []).append(receipt)
        attempts = [Attempt(o, receipts.get(o.pk, []), s, finished=what.whole) for o, s, what in seen]
        return settle_found(batch, attempts, actor=sender.actor, now=now)


def _seen(order: StagedOrder, snapshot: Snapshot | None, item: LiveItem | None) -> Seen:
    """What the board shows of an order, also of an item that was to be archived."""
    if order.after is None:
        found = plan_archive(item, order_of(order.before)).item if snapshot and order.before else ()
        gone = bool(found) and all(write.kind == "confirm" for write in found)
        return Seen(found, whole=True) if gone else Seen()
    before = order_of(snapshot.order) if snapshot else None
    return plan_look(before, order_of(order.after), order.link_key, item, snapshot.lines if snapshot else {})
