"""The source fingerprint over anything: one cell changed to any other value changes it, and nothing else does."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from staging.core.ports import Scope
from staging.source.sql_table import SqlTable
from tests.db.source_tables import TABLE, run, small_table, source

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "int": st.none() | st.integers(-(2**31), 2**31 - 1),
    "decimal": st.none() | st.decimals(-(10**15), 10**15, places=4),
    "float": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "date": st.none() | st.dates(date(1800, 1, 1), date(9000, 1, 1)),
    "datetime": st.none() | st.datetimes(datetime(1800, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)),
    "bool": st.none() | st.booleans(),
    "uuid": st.none() | st.uuids().map(str),
    "binary": st.none() | st.binary(max_size=12),
}
COLUMNS = {"id": "text", **{f"a {word}": word for word in VALUES}, **{f"b {word}": word for word in VALUES}}
ROW = st.tuples(*(VALUES[word] for word in [*VALUES, *VALUES]))
QUIET = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def table() -> Iterator[SqlTable]:
    with small_table(COLUMNS, []):
        yield source(customer="id", po_number="")


def prints(table: SqlTable, *rows: tuple[Any, ...]) -> list[str]:
    """The fingerprints of these rows, as the only ones of the table."""
    quote = connections["orders"].ops.quote_name
    run(f"DELETE FROM {quote(TABLE)}")
    marks = ", ".join(["%s"] * len(COLUMNS))
    for number, row in enumerate(rows):
        run(f"INSERT INTO {quote(TABLE)} VALUES ({marks})", str(number), *row)
    found = dict(table.fingerprints(Scope()))
    return [found[str(number)] for number in range(len(rows))]


def differ(one: Any, other: Any) -> bool:
    """Whether two values of one column are two; 0.0 and -0.0 are one number to some databases."""
    return bool(one != other) or (one is None) is not (other is None)


@QUIET
@given(row=ROW, place=st.integers(0, 2 * len(VALUES) - 1), data=st.data())
def test_changing_one_cell_of_any_type_changes_the_fingerprint(
    table: SqlTable, row: tuple[Any, ...], place: int, data: st.DataObject
) -> None:
    other = data.draw(VALUES[[*VALUES, *VALUES][place]])
    assume(differ(row[place], other))
    first, second, again = prints(table, row, (*row[:place], other, *row[place + 1 :]), row)
    assert first != second
    assert first == again


@QUIET
@given(row=ROW, word=st.sampled_from(sorted(VALUES)))
def test_swapping_two_cells_of_one_type_changes_it(table: SqlTable, row: tuple[Any, ...], word: str) -> None:
    one = list(VALUES).index(word)
    two = one + len(VALUES)
    assume(differ(row[one], row[two]))
    swapped = list(row)
    swapped[one], swapped[two] = row[two], row[one]
    first, second = prints(table, row, tuple(swapped))
    assert first != second


SEPARATORS = st.sampled_from(["|", ",", '"', '","', "'", "\\", ")", "(", "[", "]", "\t", "\n", "null", "NULL", "\x1f"])


@QUIET
@given(left=st.text("ab", max_size=3), right=st.text("ab", max_size=3), separator=SEPARATORS)
def test_moving_a_separator_from_one_cell_to_the_other_changes_it(
    table: SqlTable, left: str, right: str, separator: str
) -> None:
    empty = [None] * 2 * len(VALUES)
    rows = []
    for one, two in (
        (left + separator, right),
        (left, separator + right),
        (left, right),
        (left + separator + right, ""),
    ):
        row = list(empty)
        row[0], row[len(VALUES)] = one, two
        rows.append(tuple(row))
    found = prints(table, *rows)
    same = [(i, j) for i in range(len(rows)) for j in range(i) if found[i] == found[j] and rows[i] != rows[j]]
    assert same == []


@QUIET
@given(text=TEXTS.filter(lambda text: text is not None))
@example(text="")
@example(text="e\u0301")
@example(text="\u212b")
def test_blanks_missing_texts_and_the_two_forms_of_a_letter_all_show(table: SqlTable, text: str) -> None:
    """Fingerprint 1 is about bytes: what only looks alike is found to be the same order by fingerprint 2."""
    composed, apart = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    variants: list[str | None] = list(dict.fromkeys([None, text, text + " ", " " + text, composed, apart]))
    found = prints(table, *((value, *[None] * (2 * len(VALUES) - 1)) for value in variants))
    assert len(set(found)) == len(variants)
