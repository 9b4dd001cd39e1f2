"""Releasing what is remembered: an undone, declined or given up change may be staged again by a person's word."""

from __future__ import annotations

from typing import Any

import pytest

from staging.batches.decide import decline
from staging.batches.release import release_field, release_remembered, withheld
from staging.core.lifecycle import NotAllowed
from staging.models import AuditEvent
from tests.world import Sent, World

PRICE, NOTES = "numeric_price", "long_text_notes"


def free(world: World, number: int, **more: Any) -> int:
    order = world.order(number)
    return release_remembered(batch=order.batch, orders=[order.pk], actor="ben", now=world.clock.now(), **more)


@pytest.fixture
def undone(world: World) -> World:
    """An update of two fields that was undone."""
    world.add(1)
    world.sync()
    world.change(1, PRICE="12", NOTES="late")
    world.sync()
    world.undo()
    assert world.sync().counts.changed == 0
    return world


def test_an_undone_change_is_staged_again_once_it_is_released(undone: World) -> None:
    assert withheld(undone.order(1)) == {PRICE: "12", NOTES: "late"}
    assert free(undone, 1, reason="the buyer agreed") == 1
    assert undone.sync().counts.updated == 1
    undone.check_equal()
    assert AuditEvent.objects.get(action="order.release remembered").reason == "the buyer agreed"


def test_one_field_is_released_and_the_other_stays_undone(undone: World) -> None:
    release_field(order=undone.order(1), field=NOTES, actor="ben", now=undone.clock.now())
    assert undone.sync().counts.updated == 1
    assert undone.item(1).cells[NOTES] == "late" and undone.item(1).cells[PRICE] == "10.5"
    assert undone.sync(full=True).counts.changed == 0
    with pytest.raises(NotAllowed, match="not withheld any more"):
        release_field(order=undone.order(1), field=NOTES, actor="ben", now=undone.clock.now())


def test_an_older_change_is_staged_again_though_a_later_one_stays_undone(world: World) -> None:
    world.add(1)
    world.sync()
    world.change(1, PRICE="12")
    world.sync()
    priced = world.order(1)
    world.change(1, NOTES="late")
    world.sync()
    world.undo(priced.batch)
    world.undo()
    release_remembered(batch=priced.batch, orders=[priced.pk], actor="ben", now=world.clock.now())
    assert world.sync().counts.updated == 1
    assert world.item(1).cells[PRICE] == "12" and NOTES not in world.item(1).cells
    assert withheld(priced) == {NOTES: "late"}


def test_an_undone_creation_is_made_again_once_it_is_released(world: World) -> None:
    world.add(1)
    world.sync()
    world.undo()
    assert world.sync().counts.new == 0
    assert free(world, 1) == 1
    assert world.sync().counts.created == 1
    world.check_equal()


def test_an_undone_removal_is_staged_again_once_it_is_released(world: World) -> None:
    for number in range(1, 8):
        world.add(number)
    world.sync()
    world.drop(1)
    world.sync()
    world.undo()
    assert world.sync().counts.removed == 0
    assert free(world, 1) == 1
    assert world.sync().counts.removed == 1 and world.item(1).group == "Removed"


def test_an_undone_return_is_staged_again_once_it_is_released(world: World) -> None:
    for number in range(1, 8):
        world.add(number)
    world.sync()
    (row,) = world.drop(1)
    world.sync()
    world.source.orders.append(row)
    world.sync()
    world.undo()
    assert world.sync().counts.restored == 0
    assert free(world, 1) == 1
    assert world.sync().counts.restored == 1
    world.check_equal()


def test_a_declined_change_is_staged_again_once_it_is_released(world: World) -> None:
    world.add(1)
    world.sync()
    world.change(1, PRICE="12")
    world.stage()
    decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="no")
    assert world.sync().counts.changed == 0
    assert free(world, 1) == 1
    assert world.sync().counts.updated == 1
    world.check_equal()


def test_what_is_in_somebodys_hands_is_not_released(world: World) -> None:
    world.add(1)
    world.stage()
    assert free(world, 1) == 0
    assert world.state(1) == "staged"


def test_a_field_that_is_released_while_a_later_change_waits_is_staged_again(undone: World) -> None:
    """What was staged before the release holds that field back no longer, and does not say that it was written."""
    earlier = undone.order(1)
    undone.change(1, NOTES="later")
    undone.stage()
    undone.approve()
    release_field(order=earlier, field=PRICE, actor="ben", now=undone.clock.now())
    undone.push()
    assert undone.item(1).cells[PRICE] == "10.5" and undone.item(1).cells[NOTES] == "later"
    assert undone.sync().counts.updated == 1
    undone.check_equal()


def test_of_two_fields_the_one_that_is_released_meanwhile_is_staged_again_alone(undone: World) -> None:
    order = undone.order(1)
    undone.change(1, UNIT="SET")
    undone.stage()
    undone.approve()
    release_field(order=order, field=NOTES, actor="ben", now=undone.clock.now())
    undone.push()
    undone.sync()
    assert undone.item(1).cells[NOTES] == "late" and undone.item(1).cells[PRICE] == "10.5"
    assert undone.sync(full=True).counts.changed == 0 and undone.run_writes == []


def test_a_release_that_falls_into_a_push_holds(undone: World) -> None:
    """The push knew the record before; what it writes back must not hold the field down again."""
    order = undone.order(1)
    undone.change(1, UNIT="SET")

    def meanwhile(sent: Sent) -> None:
        if sent.writes and withheld(order):
            release_remembered(batch=order.batch, orders=[order.pk], actor="ben", now=undone.clock.now())

    undone.wire.before = meanwhile
    undone.sync()
    undone.wire.calm()
    assert withheld(order) == {}
    assert undone.sync().counts.updated == 1
    undone.check_equal()
