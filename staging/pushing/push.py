"""Pushing: an approved batch goes to the board chunk by chunk, and can be stopped, killed and resumed anywhere.

The batch is claimed by a lease; what a dead process left is settled from its receipts; unclear orders are looked up
once the board must have finished with them. `send` does one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from monday.boards import GroupFailed, count_created
from monday.client import Unavailable
from staging import audit
from staging.batches.approvers import policy_of
from staging.batches.check import batch_problems
from staging.batches.decide import binding
from staging.core.lifecycle import OPEN, BatchState, NotAllowed, OrderState
from staging.core.ports import SourceRefused
from staging.detection.guards import GuardRefused
from staging.models import Batch, Receipt, Snapshot, StagedOrder
from staging.models.receipt import WriteOutcome
from staging.running.lease import LENGTH, database_now, free_for, let_go, new_owner, renew
from staging.setup import Progress, Setup, Stopped
from staging.transitions import PAGE, move_batch

from .recheck import supersede_moved
from .resolve import PATIENCE, look_up, seconds_left, settle_left
from .send import Sender, sender_of, target_of
from .settle import Settled

ROUNDS = 3  # how often orders that stayed unclear are looked up again in one push

__all__ = ["PATIENCE", "Pushed", "push", "seconds_left", "target_of"]


@dataclass(slots=True)
class Pushed:
    """What a push did to one batch. `moved` names the orders that were out of date and did not go out; `error` is the
    sentence of what stopped it, and `alone` says that it stops no other customer."""

    batch: Batch
    settled: Settled
    moved: list[str] = field(default_factory=list)
    error: str = ""
    alone: bool = False


def push(
    *,
    batch: Batch,
    setup: Setup,
    actor: str,
    chunk: int,
    progress: Progress,
    recheck: bool = True,
    items_only: bool = False,
) -> Pushed:
    """Send everything that is approved in a batch. Idempotent: what the board already shows is not written again.

    Where sizes come later (`sizes_later`), the items of new orders go out before any of their sizes; with `items_only`
    the batch is left paused then, so that other batches' items can go first.

    Unless the source was compared this very moment (`recheck` is false), it is compared again, and orders that moved on
    since their approval are superseded. Raises NotAllowed (not approved, or another process is at it), GuardRefused
    (not what was approved, or the board is not the one that it was approved for), SourceRefused, and Stopped after the
    chunk in hand. An outage ends the push with `error`; the batch can be pushed on.
    """
    pushed = Pushed(batch, Settled())
    _check_board(batch, setup)
    if recheck:
        pushed.moved += supersede_moved(batch=batch, setup=setup, actor=actor)
        if pushed.moved and _nothing_left(batch, actor, setup):
            return pushed
    owner = new_owner()
    _claim(batch, owner, actor, setup)
    try:
        _check_binding(batch)
        sender = sender_of(batch, setup, actor, lambda: renew(batch, owner))
        sender.moved = pushed.moved  # one list of what was out of date, whoever finds it
        if settle_left(batch, sender) and recheck:
            pushed.moved += supersede_moved(batch=batch, setup=setup, actor=actor)
        if items_only or sizes_later(batch, setup):
            _push_items(pushed, sender, chunk, progress)
        if items_only and _approved(batch).exists():
            why = "Its items are on the board; its sizes follow."
            move_batch(batch, "pause", actor=actor, now=setup.clock.now(), reason=why)
            return pushed
        for attempt in range(ROUNDS):
            _push_approved(pushed, sender, chunk, progress)
            if attempt == ROUNDS - 1 or not look_up(batch, sender, patience=PATIENCE):
                break  # what is resolved after the last round would be sent by nobody
            if recheck:  # the source may have moved while the answers were waited for
                pushed.moved += supersede_moved(batch=batch, setup=setup, actor=actor)
        _end(batch, actor, setup)
    except (Unavailable, GroupFailed, SourceRefused) as outage:
        pushed.error, pushed.alone = str(outage), isinstance(outage, GroupFailed)
        move_batch(batch, "fail", actor=actor, now=setup.clock.now(), reason=pushed.error)
    except Stopped:
        if batch.orders.filter(state__in=[OrderState.APPROVED, OrderState.SENDING]).exists():
            move_batch(batch, "pause", actor=actor, now=setup.clock.now(), reason="Stopped after the chunk in hand.")
        else:
            _end(batch, actor, setup)
        raise
    except GuardRefused as refused:
        move_batch(batch, "fail", actor=actor, now=setup.clock.now(), reason=str(refused))
        raise
    finally:
        let_go(batch, owner)
    return pushed


def sizes_later(batch: Batch, setup: Setup) -> bool:
    """Whether the items of this batch go first: as its run was asked to, else as the mapping's policy says."""
    asked = batch.run.scope.get("sizes")
    return (asked or policy_of(batch, setup.mappings).sizes) == "later"


def _approved(batch: Batch) -> QuerySet[StagedOrder]:
    return StagedOrder.objects.filter(batch=batch, state=OrderState.APPROVED)


def _check_board(batch: Batch, setup: Setup) -> None:
    """Compare the board as it stands with what the batch's mapping writes; the approval stands until it fits again."""
    if not batch.orders.filter(state=OrderState.APPROVED).exclude(operation="remove").exists():
        return
    problems = batch_problems(batch, setup.mappings, setup.structure)
    problem = next((problem for problem in problems if problem.severity == "error"), None)
    if problem is not None:
        raise GuardRefused(f"Batch {batch.pk} was not sent, as the board has changed: {problem.sentence()}")


def _nothing_left(batch: Batch, actor: str, setup: Setup) -> bool:
    """Supersede an approved batch of which every order is out of date."""
    batch.refresh_from_db(fields=["state"])
    if batch.state != BatchState.APPROVED or batch.orders.exclude(state=OrderState.SUPERSEDED).exists():
        return False
    why = "Every order of it moved on after the approval."
    move_batch(batch, "supersede", actor=actor, now=setup.clock.now(), reason=why)
    return True


def _claim(batch: Batch, owner: str, actor: str, setup: Setup) -> None:
    """Take the lease, and the state with it; a batch whose pusher died is taken over. Opens a transaction."""
    now = database_now()
    batch.refresh_from_db(fields=["lease_owner", "lease_until"])
    with transaction.atomic():
        claimed = Batch.objects.filter(free_for(batch, now), pk=batch.pk).update(
            lease_owner=owner, lease_until=now + LENGTH
        )
        if not claimed:
            raise NotAllowed(f"Batch {batch.pk} is being pushed by another process. Remedy: wait for it.")
        batch.refresh_from_db()
        if batch.state != BatchState.PUSHING:
            move_batch(batch, "push", actor=actor, now=setup.clock.now())
        else:
            audit.record(
                chain=audit.run_chain(batch.run_id),
                actor=actor,
                action="batch.taken over",
                subject=f"batch:{batch.pk}",
                now=setup.clock.now(),
            )


def _check_binding(batch: Batch) -> None:
    if batch.approved_hash != binding(batch):
        raise GuardRefused(
            f"Batch {batch.pk} is not what was approved: its orders were altered. Remedy: decline it and sync again."
        )


def _push_items(pushed: Pushed, sender: Sender, chunk: int, progress: Progress) -> None:
    """Send the items of new orders, without their sizes; what has its item already is left for later."""
    batch = pushed.batch
    linked = Snapshot.objects.filter(board=batch.board_id, record=OuterRef("record"))
    new = _approved(batch).filter(operation="create").exclude(Exists(linked)).order_by("id")
    total = new.count()
    while ids := list(new.values_list("pk", flat=True)[: min(chunk, PAGE)]):
        progress("items", total - new.count(), total)
        before = _created(batch, ids)
        done = sender.send(ids, items_only=True)
        lost = new.filter(pk__in=ids).count()
        if lost:
            raise Unavailable(
                f"{lost} orders of batch {batch.pk} could not be sent. Remedy: push again.", code="Returned"
            )
        _add(pushed, done)
        count_created(batch.board, _created(batch, ids) - before)
    if total:
        progress("items", total, total)


def _add(pushed: Pushed, done: Settled) -> None:
    for name in ("applied", "rejected", "held", "unclear"):
        setattr(pushed.settled, name, getattr(pushed.settled, name) + getattr(done, name))


def _push_approved(pushed: Pushed, sender: Sender, chunk: int, progress: Progress) -> None:
    batch, total = pushed.batch, pushed.batch.orders.count()
    while ids := _next(batch, chunk):
        left = StagedOrder.objects.filter(batch=batch, state=OrderState.APPROVED).count()
        progress("push", total - left, total)
        before = _created(batch, ids)  # an item that was made before its sizes is counted once
        done = sender.send(ids)
        if done.returned:
            raise Unavailable(
                f"{done.returned} orders of batch {batch.pk} could not be sent. Remedy: push again.", code="Returned"
            )
        _add(pushed, done)
        count_created(batch.board, _created(batch, ids) - before)
    progress("push", total, total)


def _next(batch: Batch, chunk: int) -> list[int]:
    """The next chunk. Orders that got no answer go out in ever smaller ones, until what spoils a chunk stands alone."""
    first = _approved(batch).order_by("attempts", "id").first()
    if first is None:
        return []
    lost = first.receipts.filter(outcome=WriteOutcome.UNCLEAR).values_list("attempt", flat=True).distinct().count()
    alike = _approved(batch).filter(attempts=first.attempts).order_by("id")
    return list(alike.values_list("pk", flat=True)[: max(1, min(chunk, PAGE) >> lost)])


def _created(batch: Batch, ids: list[int]) -> int:
    done = Receipt.objects.filter(batch=batch, order_id__in=ids, kind="create_item", outcome="done")
    return done.count()


def _end(batch: Batch, actor: str, setup: Setup) -> None:
    """Everything is settled, or somebody is needed."""
    needed = StagedOrder.objects.filter(batch=batch, state__in=sorted(OPEN)).count()
    action = "need" if needed else "finish"
    move_batch(batch, action, actor=actor, now=setup.clock.now(), data={"open": needed} if needed else None)
