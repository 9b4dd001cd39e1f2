"""The report of a run: one source of counts, every form, and what it says of failures."""

from __future__ import annotations

import csv
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from monday.sandbox.faults import Fault
from staging import audit
from staging.admin.run_picture import picture
from staging.batches.tally import counts_now
from staging.delivery_jobs import deliver_one
from staging.models import Delivery, SyncRun
from staging.pushing.prepare import PREPARED
from staging.reports.report_files import FORMS, as_csv, as_html, as_text
from staging.reports.run_report import RunReport, run_report
from tests.db.admin_line import person, signed_in
from tests.db.test_roles import line as line
from tests.world import World


def report(run: SyncRun) -> RunReport:
    run.refresh_from_db()
    return run_report(run, now=timezone.now())


@pytest.fixture
def mixed(world: World) -> SyncRun:
    """A run of two customers, of whose three orders one was refused, with a row that cannot be used."""
    world.add(1)
    world.add(2, PRICE="not a price", TOTAL_QTY="99")
    world.add(3, CUSTOMER="B'HOOD")
    world.add(4)
    gone = Fault(
        "column_deleted", every=1, times=1, on="create_item", board=world.board.board_id, column="numeric_price"
    )
    world.strike(gone)
    return world.sync(chunk=1).run


def test_the_numbers_are_those_of_the_run_and_every_customer_adds_up(mixed: SyncRun) -> None:
    found = report(mixed)
    counts = counts_now([mixed])[mixed.pk]
    assert sum(line.total for line in found.customers) == counts.staged
    for name in ("pending", "applied", "held", "rejected", "skipped", "unclear"):
        assert sum(line.counts[name] for line in found.customers) == getattr(counts, name)
    assert sum(line.applied_as["created"] for line in found.customers) == counts.created
    assert sum(error.orders for error in found.errors) == counts.rejected > 0
    assert {whole: number for whole, number, _ in found.sums}["read"] == counts.read
    assert found.problems == [] and sum(rows for _, rows in found.unused) >= counts.invalid


def test_a_refusal_says_what_it_means_and_whose_job_it_is(mixed: SyncRun) -> None:
    (error, *_) = report(mixed).errors
    assert error.meaning and error.remedy and error.owner in ("source", "mapping", "board", "access", "outage")
    assert f"{error.orders} x {error.code}: {error.meaning}" in as_text(report(mixed))


def test_what_is_not_done_says_why(world: World) -> None:
    world.add(1)
    world.add(2)
    run = world.stage().run
    batch = world.batch()
    assert [(line.state, line.why, line.orders) for line in report(run).pending] == [
        ("pending", f"waits for approval in batch {batch.pk}", 2)
    ]
    first = world.order(1)
    world.approve(only=[first.pk])
    whys = {line.why: line.orders for line in report(run).pending}
    assert whys[f"approved in batch {batch.pk}; the next push sends it"] == 1 and sum(whys.values()) == 2


def test_groups_and_labels_that_were_made_are_named_once(world: World) -> None:
    world.add(1)
    first = report(world.sync().run)
    assert first.groups and all(title in as_text(first) for title in first.groups)
    world.add(2)
    second = report(world.sync().run)
    assert second.groups == []


def test_removals_that_were_not_looked_for_are_not_said_to_be_none(world: World) -> None:
    world.add(1)
    assert ("Removals", "not checked") in report(world.sync(limit=1).run).facts
    assert "Removals" not in dict(report(world.sync().run).facts)


@pytest.mark.parametrize("state", ["failed", "refused", "stopped"])
def test_a_run_that_did_not_end_well_has_a_report_too(db: None, state: str) -> None:
    run = SyncRun.objects.create(
        mode="TEST", trigger="cli", actor="a", state=state, error="It rained. Remedy: wait.", started_at=timezone.now()
    )
    assert " - nothing was sent. It rained. Remedy: wait." in report(run).ending
    for make, _ in FORMS.values():
        assert "nothing was sent" in make(report(run))


def test_a_run_that_a_guard_stopped_tells_nothing_of_rows_that_it_has_not_read(world: World) -> None:
    world.add(1)
    world.add(2, CUSTOMER="NOBODY")
    assert report(world.sync().run).unused
    world.source.orders.clear()
    run = world.sync(limit=3).run
    assert (str(run.state), run.counts["read"]) == ("refused", 0)
    assert report(run).unused == [] and "cannot be used" not in as_text(report(run))
    assert picture(run).removals_unknown == "Removals were not checked, as the run was stopped before that."


def test_why_removals_were_not_looked_for_is_said_as_it_was(world: World) -> None:
    world.add(1)
    assert "at most so many orders were asked for" in picture(world.sync(limit=1).run).removals_unknown
    run = world.sync().run
    assert picture(run).removals_unknown == ""
    run.counts["removed"] = None
    assert picture(run).removals_unknown.endswith("the notes below say why.")
    run.state = "failed"
    assert picture(run).removals_unknown.endswith("the run was stopped before that.")


def test_the_page_stands_alone_and_shows_what_an_order_says_as_text(world: World) -> None:
    world.publish("version: 1\ncustomer: <script>alert(1)</script>\naliases: [EVIL]\n")
    world.add(1, CUSTOMER="EVIL")
    page = as_html(report(world.stage().run))
    assert "&lt;script&gt;" in page and "<script" not in page
    assert not re.search(r"""(?:src|href)\s*=|url\(|@import|javascript:""", page)
    assert "@media print" in page and "default-src 'none'" in page


def test_no_cell_of_the_csv_runs_as_a_formula(world: World) -> None:
    world.publish("version: 1\ncustomer: =HYPERLINK(1)\naliases: [EVIL]\n")
    world.add(1, CUSTOMER="EVIL")
    text = as_csv(report(world.stage().run))
    rows = list(csv.reader(StringIO(text.removeprefix("\N{BYTE ORDER MARK}"))))
    assert text.startswith("\N{BYTE ORDER MARK}") and rows[0] == ["section", "what", "detail", "number"]
    assert ["customers", "'=HYPERLINK(1)", "staged", "1"] in rows
    assert not [cell for row in rows for cell in row if cell[:1] in "=+@\t\r" and cell]


def test_the_command_writes_every_form_and_takes_the_newest_run(mixed: SyncRun, tmp_path: Path) -> None:
    out = StringIO()
    call_command("sync_report", "last", "--out", str(tmp_path / "reports"), stdout=out)
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == sorted(
        f"run-{mixed.pk}-report.{ending}" for ending in FORMS
    )
    assert len(out.getvalue().splitlines()) == 3
    said = StringIO()
    call_command("sync_report", str(mixed.pk), stdout=said)
    assert said.getvalue().startswith(f"Sync run {mixed.pk}: Completed with errors.")


@pytest.mark.parametrize("wanted", ["0", "-1", "x", "99999999999999999999", "²", "last"])
def test_a_run_that_there_is_not_is_said_in_one_sentence(db: None, wanted: str) -> None:
    with pytest.raises(CommandError, match=r"There is no run .*Remedy"):
        call_command("sync_report", wanted)


def test_the_command_sends_it_by_mail(mixed: SyncRun) -> None:
    call_command("sync_report", "last", "--mail", "anna@example.com", stdout=StringIO())
    (sent,) = mail.outbox
    assert sent.to == ["anna@example.com"] and f"Sync run {mixed.pk}" in sent.subject
    assert "Customers" in sent.body and Delivery.objects.get().state == "sent"


def test_the_page_of_a_run_hands_it_out_and_mails_it(line: World, settings: Any) -> None:
    run = SyncRun.objects.filter(kind="sync").latest("id")
    client: Client = signed_in("viewer")
    assert b"report.html" in client.get(f"/staging/syncrun/{run.pk}/change/").content
    for form, (_, kind) in FORMS.items():
        answer = client.get(f"/staging/syncrun/{run.pk}/report.{form}")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == kind
        assert answer.headers["Content-Disposition"] == f'attachment; filename="run-{run.pk}-report.{form}"'
    assert client.get(f"/staging/syncrun/{run.pk}/report.exe").status_code == 404
    viewer = person("viewer")
    viewer.email = "vera@example.com"
    viewer.save()
    client.post(f"/staging/syncrun/{run.pk}/report/mail/")
    deliver_one(Delivery.objects.latest("id").pk)
    assert mail.outbox[-1].to == ["vera@example.com"]


# --- after an undo --------------------------------------------------------------------------------------------------
@pytest.fixture
def taken_back(world: World) -> SyncRun:
    """The run of an undo that put one of three orders back, kept one that somebody edited, and was not to do the third;
    a label that the batch needed was made after it had begun."""
    for number in (1, 2, 3):
        world.add(number)
    world.sync()
    world.edit(2, numeric_price="99")
    world.clock.sleep(60)
    begun = world.clock.now()
    done = world.undo(only=[world.order(1).pk, world.order(2).pk])
    assert (done.undone, len(done.kept)) == (1, 1)
    batch = world.batch()
    audit.record(
        chain=audit.run_chain(batch.run_id),
        actor="policy:prepare",
        action=PREPARED,
        subject=f"board:{batch.board_id}",
        now=timezone.now(),
        data={"groups": ["LATER"], "labels": {"Season": ["SS31"]}},
    )
    return SyncRun.objects.create(
        kind="undo",
        mode="TEST",
        trigger="cli",
        actor="a",
        state="with_errors",
        scope={"batch": batch.pk},
        board=batch.board,
        counts={"undone": 1, "kept": 1},
        started_at=begun,
        finished_at=timezone.now(),
    )


def test_the_report_of_an_undo_says_of_the_batch_what_its_page_says(taken_back: SyncRun) -> None:
    found = report(taken_back)
    (line,) = found.customers
    assert {what: number for what, number in line.counts.items() if number} == {"applied": 1, "undone": 1, "kept": 1}
    assert "HARBOUR: 3 staged; 1 applied, 1 undone, 1 kept (3 created)" in as_text(found)
    assert "customers,HARBOUR,undone,1" in as_csv(found) and ">Undone</th>" in as_html(found)


def test_an_undo_claims_no_groups_and_labels_that_others_made(taken_back: SyncRun) -> None:
    found = report(taken_back)
    assert (found.groups, found.labels) == ([], [])
    push = SyncRun.objects.create(
        kind="push",
        mode="TEST",
        trigger="cli",
        actor="a",
        scope=taken_back.scope,
        started_at=taken_back.started_at,
        finished_at=taken_back.started_at,
    )
    assert (report(push).groups, report(push).labels) == ([], []), "they were made after it had ended"
    push.finished_at = timezone.now()
    push.save()
    assert report(push).groups == ["LATER"]


def test_an_undo_that_broke_off_says_what_came_back_and_not_what_was_sent(taken_back: SyncRun) -> None:
    taken_back.state, taken_back.error = "failed", "It rained. Remedy: wait."
    taken_back.save()
    assert report(taken_back).ending == "Failed - 1 of 3 put back. It rained. Remedy: wait."


def test_the_sums_of_a_sync_name_what_was_undone_of_it_and_kept(taken_back: SyncRun) -> None:
    run = SyncRun.objects.get(kind="sync")
    stands = ("applied, as it stands now", 3, [("still applied", 1), ("undone", 1), ("kept", 1)])
    found = report(run)
    assert stands in found.sums and stands in picture(run).sums and found.problems == []
    assert "3 applied, as it stands now = 1 still applied + 1 undone + 1 kept" in as_text(found)
    (line,) = found.customers
    counts = counts_now([run])[run.pk]
    assert counts.applied == 3 and counts.still_applied == line.counts["applied"] == 1
