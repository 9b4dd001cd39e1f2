"""Every guard fails closed: the run is refused with one sentence, and nothing was done."""

from __future__ import annotations

import pytest

from staging.models import Batch, StagedOrder, SyncRun
from tests.core.mapping_samples import BOARD, COLUMNS
from tests.world import World


def refused(world: World, **request: object) -> str:
    """The sentence of a run that a guard refuses; nothing may have changed."""
    before = (StagedOrder.objects.count(), Batch.objects.count(), world.shown())
    report = world.sync(**request)  # type: ignore[arg-type]
    assert str(report.run.state) == "refused"
    assert (StagedOrder.objects.count(), Batch.objects.count(), world.shown()) == before
    assert world.run_writes == []
    assert "Remedy" in report.error or "Nothing was done" in report.error
    return report.error


@pytest.fixture
def ten(world: World) -> World:
    for number in range(1, 11):
        world.add(number)
    world.sync()
    return world


def test_an_empty_source_removes_nothing(ten: World) -> None:
    ten.source.orders.clear()
    assert "empty" in refused(ten)
    assert "empty" in refused(ten, limit=3)


def test_a_source_that_lost_more_than_a_fifth_removes_nothing(ten: World) -> None:
    ten.drop(1, 2, 3)
    assert "--expect-rows 7" in refused(ten)


def test_a_loss_of_a_fifth_passes_and_is_staged(ten: World) -> None:
    ten.drop(1, 2)
    assert ten.stage().counts.removed == 2


def test_a_stated_number_of_rows_passes_and_another_one_does_not(ten: World) -> None:
    ten.drop(1, 2, 3)
    assert "not 6 as stated" in refused(ten, expect_rows=6)
    assert ten.stage(expect_rows=7).counts.removed == 3


def test_a_limited_or_failed_run_is_no_yardstick_for_the_next(ten: World) -> None:
    for number in range(11, 31):
        ten.add(number)
    ten.stage(limit=1)
    ten.source.fail_after = 0
    ten.sync()
    ten.source.fail_after = None
    assert SyncRun.objects.filter(full_rows=30).count() == 0
    ten.drop(*range(11, 31))
    assert str(ten.stage().run.state) != "refused"


def test_a_refused_run_is_no_yardstick_either(ten: World) -> None:
    ten.drop(1, 2, 3)
    refused(ten)
    refused(ten)
    assert "10" in refused(ten)


def test_a_narrowed_run_is_measured_by_nothing_and_removes_nothing(ten: World) -> None:
    ten.drop(*range(1, 10))
    report = ten.sync(po_number="P10")
    assert (report.counts.unchanged, report.counts.removed) == (1, None)


@pytest.mark.parametrize("column", ["PRICE", "CUSTOMER", "ORDER", "TOTAL", "UNIT"])
def test_a_source_without_a_column_that_is_needed_stages_nothing(ten: World, column: str) -> None:
    ten.source.names = tuple(name for name in COLUMNS if name != column)
    assert repr(column) in refused(ten)


def test_a_size_column_that_is_gone_stages_nothing_until_the_mapping_says_so(ten: World) -> None:
    ten.source.names = tuple(name for name in COLUMNS if name != "XXL")
    for row in ten.source.orders:
        row["NOTES"] = "moved"
    assert "'XXL'" in refused(ten)
    assert "'XXL'" in refused(ten, po_number="P1")
    ten.publish(BOARD.replace("except: [COLOUR CODE]", "except: [COLOUR CODE, XXL]"))
    assert ten.stage().counts.changed == 10
