"""What a push is forecast to take, against what it takes: also where it makes groups and labels first."""

from __future__ import annotations

from typing import Any

import pytest

from staging import jobs
from staging.models import Batch
from staging.pushing.outlook import ahead, forecast
from staging.reports.report import sentences
from tests.db.admin_line import opened_line, signed_in
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def taken(world: World, batch: Batch) -> list[str]:
    """The calls of its push."""
    world.approve(batch)
    first = len(world.wire.sent)
    jobs.work(jobs.ask_push(batch, actor="anna", trigger="admin").pk)
    return [one.query for one in world.wire.sent[first:]]


def test_groups_and_labels_that_a_push_makes_first_are_in_its_forecast(line: World) -> None:
    for number in (1, 2, 3):
        line.add(number)
    line.stage()
    batch, address = line.batch(), f"/staging/batch/{line.batch().pk}/change/"
    told, bare = ahead(batch), forecast([batch])
    assert told is not None and bare is not None and told.calls > bare.calls
    assert f"About {told.calls} calls" in signed_in("approver").get(address).content.decode()
    confirm = signed_in("approver").get(f"/staging/batch/act/approve/?ids={batch.pk}").content.decode()
    assert f"About {told.calls} calls" in confirm
    assert len(taken(line, batch)) == told.calls


def test_nothing_is_added_once_the_board_has_them(line: World) -> None:
    line.add(1)
    line.sync()
    line.add(2)
    line.add(3)
    line.stage()
    batch = line.batch()
    told, bare = ahead(batch), forecast([batch])
    assert told is not None and bare is not None and told.calls == bare.calls
    assert len(taken(line, batch)) == told.calls


def test_the_run_that_stages_says_what_its_batches_show(line: World) -> None:
    for number in (1, 2, 3):
        line.add(number)
    report = line.stage()
    told = ahead(line.batch())
    assert told is not None
    assert any(f"About {told.calls} calls" in row for row in sentences(report, line.setup(), line.calls))
