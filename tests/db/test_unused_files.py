"""Rows that are not used as a workbook per customer: by the command, and from their list."""

from __future__ import annotations

import json
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from openpyxl import load_workbook

from staging.models import Seen
from staging.reports.unused import by_spelling
from staging.reports.unused_files import HEADINGS, file_name, workbook
from tests.db.admin_line import opened_line, signed_in
from tests.world import World, uuid


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with a bad row of HARBOUR, one of a customer that nobody knows, and one without a name."""
    line = opened_line(world, settings, monkeypatch)
    line.add(1, TOTAL=99)
    line.add(2, CUSTOMER="=cmd|' /C calc'!A0")
    line.add(3, CUSTOMER="")
    line.add(4)
    line.stage()
    return line


def rows(data: bytes) -> list[tuple[Any, ...]]:
    return list(load_workbook(BytesIO(data), read_only=True).active.iter_rows(values_only=True))


def test_each_customer_has_its_own_rows_with_column_value_and_reason(line: World) -> None:
    names = dict(by_spelling(line.board))
    assert names["HARBOUR"] == 1 and sum(names.values()) == Seen.objects.count() == 3
    heading, *lines = rows(workbook(line.board, "HARBOUR"))
    assert heading == HEADINGS and {line[1] for line in lines} == {uuid(1)}
    problem = Seen.objects.get(record=uuid(1)).problems[0]
    assert lines[0][3:] == (problem["column"], str(problem["value"]), problem["reason"], problem["owner"])


def test_every_row_stands_there_with_its_business_key_also_of_one_uuid_and_of_nobody(line: World) -> None:
    """Whoever owns the source looks for a row by its key, as its UUID is shared, no UUID, or says nothing."""
    for number, named in ((5, uuid(5)), (6, uuid(5)), (7, "see mail"), (8, None), (9, None)):
        line.add(number, record_uuid=named, ORDER="A8" if number > 7 else f"A{number}")
    line.stage()
    (_, nobody), (_, *harbour) = rows(workbook(line.board, "")), rows(workbook(line.board, "HARBOUR"))
    assert nobody[0] == "A3 / ST1"
    keys = {(line[2], line[0]) for line in harbour}
    assert keys == {
        *(("duplicate", key) for key in ("A5 / ST1", "A6 / ST1", "A5 / ST1; A6 / ST1", "A8 / ST1")),
        *(("invalid", key) for key in ("A1 / ST1", "A7 / ST1")),
    }


def test_no_cell_of_a_workbook_runs_as_a_formula_and_none_damages_it(line: World) -> None:
    problem = {"column": "A", "value": "=1+1\x0b", "reason": "@x", "owner": "source"}
    Seen.objects.filter(record=uuid(1)).update(problems=[problem], key="+1")
    book = load_workbook(BytesIO(workbook(line.board, "HARBOUR")))
    cells = [cell for row in book.active.iter_rows(min_row=2) for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert [cells[0].value, cells[4].value, cells[5].value] == ["'+1", "'=1+1?", "'@x"]


def test_the_command_writes_a_file_per_customer(line: World, tmp_path: Path) -> None:
    said = StringIO()
    call_command("unused_rows", "--out", str(tmp_path / "out"), stdout=said)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 3 and {"rows-not-used-HARBOUR.xlsx", "rows-not-used-no-name.xlsx"} <= set(names)
    assert "rows-not-used-HARBOUR.xlsx: 1 row" in said.getvalue()
    call_command("unused_rows", "--customer", "HARBOUR", "--out", str(tmp_path / "one"), stdout=said)
    assert len(list((tmp_path / "one").iterdir())) == 1


def test_the_command_names_the_files_as_json_too(
    line: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("unused_rows", "--out", str(tmp_path), "--customer", "HARBOUR", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == [{"file": str(tmp_path / "rows-not-used-HARBOUR.xlsx"), "rows": 1}]


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(line: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CommandError, match=r"cannot be written.*Remedy"):
        call_command("unused_rows", "--out", str(tmp_path / "file"), stdout=StringIO())


def test_names_that_look_alike_as_files_get_files_of_their_own() -> None:
    taken: set[str] = set()
    assert [file_name(name, taken) for name in ("A/B", "a:b", "../..", "")] == [
        "rows-not-used-A-B.xlsx",
        "rows-not-used-a-b-2.xlsx",
        "rows-not-used-no-name.xlsx",
        "rows-not-used-no-name-2.xlsx",
    ]


def test_the_list_leads_to_the_files(line: World) -> None:
    client: Client = signed_in("viewer")
    assert b"/staging/seen/files/" in client.get("/staging/seen/").content
    page = client.get("/staging/seen/files/").content.decode()
    assert f"/staging/seen/files/{line.board.pk}.xlsx?customer=HARBOUR" in page and "(no name)" in page
    answer = client.get(f"/staging/seen/files/{line.board.pk}.xlsx", {"customer": "HARBOUR"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="rows-not-used-HARBOUR.xlsx"'
    assert len(rows(answer.content)) == 2
    line.add(9, CUSTOMER="云端", TOTAL=99)
    line.stage()
    named = client.get(f"/staging/seen/files/{line.board.pk}.xlsx", {"customer": "云端"})
    assert named.headers["Content-Disposition"].endswith("filename*=utf-8''rows-not-used-%E4%BA%91%E7%AB%AF.xlsx")
    for odd in ({"customer": "NOBODY"}, {"customer": "\x00"}, {}):
        assert client.get(f"/staging/seen/files/{line.board.pk}.xlsx", odd).status_code in (200, 400, 404)
    assert client.get("/staging/seen/files/999.xlsx", {"customer": "HARBOUR"}).status_code == 404


def test_a_batch_leads_to_the_rows_of_its_customer_that_are_not_in_it(line: World) -> None:
    Seen.objects.filter(record=uuid(1)).update(customer_name="Harbour")  # names are compared without case
    batch, client = line.batch(), signed_in("viewer")
    address = f"/staging/batch/{batch.pk}/change/"
    page = client.get(address).content.decode()
    assert batch.customer.name == "HARBOUR" and "a row of Harbour in the source cannot be used" in page
    assert "calc" not in page and "no name" not in page
    shown = client.get("/staging/seen/?q=Harbour")
    assert 'href="/staging/seen/?q=Harbour"' in page and [row.record for row in shown.context["cl"].result_list] == [
        uuid(1)
    ]
    assert f'href="/staging/seen/files/{line.board.pk}.xlsx?customer=Harbour"' in page
    Seen.objects.filter(record=uuid(1)).delete()
    assert "Not in this batch" not in client.get(address).content.decode()
