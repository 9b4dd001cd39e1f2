"""A change that waits is out of date once its source asks for nothing that it would write, also where a value of its
record is withheld: an undone one, one that a person kept, a group that somebody chose on the board."""

from __future__ import annotations

import pytest

from staging.boards import gone
from staging.models import Snapshot
from tests.world import World, uuid


def withhold(world: World, how: str) -> None:
    """A value of the first order that the source asks for and nobody sends."""
    if how == "undone":
        world.change(1, PRICE="12")
        world.sync()
        world.undo()
    if how == "moved by hand":
        world.add(8, SEASON="AW27")
        world.sync()
        world.move(1, "HARBOUR AW27")
        world.change(1, SEASON="AW28")
        world.sync()
    assert bool(world.snapshot(1).withheld) == (how != "nothing")


WITHHELD = pytest.mark.parametrize("how", ["nothing", "undone", "moved by hand"])


@WITHHELD
@pytest.mark.parametrize("approved", [False, True])
def test_a_removal_whose_row_is_back(six: World, how: str, approved: bool) -> None:
    withhold(six, how)
    rows = six.drop(1)
    six.stage()
    batch = six.batch()
    if approved:
        six.approve(batch)
    six.source.orders += rows
    six.stage()
    batch.refresh_from_db()
    assert (six.state(1), batch.state) == ("superseded", "superseded")
    assert not Snapshot.objects.filter(gone.out_of_source(six.board), record=uuid(1)).exists()
    counts = six.stage().counts
    assert (counts.new, counts.changed) == (0, 0)


@WITHHELD
def test_an_update_whose_source_went_back(six: World, how: str) -> None:
    withhold(six, how)
    six.change(1, NOTES="Call first")
    six.stage()
    batch = six.batch()
    six.change(1, NOTES=None)
    six.stage()
    batch.refresh_from_db()
    assert (six.state(1), batch.state) == ("superseded", "superseded")


@WITHHELD
def test_a_conflict_whose_source_went_back(six: World, how: str) -> None:
    withhold(six, how)
    six.edit(1, long_text_notes="Ours")
    six.change(1, NOTES="Theirs")
    six.sync()
    assert six.state(1) == "held"
    six.change(1, NOTES=None)
    six.sync()
    assert six.state(1) == "superseded"


def test_what_waits_as_it_was_staged_goes_on_waiting(six: World) -> None:
    withhold(six, "undone")
    six.change(1, NOTES="Call first")
    six.stage()
    waiting = six.order(1)
    six.stage()
    assert (six.order(1).pk, six.state(1)) == (waiting.pk, "staged")
