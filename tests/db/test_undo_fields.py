"""Undo, field by field: what a later batch or a person owns stays, under whatever has happened to the record since."""

from __future__ import annotations

from typing import Any

import pytest

from monday.sandbox import boards
from staging.core.lifecycle import NotAllowed
from staging.core.undoplan import ITEM, Force
from staging.models import AuditEvent, Snapshot
from staging.pushing.settle import put_back
from staging.setup import silent
from staging.undoing.foresee import Seen, foresee
from tests.core.mapping_samples import BOARD
from tests.memory_source import uuid
from tests.world import World

PRICE, NOTES = "numeric_price", "long_text_notes"


def cells(world: World, number: int, *names: str) -> list[Any]:
    return [world.item(number).cells.get(name) for name in names]


def people_own(world: World, column: str, *, below: bool = False) -> None:
    """The board gets a column that no mapping names."""
    with world.store.connection() as db, world.store.writing(db):
        boards.insert_column(db, int(world.board.board_id) + below, column, column.title(), "text", {})


def foreseen(world: World) -> list[Seen]:
    """What a preview of an undo of the first order's batch says that would be kept of it."""
    found = foresee(batch=world.order(1).batch, setup=world.setup(), progress=silent, only=[world.order(1).pk])
    return [seen for one in found for seen in one.kept]


@pytest.fixture
def two(world: World) -> World:
    """Two orders that the tests are about, and enough others for one to go."""
    for number in range(1, 8):
        world.add(number)
    world.sync()
    return world


# --- later batches ----------------------------------------------------------------------------------------------------
def test_undo_of_one_price_and_then_a_new_note(two: World) -> None:
    """A later batch owns the note; the price of the earlier one goes back all the same, and both are remembered."""
    two.change(1, PRICE="12", NOTES="first")
    two.sync()
    first = two.batch()
    two.change(1, NOTES="second")
    two.sync()
    second = two.batch()
    done = two.undo(first)
    assert cells(two, 1, PRICE, NOTES) == ["10.5", "second"]
    (why,) = done.kept.values()
    assert f"Batch {second.pk} has written it since" in why and why.endswith("Kept: NOTES.")
    assert two.sync().counts.changed == 0 and two.sync(full=True).counts.changed == 0
    two.undo(second)
    assert two.undo(first).kept == {}
    assert cells(two, 1, PRICE, NOTES) == ["10.5", None]
    two.check()


def test_a_field_that_no_later_batch_wrote_is_put_back_although_the_order_went_out_again(two: World) -> None:
    two.change(1, PRICE="12")
    two.sync()
    first = two.batch()
    two.change(1, NOTES="second")
    two.sync()
    assert two.undo(first).kept == {}
    assert cells(two, 1, PRICE, NOTES) == ["10.5", "second"]
    assert first.pk and two.sync().counts.changed == 0
    two.change(1, NOTES="third")
    two.sync()
    assert cells(two, 1, PRICE, NOTES) == ["10.5", "third"], "the undone price is not sent along with another field"


def test_a_later_batch_of_which_something_was_kept_still_owns_what_it_wrote(two: World) -> None:
    two.change(1, PRICE="12")
    two.sync()
    first = two.batch()
    two.change(1, PRICE="13", NOTES="second")
    two.sync()
    two.edit(1, numeric_price="99")
    two.undo()
    assert two.state(1) == "kept" and cells(two, 1, PRICE, NOTES) == ["99", None]
    (why,) = two.undo(first).kept.values()
    assert "has written it since" in why
    assert cells(two, 1, PRICE) == ["99"]


def test_a_created_item_that_a_later_batch_changed_is_not_archived_under_it(world: World) -> None:
    world.add(1)
    world.sync()
    created = world.batch()
    world.change(1, PRICE="12")
    world.sync()
    (why,) = world.undo(created, force=True, reason="all of it").kept.values()
    assert f"Batch {world.batch().pk}" in why and world.on_board(1)
    world.undo()
    assert world.undo(created).kept == {} and not world.on_board(1)


# --- what was kept once -----------------------------------------------------------------------------------------------
def test_what_an_undo_kept_is_put_back_by_a_second_one_with_force(two: World) -> None:
    two.change(1, PRICE="12", NOTES="late")
    two.sync()
    two.edit(1, numeric_price="99")
    two.undo()
    assert cells(two, 1, PRICE, NOTES) == ["99", None]
    done = two.undo(force=Force(fields=frozenset({PRICE})), reason="the planner agreed")
    assert (done.undone, done.kept) == (1, {})
    assert cells(two, 1, PRICE, NOTES) == ["10.5", None]
    assert two.sync().counts.changed == 0
    event = AuditEvent.objects.filter(action="batch.undo").latest("id")
    assert event.data["overwrites"] == [PRICE] and event.reason == "the planner agreed"


def test_overwriting_what_people_edited_needs_a_reason(two: World) -> None:
    two.change(1, PRICE="12")
    two.sync()
    two.edit(1, numeric_price="99")
    with pytest.raises(NotAllowed, match="needs a reason"):
        two.undo(force=True)
    assert cells(two, 1, PRICE) == ["99"] and two.batch().state == "pushed"


def test_an_edit_is_overwritten_only_while_the_board_shows_what_was_seen(two: World) -> None:
    for number in (1, 2):
        two.change(number, PRICE="12")
    two.sync()
    for number, price in ((1, "99"), (2, "77")):
        two.edit(number, numeric_price=price)
    seen = {two.order(n).pk: Force(seen={PRICE: "99"}) for n in (1, 2)}
    two.undo(forces=seen, reason="ok")
    assert (cells(two, 1, PRICE), cells(two, 2, PRICE)) == (["10.5"], ["77"])


# --- what people own --------------------------------------------------------------------------------------------------
def test_a_created_item_on_which_people_filled_a_column_of_their_own_is_kept(world: World) -> None:
    people_own(world, "cut_plan")
    for number in (1, 2):
        world.add(number)
    world.sync()
    world.edit(1, cut_plan="Tuesday")
    done = world.undo()
    assert world.on_board(1) and not world.on_board(2)
    assert "Cut_Plan" in done.kept[world.order(1).label]
    world.undo(force=Force(fields=frozenset({ITEM})), reason="the planner agreed")
    assert not world.on_board(1)


@pytest.mark.parametrize("below", ["the item", "a subitem"])
def test_a_created_item_below_which_somebody_wrote_is_kept_with_the_words(two: World, below: str) -> None:
    item = two.item(1)
    place = item.id if below == "the item" else item.line_ids[f"{item.key}/S"]
    first = two.write_below(f"item_id: {place}", "cut <b>on</b> Tuesday")
    two.write_below(f"parent_id: {first}", "no, Friday")
    done = two.undo()
    assert two.on_board(1) and not two.on_board(2)
    assert ("Updates below it" if below == "the item" else "subitem ") in done.kept[two.order(1).label]
    (kept,) = [seen for seen in foreseen(two) if seen.field != ITEM]
    assert "cut on Tuesday" in str(kept.live) and "no, Friday" in str(kept.live)


def test_what_is_written_below_after_the_preview_keeps_the_item_all_the_same(two: World) -> None:
    """A person saw one update, and let the item go; another came since."""
    first = two.write_below(f"item_id: {two.item(1).id}", "cut on Tuesday")
    (whole,) = [seen for seen in foreseen(two) if seen.field == ITEM]
    forces = {two.order(1).pk: Force(seen={ITEM: whole.live})}
    two.write_below(f"parent_id: {first}", "wait")
    two.undo(forces=forces, reason="Ann agreed")
    assert two.on_board(1)
    (whole,) = [seen for seen in foreseen(two) if seen.field == ITEM]
    two.undo(forces={two.order(1).pk: Force(seen={ITEM: whole.live})}, reason="and again")
    assert not two.on_board(1)


def test_an_update_that_was_taken_away_again_keeps_nothing(two: World) -> None:
    update = two.write_below(f"item_id: {two.item(1).id}", "oh")
    with two.store.connection() as db, two.store.writing(db):
        db.execute("DELETE FROM updates WHERE id = ?", (update,))
    two.undo()
    assert not two.on_board(1)


def test_an_added_size_below_which_somebody_wrote_is_emptied_and_not_archived(two: World) -> None:
    two.change(1, XXL=4)
    two.sync()
    line = two.item(1).line_ids[f"{two.item(1).key}/XXL"]
    two.write_below(f"item_id: {line}", "packed two already")
    two.undo()
    assert two.sizes(1)["XXL"] == "0"


def test_a_created_item_on_which_a_planner_put_subitems_is_kept_where_we_make_none(world: World) -> None:
    """A mapping without sizes makes no subitems, so all of them are people's own."""
    world.publish(BOARD[: BOARD.index("sizes:")])
    world.add(1)
    world.sync()
    world.add_subitem(1, "sample")
    done = world.undo()
    assert world.on_board(1) and "sample" in str(done.kept)


def test_a_subitem_on_which_people_packed_is_emptied_by_an_undo_and_is_still_ours(two: World) -> None:
    people_own(two, "packed", below=True)
    two.change(1, XXL=4)
    two.sync()
    two.edit_line(1, "XXL", packed="7")
    line = two.item(1).line_ids[f"{uuid(1)}/XXL"]
    two.undo()
    assert two.sizes(1)["XXL"] == "0"
    two.change(1, XXL=6)
    two.sync()
    assert two.sizes(1)["XXL"] == "6" and two.item(1).line_ids[f"{uuid(1)}/XXL"] == line
    two.check_equal()


# --- what has happened to the record since ----------------------------------------------------------------------------
def test_an_undo_after_the_table_was_rekeyed_is_remembered_under_the_new_uuid(two: World) -> None:
    two.change(1, PRICE="12")
    two.sync()
    for number in range(1, 8):
        two.row(number)["record_uuid"] = uuid(number + 100)
    assert two.sync().counts.rekeyed == 7
    two.undo()
    assert cells(two, 1, PRICE) == ["10.5"]
    assert two.snapshot(101).withheld == {PRICE: "12"}
    assert two.sync(full=True).counts.changed == 0
    two.change(101, PRICE="13")
    assert two.sync().counts.updated == 1
    assert cells(two, 1, PRICE) == ["13"]


def test_an_undone_creation_stays_undone_also_after_the_table_was_rekeyed(world: World) -> None:
    world.add(1)
    world.sync()
    created = world.batch()
    world.row(1)["record_uuid"] = uuid(101)
    world.sync()
    world.undo(created)
    assert world.shown() == {}
    for full in (False, True):
        assert world.sync(full=full).counts.new == 0
    assert world.shown() == {}


def test_a_column_that_is_not_mapped_any_more_is_put_back_all_the_same(two: World) -> None:
    two.change(1, PRICE="12", NOTES="late")
    two.sync()
    batch = two.batch()
    two.publish(BOARD.replace("  PRICE: {to: numeric_price, as: decimal}\n", ""))
    two.sync()
    assert two.undo(batch).kept == {}
    assert cells(two, 1, PRICE, NOTES) == ["10.5", None]


def test_an_undone_change_of_an_order_that_came_back_is_not_sent_again_where_its_group_was_chosen_by_hand(
    two: World,
) -> None:
    (row,) = two.drop(1)
    two.sync()
    two.source.orders.append(row)
    two.change(1, PRICE="12")
    two.sync()
    two.move(1, "Orders")
    two.undo()
    assert (two.item(1).group, cells(two, 1, PRICE)) == ("Orders", ["10.5"])
    for full in (False, True):
        two.sync(full=full)
    assert (two.item(1).group, cells(two, 1, PRICE)) == ("Orders", ["10.5"])


# --- archived removals ------------------------------------------------------------------------------------------------
def test_an_archived_removal_is_made_anew_and_what_people_had_typed_is_told(two: World) -> None:
    people_own(two, "cut_plan")
    two.publish(BOARD + "deletions: {action: archive}\n")
    two.edit(1, cut_plan="Tuesday")
    two.write_below(f"item_id: {two.item(1).id}", "call first")
    before = two.item(1)
    (row,) = two.drop(1)
    two.sync()
    assert not two.on_board(1)
    done = two.undo()
    assert (done.undone, done.kept, two.batch().state) == (1, {}, "undone")
    assert (two.item(1).name, two.item(1).group, two.item(1).lines) == (before.name, before.group, before.lines)
    assert two.item(1).cells == {name: value for name, value in before.cells.items() if name != "cut_plan"}
    assert two.item(1).id != before.id
    told = AuditEvent.objects.filter(action="order.undone").latest("id")
    typed = {"Cut_Plan": "Tuesday", "Updates below it": ["call first"]}
    assert told.data["typed by people, not brought back"] == typed
    assert two.sync().counts.removed == 0 and two.on_board(1), "the removal is not staged again"
    two.source.orders.append(row)
    two.change(1, PRICE="12")
    assert two.sync().counts.updated == 1
    two.check_equal()


@pytest.mark.parametrize("word", ["create_item", "create_subitem"])
@pytest.mark.parametrize("answered", [True, False], ids=["answer lost", "request lost"])
def test_an_archived_removal_is_made_anew_once_although_answers_are_lost(two: World, word: str, answered: bool) -> None:
    two.publish(BOARD + "deletions: {action: archive}\n")
    before = two.shown()
    two.drop(1)
    two.sync()
    batch = two.batch()
    two.wire.lose(word, times=9, answered=answered)
    two.undo(batch)
    two.wire.calm()
    for _ in range(3):
        two.clock.sleep(600)
        batch.refresh_from_db()
        if batch.state != "undone":
            two.undo(batch)
    assert batch.state == "undone" and two.shown() == before
    two.check()


# --- partly pushed ----------------------------------------------------------------------------------------------------
def test_what_was_written_before_an_outage_is_undone_too(world: World) -> None:
    """A batch stopped with an item made and its sizes missing: the item goes; what was never sent is staged."""
    import requests

    for number in range(1, 4):
        world.add(number)
    world.stage()
    batch = world.approve()

    def gone(sent: Any) -> None:
        if sent.holds("create_subitem"):
            raise requests.ConnectTimeout("no route")

    world.wire.before = gone
    assert world.push(batch, chunk=1).error
    world.wire.calm()
    assert world.shown()
    assert world.undo(batch).error == ""
    batch.refresh_from_db()
    assert world.shown() == {} and batch.state == "undone"
    assert not Snapshot.objects.exists()
    report = world.sync()
    assert (report.counts.created, report.counts.waiting) == (2, 1), "only what was undone stays undone"


def test_an_undo_of_single_orders_leaves_the_rest_of_a_paused_batch_to_be_pushed(world: World) -> None:
    from staging.setup import Stopped

    for number in range(1, 5):
        world.add(number)
    world.stage()
    batch = world.approve()

    def stop(phase: str, done: int, total: int) -> None:
        if done:
            raise Stopped

    with pytest.raises(Stopped):
        world.push(batch, chunk=1, progress=stop)
    (pushed,) = batch.orders.filter(state="applied")
    world.undo(batch, only=[pushed.pk])
    batch.refresh_from_db()
    assert batch.state == "partly_undone" and world.shown() == {}
    assert world.push(batch).settled.applied == 3
    assert len(world.shown()) == 3


def test_an_undo_in_steps_does_not_try_again_what_it_kept_and_counts_all_of_it(two: World) -> None:
    for number in (1, 2):
        two.change(number, PRICE="12")
    two.sync()
    two.edit(2, numeric_price="99")
    batch, begun = two.batch(), two.clock.now()
    two.undo(batch, begun=begun)
    reads = len(two.wire.sent)
    done = two.undo(batch, begun=begun)
    assert (done.undone, list(done.kept)) == (1, [two.order(2).label])
    assert not [sent for sent in two.wire.sent[reads:] if sent.holds("column_values")], "no item was read again"


def test_two_orders_that_are_called_alike_are_both_named(world: World) -> None:
    for number in (1, 2):
        world.add(number, ORDER="A1")
    world.sync()
    for number in (1, 2):
        world.edit(number, numeric_price="99")
    assert len(world.undo().kept) == 2


def test_an_undo_without_an_answer_folds_nothing(two: World) -> None:
    two.change(1, PRICE="12")
    two.sync()
    before = two.snapshot(1).order
    put_back(two.order(1), two.snapshot(1), [], {}, two.clock.now())
    assert two.snapshot(1).order == before
