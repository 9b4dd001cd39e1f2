"""Every statement that the line sends is good T-SQL: each is compiled for SQL Server beside the one that runs.

Not only single querysets: whatever a sync, an approval, a push, an undo and the quick answer ask while they work.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext

from staging.detection.glance import glance
from staging.setup import whole
from tests.tsql.compiled import compiling
from tests.world import World

from . import offline

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(bool(offline.unavailable()), reason=offline.unavailable()),
]


def test_every_statement_of_the_line_is_good_tsql(world: World) -> None:
    with compiling() as found:
        for number in range(1, 9):
            world.add(number)
        world.add(9, TOTAL=99)
        world.add(10, CUSTOMER="NOBODY")
        world.sync()
        world.change(1, PRICE="12", S=7)
        world.change(2, TOTAL=99)
        world.drop(3)
        world.add(11)
        world.add(4)
        setup = world.setup()
        glance(setup=setup, scope=whole(setup))
        world.stage()
        world.sync(full=True)
        world.sync(dry_run=True, po_number="P1", mode="PRODUCTION")
        batch = world.order(1).batch
        world.undo(batch)
        world.sync(limit=1)
    assert len(found.statements) > 60
    assert found.problems() == {}


def test_statements_that_are_written_by_hand_are_good_tsql(world: World) -> None:
    from staging.models import Seen, StagedLine, StagedOrder
    from staging.models.many import insert_statement, update_statement

    quote = offline.connection().ops.quote_name
    for model, columns in ((StagedLine, ("order_id", "size")), (StagedOrder, ("record",)), (Seen, ("record", "key"))):
        assert offline.problems(insert_statement(model, columns, 3, quote), ("x",) * 3 * len(columns)) == []
        assert offline.problems(update_statement(model, columns, quote), ("x",) * (len(columns) + 1)) == []


def test_what_is_known_is_asked_of_each_table_once(world: World) -> None:
    from django.db import connection

    for number in range(1, 9):
        world.add(number)
    world.sync()
    setup = world.setup()
    with CaptureQueriesContext(connection) as few:
        glance(setup=setup, scope=whole(setup))
    for number in range(20, 220):
        world.add(number)
    with CaptureQueriesContext(connection) as many:
        glance(setup=setup, scope=whole(setup))
    assert len(few) == len(many) < 20


def test_every_statement_of_a_pruning_is_good_tsql(world: World, settings: Any, tmp_path: Any) -> None:
    from django.utils import timezone

    from staging import audit
    from staging.models.run import Kind
    from staging.running import runs
    from staging.upkeep import care, retention
    from staging.upkeep.prune import SUBJECT, foreseen

    settings.RETAIN_DAYS = dict.fromkeys(retention.NAMES, 10)
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    world.add(1)
    world.sync()
    world.change(1, S=7)
    world.sync()
    with compiling() as found:
        foreseen(now=timezone.now())
        with runs.now_on(kind=Kind.PRUNE, subject=SUBJECT, board=None, mode="", actor="cli", scope={}) as run:
            runs.end(run, now=timezone.now(), **care.carry_out(run, lambda phase, done, total: None))
        audit.verify()
    assert run.counts["batches"] == 1 and run.counts["audit"]
    assert found.problems() == {}
