"""Retrying: orders that the board refused go out again with the next push, or are given up.

What was refused for a passing reason is tried again by later runs, ever more rarely and a few times; the rest is for a
person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet

from monday.models import Board
from staging.core.lifecycle import BATCH, NotAllowed, OrderState
from staging.core.words import in_state
from staging.models import Batch, StagedOrder
from staging.transitions import move_orders

AUTOMATIC = "policy:retry"
TIMES = 10  # refusals in a row after which no schedule tries an order again; a person still may


def retry(*, batch: Batch, orders: Iterable[int] | None, actor: str, now: datetime) -> int:
    """Let rejected orders (all of the batch where None) go out with its next push. Returns how many.

    What is refused again afterwards is tried again as after a first refusal. Opens a transaction. Raises NotAllowed
    where the batch cannot be pushed as it stands.
    """
    if batch.state not in BATCH["push"].sources:
        raise NotAllowed(
            f"Batch {batch.pk} {in_state(batch.state)} and cannot be pushed. "
            "Remedy: run a sync, which stages what still differs."
        )
    return move_orders(batch, orders, "retry", actor=actor, now=now, failures=0, first_failed_at=None, retry_at=None)


def retry_due(*, board: Board | None, now: datetime) -> list[Batch]:
    """Let the rejected orders go out again whose next attempt is due, of one board or of all. Returns their batches.

    Opens a short transaction per batch. A batch that is at work or undone is left as it is.
    """
    due = StagedOrder.objects.filter(state=OrderState.REJECTED, retry_at__lte=now)
    due = due.filter(batch__state__in=sorted(BATCH["push"].sources))
    if board is not None:
        due = due.filter(board=board)
    return _again(due, now, "The board refused it for a reason that passes by itself.")


def retry_all(*, boards: Sequence[Board], now: datetime) -> list[Batch]:
    """Let the rejected orders of these boards go out again that were refused fewer than ten times in a row.

    For a schedule of once a day, so that what somebody has put right goes out without being asked for. Opens a short
    transaction per batch, and returns the batches. One that is at work or undone is left as it is.
    """
    rejected = StagedOrder.objects.filter(state=OrderState.REJECTED, failures__lt=TIMES, board__in=list(boards))
    rejected = rejected.filter(batch__state__in=sorted(BATCH["push"].sources))
    return _again(rejected, now, "The day's attempt: its cause may be put right by now.")


def _again(due: QuerySet[StagedOrder], now: datetime, why: str) -> list[Batch]:
    found: dict[int, list[int]] = {}
    for batch_id, pk in due.order_by("id").values_list("batch_id", "pk").iterator(chunk_size=1000):
        found.setdefault(batch_id, []).append(pk)
    batches = []
    for batch_id, orders in found.items():
        batch = Batch.objects.select_related("board", "customer").get(pk=batch_id)
        if move_orders(batch, orders, "again", actor=AUTOMATIC, now=now, data={"why": why}, retry_at=None):
            batches.append(batch)
    return batches


def give_up(*, batch: Batch, orders: Iterable[int] | None, actor: str, now: datetime, reason: str) -> int:
    """Leave rejected orders as they are until the source moves. Returns how many. Raises NotAllowed."""
    return move_orders(batch, orders, "give_up", actor=actor, now=now, reason=reason, retry_at=None)
