"""An order list comes in by the page: read and compared by a job, put in place whole once a person confirmed."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.utils import timezone

from mapping.orders_table import INTAKE
from mapping.published import load_family
from staging import intake_jobs, wiring
from staging.core.ports import Scope
from staging.detection.guards import GuardRefused
from staging.lists import intake as use_case
from staging.lists.list_rules import ListRules
from staging.models import AuditEvent, SyncRun
from staging.models.run import Kind, RunState
from staging.running import runs
from staging.source import intake, order_file, order_table
from staging.wiring import source as real_source
from staging.wiring import source_columns as real_columns
from tests.db.admin_line import opened_line, signed_in, work_off
from tests.db.source_tables import dropping
from tests.world import World

pytestmark = pytest.mark.django_db(databases=["default", "orders", "intake"])

HOME = "/staging/syncrun/lists/"
HEAD = "AAG ORDER NUMBER,CUSTOMER NAME,CUSTOMER STYLE,CUSTOMER COLOUR DESCRIPTION,PO NUMBER,TOTAL QTY,S,M,Remarks here"
FIRST = f"{HEAD}\nA1,HARBOUR,TEE,RED,P1,3,1,2,x\nA2,HARBOUR,TEE,BLUE,P1,3,1,2,\nA3,HARBOUR,TEE,GREEN,P1,3,1,2,\n"
LATER = f"{HEAD}\nA1,HARBOUR,TEE,RED,P1,3,1,2,x\nA2,HARBOUR,TEE,BLUE,P2,4,2,2,\nA4,HARBOUR,TEE,PINK,P1,3,1,2,\n"


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    settings.FILES_DIR = str(tmp_path / "files")
    key = ("AAG ORDER NUMBER", "CUSTOMER STYLE")
    monkeypatch.setattr(use_case, "rules_for", lambda columns: ListRules(columns, definition=key))
    return opened_line(world, settings, monkeypatch)


def brought(content: str | bytes, name: str = "orders.csv", role: str = "operator") -> SyncRun:
    data = content.encode() if isinstance(content, str) else content
    answer = signed_in(role).post(HOME, {"file": SimpleUploadedFile(name, data)})
    assert answer.status_code == 302, answer.content.decode()
    run = SyncRun.objects.latest("id")
    assert answer.headers["Location"] == f"{HOME}{run.pk}/"
    work_off()
    run.refresh_from_db()
    return run


def confirmed(run: SyncRun, role: str = "operator") -> SyncRun:
    assert signed_in(role).post(f"{HOME}{run.pk}/").status_code == 302
    work_off()
    return SyncRun.objects.latest("id")


def page(run: SyncRun, role: str = "operator") -> str:
    return signed_in(role).get(f"{HOME}{run.pk}/").content.decode()


def held() -> list[tuple[Any, ...]]:
    if not order_table.exists(connections["intake"], INTAKE):
        return []
    with connections["intake"].cursor() as cursor:
        cursor.execute(f'SELECT "AAG ORDER NUMBER", "PO NUMBER", "TOTAL QTY" FROM "{INTAKE}" ORDER BY 1')
        return [tuple(row) for row in cursor.fetchall()]


def counts(run: SyncRun) -> tuple[int, ...]:
    return tuple(run.counts[name] for name in ("rows", "new", "changed", "unchanged", "invalid", "gone"))


def test_a_list_is_read_shown_and_only_then_put_in_place(line: World) -> None:
    run = brought(FIRST)
    assert (run.state, counts(run), held()) == (RunState.COMPLETED, (3, 3, 0, 0, 0, 0), []), run.error
    text = page(run)
    assert "<strong>3</strong> new" in text and "Remarks here" in text and "Put 3 orders in place" in text
    placed = confirmed(run)
    assert (placed.state, placed.counts) == (RunState.COMPLETED, {"rows": 3})
    assert held() == [("A1", "P1", 3), ("A2", "P1", 3), ("A3", "P1", 3)]
    assert "now holds the 3 orders of this list" in page(placed)
    told = AuditEvent.objects.filter(subject=f"run:{placed.pk}").order_by("pk").values_list("action", "actor")
    assert list(told) == [("run.asked", "operator"), ("intake.placed", "operator"), ("run.ended", "operator")]


def test_a_later_list_says_what_is_new_changed_unchanged_and_gone_with_old_and_new(line: World) -> None:
    confirmed(brought(FIRST))
    run = brought(LATER, "later.csv")
    assert counts(run) == (3, 1, 1, 1, 0, 1)
    assert run.result["shown"] == [
        {"row": 3, "key": "A2 / TEE", "cells": [["PO NUMBER", "P1", "P2"], ["TOTAL QTY", "3", "4"], ["S", "1", "2"]]}
    ] or {tuple(cell) for cell in run.result["shown"][0]["cells"]} == {
        ("PO NUMBER", "P1", "P2"),
        ("TOTAL QTY", "3", "4"),
        ("S", "1", "2"),
    }
    assert "<del>P1</del> -&gt; <ins>P2</ins>" in page(run)
    confirmed(run)
    assert held() == [("A1", "P1", 3), ("A2", "P2", 4), ("A4", "P1", 3)]
    assert intake.waiting_ids(connections["intake"]) == []


def test_what_a_list_empties_and_fills_is_told_from_words_that_stand_there(line: World) -> None:
    confirmed(brought(f"{HEAD}\nA1,HARBOUR,TEE,RED,P1,3,1,2,\nA2,HARBOUR,TEE,RED,,3,1,2,\n"))
    text = page(brought(f"{HEAD}\nA1,HARBOUR,TEE,RED,,3,1,2,\nA2,HARBOUR,TEE,RED,empty,3,1,2,\n"))
    assert '<del>P1</del> -&gt; <span class="quiet">empty</span>' in text
    assert '<span class="quiet">empty</span> -&gt; <ins>empty</ins>' in text


def test_rows_that_cannot_be_taken_are_named_with_the_reason_and_stay_out(line: World) -> None:
    run = brought(
        f"{HEAD}\nA1,HARBOUR,TEE,RED,P1,three,1,2,\nA2,HARBOUR,TEE,RED,P1,3,1,2,\nA2,HARBOUR,TEE,RED,P9,3,1,2,\n"
        ",HARBOUR,,RED,P1,3,1,2,\n"
    )
    assert counts(run) == (4, 1, 0, 0, 3, 0)
    assert [(one["row"], one["column"], one["why"]) for one in run.result["refused"]] == [
        (2, "TOTAL QTY", "is not a whole number"),
        (4, "", "is the same order as row 3"),
        (5, "", "has neither a UUID nor a business key (AAG ORDER NUMBER, CUSTOMER STYLE)"),
    ]
    text = page(run)
    assert "3 invalid rows stay out." in text and "is the same order as row 3" in text
    confirmed(run)
    assert held() == [("A2", "P1", 3)]


def test_a_list_of_which_no_row_can_be_used_is_not_put_in_place(line: World) -> None:
    run = brought(f"{HEAD}\nA1,HARBOUR,TEE,RED,P1,three,1,2,\n")
    assert (
        "No row of the list can be used. Remedy:" in page(run) and "<button" not in page(run).split("content-main")[1]
    )
    signed_in("operator").post(f"{HOME}{run.pk}/")
    assert SyncRun.objects.filter(kind=Kind.INTAKE).count() == 1


def test_what_was_compared_with_another_list_is_not_put_in_place(line: World) -> None:
    one = brought(FIRST)
    other = brought(LATER)
    confirmed(other)
    said = signed_in("operator").post(f"{HOME}{one.pk}/", follow=True).content.decode()
    assert "Another list was put in place since this one was compared. Remedy: bring the file again." in said
    twice = signed_in("operator").post(f"{HOME}{other.pk}/", follow=True).content.decode()
    assert "This list is in place since 20" in twice and "Remedy: bring the file again" not in twice
    assert "This list is in place since 20" in page(other) and "Another list was put" in page(one)
    assert held()[0] == ("A1", "P1", 3) and len(held()) == 3


@pytest.mark.parametrize("role", ["viewer"])
def test_who_may_not_start_runs_brings_and_confirms_nothing(line: World, role: str) -> None:
    run = brought(FIRST)
    client = signed_in(role)
    assert client.get(HOME).status_code == client.get(f"{HOME}{run.pk}/").status_code == 403
    assert client.post(f"{HOME}{run.pk}/").status_code == 403
    assert client.post(HOME, {"file": SimpleUploadedFile("x.csv", b"a")}).status_code == 403
    assert "Order lists" not in client.get("/").content.decode()
    assert "Order lists" in signed_in("operator").get("/").content.decode()


def test_one_list_at_a_time_is_at_work(line: World) -> None:
    client = signed_in("operator")
    client.post(HOME, {"file": SimpleUploadedFile("x.csv", FIRST.encode())})
    again = client.post(HOME, {"file": SimpleUploadedFile("y.csv", FIRST.encode())})
    assert "is under way already. Remedy: wait for it, or cancel it." in again.content.decode()


def test_a_reading_and_a_placing_that_are_killed_or_stopped_leave_the_intake_as_it_stood(
    line: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(brought(FIRST))
    monkeypatch.setattr(intake, "CHUNK", 1)
    run = brought(LATER)
    before = held()

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "place" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        intake.put_in_place(connections["intake"], run.pk, watch=stop)
    assert held() == before
    asked = intake_jobs.ask_placing(run, actor="operator")
    runs.cancel(asked, actor="operator", now=timezone.now())
    assert held() == before
    assert confirmed(run).counts == {"rows": 3} and held() != before
    # An attempt that died right after its transaction finds nothing left to do.
    assert intake.put_in_place(connections["intake"], run.pk, watch=lambda *_: None) == 3


def test_a_former_attempts_table_is_made_anew(line: World) -> None:
    client = signed_in("operator")
    client.post(HOME, {"file": SimpleUploadedFile("x.csv", FIRST.encode())})
    run = SyncRun.objects.latest("id")
    order_table.create(connections["intake"], intake.waiting(run.pk))
    work_off()
    run.refresh_from_db()
    assert counts(run) == (3, 3, 0, 0, 0, 0)


def test_lists_that_nobody_confirmed_are_cleaned_up(line: World, settings: Any) -> None:
    run = brought(FIRST)
    SyncRun.objects.filter(pk=run.pk).update(started_at=timezone.now() - timezone.timedelta(days=9))
    other = brought(LATER)
    assert intake.waiting_ids(connections["intake"]) == [other.pk]
    assert os.listdir(settings.FILES_DIR) == []
    assert "cannot be put in place any more" in page(run)


# --- rubbish --------------------------------------------------------------------------------------------------------
def workbook(*rows: list[Any], merged: str = "") -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    if merged:
        book.active.merge_cells(merged)  # type: ignore[union-attr]
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def damaged(part: str, content: bytes) -> bytes:
    """A workbook of which one part holds something else."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(HEAD.split(","), ["A1"]))) as good, zipfile.ZipFile(out, "w") as bad:
        for name in {*good.namelist(), part}:
            bad.writestr(name, content if name == part else good.read(name))
    return out.getvalue()


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 40) for n in range(8))
    + b"]><worksheet>&i;</worksheet>"
)
HEADS = HEAD.split(",")
RUBBISH = {
    "nothing": (b"", "empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "Remedy: save it as CSV in UTF-8, or as XLSX"),
    "a zip": (b"PK\x03\x04" + b"x" * 400, "is a damaged XLSX file"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, "password-protected or an old .xls"),
    "only headings": (HEAD + "\n", "holds no orders below its headings"),
    "other columns": ("a,b\n1,2\n", "has no column that the order table knows"),
    "one column twice": ("AAG ORDER NUMBER,aag order  number\n1,2\n", "names the column 'AAG ORDER NUMBER' twice"),
    "two rows of headings": (f"{HEAD}\n{HEAD}\nA1,H,T,R,P,1,1,,\n", "has two rows of headings"),
    "a title above": (f"Orders of May,,\n{HEAD}\nA1,H,T,R,P,1,1,,\n", "Remedy:"),
    "ragged rows": (f"{HEAD}\nA1{',x' * 40}\n", "is not a readable table"),
    "an open quote": (f'{HEAD}\n"A1,H\n', "is not a readable table"),
    "half a letter in UTF-16": (b"\xff\xfeA\x00B", "Remedy:"),
    "a part that is no XML": (damaged("xl/worksheets/sheet1.xml", b"<oops"), "is a damaged XLSX file"),
    "a bomb of entities": (damaged("xl/worksheets/sheet1.xml", ENTITIES), "Remedy:"),
    "no workbook": (damaged("xl/workbook.xml", b""), "is a damaged XLSX file"),
    "an empty sheet": (workbook(), "holds no orders"),
    "more cells than headings": (workbook(HEADS, ["A1"] * 30), "more cells than headings"),
}


@pytest.mark.parametrize("which", RUBBISH)
def test_rubbish_gets_one_clear_sentence_under_its_own_name(line: World, which: str, settings: Any) -> None:
    content, sentence = RUBBISH[which]
    if not content:
        answer = signed_in("operator").post(HOME, {"file": SimpleUploadedFile("mine.csv", b"")})
        assert answer.status_code == 200 and "The submitted file is empty." in answer.content.decode()
        return
    run = brought(content, "mine.csv")
    assert run.state == RunState.REFUSED, (run.state, run.counts)
    assert sentence in run.error and "Remedy:" in run.error and settings.FILES_DIR not in run.error
    assert run.error in page(run).replace("&#x27;", "'") and held() == []
    assert intake.waiting_ids(connections["intake"]) == [] and os.listdir(settings.FILES_DIR) == []


def test_a_bomb_of_texts_is_refused_before_it_is_unpacked(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_file, "MOST_HELD", 100_000)
    run = brought(damaged("xl/sharedStrings.xml", b"x" * 1_000_000), "bomb.xlsx")
    assert run.state == RunState.REFUSED and "bomb.xlsx unpacks to more than an order list can be" in run.error


def test_odd_but_readable_workbooks_are_read(line: World) -> None:
    rows = [HEADS, ["A1", "HARBOUR", "TEE", "RED", 4711, 3, 1, 2], *[[None] * 9] * 3000, ["A2", "HARBOUR", "TEE"]]
    run = brought(workbook(*rows, merged="A2:A3"), "orders.xlsx")
    assert counts(run) == (2, 2, 0, 0, 0, 0)
    confirmed(run)
    assert held() == [("A1", "4711", 3), ("A2", None, None)]


def test_a_file_that_is_too_large_is_refused_at_once_and_not_kept(line: World, monkeypatch: Any, settings: Any) -> None:
    monkeypatch.setattr(intake_jobs, "MOST_BYTES", 100)
    answer = signed_in("operator").post(HOME, {"file": SimpleUploadedFile("x.csv", FIRST.encode())})
    assert "Remedy: split the list." in answer.content.decode()
    assert os.listdir(settings.FILES_DIR) == [] and not SyncRun.objects.filter(kind=Kind.INTAKE).exists()


def test_more_orders_than_a_list_may_hold_are_refused(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MOST_ROWS", 2)
    run = brought(FIRST)
    assert run.state == RunState.REFUSED and "has more than 2 orders. Remedy: split it." in run.error


# --- as a source ----------------------------------------------------------------------------------------------------
# A server's source is read by a connection of its own, which sees nothing of a test's open transaction.
@pytest.mark.django_db(transaction=True, databases=["default", "orders", "intake"])
def test_a_board_that_names_the_intake_reads_it_in_test_and_never_in_production(line: World) -> None:
    with dropping(INTAKE, alias="intake"):
        _names_the_intake()


def _names_the_intake() -> None:
    confirmed(brought(FIRST))
    mappings = load_family()
    rules = mappings.family.default.source
    for name, value in (("table", INTAKE), ("customer", "CUSTOMER NAME"), ("po_number", "PO NUMBER")):
        object.__setattr__(rules, name, value)
    wiring._check_intake("TEST", mappings)
    with pytest.raises(GuardRefused, match="for TEST alone; nothing was sent"):
        wiring._check_intake("PRODUCTION", mappings)
    source = real_source(mappings)
    assert source.count(Scope()) == 3 and len(list(source.fingerprints(Scope()))) == 3
    assert dict(source.customers()) == {"HARBOUR": 3}
    assert "TOTAL QTY" in (real_columns(INTAKE) or ())
