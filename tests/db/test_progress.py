"""How far a run is: one fragment for every kind, with rate, time left, what it waits for, and where to cancel it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from staging.admin.progress import STEPS
from staging.models import SyncRun
from staging.models.run import Kind, RunState
from staging.running.headway import headway, write_down
from tests.db.admin_line import opened_line, signed_in, staged
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def at_work(kind: Kind, phase: str, **fields: Any) -> SyncRun:
    told = {"mode": "TEST", "state": RunState.RUNNING, "phase": phase, "lease_owner": "x", "actor": "anna"}
    told |= {"started_at": timezone.now() - timedelta(hours=1), "phase_at": timezone.now() - timedelta(seconds=100)}
    return SyncRun.objects.create(kind=kind, **(told | fields))


@pytest.mark.parametrize(
    ("kind", "phase"),
    [
        *((Kind.SYNC, "detect"), (Kind.PUSH, "push"), (Kind.UNDO, "undo"), (Kind.PREVIEW, "preview")),
        *((Kind.PUSH, "items"),),
        *((Kind.ADOPT, "board"), (Kind.RECONCILE, "source"), (Kind.IMPACT, "then")),
    ],
)
def test_every_kind_of_run_shows_step_rate_and_time_left_and_asks_again(line: World, kind: Kind, phase: str) -> None:
    run = at_work(kind, phase, done=500, total=2000)
    text = signed_in("operator").get(f"/staging/syncrun/{run.pk}/progress/").content.decode()
    step, unit = STEPS[phase]
    assert f"{step}: 500 of 2,000 {unit}" in text
    assert f"5 {unit} a second, about 5 min" in text
    assert 'hx-trigger="every 2s"' in text and f"/staging/syncrun/{run.pk}/cancel/" in text
    assert "Cancel" not in signed_in("viewer").get(f"/staging/syncrun/{run.pk}/progress/").content.decode()


def test_a_run_that_ended_is_not_asked_for_again_and_its_page_comes_anew(line: World) -> None:
    run = at_work(Kind.PUSH, "", state=RunState.COMPLETED)
    answer = signed_in("viewer").get(f"/staging/syncrun/{run.pk}/progress/")
    assert answer.headers["HX-Refresh"] == "true" and "hx-get" not in answer.content.decode()


def test_a_slow_step_is_told_by_the_minute_and_too_little_says_nothing(line: World) -> None:
    run = at_work(Kind.PUSH, "push", done=20, total=40)
    text = signed_in("viewer").get(f"/staging/syncrun/{run.pk}/progress/").content.decode()
    assert "12 orders a minute, about 1 min 40 s left" in text
    run = at_work(Kind.PUSH, "push", done=120, total=240)
    assert "1 order a second, about" in signed_in("viewer").get(f"/staging/syncrun/{run.pk}/progress/").content.decode()
    assert headway(at_work(Kind.PUSH, "push", done=1, total=400), timezone.now()).rate is None
    assert headway(at_work(Kind.PUSH, "push", done=0, total=0), timezone.now()).rate is None


def told(run: SyncRun) -> str:
    """What stands beside the bar of a run."""
    text = signed_in("viewer").get(f"/staging/syncrun/{run.pk}/progress/").content.decode()
    return " ".join(re.sub("<[^>]+>", " ", text.split("<label", 1)[1].split("</label>", 1)[0].split(">", 1)[1]).split())


def test_a_step_of_one_piece_says_why_it_has_no_rate(line: World) -> None:
    first = "Sending to the board: 0 of 57 orders no rate yet, the first piece is under way"
    assert told(at_work(Kind.PUSH, "push", done=0, total=57)) == first
    assert told(at_work(Kind.PUSH, "push", done=57, total=57, phase_from=57)) == "Sending to the board: 57 of 57 orders"
    assert told(at_work(Kind.PUSH, "push", state=RunState.QUEUED, done=0, total=57)) == "Waiting for a worker"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.SYNC, "Looking at the board and the order table"),
        (Kind.PUSH, "Preparing the board and looking at the order table"),
        (Kind.REFRESH, "Reading the board"),
        (Kind.GONE, "Settling the item"),
        (Kind.UNDO, "Preparing"),
    ],
)
def test_a_run_at_work_that_counts_nothing_says_what_it_does(line: World, kind: Kind, words: str) -> None:
    assert told(at_work(kind, "")) == words


def test_a_step_that_begins_anew_has_a_rate_of_its_own(line: World) -> None:
    run = at_work(Kind.PUSH, "push", done=90, total=100)
    before = run.phase_at
    write_down(run, "x", "push", 95, 100)
    assert run.phase_at == before
    write_down(run, "x", "push", 0, 5)
    assert run.phase_at > before and (run.phase_from, run.done) == (0, 0)
    anew = run.phase_at
    write_down(run, "x", "undo", 3, 5)
    run.refresh_from_db()
    assert run.phase_at > anew and (run.phase_from, run.done, run.phase) == (3, 3, "undo")


def test_a_second_viewer_sees_the_same_on_the_batchs_page_and_who_stopped_it(line: World) -> None:
    batch = staged(line)
    run = at_work(Kind.PUSH, "push", done=500, total=2000, board=batch.board, subject=f"batch:{batch.pk}")
    for role in ("viewer", "operator"):
        text = signed_in(role).get(f"/staging/batch/{batch.pk}/change/").content.decode()
        assert "500 of 2,000 orders" in text and f"/staging/syncrun/{run.pk}/progress/" in text
    signed_in("operator").post(f"/staging/syncrun/{run.pk}/cancel/")
    text = signed_in("viewer").get(f"/staging/syncrun/{run.pk}/progress/").content.decode()
    assert "stops after the piece in hand" in text


def test_a_run_that_is_being_cancelled_is_read_out_as_its_pill_says(line: World) -> None:
    run = at_work(Kind.PUSH, "push")
    page = f"/staging/syncrun/{run.pk}/live/"
    assert f'data-said="{run}: Running"' in signed_in("viewer").get(page).content.decode()
    signed_in("operator").post(f"/staging/syncrun/{run.pk}/cancel/")
    text = signed_in("viewer").get(page).content.decode()
    assert f'data-said="{run}: Stopping"' in text and "Stopping</span>" in text
