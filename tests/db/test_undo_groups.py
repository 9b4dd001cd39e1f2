"""Undo into a group that a person has put away: nothing goes there, and it is said what to do."""

from __future__ import annotations

from staging.setup import silent
from staging.undoing.foresee import foresee
from tests.core.mapping_samples import BOARD
from tests.world import World

from .test_scenarios import archive_group

PRICE = "numeric_price"


def test_a_group_that_was_archived_by_hand_gets_nothing_back_and_is_named_with_its_remedy(world: World) -> None:
    world.add(1)
    world.sync()
    world.change(1, SEASON="AW27", PRICE="12")
    world.sync()
    batch = world.batch()
    archive_group(world, "HARBOUR SS27")
    (seen,) = foresee(batch=batch, setup=world.setup(), progress=silent)
    assert ({one.field for one in seen.back}, {one.field for one in seen.cannot}) == ({PRICE}, {"group"})
    (why,) = world.undo(batch, force=True, reason="wrong list").kept.values()
    assert "'HARBOUR SS27' was archived on the board" in why and why.endswith("then undo again. Kept: Group.")
    assert (world.item(1).group, world.item(1).cells[PRICE]) == ("HARBOUR AW27", "10.5")
    archive_group(world, "HARBOUR SS27", state="active")
    assert world.undo(batch).kept == {} and world.item(1).group == "HARBOUR SS27"
    world.check()


def test_an_archived_removal_is_not_made_anew_in_a_group_that_was_archived_by_hand(six: World) -> None:
    six.publish(BOARD + "deletions: {action: archive}\n")
    six.drop(1)
    six.sync()
    batch = six.batch()
    archive_group(six, "HARBOUR SS27")
    (why,) = six.undo(batch).kept.values()
    assert "was archived on the board" in why and why.endswith("then undo again.")
    archive_group(six, "HARBOUR SS27", state="active")
    assert six.undo(batch).kept == {} and six.item(1).group == "HARBOUR SS27"
    six.check()
