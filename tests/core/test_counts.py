"""The sums of a run: every row and every staged order is accounted for once."""

from __future__ import annotations

import pytest

from staging.core.counts import APPLIED_AS, Counts, CountsNow
from staging.core.lifecycle import AS_IT_STANDS, COUNTED, OrderState

OPERATIONS = ("create", "update", "remove", "restore")


def test_sums_that_hold_are_no_problem() -> None:
    counts = Counts(read=10, unchanged=3, new=2, changed=1, waiting=1, rekeyed=1, invalid=1, duplicate=1, removed=1)
    counts.staged, counts.pending, counts.applied, counts.created, counts.held = 3, 1, 1, 1, 1
    counts.deferred = 1
    assert counts.problems() == []


@pytest.mark.parametrize(
    "field", ["read", "unchanged", "new", "changed", "waiting", "rekeyed", "invalid", "duplicate", "removed"]
)
def test_a_row_too_many_anywhere_is_named(field: str) -> None:
    counts = Counts()
    setattr(counts, field, 1)
    assert counts.problems()


@pytest.mark.parametrize(
    "field",
    [
        *("deferred", "staged", "pending", "applied", "held", "rejected", "skipped", "unclear"),
        *("created", "updated", "removed_from_board", "restored"),
    ],
)
def test_an_order_too_many_anywhere_is_named(field: str) -> None:
    counts = Counts()
    setattr(counts, field, 1)
    (problem, *_) = counts.problems()
    assert "is not" in problem


def test_removals_that_were_not_checked_count_as_none() -> None:
    assert Counts(read=1, new=1, removed=None, staged=1, pending=1).problems() == []


def test_whatever_the_states_the_staged_orders_balance() -> None:
    states = {
        (operation, str(state)): number + 1
        for number, (operation, state) in enumerate((o, s) for o in OPERATIONS for s in OrderState)
    }
    counts = Counts()
    counts.count_staged(states)
    total = sum(states.values())
    assert counts.staged == total
    assert counts.pending + counts.applied + counts.held + counts.rejected + counts.skipped + counts.unclear == total
    assert counts.applied == sum(getattr(counts, name) for name in APPLIED_AS)
    assert set(APPLIED_AS.values()) == set(OPERATIONS)


def test_an_undone_order_still_counts_as_what_was_applied() -> None:
    counts = Counts()
    counts.count_staged({("create", "undone"): 2, ("update", "kept"): 1})
    assert (counts.applied, counts.created, counts.updated) == (3, 2, 1)


def test_what_an_undo_was_at_is_told_apart_and_every_state_stands_for_one_thing() -> None:
    counts = CountsNow()
    counts.count_staged(
        {("create", "undone"): 2, ("update", "kept"): 1, ("update", "undoing"): 4, ("update", "applied"): 8}
    )
    assert (counts.applied, counts.still_applied) == (15, 8)
    assert (counts.undone, counts.kept, counts.being_undone) == (2, 1, 4)
    assert counts.created + counts.updated == counts.applied
    states = [state for of in AS_IT_STANDS.values() for state in of]
    assert sorted(states) == sorted(OrderState)


def test_counts_survive_their_json_and_unknown_names_are_passed_over() -> None:
    counts = Counts(read=3, unchanged=3, removed=None)
    assert Counts.from_json({**counts.to_json(), "of_a_later_release": 1}) == counts


def test_every_group_of_states_is_a_count() -> None:
    assert set(COUNTED) < set(Counts().to_json())
