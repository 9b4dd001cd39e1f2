"""The hard cases that were settled, one test each, in the words of those who meet them.

 1  a planner's own XL beside ours                     21  a source's A -> B -> A -> B
 2  a size to 0 on which people have packed            22  twins of one business key
 3  a size to NULL and back                            23  labels that differ by case alone
 4  an item archived by hand                           24  one line split over two UUIDs while rekeyed
 5  an item moved to another group by hand             25  a table reloaded with fresh UUIDs
 6  a group renamed by hand                            26  a customer renamed in the source
 7  a group archived by hand                           27  a UUID that stands twice
 8  an alias moved while a batch is open               28  an order that is gone, and comes back
 9  a mapping published while a batch is open          29  a bad price on a good order
10  a column unmapped                                  30  an order without any size
11  a newly mapped column over a filled one            31  columns that people own
12  a board that is full                               32  an item with 1 of 2 sizes refused
13  undo of one price, and then a new note             33  a group that cannot be made
14  the source moved after the approval                34  a chunk that is spoiled by being many
15  a column deleted on the board after the approval   35  a database restored from before the last pushes
16  a value that is already there                      36  an empty source, and one at half
17  a field edited by hand                             37  a negative quantity
18  two items with one key                             38  columns renamed to one size
19  an answer lost for good                            39  an item that was sent, and whose row went
20  a group that several customers want                40  an item moved to another board, or deleted
41  a database restored within half an hour           42  a cell left empty that somebody filled
43  an edit of what a restored database forgot         44  a source that moved on after what was forgotten
45  an edit before a lost answer is looked up          46  an edit between an item and its sizes
47  a completion that was cut off                      48  an archiving cut off, and its row returns
49  an archiving undone after its row came back        50  undo of what was only linked
51  a subitem's key that was refused                  52  a sync after an undo that was cut off
53  an archiving undone while its row comes back
Further cases stand beside what they are about: adopting (test_adopt), undoing (test_undo_fields, test_undo_preview),
items that are gone (test_gone), identity (test_detect_identity, test_business_key), two processes at once
(test_two_at_once).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from django.db import transaction

from monday.sandbox import boards
from monday.sandbox.faults import Fault
from staging.batches import decide
from staging.models import Batch, Receipt, Snapshot, StagedOrder
from staging.pushing.push import push
from staging.setup import silent
from tests.core.mapping_samples import BHOOD, BOARD, HARBOUR
from tests.moments import moments
from tests.strangers import adopted, put
from tests.world import Mortal, Sent, World, uuid


def begun(world: World, *numbers: int) -> None:
    """These orders stand on the board."""
    for number in numbers or (1, 2):
        world.add(number)
    world.sync()


@contextmanager
def hand(world: World) -> Iterator[sqlite3.Connection]:
    """What people do on the board that the API has no word for."""
    with world.store.connection() as db, world.store.writing(db):
        yield db


def rename_group(world: World, before: str, after: str) -> None:
    """A person renames a group."""
    with hand(world) as db:
        db.execute("UPDATE board_groups SET title = ? WHERE title = ?", (after, before))


def turn_column(world: World, state: str) -> None:
    """A person deletes the price's column, or takes it back."""
    with hand(world) as db:
        board = boards.find(db, world.board.board_id)
        assert board is not None
        db.execute("UPDATE board_columns SET state = ? WHERE board_id = ? AND id = 'numeric_price'", (state, board.id))
        boards.revise(db, board.column("text_order"))


def archive_group(world: World, title: str, state: str = "archived") -> None:
    """A person archives a group, or restores it."""
    with hand(world) as db:
        db.execute("UPDATE board_groups SET state = ? WHERE title = ?", (state, title))


def test_01_a_planners_own_xl_is_neither_adopted_nor_touched(world: World) -> None:
    """People add subitems of their own; ours are known by their key, not by their name."""
    begun(world)
    world.add_subitem(1, "XXL")
    world.change(1, XXL=4)
    world.sync()
    assert [line for line, _ in world.item(1).lines].count(f"{uuid(1)}/XXL") == 1
    assert len(world.item(1).lines) == 4


def test_02_a_size_to_0_with_packed_quantities_is_emptied_and_kept(world: World) -> None:
    """What people typed on a subitem must not vanish with it."""
    with hand(world) as db:
        boards.insert_column(db, int(world.board.board_id) + 1, "numeric_packed", "Packed", "numbers", {})
    begun(world)
    line = world.item(1).line_ids[f"{uuid(1)}/S"]
    world.edit_line(1, "S", numeric_packed="5")
    world.change(1, S=0)
    world.sync()
    assert world.sizes(1) == {"S": "0", "M": "2"}
    world.change(1, S=4)
    world.sync()
    assert world.item(1).line_ids[f"{uuid(1)}/S"] == line
    world.check_equal()


def test_03_a_size_to_null_and_back_stands_once(world: World) -> None:
    """The subitem goes with its quantity, and comes back with it."""
    begun(world)
    world.change(1, S=None)
    world.sync()
    assert world.sizes(1) == {"M": "2"}
    world.change(1, S=6)
    world.sync()
    assert world.sizes(1) == {"S": "6", "M": "2"}
    world.check_equal()


def test_04_an_item_archived_by_hand_is_held_and_not_made_anew(world: World) -> None:
    """Somebody had a reason; a person chooses what becomes of it."""
    begun(world)
    world.archive(1)
    world.change(1, PRICE="12")
    world.sync()
    assert world.state(1) == "held" and "was archived on the board" in world.order(1).reason
    assert not world.on_board(1)


def test_05_an_item_moved_by_hand_stays_where_it_was_put(world: World) -> None:
    """The group is a field: a hand's choice is drift, and kept, also where the source wants yet another group."""
    begun(world)
    world.add(3, SEASON="AW27")
    world.sync()
    world.move(1, "HARBOUR AW27")
    world.change(1, PRICE="12")
    world.sync()
    assert (world.state(1), world.item(1).group) == ("applied", "HARBOUR AW27")
    world.change(1, SEASON="AW28")
    world.sync()
    assert (world.state(1), world.item(1).group) == ("applied", "HARBOUR AW27")


def test_06_a_group_renamed_by_hand_is_followed_by_its_id(world: World) -> None:
    """New orders go where the others stand, whatever people call it."""
    begun(world)
    rename_group(world, "HARBOUR SS27", "Harbour, summer")
    world.add(3)
    world.change(1, PRICE="12")
    world.sync()
    assert {world.item(number).group for number in (1, 2, 3)} == {"Harbour, summer"}
    assert world.state(1) == world.state(3) == "applied"


def test_07_a_group_archived_by_hand_gets_no_orders(world: World) -> None:
    """There nobody would see them: they are held, and other groups go on."""
    begun(world)
    archive_group(world, "HARBOUR SS27")
    world.add(3)
    world.add(4, SEASON="AW27")
    world.sync()
    assert (world.state(3), world.state(4)) == ("held", "applied")
    assert "was archived on the board" in world.order(3).reason
    archive_group(world, "HARBOUR SS27", state="active")
    decide.release(batch=world.order(3).batch, orders=[world.order(3).pk], actor="ben", now=world.clock.now())
    world.sync()
    world.check_equal()


def test_08_an_alias_moved_while_a_batch_is_open_moves_its_orders(world: World) -> None:
    """What was staged for one customer must not be approved for it once the rows belong to another."""
    world.add(1, CUSTOMER="HARBOUR (US)")
    world.add(2)
    world.stage()
    former = world.order(1)
    world.publish(HARBOUR.replace(", HARBOUR (US)", ""))
    world.publish(BHOOD.replace("[BHOOD]", "[BHOOD, HARBOUR (US)]"))
    world.stage()
    former.refresh_from_db()
    assert former.state == "superseded"
    assert world.order(1).batch.customer.name == "B'HOOD"


def test_09_a_mapping_published_while_a_batch_is_open_supersedes_what_it_renders_anew(world: World) -> None:
    """An approval binds what was shown; another document shows something else."""
    world.add(1)
    world.stage()
    former = world.order(1)
    world.publish(BOARD.replace('item: "{STYLE} {COLOUR} {ORDER}"', 'item: "{ORDER} {STYLE}"'))
    world.stage()
    former.refresh_from_db()
    assert former.state == "superseded" and world.order(1).label == "A1 ST1"
    world.approve()
    world.push()
    world.check_equal()


def test_10_a_column_unmapped_is_released_and_not_emptied(world: World) -> None:
    """Nobody asked for the cells to be cleared."""
    begun(world)
    world.publish(BOARD.replace("  PRICE: {to: numeric_price, as: decimal}\n", ""))
    world.change(1, NOTES="now")
    world.sync()
    assert world.item(1).cells["numeric_price"] == "10.5" and world.state(1) == "applied"
    assert "numeric_price" not in dict(world.snapshot(1).order["cells"])


def test_11_a_newly_mapped_column_over_a_filled_cell_asks_first(world: World) -> None:
    """We never wrote that cell, so what stands there is somebody's."""
    without = BOARD.replace("  NOTES: long_text_notes\n", "")
    world.publish(without)
    for number in (1, 2):
        world.add(number, NOTES="ours")
    world.sync()
    world.edit(1, long_text_notes="theirs")
    world.publish(BOARD)
    world.sync()
    assert (world.state(1), world.state(2)) == ("held", "applied")
    assert world.item(1).cells["long_text_notes"] == "theirs"
    assert world.item(2).cells["long_text_notes"] == "ours"


def test_12_a_full_board_takes_what_fits_and_holds_the_rest(world: World) -> None:
    """In a stable order, and said before anything is sent."""
    with hand(world) as db:
        db.execute("UPDATE boards SET items_limit = 2 WHERE id = ?", (int(world.board.board_id),))
    for number in (1, 2, 3):
        world.add(number)
    world.sync()
    states = sorted(world.state(number) for number in (1, 2, 3))
    assert states == ["applied", "applied", "held"] and len(world.shown()) == 2
    (held,) = StagedOrder.objects.filter(state="held")
    assert "The board is full" in held.reason


def test_13_undo_of_one_price_and_then_a_new_note_sends_the_note_alone(world: World) -> None:
    """An undone value stays undone while the source asks for the same; other fields go on."""
    begun(world)
    world.change(1, PRICE="12")
    world.sync()
    world.undo()
    assert world.item(1).cells["numeric_price"] == "10.5"
    assert world.sync().counts.changed == 0
    world.change(1, NOTES="call first")
    world.sync()
    cells = world.item(1).cells
    assert (cells["numeric_price"], cells["long_text_notes"]) == ("10.5", "call first")


def test_14_what_moved_after_the_approval_is_named_and_the_rest_goes_out(world: World) -> None:
    """Applied equals approved."""
    begun(world)
    world.change(1, PRICE="12")
    world.change(2, PRICE="12")
    world.stage()
    world.approve()
    world.change(1, PRICE="13")
    pushed = world.push()
    assert pushed.moved == ["ST1 RED A1"]
    assert [world.item(n).cells["numeric_price"] for n in (1, 2)] == ["10.5", "12"]


def test_15_a_column_deleted_after_the_approval_stops_the_batch_with_a_sentence(world: World) -> None:
    """The board's schema is compared again when the push starts; nothing is sent, and the approval stands."""
    begun(world)
    world.change(1, PRICE="12")
    world.stage()
    batch = world.approve()
    turn_column(world, "deleted")
    writes = len(world.wire.writes)
    report = world.sync()
    assert any("was not sent, as the board has changed" in warning for warning in report.warnings)
    assert len(world.wire.writes) == writes
    batch.refresh_from_db()
    assert batch.state == "approved" and world.state(1) == "approved"
    turn_column(world, "active")
    world.sync()
    world.check_equal()


def test_16_a_value_that_is_already_there_is_accepted_without_a_write(world: World) -> None:
    """Somebody typed it first: no conflict, no call."""
    begun(world)
    world.edit(1, numeric_price="12")
    world.change(1, PRICE="12")
    writes = len(world.wire.writes)
    world.sync()
    assert len(world.wire.writes) == writes and world.state(1) == "applied"


def test_17_a_field_edited_by_hand_is_held_with_three_values(world: World) -> None:
    """What we wrote, what is there, what the source wants."""
    begun(world)
    world.edit(1, numeric_price="11")
    world.change(1, PRICE="12")
    world.sync()
    (conflict,) = world.order(1).problem["conflicts"]
    assert (conflict["written"], conflict["live"], conflict["wanted"]) == ("10.5", "11", "12")
    assert world.item(1).cells["numeric_price"] == "11"


def test_18_two_items_with_one_key_are_held_and_named(world: World) -> None:
    """Whose is the order? A person archives one of them."""
    world.copy_item(1)
    world.copy_item(1)
    world.add(1)
    world.sync()
    assert world.state(1) == "held" and "2 items" in world.order(1).reason


def test_19_an_answer_that_is_lost_for_good_costs_a_look_and_no_second_item(world: World) -> None:
    """No answer means unclear, and a creation is never resent blindly."""
    world.add(1)
    world.wire.lose("create_item", answered=True)
    world.sync()
    world.wire.calm()
    world.clock.sleep(600)
    world.sync()
    assert len(Receipt.objects.filter(kind="create_item")) == 1
    world.check_equal()


def test_20_a_group_that_is_wanted_by_many_orders_is_made_once(world: World) -> None:
    """However many orders and chunks need it."""
    for number in range(1, 6):
        world.add(number)
    world.wire.lose("create_group", answered=True)
    world.sync(chunk=1)
    world.wire.calm()
    world.sync()
    structure = world.known_board().known_structure()
    assert structure is not None
    assert [group.title for group in structure.groups].count("HARBOUR SS27") == 1
    world.check_equal()


def test_21_a_to_b_to_a_to_b_ends_at_b(world: World) -> None:
    """A key that was used before would replay an old answer."""
    begun(world)
    for price in ("12", "10.50", "12"):
        world.change(1, PRICE=price)
        world.sync()
    assert world.item(1).cells["numeric_price"] == "12"
    world.check_equal()


def test_22_twins_of_one_business_key_are_two_orders(world: World) -> None:
    """Rows that share a key and have UUIDs of their own are ordinary."""
    world.add(1)
    world.add(2, ORDER="A1")
    world.sync()
    world.change(2, PRICE="12")
    world.sync()
    assert [world.item(n).cells["numeric_price"] for n in (1, 2)] == ["10.5", "12"]


def test_23_labels_that_differ_by_case_alone_are_named_before_they_are_made(world: World) -> None:
    """A board with RED and Red helps nobody; both are said, none is changed silently."""
    world.add(1, STYLE="Denim")
    world.sync()
    world.add(2, STYLE="DENIM")
    report = world.stage()
    assert report.checked is not None
    assert any({new, old} == {"DENIM", "Denim"} for _, new, old in report.checked.twins)


def test_24_one_line_split_over_two_uuids_while_rekeyed_is_held_as_ambiguous(world: World) -> None:
    """One UUID went and two came under its key: guessing would write one order's sizes onto the other's item."""
    begun(world, 1, 2, 3, 4, 5, 6)
    world.drop(1)
    world.add(11, ORDER="A1", PO="P1", S=1, M=None, TOTAL=1)
    world.add(12, ORDER="A1", PO="P1", S=None, M=2, TOTAL=2)
    world.sync()
    assert (world.state(11), world.state(12)) == ("held", "held")
    assert world.item(1).group == "HARBOUR SS27", "nothing is removed while it is not clear"


def test_25_a_table_reloaded_with_fresh_uuids_writes_nothing(world: World) -> None:
    """The link key on the board is the UUID of the first day."""
    begun(world, 1, 2, 3)
    for number in (1, 2, 3):
        world.row(number)["record_uuid"] = uuid(number + 50)
    writes = len(world.wire.writes)
    counts = world.sync().counts
    assert (counts.rekeyed, counts.staged) == (3, 0) and len(world.wire.writes) == writes
    world.check_equal()


def test_26_a_customer_renamed_in_the_source_moves_with_its_alias(world: World) -> None:
    """Unknown names are held for a person and change nothing on the board; the alias brings them home."""
    begun(world)
    world.change(1, CUSTOMER="HARBOUR PTY")
    assert world.sync().counts.invalid == 1
    assert world.item(1).group == "HARBOUR SS27"
    world.publish(HARBOUR.replace("HARBOUR (US)", "HARBOUR (US), HARBOUR PTY"))
    world.sync()
    assert world.item(1).cells["dropdown_customer"] == ["HARBOUR PTY"]
    world.check_equal()


def test_27_a_uuid_that_stands_twice_changes_nothing_and_removes_nothing(world: World) -> None:
    """All of its rows are refused, side by side."""
    begun(world)
    row = dict(world.row(1)) | {"PRICE": "99"}
    world.source.orders.append(row)
    counts = world.sync().counts
    assert (counts.duplicate, counts.staged) == (2, 0)
    assert world.item(1).cells["numeric_price"] == "10.5"


def test_28_an_order_that_is_gone_moves_aside_and_comes_back_in_its_own_item(world: World) -> None:
    """With its subitems and what people typed."""
    begun(world, 1, 2, 3, 4, 5, 6)
    item = world.item(1).id
    rows = world.drop(1)
    world.sync()
    assert world.item(1).group == "Removed"
    world.source.orders += rows
    world.sync()
    assert (world.item(1).id, world.item(1).group) == (item, "HARBOUR SS27")
    world.check_equal()


def test_29_one_bad_price_does_not_hide_an_order(world: World) -> None:
    """The order goes out without the cell, which is listed."""
    world.add(1, PRICE="TBC")
    world.sync()
    assert world.state(1) == "applied" and "numeric_price" not in world.item(1).cells
    assert world.order(1).warnings[0]["value"] == "TBC"


def test_30_an_order_without_any_size_is_an_item_without_subitems(world: World) -> None:
    """All sizes empty with an empty total."""
    world.add(1, S=None, M=None, TOTAL=None)
    world.sync()
    assert world.sizes(1) == {}
    world.check_equal()


def test_31_columns_that_people_own_are_never_touched(world: World) -> None:
    """Whatever stands in a column that no mapping names."""
    without = BOARD.replace("  NOTES: long_text_notes\n", "")
    begun(world)
    world.publish(without)
    world.sync()
    world.edit(1, long_text_notes="mine")
    world.change(1, PRICE="12", S=3)
    world.sync()
    assert world.item(1).cells["long_text_notes"] == "mine"


def test_32_an_item_of_which_a_size_was_refused_is_linked_and_completed_by_the_next_change(world: World) -> None:
    """Never a second item for the rest of the sizes."""
    world.add(1)
    world.strike(Fault("field_limit", every=1, on="create_subitem", alias=0))
    world.sync()
    world.strike()
    assert world.state(1) == "rejected" and world.snapshot(1).item_id == world.item(1).id
    world.change(1, PRICE="12")
    world.sync()
    world.check_equal()


def test_33_a_group_that_cannot_be_made_stops_its_customer_alone(world: World) -> None:
    """The board refuses the first group of every request, which is always that of B'HOOD."""
    world.add(1, CUSTOMER="B'HOOD")
    world.add(2)
    world.add(3, CUSTOMER="WHITE|FOX")
    world.strike(Fault("field_limit", every=1, on="create_group", alias=0))
    report = world.sync()
    assert not world.on_board(1) and world.on_board(2) and world.on_board(3)
    assert str(report.run.state) == "with_errors" and any("group" in warning for warning in report.warnings)
    assert str(world.sync().run.state) == "with_errors", "another run's batch failed again"
    world.strike()
    assert str(world.sync().run.state) == "completed"
    world.check_equal()


def test_34_a_chunk_that_is_spoiled_by_being_many_is_made_smaller_until_each_stands_alone(world: World) -> None:
    """Requests with more than one creation never get an answer; the orders get through all the same."""

    def spoil(sent: Sent) -> None:
        if sent.query.count("create_item") > 1:
            raise requests.ConnectionError("the connection broke")

    world.wire.before = spoil
    for number in range(1, 7):
        world.add(number)
    for _ in range(4):
        world.sync(chunk=4)
        world.clock.sleep(600)
    assert len(world.shown()) == 6
    world.wire.calm()
    world.check_equal()


def test_35_a_database_restored_from_before_the_last_pushes_doubles_nothing(world: World) -> None:
    """Every creation is preceded by a look-up of its key; what happened since is linked."""
    begun(world, 1, 2, 3)
    Receipt.objects.all().delete()
    StagedOrder.objects.all().delete()
    Snapshot.objects.all().delete()
    Batch.objects.all().delete()
    world.sync()
    assert len(world.shown()) == 3
    world.check_equal()


def test_36_an_empty_source_and_one_at_half_remove_nothing(world: World) -> None:
    """The load of the order table went wrong more often than all orders were cancelled."""
    begun(world, 1, 2, 3, 4)
    rows = list(world.source.orders)
    for left in (rows[:2], []):
        world.source.orders = list(left)
        report = world.sync()
        assert str(report.run.state) == "refused" and "Remedy" in report.error
    assert {items[0].group for items in world.shown().values()} == {"HARBOUR SS27"}


def test_37_a_negative_quantity_is_invalid_and_leaves_the_item_alone(world: World) -> None:
    """We refuse it before sending, with the column and the value."""
    begun(world)
    world.change(1, S=-1)
    assert world.sync().counts.invalid == 1
    assert world.sizes(1) == {"S": "1", "M": "2"}


def test_38_columns_renamed_to_one_size_are_summed(world: World) -> None:
    """HARBOUR calls XXL what the table also calls 2XL."""
    row = world.add(1)
    row |= {"XXL": 2, "2XL": 3, "TOTAL": 8}
    world.sync()
    assert world.sizes(1)["XXL"] == "5"


def test_39_an_item_that_was_sent_without_answer_and_whose_row_went_is_removed(world: World) -> None:
    """It is looked up first, or it would belong to nobody."""
    begun(world, 2, 3, 4, 5, 6)
    world.settle_seconds = 90
    world.add(1)
    world.wire.lose("create_item", answered=True)
    world.sync()
    world.wire.calm()
    world.drop(1)
    world.clock.sleep(600)
    world.sync()
    assert world.item(1).group == "Removed"


def test_40_an_item_that_is_on_another_board_or_deleted_is_held_as_gone(world: World) -> None:
    """Nothing is written to a board that is not ours, and nothing is made a second time."""
    begun(world, 1, 2)
    first, second = world.item(1).id, world.item(2).id
    with hand(world) as db:
        db.execute("UPDATE items SET board_id = 7777 WHERE id = ?", (int(first),))
        db.execute("UPDATE items SET state = 'deleted' WHERE id = ?", (int(second),))
    for number in (1, 2):
        world.change(number, PRICE="12")
    world.sync()
    assert [world.state(number) for number in (1, 2)] == ["held", "held"]
    assert all("Remedy: recreate it" in world.order(number).reason for number in (1, 2))


def test_41_what_a_restored_database_forgot_is_written_again_and_no_old_answer_taken_for_it(world: World) -> None:
    """The numbers of receipts are given out a second time, with what was sent under them within the last half hour."""
    begun(world, 1, 2)
    yesterday = transaction.savepoint()
    for price in ("12", "10.50"):
        world.change(1, PRICE=price)
        world.sync()
    transaction.savepoint_rollback(yesterday)
    world.change(1, PRICE="12")
    world.sync()
    world.check_equal()


def test_42_a_cell_that_was_empty_and_that_somebody_filled_keeps_a_created_item(world: World) -> None:
    """The column is ours, what stands in it is theirs."""
    begun(world, 1)
    world.edit(1, long_text_notes="ask the buyer")
    undone = world.undo()
    assert undone.undone == 0 and len(undone.kept) == 1
    assert world.on_board(1)


def forgotten(world: World, *numbers: int) -> str:
    """These orders stand on the board, and the database is restored to before it knew of them. Gives a savepoint."""
    yesterday = transaction.savepoint()
    begun(world, *numbers)
    return yesterday


def test_43_an_edit_of_an_item_that_a_restored_database_forgot_is_held_and_asked_about(world: World) -> None:
    """Nothing says what we wrote there last, but the board says that somebody else wrote since."""
    yesterday = forgotten(world, 1, 2)
    world.edit(1, numeric_price="11")
    transaction.savepoint_rollback(yesterday)
    world.sync()
    assert (world.state(1), world.state(2)) == ("held", "applied")
    (conflict,) = world.order(1).problem["conflicts"]
    assert (conflict["known"], conflict["live"], conflict["wanted"]) == (False, "11", "10.5")
    assert world.item(1).cells["numeric_price"] == "11" and "Remedy" in world.order(1).reason


def test_44_what_a_restored_database_forgot_follows_its_source_where_nobody_else_wrote(world: World) -> None:
    """What stands there is an older value of ours: by the board's own activity, whatever people did in other cells."""
    world.publish(BOARD.replace('  TARIFF: {to: numeric_tariff, as: percent, values: {"TRUE": "0"}}\n', ""))
    yesterday = forgotten(world, 1, 2)
    world.change(1, PRICE="12", S=7, SEASON="AW27")
    world.sync()
    world.edit(1, numeric_tariff="3")
    transaction.savepoint_rollback(yesterday)
    world.change(1, PRICE="13", S=8, SEASON="SS28", STYLE="ST2")
    world.drop(2)
    world.sync()
    assert world.state(1) == "applied"
    assert world.item(1).cells["numeric_price"] == "13" and world.sizes(1)["S"] == "8"
    assert (world.item(1).group, world.item(1).name) == ("HARBOUR SS28", "ST2 RED A1")
    assert len(world.shown()) == 2


def test_45_an_edit_before_a_lost_answer_is_looked_up_is_no_value_of_ours(world: World) -> None:
    """The receipt says what was sent, though nobody knows whether it came through."""
    world.settle_seconds = 90
    world.add(1)
    world.wire.lose("create_item", answered=True)
    world.sync()
    world.wire.calm()
    world.edit(1, numeric_price="11")
    world.clock.sleep(600)
    world.sync()
    (conflict,) = world.order(1).problem["conflicts"]
    assert (conflict["written"], conflict["live"], conflict["wanted"]) == ("10.5", "11", "10.5")
    assert world.state(1) == "held" and world.item(1).cells["numeric_price"] == "11"


def test_46_an_edit_between_an_item_and_its_sizes_is_not_written_over(world: World) -> None:
    """The sizes of a first load follow later, and people work with the items meanwhile."""
    for number in (1, 2):
        world.add(number)
    world.stage(sizes="later")
    batch = world.approve()
    push(batch=batch, setup=world.setup(), actor="ben", chunk=100, progress=silent, items_only=True)
    world.edit(1, numeric_price="11", numeric_tariff="3")
    world.push(batch)
    (conflict,) = world.order(1).problem["conflicts"]
    assert (conflict["field"], conflict["written"], conflict["live"]) == ("numeric_price", "10.5", "11")
    assert (world.state(1), world.state(2)) == ("held", "applied")
    assert world.item(1).cells["numeric_price"] == "11"


@pytest.mark.parametrize("at", moments(range(36, 64), 5))
def test_47_a_completion_that_was_cut_off_takes_its_own_half_done_work_for_no_edit(world: World, at: int) -> None:
    """What was sent may never have arrived: what stood there before is no stranger's either."""
    yesterday = forgotten(world, 1)
    transaction.savepoint_rollback(yesterday)
    world.change(1, PRICE="13", S=8, XXL=2)
    with Mortal(world).living(at):
        world.sync()
    world.sync()
    world.check_equal()


ARCHIVE = BOARD + "deletions: {action: archive}\n"


@pytest.mark.parametrize("at", moments(range(22, 34), 4))
def test_48_an_item_whose_archiving_was_cut_off_is_made_anew_when_its_row_returns(world: World, at: int) -> None:
    """It is looked up whether it was archived, or the order would stay linked to an item that is gone."""
    begun(world, 1, 2, 3, 4, 5, 6)
    world.publish(ARCHIVE)
    rows = world.drop(1)
    with Mortal(world).living(at):
        world.sync()
    world.source.orders += rows
    for _ in range(2):
        world.sync()
    world.check_equal()


def test_49_an_archiving_is_not_undone_over_the_item_of_the_row_that_came_back(world: World) -> None:
    """The row has an item again, with newer values, and is not to get another or the old ones."""
    begun(world, 1, 2, 3, 4, 5, 6)
    world.publish(ARCHIVE)
    rows = world.drop(1)
    world.sync()
    removal = world.order(1).batch
    world.source.orders += rows
    world.change(1, PRICE="12")
    world.sync()
    undone = world.undo(removal)
    assert f"Batch {world.order(1).batch.pk} has written it since" in undone.kept["ST1 RED A1"]
    world.check_equal()


def test_50_an_undo_says_of_items_that_were_only_linked_that_they_stay(world: World) -> None:
    """A batch archives what it made, and not what it found by its key after a restore."""
    yesterday = forgotten(world, 1, 2)
    transaction.savepoint_rollback(yesterday)
    world.change(1, PRICE="12")
    world.sync()
    undone = world.undo()
    assert undone.undone == 0 and all("stood on the board before this batch" in why for why in undone.kept.values())
    assert world.item(1).cells["numeric_price"] == "10.5" and len(undone.kept) == len(world.shown()) == 2


def test_51_an_adopted_item_whose_subitems_key_was_refused_gets_it_by_the_next_change(world: World) -> None:
    """The item has its key and the subitem has not: what follows must not take the order for one that is done."""
    world.add(1)
    put(world, 1)
    adopted(world)
    world.stage()
    batch = world.approve()

    def refuse(sent: Sent) -> None:
        if sent.query.count("change_multiple_column_values") > 1:  # the item is one, and then come its subitems
            world.strike(Fault("field_limit", every=1, on="change_multiple_column_values", alias=0))

    world.wire.before = refuse
    world.push(batch)
    world.wire.calm()
    world.strike()
    assert world.state(1) == "rejected"
    world.change(1, PRICE="12")
    world.sync()
    world.check_equal()


def test_52_an_undo_that_was_cut_off_holds_its_own_orders_and_no_others(world: World) -> None:
    """A sync waits with what is being put back, and does the rest; once the undo is through, it goes on with both."""
    begun(world, 1, 2)
    world.change(1, PRICE="12")
    world.sync()
    batch = world.batch()
    world.wire.lose("change_multiple", times=99, answered=False)
    world.undo(batch)
    world.wire.calm()
    for number in (1, 2):
        world.change(number, PRICE="13")
    counts = world.sync().counts
    assert (counts.waiting, counts.updated) == (1, 1) and world.state(1) == "undoing"
    world.clock.sleep(600)
    world.undo(batch)
    world.sync()
    world.check_equal()


@pytest.mark.parametrize("request_", moments(range(2, 9), 3))
def test_53_an_archiving_that_is_undone_while_its_row_comes_back_makes_one_item(world: World, request_: int) -> None:
    """Both look for the key and find none; only one of them has the record in hand."""
    begun(world, 1, 2, 3, 4, 5, 6)
    world.publish(ARCHIVE)
    rows = world.drop(1)
    world.sync()
    removal, left = world.order(1).batch, [request_]

    def back(sent: Sent) -> None:
        left[0] -= 1
        if left[0] == 0:
            world.wire.calm()
            world.source.orders += rows
            world.sync()

    world.wire.before = back
    world.undo(removal)
    world.wire.calm()
    if left[0] > 0:
        world.source.orders += rows
    for _ in range(2):
        world.sync()
    world.check_equal()
