"""Stories of several runs, decisions and undos, in which each step is right and the whole must be as well."""

from __future__ import annotations

import json
import uuid as uuids

import pytest
from django.core.management import call_command

from staging.batches import decide
from staging.models import Batch
from staging.reports.report import exit_code, sentences
from staging.reports.unused import reasons, unknown_customers
from staging.setup import Stopped
from tests.world import World, uuid

OWN_KEY = """
version: 1
customer: HARBOUR
aliases: [HARBOUR (AU)]
business_key: [ORDER, STYLE, COLOUR]
"""


def price(world: World, number: int) -> object:
    """The price as the board shows it."""
    return next(value for name, value in world.item(number).cells.items() if "price" in name)


def newer(number: int) -> str:
    """Another UUID for the same row."""
    return str(uuids.uuid5(uuids.NAMESPACE_URL, f"renewed {number}")).upper()


def test_two_undone_changes_of_one_field_stay_undone_when_another_field_moves(world: World) -> None:
    world.add(1)
    world.sync()
    first = price(world, 1)
    world.change(1, PRICE="12")
    world.sync()
    second = world.batch()
    world.change(1, PRICE="14")
    world.sync()
    world.undo()
    world.undo(second)
    assert price(world, 1) == first
    assert world.sync().counts.staged == 0
    world.change(1, NOTES="another field")
    world.sync()
    assert price(world, 1) == first, "what was undone is not sent along with another field"
    world.sync(full=True)
    assert price(world, 1) == first
    world.check()


def test_an_order_whose_row_was_invalid_and_then_went_is_removed_at_once(world: World) -> None:
    for number in range(1, 9):
        world.add(number)
    world.sync()
    world.change(2, TOTAL=99)
    assert world.sync().counts.invalid == 1
    world.drop(2)
    assert world.sync().counts.removed == 1
    world.check()


def test_a_row_that_was_invalid_and_comes_right_under_another_uuid_is_the_same_order(world: World) -> None:
    for number in (1, 2, 3):
        world.add(number)
    world.sync()
    world.change(2, TOTAL=99)
    world.sync()
    row = world.row(2)
    row["TOTAL"], row["record_uuid"] = 3, newer(2)
    report = world.sync()
    assert (report.counts.rekeyed, report.counts.new, report.counts.removed) == (1, 0, 0)
    assert len(world.shown()) == 3
    world.check()


def test_an_undone_update_and_then_its_creation_leave_no_blame(world: World) -> None:
    world.add(1, XXL=2, TOTAL=5)
    world.sync()
    created = world.batch()
    world.change(1, XXL=0)
    world.sync()
    assert world.undo().kept == {}
    assert world.undo(created).kept == {}, "the subitem that the first undo put back is ours"
    assert not world.on_board(1)
    world.check()


def test_a_decision_survives_a_new_uuid(world: World) -> None:
    for number in (1, 2):
        world.add(number)
    world.sync()
    world.change(1, PRICE="12")
    world.stage()
    decide.decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="not agreed")
    for number in (1, 2):
        world.row(number)["record_uuid"] = newer(number)
    report = world.stage()
    assert (report.counts.changed, report.counts.staged) == (0, 0)
    assert (report.counts.rekeyed, report.counts.waiting) == (1, 1)
    world.check()


def test_an_order_held_by_a_conflict_goes_on_after_its_release(world: World) -> None:
    world.add(1)
    world.add(2)
    world.sync()
    column = next(name for name in world.item(1).cells if "price" in name)
    world.edit(1, **{column: "77"})
    world.change(1, PRICE="12")
    world.change(2, PRICE="13")
    world.sync()
    held = world.order(1)
    assert (held.state, held.batch.state) == ("held", "needs_attention")
    world.edit(1, **{column: "10.5"})
    assert decide.release(batch=held.batch, orders=[held.pk], actor="ben", now=world.clock.now()) == 1
    assert world.sync().counts.updated == 1
    assert price(world, 1) == "12"
    world.check_equal()


def test_a_typo_in_the_customer_of_a_row_without_uuid_removes_nothing(world: World) -> None:
    for number in range(1, 5):
        world.add(number)
    world.row(1)["record_uuid"] = None
    world.publish(OWN_KEY)
    world.sync()
    items = len(world.shown())
    next(row for row in world.source.orders if row["record_uuid"] is None)["CUSTOMER"] = "HARBUOR"
    report = world.sync()
    assert report.counts.removed == 0, "its row is still there, and held for a person"
    assert report.counts.invalid == 1
    assert len(world.shown()) == items


def test_a_stop_in_the_last_chunk_leaves_no_batch_paused(world: World) -> None:
    for number in range(1, 4):
        world.add(number)
    calls = []

    def stop_at_the_end(phase: str, done: int, total: int) -> None:
        calls.append(phase)
        if phase == "push" and done == total:
            raise Stopped

    report = world.sync(progress=stop_at_the_end)
    assert report.stopped and report.sent == 3
    assert {batch.state for batch in Batch.objects.all()} == {"pushed"}
    assert world.sync().counts.staged == 0


def test_rows_that_are_not_used_are_listed_until_they_are_put_right(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.add(1)
    world.add(2, TOTAL=99)
    world.add(3, CUSTOMER="NOBODY'S")
    world.sync()
    quiet = world.sync()
    assert quiet.counts.invalid == 2
    assert unknown_customers(world.board) == {"NOBODY'S": 1}
    assert len(reasons(world.board)) == 2
    call_command("unused_rows")
    said = capsys.readouterr().out
    assert uuid(2) in said and uuid(3) in said and "NOBODY'S" in said
    call_command("unused_rows", "--json")
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["record"] for row in rows} == {uuid(2), uuid(3)}
    world.change(2)
    world.sync()
    call_command("unused_rows", "--json")
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 1


def test_what_was_left_to_a_person_is_released_by_no_later_run(world: World) -> None:
    world.add(1)
    world.sync(by_person=True)
    waiting = world.batch()
    world.add(2)
    world.sync()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.approved_by) == ("open", "")
    assert not world.on_board(1)
    assert world.on_board(2)


def test_orders_without_an_answer_are_never_called_plain_success(world: World) -> None:
    world.settle_seconds = 90
    world.add(1)
    world.wire.lose("create_item", answered=True)
    report = world.sync()
    assert (report.run.state, exit_code(report, detailed=False)) == ("with_errors", 3)
    assert any("sent and not answered: 1" in warning and "90" in warning for warning in report.warnings)
    again = world.sync()
    assert again.run.state == "with_errors", "it is still not known"
    world.wire.calm()
    world.clock.sleep(120)
    assert world.sync().run.state == "completed"
    world.check_equal()


def test_labels_that_differ_by_case_alone_are_named_before_they_are_made(world: World) -> None:
    world.add(1, STYLE="Mixed Case")
    world.add(2, STYLE="MIXED CASE")
    report = world.stage()
    assert report.checked is not None
    assert [{new, old} for _, new, old in report.checked.twins] == [{"Mixed Case", "MIXED CASE"}]
    world.approve()
    world.push()
    world.add(3, STYLE="mixed case")
    report = world.stage()
    assert report.checked is not None
    assert [new for _, new, _ in report.checked.twins] == ["mixed case"]
    assert any(
        "differs from it by case alone" in sentence for sentence in sentences(report, world.setup(), world.calls)
    )
