"""What a changed document, or a cell that shows the same, does to the line: nothing, or exactly its own orders."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.models import Version
from staging.models import StagedOrder
from tests.core.mapping_samples import BOARD, HARBOUR
from tests.world import World

from .counted import counted, others


def reordered(text: str) -> str:
    """The same document with its columns in the opposite order, and remarks."""
    lines = text.splitlines()
    first, last = lines.index("columns:") + 1, lines.index("sizes:")
    return "# a remark\n" + "\n".join([*lines[:first], *lines[first:last][::-1], *lines[last:], "# the end"]) + "\n"


def test_a_cosmetic_change_of_a_document_renders_and_stages_nothing(world: World) -> None:
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")
    world.sync()
    world.publish(reordered(BOARD))
    world.publish("aliases: [HARBOUR (US), HARBOUR (AU)]  # ours\n" + HARBOUR.replace("aliases:", "# aliases:"))
    assert Version.objects.published().filter(number=2).count() == 2
    assert counted(world.sync()) == {"unchanged": 2}
    assert world.source.rows_read == 0


def test_a_batch_that_waits_may_still_be_approved_after_a_cosmetic_change(world: World) -> None:
    world.add(1)
    world.stage()
    world.publish(reordered(BOARD))
    world.approve()
    world.push()
    assert world.state(1) == "applied"


@pytest.mark.parametrize(
    "cells",
    [
        {"STYLE": "ST1 "},
        {"STYLE": "\tST1\r\n"},
        {"PRICE": "28.860"},
        {"PRICE": "$28.86"},
        {"EX_FACTORY": "2026-01-01T00:00"},
        {"EX_FACTORY": "2026-01-01 00:00:00.000"},
        {"TYPE": "active"},
        {"NOTES": "one\r\ntwo"},
        {"S": "1", "M": 2.0},
    ],
)
def test_a_cell_that_shows_the_same_stages_nothing(world: World, cells: dict[str, Any]) -> None:
    world.add(1, STYLE="ST1", PRICE="28.86", EX_FACTORY="2026-01-01", NOTES="one\ntwo")
    world.sync()
    world.row(1).update({name.replace("_", " "): value for name, value in cells.items()})
    assert counted(world.sync()) == {"unchanged": 1}
    assert not StagedOrder.objects.filter(state="staged").exists()
    world.check_equal()


def test_a_change_of_one_customers_document_stages_that_customers_orders_alone(world: World) -> None:
    for number in (1, 2):
        world.add(number, NOTES="n")
    world.add(3, CUSTOMER="B'HOOD", NOTES="n")
    world.sync()
    world.publish(HARBOUR + "columns: {NOTES: {to: long_text_notes, values: {n: changed}}}\n")
    report = world.stage()
    assert counted(report) == {"unchanged": 1, "changed": 2}
    assert set(StagedOrder.objects.filter(state="staged").values_list("batch__customer__name", flat=True)) == {
        "HARBOUR"
    }


def test_rows_outside_the_window_stay_off_the_board_and_leave_it_through_the_guard(world: World) -> None:
    world.publish(BOARD.replace("  po_number: PO\n", "  po_number: PO\n  include: {EX FACTORY: {after: -30d}}\n"))
    others(world)
    for row in world.source.orders:
        row["EX FACTORY"] = "2026-03-01"
    world.add(1, EX_FACTORY="2026-02-15")
    world.add(2, EX_FACTORY="2026-01-15")
    world.add(3, EX_FACTORY=None)
    assert counted(world.sync()) == {"new": 5}
    assert world.on_board(1)
    assert not world.on_board(2)
    assert not world.on_board(3)
    world.clock.sleep(20 * 86_400)
    report = world.sync()
    assert (report.counts.read, report.counts.removed) == (4, 1), "the window has moved on"
    assert world.item(1).group == "Removed"
    world.check()


def test_a_price_that_is_to_come_goes_out_without_it_or_not_at_all_as_the_mapping_says(world: World) -> None:
    world.add(1, PRICE="TBC")
    world.sync()
    assert "numeric_price" not in world.item(1).cells
    assert [(each["column"], each["value"]) for each in world.order(1).warnings] == [("PRICE", "TBC")]
    world.publish(BOARD.replace("as: decimal}", "as: decimal, unreadable: reject}"))
    world.add(2, PRICE="TBC")
    world.add(3, PRICE="$1,204.50")
    report = world.sync()
    assert report.counts.invalid == 2, "the one that is on the board stays as it is"
    assert not world.on_board(2)
    assert world.item(3).cells["numeric_price"] == "1204.5"
