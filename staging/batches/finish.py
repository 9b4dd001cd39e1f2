"""Batches that were pushed in part, and of which nothing is left to do by now, are finished.

What was left of them went another way: a later run staged it anew, or a person gave it up.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from django.db.models import Exists, OuterRef

from monday.models import Board
from staging.core.lifecycle import OPEN, BatchState, NotAllowed, OrderState
from staging.models import Batch, Receipt, StagedOrder
from staging.models.receipt import WriteOutcome
from staging.transitions import move_batch

ACTOR = "policy:finish"
BEGUN = (BatchState.PAUSED, BatchState.FAILED, BatchState.NEEDS_ATTENTION)
NEVER_SENT = (OrderState.SUPERSEDED, OrderState.GIVEN_UP)


def finish_settled(*, now: datetime, board: Board | None = None) -> list[int]:
    """Finish them, on one board or on all; one of which nothing was ever sent is superseded. Returns which.

    Idempotent. Opens a transaction per batch.
    """
    left = StagedOrder.objects.filter(batch=OuterRef("pk"), state__in=sorted(OPEN))
    begun = Batch.objects.filter(~Exists(left), state__in=BEGUN)
    done = []
    for batch in (begun if board is None else begun.filter(board=board)).order_by("pk"):
        written = Receipt.objects.filter(batch=batch, outcome=WriteOutcome.DONE)  # of an order that went out in part
        sent = batch.orders.exclude(state__in=NEVER_SENT).exists() or written.exists()
        with suppress(NotAllowed):  # somebody pushes or undoes it this very moment
            reason = "What was left of it was staged anew or given up."
            move_batch(batch, "finish" if sent else "supersede", actor=ACTOR, now=now, reason=reason)
            done.append(batch.pk)
    return done
