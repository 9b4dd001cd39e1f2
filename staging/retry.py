"""Retrying: orders that the board refused go out again with the next push, or are given up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .core.lifecycle import BATCH, NotAllowed
from .core.words import in_state
from .models import Batch
from .transitions import move_orders


def retry(*, batch: Batch, orders: Iterable[int] | None, actor: str, now: datetime) -> int:
    """Let rejected orders (all of the batch where None) go out with its next push. Returns how many.

    Opens a transaction. Raises NotAllowed where the batch cannot be pushed as it stands.
    """
    if batch.state not in BATCH["push"].sources:
        raise NotAllowed(
            f"Batch {batch.pk} {in_state(batch.state)} and cannot be pushed. "
            "Remedy: run a sync, which stages what still differs."
        )
    return move_orders(batch, orders, "retry", actor=actor, now=now)


def give_up(*, batch: Batch, orders: Iterable[int] | None, actor: str, now: datetime, reason: str) -> int:
    """Leave rejected orders as they are until the source moves. Returns how many. Raises NotAllowed."""
    return move_orders(batch, orders, "give_up", actor=actor, now=now, reason=reason)
