"""Applied equals approved: what a push finds when it compares the source again."""

from __future__ import annotations

import pytest

from staging.core.ports import SourceRefused
from staging.detection.guards import GuardRefused
from staging.models import Batch, StagedOrder
from staging.pushing.recheck import BACK_BY_KEY, out_of_date
from tests.core.mapping_samples import BHOOD, BOARD, HARBOUR
from tests.world import World, uuid


def approved(world: World) -> Batch:
    world.stage()
    return world.approve()


def test_an_untouched_order_goes_out_without_reading_its_row(world: World) -> None:
    world.add(1)
    batch = approved(world)
    world.source.rows_read = 0
    assert world.push(batch).moved == []
    assert world.source.rows_read == 0
    world.check_equal()


@pytest.mark.parametrize(
    "spelled", [str.upper, lambda text: "{" + text.upper() + "}", lambda text: text.replace("-", "")]
)
def test_an_identity_in_another_spelling_is_no_row_that_is_gone(world: World, spelled: object) -> None:
    world.add(1)["record_uuid"] = spelled(uuid(1))  # type: ignore[operator]
    assert world.push(approved(world)).moved == []
    assert world.on_board(1)


def test_a_row_without_uuid_is_found_by_its_key(world: World) -> None:
    row = world.add(1)
    row["record_uuid"] = None
    batch = approved(world)
    assert world.push(batch).moved == []
    row["PRICE"] = "11.00"
    batch = approved(world)
    row["PRICE"] = "12.00"
    assert world.push(batch).moved == ["ST1 RED A1"]


def test_a_cosmetic_change_of_the_row_is_no_change_of_the_order(world: World) -> None:
    world.add(1)
    batch = approved(world)
    world.row(1)["COLOUR CODE"] = "R-7"
    assert world.push(batch).moved == []
    assert world.on_board(1)
    world.sync()
    world.check_equal()


def test_a_row_that_vanished_is_not_created(world: World) -> None:
    for number in range(1, 13):
        world.add(number)
    batch = approved(world)
    world.drop(1)
    assert world.push(batch).moved == ["ST1 RED A1"]
    assert "no longer in the source" in world.order(1).reason
    assert not world.on_board(1)
    assert world.on_board(2)


@pytest.mark.parametrize("left", [0, 3])
def test_a_table_that_is_being_loaded_anew_takes_no_approval_away(world: World, left: int) -> None:
    """Its rows are not gone: they are not there yet."""
    for number in range(1, 7):
        world.add(number)
    batch = approved(world)
    rows, world.source.orders = world.source.orders, world.source.orders[:left]
    with pytest.raises(GuardRefused, match=f"Batch {batch.pk} waits until a sync takes the source as it is"):
        world.push(batch)
    assert Batch.objects.get(pk=batch.pk).state == "approved" and world.state(6) == "approved"
    world.source.orders = rows
    assert world.push(batch).moved == []
    world.check_equal()


def test_a_removal_is_not_carried_out_while_the_table_is_being_loaded_anew(world: World) -> None:
    for number in range(1, 13):
        world.add(number)
    world.sync()
    back = world.drop(1)
    batch = approved(world)
    rows, world.source.orders = world.source.orders, []
    with pytest.raises(GuardRefused, match="waits until a sync takes the source as it is"):
        world.push(batch)
    world.source.orders = [*rows, *back]
    assert world.push(batch).moved == [world.order(1).label]
    assert world.on_board(1)


def test_a_uuid_that_stands_twice_by_now_is_not_sent(world: World) -> None:
    row = world.add(1)
    batch = approved(world)
    world.source.orders.append(dict(row))
    assert world.push(batch).moved == ["ST1 RED A1"]
    assert "more than one row" in world.order(1).reason


def test_a_removal_is_not_carried_out_on_a_row_that_came_back(world: World) -> None:
    for number in range(1, 13):
        world.add(number)
    world.sync()
    back = world.drop(1, 2)
    batch = approved(world)
    world.source.orders.append(back[0])
    assert world.push(batch).moved == [world.order(1).label]
    assert world.order(1).state == "superseded"
    assert world.item(1).group != "Removed"
    assert world.item(2).group == "Removed"
    assert world.sync().counts.unchanged == 11


@pytest.mark.parametrize(
    "cells",
    [
        {"record_uuid": uuid(301)},
        {"record_uuid": uuid(301), "CUSTOMER": "HARBOUR AUS"},
        {"record_uuid": uuid(301), "TOTAL": 99},
        {"record_uuid": None},
        {"record_uuid": "see mail"},
        {"record_uuid": uuid(2)},
    ],
    ids=["afresh", "of nobody", "invalid", "emptied", "misspelled", "copied"],
)
def test_a_removal_is_not_carried_out_on_a_row_that_came_back_without_its_uuid(
    world: World, cells: dict[str, object]
) -> None:
    """An archived item would not come back, and what people have typed into it would be gone."""
    world.publish(BOARD + "deletions: {action: archive}\n")
    for number in range(1, 9):
        world.add(number)
    world.sync()
    shown = world.shown()
    (row,) = world.drop(1)
    batch = approved(world)
    world.source.orders.append(row | cells)
    assert world.push(batch).moved == ["ST1 RED A1"]
    assert (world.state(1), world.order(1).reason) == ("superseded", BACK_BY_KEY)
    assert world.sync().counts.removed == 0 and world.shown() == shown


@pytest.mark.parametrize("defined_anew", [False, True])
def test_a_removal_goes_out_though_other_orders_share_its_key(world: World, defined_anew: bool) -> None:
    """One has an item, one waits for its approval, and one is another customer's, whose key is made otherwise."""
    world.publish(BHOOD + "business_key: [ORDER, COLOUR]\n")
    for number in range(1, 9):
        world.add(number)
    world.change(2, ORDER="A1")
    world.change(3, ORDER="A1", CUSTOMER="BHOOD")
    world.sync()
    world.add(9, ORDER="A1")
    world.stage()
    if defined_anew:
        world.publish(BOARD.replace("[ORDER, STYLE]", "[ORDER, STYLE, PO]"))
    world.drop(1)
    world.stage()
    batch = world.approve(world.order(1).batch)
    assert world.push(batch).moved == []
    assert (world.state(1), world.item(1).group) == ("applied", "Removed")


def test_a_removal_waits_where_nobody_can_say_any_more_what_its_key_was_made_of(world: World) -> None:
    for number in range(1, 9):
        world.add(number)
    world.sync()
    world.drop(1)
    batch = approved(world)
    StagedOrder.objects.filter(record=uuid(1)).update(key="A1")
    assert world.push(batch).moved == ["ST1 RED A1"] and world.on_board(1)


def test_an_order_that_moved_to_another_customer_is_not_sent_for_the_first(world: World) -> None:
    world.add(1)
    batch = approved(world)
    world.publish(HARBOUR.replace("[HARBOUR (AU), ", "["))
    assert world.push(batch).moved == ["ST1 RED A1"]
    assert Batch.objects.get(pk=batch.pk).state == "superseded"


def test_a_mapping_that_renders_alike_changes_nothing(world: World) -> None:
    world.add(1)
    batch = approved(world)
    world.publish(HARBOUR.replace("[HARBOUR (AU), ", "[HARBOUR (AU), HARBOUR (NZ), "))
    assert world.push(batch).moved == []
    world.check_equal()


def test_a_source_that_cannot_be_read_sends_nothing_and_changes_nothing(world: World) -> None:
    world.add(1)
    batch = approved(world)

    def away() -> None:
        raise SourceRefused("The order source cannot be reached. Remedy: try again.")

    world.source.before_read = away
    with pytest.raises(SourceRefused):
        world.push(batch)
    assert world.state(1) == "approved"
    assert Batch.objects.get(pk=batch.pk).state == "approved"
    world.source.before_read = lambda: None
    world.push(batch)
    world.check_equal()


def test_a_narrowed_sync_does_not_push_what_moved_outside_of_it(world: World) -> None:
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")
    world.stage()
    for batch in Batch.objects.all():
        world.approve(batch)
    world.change(1, PRICE="11.00")
    report = world.sync(po_number="P2")
    assert not world.on_board(1)
    assert world.on_board(2)
    assert any("1 order changed since this batch was built: ST1 RED A1" in words for words in report.warnings)


def test_the_sentence_names_five_and_counts_the_rest() -> None:
    assert out_of_date([]) == ""
    assert out_of_date([f"A{n}" for n in range(7)]).startswith(
        "7 orders changed since this batch was built: A0, A1, A2, A3, A4 and 2 more."
    )
