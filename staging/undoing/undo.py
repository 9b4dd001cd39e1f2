"""Undo: what a batch wrote is put back from its receipts, field by field.

Fields that somebody edited since, or that a later batch has written, are kept and listed. An undone change is
remembered on its record, so that the next run leaves the board as it is until the source moves or a person releases it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from monday.boards import GroupFailed
from monday.client import Unavailable
from staging.batches.diff import field_titles
from staging.core.lifecycle import ORDER, BatchState, NotAllowed, OrderState
from staging.core.pushplan import Write
from staging.core.undoplan import ITEM, NO_FORCE, Force, Reversal
from staging.models import Batch, Receipt, Snapshot, StagedOrder
from staging.pushing.journal import ReceiptJournal, abandon, intend
from staging.pushing.resolve import PATIENCE, seconds_left
from staging.pushing.send import intent_of
from staging.pushing.settle import put_back
from staging.running.lease import LENGTH, database_now, free_for, let_go, new_owner, renew
from staging.setup import Progress, Setup
from staging.transitions import move_batch, move_orders

from .reverse import (
    AT_WORK,
    CHUNK,
    Reversing,
    being_written,
    destination_of,
    later_waiting,
    reversals,
    target_then,
    undoable,
)

NOTHING = "Nothing of batch {batch} is chosen that could be undone. Remedy: choose orders that it wrote."


@dataclass(slots=True)
class Undone:
    """What an undo did: orders put back whole, and what was kept (order label -> why)."""

    undone: int = 0
    kept: dict[str, str] = field(default_factory=dict)
    error: str = ""

    def keep(self, order: StagedOrder, why: str) -> None:
        """Name an order of which something was kept; two that are called alike are told apart."""
        self.kept[f"{order.label} (#{order.pk})" if order.label in self.kept else order.label] = why


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be undone: `only` these orders (None for all), and which later edits of people are overwritten.

    `force` holds for every order, `forces` for single ones. `begun` is when an undo that goes on in steps began: what
    it kept since then is not tried again.
    """

    only: frozenset[int] | None = None
    force: Force = NO_FORCE
    forces: Mapping[int, Force] = field(default_factory=dict)
    begun: datetime | None = None

    def force_of(self, pk: int) -> Force:
        """What is overwritten of this order."""
        return self.force or self.forces.get(pk, NO_FORCE)


def undo(
    *,
    batch: Batch,
    setup: Setup,
    actor: str,
    progress: Progress,
    reason: str = "",
    only: Iterable[int] | None = None,
    force: Force | bool = NO_FORCE,
    forces: Mapping[int, Force] | None = None,
    begun: datetime | None = None,
) -> Undone:
    """Put back what a batch wrote; see `Wanted` for what may be chosen. Overwriting edits of people needs a reason.

    Opens short transactions, none while the board is waited for. Raises NotAllowed. Idempotent: what was put back is
    not put back again, and an undo that was cut off goes on when it is called again.
    """
    overwriting = Force(everything=force) if isinstance(force, bool) else force
    wanted = Wanted(None if only is None else frozenset(only), overwriting, forces or {}, begun)
    if (wanted.force or wanted.forces) and not reason.strip():
        raise NotAllowed("Overwriting what people edited needs a reason. Remedy: say why in a few words.")
    owner, done = new_owner(), Undone()
    _claim(batch, owner, actor, setup, reason, wanted)
    destination = destination_of(batch, setup)
    try:
        _resume(batch, setup)
        ids = _orders(batch, wanted, done)
        for start in range(0, len(ids), CHUNK):
            progress("undo", start, len(ids))
            _undo_chunk(batch, ids[start : start + CHUNK], setup, destination, actor, owner, done, wanted)
        if not done.error:
            _end(batch, done, actor, setup, whole=wanted.only is None)
    except (Unavailable, GroupFailed) as outage:
        done.error = str(outage)
    finally:
        let_go(batch, owner)
    return done


def _claim(batch: Batch, owner: str, actor: str, setup: Setup, reason: str, wanted: Wanted) -> None:
    now = database_now()
    batch.refresh_from_db(fields=["lease_owner", "lease_until"])
    with transaction.atomic():
        mine = Batch.objects.filter(free_for(batch, now), pk=batch.pk)
        if not mine.update(lease_owner=owner, lease_until=now + LENGTH):
            raise NotAllowed(f"Another process is working on batch {batch.pk}. Remedy: wait for it.")
        batch.refresh_from_db()
        doubtful = batch.orders.filter(state__in=[OrderState.SENDING, OrderState.UNCLEAR])
        if any(wanted.only is None or pk in wanted.only for pk in doubtful.values_list("pk", flat=True)):
            raise NotAllowed(
                f"Batch {batch.pk} has orders of which it is unclear whether the board took them. "
                "Remedy: push it again, which looks them up; then undo it."
            )
        if wanted.only is not None and batch.state != BatchState.UNDOING and not _any(batch, wanted.only):
            raise NotAllowed(NOTHING.format(batch=batch.pk))
        chosen = {"orders": "all" if wanted.only is None else len(wanted.only)}
        move_batch(
            batch, "undo", actor=actor, now=setup.clock.now(), reason=reason, data={**chosen, **_overwritten(wanted)}
        )


def _any(batch: Batch, only: frozenset[int]) -> bool:
    return not only.isdisjoint(undoable(batch).values_list("pk", flat=True))


def _overwritten(wanted: Wanted) -> dict[str, Any]:
    """What of people's edits is overwritten, for the audit; nothing where none is."""
    if not wanted.force and not wanted.forces:
        return {}
    named = {str(pk): sorted({*force.fields, *force.seen}) for pk, force in wanted.forces.items()}
    return {"overwrites": "everything" if wanted.force.everything else named or sorted(wanted.force.fields)}


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


def _orders(batch: Batch, wanted: Wanted, done: Undone) -> list[int]:
    """The orders to put back, the newest first: those wanted, those begun; not what this undo has kept already."""
    ids = []
    for order in undoable(batch).order_by("-id").defer("before", "after"):
        if order.state != OrderState.UNDOING and wanted.only is not None and order.pk not in wanted.only:
            continue
        if wanted.begun and order.state == OrderState.KEPT and order.updated_at >= wanted.begun:
            done.keep(order, order.reason)
            continue
        ids.append(order.pk)
    if wanted.begun:
        done.undone = batch.orders.filter(state=OrderState.UNDONE, updated_at__gte=wanted.begun).count()
    return ids


def _end(batch: Batch, done: Undone, actor: str, setup: Setup, *, whole: bool) -> None:
    """Of a whole undo, what was not sent yet stays unsent, and the next sync stages it anew; else it can go out yet."""
    now = setup.clock.now()
    if whole:
        unsent = batch.orders.filter(state__in=sorted(ORDER["supersede"].sources)).exclude(
            pk__in=undoable(batch).values("pk")
        )
        why, ids = f"Batch {batch.pk} was undone before this order was sent.", list(unsent.values_list("pk", flat=True))
        move_orders(batch, ids, "supersede", actor=actor, now=now, reason=why, current=False)
    rest = undoable(batch).exists()
    action = "undone" if whole and not done.kept and not rest else "partly_undone"
    if not whole and not rest and not batch.orders.exclude(state=OrderState.UNDONE).exists():
        action = "undone"  # each of its orders was ticked at one time or another
    move_batch(batch, action, actor=actor, now=now, data={"undone": done.undone, "kept": done.kept})


def _undo_chunk(
    batch: Batch,
    ids: Sequence[int],
    setup: Setup,
    destination: Any,
    actor: str,
    owner: str,
    done: Undone,
    wanted: Wanted,
) -> None:
    begun = _begin(batch, _load(ids), actor, setup.clock.now(), done)
    if not begun:
        return
    works = reversals(_load(begun), setup, destination, force_of=wanted.force_of)
    for kind in ("item", "line"):
        _write(batch, works, kind, setup, destination, owner)
    renew(batch, owner)
    title = field_titles(batch)
    with transaction.atomic():
        for work in works:
            _settle(batch, work, actor, setup, done, title)


def _load(ids: Iterable[int]) -> list[StagedOrder]:
    return list(StagedOrder.objects.filter(pk__in=list(ids)).select_related("batch").order_by("-id"))


def _begin(batch: Batch, orders: Sequence[StagedOrder], actor: str, now: datetime, done: Undone) -> list[int]:
    """Claim the orders before the board is looked at, so that from then on nobody stages or sends anything of their
    records. Later changes that still wait step aside, as they were built on what is undone now; an order that another
    batch is writing stays as it is, with the reason. Opens a transaction. Raises Unavailable where somebody was
    quicker.
    """
    at_work, why = being_written(orders), f"Batch {batch.pk}, on which it was built, is undone."
    free = [order for order in orders if order.state == OrderState.UNDOING or order.link_key not in at_work]
    snapshots = Snapshot.objects.filter(board=batch.board_id, link_key__in=[order.link_key for order in free])
    records = dict(snapshots.values_list("link_key", "record"))
    moved = {link_key for link_key, said in snapshots.values_list("link_key", "said") if said}
    try:
        with transaction.atomic():
            for order in free:
                for stale in later_waiting(order, ORDER["supersede"].sources).select_related("batch"):
                    move_orders(stale.batch, [stale.pk], "supersede", actor=actor, now=now, reason=why, current=False)
                if order.record != (record := records.get(order.link_key, order.record)):
                    # Its record has a new UUID since: what is remembered of the undo is remembered under that.
                    StagedOrder.objects.filter(pk=order.pk).update(record=record)
            move_orders(batch, [order.pk for order in free], "undo", actor=actor, now=now, current=True)
            # The row said something else since: the next run looks at it, also where it says this again.
            since = StagedOrder.objects.filter(pk__in=[order.pk for order in free if order.link_key in moved])
            since.update(source_fingerprint="")
    except IntegrityError:
        what = f"An order of batch {batch.pk} is being written by another batch. Remedy: wait for it, then undo again."
        raise Unavailable(what, code="Busy") from None
    for order in orders:
        if order not in free:
            done.keep(order, AT_WORK.format(batch=at_work[order.link_key]))
    return [order.pk for order in free]


def _write(batch: Batch, works: Sequence[Reversing], kind: str, setup: Setup, destination: Any, owner: str) -> None:
    writes: list[tuple[Reversing, Reversal, Write]] = [
        (work, step, step.write)
        for work in works
        for step in work.plan
        if step.write is not None and bool(step.write.size) == (kind == "line") and _may_write(work, step.write)
    ]
    if not writes:
        return
    writes = [(work, step, _below(work, write)) for work, step, write in writes]
    receipts = intend(
        batch,
        [(work.order, write) for work, _, write in writes],
        now=setup.clock.now(),
        undoes={position: step.receipt for position, (_, step, _) in enumerate(writes)},
    )
    groups = sorted({write.after["group"] for _, _, write in writes if write.kind in ("move_item", "create_item")})
    if groups:
        destination.ensure_groups(groups)
    target = target_then(batch, setup)
    intents = []
    for (work, _, write), receipt in zip(writes, receipts, strict=True):
        work.receipts.append(receipt)
        if write.kind != "confirm":
            intents.append(intent_of(receipt.pk, write, work.order.link_key, target.uuid_column, target.lines))
    journal = ReceiptJournal(receipts, clock=setup.clock.now, before_each=lambda: renew(batch, owner))
    if intents:
        destination.write(intents, journal)


def _may_write(work: Reversing, write: Write) -> bool:
    """Lines of an item that is made anew wait for the item."""
    return not (work.anew and write.size) or bool(_made(work))


def _below(work: Reversing, write: Write) -> Write:
    if not (work.anew and write.size) or write.parent_id:
        return write
    return Write(write.kind, write.item_id, _made(work), write.size, write.before, write.after)


def _made(work: Reversing) -> str:
    """The item that stands for an archived one, "" where it could not be made."""
    return next((r.item_id for r in work.receipts if not r.size and r.outcome == "done" and r.item_id), "")


def _settle(batch: Batch, work: Reversing, actor: str, setup: Setup, done: Undone, title: Callable[[str], str]) -> None:
    """Fold the undo's receipts into the snapshot, and end the order as undone or kept. Requires an open transaction.

    An order of which an answer was lost stays as it is: the next undo looks at the board first.
    """
    now = setup.clock.now()
    if any(receipt.outcome not in ("done", "refused") for receipt in work.receipts):
        done.error = f"Of {work.order.label} an answer of the board was lost. Remedy: undo again, which looks first."
        return
    answered = [*work.earlier, *(receipt for receipt in work.receipts if receipt.outcome == "done")]
    kept = {name: value for step in work.plan for name, value in step.kept.items()}
    whys = [step.why for step in work.plan if step.why]
    whys += [_refusal(receipt) for receipt in work.receipts if receipt.outcome == "refused"]
    put_back(work.order, work.snapshot, answered, kept, now)
    if not whys:
        data = {"typed by people, not brought back": dict(work.typed)} if work.typed else None
        done.undone += move_orders(
            batch, [work.order.pk], "undone", actor=actor, now=now, data=data, current=_last_word(work)
        )
        return
    named = sorted({"the whole item" if name == ITEM else title(name) for name in kept})
    why = " ".join(dict.fromkeys(whys)) + (f" Kept: {', '.join(named)}." if named else "")
    done.keep(work.order, why)
    current = bool(answered) and _last_word(work)
    move_orders(batch, [work.order.pk], "keep", actor=actor, now=now, reason=why, data={"kept": kept}, current=current)


def _last_word(work: Reversing) -> bool:
    """Whether nothing was staged for this record since that still holds."""
    later = StagedOrder.objects.filter(board_id=work.order.board_id, link_key=work.order.link_key, pk__gt=work.order.pk)
    return not later.filter(state__in=[OrderState.APPLIED, OrderState.KEPT]).exists() and not (
        later.filter(current=True).exists()
    )


def _refusal(receipt: Receipt) -> str:
    return str((receipt.problem or {}).get("message") or "The board refused it. Remedy: undo again.")


def can_undo(batch: Batch) -> bool:
    """Whether a batch has anything that could be put back."""
    return batch.state != BatchState.UNDONE and undoable(batch).exists()
