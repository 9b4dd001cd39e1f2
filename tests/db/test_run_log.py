"""The log of a run: every line once and in the order of time, narrowed by level, read by keys whatever lies before."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from monday.models import ApiCall
from monday.sandbox.faults import Fault
from staging import audit, jobs
from staging.models import AuditChain, AuditEvent, Notice, SyncRun
from staging.reports import run_log as log
from staging.reports.run_log import Level, run_log
from staging.running import runs
from tests.db.admin_line import opened_line, signed_in, staged, work_off
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def a_run(**fields: Any) -> SyncRun:
    now = timezone.now()
    told = {"kind": "sync", "mode": "TEST", "actor": "anna", "trigger": "admin", "state": "completed"}
    told |= {"started_at": now - timedelta(hours=1), "finished_at": now}
    return SyncRun.objects.create(**(told | fields))


def events(run: SyncRun, *actions: str, chain: str = "", subject: str = "", **data: Any) -> None:
    """Events of the run, a second apart from its beginning on."""
    own = AuditChain.objects.get_or_create(name=chain or audit.run_chain(run.pk))[0]
    first = own.events.count()
    for number, action in enumerate(actions, first + 1):
        AuditEvent.objects.create(
            chain=own,
            sequence=number,
            at=run.started_at + timedelta(seconds=number),
            actor="anna",
            action=action,
            subject=subject or f"run:{run.pk}",
            data=data,
            hash="0" * 64,
        )


def call(run: SyncRun, seconds: float, **fields: Any) -> None:
    told = {"kind": "write", "operations": 3, "status": 200, "seconds": 0.25, "outcome": "done"}
    at = run.started_at + timedelta(seconds=seconds)
    ApiCall.objects.create(at=at, correlation=f"run:{run.pk}", **(told | fields))


def every(run: SyncRun, **asked: Any) -> list[log.Line]:
    """All lines, page by page."""
    found, position = [], ""
    while True:
        page = run_log(run, after=position, **asked)
        found += page.lines
        position = page.position
        if not position:
            return found


def test_a_sync_tells_its_steps_its_calls_and_the_news_in_the_order_of_time(line: World) -> None:
    batch = staged(line, 1, 2)
    run = batch.run
    call(run, 0.5, waited=2.0, retries=1)
    Notice.objects.create(topic="t", title="Waiting for approval", news={}, run=run, at=timezone.now() + timedelta(1))
    lines = every(run)
    texts = [one.text for one in lines]
    assert texts[0].startswith("Started") and "Ended: Waiting for approval." in texts
    assert f"Batch {batch.pk}: open." in texts and texts[-1] == "People were told: Waiting for approval"
    assert "API call write, 3 operations: done in 0.25 s, after waiting 2.0 s, sent again" in texts
    assert [one.at for one in lines] == sorted(one.at for one in lines)
    assert every(run, newest=True) == lines[::-1]


def test_a_push_tells_what_happened_to_its_batch_while_it_was_at_work_and_nothing_else(line: World) -> None:
    batch = staged(line, 1)
    run = a_run(kind="push", scope={"batch": batch.pk})
    mine = f"batch:{batch.pk}"
    events(run, "run.asked", kind="push", mode="TEST")
    events(run, "batch.push", chain="elsewhere", subject=mine, to="pushing")
    AuditEvent.objects.filter(subject=mine).exclude(chain__name="elsewhere").update(at=run.started_at - timedelta(1))
    events(run, "order.apply", chain="elsewhere", subject=mine, to="applied", count=41)
    events(run, "order.apply", chain="elsewhere", subject=f"batch:{batch.pk + 1}", to="applied", count=7)
    said = [one.text for one in every(run)]
    assert said[0] == "Push asked for, TEST."
    assert said[1:] == [f"Batch {batch.pk}: pushing.", f"Batch {batch.pk}: 41 orders applied."]


def test_levels_leave_out_what_is_less_grave(line: World) -> None:
    run = a_run()
    events(run, "run.started", "order.apply", "order.reject", "batch.fail", to="rejected", count=2)
    events(run, "run.ended", state="failed", error="The board cannot be reached.")
    call(run, 1)
    call(run, 2, outcome="RateLimited", status=429)
    grave = [(one.level, one.text) for one in every(run, least=Level.WARNING)]
    assert [level for level, _ in grave] == [Level.WARNING, Level.WARNING, Level.ERROR, Level.ERROR]
    assert "RateLimited" in grave[0][1] and grave[3][1] == "Ended: Failed. The board cannot be reached."
    assert [one.level for one in every(run, least=Level.ERROR)] == [Level.ERROR, Level.ERROR]
    AuditEvent.objects.filter(action="run.ended").update(data={"state": "completed"})
    assert [one.level for one in every(run, least=Level.ERROR)] == [Level.ERROR]


def test_pages_follow_each_other_without_a_line_twice_or_none(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE", 7)
    run = a_run()
    events(run, *["order.apply"] * 40, to="applied", count=1)
    for number in range(40):
        call(run, number, request_id=str(number))
    # Two clocks: an event that was written later says an earlier time.
    AuditEvent.objects.filter(sequence=20).update(at=run.started_at)
    for newest in (False, True):
        ids = [(one.source, one.id) for one in every(run, newest=newest)]
        assert len(ids) == len(set(ids)) == 80
    assert run_log(run, after="x-1-2").lines == run_log(run).lines == run_log(run, after="9" * 40).lines


def test_a_page_of_a_log_asks_as_much_of_a_long_one_as_of_a_short_one(
    line: World, django_assert_max_num_queries: Any
) -> None:
    run = a_run(kind="push", scope={"batch": 1})
    events(run, *["order.apply"] * 300, to="applied", count=1)
    with django_assert_max_num_queries(5) as asked:
        assert len(run_log(run, after="150-0-0-0").lines) == log.PAGE
    assert all("OFFSET" not in one["sql"].upper() for one in asked.captured_queries)


def test_the_page_shows_levels_links_and_the_next_lines(line: World) -> None:
    run = a_run()
    events(run, "run.started")
    events(run, *["order.reject"] * 120, to="rejected", count=1)
    place = f"/staging/syncrun/{run.pk}/log/"
    viewer, approver = signed_in("viewer"), signed_in("approver")
    page = unescape(approver.get(place).content.decode())
    assert page.count('<tr class="level-') == 100 and "Warning</span>" in page
    assert f'href="/staging/auditevent/{AuditEvent.objects.get(action="run.started").pk}/change/"' in page
    assert "/staging/auditevent/" not in viewer.get(place).content.decode()
    (more,) = re.findall(r'href="(\?[^"]+)">The next lines', page)
    rest = unescape(approver.get(place + more).content.decode())
    assert rest.count('<tr class="level-') == 21 and "From the beginning" in rest and "The next lines" not in rest
    assert "Nothing of that level happened" in approver.get(f"{place}?level=error").content.decode()
    assert approver.get(f"{place}?level=odd&order=odd&after=odd").status_code == 200
    assert f'href="{place}"' in viewer.get(f"/staging/syncrun/{run.pk}/change/").content.decode()
    assert viewer.get("/staging/syncrun/999999/log/").status_code == 404


def test_the_log_of_a_run_at_work_asks_for_itself_and_an_old_one_says_what_is_gone(line: World) -> None:
    run = a_run(state="running", finished_at=None, phase="detect", lease_owner="x")
    events(run, "run.started")
    place = f"/staging/syncrun/{run.pk}/log/"
    page = signed_in("viewer").get(place).content.decode()
    assert 'hx-select="#log"' in page and f"/staging/syncrun/{run.pk}/progress/" in page
    SyncRun.objects.filter(pk=run.pk).update(state="completed", started_at=timezone.now() - timedelta(days=91))
    page = signed_in("viewer").get(place).content.decode()
    assert "hx-select" not in page and "API calls are kept for 90 days" in page


def test_what_a_worker_did_is_told_with_its_calls_and_a_refused_one_is_a_warning(line: World) -> None:
    line.add(1)
    line.strike(Fault("complexity_limit", every=1, times=1, retry_after=0.1))
    run = jobs.ask_sync(mode="TEST", actor="operator", trigger="admin", scope={"by_person": True})
    work_off()
    texts = [one.text for one in every(run)]
    assert texts[0] == "Sync asked for, TEST." and texts[-1].startswith("People were told: Waiting for approval")
    assert "Ended: Waiting for approval." in texts and any(text.startswith("API call board: done") for text in texts)
    (refused,) = every(run, least=Level.WARNING)
    assert refused.text.startswith("API call") and "done" not in refused.text


def test_whoever_sees_that_a_run_has_ended_sees_all_of_its_calls(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, end = staged(line), runs.end
    line.approve(batch)
    run = jobs.ask_push(batch, actor="anna", trigger="admin")
    known: list[int] = []

    def ended(run: SyncRun, *given: Any, **fields: Any) -> None:
        known.append(ApiCall.objects.filter(correlation=f"run:{run.pk}").count())
        end(run, *given, **fields)

    monkeypatch.setattr("staging.running.runs.end", ended)
    work_off()
    run.refresh_from_db()
    assert known == [run.api["calls"]] and known[0] > 0
