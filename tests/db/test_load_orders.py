"""`load_orders FILE`: a person's own list, whole or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from mapping.publish import ensure_shipped
from staging.source.demo_columns import NAMES, TABLE

from .source_tables import dropping, rows_of, vendor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

HEADINGS = "AAG ORDER NUMBER,CUSTOMER NAME,CUSTOMER STYLE,S,M,TOTAL QTY,EX FACTORY DATE"
LINES = '012,B\'HOOD,ST1,12,"1,204",1216,2026-03-01\nNA,云端服饰,NULL,5.0,,5,2026-04-01\n'
TEXT = f"{HEADINGS}\n{LINES}"
LOADED = [("012", "B'HOOD", "ST1", 12, 1204, 1216, None), ("NA", "云端服饰", "NULL", 5, None, 5, None)]
COLUMNS = ("AAG ORDER NUMBER", "CUSTOMER NAME", "CUSTOMER STYLE", "S", "M", "TOTAL QTY", "record_uuid")


@pytest.fixture(autouse=True)
def clean_source() -> Iterator[None]:
    with dropping(TABLE, "MY_ORDERS"):
        if vendor() != "sqlite":
            call_command("load_demo_orders", "--rows", "1", stdout=StringIO())
        yield


def load(path: Path, *options: str) -> str:
    out = StringIO()
    # On a server the table must be there already, so its one row gives way.
    given = options or (("--replace",) if vendor() != "sqlite" else ())
    call_command("load_orders", str(path), *given, stdout=out)
    return out.getvalue()


def refused(path: Path, *options: str) -> str:
    with pytest.raises(CommandError) as refusal:
        load(path, *options)
    assert refusal.value.returncode == 2
    assert "Remedy" in str(refusal.value)
    return str(refusal.value)


def written(folder: Path, content: str | bytes, name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def workbook(folder: Path, rows: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    book.save(folder / "orders.xlsx")
    book.close()
    return folder / "orders.xlsx"


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace('"1,204"', "1204").replace(",", ";"),
        TEXT.replace('"1,204"', "1204").replace(",", "\t"),
        TEXT.replace('"1,204"', "1204").replace(",", "|"),
        TEXT.replace("\n", "\n\n\n"),
        ("sep=;\n" + TEXT.replace('"1,204"', "1204").replace(",", ";")).replace("\n", "\r\n").encode("utf-8-sig"),
        TEXT.replace(HEADINGS, HEADINGS.lower().replace(",", " ,  ").replace("order number", "order   NUMBER")),
    ],
    ids=["utf-8", "mark", "utf-16", "crlf", "semicolons", "tabs", "pipes", "blank lines", "separator told", "headings"],
)
def test_a_list_is_read_however_it_was_saved(tmp_path: Path, content: str | bytes) -> None:
    said = load(written(tmp_path, content))
    assert "2 orders loaded" in said
    assert "7 columns used" in said
    assert rows_of(TABLE, *COLUMNS) == LOADED
    assert [str(day) for (day,) in rows_of(TABLE, "EX FACTORY DATE")] == ["2026-03-01", "2026-04-01"]


def test_a_list_in_windows_letters_is_read(tmp_path: Path) -> None:
    load(written(tmp_path, "CUSTOMER NAME,S\nCafé Süd – “x”,1\n".encode("cp1252")))
    assert rows_of(TABLE, "CUSTOMER NAME", "S") == [("Café Süd – “x”", 1)]


def test_a_customer_with_a_pipe_and_a_comma_needs_no_other_separator(tmp_path: Path) -> None:
    load(written(tmp_path, 'CUSTOMER NAME,NOTES,S\nWHITE|FOX,"a, b|c\nsecond line",1\n'))
    assert rows_of(TABLE, "CUSTOMER NAME", "NOTES", "S") == [("WHITE|FOX", "a, b|c\nsecond line", 1)]


def test_a_spreadsheet_is_read_as_a_person_sees_it(tmp_path: Path) -> None:
    rows = [
        ["AAG ORDER NUMBER", "CUSTOMER NAME", "S", "TOTAL QTY", "EX FACTORY DATE", "CUSTOMER PRICE", None],
        ["012", "HARBOUR (AU)", 5, 5.0, datetime(2026, 3, 1), 28.86],
        [None] * 7,
        [12, "云端服饰", "1,000", 1000, date(2026, 3, 2), True],
    ]
    assert "2 orders loaded" in load(workbook(tmp_path, rows))
    names = ("AAG ORDER NUMBER", "CUSTOMER NAME", "S", "TOTAL QTY", "CUSTOMER PRICE")
    assert rows_of(TABLE, *names) == [("012", "HARBOUR (AU)", 5, 5, "28.86"), ("12", "云端服饰", 1000, 1000, "TRUE")]
    assert [str(day) for (day,) in rows_of(TABLE, "EX FACTORY DATE")] == ["2026-03-01", "2026-03-02"]


def test_a_list_of_several_chunks_arrives_whole(tmp_path: Path) -> None:
    lines = "".join(f"O{number},HARBOUR (AU),{number % 50}\n" for number in range(4_500))
    assert "4,500 orders loaded" in load(written(tmp_path, f"AAG ORDER NUMBER,CUSTOMER NAME,S\n{lines}"))
    assert len(set(rows_of(TABLE, "AAG ORDER NUMBER"))) == 4_500


def test_a_missing_table_is_made_with_all_columns(tmp_path: Path) -> None:
    if vendor() != "sqlite":
        assert "no table 'MY_ORDERS'" in refused(written(tmp_path, TEXT), "--table", "MY_ORDERS")
        return
    assert "made new" in load(written(tmp_path, TEXT), "--table", "MY_ORDERS")
    assert len(rows_of("MY_ORDERS", *NAMES)) == 2


def test_unknown_columns_are_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    said = load(written(tmp_path, "CUSTOMER NAME,CUSTOMER PRIC,Comment,\nHARBOUR,1,x,\n"))
    assert "Ignored: the column 'CUSTOMER PRIC' (nearly 'CUSTOMER PRICE')" in said
    assert "Ignored: the column 'Comment' is" in said
    assert "a column without a heading" in said


def test_unknown_customers_are_listed_with_their_orders(tmp_path: Path) -> None:
    path = written(tmp_path, "CUSTOMER NAME,S\nHARBOUR (AU),1\nNobody,2\n nobody ,2\nNobody,3\n,4\n")
    assert "Customers were not checked" in load(path)
    ensure_shipped(actor="test", now=timezone.now(), record=lambda *args, **data: None)
    said = load(path, "--replace")
    assert "Unknown customer 'Nobody': 2 orders" in said
    assert "Unknown customer 'nobody': 1 order," in said
    assert "Unknown customer (no name): 1 order," in said
    assert "HARBOUR" not in said


def test_orders_that_are_there_are_kept_or_replaced_only_as_told(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    load(path)
    assert "holds 2 orders. Remedy: --append" in refused(path, "--table", TABLE)
    load(path, "--append")
    assert len(rows_of(TABLE, "S")) == 4
    assert "in the place of 4" in load(path, "--replace")
    assert rows_of(TABLE, *COLUMNS) == LOADED
    with pytest.raises(CommandError, match="not allowed with"):
        load(path, "--append", "--replace")


def test_a_demo_table_with_own_orders_is_a_demo_table_no_more(tmp_path: Path) -> None:
    call_command("load_demo_orders", "--rows", "5", "--replace", stdout=StringIO())
    load(written(tmp_path, TEXT), "--append")
    with pytest.raises(CommandError, match="no demo table"):
        call_command("load_demo_orders", "--mutate", "deleted=1")
    assert len(rows_of(TABLE, "S")) == 7


def test_cells_that_cannot_be_read_refuse_the_whole_file_by_row_and_column(tmp_path: Path) -> None:
    lines = "A,HARBOUR,x,1,12\nB,HARBOUR,1,,1.5\n\nC,HARBOUR,99999999999,-3,+4.00\n"
    said = refused(written(tmp_path, f"AAG ORDER NUMBER,CUSTOMER NAME,S,M,TOTAL QTY\n{lines}"), "--append")
    assert "3 cells" in said
    assert "row 2, S: 'x' is not a whole number" in said
    assert "row 3, TOTAL QTY: '1.5' is not a whole number" in said
    assert "row 5, S: '99999999999' is too large" in said
    if vendor() == "sqlite":
        with pytest.raises(Exception, match="no such table"):
            rows_of(TABLE, "S")


def test_a_thousand_that_may_be_a_one_is_refused_with_its_row(tmp_path: Path) -> None:
    lines = "sep=,\nAAG ORDER NUMBER,CUSTOMER NAME,S,M\nA,HARBOUR,12.0,0.000\nB,HARBOUR,1.000,2\n"
    said = refused(written(tmp_path, lines), "--append")
    assert "1 cell" in said and "row 4, S: '1.000' can be read as a thousand and as a one" in said


def test_at_most_twenty_such_cells_are_listed(tmp_path: Path) -> None:
    said = refused(written(tmp_path, "CUSTOMER NAME,S\n" + "HARBOUR,many\n" * 5_000), "--append")
    assert "at least 20 cells" in said
    assert said.count("row ") == 20


def test_a_failure_in_the_middle_keeps_what_was_there(tmp_path: Path) -> None:
    load(written(tmp_path, TEXT))
    many = "".join(f"O{number},HARBOUR,1\n" for number in range(4_100))
    path = written(tmp_path, f"AAG ORDER NUMBER,CUSTOMER NAME,S\n{many}LAST,HARBOUR,x\n")
    assert "row 4102, S" in refused(path, "--replace")
    path = written(tmp_path, f"AAG ORDER NUMBER,CUSTOMER NAME,S\n{many}LAST,HARBOUR,1,2,3\n")
    assert "not a readable table" in refused(path, "--replace")
    assert rows_of(TABLE, *COLUMNS) == LOADED


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b" \n\n\n", "is empty"),
        ("headings.csv", b"CUSTOMER NAME,S\n", "holds no orders"),
        ("commas.csv", b"CUSTOMER NAME,S\n,\n,\n", "holds no orders"),
        ("letter.csv", b"Dear all,\nplease find the orders below.\n", "no column that the order table knows"),
        ("binary.csv", bytes(range(256)) * 20, "no text and no XLSX"),
        ("zeros.csv", b"CUSTOMER NAME,S\n" + b"A,1\n" * 30_000 + b"\x00", "binary data"),
        ("cp437.csv", b"CUSTOMER NAME,S\nCaf\x81\x8d,1\n", "encoding that cannot be told"),
        ("quote.csv", b'CUSTOMER NAME,S\n"never closed,1\n', "not a readable table"),
        ("wide.csv", b"CUSTOMER NAME,S\nA,1,2,3\n", "Expected 2 fields in line 2, saw 4"),
        ("twice.csv", b"CUSTOMER NAME,customer  name\nA,B\n", "twice"),
        ("same.csv", b"CUSTOMER NAME,CUSTOMER NAME\nA,B\n", "twice"),
        ("protected.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x01" * 600, "password-protected"),
        ("damaged.xlsx", b"PK\x03\x04 and no more", "damaged XLSX"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    message = refused(written(tmp_path, content, name), "--append")
    assert said in message
    assert "\n" not in message


def test_a_zip_that_is_no_workbook_and_an_empty_workbook_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "letters.xlsx", "w") as parts:
        parts.writestr("letter.txt", "hello")
    assert "damaged XLSX" in refused(tmp_path / "letters.xlsx", "--append")
    assert "holds no orders" in refused(workbook(tmp_path, []), "--append")
    assert "more cells than headings" in refused(workbook(tmp_path, [["S"], [1, 2]]), "--append")


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    assert "There is no file" in refused(tmp_path / "none.csv")
    assert "is a directory" in refused(tmp_path)


def test_servers_take_only_dates_and_uuids_that_are_some(tmp_path: Path) -> None:
    if vendor() == "sqlite":
        load(written(tmp_path, "CUSTOMER NAME,EX FACTORY DATE,record_uuid\nA,31/12/2026,abc\n"))
        assert rows_of(TABLE, "EX FACTORY DATE", "record_uuid") == [("31/12/2026", "abc")]
        return
    said = refused(written(tmp_path, "CUSTOMER NAME,EX FACTORY DATE,record_uuid\nA,31/12/2026,abc\n"), "--append")
    assert "'31/12/2026' is not a date" in said
    assert "'abc' is not a UUID" in said


@pytest.mark.parametrize("name", ["", " ", "dbo.", ".ORDERS"])
def test_a_table_without_a_name_is_not_made(tmp_path: Path, name: str) -> None:
    said = refused(written(tmp_path, TEXT), "--table", name)
    assert said == f"--table must name a table, not {name!r}. Remedy: leave it out for {TABLE}."
