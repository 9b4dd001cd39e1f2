"""The table of states: complete, closed where it must be, and the same for everybody who is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import pytest

from staging.core.lifecycle import (
    BATCH,
    COUNTED,
    OPEN,
    ORDER,
    REMEMBERED,
    BatchState,
    OrderState,
    Transition,
    allowed,
    table,
)

TABLES = [(BATCH, BatchState, "draft"), (ORDER, OrderState, "staged")]
IN_DOUBT = {"sending", "unclear"}


def reachable(moves: Mapping[str, Transition], start: str) -> set[str]:
    found, size = {start}, 0
    while len(found) > size:
        size = len(found)
        found |= {move.target for move in moves.values() if found & move.sources}
    return found


@pytest.mark.parametrize(("moves", "states", "start"), TABLES)
def test_every_state_can_be_reached(moves: Mapping[str, Transition], states: type[OrderState], start: str) -> None:
    held_at_birth = {"held"} if start == "staged" else set()
    assert reachable(moves, start) | held_at_birth == {str(state) for state in states}


@pytest.mark.parametrize(("moves", "states", "start"), TABLES)
def test_every_move_leads_between_known_states(
    moves: Mapping[str, Transition], states: type[OrderState], start: str
) -> None:
    known = {str(state) for state in states}
    for move in moves.values():
        assert move.sources
        assert move.sources <= known
        assert move.target in known
        assert move.by in ("person", "program")
        assert bool(move.right) == (move.by == "person")


def test_every_order_state_counts_as_exactly_one_thing() -> None:
    counted = list(chain.from_iterable(COUNTED.values()))
    assert sorted(counted) == sorted(str(state) for state in OrderState)


def test_a_closed_order_stays_closed() -> None:
    """What was declined, given up, replaced or undone never goes out; what was written of one can only be undone."""
    ways_out = {
        state: sorted(action for action, move in ORDER.items() if state in move.sources)
        for state in ("declined", "given_up", "superseded", "undone", "applied", "kept")
    }
    assert ways_out == {
        "declined": [],
        "given_up": ["undo"],
        "superseded": ["undo"],
        "undone": [],
        "applied": ["undo"],
        "kept": ["undo"],
    }


def test_a_closed_batch_stays_closed() -> None:
    for state in ("declined", "superseded", "undone"):
        assert not [action for action, move in BATCH.items() if state in move.sources]


def test_only_an_approved_order_is_sent_and_only_a_person_or_policy_approves() -> None:
    assert ORDER["send"].sources == {"approved"}
    ways_in = {action for action, move in ORDER.items() if move.target == "approved"}
    assert ways_in == {"again", "approve", "return", "resolve", "retry", "settle"}
    assert ORDER["approve"].sources == {"staged"}
    assert (ORDER["settle"].by, ORDER["settle"].right) == ("person", "approve")


def test_what_may_be_on_the_board_is_never_replaced_unseen() -> None:
    for state in IN_DOUBT | {"undoing"}:
        assert state not in ORDER["supersede"].sources
        assert state not in ORDER["decline"].sources
        assert state in OPEN


def test_an_order_in_doubt_is_only_looked_up() -> None:
    assert [action for action, move in ORDER.items() if "unclear" in move.sources] == ["find", "resolve"]


def test_open_states_are_remembered_and_nothing_forgets_a_no() -> None:
    assert OPEN < REMEMBERED
    assert {"declined", "given_up", "undone", "kept"} == REMEMBERED - OPEN
    assert not REMEMBERED & {"applied", "superseded"}


def test_a_no_needs_words() -> None:
    assert [action for action, move in BATCH.items() if move.reason] == ["decline"]
    assert sorted(action for action, move in ORDER.items() if move.reason) == ["decline", "give_up", "hold"]


@pytest.mark.parametrize("moves", [BATCH, ORDER])
def test_a_refusal_says_what_the_state_must_be(moves: Mapping[str, Transition]) -> None:
    for action, move in moves.items():
        assert all(allowed(moves, source, action) == "" for source in move.sources)
    assert (
        allowed(BATCH, "needs_attention", "approve")
        == "cannot approve what needs attention; it must be waiting for approval"
    )


def test_the_documentation_table_holds_every_move_once() -> None:
    lines = table(ORDER).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(ORDER)
