"""The preview of an order list judges each row as the sync does: totals, customers and keys, by the same documents."""

from __future__ import annotations

import json
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

from mapping.models import Document, Version
from mapping.orders_table import INTAKE
from mapping.publish import ensure_shipped, publish_text
from ordersite import roles
from staging.lists.list_rules import UNKNOWN, rules_for
from staging.models import SyncRun
from staging.models.run import RunState
from staging.reports.unused import reasons
from staging.wiring import recorder
from tests.db.admin_line import signed_in, work_off
from tests.db.source_tables import dropping

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/example-orders.csv"
HOME = "/staging/syncrun/lists/"
NAMES = ("ORDER TYPE", "AAG ORDER NUMBER", "CUSTOMER NAME", "CUSTOMER STYLE", "CUSTOMER COLOUR DESCRIPTION")
HEAD = ",".join(("record_uuid", *NAMES, "PO NUMBER", "TOTAL QTY", "S", "M"))
databases = ["default", "orders", "intake"]


@pytest.fixture
def shipped(db: None, settings: Any, tmp_path: Path) -> None:
    settings.FILES_DIR = str(tmp_path / "files")
    settings.SANDBOX_STORE = str(tmp_path / "board.sqlite3")
    roles.establish(Group, Permission)
    ensure_shipped(actor="anna", now=timezone.now(), record=recorder)


def brought(content: str) -> SyncRun:
    answer = signed_in("operator").post(HOME, {"file": SimpleUploadedFile("list.csv", content.encode())})
    assert answer.status_code == 302, answer.content.decode()
    work_off()
    run = SyncRun.objects.latest("id")
    assert run.state == RunState.COMPLETED, run.error
    return run


def rows(*cells: str) -> str:
    return "\n".join([HEAD, *cells, ""])


def counts(run: SyncRun) -> dict[str, int]:
    return {name: number for name, number in run.counts.items() if number}


def page(run: SyncRun) -> str:
    return unescape(signed_in("operator").get(f"{HOME}{run.pk}/").content.decode())


@pytest.mark.django_db(databases=databases)
def test_totals_customers_and_uuids_are_judged_and_their_rows_still_go_in_place(shipped: None) -> None:
    run = brought(
        rows(
            ",ACTIVE,A1,BHOOD,TEE,RED,P1,3,1,2",
            ",ACTIVE,A2,BHOOD,TEE,RED,P1,9,1,2",
            ",ACTIVE,A3,NOBODY'S,TEE,RED,P1,3,1,2",
            ",ACTIVE,A4,,TEE,RED,P1,3,1,2",
            "see mail,ACTIVE,A5,BHOOD,TEE,RED,P1,3,1,2",
            ",ACTIVE,A6,BHOOD,TEE,RED,P1,three,1,2",
        )
    )
    assert counts(run) == {"rows": 6, "new": 1, "invalid": 5, "kept_out": 1}
    told = [(one["row"], one["column"], one["why"], one["stays_out"]) for one in run.result["refused"]]
    assert sorted(told) == [
        (3, "TOTAL QTY", "is 9, and the sizes add up to 3", False),
        (4, "CUSTOMER NAME", 'No customer document claims the name "NOBODY\'S".', False),
        (5, "CUSTOMER NAME", "The row names no customer.", False),
        (6, "record_uuid", "This is no UUID.", False),
        (7, "TOTAL QTY", "is not a whole number", True),
    ]
    text = page(run)
    assert "<strong>4</strong> that go in place and that no sync uses as they are" in text
    assert "<strong>1</strong> that stay out" in text and "Put 5 orders in place" in text
    assert "Rows are judged as a sync of Customer Master Schedule judges them." in text
    assert "TOTAL QTY: is 9, and the sizes add up to 3" in text and "Goes in place, unused" in text
    assert '<td>CUSTOMER NAME</td><td><span class="quiet">empty</span></td>' in text


@pytest.mark.django_db(databases=databases)
def test_rows_are_told_apart_by_their_own_customers_key(shipped: None) -> None:
    head = HEAD.replace("record_uuid", "PLANNED DELIVERY METHOD,ALIAS/RELATED ITEM")
    alike = ["SEA,R1,ACTIVE,A1,{0},TEE,RED,P1,3,1,2", "AIR,R1,ACTIVE,A1,{0},TEE,RED,P1,3,1,2"]
    own = brought("\n".join([head, *(row.format("HARBOUR") for row in alike)]))  # by the delivery method
    assert counts(own) == {"rows": 2, "new": 2}, own.result
    plain = brought("\n".join([head, *(row.format("B'HOOD") for row in alike)]))  # by the board's key
    assert counts(plain) == {"rows": 2, "new": 1, "invalid": 1, "kept_out": 1}
    assert plain.result["reasons"] == [["is the same order as row 2", 1]]


@pytest.mark.django_db(databases=databases)
def test_where_nothing_is_published_or_a_column_is_missing_the_page_says_that_rows_are_not_judged(
    db: None, settings: Any, tmp_path: Path
) -> None:
    settings.FILES_DIR = str(tmp_path / "files")
    roles.establish(Group, Permission)
    run = brought(rows(",ACTIVE,A1,NOBODY,TEE,RED,P1,9,1,2"))
    assert counts(run) == {"rows": 1, "new": 1} and UNKNOWN in page(run)
    ensure_shipped(actor="anna", now=timezone.now(), record=recorder)
    rules = rules_for(["record_uuid", "CUSTOMER NAME"])
    assert rules.rows is None and "the source has no column" in rules.why_not and "Remedy:" in rules.why_not


@pytest.mark.django_db(databases=databases)
def test_a_row_that_cannot_be_used_is_not_gone_and_its_change_is_not_shown_as_one(shipped: None) -> None:
    signed_in("operator").post(f"{HOME}{brought(rows(',ACTIVE,A1,BHOOD,TEE,RED,P1,3,1,2')).pk}/")
    work_off()
    run = brought(rows(",ACTIVE,A1,BHOOD,TEE,RED,P1,9,1,2"))
    assert counts(run) == {"rows": 1, "invalid": 1} and run.result["shown"] == []
    assert "No row of the list can be used." in page(run)


@pytest.mark.django_db(databases=databases)
def test_of_a_list_that_is_not_put_in_place_no_row_is_said_to_go_there(shipped: None) -> None:
    run = brought(rows(",ACTIVE,A1,BHOOD,TEE,RED,P1,9,1,2", ",ACTIVE,A2,BHOOD,TEE,RED,P1,x,1,2"))
    text = page(run)
    assert counts(run) == {"rows": 2, "invalid": 2, "kept_out": 1} and "No row of the list can be used." in text
    assert "<strong>0</strong> that go in place" in text and "<strong>2</strong> that stay out" in text
    assert "Goes in place" not in text


# A server's source is read by a connection of its own, which sees nothing of a test's open transaction.
@pytest.mark.django_db(transaction=True, databases=databases)
def test_the_preview_and_the_sync_after_it_say_the_same(shipped: None) -> None:
    with dropping(INTAKE, alias="intake"):
        _both_say_the_same()


def _both_say_the_same() -> None:
    board = Document.objects.boards().get()
    text = Version.objects.published().get(document=board).text.replace("table: ORDERS_UNIFIED", f"table: {INTAKE}")
    publish_text(text=text, actor="anna", note="", now=timezone.now(), record=recorder)
    run = brought(EXAMPLE.read_text(encoding="utf-8"))
    signed_in("operator").post(f"{HOME}{run.pk}/")
    work_off()
    out = StringIO()
    call_command("sync_orders", "--mode", "TEST", "--json", stdout=out)
    found = json.loads(out.getvalue())["counts"]
    assert (found["read"], found["new"], found["invalid"]) == (20, 18, 2)
    assert (run.counts["rows"], run.counts["new"], run.counts["invalid"]) == (20, 18, 2)
    synced = SyncRun.objects.get(kind="sync")
    assert synced.board and sorted(map(tuple, run.result["reasons"])) == sorted(reasons(synced.board))
