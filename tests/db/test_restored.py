"""A database that was restored from before its last pushes: what the source emptied since goes from the board."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from monday.sandbox import boards
from tests.core.mapping_samples import BOARD
from tests.moments import moments
from tests.world import Mortal, World

from .test_reconcile import reconciled
from .test_scenarios import hand

NOTES = "long_text_notes"


@pytest.fixture
def forgotten(world: World) -> World:
    """Order 1 stands on the board with a note, and in a database to which the restore is still to come."""
    world.add(2)
    world.sync()
    world.yesterday = transaction.savepoint()  # type: ignore[attr-defined]
    world.add(1, NOTES="x")
    world.sync()
    return world


def restore(world: World) -> None:
    transaction.savepoint_rollback(world.yesterday)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "cells", [{"M": None}, {"NOTES": None}, {"PRICE": None}, {"S": None, "M": None, "TOTAL": None}], ids=str
)
def test_what_the_source_emptied_since_is_emptied_on_the_board(forgotten: World, cells: dict[str, Any]) -> None:
    restore(forgotten)
    forgotten.change(1, **cells)
    forgotten.sync()
    forgotten.check_equal()
    assert forgotten.sync(full=True).counts.unchanged == 2
    assert not reconciled(forgotten).differs


@pytest.mark.parametrize("at", moments(range(36, 64, 2), 4))
def test_an_emptying_that_is_cut_off_is_not_forgotten(forgotten: World, at: int) -> None:
    """Nor is one whose request was lost on the way, which the board cannot be asked about."""
    restore(forgotten)
    forgotten.change(1, NOTES=None, M=None)
    with Mortal(forgotten).living(at):
        forgotten.sync()
    forgotten.bury()
    forgotten.sync()
    forgotten.check_equal()


@pytest.mark.parametrize("answered", [True, False])
def test_an_emptying_without_an_answer_is_looked_up(forgotten: World, answered: bool) -> None:
    restore(forgotten)
    forgotten.change(1, NOTES=None, M=None)
    forgotten.settle_seconds = 90
    forgotten.wire.lose("change_multiple", answered=answered)
    forgotten.sync()
    forgotten.wire.calm()
    forgotten.clock.sleep(600)
    forgotten.sync()
    forgotten.check_equal()


def test_a_planners_value_in_a_cell_that_the_order_leaves_empty_is_asked_about(forgotten: World) -> None:
    forgotten.edit(1, long_text_notes="ask the buyer")
    forgotten.edit_line(1, "M", numeric_qty="7")
    restore(forgotten)
    forgotten.change(1, NOTES=None, M=None)
    forgotten.sync()
    conflicts = {one["field"]: one for one in forgotten.order(1).problem["conflicts"]}
    assert sorted(conflicts) == [NOTES, "size:M"] and not any(one["known"] for one in conflicts.values())
    assert forgotten.item(1).cells[NOTES] == "ask the buyer" and forgotten.sizes(1)["M"] == "7"


def test_what_the_board_keeps_of_it_stays_and_is_shown_as_drift(forgotten: World) -> None:
    forgotten.edit(1, long_text_notes="ask the buyer")
    forgotten.edit_line(1, "M", numeric_qty="7")
    restore(forgotten)
    forgotten.publish(BOARD + "conflicts: board\n")
    forgotten.change(1, NOTES=None, M=None)
    for _ in range(2):
        forgotten.sync()
    assert forgotten.state(1) == "applied"
    assert forgotten.item(1).cells[NOTES] == "ask the buyer" and forgotten.sizes(1)["M"] == "7"
    assert reconciled(forgotten).drifted == 1


def test_a_planners_own_subitem_and_what_was_typed_on_one_of_ours_stay(forgotten: World) -> None:
    """As of any size that goes: a subitem with somebody's cells is emptied and not archived."""
    with hand(forgotten) as db:
        boards.insert_column(db, int(forgotten.board.board_id) + 1, "numeric_packed", "Packed", "numbers", {})
    forgotten.add_subitem(1, "XXL")
    forgotten.edit_line(1, "M", numeric_packed="5")
    restore(forgotten)
    forgotten.change(1, M=None)
    forgotten.sync()
    assert forgotten.state(1) == "applied"
    assert forgotten.sizes(1) == {"S": "1", "M": "0", "XXL": None}


def test_a_cell_that_somebody_fills_before_a_lost_answer_is_looked_up_holds_nothing(world: World) -> None:
    """We remember the making of the item, and that we never wrote there."""
    world.settle_seconds = 90
    world.add(1)
    world.wire.lose("create_item", answered=True)
    world.sync()
    world.wire.calm()
    world.edit(1, long_text_notes="ask the buyer")
    world.clock.sleep(600)
    world.sync()
    assert world.state(1) == "applied" and world.item(1).cells[NOTES] == "ask the buyer"
    assert world.sizes(1) == {"S": "1", "M": "2"}
