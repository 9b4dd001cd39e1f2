"""A UUID is lost and its row stays: such an order is not gone, and once its row can be used again it has its item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from staging.batches import decide
from staging.core.ports import Row, Scope
from staging.detection.glance import glance
from staging.models import StagedOrder
from staging.setup import silent, whole
from staging.sync import Request, sync
from tests.core.mapping_samples import BOARD, HARBOUR
from tests.world import World, uuid

ARCHIVE = BOARD + "deletions: {action: archive}\n"


@pytest.fixture
def eight(world: World) -> World:
    """Eight linked orders, of which the first two share a business key; a removal would archive an item."""
    world.publish(ARCHIVE)
    for number in range(1, 9):
        world.add(number)
    world.change(2, ORDER="A1", NOTES="the second line")
    world.sync()
    return world


def emptied(world: World) -> None:
    for number in (1, 2):
        world.row(number)["record_uuid"] = None


def one_emptied(world: World) -> None:
    world.row(1)["record_uuid"] = None


def misspelled(world: World) -> None:
    for number in (1, 3):
        world.row(number)["record_uuid"] = uuid(number)[:-1]


def copied(world: World) -> None:
    world.row(3)["record_uuid"] = uuid(4)


def doubled_afresh(world: World) -> None:
    one, other = world.row(3), world.row(4)
    one["record_uuid"] = other["record_uuid"] = uuid(301)


def afresh_and_of_nobody(world: World) -> None:
    for number in (1, 2, 3):
        world.row(number).update(record_uuid=uuid(300 + number), CUSTOMER="HARBOUR AUS")


def emptied_and_of_nobody(world: World) -> None:
    world.row(3).update(record_uuid=None, CUSTOMER="HARBOUR AUS")


DAMAGES = (emptied, one_emptied, misspelled, copied, doubled_afresh, afresh_and_of_nobody, emptied_and_of_nobody)


@pytest.mark.parametrize("afresh", [False, True], ids=["as they were", "afresh"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_an_order_whose_uuid_was_lost_is_not_removed_and_keeps_its_item(
    eight: World, damage: Callable[[World], None], afresh: bool
) -> None:
    """Run after run, quiet or whole, and also where the rows are put right under UUIDs that nobody knows."""
    right = [dict(row) for row in eight.source.orders]
    shown = eight.shown()
    damage(eight)
    for run in ({}, {}, {"full": True}, {"dry_run": True}):
        report = eight.sync(**run)
        counts = report.counts
        assert (counts.new, counts.removed) == (0, 0) and counts.invalid + counts.duplicate
        assert eight.shown() == shown and "on the board though no row has the UUID" in " ".join(report.warnings)
        setup = eight.setup()
        assert glance(setup=setup, scope=whole(setup)).quiet
    damaged, eight.source.orders = eight.source.orders, right
    for number, (row, was) in enumerate(zip(right, damaged, strict=True)):
        if afresh and row != was:
            row["record_uuid"] = was["record_uuid"] if damage is afresh_and_of_nobody else uuid(501 + number)
    counts = eight.sync().counts
    assert (counts.new, counts.removed) == (0, 0) and eight.shown() == shown
    eight.check_equal()


def test_rows_of_a_spelling_that_nobody_claims_any_more_are_found_by_their_own_customers_key(world: World) -> None:
    """What the board calls a business key is not what theirs was."""
    claiming = HARBOUR + "business_key: [ORDER, COLOUR]\n"
    world.publish(claiming)
    for number in range(1, 9):
        world.add(number, CUSTOMER="HARBOUR (US)" if number < 3 else "HARBOUR (AU)")
    world.sync()
    shown = world.shown()
    world.publish(claiming.replace(", HARBOUR (US)", ""))
    for number in (1, 2):
        world.row(number)["record_uuid"] = uuid(300 + number)
    counts = world.sync().counts
    assert (counts.invalid, counts.removed) == (2, 0)
    world.publish(claiming)
    counts = world.sync().counts
    assert (counts.new, counts.rekeyed) == (0, 2) and world.shown() == shown
    world.check_equal()


@pytest.mark.parametrize("cells", [{}, {"TOTAL": 99}, {"CUSTOMER": "BHOOD"}], ids=["used", "invalid", "other"])
def test_an_order_that_is_gone_is_removed_though_another_one_shares_its_key(eight: World, cells: Any) -> None:
    """A row that has an item of its own is no other order's, whether it can be used or not."""
    eight.change(2, **cells)
    eight.sync()
    eight.drop(1)
    counts = eight.sync().counts
    assert counts.removed == 1 and not eight.on_board(1) and eight.on_board(2)


def test_rows_that_get_their_uuids_while_a_sync_reads_them_are_not_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They had none when the table was read, and have one when the rows without are asked for."""
    for number in range(1, 6):
        world.add(number, record_uuid=None)
    world.sync()
    shown, without = world.shown(), world.source.rows_without_identity

    def filled(scope: Scope) -> Iterator[tuple[str, Row]]:
        for number, row in enumerate(world.source.orders):
            row["record_uuid"] = row["record_uuid"] or uuid(301 + number)
        return without(scope)

    monkeypatch.setattr(world.source, "rows_without_identity", filled)
    setup = world.setup()
    report = sync(request=Request(mode="TEST", actor="cli"), setup=setup, calls=world.calls, progress=silent)
    assert report.counts.staged == 0 and world.shown() == shown
    world.sync()
    world.check_equal()


def test_a_declined_creation_is_not_asked_for_again_after_its_uuid_was_lost(eight: World) -> None:
    eight.add(9)
    eight.stage()
    decide.decline(batch=eight.batch(), actor="ben", now=eight.clock.now(), reason="not ours")
    eight.row(9).update(record_uuid=uuid(309), CUSTOMER="HARBOUR AUS")
    eight.sync()
    eight.change(309, CUSTOMER="HARBOUR (AU)")
    counts = eight.sync().counts
    assert (counts.staged, counts.waiting) == (0, 1)
    assert StagedOrder.objects.filter(record=uuid(309), current=True, state="declined").exists()


def test_a_key_whose_values_hold_what_stands_between_them_is_found(eight: World) -> None:
    eight.change(3, ORDER="A / 3", STYLE="ST / 1 / X")
    eight.sync()
    shown = eight.shown()
    eight.row(3).update(record_uuid=uuid(303), CUSTOMER="HARBOUR AUS")
    assert eight.sync().counts.removed == 0 and eight.shown() == shown
