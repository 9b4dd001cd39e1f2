"""Settling: receipts become the accepted order of a snapshot, and the state of a staged order.

The accepted order is the fold of the receipts that were answered with yes, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from mapping.core.order import Order
from monday.boards import count_created
from staging.core.backoff import next_attempt
from staging.core.changeset import LINK, SIZE, differences, field_value, same, with_field
from staging.core.fingerprint import fingerprint, order_of, payload
from staging.core.pushplan import accepted
from staging.models import Batch, Receipt, Snapshot, StagedOrder, update_each
from staging.models.receipt import WriteOutcome
from staging.models.snapshot import LinkState
from staging.transitions import PAGE, move_orders


@dataclass(slots=True)
class Settled:
    """How many orders of a chunk ended how."""

    applied: int = 0
    rejected: int = 0
    held: int = 0
    unclear: int = 0
    returned: int = 0


MOVED = (
    "customer",
    "key",
    "key_hash",
    "source_fingerprint",
    "scheme",
    "mapping_key",
    "order_fingerprint",
    "order",
    "item_id",
    "lines",
    "withheld",
    "state",
    "accepted_at",
)
MEANWHILE = ("withheld", "state", "record", "key", "key_hash", "said")
COUNTED_AS = {"apply": "applied", "lose": "unclear", "return": "returned"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order with the receipts of this attempt; `kept` are fields that the board keeps by policy.

    `finished` is false where the plan was not carried out to its end: then the order is not applied, whatever is done.
    """

    order: StagedOrder
    receipts: Sequence[Receipt]
    snapshot: Snapshot | None
    kept: Mapping[str, Any] = field(default_factory=dict)
    finished: bool = True


def settle(batch: Batch, attempts: Iterable[Attempt], *, actor: str, now: datetime) -> Settled:
    """Move the snapshots and the states of a chunk's orders by what was answered. Opens one transaction."""
    done = Settled()
    groups: dict[str, list[int]] = {action: [] for action in COUNTED_AS}
    moved: list[Snapshot] = []
    attempts = list(attempts)
    with transaction.atomic():
        _decided_meanwhile([attempt.snapshot for attempt in attempts])
        for attempt in attempts:
            action = _action(attempt)
            # Also without a receipt: the board keeps every field, or a dead attempt had written everything.
            applied = action == "apply" and attempt.snapshot is not None
            if applied or any(receipt.outcome == WriteOutcome.DONE for receipt in attempt.receipts):
                snapshot = _accept(attempt, whole=action == "apply", now=now)
                moved += [snapshot] if snapshot else []
            if action == "reject":
                done.rejected += _reject(batch, attempt, actor, now)
            else:
                groups[action].append(attempt.order.pk)
        update_each([snapshot for snapshot in moved if snapshot.pk is not None], MOVED)
        Snapshot.objects.bulk_create([snapshot for snapshot in moved if snapshot.pk is None], batch_size=50)
        for action, ids in groups.items():
            fields: dict[str, Any] = {"current": False, "problem": None} if action == "apply" else {}
            count = move_orders(batch, ids, action, actor=actor, now=now, **fields) if ids else 0
            setattr(done, COUNTED_AS[action], count)
    return done


def settle_found(batch: Batch, attempts: Iterable[Attempt], *, actor: str, now: datetime) -> int:
    """Move the snapshots by what a look-up of unclear orders confirmed, and let what is missing be sent.

    `finished` marks the attempts of which the board shows everything. Returns how many orders moved. Requires an open
    transaction, which holds the confirmations too.
    """
    whole: list[int] = []
    missing: list[int] = []
    attempts = list(attempts)
    _decided_meanwhile([attempt.snapshot for attempt in attempts])
    for attempt in attempts:
        snapshot = _accept(attempt, whole=attempt.finished, now=now) if attempt.receipts else None
        if snapshot is not None:
            snapshot.save()
        (whole if attempt.finished else missing).append(attempt.order.pk)
    found = move_orders(batch, whole, "find", actor=actor, now=now, current=False, problem=None) if whole else 0
    return found + (move_orders(batch, missing, "resolve", actor=actor, now=now) if missing else 0)


def _decided_meanwhile(snapshots: Iterable[Snapshot | None]) -> None:
    """What people decide while the board is waited for - a release, an order that is not followed - holds, and so does
    another UUID or business key that the order's row got meanwhile.

    The rows are written to before they are read, which keeps others from them until the end of the transaction.
    Requires an open transaction.
    """
    mine = {snapshot.pk: snapshot for snapshot in snapshots if snapshot is not None and snapshot.pk is not None}
    for start in range(0, len(mine), PAGE):
        rows = Snapshot.objects.filter(pk__in=sorted(mine)[start : start + PAGE])
        rows.update(state=F("state"))
        for pk, *values in rows.values_list("pk", *MEANWHILE):
            for name, value in zip(MEANWHILE, values, strict=True):
                setattr(mine[pk], name, value)


def _action(attempt: Attempt) -> str:
    outcomes = {receipt.outcome for receipt in attempt.receipts}
    if WriteOutcome.UNCLEAR in outcomes or WriteOutcome.SENT in outcomes:
        return "lose"
    if any(_counts_as_no(receipt, attempt) for receipt in attempt.receipts):
        return "reject"
    if not attempt.finished or WriteOutcome.INTENDED in outcomes or WriteOutcome.DROPPED in outcomes:
        return "return"
    return "apply"


def _counts_as_no(receipt: Receipt, attempt: Attempt) -> bool:
    """An outage that cut the attempt off is nobody's no: the order goes out again with the next push."""
    passing = not attempt.finished and bool((receipt.problem or {}).get("transient"))
    return receipt.outcome == WriteOutcome.REFUSED and not passing


def _reject(batch: Batch, attempt: Attempt, actor: str, now: datetime) -> int:
    refused = next(receipt for receipt in attempt.receipts if _counts_as_no(receipt, attempt))
    problem = {**(refused.problem or {}), "kind": refused.kind, "size": refused.size}
    failures = attempt.order.failures + 1
    return move_orders(
        batch,
        [attempt.order.pk],
        "reject",
        actor=actor,
        now=now,
        reason=str(problem.get("message", ""))[:2000],
        problem=problem,
        failures=failures,
        first_failed_at=attempt.order.first_failed_at or now,
        failed_at=now,
        retry_at=next_attempt(failures=failures, transient=bool(problem.get("transient")), now=now),
    )


def _accept(attempt: Attempt, *, whole: bool, now: datetime) -> Snapshot | None:
    """Fold the attempt's answered receipts into the record's snapshot, and give it to be stored.

    An archived item has no snapshot any more. Requires an open transaction.
    """
    order, snapshot = attempt.order, attempt.snapshot
    done = [receipt for receipt in attempt.receipts if receipt.outcome == WriteOutcome.DONE]
    if whole and order.operation == "remove" and order.after is None:
        Snapshot.objects.filter(board_id=order.board_id, link_key=order.link_key).delete()  # whatever its UUID is now
        return None
    wanted = order_of(order.after) if order.after else order_of(order.before)
    shown = _mapped(order_of(snapshot.order), wanted) if snapshot else None
    lines: dict[str, str] = dict(snapshot.lines) if snapshot else {}
    item_id = snapshot.item_id if snapshot else ""
    for receipt in done:
        shown = accepted(shown, receipt.after)
        if not receipt.size:
            item_id = receipt.item_id or item_id
        elif SIZE + receipt.size in receipt.after:
            know_line(lines, receipt)
    if shown is None or not item_id:
        return None
    if any(receipt.kind == "mark_line" and receipt.outcome != WriteOutcome.DONE for receipt in attempt.receipts):
        shown = with_field(shown, LINK, None)  # the keys of subitems are written with it, and some are missing
    wanted = _carrying_its_key(wanted)
    if whole and not attempt.kept and not differences(shown, wanted):
        shown = wanted  # the same values; in the source's order of columns and sizes
    return _moved(attempt, shown, item_id, lines, whole=whole, now=now)


def know_line(lines: dict[str, str], receipt: Receipt) -> None:
    """Remember the subitem of a size, or that there is none any more.

    One that was emptied, since people wrote into it, is still the one of its size.
    """
    if receipt.after[SIZE + receipt.size] is None and receipt.kind != "change_line":
        lines.pop(receipt.size, None)
    else:
        lines[receipt.size] = receipt.item_id


def _carrying_its_key(order: Order) -> Order:
    """The order as it stands once its link key is written: then it says nothing of it."""
    return with_field(order, LINK, None, present=False) if order.cells.get(LINK) else order


def _mapped(shown: Order, wanted: Order) -> Order:
    """Columns that are not mapped any more leave the accepted order; what stands on the board stays there."""
    return replace(shown, cells={column: value for column, value in shown.cells.items() if column in wanted.cells})


def _moved(
    attempt: Attempt, shown: Order, item_id: str, lines: dict[str, str], *, whole: bool, now: datetime
) -> Snapshot:
    order = attempt.order
    snapshot = attempt.snapshot or Snapshot(
        board_id=order.board_id, record=order.record, link_key=order.link_key, customer_id=order.batch.customer_id
    )
    snapshot.order, snapshot.item_id, snapshot.lines, snapshot.accepted_at = payload(shown), item_id, lines, now
    snapshot.customer_id = order.batch.customer_id
    snapshot.key, snapshot.key_hash = order.key, order.key_hash
    all_told = _asks_for_no_more(order, {**(snapshot.withheld or {}), **attempt.kept})
    snapshot.withheld = _still_withheld(snapshot.withheld, attempt.kept, shown)
    exact = whole and all_told and not snapshot.withheld and order.operation != "remove"
    snapshot.order_fingerprint = order.order_fingerprint if exact else fingerprint(shown)
    if whole:
        _stand(snapshot, LinkState.REMOVED if order.operation == "remove" else LinkState.LINKED)
    elif order.operation == "restore" and order.before and shown.group != order_of(order.before).group:
        _stand(snapshot, LinkState.LINKED)  # it is back already, though not all of it
    if not whole:
        snapshot.source_fingerprint = ""  # what the board shows was rendered from no row: the next run must judge it
    elif order.operation != "remove":
        snapshot.source_fingerprint, snapshot.scheme = order.source_fingerprint, order.scheme
        snapshot.mapping_key = order.mapping_key if all_told else ""  # else the next run must judge the row
    return snapshot


def _asks_for_no_more(order: StagedOrder, withheld: Mapping[str, Any]) -> bool:
    """Whether an order and what is withheld now are all that its row asked for when it was staged.

    What was withheld then and has been released since is in neither. (A row with cells that are left alone may be
    looked at once more than it must.)
    """
    if order.operation != "update" or order.after is None:
        return True  # nothing is held back of an order that comes, comes back or goes
    asked = order_of(order.after)
    for name, value in withheld.items():
        asked = with_field(asked, name, value)
    return fingerprint(with_field(asked, LINK, None, present=False)) == order.order_fingerprint


def _stand(snapshot: Snapshot, state: LinkState) -> None:
    """Where the item stands now; that an order is not followed is a person's word, which no push or undo takes back."""
    if snapshot.state != LinkState.GONE:
        snapshot.state = state


def _still_withheld(before: Mapping[str, Any] | None, kept: Mapping[str, Any], shown: Order) -> dict[str, Any]:
    """What stays withheld: what the board keeps now, and what was undone and has not been written since."""
    withheld = {**(before or {}), **kept}
    written = {name for name, value in withheld.items() if same(field_value(shown, name), value)}
    if LINK not in shown.cells:
        written.add(LINK)
    return {name: value for name, value in withheld.items() if name not in written}


def put_back(
    order: StagedOrder,
    snapshot: Snapshot | None,
    answered: Sequence[Receipt],
    kept: Mapping[str, Any],
    now: datetime,
) -> None:
    """Fold an undo's answered receipts into the record's snapshot. Requires an open transaction.

    The values that were undone are withheld: they are not staged again while the source asks for nothing else.
    """
    anew = order.operation == "remove" and order.after is None
    if not answered or (snapshot is None and not anew):
        return
    _decided_meanwhile([snapshot])
    if snapshot is not None and any(receipt.after.get("archived") for receipt in answered):
        if snapshot.state != LinkState.GONE:  # else the link stays, since it says that nobody follows the order
            snapshot.delete()
        count_created(order.board, -1)
        return
    if snapshot is None:
        snapshot = _linked_anew(order)
        count_created(order.board, sum(receipt.kind == "create_item" for receipt in answered))
    shown, lines = order_of(snapshot.order), dict(snapshot.lines)
    for receipt in answered:
        shown = accepted(shown, receipt.after)
        if not receipt.size:
            snapshot.item_id = snapshot.item_id or receipt.item_id
        elif SIZE + receipt.size in receipt.after:
            know_line(lines, receipt)
    if order.operation == "remove":
        _stand(snapshot, LinkState.LINKED)
    elif order.operation == "restore" and _aside_again(order, answered):
        _stand(snapshot, LinkState.REMOVED)
    else:
        # What a later undo remembers is what the source asks for now; this older batch asked for less.
        undone = {name: value for name, value in _wanted(order).items() if name not in kept} | dict(snapshot.withheld)
        snapshot.withheld = _still_withheld(undone, {}, shown)
    before = order_of(order.before) if order.before else None
    if before is not None and fingerprint(before) == fingerprint(shown):
        shown = before
    snapshot.order, snapshot.order_fingerprint = payload(shown), fingerprint(shown)
    snapshot.lines, snapshot.accepted_at = lines, now
    snapshot.save()


def _linked_anew(order: StagedOrder) -> Snapshot:
    """The link to an item that was made anew; its marks are empty, so that the row is looked at when it returns."""
    return Snapshot(
        board_id=order.board_id,
        record=order.record,
        link_key=order.link_key,
        customer_id=order.batch.customer_id,
        key=order.key,
        key_hash=order.key_hash,
        scheme=order.scheme,
        order=payload(Order(name="", group="")),
        item_id="",
    )


def _aside_again(order: StagedOrder, answered: Sequence[Receipt]) -> bool:
    """Whether the item of an order that had come back stands among the removed ones again."""
    group = order_of(order.before).group if order.before else ""
    return any(receipt.after.get("group") == group for receipt in answered)


def _wanted(order: StagedOrder) -> dict[str, Any]:
    """Every value that an order asked for, also those that the board had refused."""
    before = order_of(order.before) if order.before else None
    if order.after is None:
        return {}
    return {change.field: change.after for change in differences(before, order_of(order.after))}
