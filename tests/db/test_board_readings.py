"""The pages of adopting and reconciling, the jobs behind them, and their schedule."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import Schedule

from monday.models import Board
from staging import board_jobs
from staging.admin.schedules import ScheduleForm
from staging.boards import findings
from staging.models import BoardFinding, Snapshot, SyncRun
from tests.db.admin_line import opened_line, signed_in, work_off
from tests.strangers import put
from tests.world import World, uuid

ADOPT, RECONCILE = "/staging/syncrun/boards/adopt/", "/staging/syncrun/boards/reconcile/"


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    line = opened_line(world, settings, monkeypatch)
    for number in (1, 2, 3):
        line.add(number)
    return line


def shown(address: str, role: str = "approver") -> str:
    page = signed_in(role).get(address)
    assert page.status_code == 200
    return page.content.decode()


def rows(page: str) -> list[str]:
    """The rows of the page's findings."""
    return re.findall(r'<tr>(<td class="what">.*?)</tr>', page, re.DOTALL)


def test_a_person_looks_then_links_and_the_next_sync_creates_none_of_them(line: World) -> None:
    put(line, 1, 2)
    assert "Nothing was read in TEST yet" in shown(ADOPT)
    answer = signed_in("operator").post(ADOPT + "start/")
    run = SyncRun.objects.latest("id")
    assert answer.headers["Location"] == f"/staging/syncrun/{run.pk}/change/"
    assert work_off() == [f"run {run.pk}: completed"]
    page = shown(ADOPT)
    assert "2 items = 0 linked before + 2 matched" in page
    assert "Link 2 matched items" in page
    assert "Link 2 matched" not in shown(ADOPT, "operator")
    assert not Snapshot.objects.exists()
    signed_in("approver").post(ADOPT + "start/", {"apply": "1"})
    work_off()
    assert Snapshot.objects.count() == 2
    assert "Adopted: 2." in shown(ADOPT)
    assert "Link " not in shown(ADOPT)
    line.sync()
    line.check_equal()
    assert len(line.shown()) == 3


def test_each_kind_of_finding_is_a_file(line: World) -> None:
    put(line, 1)
    signed_in("operator").post(ADOPT + "start/")
    work_off()
    run = SyncRun.objects.latest("id")
    answer = signed_in("viewer").get(f"{ADOPT}{run.pk}/unmatched.csv")
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert body.splitlines()[0].startswith("category,group,record")
    assert sorted(line.split(",")[2] for line in body.splitlines()[1:]) == sorted([uuid(2), uuid(3)])
    assert "attachment" in answer.headers["Content-Disposition"]
    for odd in (f"{ADOPT}{run.pk}/nothing.csv", f"{ADOPT}999/unmatched.csv", f"{RECONCILE}{run.pk}/extra.csv"):
        assert signed_in("viewer").get(odd).status_code == 404
    assert signed_in("viewer").get("/staging/syncrun/boards/other/").status_code == 404


def test_a_guard_is_told_on_the_page_with_what_to_state(line: World) -> None:
    for number in range(4, 12):
        line.add(number)
    put(line, *range(1, 12))
    line.drop(*range(1, 10))
    signed_in("operator").post(ADOPT + "start/")
    work_off()
    signed_in("approver").post(ADOPT + "start/", {"apply": "1"})
    work_off()
    assert "9 of 11 items have no record" in shown(ADOPT)
    signed_in("approver").post(ADOPT + "start/", {"apply": "1", "orphans": "9"})
    work_off()
    assert Snapshot.objects.count() == 2


def test_a_reading_that_is_under_way_is_not_begun_a_second_time(line: World) -> None:
    put(line, 1)
    signed_in("operator").post(ADOPT + "start/")
    answer = signed_in("operator").post(RECONCILE + "start/", follow=True)
    assert b"under way already" in answer.content
    assert SyncRun.objects.count() == 1


def test_a_cancelled_adoption_links_no_more_and_says_so(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(line, 1, 2)
    signed_in("approver").post(ADOPT + "start/", {"apply": "1"})
    run = SyncRun.objects.latest("id")
    SyncRun.objects.filter(pk=run.pk).update(cancelled_by="ben")
    monkeypatch.setattr("staging.boards.adopt.PAGE", 1)
    work_off()
    run.refresh_from_db()
    assert (run.state, Snapshot.objects.count()) == ("stopped", 0)


def test_an_adoption_that_comes_twice_links_once(line: World) -> None:
    from staging import jobs

    put(line, 1)
    run = board_jobs.ask_adoption(mode="TEST", actor="ben", board=None, apply=True)
    assert jobs.work(run.pk) == f"run {run.pk}: completed"
    assert "not to be done" in jobs.work(run.pk)
    assert Snapshot.objects.count() == 1


def test_the_reconciliation_page_shows_what_a_planner_edited(line: World) -> None:
    line.sync()
    line.edit(1, numeric_price="99")
    signed_in("operator").post(RECONCILE + "start/")
    work_off()
    page = shown(RECONCILE, "viewer")
    assert re.search(r'href="#drifted"><strong>1</strong> drifted in 1 field</a>', page)
    (row,) = rows(page)
    assert all(word in row for word in ("PRICE", "10.5", "99")) and "drifted.csv" in page
    (order,) = re.findall(r'href="(/staging/[^"]+)"', row)
    opened = signed_in("viewer").get(order, follow=True)
    assert opened.status_code == 200 and uuid(1) in opened.content.decode()
    assert "Compare now" not in page and "Nothing puts these back by itself." in page
    run = SyncRun.objects.latest("id")
    assert "What was found, and its files" in shown(f"/staging/syncrun/{run.pk}/change/")


def test_each_kind_of_difference_says_what_to_do_and_leads_to_its_item(line: World) -> None:
    line.sync()
    line.archive(1)
    line.copy_item(2)
    (stranger,) = put(line, 3, lines=False)
    signed_in("operator").post(RECONCILE + "start/")
    work_off()
    page = shown(RECONCILE)
    for kind in ("archived", "duplicate", "extra"):
        assert f'<section class="module" id="{kind}">' in page and findings.TO_DO[kind][:40] in unescape(page)
    archived, *doubled, extra = rows(page)
    link = Snapshot.objects.get(record=uuid(1))
    assert f'href="/staging/syncrun/gone/{link.pk}/">Decide' in archived
    assert sorted(("Not linked." in row, "a copy" in row) for row in doubled) == [(False, False), (True, True)]
    assert stranger in extra and "Decide" not in extra
    assert set(findings.TO_DO) == set(findings.RECONCILE)


def test_all_differences_can_be_opened_page_by_page(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("staging.admin.found.SHOWN", 2)
    line.sync()
    for number in (1, 2, 3):
        line.edit(number, numeric_price="99")
    signed_in("operator").post(RECONCILE + "start/")
    work_off()
    page = unescape(shown(RECONCILE))
    (following,) = re.findall(r'href="(\?[^"]*after=[^"#]*)#drifted">The next ones', page)
    rest = unescape(shown(RECONCILE + following))
    assert len(rows(page)) == 2 and len(rows(rest)) == 1 and not set(rows(page)) & set(rows(rest))
    assert "The next ones" not in rest and "All kinds" in rest
    assert shown(RECONCILE + "?show=odd&after=x&of=y")


def test_it_is_said_how_old_a_comparison_is_and_when_the_next_one_comes(line: World) -> None:
    assert "No schedule compares it. Remedy:" in shown(RECONCILE)
    soon = timezone.now().replace(microsecond=0) + timedelta(hours=5)
    job = {"func": "staging.board_jobs.reconcile", "schedule_type": Schedule.DAILY, "repeats": -1}
    Schedule.objects.create(kwargs="mode='PRODUCTION'", next_run=soon - timedelta(hours=1), **job)
    assert "No schedule compares it" in shown(RECONCILE)
    Schedule.objects.create(kwargs="mode='TEST'", next_run=soon, **job)
    assert f'compared next on <time datetime="{soon.isoformat()}' in shown(RECONCILE)
    line.sync()
    signed_in("operator").post(RECONCILE + "start/")
    work_off()
    assert "much may have moved since" not in shown(RECONCILE)
    SyncRun.objects.filter(kind="reconcile").update(finished_at=timezone.now() - timedelta(days=3))
    assert "much may have moved since. Remedy: compare it now." in shown(RECONCILE)


def test_a_boards_page_says_how_it_compares_and_each_of_two_boards_has_its_own_result(line: World) -> None:
    line.sync()
    place = f"/monday/board/{line.board.pk}/change/"
    first = unescape(shown(place, "viewer"))
    assert "It was never compared." in first and "Compare now" in shown(place)
    names = re.findall(r'<th scope="row">Name</th><td>(.*?)</td>', first)
    assert len(names) == 2 and "{" in names[0] and names[1] not in ("-", names[0])
    signed_in("operator").post(RECONCILE + "start/", {"board": line.board.board_id})
    work_off()
    assert "As written" in shown(place)
    line.edit(1, numeric_price="99")
    signed_in("operator").post(RECONCILE + "start/")
    work_off()
    page = unescape(shown(place, "viewer"))
    assert "Differs" in page and f'href="{RECONCILE}?mode=TEST&of={line.board.pk}#drifted"' in page
    mine = SyncRun.objects.latest("pk")
    other = Board.objects.create(environment="sandbox", address="x", account_id="1", board_id="77", name="Spring")
    counts = dict.fromkeys(mine.counts, 0)
    told = {"kind": "reconcile", "mode": "TEST", "state": "completed", "actor": "anna", "counts": counts}
    SyncRun.objects.create(board=other, started_at=timezone.now(), finished_at=timezone.now(), **told)
    assert "The board shows what was last written." in shown(RECONCILE)
    page = unescape(shown(f"{RECONCILE}?mode=TEST&of={line.board.pk}"))
    assert len(rows(page)) == 1 and f'href="?mode=TEST&of={other.pk}"' in page


def test_a_schedule_reconciles_unless_one_is_under_way(line: World) -> None:
    line.sync()
    assert board_jobs.reconcile(mode="TEST").startswith("asked for run")
    assert "under way already" in board_jobs.reconcile(mode="TEST")
    work_off()
    run = SyncRun.objects.latest("id")
    assert (run.kind, run.state, run.actor, run.counts["equal"]) == ("reconcile", "completed", "schedule", 3)
    assert not BoardFinding.objects.exists()


@pytest.mark.parametrize(
    ("func", "kwargs", "problem"),
    [
        (board_jobs.reconcile, "mode='TEST'", ""),
        (board_jobs.reconcile, "", ""),
        (board_jobs.reconcile, "limit=3", "Reconcile takes board and mode alone, not limit."),
    ],
)
def test_the_schedule_form_offers_it(db: None, func: Any, kwargs: str, problem: str) -> None:
    form = ScheduleForm(
        {
            "name": "nightly",
            "func": f"{func.__module__}.{func.__name__}",
            "kwargs": kwargs,
            "schedule_type": Schedule.DAILY,
            "repeats": "-1",
            "next_run": "2026-03-02 09:00:00",
        }
    )
    assert form.is_valid() == (not problem), form.errors
    assert problem in str(form.errors)
