"""Rows that are gone: items are moved aside, kept or archived, come back, and never go by the dozen."""

from __future__ import annotations

from typing import Any

from staging.batches.decide import decline, release
from tests.core.mapping_samples import BOARD
from tests.world import World, uuid

from .test_stage import five


def test_a_row_that_is_gone_moves_its_item_aside_and_its_return_brings_it_back(world: World) -> None:
    five(world)
    before = world.shown()
    (row,) = world.drop(1)
    report = world.sync()
    assert (report.counts.removed, report.counts.removed_from_board) == (1, 1)
    assert world.item(1).group == "Removed"
    assert world.item(1).lines == before[uuid(1)][0].lines
    assert world.sync().counts.removed == 0
    assert (world.calls.mutations, world.source.rows_read) == (0, 0)
    world.source.orders.append(row)
    report = world.sync()
    assert (report.counts.changed, report.counts.restored) == (1, 1)
    assert world.shown() == before
    world.check_equal()
    assert world.sync().counts.unchanged == 5


def test_an_order_that_returns_changed_comes_back_changed_in_its_own_item(world: World) -> None:
    five(world)
    item = world.item(1).id
    (row,) = world.drop(1)
    world.sync()
    world.source.orders.append(row)
    world.change(1, PRICE="12", S=0)
    world.sync()
    assert world.item(1).id == item
    world.check_equal()


def test_a_row_that_returns_before_its_removal_was_approved_stays(world: World) -> None:
    five(world)
    (row,) = world.drop(1)
    world.stage()
    world.source.orders.append(row)
    assert world.stage().counts.unchanged == 5
    assert world.state(1) == "superseded"


def test_what_was_staged_of_a_row_that_is_gone_does_not_go_out(world: World) -> None:
    world.add(7)
    world.add(8)
    five(world)
    world.add(6)
    world.change(1, PRICE="12")
    world.stage()
    world.drop(1)
    world.sync(mode="PRODUCTION")
    world.drop(6)
    assert world.stage().counts.removed == 0
    assert world.order(1).operation == "remove"
    assert world.state(6) == "superseded"


def test_many_removals_at_once_are_held_for_a_second_look(world: World) -> None:
    for number in range(1, 41):
        world.add(number)
    world.sync()
    world.drop(*range(1, 7))
    report = world.sync()
    assert (report.counts.removed, report.counts.held, report.counts.removed_from_board) == (6, 6, 0)
    assert "above the cap of 5" in world.order(1).reason
    assert world.sync().counts.removed == 0
    batch = world.batch()
    release(batch=batch, orders=batch.orders.values_list("pk", flat=True), actor="ben", now=world.clock.now())
    world.sync()
    assert world.item(6).group == "Removed"


def test_a_slow_loss_that_nobody_has_sent_yet_counts_together(world: World) -> None:
    for number in range(1, 41):
        world.add(number)
    world.sync()
    world.drop(*range(1, 5))
    assert world.stage().counts.held == 0
    world.drop(*range(5, 9))
    report = world.stage()
    assert (report.counts.removed, report.counts.held) == (4, 4)
    assert "8 removals at once are above the cap of 5" in world.order(5).reason


def test_a_record_that_comes_back_after_its_removal_was_declined_is_followed_again(world: World) -> None:
    five(world)
    before = world.shown()
    (row,) = world.drop(1)
    world.stage()
    decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="it is only late")
    assert (world.sync().counts.removed, world.shown()) == (0, before)
    world.source.orders.append(row)
    world.change(1, PRICE="12")
    assert world.sync().counts.updated == 1
    world.check_equal()
    world.drop(1)
    assert world.sync().counts.removed_from_board == 1, "it went once more, so it is asked once more"


def test_how_much_may_be_missing_is_a_setting(world: World, settings: Any) -> None:
    for number in range(1, 11):
        world.add(number)
    world.sync()
    world.drop(1)
    settings.SOURCE_SHRINKAGE = 5
    assert "fewer than in the last full run" in world.sync().error
    settings.SOURCE_SHRINKAGE = 10
    assert world.sync().counts.removed == 1


def test_five_removals_are_never_too_many(world: World) -> None:
    for number in range(1, 41):
        world.add(number)
    world.sync()
    world.drop(*range(1, 6))
    assert world.sync().counts.removed_from_board == 5


def test_deletions_may_be_kept_or_archived(world: World) -> None:
    five(world)
    world.publish(BOARD + "deletions: {action: keep}\n")
    (row,) = world.drop(1)
    assert world.sync().counts.removed == 0
    assert world.item(1).group == "HARBOUR SS27"
    world.publish(BOARD + "deletions: {action: archive}\n")
    assert world.sync().counts.removed_from_board == 1
    assert not world.on_board(1)
    assert world.sync().counts.removed == 0
    world.source.orders.append(row)
    assert world.sync().counts.created == 1
    world.check_equal()
