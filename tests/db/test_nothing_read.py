"""A sync of a customer or a PO number of which the source has no row says so."""

from __future__ import annotations

from typing import Any

import pytest

from staging.models import SyncRun
from staging.reports.report import sentences
from tests.world import World


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"po_number": "P4711"}, "No row has the PO number P4711, so there was nothing to do. Remedy:"),
        ({"customers": ("FOX",), "customer_name": "FOX"}, "No row of FOX is in the order table, so"),
        ({"customers": ("FOX",), "customer_name": "FOX", "po_number": "P1"}, "No row of FOX has the PO number P1, so"),
    ],
)
def test_a_sync_of_what_the_source_does_not_have_says_so(world: World, asked: dict[str, Any], says: str) -> None:
    world.add(1, PO="P1")
    for more in ({"dry_run": True}, {}):
        report = world.sync(**asked, **more)
        assert report.counts.read == 0 and says in report.warnings[0]
        assert any(says in line for line in sentences(report, world.setup(), world.calls))
    assert says in SyncRun.objects.latest("id").notes[0]


def test_a_sync_that_reads_rows_says_nothing_of_it(world: World) -> None:
    assert world.sync().warnings == []
    world.add(1, PO="P1")
    assert world.sync(po_number="P1").warnings == world.sync(po_number="P1").warnings == []


@pytest.mark.parametrize("kept", [0, 1])
def test_a_sync_of_a_customer_says_where_the_table_itself_is_empty_or_half_loaded(world: World, kept: int) -> None:
    for number in range(1, 6):
        world.add(number)
    world.sync()
    del world.source.orders[kept:]
    report = world.sync(customers=("FOX",), customer_name="FOX")
    assert report.run.state == "refused"
    assert ("The source is empty" if not kept else "The source holds 1 row, 4 fewer") in report.run.error
