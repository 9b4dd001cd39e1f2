"""Real workers: killed in the middle of a job, two clusters over one PostgreSQL, a schedule that nobody watches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.installation import Installation, kill, postgres_answers, postgres_database, until

pytestmark = pytest.mark.slow

LOOK = """
import sqlite3
from django.conf import settings
from staging import audit
from staging.models import Batch, Receipt, Snapshot, StagedOrder, SyncRun
board = sqlite3.connect(settings.SANDBOX_STORE)
query = "select cells from items where state = 'active' and parent_id is null"
cells = [json.loads(text) for (text,) in board.execute(query)]
keys = sorted(str(c.get("text_record_uuid")) for c in cells)
board.close()
answer = {
    "items": len(keys),
    "different": len(set(keys)),
    "orders": StagedOrder.objects.exclude(state="superseded").count(),
    "applied": StagedOrder.objects.filter(state="applied").count(),
    "snapshots": Snapshot.objects.count(),
    "open": SyncRun.objects.filter(state__in=["queued", "running"]).count(),
    "runs": {r.pk: [r.kind, r.state, r.error, r.attempt] for r in SyncRun.objects.order_by("id")},
    "receipts": Receipt.objects.filter(outcome="sent").count() + Receipt.objects.filter(outcome="done").count(),
    "twice": StagedOrder.objects.filter(state="applied").count() - Snapshot.objects.count(),
    "audit": [str(b) for b in audit.verify()[1]],
}
"""
WORK = "staging.jobs.work"
OPEN = "select count(*) from staging_syncrun where state in ('queued', 'running')"
ASK = """
from staging import jobs
run = jobs.ask_sync(mode="TEST", actor="anna", trigger="admin", scope={"by_person": %s})
answer = run.pk
"""


DUE = """
from django.utils import timezone
from django_q.models import Schedule
answer = Schedule.objects.update(next_run=timezone.now())
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path, WORKERS="2", MONDAY_SETTLE_SECONDS="0")
    try:
        yield made
    finally:
        made.stop()


def prepared(place: Installation, rows: int, latency_ms: int, server_timeout: int = 1) -> None:
    place.manage("migrate", "--verbosity", "0")
    place.manage("load_demo_orders", "--rows", str(rows))
    place.board(latency_ms, f"behaviour: {{server_timeout: {server_timeout}}}\n")


def settled(seen: dict[str, Any]) -> None:
    """Everything went out, nothing twice, and the record of it is whole."""
    assert seen["open"] == 0, seen
    assert seen["items"] == seen["different"] == seen["applied"] == seen["orders"] == seen["snapshots"], seen
    assert seen["audit"] == [], seen


def test_a_push_killed_in_the_middle_is_finished_by_the_sweeper_with_nothing_twice(place: Installation) -> None:
    prepared(place, 40, 40)
    first = place.ask(ASK % "False")
    place.ask(f"from staging import jobs\nanswer = jobs.work({first})")
    push = place.number("select min(id) from staging_syncrun where kind = 'push'")
    worker = place.working(f"from staging import jobs\njobs.work({push})")
    until(lambda: place.number("select count(*) from staging_receipt where outcome in ('sent', 'done')"))
    kill(worker)
    seen = place.ask(LOOK)
    assert seen["runs"][str(push)][:2] == ["push", "running"], seen
    place.start("qcluster")
    place.ask("from staging import jobs\nanswer = jobs.sweep()")
    until(lambda: not place.number(OPEN), seconds=90)
    seen = place.ask(LOOK)
    settled(seen)
    assert seen["runs"][str(push)] == ["push", "completed", "", 2], seen


# By the command line the same is killed in every run, and in the tortures at any instant.
@pytest.mark.long
def test_a_detection_killed_in_the_middle_is_asked_for_anew_with_nothing_staged_twice(place: Installation) -> None:
    prepared(place, 3000, 0)
    first = place.ask(ASK % "True")
    # In the middle: it commits page by page, and the first of them are there.
    worker = place.working(
        f"from staging import jobs\nfrom staging.batches import stage\nstage.ENOUGH = stage.PAGE\njobs.work({first})"
    )
    until(lambda: place.number("select count(*) from staging_stagedorder"))
    kill(worker)
    seen = place.ask(LOOK)
    assert seen["runs"][str(first)][1] == "running" and 0 < seen["orders"] < 2900, seen
    place.start("qcluster")
    place.ask("from staging import jobs\nanswer = jobs.sweep()")
    until(lambda: not place.number(OPEN), seconds=90)
    seen = place.ask(LOOK)
    assert seen["runs"][str(first)][1:3] == ["failed", "Its process died."]
    assert seen["runs"][str(first + 1)][1] == "waiting", seen
    assert seen["orders"] == place.ask(
        "from staging.models import StagedOrder\nanswer = StagedOrder.objects.values('record').distinct().count()"
    )
    assert seen["audit"] == []


ASKED = {
    "push": "run = jobs.ask_push(batch, actor='anna', trigger='admin')",
    "undo": "work(jobs.ask_push(batch, actor='anna', trigger='admin'))\n"
    "run = jobs.ask_undo(batch, actor='anna', trigger='admin', reason='wrong season')",
    "retry": "reject(batch)\nretry(batch=batch, orders=None, actor='anna', now=timezone.now())\n"
    "run = jobs.ask_push(batch, actor='anna', trigger='admin')",
    "refresh": "run = jobs.ask_refresh(batch.board, actor='anna', trigger='admin')",
}
PREPARED = """
from django.utils import timezone
from mapping.publish import load_family
from staging import jobs
from staging.batches.decide import approve
from staging.models import Batch, StagedOrder
from staging.batches.retry import retry

def work(run):
    jobs.work(run.pk)

def reject(batch):
    StagedOrder.objects.filter(batch=batch).update(state="rejected", problem={"code": "x"})
    Batch.objects.filter(pk=batch.pk).update(state="needs_attention")
    batch.refresh_from_db()

work(jobs.ask_sync(mode="TEST", actor="anna", trigger="admin", scope={"by_person": True}))
batch = max(Batch.objects.all(), key=lambda one: one.orders.count())
known = {"mappings": load_family(batch.board.board_id), "structure": batch.board.known_structure()}
approve(batch=batch, actor="anna", now=timezone.now(), **known)
"""
AGAIN = """
from django_q.tasks import async_task
answer = [async_task("staging.jobs.work", %d) for _ in "12"]
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", sorted(ASKED))
def test_a_job_of_each_kind_killed_in_the_middle_and_delivered_twice_ends_right(place: Installation, kind: str) -> None:
    prepared(place, 30, 60, server_timeout=5)
    orders, run = place.ask(f"{PREPARED}{ASKED[kind]}\nanswer = [batch.orders.count(), run.pk]")
    before = place.number("select count(*) from requests", board=True)
    worker = place.working(f"from staging import jobs\njobs.work({run})")
    # In the middle: the board has been asked for something by it, and the run is not over.
    asked = 1 if kind == "refresh" else 5
    until(lambda: place.number("select count(*) from requests", board=True) >= before + asked)
    kill(worker)
    assert place.number(f"select count(*) from staging_syncrun where id = {run} and state = 'running'") == 1
    place.ask(AGAIN % run)
    place.start("qcluster")
    until(lambda: not place.number(OPEN) and not place.number("select count(*) from django_q_ormq"), seconds=90)
    seen = place.ask(LOOK)
    assert seen["runs"][str(run)][1:] == ["completed", "", 2], seen
    on_board = orders if kind in ("push", "retry") else 0
    assert (seen["items"], seen["different"], seen["audit"]) == (on_board, on_board, []), seen
    ends = f"select count(*) from staging_auditevent where subject = 'run:{run}' and action = 'run.ended'"
    assert place.number(ends) == 1


@pytest.mark.skipif(not postgres_answers(), reason="no PostgreSQL server on 127.0.0.1:5432")
def test_two_clusters_over_one_postgresql_send_no_order_twice(tmp_path: Path) -> None:
    with postgres_database() as address:
        place = Installation(tmp_path, WORKERS="2", DATABASE_URL=address)
        try:
            prepared(place, 60, 5)
            first = place.ask(ASK % "False")
            # Each message is there several times, as after a queue that lost its locks.
            place.ask(f"from django_q.tasks import async_task\nanswer = [async_task('{WORK}', {first}) for _ in '123']")
            for _ in range(2):
                place.start("qcluster")
            again = """
            from django_q.tasks import async_task
            from staging.models import SyncRun
            ids = SyncRun.objects.values_list("pk", flat=True)
            answer = [async_task("staging.jobs.work", pk) for pk in ids for _ in "12"]
            """
            until(
                lambda: place.number(f"select count(*) from staging_syncrun where id = {first} and state = 'completed'")
            )
            place.ask(again)
            until(lambda: not place.number(OPEN), seconds=90)
            place.ask(again)
            seen = place.ask(LOOK)
            settled(seen)
            assert {state for _, state, _, _ in seen["runs"].values()} == {"completed"}, seen
        finally:
            place.stop()


def test_a_schedule_runs_a_sync_that_nobody_watches(place: Installation) -> None:
    prepared(place, 15, 0)
    place.manage("setup_schedules", "--minutes", "1")
    place.ask(DUE)
    place.start("qcluster")
    applied = "select count(*) from staging_stagedorder where state = 'applied'"
    until(lambda: place.number(applied) and not place.number(OPEN), seconds=180)
    seen = place.ask(LOOK)
    settled(seen)
    assert seen["runs"]["1"][:2] == ["sync", "completed"]
    front_page = """
    from django.contrib.auth.models import Group, User
    from django.test import Client
    viewer = User.objects.create_user("nina", is_staff=True)
    viewer.groups.add(Group.objects.get(name="viewer"))
    client = Client(headers={"Host": "127.0.0.1"})
    client.force_login(viewer)
    answer = client.get("/").content.decode()
    """
    page = place.ask(front_page)
    last = page[page.index("Last sync") : page.index("Next scheduled sync")]
    assert "Completed" in last and "Alive" in last, last
    assert re.search(r"by schedule: 15 read, \d+ new, 0 changed, 0 removed; \d+ applied", last), last
