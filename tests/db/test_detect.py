"""What a row counts as, run after run: every row once, a quiet run silent, and nothing staged that need not be."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mapping.core.family import Family
from staging.models import Batch, Receipt, Seen, Snapshot, StagedOrder
from staging.reports.unused import unknown_customers
from tests.core.mapping_samples import BOARD, HARBOUR
from tests.world import World, uuid

from .counted import counted, others


def test_new_rows_reach_the_board_and_the_second_run_is_quiet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, customer in enumerate(["HARBOUR (AU)", "B'HOOD", "WHITE|FOX", "云杉"], 1):
        world.add(number, CUSTOMER=customer)
    report = world.sync()
    assert counted(report) == {"new": 4}
    assert report.counts.created == 4
    world.check_equal()
    assert {shown.group for (shown,) in world.shown().values()} == {
        "HARBOUR SS27",
        "B'HOOD SS27",
        "WHITE|FOX SS27",
        "云杉服饰 SS27",
    }

    monkeypatch.setattr(Family, "renderer", None)  # a quiet run renders nothing
    before = (Snapshot.objects.count(), StagedOrder.objects.count(), Receipt.objects.count(), Batch.objects.count())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        again = world.sync()
    assert counted(again) == {"unchanged": 4}
    assert world.source.rows_read == 0
    assert (world.calls.mutations, world.run_writes) == (0, [])
    assert (
        Snapshot.objects.count(),
        StagedOrder.objects.count(),
        Receipt.objects.count(),
        Batch.objects.count(),
    ) == before
    written = {
        query["sql"].split('"')[1]
        for query in queries.captured_queries
        if query["sql"].split(None, 1)[0] in ("INSERT", "UPDATE", "DELETE")
    }
    assert written <= {"staging_syncrun", "staging_auditchain", "staging_auditevent", "monday_apicall", "monday_board"}


def test_a_change_of_one_cell_and_one_size_writes_exactly_those(world: World) -> None:
    world.add(1)
    world.add(2)
    world.sync()
    before = world.shown()
    world.change(1, PRICE="11.00", S=7)
    report = world.sync()
    assert counted(report) == {"unchanged": 1, "changed": 1}
    assert report.counts.updated == 1
    assert sorted(len(sent.query.split("change_multiple_column_values")) - 1 for sent in world.run_writes) == [1, 1]
    world.check_equal()
    assert world.shown()[uuid(2)] == before[uuid(2)]
    (order,) = StagedOrder.objects.filter(operation="update")
    lines = [(line.size, line.before, line.after) for line in order.size_lines.all()]
    assert lines == [("S", 1, 7)]


@pytest.mark.parametrize(
    "cells", [{"PRICE": " 10.50 "}, {"PRICE": "10.500"}, {"COLOUR": "RED "}, {"COLOUR CODE": 4}, {"S": "1"}]
)
def test_a_cosmetic_change_of_the_source_stages_nothing_and_is_quiet_next_time(
    world: World, cells: dict[str, Any]
) -> None:
    row = world.add(1)
    world.sync()
    row.update(cells)
    report = world.sync()
    assert counted(report) == {"unchanged": 1}
    assert (world.source.rows_read, world.calls.mutations) == (1, 0)
    world.sync()
    assert world.source.rows_read == 0


def test_a_scheme_of_its_own_is_compared_by_the_orders_themselves(world: World) -> None:
    world.add(1)
    world.sync()
    world.source.scheme = "memory:2"
    assert counted(world.sync()) == {"unchanged": 1}
    assert world.source.rows_read == 1
    world.sync()
    assert world.source.rows_read == 0


def test_invalid_rows_are_remembered_and_come_in_once_they_are_right(world: World) -> None:
    world.add(1, TOTAL=99)
    world.add(2, ORDER="")
    report = world.sync()
    assert counted(report) == {"invalid": 2}
    assert [seen.verdict for seen in Seen.objects.all()] == ["invalid", "invalid"]
    assert all(problem["reason"] for seen in Seen.objects.all() for problem in seen.problems)
    assert counted(world.sync()) == {"invalid": 2}
    assert world.source.rows_read == 0
    world.change(1, TOTAL=3)
    assert counted(world.sync()) == {"invalid": 1, "new": 1}
    assert Seen.objects.count() == 1


def test_a_row_that_becomes_invalid_leaves_its_item_as_it_is(world: World) -> None:
    world.add(1)
    world.sync()
    before = world.shown()
    world.change(1, TOTAL=99)
    assert counted(world.sync()) == {"invalid": 1}
    assert world.shown() == before
    world.change(1, S=2)
    assert counted(world.sync()) == {"changed": 1}
    world.check_equal()


def test_a_cell_that_cannot_be_read_leaves_the_boards_value_and_does_not_hide_the_order(world: World) -> None:
    world.add(1)
    world.sync()
    world.change(1, PRICE="TBC", NOTES="late")
    world.sync()
    assert world.item(1).cells["numeric_price"] == "10.5"
    assert world.item(1).cells["long_text_notes"] == "late"
    (warning,) = world.order(1).warnings
    assert (warning["column"], warning["value"]) == ("PRICE", "TBC")
    assert counted(world.sync()) == {"unchanged": 1}
    world.change(1, PRICE="12")
    world.sync()
    world.check_equal()


def test_a_cell_that_cannot_be_read_for_a_while_is_still_ours_afterwards(world: World) -> None:
    world.add(1)
    world.sync()
    world.change(1, PRICE="TBC")
    assert counted(world.sync()) == {"unchanged": 1}
    assert world.snapshot(1).order["cells"]["numeric_price"] == "10.5"
    world.change(1, PRICE="12")
    assert counted(world.sync()) == {"changed": 1}
    world.check_equal()


def test_an_unknown_customer_is_held_for_a_person_until_a_document_claims_it(world: World) -> None:
    world.add(1, CUSTOMER="HARBOR")
    world.add(2, CUSTOMER=None)
    report = world.sync()
    assert counted(report) == {"invalid": 2}
    assert report.detected is not None
    assert report.detected.unknown_customers == {"HARBOR": 1, "": 1}
    assert counted(world.sync()) == {"invalid": 2}
    assert world.source.rows_read == 0
    world.publish(HARBOUR.replace("HARBOUR (US)]", "HARBOUR (US), HARBOR]"))
    assert unknown_customers(world.board) == {"": 1}, "also before its rows were judged again"
    assert counted(world.sync()) == {"invalid": 1, "new": 1}


# --- scope ------------------------------------------------------------------------------------------------------------
def test_a_limit_counts_orders_that_can_be_pushed_and_the_rest_is_deferred_not_lost(world: World) -> None:
    for number in range(1, 6):
        world.add(number)
    world.add(6, TOTAL=99)
    report = world.sync(limit=2)
    assert counted(report) == {"new": 5, "invalid": 1, "deferred": 3}
    assert (report.counts.created, report.counts.removed) == (2, None)
    first = set(world.shown())
    assert counted(world.sync(limit=2)) == {"unchanged": 2, "new": 3, "invalid": 1, "deferred": 1}
    assert first < set(world.shown())
    assert counted(world.sync()) == {"unchanged": 4, "new": 1, "invalid": 1}


def test_the_limit_takes_the_same_orders_every_time(world: World) -> None:
    for number in range(1, 6):
        world.add(number)
    world.stage(limit=2)
    chosen = {order.record for order in StagedOrder.objects.all()}
    assert chosen == set(sorted(uuid(number) for number in range(1, 6))[:2])


def test_a_limited_or_narrowed_run_removes_nothing_and_says_not_checked(world: World) -> None:
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")
    others(world)
    world.sync()
    world.drop(1)
    world.add(3)
    world.drop(2)
    for narrowing in ({"limit": 5}, {"customers": ("HARBOUR (AU)",)}, {"po_number": "P3"}):
        report = world.sync(**narrowing)  # type: ignore[arg-type]
        assert report.counts.removed is None
    assert not StagedOrder.objects.filter(operation="remove").exists()


def test_a_narrowed_run_touches_only_what_it_was_asked_for(world: World) -> None:
    world.add(1, PO="P7")
    world.add(2, CUSTOMER="B'HOOD")
    assert counted(world.sync(po_number=" P7 ")) == {"new": 1}
    assert counted(world.sync(customers=("B'HOOD",))) == {"new": 1}
    assert counted(world.sync()) == {"unchanged": 2}


def test_full_renders_every_row_and_finds_what_the_first_fingerprint_missed(world: World) -> None:
    world.add(1)
    world.add(2)
    world.sync()
    Snapshot.objects.filter(record=uuid(1)).update(order_fingerprint="x", order={"name": "old", "group": "HARBOUR SS27",
        "cells": world.snapshot(1).order["cells"], "sizes": [["S", 1], ["M", 2]], "left": []})  # fmt: skip
    assert counted(world.sync()) == {"unchanged": 2}
    assert counted(world.stage(full=True)) == {"unchanged": 1, "changed": 1}
    assert world.source.rows_read == 2


def test_a_row_that_vanishes_while_the_run_reads_is_counted_and_found_out_by_the_next(world: World) -> None:
    world.add(1)
    world.add(2)
    reads: list[int] = []

    def vanish() -> None:
        reads.append(1)
        if len(reads) == 2:
            world.drop(2)

    world.source.before_read = vanish
    world.source.before_read = lambda: None
    world.add(3, record_uuid=None)
    assert counted(world.sync()) == {"new": 3}
    world.change(2, PRICE="12")
    world.source.before_read = vanish
    report = world.sync()
    world.source.before_read = lambda: None
    assert report.counts.read == 3
    assert counted(report)["unchanged"] == 2


# --- mappings ---------------------------------------------------------------------------------------------------------
def test_a_change_of_one_customers_mapping_restages_only_that_customer(world: World) -> None:
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")
    world.sync()
    world.publish(HARBOUR + "board: {item: '{STYLE} {ORDER}'}\n")
    report = world.sync()
    assert counted(report) == {"unchanged": 1, "changed": 1}
    assert world.source.rows_read == 1
    assert world.item(1).name == "ST1 A1"
    world.check_equal()


def test_a_customer_that_is_moved_by_its_alias_moves_its_items(world: World) -> None:
    world.add(1)
    world.add(2, CUSTOMER="HARBOUR (US)")
    world.sync()
    world.publish(HARBOUR.replace(", HARBOUR (US)", ""))
    world.publish("version: 1\ncustomer: HARBOUR US\naliases: [HARBOUR (US)]\n")
    assert counted(world.sync()) == {"unchanged": 1, "changed": 1}
    assert world.item(2).group == "HARBOUR US SS27"
    assert world.snapshot(2).customer.name == "HARBOUR US"
    world.check_equal()


def test_an_unmapped_column_is_released_and_its_board_value_stays(world: World) -> None:
    world.add(1)
    world.sync()
    world.publish(BOARD.replace("  PRICE: {to: numeric_price, as: decimal}\n", ""))
    assert counted(world.sync()) == {"unchanged": 1}
    assert world.item(1).cells["numeric_price"] == "10.5"
    assert "numeric_price" not in world.snapshot(1).order["cells"]
    world.edit(1, numeric_price="99")
    world.change(1, NOTES="late")
    assert counted(world.sync()) == {"changed": 1}
    assert world.item(1).cells["numeric_price"] == "99"
    assert counted(world.sync()) == {"unchanged": 1}


def test_a_newly_mapped_column_over_a_filled_cell_is_held_and_over_an_empty_one_written(world: World) -> None:
    without = BOARD.replace("  PRICE: {to: numeric_price, as: decimal}\n", "")
    world.publish(without)
    world.add(1)
    world.add(2)
    world.sync()
    world.edit(1, numeric_price="99")
    world.publish(BOARD)
    assert counted(world.sync()) == {"changed": 2}
    assert (world.state(1), world.state(2)) == ("held", "applied")
    assert world.item(1).cells["numeric_price"] == "99"
    assert world.item(2).cells["numeric_price"] == "10.5"


def test_a_staged_order_whose_mapping_moved_is_staged_anew_even_where_it_renders_the_same(world: World) -> None:
    world.add(1)
    world.stage()
    world.publish(HARBOUR.replace("HARBOUR (US)]", "HARBOUR (US), HARBOR]"))
    world.stage()
    world.approve()
    world.push()
    world.check_equal()


def test_a_removal_whose_mapping_moved_can_still_be_approved_after_the_next_run(world: World) -> None:
    world.add(1)
    others(world)
    world.sync()
    world.drop(1)
    world.stage()
    world.publish(HARBOUR.replace("HARBOUR (US)]", "HARBOUR (US), HARBOR]"))
    world.stage()
    world.approve()
    world.push()
    assert world.item(1).group == "Removed"
