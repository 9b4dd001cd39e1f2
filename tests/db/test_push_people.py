"""Pushing onto a board where people work: nothing of theirs is overwritten, adopted or made twice."""

from __future__ import annotations

import pytest

from monday.sandbox import boards
from staging.batches import conflicts
from staging.batches.decide import release
from staging.models import Receipt, Snapshot, StagedOrder
from tests.core.mapping_samples import BOARD
from tests.world import World, uuid


@pytest.fixture
def three(world: World) -> World:
    """Three orders on the board, and one change, one new order and one removal approved."""
    for number in range(1, 8):
        world.add(number)
    world.sync()
    world.change(1, PRICE="12", S=0, XXL=4)
    world.add(9)
    world.drop(7)
    world.stage()
    world.approve()
    return world


def test_a_field_that_a_person_edited_is_held_with_three_values(three: World) -> None:
    three.edit(1, numeric_price="99")
    pushed = three.push()
    assert (pushed.settled.held, pushed.settled.applied) == (1, 2)
    assert pushed.batch.state == "needs_attention"
    assert three.item(1).cells["numeric_price"] == "99"
    assert three.sizes(1) == {"S": "1", "M": "2"}
    (conflict,) = three.order(1).problem["conflicts"]
    assert conflict == {"field": "numeric_price", "written": "10.5", "wanted": "12", "live": "99"}
    assert three.sync().counts.waiting == 1
    assert three.item(1).cells["numeric_price"] == "99"


def test_an_edit_of_another_field_is_left_alone(three: World) -> None:
    three.edit(1, long_text_notes="call them")
    three.move(1, "Orders")
    three.push()
    assert three.item(1).cells["long_text_notes"] == "call them"
    assert three.item(1).group == "Orders"
    assert three.item(1).cells["numeric_price"] == "12"
    three.sync()
    assert three.item(1).group == "Orders"


def test_an_item_that_a_person_moved_stays_where_it_is_and_its_other_fields_go_on(world: World) -> None:
    world.add(1)
    world.sync()
    world.move(1, "Orders")
    world.change(1, SEASON="AW27", PRICE="12")
    world.sync()
    assert world.state(1) == "applied"
    assert (world.item(1).group, world.item(1).cells["numeric_price"]) == ("Orders", "12")
    writes = len(world.wire.writes)
    for full in (False, True):
        world.sync(full=full)
    assert len(world.wire.writes) == writes


def test_a_published_policy_for_the_source_moves_it_all_the_same(world: World) -> None:
    world.publish(BOARD + "conflicts: source\n")
    world.add(1)
    world.sync()
    world.move(1, "Orders")
    world.change(1, SEASON="AW27")
    world.sync()
    assert world.item(1).group == "HARBOUR AW27"


def test_the_removal_of_an_item_that_a_person_moved_is_held(world: World) -> None:
    for number in range(1, 8):
        world.add(number)
    world.sync()
    world.move(1, "Orders")
    world.drop(1)
    world.sync()
    assert (world.state(1), world.item(1).group) == ("held", "Orders")
    assert world.order(1).problem["conflicts"][0]["live"] == "Orders"


def test_nothing_goes_to_a_group_that_a_person_archived_and_it_is_followed_where_it_was_renamed(world: World) -> None:
    for number in range(1, 9):
        world.add(number)
    world.sync()
    world.drop(1)
    world.sync()
    put_away(world, "Removed", "UPDATE board_groups SET title = 'Old orders' WHERE title = ?")
    world.drop(2)
    world.sync()
    assert world.state(2) == "applied", "a renamed group is followed by its id"
    put_away(world, "Old orders", "UPDATE board_groups SET state = 'archived' WHERE title = ?")
    world.drop(3)
    world.sync()
    assert world.state(3) == "held" and "was archived on the board, or deleted. Remedy:" in world.order(3).reason
    assert world.run_writes == []
    put_away(world, "Old orders", "UPDATE board_groups SET state = 'active' WHERE title = ?")
    order = world.order(3)
    release(batch=order.batch, orders=[order.pk], actor="ben", now=world.clock.now())
    world.sync()
    assert world.state(3) == "applied"


def put_away(world: World, title: str, statement: str) -> None:
    """What a person does with a group on the board."""
    with world.store.connection() as db, world.store.writing(db):
        assert db.execute(statement, (title,)).rowcount == 1


def test_a_quantity_that_a_person_edited_is_held(three: World) -> None:
    three.edit_line(1, "S", numeric_qty="50")
    three.push()
    assert three.state(1) == "held"
    assert three.sizes(1) == {"S": "50", "M": "2"}


@pytest.mark.parametrize(("policy", "shown"), [("source", "12"), ("board", "99")])
def test_the_published_policy_decides_a_conflict(world: World, policy: str, shown: str) -> None:
    world.publish(BOARD + f"conflicts: {policy}\n")
    world.add(1)
    world.sync()
    world.edit(1, numeric_price="99")
    world.change(1, PRICE="12", NOTES="late")
    world.sync()
    assert world.state(1) == "applied"
    assert world.item(1).cells["numeric_price"] == shown
    assert world.item(1).cells["long_text_notes"] == "late"
    writes = len(world.wire.writes)
    world.sync()
    world.sync(full=True)
    assert len(world.wire.writes) == writes


def test_a_field_that_the_board_keeps_is_asked_for_again_once_the_source_moves(world: World) -> None:
    world.publish(BOARD + "conflicts: board\n")
    world.add(1)
    world.sync()
    world.edit(1, numeric_price="99")
    world.change(1, PRICE="12")
    world.sync()
    world.edit(1, numeric_price="10.5")
    world.change(1, PRICE="13")
    world.sync()
    assert world.item(1).cells["numeric_price"] == "13"
    world.change(1, PRICE="12")
    world.sync()
    world.check_equal()


@pytest.mark.parametrize("ruled", [False, True], ids=["by policy", "by a person"])
@pytest.mark.parametrize("back", ["HARBOUR SS27", "Removed"])
def test_a_removal_of_an_item_that_the_board_keeps_is_held_and_not_counted(
    world: World, ruled: bool, back: str
) -> None:
    world.publish(BOARD + ("" if ruled else "conflicts: board\n"))
    for number in range(1, 8):
        world.add(number)
    world.add(8, CUSTOMER="BHOOD")
    world.sync()
    world.move(1, "B'HOOD SS27")
    world.drop(1)
    counts = world.sync().counts
    if ruled:
        (order,) = conflicts.in_conflict(world.batch())
        seen = conflicts.what_is_seen([order], "group")
        ruling = {"batch": world.batch(), "orders": [order], "field": "group", "take": "board", "seen": seen}
        conflicts.rule(**ruling, actor="ben", now=world.clock.now())
        world.push()
    assert (counts.held, counts.removed_from_board) == (1, 0)
    assert (world.state(1), world.snapshot(1).state) == ("held", "linked")
    assert "so it stays where it is. Remedy" in world.order(1).reason
    world.move(1, back)
    release(batch=world.batch(), orders=[world.order(1).pk], actor="ben", now=world.clock.now())
    world.sync()
    assert (world.state(1), world.snapshot(1).state) == ("applied", "removed")


def test_an_archived_item_is_held_as_gone_and_not_made_anew(three: World) -> None:
    three.archive(1)
    three.push()
    assert three.state(1) == "held"
    assert "Remedy" in three.order(1).reason
    assert not three.on_board(1)
    three.sync()
    assert not three.on_board(1)


def test_a_key_that_stands_on_two_items_is_held(world: World) -> None:
    world.add(1)
    world.stage()
    batch = world.approve()
    world.copy_item(1)
    world.copy_item(1)
    world.push(batch)
    assert world.state(1) == "held"
    assert "2 items" in world.order(1).reason
    assert len(world.shown()[uuid(1)]) == 2


def test_an_item_that_carries_the_key_already_is_linked_as_after_a_restored_database(world: World) -> None:
    world.add(1)
    world.add(2)
    world.sync()
    before = world.shown()
    Receipt.objects.all().delete()
    StagedOrder.objects.all().delete()
    Snapshot.objects.all().delete()
    report = world.sync()
    assert report.counts.created == 2
    assert world.run_writes == []
    assert world.shown() == before
    world.check_equal()


def test_a_planners_own_subitem_is_neither_adopted_nor_touched(world: World) -> None:
    world.add(1)
    world.sync()
    world.add_subitem(1, "XXL")
    world.change(1, XXL=4)
    world.sync()
    names = [key for key, _ in world.item(1).lines]
    assert names.count("XXL") == 1
    assert world.sizes(1)[f"{uuid(1)}/XXL".rpartition("/")[2]] in ("4", None)
    assert (f"{uuid(1)}/XXL", "4") in world.item(1).lines
    world.change(1, XXL=0)
    world.sync()
    assert [key for key, _ in world.item(1).lines].count("XXL") == 1


def test_a_size_without_quantity_goes_and_comes_back(world: World) -> None:
    world.add(1)
    world.sync()
    world.change(1, S=0)
    world.sync()
    assert world.sizes(1) == {"M": "2"}
    world.change(1, S=5)
    world.sync()
    world.check_equal()


def test_a_size_on_which_people_have_packed_is_emptied_and_reused(world: World) -> None:
    with world.store.connection() as db, world.store.writing(db):
        boards.insert_column(db, int(world.board.board_id) + 1, "numeric_packed", "Packed", "numbers", {})
    world.add(1)
    world.sync()
    line = world.item(1).line_ids[f"{uuid(1)}/S"]
    world.edit_line(1, "S", numeric_packed="7")
    world.change(1, S=0)
    world.sync()
    assert world.sizes(1) == {"M": "2", "S": "0"}
    assert world.item(1).line_ids[f"{uuid(1)}/S"] == line
    assert world.sync().counts.unchanged == 1
    world.change(1, S=3)
    world.sync()
    assert world.sizes(1) == {"M": "2", "S": "3"}
    assert world.item(1).line_ids[f"{uuid(1)}/S"] == line
    world.check_equal()


def test_a_to_b_to_a_to_b_ends_at_b(world: World) -> None:
    world.add(1)
    world.sync()
    for price in ("12", "10.50", "12", "10.50", "12"):
        world.change(1, PRICE=price)
        assert world.sync().counts.updated == 1
        world.check_equal()
