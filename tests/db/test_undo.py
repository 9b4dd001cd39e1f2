"""Undo: the board as before, the next run leaves it so, other fields go on, and what people wrote is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from staging.core.lifecycle import NotAllowed
from staging.models import Receipt, Snapshot, StagedOrder
from tests.world import Mortal, Shown, World, uuid

Board = dict[str, list[Shown]]


def push_changes(world: World) -> Board:
    """Changes of every kind, pushed in one batch; the board as it was before."""
    before = world.shown()
    world.change(1, PRICE="12", NOTES="late")
    world.change(2, S=0, M=5, XXL=4)
    world.change(3, SEASON="AW27", COLOUR="BLUE")
    world.drop(4)
    world.add(8)
    world.stage()
    world.approve()
    assert world.push().settled.applied == 5
    assert world.shown() != before
    return before


def quiet(world: World, before: Mapping[str, Any]) -> None:
    """Runs of every kind leave the board as it is."""
    writes = len(world.wire.writes)
    for full in (False, True, False):
        report = world.sync(full=full)
        assert (report.counts.new, report.counts.changed, report.counts.staged) == (0, 0, 0)
    assert len(world.wire.writes) == writes
    assert world.shown() == before
    world.check()


def test_everything_a_batch_wrote_is_put_back_and_stays_so(six: World) -> None:
    before = push_changes(six)
    done = six.undo(reason="wrong list")
    assert (done.undone, done.kept, done.error) == (5, {}, "")
    assert six.batch().state == "undone"
    assert six.shown() == before
    quiet(six, before)


def test_every_write_of_an_undo_has_a_receipt_that_names_what_it_takes_back(six: World) -> None:
    push_changes(six)
    six.undo()
    back = Receipt.objects.filter(undoes__isnull=False)
    assert back.count()
    for receipt in back.select_related("undoes"):
        assert receipt.outcome == "done"
        assert receipt.order_id == receipt.undoes.order_id


def test_a_second_undo_has_nothing_to_do(six: World) -> None:
    before = push_changes(six)
    six.undo()
    with pytest.raises(NotAllowed):
        six.undo()
    assert six.shown() == before


def test_the_other_fields_of_an_undone_order_go_on(six: World) -> None:
    before = push_changes(six)
    six.undo()
    six.change(1, UNIT="PACK")
    six.change(2, NOTES="soon")
    report = six.sync()
    assert report.counts.updated == 2
    assert six.item(1).cells == {**before[uuid(1)][0].cells, "color_unit": "PACK"}
    assert six.item(2).cells["long_text_notes"] == "soon"
    assert six.item(2).lines == before[uuid(2)][0].lines
    quiet(six, six.shown())


def test_an_undone_field_goes_on_once_the_source_asks_for_another_value(six: World) -> None:
    push_changes(six)
    six.undo()
    six.change(1, PRICE="13")
    assert six.sync().counts.updated == 1
    assert six.item(1).cells["numeric_price"] == "13"
    assert "long_text_notes" not in six.item(1).cells


@pytest.mark.parametrize("between", ["13", "10.50"])
def test_an_undone_value_is_free_once_the_source_has_moved_away_from_it(six: World, between: str) -> None:
    six.change(1, PRICE="12")
    six.sync()
    six.undo()
    six.change(1, PRICE=between)
    six.sync()
    six.change(1, PRICE="12")
    assert six.sync().counts.updated == 1
    six.check_equal()


def test_an_undone_value_is_free_also_where_the_change_in_between_was_declined(six: World) -> None:
    from staging.batches.decide import decline

    six.change(1, PRICE="12")
    six.sync()
    six.undo()
    six.change(1, PRICE="13")
    six.stage()
    decline(batch=six.batch(), actor="ben", now=six.clock.now(), reason="no")
    six.change(1, PRICE="12")
    six.sync()
    six.check_equal()


def test_an_undone_creation_is_made_anew_once_the_source_moves(world: World) -> None:
    world.add(1)
    world.sync()
    world.undo()
    assert world.shown() == {}
    assert not Snapshot.objects.exists()
    quiet(world, {})
    world.change(1, PRICE="12")
    assert world.sync().counts.created == 1
    world.check_equal()


def test_an_undone_removal_leaves_the_item_where_it_was_and_the_order_lives_when_it_returns(six: World) -> None:
    before = six.shown()
    (row,) = six.drop(1)
    six.sync()
    six.undo()
    assert six.shown() == before
    quiet(six, before)
    six.source.orders.append(row)
    six.change(1, PRICE="12")
    assert six.sync().counts.updated == 1
    six.check_equal()


def test_an_undone_restoration_puts_the_item_aside_again_until_the_source_moves(six: World) -> None:
    (row,) = six.drop(1)
    six.sync()
    aside = six.shown()
    six.source.orders.append(row)
    six.sync()
    six.undo()
    assert six.shown() == aside
    quiet(six, aside)
    six.change(1, PRICE="12")
    assert six.sync().counts.restored == 1
    six.check_equal()


def test_only_the_ticked_orders_are_put_back(six: World) -> None:
    before = push_changes(six)
    done = six.undo(only=[six.order(1).pk])
    assert done.undone == 1
    assert six.batch().state == "partly_undone"
    assert six.shown()[uuid(1)] == before[uuid(1)]
    assert six.item(3).group == "HARBOUR AW27"
    six.undo()
    assert six.batch().state == "undone"
    assert six.shown() == before


# --- what people wrote since ------------------------------------------------------------------------------------------
def test_a_field_that_was_edited_since_is_kept_and_named_and_the_rest_goes_back(six: World) -> None:
    before = push_changes(six)
    six.edit(1, numeric_price="99")
    done = six.undo()
    assert done.undone == 4
    (why,) = done.kept.values()
    assert why.endswith("Kept: PRICE.")
    assert six.state(1) == "kept"
    assert six.batch().state == "partly_undone"
    assert six.item(1).cells["numeric_price"] == "99"
    assert "long_text_notes" not in six.item(1).cells
    assert {k: v for k, v in six.shown().items() if k != uuid(1)} == {k: v for k, v in before.items() if k != uuid(1)}
    shown = six.shown()
    quiet(six, shown)


def test_force_puts_edited_fields_back_too(six: World) -> None:
    before = push_changes(six)
    six.edit(1, numeric_price="99")
    six.edit_line(2, "XXL", numeric_qty="40")
    six.move(3, "Orders")
    six.edit(8, long_text_notes="mine")
    done = six.undo(force=True, reason="the planner agreed")
    assert done.kept == {}
    assert six.shown() == before
    quiet(six, before)


def test_a_created_item_into_which_somebody_wrote_is_kept_with_its_subitems(world: World) -> None:
    world.add(1)
    world.sync()
    world.add_subitem(1, "cutting plan")
    shown = world.shown()
    done = world.undo()
    assert done.undone == 0
    (why,) = done.kept.values()
    assert "cutting plan" in why and why.endswith("Kept: subitem cutting plan, the whole item.")
    assert world.shown() == shown
    quiet(world, shown)


def test_an_item_that_somebody_archived_cannot_be_put_back_and_that_is_said(six: World) -> None:
    six.change(1, PRICE="12")
    six.change(2, PRICE="12")
    six.sync()
    six.archive(1)
    done = six.undo()
    assert done.undone == 1
    assert "Remedy" in next(iter(done.kept.values()))
    assert (six.state(1), six.state(2)) == ("kept", "undone")


# --- batches upon batches ---------------------------------------------------------------------------------------------
def test_a_batch_under_a_later_one_is_refused_for_those_orders_and_the_later_one_is_named(six: World) -> None:
    before = six.shown()
    six.change(1, PRICE="12")
    six.change(2, PRICE="12")
    six.sync()
    first = six.batch()
    six.change(1, PRICE="13")
    six.sync()
    second = six.batch()
    done = six.undo(first)
    assert done.undone == 1
    assert f"Batch {second.pk}" in next(iter(done.kept.values()))
    assert six.item(1).cells["numeric_price"] == "13"
    assert six.shown()[uuid(2)] == before[uuid(2)]
    assert six.undo(second).undone == 1
    assert six.undo(first).undone == 1
    assert six.shown() == before


def test_a_later_change_that_still_waits_is_out_of_date_after_an_undo(six: World) -> None:
    six.change(1, PRICE="12")
    six.sync()
    first = six.batch()
    six.change(1, PRICE="13")
    six.stage()
    six.undo(first)
    assert six.state(1) == "superseded"
    six.sync()
    six.check_equal()


def test_undone_and_pushed_again_and_undone_again(six: World) -> None:
    before = six.shown()
    for price in ("12", "13", "14"):
        six.change(1, PRICE=price)
        assert six.sync().counts.updated == 1
        assert six.undo().undone == 1
        assert six.shown() == before


def test_a_rejected_order_that_was_written_in_part_can_be_undone(world: World) -> None:
    from itertools import count

    from monday.sandbox.faults import Fault

    world.add(1)
    world.add(2)
    world.sync()
    before = world.shown()
    world.change(1, PRICE="12", XXL=4)
    tries = count()
    world.strike(Fault("field_limit", every=1, on="create_subitem", alias=0))
    report = world.sync()
    world.strike()
    assert next(tries) == 0
    assert report.counts.rejected == 1
    assert world.item(1).cells["numeric_price"] == "12"
    assert world.undo().undone == 1
    assert world.shown() == before
    quiet(world, before)


# --- lost on the way --------------------------------------------------------------------------------------------------
def undo_to_the_end(world: World, batch: Any) -> None:
    """Undo as often as a person would, until it is done."""
    world.wire.calm()
    for _ in range(4):
        world.clock.sleep(600)
        batch.refresh_from_db()
        if batch.state == "undone":
            return
        world.undo(batch)


@pytest.mark.parametrize("answered", [True, False], ids=["answer lost", "request lost"])
@pytest.mark.parametrize("word", ["archive_item", "create_subitem", "change_multiple", "move_item"])
def test_an_undo_that_loses_answers_ends_with_the_board_as_before(six: World, word: str, answered: bool) -> None:
    before = push_changes(six)
    batch = six.batch()
    six.wire.lose(word, times=9, answered=answered)
    six.undo(batch)
    undo_to_the_end(six, batch)
    assert six.shown() == before
    quiet(six, before)


@pytest.mark.parametrize("word", ["create_item", "create_subitem", "change_multiple", "move_item", "archive_item"])
def test_what_was_pushed_with_lost_answers_is_undone_all_the_same(six: World, word: str) -> None:
    before = six.shown()
    six.change(1, PRICE="12")
    six.change(2, S=0, M=5, XXL=4)
    six.change(3, SEASON="AW27")
    six.drop(4)
    six.add(8)
    six.stage()
    batch = six.approve()
    six.wire.lose(word, times=9, answered=True)
    six.push(batch)
    six.wire.calm()
    for _ in range(2):
        six.clock.sleep(600)
        six.sync()
    batch.refresh_from_db()
    assert batch.state == "pushed"
    six.undo(batch)
    assert six.shown() == before
    assert not StagedOrder.objects.filter(batch=batch).exclude(state="undone").exists()
    quiet(six, before)


@pytest.mark.parametrize("start", range(4))
def test_an_undo_that_dies_at_any_moment_is_finished_by_the_next(six: World, start: int) -> None:
    before = push_changes(six)
    batch = six.batch()
    mortal = Mortal(six)
    for at in range(start + 1, 60, 4):
        with mortal.living(at):
            six.undo(batch)
        six.check(settled=False)
        batch.refresh_from_db()
        if not mortal.dead or batch.state == "undone":  # it may die with nothing left to do
            break
    undo_to_the_end(six, batch)
    batch.refresh_from_db()
    assert batch.state == "undone"
    assert six.shown() == before
    quiet(six, before)


def test_an_outage_during_an_undo_is_told_and_the_next_one_goes_on(six: World) -> None:
    import requests

    before = push_changes(six)
    batch = six.batch()

    def gone(sent: Any) -> None:
        if sent.writes:
            raise requests.ConnectTimeout("no route")

    six.wire.before = gone
    done = six.undo(batch)
    assert "Remedy" in done.error
    batch.refresh_from_db()
    assert batch.state == "undoing"
    undo_to_the_end(six, batch)
    assert six.shown() == before
    quiet(six, before)
