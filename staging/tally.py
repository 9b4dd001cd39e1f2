"""Tallies: how many orders of a run or a batch count as what, from the rows themselves."""

from __future__ import annotations

from django.db.models import Count

from .core.lifecycle import COUNTED, OrderState
from .models import Batch, Receipt, StagedOrder, SyncRun


def sent_since_begun(run: SyncRun) -> int:
    """How many orders of the board were applied since the run began, whoever staged them."""
    done = Receipt.objects.filter(board=run.board, outcome="done", undoes__isnull=True, intended_at__gte=run.started_at)
    return done.filter(order__state=OrderState.APPLIED).values("order_id").distinct().count()


def staged_by_state(run: SyncRun) -> dict[tuple[str, str], int]:
    """How many of a run's staged orders stand in each (operation, state)."""
    rows = StagedOrder.objects.filter(batch__run=run).values_list("operation", "state").annotate(n=Count("id"))
    return {(operation, state): n for operation, state, n in rows.order_by()}


def batch_counts(batch: Batch) -> dict[str, int]:
    """How many of a batch's orders count as what, as in `COUNTED`."""
    states = dict(batch.orders.values_list("state").annotate(n=Count("id")).order_by())
    return {name: sum(states.get(state, 0) for state in members) for name, members in COUNTED.items()}
