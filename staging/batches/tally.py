"""Tallies: how many orders of a run or a batch count as what, from the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count

from staging.core.counts import Counts
from staging.core.lifecycle import COUNTED, OrderState
from staging.models import Batch, Receipt, StagedOrder, SyncRun
from staging.models.run import Kind

SUMS = (
    ("read", ("unchanged", "new", "changed", "waiting", "rekeyed", "invalid", "duplicate")),
    ("new + changed + removed", ("staged", "deferred")),
    ("staged", ("pending", "applied", "held", "rejected", "skipped", "unclear")),
    ("applied", ("created", "updated", "removed_from_board", "restored")),
)


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


def counts_now(runs: Iterable[SyncRun]) -> dict[int, Counts]:
    """The counts of each sync run, with its orders counted in their present states; two queries at most."""
    wanted = {run.pk: run for run in runs if run.kind == Kind.SYNC and run.counts}
    states: dict[int, dict[tuple[str, str], int]] = {}
    rows = StagedOrder.objects.filter(batch__run__in=list(wanted)).values_list("batch__run_id", "operation", "state")
    for pk, operation, state, number in rows.annotate(number=Count("id")).order_by():
        states.setdefault(pk, {})[operation, state] = number
    found = {}
    for pk, run in wanted.items():
        counts = Counts.from_json(run.counts)
        counts.count_staged(states.get(pk, {}))
        found[pk] = counts
    return found


def sums(counts: Counts) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """The counts that must add up: (whole, number, [(part, number)])."""
    values = counts.to_json()
    found = []
    for whole, parts in SUMS:
        number = sum(values[name] or 0 for name in whole.split(" + "))
        shown = [(part.replace("_", " "), values[part] or 0) for part in parts if values[part]]
        found.append((whole, number, shown))
    return found
