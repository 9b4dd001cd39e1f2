"""A business key that is defined anew, and orders whose rows get another UUID: links and decisions stay."""

from __future__ import annotations

import uuid as uuids

import pytest

from staging.batches import decide
from staging.core.identity import derived
from staging.models import Batch, Snapshot, StagedOrder
from tests.core.mapping_samples import BOARD, HARBOUR
from tests.world import World, uuid

from .counted import counted, others

BY_COLOUR = HARBOUR + "business_key: [ORDER, STYLE, COLOUR]\n"
BY_STYLE = HARBOUR + "business_key: [STYLE]\n"


@pytest.fixture
def nameless(world: World) -> World:
    """A board with four orders of rows without UUID, and three of rows that have one."""
    for number in range(1, 5):
        world.add(number, record_uuid=None, ORDER=f"A{number}", COLOUR="RED")
    for number in range(5, 8):
        world.add(number, ORDER=f"B{number}")
    world.sync()
    assert len(world.shown()) == 7
    return world


def links() -> set[tuple[str, str]]:
    return set(Snapshot.objects.filter(state="linked").values_list("link_key", "item_id"))


@pytest.mark.parametrize("text", [BY_COLOUR, HARBOUR + "business_key: [STYLE, ORDER]\n"])
def test_a_new_definition_keeps_every_item_of_rows_without_uuid(nameless: World, text: str) -> None:
    before, shown = links(), nameless.shown()
    nameless.publish(text)
    report = nameless.sync()
    assert counted(report) == {"rekeyed": 4, "unchanged": 3}
    assert links() == before
    assert nameless.shown() == shown
    assert counted(nameless.sync()) == {"unchanged": 7}


def test_a_definition_that_changes_and_changes_back_keeps_the_items(nameless: World) -> None:
    before = links()
    for text in (BY_COLOUR, HARBOUR, BY_COLOUR):
        nameless.publish(text)
        assert nameless.sync().counts.rekeyed == 4
    assert links() == before
    assert len(nameless.shown()) == 7


def test_a_new_definition_of_the_board_keeps_the_items_too(nameless: World) -> None:
    before = links()
    nameless.publish(BOARD.replace("business_key: [ORDER, STYLE]", "business_key: [ORDER, STYLE, PO]"))
    assert counted(nameless.sync()) == {"rekeyed": 4, "unchanged": 3}
    assert links() == before


def test_a_row_that_changed_in_the_same_run_updates_its_own_item(nameless: World) -> None:
    before = links()
    nameless.publish(BY_COLOUR)
    nameless.source.orders[0]["PRICE"] = "99"
    report = nameless.sync()
    assert (report.counts.changed, report.counts.rekeyed, report.counts.new, report.counts.removed) == (1, 3, 0, 0)
    assert links() == before


def test_a_table_reloaded_with_new_uuids_while_the_definition_changed_writes_nothing(world: World) -> None:
    for number in range(1, 5):
        world.add(number, ORDER=f"A{number}")
    world.sync()
    before = links()
    world.publish(BY_COLOUR)
    for row in world.source.orders:
        row["record_uuid"] = str(uuids.uuid4())
    assert counted(world.sync()) == {"rekeyed": 4}
    assert links() == before


def test_a_narrowed_run_after_a_new_definition_holds_and_the_next_full_one_finds_out(nameless: World) -> None:
    before = links()
    nameless.publish(BY_COLOUR)
    nameless.sync(customers=("HARBOUR (AU)",))
    assert len(nameless.shown()) == 7
    assert set(StagedOrder.objects.filter(current=True).values_list("state", flat=True)) == {"held"}
    nameless.sync()
    assert links() == before
    assert len(nameless.shown()) == 7
    assert counted(nameless.sync()) == {"unchanged": 7}


def test_a_definition_that_is_no_longer_a_rows_own_removes_nothing(nameless: World) -> None:
    for row in nameless.source.orders:
        row["STYLE"] = "ONE"
    nameless.sync()
    before, shown = links(), nameless.shown()
    nameless.publish(BY_STYLE)
    report = nameless.sync()
    assert (report.counts.duplicate, report.counts.removed, report.counts.new) == (4, 0, 0)
    assert links() == before
    assert nameless.shown() == shown
    nameless.publish(BY_COLOUR)
    report = nameless.sync()
    assert (report.counts.removed, report.counts.new) == (0, 0)
    assert nameless.shown() == shown


def test_a_stranger_under_a_definition_of_long_ago_is_a_new_order(nameless: World) -> None:
    nameless.publish(BY_STYLE)
    nameless.publish(HARBOUR)
    nameless.sync()
    gone = nameless.source.orders.pop(0)
    nameless.add(9, record_uuid=None, ORDER="A9", STYLE=gone["STYLE"], COLOUR="RED")
    report = nameless.sync()
    assert (report.counts.new, report.counts.removed, report.counts.rekeyed) == (1, 1, 0)


def test_an_undone_creation_whose_row_gets_a_new_uuid_is_not_created_again(world: World) -> None:
    world.add(1)
    others(world)
    world.sync()
    batch = Batch.objects.get(orders__record=uuid(1))
    world.undo(batch)
    shown = world.shown()
    world.row(1)["record_uuid"] = renewed = str(uuids.uuid4())
    report = world.sync()
    assert (report.counts.new, report.counts.staged) == (0, 0)
    assert world.shown() == shown
    assert counted(world.sync())["waiting"] >= 1
    next(row for row in world.source.orders if row["record_uuid"] == renewed)["PRICE"] = "99"
    report = world.sync()
    assert report.counts.staged == 1, "the source moved, so it is staged again"
    world.check()


@pytest.mark.parametrize("definition", ["renewed", "redefined"])
def test_a_declined_creation_stays_declined_under_a_new_uuid(world: World, definition: str) -> None:
    world.add(1, record_uuid=None if definition == "redefined" else uuid(1))
    world.stage()
    decide.decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="not agreed")
    if definition == "redefined":
        world.publish(BY_COLOUR)
    else:
        world.row(1)["record_uuid"] = str(uuids.uuid4())
    report = world.stage()
    assert (report.counts.new, report.counts.waiting) == (0, 1)
    assert StagedOrder.objects.count() == 1


def test_an_unclear_creation_is_not_made_a_second_time_under_a_new_uuid(world: World) -> None:
    world.add(1)
    world.stage()
    world.approve()
    StagedOrder.objects.update(state="unclear")
    world.row(1)["record_uuid"] = str(uuids.uuid4())
    report = world.stage()
    assert (report.counts.new, report.counts.waiting) == (0, 1)
    assert StagedOrder.objects.get().link_key == uuid(1), "what it is looked up by stays"


def test_the_link_on_the_board_stays_what_it_was_at_first(nameless: World) -> None:
    nameless.publish(BY_COLOUR)
    nameless.sync()
    key = derived(("A1", "ST1"))
    snapshot = Snapshot.objects.get(link_key=key)
    assert snapshot.record == derived(("A1", "ST1", "RED"))
    assert key in nameless.shown()
