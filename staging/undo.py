"""Undo: what a batch wrote is put back from its receipts, field by field.

Fields that somebody edited since are kept and listed. An undone change is remembered on its record, so that the next
run leaves the board as it is until the source moves or a person releases it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from monday.boards import GroupFailed
from monday.client import Unavailable

from .core.lifecycle import ORDER, BatchState, NotAllowed, OrderState
from .core.ports import LiveItem
from .core.pushplan import Done, Reversal, Write, attributed, plan_undo
from .journal import ReceiptJournal, abandon, intend
from .lease import LENGTH, database_now, free_for, let_go, new_owner, renew
from .models import Batch, Receipt, Snapshot, StagedOrder
from .push import PATIENCE, seconds_left, target_of
from .send import intent_of
from .settle import put_back
from .setup import Progress, Setup
from .transitions import move_batch, move_orders

CHUNK = 100  # orders per look at the board


@dataclass(slots=True)
class Undone:
    """What an undo did: orders put back whole, and what was kept (order label -> why)."""

    undone: int = 0
    kept: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(slots=True)
class Reversing:
    """One order being put back: the plan, and the receipts of the undo by the receipt that they take back.

    `earlier` are receipts of an undo that was cut off before they reached the snapshot.
    """

    order: StagedOrder
    snapshot: Snapshot | None
    plan: list[Reversal]
    earlier: list[Receipt] = field(default_factory=list)
    receipts: dict[int, Receipt] = field(default_factory=dict)


def undo(
    *,
    batch: Batch,
    setup: Setup,
    actor: str,
    progress: Progress,
    reason: str = "",
    only: Iterable[int] | None = None,
    force: bool = False,
) -> Undone:
    """Put back what a batch wrote (only these orders, where given). `force` overwrites later edits of people.

    Opens short transactions, none while the board is waited for. Raises NotAllowed. Idempotent: what was put back is
    not put back again, and an undo that was cut off goes on when it is called again.
    """
    owner = new_owner()
    _claim(batch, owner, actor, setup, reason)
    done = Undone()
    wanted = None if only is None else set(only)
    destination = setup.destination(target_of(setup, batch.customer.name), batch.customer.name)
    try:
        _resume(batch, setup)
        ids = list(_undoable(batch, wanted).order_by("-id").values_list("pk", flat=True))
        for start in range(0, len(ids), CHUNK):
            progress("undo", start, len(ids))
            _undo_chunk(batch, ids[start : start + CHUNK], setup, destination, actor, owner, done, force=force)
        if not done.error:
            _end(batch, done, actor, setup, whole=wanted is None)
    except (Unavailable, GroupFailed) as outage:
        done.error = str(outage)
    finally:
        let_go(batch, owner)
    return done


def _claim(batch: Batch, owner: str, actor: str, setup: Setup, reason: str) -> None:
    now = database_now()
    batch.refresh_from_db(fields=["lease_owner", "lease_until"])
    with transaction.atomic():
        mine = Batch.objects.filter(free_for(batch, now), pk=batch.pk)
        if not mine.update(lease_owner=owner, lease_until=now + LENGTH):
            raise NotAllowed(f"Another process is working on batch {batch.pk}. Remedy: wait for it.")
        batch.refresh_from_db()
        if batch.orders.filter(state__in=[OrderState.SENDING, OrderState.UNCLEAR]).exists():
            raise NotAllowed(
                f"Batch {batch.pk} has orders of which it is unclear whether the board took them. "
                "Remedy: push it again, which looks them up; then undo it."
            )
        move_batch(batch, "undo", actor=actor, now=setup.clock.now(), reason=reason)


def _resume(batch: Batch, setup: Setup) -> None:
    """What a dead undo left: its intents are dropped; every order is planned again against the live board.

    Raises Unavailable where the board may still be at work on a request whose answer was lost.
    """
    left = list(batch.orders.filter(state=OrderState.UNDOING).values_list("pk", flat=True))
    abandon(left)
    lost = Receipt.objects.filter(batch=batch, order__state=OrderState.UNDOING, outcome="unclear", undoes__isnull=False)
    seconds = seconds_left(lost.aggregate(newest=Max("sent_at"))["newest"], setup)
    if seconds > PATIENCE:
        remedy = f"undo again in {seconds:.0f} seconds, which looks first"
        raise Unavailable(f"An answer of the board was lost. Remedy: {remedy}.", code="Unclear", retry_after=seconds)
    if seconds > 0:
        setup.clock.sleep(seconds)


def _undoable(batch: Batch, only: set[int] | None) -> Any:
    """Orders with something to put back: applied ones, rejected ones that were written in part, and those begun."""
    written = Receipt.objects.filter(batch=batch, outcome="done", undoes__isnull=True).values("order_id")
    orders = Q(state__in=[OrderState.APPLIED, OrderState.KEPT]) | Q(state=OrderState.REJECTED, pk__in=written)
    if only is not None:
        orders &= Q(pk__in=list(only)[:1000])
    return batch.orders.filter(orders | Q(state=OrderState.UNDOING))


def _end(batch: Batch, done: Undone, actor: str, setup: Setup, *, whole: bool) -> None:
    """What was not sent yet stays unsent, and the next sync stages it anew; then the batch is undone, or in part."""
    now = setup.clock.now()
    unsent = batch.orders.filter(state__in=sorted(ORDER["supersede"].sources))
    why = f"Batch {batch.pk} was undone before this order was sent."
    move_orders(
        batch, list(unsent.values_list("pk", flat=True)), "supersede", actor=actor, now=now, reason=why, current=False
    )
    rest = batch.orders.filter(state__in=[OrderState.APPLIED, OrderState.KEPT]).exists()
    action = "undone" if whole and not done.kept and not rest else "partly_undone"
    move_batch(batch, action, actor=actor, now=now, data={"undone": done.undone, "kept": done.kept})


def _undo_chunk(
    batch: Batch,
    ids: Sequence[int],
    setup: Setup,
    destination: Any,
    actor: str,
    owner: str,
    done: Undone,
    *,
    force: bool,
) -> None:
    now = setup.clock.now()
    orders = list(StagedOrder.objects.filter(pk__in=list(ids)).select_related("batch").order_by("-id"))
    blocked = _written_later(orders)
    free = [order for order in orders if order.pk not in blocked]
    done.kept |= {order.label: blocked[order.pk] for order in orders if order.pk in blocked}
    _step_aside(free, actor, setup)
    move_orders(batch, [order.pk for order in free], "undo", actor=actor, now=now)
    works = _plan(free, setup, destination, force=force)
    for kind in ("item", "line"):
        _write(batch, works, kind, setup, destination, owner)
    renew(batch, owner)
    with transaction.atomic():
        for work in works:
            _settle(batch, work, actor, setup, done)


def _written_later(orders: Sequence[StagedOrder]) -> dict[int, str]:
    """Orders whose record a later batch has written since: that one must be undone first."""
    blocked = {}
    for order in orders:
        later = (
            StagedOrder.objects.filter(board_id=order.board_id, record=order.record, pk__gt=order.pk)
            .filter(state__in=[OrderState.APPLIED, OrderState.SENDING, OrderState.UNCLEAR, OrderState.UNDOING])
            .order_by("-id")
            .first()
        )
        if later is not None:
            blocked[order.pk] = f"Batch {later.batch_id} has written this order since. Remedy: undo that batch first."
    return blocked


def _step_aside(orders: Sequence[StagedOrder], actor: str, setup: Setup) -> None:
    """Later changes of these records that are still waiting are out of date: they were built on what is undone now."""
    for order in orders:
        later = StagedOrder.objects.filter(
            board_id=order.board_id, record=order.record, state__in=sorted(ORDER["supersede"].sources)
        ).exclude(pk=order.pk)
        for stale in later.select_related("batch"):
            why = f"Batch {order.batch_id}, on which it was built, is undone."
            move_orders(
                stale.batch, [stale.pk], "supersede", actor=actor, now=setup.clock.now(), reason=why, current=False
            )


def _plan(orders: Sequence[StagedOrder], setup: Setup, destination: Any, *, force: bool) -> list[Reversing]:
    snapshots = {
        s.record: s for s in Snapshot.objects.filter(board=setup.board, record__in=[order.record for order in orders])
    }
    receipts = {order.pk: _to_reverse(order) for order in orders}
    item_ids = {order.pk: _item_id(receipts[order.pk], snapshots.get(order.record)) for order in orders}
    live: dict[str, LiveItem] = destination.read(sorted({i for i in item_ids.values() if i}))
    works = []
    for order in orders:
        earlier = _taken_back(order)
        gone = any(receipt.after.get("archived") for receipt in earlier)  # its lines went with it
        plan = (
            []
            if gone
            else plan_undo(
                receipts[order.pk],
                live.get(item_ids[order.pk]),
                order.link_key,
                _line_ids(snapshots.get(order.record)),
                force=force,
            )
        )
        works.append(Reversing(order, snapshots.get(order.record), plan, earlier))
    return works


def _line_ids(snapshot: Snapshot | None) -> dict[str, str]:
    return dict(snapshot.lines) if snapshot else {}


def _to_reverse(order: StagedOrder) -> list[Done]:
    """The order's writes that the board has and that no answered undo has taken back yet, oldest first."""
    back = set(
        Receipt.objects.filter(order=order, undoes__isnull=False, outcome="done").values_list("undoes_id", flat=True)
    )
    forth = order.receipts.filter(undoes__isnull=True, outcome__in=["done", "unclear"]).order_by("id")
    by_outcome: dict[str, list[Done]] = {"done": [], "unclear": []}
    for r in forth:
        by_outcome[r.outcome].append(Done(r.pk, r.kind, r.item_id, r.parent_id, r.size, r.before, r.after))
    return [done for done in attributed(by_outcome["done"], by_outcome["unclear"]) if done.receipt not in back]


def _taken_back(order: StagedOrder) -> list[Receipt]:
    """What an undo that was cut off has written already; it is not in the snapshot yet."""
    if order.state != OrderState.UNDOING:
        return []
    begun = order.receipts.filter(undoes__isnull=False, outcome="done", intended_at__gte=order.updated_at)
    return list(begun.select_related("undoes").order_by("id"))


def _item_id(receipts: Sequence[Done], snapshot: Snapshot | None) -> str:
    if snapshot is not None:
        return snapshot.item_id
    return next((done.parent_id if done.size else done.item_id for done in receipts), "")


def _write(batch: Batch, works: Sequence[Reversing], kind: str, setup: Setup, destination: Any, owner: str) -> None:
    writes: list[tuple[Reversing, Reversal, Write]] = [
        (work, step, step.write)
        for work in works
        for step in work.plan
        if step.write is not None and bool(step.write.size) == (kind == "line")
    ]
    if not writes:
        return
    receipts = intend(
        batch,
        [(work.order, write) for work, _, write in writes],
        now=setup.clock.now(),
        undoes={position: step.receipt for position, (_, step, _) in enumerate(writes)},
    )
    groups = sorted({write.after["group"] for _, _, write in writes if write.kind == "move_item"})
    if groups:
        destination.ensure_groups(groups)
    lines = target_of(setup, batch.customer.name).lines
    uuid_column = setup.mappings.family.default.board.uuid_column
    intents = []
    for (work, step, write), receipt in zip(writes, receipts, strict=True):
        work.receipts[step.receipt] = receipt
        if write.kind != "confirm":
            intents.append(intent_of(receipt.pk, write, work.order.link_key, uuid_column, lines))
    journal = ReceiptJournal(receipts, clock=setup.clock.now, before_each=lambda: renew(batch, owner))
    if intents:
        destination.write(intents, journal)


def _settle(batch: Batch, work: Reversing, actor: str, setup: Setup, done: Undone) -> None:
    """Fold the undo's receipts into the snapshot, and end the order as undone or kept. Requires an open transaction.

    An order of which an answer was lost stays as it is: the next undo looks at the board first.
    """
    now = setup.clock.now()
    receipts = list(work.receipts.values())
    if any(receipt.outcome not in ("done", "refused") for receipt in receipts):
        done.error = f"Of {work.order.label} an answer of the board was lost. Remedy: undo again, which looks first."
        return
    answered = [*work.earlier, *(receipt for receipt in receipts if receipt.outcome == "done")]
    kept = {name: value for step in work.plan for name, value in step.kept.items()}
    whys = [step.why for step in work.plan if step.why]
    whys += [_refusal(receipt) for receipt in receipts if receipt.outcome == "refused"]
    put_back(work.order, work.snapshot, answered, kept, now)
    if not whys:
        last = not StagedOrder.objects.filter(
            board_id=work.order.board_id, record=work.order.record, current=True, pk__gt=work.order.pk
        ).exists()
        done.undone += move_orders(batch, [work.order.pk], "undone", actor=actor, now=now, current=last)
        return
    why = " ".join(dict.fromkeys(whys)) + (f" Kept: {', '.join(sorted(kept))}." if kept else "")
    done.kept[work.order.label] = why
    move_orders(
        batch, [work.order.pk], "keep", actor=actor, now=now, reason=why, data={"kept": kept}, current=bool(answered)
    )


def _refusal(receipt: Receipt) -> str:
    return str((receipt.problem or {}).get("message") or "The board refused it. Remedy: undo again.")


def can_undo(batch: Batch) -> bool:
    """Whether a batch has anything that could be put back."""
    return batch.state != BatchState.UNDONE and _undoable(batch, None).exists()
