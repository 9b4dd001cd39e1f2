"""The source fingerprint, as the database computes it: another value of any cell gives another one."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from staging.core.ports import Scope
from staging.source import demo
from staging.source.demo_columns import COLUMNS as REAL_COLUMNS

from .source_tables import run, small_table, source, vendor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

MOMENT = datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=UTC)
VALUES: dict[str, list[Any]] = {
    "text": [
        *(
            None,
            "",
            " ",
            "a",
            "a ",
            " a",
            "A",
            "NULL",
            "null",
            "\\N",
            '"',
            "\\",
            '\\"',
            "'",
            ",",
            "[]",
            "{}",
            "a,b",
            '","',
        ),
        *(
            "\u00e9",
            "e\u0301",
            "云",
            "雲",
            "\U0001f9f5",
            "a|b",
            "a\nb",
            "a\tb",
            "1",
            "1.0",
            "0",
            "()",
            "(,)",
            "x" * 9000,
        ),
        *("x" * 9001, "\u200b", "TRUE", "t"),
    ],
    "int": [None, 0, 1, -1, 12, 120, 2**31 - 1],
    "decimal": [None, *map(Decimal, ("0", "0.0001", "28.86", "28.8601", "-28.86", "1204.5", "123456789012.3456"))],
    "float": [None, 0.0, 0.3, 0.1 + 0.2, 1e300, 1e-300, -2.5, 12345678901234567.0, 12345678901234568.0 + 2],
    "date": [None, date(2026, 1, 31), date(2026, 2, 1), date(1999, 12, 31)],
    "datetime": [None, MOMENT, MOMENT + timedelta(microseconds=1), MOMENT + timedelta(days=1)],
    "bool": [None, True, False],
    "uuid": [None, str(UUID(int=1)), str(UUID(int=2))],
    "binary": [None, b"", b"\x00", b"\x00\x00", b"00", b"\xff\xfe"],
}


def fingerprints(columns: dict[str, str], rows: list[tuple[Any, ...]]) -> list[str]:
    """The fingerprint of each row, in order; an identity is put before every row."""
    keyed = [(f"r{number:05d}", *row) for number, row in enumerate(rows)]
    with small_table({"id": "text", **columns}, keyed):
        found = dict(source(customer="id", po_number="").fingerprints(Scope()))
    return [found[row[0]] for row in keyed]


@pytest.mark.parametrize("word", VALUES)
def test_any_two_values_of_a_cell_give_two_fingerprints(word: str) -> None:
    values = VALUES[word]
    rows = [("before", value, "after") for value in values]
    found = fingerprints({"a": "text", "b": word, "c": "text"}, rows)
    same = [(values[i], values[j]) for i in range(len(values)) for j in range(i) if found[i] == found[j]]
    assert same == []


@pytest.mark.parametrize("word", VALUES)
def test_equal_rows_have_equal_fingerprints(word: str) -> None:
    found = fingerprints({"b": word}, [(value,) for value in VALUES[word] for _ in range(2)])
    assert found[::2] == found[1::2]


def test_values_do_not_run_into_their_neighbours() -> None:
    rows = [
        *[("a|b", "c"), ("a", "b|c"), ("a,", "b"), ("a", ",b"), ('a"', "b"), ("a", '"b'), ('a","', "b"), ("", "a,b")],
        *[
            ("ab", ""),
            ("", "ab"),
            ("ab", None),
            (None, "ab"),
            ("a", "b"),
            ("b", "a"),
            (None, None),
            ("", ""),
            (None, ""),
        ],
        *[("", None), ("a\\", "b"), ("a", "\\b"), ("null", None), (None, "null"), ("[", "]"), ("(", ")")],
    ]
    assert len(set(fingerprints({"x": "text", "y": "text"}, rows))) == len(rows)


def test_neighbours_stay_apart_where_one_expression_is_made_of_pieces() -> None:
    columns = {f"c{number:03d}": "text" for number in range(200)}
    rows = [tuple("x" if number == place else None for number in range(200)) for place in range(200)]
    rows += [tuple("" if number == place else None for number in range(200)) for place in range(200)]
    assert len(set(fingerprints(columns, rows))) == 400


def test_a_text_and_a_number_that_look_alike_differ_where_a_column_may_hold_both() -> None:
    if vendor() != "sqlite":
        pytest.skip("only SQLite lets one column hold texts and numbers")
    rows = [(b"1.5",), ("1.5x",), (1.5,), (b"31",), (1,), (float("inf"),), ("Inf",)]
    assert len(set(fingerprints({"b": "binary"}, rows))) == len(rows)


def test_changing_any_cell_of_a_real_row_changes_its_fingerprint_and_only_its() -> None:
    row = next(demo.demo_rows(1, 1))
    columns = {f"c{number}": word for number, (_, word) in enumerate(REAL_COLUMNS)}
    other: dict[str, Any] = {"text": "another", "int": 999_999, "date": date(2031, 1, 1), "uuid": str(UUID(int=7))}
    rows = [row, row]
    rows += [(*row[:place], other[word], *row[place + 1 :]) for place, (_, word) in enumerate(REAL_COLUMNS)]
    found = fingerprints(columns, rows)
    assert found[0] == found[1]
    assert len(set(found)) == len(rows) - 1


def test_any_change_of_random_rows_shows() -> None:
    chance = random.Random(20260131)
    letters = ["", "a", "b", " ", ",", '"', "\\", "'", "|", "(", ")", "[", "]", "云", "\n", None]
    rows = {
        tuple(
            None if chance.random() < 0.3 else "".join(chance.choice(letters[:-1]) for _ in range(3)) for _ in range(3)
        )
        for _ in range(1_500)
    }
    assert len(set(fingerprints(dict.fromkeys("xyz", "text"), sorted(rows, key=repr)))) == len(rows)


def test_the_identity_may_change_and_the_fingerprint_stays() -> None:
    with small_table({"id": "text", "b": "text"}, [("one", "x")]):
        found = source(customer="id", po_number="")
        [(_, before)] = found.fingerprints(Scope())
        run("UPDATE " + ('"SMALL_ORDERS"' if vendor() != "microsoft" else "SMALL_ORDERS") + " SET id = 'two'")
        assert list(found.fingerprints(Scope())) == [("two", before)]
