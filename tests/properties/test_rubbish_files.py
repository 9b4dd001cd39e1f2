"""Whatever a file holds: a list of orders, a list of customers or a mapping is read, or refused in one sentence.

`HYPOTHESIS_SEARCH=1` draws many more, and anew each time.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapping.core.document import parse_board, parse_customer
from staging.core.source_dialects import Column
from staging.source.demo_columns import COLUMNS, NAMES
from staging.source.order_file import FileRefused, chunks
from staging.source.upload import BadCells, match, parsed
from tests.core.mapping_samples import BOARD, HARBOUR

KNOWN = tuple(Column(name, word, word) for name, word in COLUMNS)
ODD = st.sampled_from(
    [
        *("", " ", "\x00", "\ufeff", "=1+1", "-5", "+1", "@x", "1e999", "9" * 40, "NULL", "1,2", "1.000,5", "\u202e"),
        *('"', '""', "'", "\r", "\n", "\t", ";", "|", "\\", "\ud7ff", "\U0001f9f5", "2026-02-31", "31/12/2026", "TRUE"),
        *("{00000000-0000-0000-0000-000000000000}", "x" * 3_000),
    ]
)
CELLS = st.one_of(ODD, st.sampled_from(NAMES[:60]), st.text(max_size=12))
SHEETS = st.lists(st.lists(CELLS, max_size=7), min_size=1, max_size=7)
SLOW = settings(suppress_health_check=[HealthCheck.too_slow])
XML = st.sampled_from(
    [
        *(b"", b"<", b"<x/>", b"\x00\xff", b'<!DOCTYPE x [<!ENTITY a "a">]><x>&a;</x>', b"&&&", b"<c r='ZZZZ9999999'>"),
        *(b' r="A0"', b' r="1"', b' t="d"', b' t="b"', b' t="s"><v>999999</v>', b"<v>NaN</v>", b"<v>1e400</v>"),
        *(b' s="9999"', b"<row r='-1'>", b'encoding="klingon"', b"<mergeCell ref='A1:ZZ99'/>", b"<f>1/0</f>"),
    ]
)


def many(usual: int) -> int:
    """So many examples, and with HYPOTHESIS_SEARCH twenty times as many."""
    return usual * (20 if os.environ.get("HYPOTHESIS_SEARCH") else 1)


def read_orders(data: bytes) -> None:
    """Read as an upload is read. Any other exception than the two that name a remedy fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list")
        path.write_bytes(data)
        try:
            matched: dict[str, Column] = {}
            for frame in chunks(path, NAMES):
                matched = matched or match(path, frame, KNOWN)[0]
                for vendor in ("sqlite", "postgresql"):
                    bad = BadCells()
                    for name, column in matched.items():
                        list(parsed(frame[name], column, vendor, bad))
                assert all(str(cell).startswith("row ") for cell in bad.told)
        except FileRefused as refused:
            assert "Remedy:" in str(refused) and "\n" not in str(refused)


def read_customers(data: bytes) -> None:
    reverse("admin:index")  # the screens come with the addresses
    from staging.admin.lists import ListRefused, read

    try:
        read(data, ("customer", "aliases"))
    except ListRefused as refused:
        assert "Remedy:" in str(refused)


def workbook(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row])  # type: ignore
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


GOOD = workbook([["AAG ORDER NUMBER", "CUSTOMER NAME", "TOTAL QTY", "customer", "aliases"], ["A1", "H", "3", "H", "X"]])


@settings(SLOW, max_examples=many(60))
@given(st.one_of(st.binary(max_size=400), st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace"))))
def test_bytes_and_texts_of_any_kind_are_read_or_refused(data: bytes) -> None:
    read_orders(data)
    read_customers(data)


@settings(SLOW, max_examples=many(50))
@given(SHEETS, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
def test_tables_with_odd_cells_are_read_or_refused(rows: list[list[str]], divided: str, encoding: str) -> None:
    heading = divided.join(NAMES[:4])
    text = "\n".join([heading, *(divided.join(row) for row in rows)])
    read_orders(text.encode(encoding, "replace"))
    read_customers(text.encode(encoding, "replace"))
    read_customers(divided.join(["customer", "aliases\n"]).encode() + text.encode(encoding, "replace"))


@settings(SLOW, max_examples=many(15))
@given(SHEETS)
def test_workbooks_with_odd_cells_are_read_or_refused(rows: list[list[str]]) -> None:
    data = workbook([list(NAMES[:7]), *rows])
    read_orders(data)
    read_customers(data)


@settings(SLOW, max_examples=many(40))
@given(st.data())
def test_workbooks_with_damaged_parts_are_read_or_refused(data: st.DataObject) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as good, zipfile.ZipFile(out, "w") as bad:
        names = good.namelist()
        struck = data.draw(st.sampled_from(names))
        for name in names:
            part = good.read(name)
            if name == struck:
                at = data.draw(st.integers(0, len(part)))
                until = data.draw(st.integers(at, min(len(part), at + 40)))
                part = part[:at] + data.draw(XML) + part[until:]
                if data.draw(st.booleans()):
                    continue  # the part is missing
            bad.writestr(name, part)
    read_orders(out.getvalue())
    read_customers(out.getvalue())


@settings(SLOW, max_examples=many(40))
@given(st.integers(0, len(GOOD)), st.integers(0, 60), st.binary(max_size=20))
def test_workbooks_with_damaged_bytes_are_read_or_refused(at: int, length: int, instead: bytes) -> None:
    read_orders(GOOD[:at] + instead + GOOD[at + length :])
    read_customers(GOOD[:at] + instead + GOOD[at + length :])


# --- mapping documents ----------------------------------------------------------------------------------------------
PIECES = st.sampled_from(
    [
        *(
            "&a ",
            "*a",
            "!!python/object/apply:os.system [x]",
            "!!binary x",
            "!x ",
            "<<: *a",
            "? ",
            "- ",
            "-",
            ": ",
            "|",
        ),
        *(
            ">",
            "%YAML 9",
            "---",
            "...",
            "{",
            "}",
            "[",
            "]",
            "[[[[[[[[",
            "\t",
            "\x00",
            "\ufeff",
            "\u2028",
            "\ud7ff",
            "#",
        ),
        *("9" * 400, "1e999", ".inf", ".nan", "0x" + "f" * 300, "2026-02-31", "1:2:3", "~", "null", "yes", "'", '"'),
        *('"\\ud800"', '"\\U00110000"', '"\\x00"', "\n", "\n  ", "\r", "\U0001f9f5", "\u202e", "=", "version: 1"),
    ]
)


def parsed_quickly(text: str) -> None:
    began = time.monotonic()
    for parse in (parse_board, parse_customer):
        document, problems = parse(text)
        assert document is not None or problems
        assert all(problem.message and "\n" not in problem.message for problem in problems)
    assert time.monotonic() - began < 5


@SLOW
@given(st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=30).map("".join))
def test_a_text_of_yaml_pieces_is_a_document_or_has_problems(text: str) -> None:
    parsed_quickly(text)


@SLOW
@given(st.sampled_from([BOARD, HARBOUR]), st.integers(0, 900), st.integers(0, 30), PIECES)
def test_a_document_with_a_place_struck_is_one_or_has_problems(text: str, at: int, length: int, piece: str) -> None:
    parsed_quickly(text[:at] + piece + text[at + length :])


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 20_000,
        "{a: " * 20_000,
        "- " * 20_000,
        "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"k{n}: &k{n} [{','.join(['*a'] * 9)}]\n" for n in range(40)),
        "version: " + "9" * 100_000,
        "'" * 100_000,
        "? " * 20_000,
        "a:\n" + "".join(" " * n + "a:\n" for n in range(1, 1_500)),
        "\ud800",
        "version: 1\n" * 20_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_bomb_of_yaml_is_refused_quickly(bomb: str) -> None:
    parsed_quickly(bomb)
