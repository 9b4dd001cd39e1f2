"""Jobs: a message delivered twice, late or never, and a process that dies in the middle, all end right."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from ordersite import watchdog
from ordersite.models import WorkerPulse
from staging import jobs
from staging.audit import verify
from staging.core.lifecycle import NotAllowed, OrderState
from staging.models import AuditEvent, Batch, SyncRun
from staging.models.run import Kind, RunState
from staging.notices import notify
from staging.running import ending, heartbeat, runs
from staging.running.lease import LENGTH, LeaseLost, database_now
from tests.db.admin_line import opened_line, staged, work_off
from tests.moments import moments
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def sync_run(**scope: Any) -> SyncRun:
    return jobs.ask_sync(mode="TEST", actor="anna", trigger="admin", scope=scope)


def approved(line: World, *numbers: int) -> Batch:
    batch = staged(line, *numbers)
    line.approve(batch)
    return batch


def killed(run: SyncRun) -> None:
    """Leave the run as a killed process does: claimed by somebody who is not there any more."""
    dead = {"lease_owner": "elsewhere:1:dead", "lease_until": database_now() - timedelta(hours=1)}
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.RUNNING, attempt=1, **dead)


def items(line: World) -> list[str]:
    return sorted(key for key, found in line.shown().items() for _ in found if key)


# --- a run of each kind, and its message delivered twice ------------------------------------------------------------
def test_a_sync_stages_and_hands_each_customer_to_a_push_of_its_own(line: World) -> None:
    line.add(1)
    line.add(2, CUSTOMER="B'HOOD")
    run = sync_run()
    said = work_off()
    run.refresh_from_db()
    assert (run.state, run.attempt, run.counts["new"]) == (RunState.COMPLETED, 1, 2)
    pushes = SyncRun.objects.filter(kind=Kind.PUSH, trigger=f"run {run.pk}")
    assert [push.state for push in pushes] == [RunState.COMPLETED, RunState.COMPLETED]
    assert len(said) == 3 and len(items(line)) == 2
    assert jobs.work(run.pk) == f"run {run.pk} is not to be done (any more)"


def test_a_sync_that_leaves_approval_to_a_person_waits_and_says_so_by_one_mail(line: World) -> None:
    line.add(1)
    run = sync_run(by_person=True)
    work_off()
    run.refresh_from_db()
    assert run.state == RunState.WAITING and items(line) == []
    (sent,) = mail.outbox
    batch = line.batch()
    assert sent.subject == f"[Ordersite] Waiting for approval - 1 batch of run {run.pk}"
    assert f"Batch {batch.pk} - HARBOUR: 1 change http://127.0.0.1:8000/staging/batch/{batch.pk}/change/" in sent.body
    jobs.sweep()
    assert len(mail.outbox) == 1


def test_a_batch_that_waits_is_told_of_once_however_often_it_is_found_waiting(line: World) -> None:
    line.add(1)
    for _ in range(3):
        sync_run(by_person=True)
        work_off()
    states = SyncRun.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == [RunState.WAITING, RunState.COMPLETED, RunState.COMPLETED]
    assert len(mail.outbox) == 1
    line.add(2, CUSTOMER="B'HOOD")
    run = sync_run(by_person=True)
    work_off()
    assert len(mail.outbox) == 2
    assert mail.outbox[1].subject == f"[Ordersite] Waiting for approval - 1 batch of run {run.pk}"
    assert "B'HOOD: 1 change" in mail.outbox[1].body and "HARBOUR" not in mail.outbox[1].body
    jobs.sweep()
    assert len(mail.outbox) == 2


def test_the_mail_of_a_run_with_errors_names_what_waits_too(line: World) -> None:
    line.add(1)
    run = sync_run(by_person=True)
    work_off()
    mail.outbox.clear()
    Batch.objects.update(told_at=None)
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.WITH_ERRORS, mailed_at=None)
    assert notify.ended(run.pk)
    assert "1 batch waits for approval:" in mail.outbox[0].body and "HARBOUR: 1 change" in mail.outbox[0].body


def test_a_sync_takes_what_it_was_asked_for(line: World) -> None:
    line.add(1, CUSTOMER="HARBOUR (AU)")
    line.add(2, CUSTOMER="HARBOUR (AU)")
    line.add(3, CUSTOMER="B'HOOD")
    run = sync_run(customer="HARBOUR", limit=1, by_person=True)
    work_off()
    run.refresh_from_db()
    assert (run.counts["read"], run.counts["staged"], run.counts["deferred"], run.counts["removed"]) == (2, 1, 1, None)


@pytest.mark.parametrize("kind", ["sync", "push", "undo", "refresh"])
def test_a_message_that_comes_twice_is_done_once(line: World, kind: str) -> None:
    run = asked(line, kind)
    first, second = jobs.work(run.pk), jobs.work(run.pk)
    run.refresh_from_db()
    assert (first, second) == (f"run {run.pk}: completed", f"run {run.pk} is not to be done (any more)")
    assert run.attempt == 1
    assert AuditEvent.objects.filter(subject=f"run:{run.pk}", action="run.ended").count() == 1


@pytest.mark.parametrize("kind", ["push", "undo", "refresh"])
def test_a_dead_run_goes_on_with_the_next_message(line: World, kind: str) -> None:
    run = asked(line, kind)
    killed(run)
    assert jobs.work(run.pk) == f"run {run.pk}: completed"
    run.refresh_from_db()
    assert run.attempt == 2


def test_a_dead_sync_is_closed_and_asked_for_anew(line: World) -> None:
    line.add(1)
    run = sync_run(limit=5)
    killed(run)
    said = jobs.work(run.pk)
    again = SyncRun.objects.latest("id")
    assert said == f"run {run.pk} had died; run {again.pk} goes on"
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, "Its process died.")
    assert (again.trigger, again.attempt, again.scope) == (f"after run {run.pk}", 1, {"limit": 5})
    work_off()
    assert len(items(line)) == 1


def test_a_dead_sync_of_the_command_line_is_only_closed(line: World) -> None:
    run = sync_run()
    killed(run)
    SyncRun.objects.filter(pk=run.pk).update(trigger="cli")
    jobs.sweep()
    run.refresh_from_db()
    assert run.state == RunState.FAILED and SyncRun.objects.count() == 1


def test_a_claim_that_a_dead_process_left_is_cleared_and_one_of_a_living_process_is_not(line: World) -> None:
    batch = approved(line, 1)
    claims = [
        ("elsewhere:1:dead", -timedelta(hours=1), ""),
        ("elsewhere:1:alive", timedelta(minutes=4), "elsewhere:1:alive"),
    ]
    for owner, left, wanted in claims:
        Batch.objects.filter(pk=batch.pk).update(lease_owner=owner, lease_until=database_now() + left)
        said = jobs.sweep()
        batch.refresh_from_db()
        assert batch.lease_owner == wanted and ("claims cleared: 1" in said) == (not wanted)


def test_a_run_that_dies_three_times_is_left_for_a_person_who_gets_a_mail(line: World) -> None:
    run = asked(line, "push")
    killed(run)
    SyncRun.objects.filter(pk=run.pk).update(attempt=runs.ATTEMPTS)
    jobs.sweep()
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, "Its process died.")
    assert [sent.subject for sent in mail.outbox] == [f"[Ordersite] Failed - Push of batch {line.batch().pk} - HARBOUR"]


def asked(line: World, kind: str) -> SyncRun:
    """A run of this kind with something to do."""
    if kind == "sync":
        line.add(1)
        line.sync()
        return sync_run()
    if kind == "refresh":
        return jobs.ask_refresh(line.board, actor="anna", trigger="admin")
    batch = approved(line)
    if kind == "push":
        return jobs.ask_push(batch, actor="anna", trigger="admin")
    line.push(batch)
    return jobs.ask_undo(batch, actor="anna", trigger="admin", reason="wrong season")


# --- the process dies, or seems to ----------------------------------------------------------------------------------
class Killed(BaseException):
    """The process is gone: nothing after this is written."""


def dead(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.mark.parametrize("kind", ["push", "undo"])
@pytest.mark.parametrize("place", moments(range(8), 3))
def test_a_process_that_dies_at_any_request_is_taken_up_with_nothing_twice(
    line: World, kind: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked(line, kind)
    batch, left = line.batch(), [place]

    def die(sent: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    with monkeypatch.context() as death:
        line.wire.after = die
        # A killed process settles nothing and ends no run.
        death.setattr("staging.pushing.send.recover", dead)
        death.setattr("staging.jobs.runs.end", dead)
        death.setattr("staging.jobs.notify.ended", dead)
        with pytest.raises(Killed):
            jobs.work(run.pk)
    line.wire.calm()
    line.bury()
    jobs.sweep()
    assert jobs.work(run.pk).startswith(f"run {run.pk}")
    if SyncRun.objects.get(pk=run.pk).state == RunState.WITH_ERRORS:
        jobs.work(jobs.ask_push(batch, actor="anna", trigger="admin").pk)
    batch.refresh_from_db()
    keys = items(line)
    assert len(keys) == len(set(keys)) == (3 if kind == "push" else 0), batch.state
    assert batch.state == ("pushed" if kind == "push" else "undone")
    line.check()


@pytest.mark.parametrize("kind", ["push", "undo"])
def test_a_process_that_dies_after_the_end_of_its_batch_leaves_a_run_that_completes(
    line: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked(line, kind)
    with monkeypatch.context() as death:
        death.setattr("staging.jobs.runs.end", dead)
        with pytest.raises(Killed):
            jobs.work(run.pk)
    assert line.batch().state == ("pushed" if kind == "push" else "undone")
    line.bury()
    mail.outbox.clear()
    assert jobs.work(run.pk) == f"run {run.pk}: completed"
    run.refresh_from_db()
    assert (run.error, run.counts["applied" if kind == "push" else "undone"]) == ("", 3)
    assert mail.outbox == []


def test_what_a_dead_sync_had_staged_is_told_by_the_one_after_it(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    line.add(1)
    run = sync_run(by_person=True)
    with monkeypatch.context() as death:
        for place in ("staging.batches.stage.move_batch", "staging.sync.finish", "staging.jobs.runs.end"):
            death.setattr(place, dead)
        with pytest.raises(Killed):
            jobs.work(run.pk)
    assert line.batch().state == "draft"
    line.bury()
    jobs.sweep()
    work_off()
    again = SyncRun.objects.latest("id")
    assert (again.trigger, again.state) == (f"after run {run.pk}", RunState.COMPLETED)
    assert line.batch().state == "open"
    assert [sent.subject for sent in mail.outbox] == [
        f"[Ordersite] Failed - Sync run {run.pk}",
        f"[Ordersite] Recovered, and waiting for approval - 1 batch found by run {again.pk}",
    ]
    assert "1 batch waits for approval:" in mail.outbox[1].body and "HARBOUR: 1 change" in mail.outbox[1].body


def test_a_batch_that_nobody_was_told_of_is_told_by_the_next_sync(line: World) -> None:
    line.add(1)
    sync_run(by_person=True)
    work_off()
    mail.outbox.clear()
    Batch.objects.update(told_at=None)
    run = sync_run(by_person=True)
    work_off()
    (sent,) = mail.outbox
    assert sent.subject == f"[Ordersite] Waiting for approval - 1 batch found by run {run.pk}"
    assert "HARBOUR: 1 change" in sent.body


def test_a_run_that_another_process_has_taken_over_writes_nothing_more(line: World) -> None:
    run = asked(line, "push")
    claimed = runs.claim(run.pk)
    assert claimed is not None
    SyncRun.objects.filter(pk=run.pk).update(lease_owner="other:1:x")
    with pytest.raises(LeaseLost):
        runs.end(claimed, RunState.COMPLETED, now=timezone.now())
    run.refresh_from_db()
    assert (run.state, run.lease_owner) == (RunState.RUNNING, "other:1:x")


def test_a_run_at_work_is_claimed_by_nobody_else(line: World) -> None:
    run = asked(line, "push")
    assert runs.claim(run.pk) is not None
    assert runs.claim(run.pk) is None
    assert jobs.work(run.pk) == f"run {run.pk} is not to be done (any more)"


def test_a_sign_of_life_keeps_the_lease_while_one_call_waits_for_long(
    line: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = threading.Event()
    monkeypatch.setattr(heartbeat, "BEAT", 0.01)
    monkeypatch.setattr(heartbeat, "renew", lambda run, owner: renewed.set())
    run = asked(line, "push")
    with heartbeat.beating(run):
        assert renewed.wait(5)
    assert not any(thread.name == f"beat-{run.pk}" for thread in threading.enumerate())


def test_a_mistake_in_the_program_ends_the_run_as_failed_and_is_not_hidden(
    line: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked(line, "push")

    def broken(**_: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(jobs, "push", broken)
    with pytest.raises(KeyError):
        jobs.work(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FAILED, "It broke off; the log tells why.")
    assert len(mail.outbox) == 1


# --- steps, cancelling, outages -------------------------------------------------------------------------------------
def test_a_long_push_gives_its_worker_back_and_goes_on(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = approved(line, *range(1, 250))
    run = jobs.ask_push(batch, actor="anna", trigger="admin")
    monkeypatch.setattr(jobs, "STEP", 0.0)
    assert jobs.work(run.pk) == f"run {run.pk} goes on with the next message"
    run.refresh_from_db()
    assert (run.state, run.attempt, run.lease_owner) == (RunState.QUEUED, 0, "")
    assert len(items(line)) == 100
    assert work_off() == [f"run {run.pk} goes on with the next message", f"run {run.pk}: completed"]
    assert len(items(line)) == 249
    run.refresh_from_db()
    assert run.counts["applied"] == 249


def test_a_worker_that_is_asked_to_end_gives_its_push_back_for_another(line: World) -> None:
    batch = approved(line, *range(1, 250))
    run = jobs.ask_push(batch, actor="anna", trigger="admin")
    line.wire.before = lambda _sent: ending.ask()
    try:
        assert jobs.work(run.pk) == f"run {run.pk} goes on with the next message"
    finally:
        ending.ask(yes=False)
        line.wire.calm()
    run.refresh_from_db()
    batch.refresh_from_db()
    assert (run.state, run.lease_owner, batch.lease_owner) == (RunState.QUEUED, "", "")
    assert not batch.orders.filter(state=OrderState.SENDING).exists() and len(items(line)) < 249
    assert work_off()[-1] == f"run {run.pk}: completed"
    assert len(items(line)) == 249


def test_a_run_that_waits_is_cancelled_at_once(line: World) -> None:
    run = sync_run()
    runs.cancel(run, actor="otto", now=timezone.now())
    assert (run.state, run.cancelled_by) == (RunState.STOPPED, "otto")
    assert jobs.work(run.pk) == f"run {run.pk} is not to be done (any more)"
    with pytest.raises(NotAllowed, match="has ended already"):
        runs.cancel(run, actor="otto", now=timezone.now())


@pytest.mark.parametrize("kind", ["sync", "push"])
def test_a_run_at_work_stops_after_the_piece_in_hand(line: World, kind: str) -> None:
    run = asked(line, kind)
    line.add(77)

    def ask_to_stop(sent: Any) -> None:
        SyncRun.objects.filter(pk=run.pk).update(cancelled_by="otto")

    line.wire.before = ask_to_stop
    assert jobs.work(run.pk) == f"run {run.pk}: stopped"
    line.wire.calm()
    assert verify()[1] == []
    if kind == "push":
        batch = line.batch()
        assert batch.state == "paused"
        jobs.work(jobs.ask_push(batch, actor="anna", trigger="admin").pk)
        assert len(items(line)) == 3


def test_an_outage_fails_the_run_with_one_sentence_and_one_mail(line: World) -> None:
    run = asked(line, "push")
    line.wire.lose("create_item", times=99, answered=False)
    jobs.work(run.pk)
    line.wire.calm()
    run.refresh_from_db()
    assert run.state in (RunState.FAILED, RunState.WITH_ERRORS)
    assert len(mail.outbox) == 1
    jobs.work(run.pk)
    jobs.sweep()
    assert len(mail.outbox) == 1


def test_an_empty_source_refuses_the_run(line: World) -> None:
    run = sync_run()
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.state == RunState.REFUSED and run.error.startswith("The source is empty")


# --- asking ---------------------------------------------------------------------------------------------------------
def test_a_batch_has_one_push_at_a_time(line: World) -> None:
    run = asked(line, "push")
    with pytest.raises(NotAllowed, match=r"Push run .* of batch .* is under way already"):
        jobs.ask_push(line.batch(), actor="otto", trigger="admin")
    jobs.work(run.pk)
    assert jobs.ask_push(line.batch(), actor="otto", trigger="admin").pk != run.pk


def test_a_schedule_asks_once_while_a_sync_is_under_way(line: World) -> None:
    line.add(1)
    assert jobs.start(mode="TEST").startswith("asked for run")
    assert "is still queued" in jobs.start(mode="TEST")
    work_off()
    assert jobs.start(mode="TEST").startswith("asked for run")


def test_a_message_is_sent_only_once_the_run_is_committed(
    line: World, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = sync_run()
        assert OrmQ.objects.count() == 0
    (message,) = OrmQ.objects.all()
    assert (message.task["func"], message.task["args"]) == (jobs.WORK, (run.pk,))


def test_the_sweeper_sends_a_lost_message_again_but_not_what_is_only_waiting(
    line: World, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    run = sync_run()
    with django_capture_on_commit_callbacks(execute=True):
        jobs.sweep()
    assert OrmQ.objects.count() == 0
    SyncRun.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(minutes=10))
    with django_capture_on_commit_callbacks(execute=True):
        assert f"sent again: [{run.pk}]" in jobs.sweep()
    assert OrmQ.objects.count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        jobs.sweep()
    assert OrmQ.objects.count() == 1


def test_messages_of_the_sweepers_own_minute_do_not_keep_it_from_finding_a_lost_one(
    line: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sync_run()
    SyncRun.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(minutes=10))
    waiting = [2, 1, 0]
    monkeypatch.setattr(type(jobs.get_broker()), "queue_size", lambda _: waiting.pop(0))
    monkeypatch.setattr(jobs, "MOMENT", 0.0)
    assert f"sent again: [{run.pk}]" in jobs.sweep()


def test_the_schedules_are_made_once_and_keep_what_was_edited(line: World) -> None:
    call_command("setup_schedules", verbosity=0)
    Schedule.objects.filter(name="sync TEST").update(minutes=7)
    call_command("setup_schedules", verbosity=0)
    assert Schedule.objects.get(name="sync TEST").minutes == 7
    call_command("setup_schedules", "--reset", "--minutes", "5", verbosity=0)
    assert Schedule.objects.get(name="sync TEST").minutes == 5


def test_every_scheduled_function_can_be_found_by_its_path(line: World) -> None:
    from pydoc import locate

    call_command("setup_schedules", verbosity=0)
    for path in [*Schedule.objects.values_list("func", flat=True), jobs.WORK, watchdog.CANARY]:
        assert callable(locate(path)), path


# --- mails and signs of life ----------------------------------------------------------------------------------------
def test_a_mail_server_that_does_not_answer_fails_no_run(line: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    run = sync_run()
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.state == RunState.REFUSED and run.mailed_at is not None


def test_nobody_to_tell_means_no_mail(line: World, settings: Any) -> None:
    settings.NOTIFY_TO = []
    run = sync_run()
    jobs.work(run.pk)
    assert mail.outbox == [] and not notify.ended(run.pk)


def test_workers_are_alive_while_a_canary_was_claimed_or_a_run_shows_signs(line: World) -> None:
    assert not watchdog.workers().alive
    assert "No worker has claimed a job yet. Remedy:" in watchdog.workers().sentence()
    watchdog.claimed()
    watchdog.claimed()
    assert watchdog.workers().alive and WorkerPulse.objects.count() == 1
    WorkerPulse.objects.update(at=timezone.now() - timedelta(minutes=10))
    assert not watchdog.workers().alive
    run = asked(line, "push")
    assert runs.claim(run.pk) is not None
    assert (watchdog.workers().alive, watchdog.workers().busy) == (True, 1)
    SyncRun.objects.update(lease_until=database_now() + LENGTH - timedelta(minutes=3))
    assert not watchdog.workers().alive


# --- what excludes each other, and what waits -----------------------------------------------------------------------
def test_push_and_undo_of_one_batch_exclude_each_other(line: World) -> None:
    push = asked(line, "push")
    with pytest.raises(NotAllowed, match=rf"Push run {push.pk} of batch \d+ is under way already"):
        jobs.ask_undo(line.batch(), actor="otto", trigger="admin")
    jobs.work(push.pk)
    undo = jobs.ask_undo(line.batch(), actor="otto", trigger="admin")
    with pytest.raises(NotAllowed, match=rf"Undo run {undo.pk} of batch \d+ is under way already"):
        jobs.ask_push(line.batch(), actor="anna", trigger="admin")


def test_two_schedules_due_together_are_done_one_after_the_other_and_nobody_gets_a_mail(
    line: World, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    line.add(1)
    line.add(2, CUSTOMER="B'HOOD")
    jobs.start(mode="TEST", customer="HARBOUR")
    jobs.start(mode="TEST", customer="B'HOOD")
    assert "is to do the same" in jobs.start(mode="TEST", customer="B'HOOD")
    first, second = SyncRun.objects.order_by("id")
    assert runs.claim(first.pk) is not None
    assert jobs.work(second.pk) == f"run {second.pk} is not to be done (any more)"
    second.refresh_from_db()
    assert second.state == RunState.QUEUED
    first.refresh_from_db()
    runs.put_back(first)
    OrmQ.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        jobs.work(first.pk)
    assert second.pk in [message.task["args"][0] for message in OrmQ.objects.all()]
    work_off()
    second.refresh_from_db()
    assert second.state == RunState.COMPLETED and len(items(line)) == 2 and mail.outbox == []


def test_a_sync_that_finds_the_board_taken_goes_back_into_the_queue(line: World) -> None:
    line.add(1)
    first, second = sync_run(), None
    jobs.start(mode="TEST", customer="HARBOUR")
    second = SyncRun.objects.latest("id")
    claimed = runs.claim(second.pk)
    assert claimed is not None
    # Another process was let in at the same moment, by a dry run's row that `claim` does not wait for.
    SyncRun.objects.filter(pk=first.pk).update(
        state=RunState.RUNNING,
        board=line.board,
        rehearsal=True,
        lease_owner="elsewhere:1:x",
        lease_until=database_now() + LENGTH,
    )
    runs.put_back(claimed)
    assert jobs.work(second.pk) == f"run {second.pk} waits for the sync that is at work"
    second.refresh_from_db()
    assert (second.state, mail.outbox) == (RunState.QUEUED, [])


def test_a_canary_that_nobody_claims_is_seen_within_a_minute_though_an_earlier_one_was(line: World) -> None:
    watchdog.claimed()
    watchdog.send_canary()
    assert watchdog.workers().alive
    asked_at = timezone.now() - watchdog.UNCLAIMED - timedelta(seconds=1)
    WorkerPulse.objects.update(asked_at=asked_at)
    watchdog.send_canary()
    assert WorkerPulse.objects.get().asked_at == asked_at and not watchdog.workers().alive
    watchdog.claimed()
    assert watchdog.workers().alive


def test_what_a_dead_cluster_had_taken_out_of_the_queue_is_sent_again_at_once(
    line: World, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    run = sync_run()
    with django_capture_on_commit_callbacks(execute=True):
        assert jobs.recover() == [run.pk]
    assert OrmQ.objects.count() == 1
