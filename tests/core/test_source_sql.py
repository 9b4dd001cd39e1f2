"""The text of the statements that read orders: quoting, parameters, narrowing, schemes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from staging.core.ports import Condition, Scope
from staging.core.source_dialects import DIALECTS, Column, Statement, chunked, quoted_table
from staging.core.source_sql import NoSuchColumn, SourceSql

EVERY = sorted(DIALECTS)
NATIVES = {
    "sqlite": {"text": "TEXT", "int": "INTEGER", "date": "DATE_TEXT", "uuid": "UUID_TEXT"},
    "postgresql": {"text": "text", "int": "integer", "date": "date", "uuid": "uuid"},
    "microsoft": {"text": "nvarchar", "int": "int", "date": "date", "uuid": "uniqueidentifier"},
}


def table(vendor: str, *names: str) -> SourceSql:
    natives = NATIVES[vendor]
    columns = [Column("id", natives["uuid"], "uuid"), Column("who", natives["text"], "text")]
    columns += [Column(name, natives["text"], "text") for name in names]
    columns.append(Column("due", natives["date"], "date"))
    return SourceSql(DIALECTS[vendor], "ORDERS", tuple(columns), "id", "who", "who")


@pytest.mark.parametrize(
    ("vendor", "name", "quoted"),
    [
        ("sqlite", 'CUSTOMER\'S "COLOUR" 75%', '"CUSTOMER\'S ""COLOUR"" 75%%"'),
        ("postgresql", '"quoted"', '"""quoted"""'),
        ("microsoft", "PRICE [USD] 75%", "[PRICE [USD]] 75%%]"),
    ],
)
def test_names_are_quoted_whatever_they_hold(vendor: str, name: str, quoted: str) -> None:
    assert DIALECTS[vendor].quote(name) == quoted


def test_a_schema_and_a_table_are_two_names() -> None:
    assert quoted_table(DIALECTS["microsoft"], "dbo.ORDERS") == "[dbo].[ORDERS]"


def test_a_percent_sign_reaches_the_database_once_with_parameters_and_without() -> None:
    assert Statement('SELECT "75%%"').raw == ('SELECT "75%"', None)
    assert Statement('SELECT "75%%" = %s', ("x",)).raw == ('SELECT "75%%" = %s', ("x",))


@pytest.mark.parametrize("vendor", EVERY)
def test_values_never_stand_in_the_text(vendor: str) -> None:
    scope = Scope(
        customers=("B'HOOD; DROP TABLE x",),
        po_number="PO-SECRET",
        include=(Condition("who", values=("V'1",)), Condition("due", after=date(2026, 1, 2), before=date(2026, 2, 3))),
    )
    found = table(vendor).fingerprints(scope)
    assert found.params == ("V'1", "2026-01-02", "2026-02-03", "B'HOOD; DROP TABLE x", "PO-SECRET")
    assert not any(str(value) in found.text for value in found.params)
    assert found.text.replace("%%", "").count("%s") == len(found.params)


def test_long_lists_are_cut_into_lists_of_a_thousand() -> None:
    found = chunked("o.x", [str(number) for number in range(2_500)])
    assert [part.count("%s") for part in found.text.split(" OR ")] == [1000, 1000, 500]
    assert len(found.params) == 2_500


def test_an_empty_list_of_customers_finds_nothing() -> None:
    assert chunked("o.x", []) == Statement("1 = 0")


@pytest.mark.parametrize("vendor", EVERY)
def test_the_identity_is_no_part_of_the_fingerprint(vendor: str) -> None:
    found = table(vendor)
    assert found.dialect.quote("id") not in found.dialect.fingerprint([c for c in found.columns if c.name != "id"])
    other = replace(found, columns=(Column("id", "text", "text"), *found.columns[1:]))
    assert found.scheme == other.scheme


@pytest.mark.parametrize("vendor", EVERY)
def test_a_scheme_names_the_vendor_and_every_tracked_column(vendor: str) -> None:
    plain, wider = table(vendor, "a", "b"), table(vendor, "a", "b", "c")
    swapped, renamed = table(vendor, "b", "a"), table(vendor, "a", "B")
    retyped = replace(plain, columns=(*plain.columns[:-1], Column("due", "text", "text")))
    schemes = {found.scheme for found in (plain, wider, swapped, renamed, retyped)}
    assert len(schemes) == 5
    assert all(scheme.startswith(f"{vendor}:1:") and len(scheme) < 40 for scheme in schemes)
    assert plain.scheme == table(vendor, "a", "b").scheme


@pytest.mark.parametrize("vendor", EVERY)
def test_a_column_that_is_not_there_is_named(vendor: str) -> None:
    with pytest.raises(NoSuchColumn, match="ORDER TYPE"):
        table(vendor).count(Scope(include=(Condition("ORDER TYPE", values=("ACTIVE",)),)))


def test_sqlite_functions_get_at_most_a_hundred_arguments() -> None:
    columns = [Column(f"c{number}", "NUMERIC", "decimal") for number in range(300)]
    text = DIALECTS["sqlite"].fingerprint(columns)
    pieces = text.split("json_array(")[1:]
    assert max(piece.count("typeof(o.") for piece in pieces) <= 100
    assert all(text.count(f'typeof(o."c{number}")') == 2 for number in range(300))


@pytest.mark.parametrize("number", [1, 89, 90, 91, 180, 181])
def test_no_column_falls_between_two_pieces(number: int) -> None:
    text = DIALECTS["sqlite"].fingerprint([Column(f"c{place}", "TEXT", "text") for place in range(number)])
    assert all(f'o."c{place}"' in text for place in range(number))


@pytest.mark.parametrize(
    ("vendor", "native", "word"),
    [
        ("sqlite", "DATE_TEXT", "date"),
        ("sqlite", "varchar(36)", "text"),
        ("sqlite", "DATETIME", "datetime"),
        ("sqlite", "", "text"),
        ("sqlite", "DECIMAL(10,2)", "decimal"),
        ("postgresql", "timestamp with time zone", "datetime"),
        ("postgresql", "character varying", "text"),
        ("postgresql", "bytea", "binary"),
        ("microsoft", "datetimeoffset", "datetime"),
        ("microsoft", "timestamp", "binary"),
        ("microsoft", "money", "decimal"),
        ("microsoft", "bit", "bool"),
        ("microsoft", "xml", "text"),
    ],
)
def test_types_are_told_in_our_words(vendor: str, native: str, word: str) -> None:
    assert DIALECTS[vendor].word(native) == word
