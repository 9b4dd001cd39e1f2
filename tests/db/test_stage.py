"""What is staged, superseded, deferred, held and removed, and that what was said no to stays so."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from mapping.publish import load_family
from staging.batches.decide import decline
from staging.core.lifecycle import NotAllowed
from staging.models import AuditEvent, Batch, Snapshot, StagedOrder, SyncRun
from staging.setup import Stopped
from tests.world import Died, Mortal, World, uuid


def five(world: World, **cells: Any) -> None:
    """Five orders on the board."""
    for number in range(1, 6):
        world.add(number, **cells)
    world.sync()


# --- batches ----------------------------------------------------------------------------------------------------------
def test_each_customer_has_a_batch_of_its_own_that_pins_its_mapping(world: World) -> None:
    for number, customer in enumerate(["HARBOUR (AU)", "HARBOUR (US)", "B'HOOD", "云杉"], 1):
        world.add(number, CUSTOMER=customer)
    report = world.stage()
    assert {batch.customer.name: batch.orders.count() for batch in report.batches} == {
        "HARBOUR": 2,
        "B'HOOD": 1,
        "云杉服饰": 1,
    }
    family = load_family()
    for batch in report.batches:
        assert batch.state == "open"
        assert batch.mapping_key == family.family.key(batch.customer.name)
        assert batch.board_version_id == family.board_version_id
        assert batch.customer_version_id == family.customer_version_ids[batch.customer.name]


def test_staging_writes_nothing_to_the_board_and_moves_no_snapshot(world: World) -> None:
    five(world)
    before = world.shown()
    kept = list(Snapshot.objects.order_by("id").values("order", "order_fingerprint", "item_id", "lines", "withheld"))
    world.change(1, PRICE="12", S=9)
    world.drop(2)
    world.stage()
    assert world.run_writes == []
    assert world.shown() == before
    assert kept == list(
        Snapshot.objects.order_by("id").values("order", "order_fingerprint", "item_id", "lines", "withheld")
    )


def test_what_is_staged_waits_and_is_not_staged_twice(world: World) -> None:
    world.add(1)
    world.stage()
    for _ in range(2):
        report = world.stage()
        assert (report.counts.waiting, report.counts.new, report.counts.staged) == (1, 0, 0)
    assert StagedOrder.objects.count() == 1


def test_another_change_supersedes_only_that_order_and_the_rest_stands(world: World) -> None:
    world.add(1)
    world.add(2)
    world.stage()
    first = world.batch()
    world.change(1, PRICE="12")
    report = world.stage()
    assert (report.counts.waiting, report.counts.new) == (1, 1)
    assert [order.state for order in StagedOrder.objects.filter(record=uuid(1)).order_by("id")] == [
        "superseded",
        "staged",
    ]
    assert world.state(2) == "staged"
    first.refresh_from_db()
    assert first.state == "open"
    world.approve(first)
    world.push(first)
    assert not world.on_board(1)
    assert world.on_board(2)


def test_a_batch_of_which_nothing_is_left_is_superseded(world: World) -> None:
    world.add(1)
    world.stage()
    first = world.batch()
    world.change(1, PRICE="12")
    world.stage()
    first.refresh_from_db()
    assert first.state == "superseded"
    with pytest.raises(NotAllowed):
        world.approve(first)


def test_a_change_that_is_taken_back_in_the_source_is_withdrawn(world: World) -> None:
    five(world)
    world.change(1, PRICE="12")
    world.stage()
    world.change(1, PRICE="10.50")
    report = world.stage()
    assert report.counts.unchanged == 5
    assert world.state(1) == "superseded"
    assert world.batch().state == "superseded"


def test_an_old_form_does_not_go_out_because_the_limit_deferred_the_new_one(world: World) -> None:
    five(world)
    stale, other = sorted((1, 2), key=uuid, reverse=True)
    world.change(stale, PRICE="12")
    world.stage()
    world.change(stale, PRICE="13")
    world.change(other, PRICE="13")
    report = world.sync(limit=1)
    assert (report.counts.changed, report.counts.deferred) == (2, 1)
    assert world.item(stale).cells["numeric_price"] == "10.5"
    world.sync()
    world.check_equal()


def test_two_open_changes_of_one_record_are_impossible_in_the_database_too(world: World) -> None:
    world.add(1)
    world.stage()
    twin = world.order(1)
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


# --- no means no ------------------------------------------------------------------------------------------------------
def test_a_declined_change_is_not_staged_again_until_the_source_moves(world: World) -> None:
    five(world)
    world.change(1, PRICE="12")
    world.stage()
    decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="too dear")
    for full in (False, True):
        report = world.stage(full=full)
        assert (report.counts.waiting, report.counts.changed) == (1, 0)
    world.change(1, PRICE="13")
    assert world.stage().counts.changed == 1


def test_a_declined_creation_is_not_staged_again_until_the_source_moves(world: World) -> None:
    world.add(1)
    world.stage()
    decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="not ours")
    assert world.stage(full=True).counts.waiting == 1
    world.change(1, PRICE="13")
    assert world.stage().counts.new == 1


def test_a_declined_removal_is_not_staged_again_and_the_order_lives_when_it_returns(world: World) -> None:
    five(world)
    (row,) = world.drop(1)
    world.stage()
    decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="it comes back")
    report = world.stage()
    assert (report.counts.removed, report.counts.staged) == (0, 0)
    world.source.orders.append(row)
    assert world.stage().counts.unchanged == 5
    world.change(1, PRICE="12")
    assert world.sync().counts.updated == 1
    world.check_equal()


# --- room on the board ------------------------------------------------------------------------------------------------
def test_creations_beyond_the_boards_free_places_are_held(world: World) -> None:
    with world.store.connection() as db, world.store.writing(db):
        db.execute("UPDATE boards SET items_limit = 3 WHERE id = ?", (int(world.board.board_id),))
    for number in range(1, 6):
        world.add(number)
    report = world.sync()
    assert (report.counts.created, report.counts.held) == (3, 2)
    assert len(world.shown()) == 3
    held = StagedOrder.objects.filter(state="held").values_list("record", flat=True)
    assert sorted(held) == sorted(uuid(number) for number in range(1, 6))[3:]
    assert world.sync().counts.waiting == 2


# --- runs that end early ----------------------------------------------------------------------------------------------
def test_a_source_that_breaks_off_loses_nothing_and_the_next_run_goes_on(world: World) -> None:
    five(world)
    for number in range(1, 6):
        world.change(number, PRICE="12")
    world.source.fail_after = 0
    report = world.sync()
    assert str(report.run.state) == "failed"
    assert "Remedy" in report.error
    world.source.fail_after = None
    world.sync()
    world.check_equal()


def test_a_source_that_breaks_off_between_pages_leaves_sums_that_hold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staging.detection.rows.PAGE", 2)
    for number in range(1, 6):
        world.add(number)
    world.source.fail_after = 3
    report = world.sync()
    assert str(report.run.state) == "failed"
    assert report.counts.staged == 2
    world.source.fail_after = None
    world.sync()
    world.check_equal()


def test_a_run_that_was_asked_to_stop_is_finished_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("staging.detection.rows.PAGE", 2)
    for number in range(1, 6):
        world.add(number)
    seen: list[str] = []

    def stop(phase: str, done: int, total: int) -> None:
        seen.append(phase)
        if len(seen) == 3:
            raise Stopped

    report = world.sync(progress=stop)
    assert report.stopped
    assert str(report.run.state) == "stopped"
    assert not world.shown()
    world.sync()
    world.check_equal()


def test_a_run_that_broke_off_with_a_fault_of_the_program_blocks_nobody(world: World) -> None:
    world.add(1)

    def break_off(phase: str, done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        world.sync(progress=break_off)
    assert SyncRun.objects.get().state == "failed"
    world.sync()
    world.check_equal()


def test_a_second_detection_of_the_board_is_refused_while_one_is_running(world: World) -> None:
    world.add(1)
    refused: list[str] = []

    def second(phase: str, done: int, total: int) -> None:
        if not refused:
            with pytest.raises(NotAllowed) as problem:
                world.sync()
            refused.append(str(problem.value))

    world.sync(progress=second)
    assert "Remedy" in refused[0]
    assert SyncRun.objects.count() == 1
    world.check_equal()


def test_a_draft_in_which_nothing_was_staged_does_not_stay_behind(world: World) -> None:
    world.add(1)
    world.stage()
    batch = world.batch()
    Batch.objects.create(
        run=batch.run,
        board=batch.board,
        customer=batch.customer,
        board_version_id=batch.board_version_id,
        mapping_key=batch.mapping_key,
        created_at=world.clock.now(),
    )
    world.stage()
    assert not Batch.objects.filter(state="draft").exists()
    assert [batch.pk for batch in Batch.objects.filter(state="open")] == [batch.pk]


# --- rehearsals -------------------------------------------------------------------------------------------------------
def test_a_dry_run_says_what_would_be_staged_and_keeps_nothing(world: World) -> None:
    five(world)
    world.change(1, PRICE="12")
    world.drop(2)
    world.add(6, TOTAL=99)
    world.add(7, CUSTOMER="B'HOOD")
    row = world.row(3)
    row["record_uuid"] = uuid(33)
    tables = (Batch, StagedOrder, Snapshot, SyncRun, AuditEvent)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    report = world.sync(dry_run=True)
    assert (report.counts.new, report.counts.changed, report.counts.removed) == (1, 1, 1)
    assert (report.counts.rekeyed, report.counts.invalid, report.counts.unchanged) == (1, 1, 2)
    assert sum(report.rehearsed.values()) == 3
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before
    assert world.run_writes == []
    real = world.sync()
    assert (real.counts.new, real.counts.changed, real.counts.removed) == (1, 1, 1)


def test_a_dry_run_whose_process_died_leaves_nothing_behind_and_blocks_nobody(world: World) -> None:
    world.add(1)
    mortal = Mortal(world)
    with mortal.living(9):
        world.sync(dry_run=True)
    assert SyncRun.objects.filter(rehearsal=True).exists()
    world.sync()
    assert not SyncRun.objects.filter(rehearsal=True).exists()
    world.check_equal()


def test_a_failed_read_during_a_dry_run_is_told_and_keeps_nothing(world: World) -> None:
    world.add(1)
    world.source.fail_after = 0
    report = world.sync(dry_run=True)
    assert report.error
    assert not SyncRun.objects.exists()


def test_a_first_load_that_is_killed_in_the_middle_is_finished_without_staging_anything_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staging.detection.rows.PAGE", 3)
    monkeypatch.setattr("staging.batches.stage.ENOUGH", 3)
    for number in range(1, 11):
        world.add(number)

    def killed(phase: str, done: int, total: int) -> None:
        if phase == "detect" and StagedOrder.objects.count() == 6:
            raise Died

    with pytest.raises(Died):
        world.stage(progress=killed)
    assert StagedOrder.objects.count() == 6
    world.bury()
    report = world.stage()
    assert (report.counts.new, report.counts.waiting) == (4, 6)
    assert StagedOrder.objects.count() == 10
    assert StagedOrder.objects.values("record").distinct().count() == 10
    assert {order.size_lines.count() for order in StagedOrder.objects.all()} == {len(world.order(1).size_lines.all())}
    assert not Batch.objects.filter(state="draft").exists()
