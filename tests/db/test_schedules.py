"""Schedules: what runs by itself, what a bad row must not stop, and what is found by a check that nobody watches."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from ordersite.cluster import Cluster
from ordersite.doctor import upkeep
from staging import audit, care_jobs, jobs
from staging.models import AuditEvent, Batch, Delivery, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.notices import deliver
from staging.running import runs, schedules
from tests.db.admin_line import opened_line, signed_in, staged, work_off
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def row(**fields: Any) -> Schedule:
    """A schedule that is due, as somebody writes it who does not use the form."""
    due = timezone.now() - timedelta(minutes=1)
    given = {"func": "staging.jobs.refresh", "schedule_type": "I", "minutes": 5, "repeats": -1, "next_run": due}
    Schedule.objects.bulk_create([Schedule(**{**given, **fields})])
    return Schedule.objects.latest("id")


STALLING = {
    "a bad expression": {"schedule_type": "C", "cron": "every day"},
    "no expression": {"schedule_type": "C", "cron": None},
    "an expression with years that are over": {"schedule_type": "C", "cron": "0 0 1 1 * 0 2020"},
    "values that are a number": {"kwargs": "5"},
    "positional values that cannot be read": {"args": "(("},
}
BAD = {
    **STALLING,
    "an expression with years": {"schedule_type": "C", "cron": "0 0 1 1 * 0 2030"},
    "a function that does not exist": {"func": "staging.jobs.never"},
    "somebody else's function": {"func": "os.getcwd"},
    "minutes of two hundred years": {"minutes": 99_999_999},
    "a type that nobody knows": {"schedule_type": "X"},
    "a next run in the Middle Ages": {"next_run": timezone.now().replace(year=1026)},
    "words that cannot be read": {"kwargs": "mode="},
    "a mode that there is not": {"func": "staging.jobs.start", "kwargs": "mode='LIVE'"},
    "a word that the job does not take": {"kwargs": "limit=5"},
}


@pytest.mark.parametrize("name", STALLING)
def test_a_row_that_stops_all_schedules_is_paused_and_the_others_go_on(
    line: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)  # the test's own is open
    good, bad = row(name="good"), row(name="bad", **STALLING[name])
    scheduler()
    assert OrmQ.objects.count() == 0, "the queue counts a bad row by now: is the guard still needed?"
    (told,) = schedules.pause_faulty(timezone.now())
    assert told.startswith("The schedule 'bad' cannot run: ") and "Remedy: " in told
    scheduler()
    assert [message.func() for message in OrmQ.objects.all()] == [good.func]
    bad.refresh_from_db()
    assert bad.repeats == 0


@pytest.mark.parametrize("name", BAD)
def test_every_bad_row_is_named_paused_once_told_once_and_stands_in_the_audit(line: World, name: str) -> None:
    if BAD[name].get("minutes", 0) > 32_767 and connection.vendor != "sqlite":
        pytest.skip("a server keeps no number of minutes that is too large")
    row(name="good")
    row(name="odd one", **BAD[name])
    (before,) = schedules.faulty(timezone.now())
    assert (before.name, before.paused) == ("odd one", False) and "no schedule runs" in before.sentence()
    (finding,) = upkeep.examine_schedules()
    assert finding.status == "problem" and "odd one" in finding.message and finding.remedy.startswith("open it under")
    page = signed_in("administrator").get("/").content.decode()
    assert "Schedules that cannot run" in page and "odd one" in page
    assert len(schedules.pause_faulty(timezone.now())) == 1
    assert schedules.pause_faulty(timezone.now()) == []
    (event,) = AuditEvent.objects.filter(action="schedule.paused")
    assert event.actor == schedules.WATCHDOG and event.data["repeats"] == -1
    assert deliver.send_due(timezone.now()) == 1 and len(mail.outbox) == 1 == Delivery.objects.count()
    assert "Schedule paused - odd one" in mail.outbox[0].subject and "cannot run" in mail.outbox[0].body
    (after,) = schedules.faulty(timezone.now())
    assert after.paused and "It is paused." in after.sentence()
    assert "Cannot run" in signed_in("administrator").get("/django_q/schedule/").content.decode()


def test_the_sweeper_and_whoever_watches_the_workers_pause_it(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row(name="one", schedule_type="C", cron="x")
    assert "The schedule 'one' cannot run" in jobs.sweep()
    row(name="two", schedule_type="C", cron="x")
    said: list[str] = []
    cluster = Cluster(say=said.append)
    cluster._look_at_schedules()
    cluster._look_at_schedules()
    assert len(said) == 1 and "The schedule 'two' cannot run: its expression is 'x'." in said[0]


def test_rows_as_the_form_and_earlier_versions_wrote_them_are_well(line: World) -> None:
    call_command("setup_schedules", stdout=StringIO())
    row(func="staging.jobs.start", kwargs="mode='TEST', customer='HARBOUR', limit=5")
    row(func="staging.jobs.start", kwargs="{'mode': 'TEST', 'full': True}")
    row(func="staging.jobs.start", schedule_type="C", cron="*/5 6-18 * * 1-5", next_run=timezone.now())
    row(func="staging.jobs.sweep", schedule_type="O")
    assert schedules.faulty(timezone.now()) == []


@pytest.mark.parametrize("cron", ["0 6 * * 1-5 0", "0 6 * * 1 0 2027", "6", "0 6 * *"])
def test_the_form_takes_expressions_of_five_fields_alone(line: World, cron: str) -> None:
    sent = {"name": "x", "func": "staging.jobs.sweep", "schedule_type": "C", "cron": cron, "repeats": "-1"}
    sent |= {"next_run_0": "2027-01-01", "next_run_1": "06:00:00", "kwargs": ""}
    page = signed_in("administrator").post("/django_q/schedule/add/", sent).content.decode()
    assert "a cron expression has five. Remedy:" in page or "This says no time" in page or "Exactly 5" in page
    assert not Schedule.objects.exists()


def test_titles_and_questions_call_a_schedule_by_what_it_does(line: World) -> None:
    made = row(name="")
    client = signed_in("administrator")
    for address in ("change", "delete", "history"):
        page = client.get(f"/django_q/schedule/{made.pk}/{address}/", follow=True).content.decode()
        heading = page[page.index("<title>") : page.index("</title>")] + page.partition("<h1>")[2].partition("</h1>")[0]
        assert "staging.jobs" not in heading and "staging.jobs" not in page.replace('value="staging.jobs', "")
        assert "Read all boards again" in page
    page = client.get("/django_q/schedule/").content.decode()
    assert "reads columns, labels and groups of every known board" in page


# --- what is set up -------------------------------------------------------------------------------------------------
def test_all_that_recurs_has_a_schedule_and_what_a_person_did_stays(line: World) -> None:
    out = StringIO()
    call_command("setup_schedules", "--mode", "PRODUCTION", "--json", stdout=out)
    told = {one["name"]: (one["when"], one["outcome"]) for one in json.loads(out.getvalue())["schedules"]}
    assert told == {
        "sync PRODUCTION": ("every 15 min", "made"),
        "push approved PRODUCTION": ("every 10 min", "made"),
        "retry rejected PRODUCTION": ("daily at 05:00 UTC", "made"),
        "sweep": ("every 1 min", "made"),
        "canary": ("every 1 min", "made"),
        "refresh boards": ("every 60 min", "made"),
        "reconcile PRODUCTION": ("daily at 04:00 UTC", "made"),
        "digest of notifications": ("daily at 07:00 UTC", "made"),
        "prune": ("daily at 02:30 UTC", "made"),
        "check the audit": ("daily at 03:30 UTC", "made"),
    }
    assert schedules.missing() == [] and schedules.faulty(timezone.now()) == []
    assert Schedule.objects.get(name="prune").next_run > timezone.now()
    Schedule.objects.filter(name="prune").update(name="Sunday's pruning", cron="0 1 * * 0", repeats=0)
    Schedule.objects.filter(name="sync PRODUCTION").update(name="the sync", minutes=60)
    Schedule.objects.filter(name="refresh boards").delete()
    before = sorted(Schedule.objects.values_list("name", "cron", "minutes", "repeats"), key=str)
    call_command("setup_schedules", "--mode", "PRODUCTION", stdout=out)
    after = sorted(
        Schedule.objects.exclude(name="refresh boards").values_list("name", "cron", "minutes", "repeats"), key=str
    )
    assert after == before and Schedule.objects.filter(name="refresh boards").count() == 1
    call_command("setup_schedules", "--mode", "TEST", stdout=out)
    assert Schedule.objects.filter(func=schedules.SYNC).count() == 2
    call_command("setup_schedules", "--mode", "PRODUCTION", "--reset", stdout=out)
    assert (Schedule.objects.get(name="the sync").minutes, Schedule.objects.filter(repeats=0).count()) == (15, 0)


def test_a_sync_of_one_customer_is_not_taken_for_that_of_all(line: World) -> None:
    row(name="mine", func=schedules.SYNC, kwargs="mode='TEST', customer='HARBOUR'")
    call_command("setup_schedules", stdout=StringIO())
    assert Schedule.objects.filter(name="sync TEST").exists()


def test_the_doctor_names_the_jobs_that_nothing_starts(db: None) -> None:
    (none,) = upkeep.examine_schedules()
    assert none.status == "ok"
    row()
    (some,) = upkeep.examine_schedules()
    assert some.status == "warning" and "prune, check the audit" in some.message and "setup_schedules" in some.remedy
    call_command("setup_schedules", stdout=StringIO())
    (well,) = upkeep.examine_schedules()
    assert well.message == "10 schedules, and each of them can run."


# --- pushes and retries ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", ["approved", "failed", "paused"])
def test_what_is_approved_and_unsent_is_pushed_also_after_a_failure_or_a_pause(line: World, state: str) -> None:
    batch = staged(line, 1)
    line.approve(batch)
    Batch.objects.filter(pk=batch.pk).update(state=state)
    assert jobs.push_approved(mode="PRODUCTION") == "asked for runs []"
    assert jobs.push_approved(mode="TEST").startswith("asked for runs [")
    assert jobs.push_approved(mode="TEST") == "asked for runs []"  # that one is under way
    work_off()
    assert line.on_board(1)
    assert SyncRun.objects.get(kind=Kind.PUSH).actor == "schedule"
    assert jobs.push_approved(mode="TEST") == "asked for runs []"


def test_what_is_not_approved_or_whose_push_a_person_cancelled_is_left_alone(line: World) -> None:
    batch = staged(line, 1)
    assert jobs.push_approved() == "asked for runs []"
    line.approve(batch)
    push = jobs.ask_push(batch, actor="anna", trigger="admin")
    runs.cancel(push, actor="anna", now=timezone.now())
    assert jobs.push_approved() == "asked for runs []"
    line.add(2)
    report = line.sync()
    assert not line.on_board(1) and "anna cancelled its push" in " ".join(report.warnings)
    again = jobs.ask_push(batch, actor="anna", trigger="admin")
    work_off()
    assert line.on_board(1)
    again.refresh_from_db()
    assert again.state == RunState.COMPLETED


def test_a_sync_of_one_customer_sends_nothing_of_another(line: World) -> None:
    line.approve(staged(line, 1))
    line.publish("version: 1\ncustomer: MARLOW\naliases: [MARLOW UK]\n")
    line.add(2, CUSTOMER="MARLOW UK")
    line.sync(customers=("MARLOW UK",), customer_name="marlow uk")
    assert line.on_board(2) and not line.on_board(1)
    line.sync()
    assert line.on_board(1)


def test_rejected_orders_go_out_once_more_until_they_were_refused_ten_times(line: World) -> None:
    batch = staged(line, 1, 2)
    line.approve(batch)
    mine = StagedOrder.objects.filter(batch=batch)
    mine.update(state="rejected", failures=3, problem={"code": "X"})
    mine.filter(pk=mine.latest("id").pk).update(failures=10)
    Batch.objects.filter(pk=batch.pk).update(state="needs_attention")
    assert jobs.retry_rejected(mode="PRODUCTION") == "asked for runs []"
    jobs.retry_rejected(mode="TEST")
    work_off()
    assert sorted(mine.values_list("state", flat=True)) == ["applied", "rejected"]
    assert AuditEvent.objects.filter(action="order.again", actor="policy:retry").count() == 1
    assert jobs.retry_rejected(mode="TEST") == "asked for runs []"


# --- the audit, checked by nobody -----------------------------------------------------------------------------------
def checked() -> SyncRun:
    assert care_jobs.check_audit().startswith("asked for run")
    assert "under way already" in care_jobs.prune()
    work_off()
    return SyncRun.objects.filter(kind=Kind.AUDIT).latest("id")


def test_a_broken_chain_is_told_of_once_and_stands_on_the_front_page_and_with_the_doctor(line: World) -> None:
    line.add(1)
    line.sync()
    well = checked()
    assert (well.state, well.mode) == (RunState.COMPLETED, "") and mail.outbox == []
    (finding,) = upkeep.examine_audit()
    assert finding.status == "ok" and "It was whole at" in finding.message
    chain = f"run:{SyncRun.objects.get(kind=Kind.SYNC).pk}"
    event = AuditEvent.objects.filter(chain__name=chain).earliest("id")
    AuditEvent.objects.filter(pk=event.pk).update(actor="somebody")
    bad = checked()
    assert bad.state == RunState.FAILED and bad.error.startswith(f"The audit is broken: chain {chain} at event 1")
    checked()
    assert len(mail.outbox) == 1 and "Failed - Audit check run" in mail.outbox[0].subject
    assert f"The audit is broken: chain {chain}" in mail.outbox[0].body
    (finding,) = upkeep.examine_audit()
    assert finding.status == "problem" and "verify_audit" in finding.remedy
    page = signed_in("viewer").get("/").content.decode()
    assert "Broken" in page and f"The audit is broken: chain {chain}" in page
    shown = signed_in("viewer").get(f"/staging/syncrun/{bad.pk}/change/").content.decode()
    assert "Audit check run" in shown and "broken chains" in shown
    AuditEvent.objects.filter(pk=event.pk).update(actor=event.actor)
    checked()
    assert len(mail.outbox) == 2 and "Recovered" in mail.outbox[1].subject
    assert "The audit is broken" not in signed_in("viewer").get("/").content.decode()


def test_a_scheduled_pruning_is_a_run_that_one_can_read(line: World, settings: Any, tmp_path: Any) -> None:
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    settings.RETAIN_DAYS = {**settings.RETAIN_DAYS, "audit": 1}
    from django.db import transaction

    with transaction.atomic():
        old = timezone.now() - timedelta(days=9)
        audit.record(chain=audit.DECISIONS, actor="anna", action="x", subject="run:1", now=old)
    assert care_jobs.prune().startswith("asked for run")
    work_off()
    run = SyncRun.objects.get(kind=Kind.PRUNE)
    assert (run.state, run.counts["audit"], run.actor) == (RunState.COMPLETED, 6, "schedule")
    page = signed_in("viewer").get(f"/staging/syncrun/{run.pk}/change/").content.decode()
    assert "Audit events: 6, of " in page and "SHA-256" in page
    listed = signed_in("viewer").get("/staging/syncrun/?kind__exact=prune").content.decode()
    assert "Pruning" in listed
