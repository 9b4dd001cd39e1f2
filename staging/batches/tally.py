"""Tallies: how many orders of a run or a batch count as what, from the rows themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from staging.core.counts import CountsNow
from staging.core.lifecycle import COUNTED, TAKEN_BACK, OrderState
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


@dataclass(frozen=True, slots=True)
class Holding:
    """What a batch holds: its orders by (operation, state).

    Of those that are settled for good, by state, how many are remembered no more: `free` ones the next sync judges
    anew, as somebody released them or their source moved; `anew` ones stand in a later batch by now.
    """

    orders: Counter[tuple[str, str]] = field(default_factory=Counter)
    free: Counter[str] = field(default_factory=Counter)
    anew: Counter[str] = field(default_factory=Counter)

    @property
    def states(self) -> Counter[str]:
        """Orders by state."""
        return _summed((state, number) for (_, state), number in self.orders.items())

    @property
    def operations(self) -> Counter[str]:
        """Orders by what they do, without those that stay here: the held and the skipped ones."""
        return self._doing(set(OrderState) - COUNTED["held"] - COUNTED["skipped"])

    @property
    def held(self) -> Counter[str]:
        """The held orders by what they would do."""
        return self._doing(COUNTED["held"])

    def _doing(self, states: Set[str]) -> Counter[str]:
        return _summed((does, number) for (does, state), number in self.orders.items() if state in states)

    @property
    def counts(self) -> dict[str, int]:
        """Orders by what they count as, as in `COUNTED`."""
        states = self.states
        return {name: sum(states[state] for state in members) for name, members in COUNTED.items()}

    @property
    def remembered(self) -> dict[str, int]:
        """Of the skipped ones, by state, those that no sync stages again by itself."""
        kept = {state: self.states[state] - self.free[state] - self.anew[state] for state in REMEMBERED}
        return {state: number for state, number in kept.items() if number}


REMEMBERED = (OrderState.DECLINED, OrderState.GIVEN_UP)
LET_GO = (*REMEMBERED, OrderState.UNDONE)
PAGE = 500


def holdings(ids: Sequence[int]) -> dict[int, Holding]:
    """What each of these batches holds; some queries for each page of batches, however many orders they have."""
    found = {pk: Holding() for pk in ids}
    for start in range(0, len(ids), PAGE):
        orders = StagedOrder.objects.filter(batch__in=ids[start : start + PAGE])
        states = set()
        for batch, operation, state, number in _numbers(orders, "batch_id", "operation", "state"):
            found[batch].orders[operation, state] = number
            states.add(state)
        if states.intersection(LET_GO):
            _let_go(orders.filter(state__in=LET_GO, current=False), found)
    return found


def _let_go(orders: QuerySet[StagedOrder], found: dict[int, Holding]) -> None:
    """Count the settled orders that are not the last word on their record any more."""
    later = StagedOrder.objects.filter(board=OuterRef("board"), record=OuterRef("record"), pk__gt=OuterRef("pk"))
    # What was undone may have been followed already when it was undone: that is not staged anew.
    since = later.filter(batch__created_at__gte=OuterRef("updated_at"))
    undone = Q(state=OrderState.UNDONE)
    for batch, state, number in _numbers(orders.filter(~Exists(later)), "batch_id", "state"):
        found[batch].free[state] = number
    anew = orders.filter((undone & Exists(since)) | (~undone & Exists(later)))
    for batch, state, number in _numbers(anew, "batch_id", "state"):
        found[batch].anew[state] = number


def _numbers(orders: QuerySet[StagedOrder], *names: str) -> Iterable[tuple[Any, ...]]:
    return orders.values_list(*names).annotate(number=Count("id")).order_by()


def _summed(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for name, number in pairs:
        total[name] += number
    return total


def batch_counts(batch: Batch) -> dict[str, int]:
    """How many of a batch's orders count as what, as in `COUNTED`."""
    return holdings([batch.pk])[batch.pk].counts


def counts_since(batch: Batch, began: datetime) -> dict[str, int]:
    """Of a batch's orders, those that have moved since, as in `COUNTED`: what one push of several made of it."""
    holding = Holding()
    moved = batch.orders.filter(updated_at__gte=began)
    for operation, state, number in _numbers(moved, "operation", "state"):
        holding.orders[operation, state] = number
    return holding.counts


def counts_now(runs: Iterable[SyncRun]) -> dict[int, CountsNow]:
    """The counts of each sync run, with its orders counted in their present states; two queries at most."""
    wanted = {run.pk: run for run in runs if run.kind == Kind.SYNC and run.counts}
    states: dict[int, dict[tuple[str, str], int]] = {}
    rows = StagedOrder.objects.filter(batch__run__in=list(wanted)).values_list("batch__run_id", "operation", "state")
    for pk, operation, state, number in rows.annotate(number=Count("id")).order_by():
        states.setdefault(pk, {})[operation, state] = number
    found = {}
    for pk, run in wanted.items():
        counts = CountsNow.from_json(run.counts)
        counts.count_staged(states.get(pk, {}))
        found[pk] = counts
    return found


def sums(counts: CountsNow) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """The counts that must add up: (whole, number, [(part, number)]). What undos took back since is told apart."""
    values = counts.to_json()
    found = []
    for whole, parts in SUMS:
        number = sum(values[name] or 0 for name in whole.split(" + "))
        shown = [(part.replace("_", " "), values[part] or 0) for part in parts if values[part]]
        found.append((whole, number, shown))
    if counts.still_applied != counts.applied:
        stand = [(name.replace("_", " "), values[name] or 0) for name in TAKEN_BACK if values[name]]
        applied = [("still applied", counts.still_applied)] if counts.still_applied else []
        found.append(("applied, as it stands now", counts.applied, applied + stand))
    return found
