"""Whose row is whose: duplicates, missing and odd UUIDs, twins, and tables that were reloaded with fresh ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from staging.models import Seen, Snapshot, StagedOrder
from tests.db.admin_line import opened_line
from tests.world import World, uuid

from .counted import counted, others


def test_two_rows_with_one_uuid_are_both_refused_whatever_its_spelling(world: World) -> None:
    world.add(1)
    world.add(2, record_uuid=uuid(1).upper())
    world.add(3)
    report = world.sync()
    assert counted(report) == {"new": 1, "duplicate": 2}
    assert not world.on_board(1)
    assert "2 rows" in Seen.objects.get(verdict="duplicate").problems[0]["reason"]
    assert counted(world.sync()) == {"unchanged": 1, "duplicate": 2}


def test_a_record_that_is_doubled_later_is_neither_changed_nor_removed(world: World) -> None:
    world.add(1)
    others(world)
    world.sync()
    before = world.shown()
    world.add(9, record_uuid=uuid(1), PRICE="99")
    assert counted(world.sync()) == {"unchanged": 4, "duplicate": 2}
    assert world.shown() == before
    world.source.orders.pop()
    assert counted(world.sync()) == {"unchanged": 5}
    assert not Seen.objects.exists()


def test_what_was_staged_of_a_record_that_is_doubled_since_does_not_go_out(world: World) -> None:
    world.add(1)
    world.add(2)
    world.stage()
    world.add(9, record_uuid=uuid(1), PRICE="99")
    assert counted(world.stage()) == {"waiting": 1, "duplicate": 2}
    assert (world.state(1), world.state(2)) == ("superseded", "staged")


def test_a_doubled_record_stays_refused_in_a_run_that_sees_one_of_its_rows_only(world: World) -> None:
    world.add(1, PO="P1")
    world.add(2, record_uuid=uuid(1), PO="P2")
    world.sync()
    report = world.sync(po_number="P1")
    assert not world.shown()
    assert report.counts.duplicate == 1


def test_a_missing_uuid_is_derived_from_a_business_key_that_is_its_own(world: World) -> None:
    world.add(1, record_uuid=None)
    world.add(2, record_uuid=None, ORDER="A9", NOTES="one")
    world.add(3, record_uuid=None, ORDER="A9", NOTES="two")
    report = world.sync()
    assert counted(report) == {"new": 1, "duplicate": 2}
    assert len(world.shown()) == 1
    assert counted(world.sync()) == {"unchanged": 1, "duplicate": 2}
    world.source.orders[0]["PRICE"] = "12"
    assert counted(world.sync()) == {"changed": 1, "duplicate": 2}
    world.check()
    assert len(world.shown()) == 1


def test_what_is_said_of_rows_that_share_a_key_stays_as_long_as_they_do(world: World) -> None:
    others(world)
    world.add(2, record_uuid=None, ORDER="A9", NOTES="one")
    world.add(3, record_uuid=None, ORDER="A9", NOTES="two")
    world.sync()
    before = list(Seen.objects.values())
    for _ in range(2):
        assert counted(world.sync())["duplicate"] == 2
        assert list(Seen.objects.values()) == before
    world.source.orders.pop()
    assert counted(world.sync())["new"] == 1
    assert not Seen.objects.exists()


def test_twins_of_a_business_key_with_uuids_of_their_own_are_ordinary(world: World) -> None:
    world.add(1)
    world.add(2, ORDER="A1")
    assert counted(world.sync()) == {"new": 2}
    world.check_equal()


def test_a_text_that_is_no_uuid_is_refused_with_its_value(world: World) -> None:
    world.add(1, record_uuid="see mail")
    world.add(2)
    assert counted(world.sync()) == {"new": 1, "invalid": 1}
    assert counted(world.sync()) == {"unchanged": 1, "invalid": 1}
    assert Seen.objects.get().problems[0]["value"] == "see mail"


def renumber(world: World, by: int = 100) -> None:
    """Truncate and reload: every row gets another UUID."""
    for row in world.source.orders:
        row["record_uuid"] = uuid(by + int(row["PO"][1:]))


def test_a_table_that_was_truncated_and_reloaded_writes_nothing(world: World) -> None:
    for number in (1, 2, 3):
        world.add(number)
    world.add(4, ORDER="A3", PO="P4")
    world.sync()
    before = world.shown()
    renumber(world)
    report = world.sync()
    assert counted(report) == {"rekeyed": 4}
    assert (world.calls.mutations, StagedOrder.objects.filter(current=True).count()) == (0, 0)
    assert world.shown() == before
    assert {s.record for s in Snapshot.objects.all()} == {uuid(n) for n in (101, 102, 103, 104)}
    assert {s.link_key for s in Snapshot.objects.all()} == {uuid(n) for n in (1, 2, 3, 4)}
    assert counted(world.sync()) == {"unchanged": 4}
    world.check_equal()


def test_a_reloaded_row_that_changed_too_updates_its_own_item(world: World) -> None:
    world.add(1)
    world.sync()
    renumber(world)
    world.source.orders[0]["PRICE"] = "12"
    assert counted(world.sync()) == {"changed": 1}
    world.check_equal()
    assert len(world.shown()) == 1


def test_a_reload_that_is_seen_by_a_limited_run_first_doubles_nothing(world: World) -> None:
    for number in (1, 2, 3):
        world.add(number)
    world.sync()
    renumber(world)
    report = world.sync(limit=2)
    assert counted(report) == {"rekeyed": 3}
    assert len(world.shown()) == 3
    world.check_equal()


def test_a_reload_that_is_seen_by_a_narrowed_run_first_is_held_and_then_found_out(world: World) -> None:
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")
    world.sync()
    renumber(world)
    report = world.sync(customers=("HARBOUR (AU)",), customer_name="HARBOUR")
    assert report.counts.held == 1
    assert "Remedy" in world.order(101).reason
    assert len(world.shown()) == 2
    assert counted(world.sync()) == {"rekeyed": 2}
    assert len(world.shown()) == 2
    world.check_equal()


def ambiguous(world: World) -> None:
    """Two twins that changed and got new UUIDs in one go: nobody can say which is which."""
    world.add(1)
    world.add(2, ORDER="A1")
    world.sync()
    renumber(world)
    world.source.orders[0]["NOTES"], world.source.orders[1]["NOTES"] = "one", "two"


def test_an_ambiguous_reload_is_held_and_removes_nothing_run_after_run(world: World) -> None:
    ambiguous(world)
    before = world.shown()
    report = world.sync()
    assert counted(report) == {"new": 2}
    assert report.counts.held == 2
    for _ in range(2):
        report = world.sync()
        assert counted(report) == {"waiting": 2}
        assert world.shown() == before
    world.source.orders[1]["NOTES"] = None
    assert counted(world.sync()) == {"rekeyed": 1, "changed": 1}
    world.check_equal()


def test_a_reload_while_a_change_is_staged_supersedes_it_and_stages_it_anew(world: World) -> None:
    world.add(1)
    world.sync()
    world.change(1, PRICE="12")
    world.stage()
    renumber(world)
    assert counted(world.stage()) == {"changed": 1}
    assert world.state(1) == "superseded"
    world.approve()
    world.push()
    world.check_equal()
    assert len(world.shown()) == 1


def test_a_uuid_that_appears_on_a_row_which_had_none_keeps_its_item_and_its_link_key(world: World) -> None:
    world.add(1, record_uuid=None)
    world.add(2)
    world.sync()
    snapshot = Snapshot.objects.exclude(record=uuid(2)).get()
    world.source.orders[0]["record_uuid"] = uuid(7)
    before = world.shown()
    assert counted(world.sync()) == {"unchanged": 1, "rekeyed": 1}
    assert world.shown() == before
    now = Snapshot.objects.get(pk=snapshot.pk)
    assert (now.record, now.link_key, now.item_id) == (uuid(7), snapshot.link_key, snapshot.item_id)
    world.source.orders[0]["record_uuid"] = None
    assert counted(world.sync()) == {"unchanged": 1, "rekeyed": 1}
    assert Snapshot.objects.get(pk=snapshot.pk).link_key == snapshot.link_key


def test_the_link_key_outlives_any_number_of_reloads_and_is_what_lookups_ask_for(world: World) -> None:
    world.add(1)
    world.sync()
    for by in (100, 200, 300):
        renumber(world, by)
        assert counted(world.sync()) == {"rekeyed": 1}
    snapshot = Snapshot.objects.get()
    assert (snapshot.record, snapshot.link_key) == (uuid(301), uuid(1))
    world.source.orders[0] |= {"PRICE": "12", "XXL": 4, "TOTAL": 7}
    world.sync()
    assert list(world.shown()) == [uuid(1)]
    assert dict(world.item(1).lines)[f"{uuid(1)}/XXL"] == "4"


def split(world: World) -> None:
    """One line became two while the table was reloaded: the same business key, the sizes shared out."""
    world.add(1, S=4, M=6, TOTAL=10)
    world.sync()
    renumber(world)
    world.source.orders[0] |= {"S": 4, "M": 0, "TOTAL": 4}
    world.add(2, ORDER="A1", S=0, M=6, TOTAL=6, record_uuid=uuid(102))


def test_one_line_split_over_two_uuids_while_rekeyed_is_held_and_touches_nothing(world: World) -> None:
    split(world)
    before = world.shown()
    report = world.sync()
    assert counted(report) == {"new": 2}
    assert (report.counts.held, report.counts.removed) == (2, 0)
    assert world.shown() == before
    assert all("Remedy" in order.reason for order in StagedOrder.objects.filter(state="held"))
    for _ in range(2):
        assert counted(world.sync()) == {"waiting": 2}
    assert world.shown() == before


def test_a_split_line_goes_on_once_one_of_its_rows_has_the_former_uuid(world: World) -> None:
    split(world)
    world.sync()
    world.source.orders[0]["record_uuid"] = uuid(1)
    report = world.sync()
    assert report.counts.removed == 0
    world.check_equal()
    assert len(world.shown()) == 2
    assert set(world.shown()) == {uuid(1), uuid(102)}


def test_a_board_that_was_reset_or_belongs_to_another_account_is_refused_with_exit_code_5(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = opened_line(world, settings, monkeypatch)
    line.add(1)
    line.sync()
    line.store.reset()
    for command in ("sync_orders", "adopt_board", "reconcile"):
        with pytest.raises(CommandError, match="belongs to another account than before") as refused:
            call_command(command)
        assert refused.value.returncode == 5
    assert Snapshot.objects.count() == 1


def test_the_rows_of_a_doubled_uuid_are_shown_side_by_side_and_a_quiet_run_writes_nothing_new(world: World) -> None:
    world.add(1)
    world.add(2, record_uuid=uuid(1).upper(), ORDER="A9", CUSTOMER="B'HOOD")
    world.sync()
    seen = Seen.objects.get(verdict="duplicate")
    assert [(p["column"], p["value"]) for p in seen.problems] == [
        ("record_uuid", uuid(1)),
        ("row", "A1 / ST1 / HARBOUR (AU)"),
        ("row", "A9 / ST1 / B'HOOD"),
    ]
    world.sync()
    assert Seen.objects.get(verdict="duplicate").pk == seen.pk


def test_progress_never_passes_the_number_of_rows_where_some_have_no_uuid(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staging.detection.rows.PAGE", 4)
    world.add(1)
    world.add(2, record_uuid=None)
    told: list[tuple[str, int, int]] = []
    world.sync(progress=lambda phase, done, total: told.append((phase, done, total)))
    detected = [(done, total) for phase, done, total in told if phase == "detect"]
    assert detected[-1] == (2, 2) and all(done <= total for done, total in detected), detected
