"""Reading orders through a Django connection, on whichever database the `orders` alias names."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from staging.core.identity import canonical
from staging.core.ports import Condition, Scope, SourceRefused
from staging.core.source_dialects import BLANKS
from staging.source import demo, sql_table
from staging.source.demo_columns import CUSTOMER, IDENTITY, NAMES, PO_NUMBER, TABLE
from staging.source.sql_table import SqlTable

from .source_tables import run, small_table, source, vendor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

ODD_NAMES = (
    "CUSTOMER'S COLOUR CODE (CUSTOM FIELD)",
    "USA ONLY LSTP 75% EX WORKS",
    'say "quote"',
    "%s",
    "a;--",
    "30/32",
)
COLUMNS = {"id": "uuid", "who": "text", "po": "text", "due": "date", "S": "int", **dict.fromkeys(ODD_NAMES, "text")}
ALL = Scope()


@contextmanager
def renamed_away() -> Iterator[None]:
    """The table is gone while this lasts."""
    sql = "EXEC sp_rename '{}', '{}'" if vendor() == "microsoft" else 'ALTER TABLE "{}" RENAME TO "{}"'
    run(sql.format("SMALL_ORDERS", "ELSEWHERE"))
    try:
        yield
    finally:
        run(sql.format("ELSEWHERE", "SMALL_ORDERS"))


def uuid(number: int) -> str:
    return str(UUID(int=number, version=4)).upper()


def order(identity: str | None, who: str | None, po: str | None = None, due: str | None = None, s: int | None = 5):
    return (identity, who, po, due, s, *(f"{name}'s" for name in ODD_NAMES))


ORDERS = [
    order(uuid(1), "B'HOOD", "PO 1", "2026-01-31"),
    order(uuid(2), "WHITE|FOX", " PO 1\t", "2026-02-01"),
    order(uuid(3), "云端服饰", "PO 100%", "2026-02-28"),
    order(uuid(4), "B'HOOD ", "PO 2", None),
    order(None, "b'hood", "PO 2", "2026-03-01"),
    order(uuid(5), None, None, "2025-12-31"),
]


@pytest.fixture
def orders() -> Iterator[SqlTable]:
    with small_table(COLUMNS, ORDERS):
        yield source()


def identities(found: SqlTable, scope: Scope) -> set[str | None]:
    return {canonical(identity) for identity, _ in found.fingerprints(scope)}


def named(*numbers: int) -> set[str | None]:
    return {uuid(number).lower() for number in numbers}


def test_columns_come_in_the_tables_order_with_types_in_our_words(orders: SqlTable) -> None:
    assert [(column.name, column.type) for column in orders.columns] == list(COLUMNS.items())


def test_every_row_has_one_fingerprint_of_64_hex_digits(orders: SqlTable) -> None:
    found = list(orders.fingerprints(ALL))
    assert len(found) == orders.count(ALL) == len(ORDERS)
    assert all(len(fingerprint) == 64 and set(fingerprint) <= set("0123456789abcdef") for _, fingerprint in found)
    assert identities(orders, ALL) == {None, *named(1, 2, 3, 4, 5)}


def test_a_full_row_brings_the_fingerprint_that_the_stream_had(orders: SqlTable) -> None:
    streamed = dict(orders.fingerprints(ALL))
    asked = [identity for identity in streamed if identity]
    rows = {identity: (fingerprint, row) for identity, fingerprint, row in orders.rows(asked, ALL)}
    assert {identity: fingerprint for identity, (fingerprint, _) in rows.items()} | {None: streamed[None]} == streamed
    for identity, (_, row) in rows.items():
        stands = dict(zip(COLUMNS, row, strict=True))
        assert canonical(stands["id"]) == canonical(identity)
        assert [stands[name] for name in ODD_NAMES] == [f"{name}'s" for name in ODD_NAMES]
        assert stands["S"] == 5


def test_the_fingerprints_of_some_records_are_those_of_the_stream(orders: SqlTable) -> None:
    streamed = {identity: fingerprint for identity, fingerprint in orders.fingerprints(ALL) if identity}
    asked = sorted(streamed)[:3]
    assert dict(orders.fingerprints_of(asked, ALL)) == {identity: streamed[identity] for identity in asked}
    assert list(orders.fingerprints_of(asked, Scope(customers=()))) == []


def test_rows_of_unknown_records_are_absent_and_no_records_need_no_statement(orders: SqlTable) -> None:
    assert list(orders.rows([], ALL)) == []
    assert list(orders.rows([uuid(99)], ALL)) == []


def test_more_records_than_a_page_are_read_in_pages() -> None:
    with small_table(COLUMNS, [order(uuid(number), "HARBOUR") for number in range(1_203)]):
        found = source()
        asked = [identity for identity, _ in found.fingerprints(ALL) if identity]
        assert sorted(identity for identity, _, _ in found.rows(asked, ALL)) == sorted(asked)


def test_a_record_that_stands_twice_comes_twice() -> None:
    with small_table(COLUMNS, [order(uuid(1), "HARBOUR"), order(uuid(1), "HARBOUR", s=6)]):
        found = source()
        [spelled] = {identity for identity, _ in found.fingerprints(ALL) if identity}
        assert sorted(row[4] for _, _, row in found.rows([spelled], ALL)) == [5, 6]


def test_rows_without_identity_come_whole(orders: SqlTable) -> None:
    [(fingerprint, row)] = orders.rows_without_identity(ALL)
    assert row[:2] == (None, "b'hood")
    assert (None, fingerprint) in set(orders.fingerprints(ALL))
    assert list(orders.rows_without_identity(Scope(customers=("WHITE|FOX",)))) == []


def test_a_blank_text_is_a_missing_identity() -> None:
    columns = {**COLUMNS, "id": "text"}
    with small_table(columns, [order("", "A"), order("  \t", "B"), order(" x ", "C"), order(None, "D")]):
        found = source()
        assert sorted(row[1] for _, row in found.rows_without_identity(ALL)) == ["A", "B", "D"]
        assert sorted(identity or "" for identity, _ in found.fingerprints(ALL)) == ["", "", "", " x "]
        assert [row[1] for _, _, row in found.rows([" x "], ALL)] == ["C"]


def test_both_passes_over_the_rows_find_the_same_ones_without_a_uuid() -> None:
    """A blank that one of them took for a text would look as if the table had been written in between."""
    blanks = [*BLANKS, "", " \u00a0\t", None]
    with small_table({**COLUMNS, "id": "text"}, [order(blank, "A") for blank in blanks]):
        found = source()
        assert len(list(found.rows_without_identity(ALL))) == len(blanks)
        assert [identity for identity, _ in found.fingerprints(ALL)] == [None] * len(blanks)


def test_customers_are_listed_as_they_are_spelled(orders: SqlTable) -> None:
    assert dict(orders.customers()) == {"B'HOOD": 1, "WHITE|FOX": 1, "云端服饰": 1, "B'HOOD ": 1, "b'hood": 1, None: 1}


def test_a_scope_of_customers_takes_their_exact_spellings(orders: SqlTable) -> None:
    assert identities(orders, Scope(customers=("B'HOOD", "云端服饰"))) == named(1, 3)
    assert orders.count(Scope(customers=())) == 0
    many = tuple(f"customer {number}" for number in range(1_200))
    assert orders.count(Scope(customers=(*many, "WHITE|FOX"))) == 1


def test_a_po_number_is_found_without_the_blanks_around_it(orders: SqlTable) -> None:
    assert identities(orders, Scope(po_number="PO 1")) == named(1, 2)
    assert identities(orders, Scope(po_number="PO 100%")) == named(3)
    assert orders.count(Scope(po_number="PO")) == 0


def test_rows_are_found_by_how_a_cell_begins(orders: SqlTable) -> None:
    def found(text: str, *columns: str, most: int = 9) -> list[str | None]:
        return sorted((canonical(raw) or "" for raw, _, _ in orders.search(columns, text, most)))

    assert found("po 1", "po") == sorted(str(each) for each in named(1, 2, 3))
    assert found("PO 100%", "po") == sorted(str(each) for each in named(3))
    assert found("%", "po", "who") == found("_", "po") == found("[", "po") == found("PO 1", "nowhere") == []
    assert found("云", "po", "who") == sorted(str(each) for each in named(3))
    assert len(found("b'h", "who")) == 3 and len(found("b'h", "who", most=2)) == 2
    ((_, print_, row),) = orders.search(["who"], "white|", 9)
    assert print_ in {each for _, each in orders.fingerprints(ALL)} and row[1] == "WHITE|FOX"


def test_a_condition_takes_values_and_inclusive_days_and_never_null(orders: SqlTable) -> None:
    def within(**window: date) -> set[str | None]:
        return identities(orders, Scope(include=(Condition("due", **window),)))

    assert within(after=date(2026, 2, 1), before=date(2026, 2, 28)) == named(2, 3)
    assert within(before=date(2025, 12, 31)) == named(5)
    assert within(after=date(2000, 1, 1)) == {None, *named(1, 2, 3, 5)}
    assert identities(orders, Scope(include=(Condition("who", values=("WHITE|FOX", "B'HOOD")),))) == named(1, 2, 4)


def test_days_are_found_in_a_column_of_texts() -> None:
    columns = {**COLUMNS, "due": "text"}
    days = ("2026-02-01 10:00", "TBC", "2026-03-01")
    rows = [order(uuid(number), "A", due=day) for number, day in enumerate(days, start=1)]
    with small_table(columns, rows):
        window = Condition("due", after=date(2026, 1, 1), before=date(2026, 2, 1))
        assert identities(source(), Scope(include=(window,))) == named(1)


def test_keys_that_stand_on_several_rows_are_told_trimmed() -> None:
    rows = [order(uuid(1), "A", "1"), order(uuid(2), " A ", "1\t"), order(uuid(3), "a", "1")]
    rows += [order(None, None, ""), order(None, " "), order(None, "A", "2"), order(uuid(8), "B"), order(uuid(9), "B")]
    with small_table(COLUMNS, [*rows, order(uuid(6), "A|1", ""), order(uuid(7), "A", "|1")]):
        found = source()
        both, one, size = ("who", "po"), ("who",), ("S",)
        told = found.repeated_keys([both, one, size], ALL)
        assert told[both] == {("A", "1"), ("", "")}
        assert told[one] == {("A",), ("",)}  # no row without identity belongs to B
        assert ("5",) in told[size]
        assert found.repeated_keys([one], ALL) == {one: told[one]}
        assert found.repeated_keys([both], Scope(customers=("A",))) == {both: set()}
        assert found.repeated_keys([], ALL) == {}


@pytest.mark.parametrize("questions", [10, 0], ids=["by page", "at once"])
def test_rows_are_found_by_their_keys_trimmed_and_exact(monkeypatch: pytest.MonkeyPatch, questions: int) -> None:
    monkeypatch.setattr(sql_table, "MOST_QUESTIONS", questions)
    rows = [order(uuid(1), " A ", "1\t", "2026-01-31"), order(uuid(2), "a", "1"), order(uuid(3), "A|1", None)]
    rows += [order(None, "A", "1"), order(uuid(5), "A'", "100%", s=None), order(uuid(6), "A", None)]
    with small_table(COLUMNS, rows):
        found = source()

        def named(columns: tuple[str, ...], *keys: tuple[str, ...], scope: Scope = ALL) -> list[tuple[str, ...]]:
            told = found.with_keys(columns, keys, scope)
            return sorted((str(canonical(identity)), *key) for identity, key in told)

        one, none = uuid(1).lower(), "None"
        assert named(("who", "po"), ("A", "1")) == [(one, "A", "1"), (none, "A", "1")]
        assert named(("who", "po"), ("A", ""), ("A'", "100%")) == [
            (uuid(5).lower(), "A'", "100%"),
            (uuid(6).lower(), "A", ""),
        ]
        assert named(("who", "due"), ("A", "2026-01-31")) == [(one, "A", "2026-01-31")]
        assert named(("po", "S"), ("100%", ""), ("100%", "5")) == [(uuid(5).lower(), "100%", "")]
        assert named(("who",), ("A",), scope=Scope(customers=("A",))) == named(("who",), ("A",))[1:]
        assert named(("who",)) == named(("who",), ("B",)) == []
        with pytest.raises(SourceRefused, match="NOPE"):
            named(("who", "NOPE"), ("A", "1"))


def test_reading_goes_on_while_a_stream_is_open(orders: SqlTable) -> None:
    stream = orders.fingerprints(ALL)
    first = next(stream)
    assert orders.count(ALL) == len(ORDERS)
    assert len(list(orders.rows([uuid(1), uuid(1).lower()], ALL))) == 1
    assert len([first, *stream]) == len(ORDERS)


def test_a_missing_table_is_refused_with_the_commands_that_make_one(orders: SqlTable) -> None:
    with pytest.raises(SourceRefused, match=r"load_demo_orders.*ORDERS_DATABASE_URL") as refusal:
        source(table="NO_ORDERS")
    assert refusal.value.guard
    with pytest.raises(SourceRefused, match="there is 'SMALL_ORDERS'"):
        source(table="SMAL_ORDERS")


@pytest.mark.parametrize("what", ["identity", "customer", "po_number"])
def test_a_missing_column_is_refused_by_name(orders: SqlTable, what: str) -> None:
    with pytest.raises(SourceRefused, match=r"no column 'duee'.*there is 'due'.*Remedy") as refusal:
        source(**{what: "duee"})
    assert refusal.value.guard


def test_a_condition_on_a_missing_column_is_refused_by_name(orders: SqlTable) -> None:
    with pytest.raises(SourceRefused, match="no column 'ORDER TYPE'") as refusal:
        orders.count(Scope(include=(Condition("ORDER TYPE", values=("ACTIVE",)),)))
    assert refusal.value.guard


def test_an_empty_table_is_no_error_here() -> None:
    with small_table(COLUMNS, []):
        found = source()
        assert (found.count(ALL), list(found.fingerprints(ALL)), found.customers()) == (0, [], [])


def test_a_table_that_vanishes_is_a_failure_and_no_guard(orders: SqlTable) -> None:
    with renamed_away():
        with pytest.raises(SourceRefused, match=r"broke off.*Remedy") as refusal:
            orders.count(ALL)
        assert not refusal.value.guard
        with pytest.raises(SourceRefused, match="broke off"):
            list(orders.fingerprints(ALL))


def _sqlite_at(path: Path) -> DatabaseWrapper:
    settings = {**connections["default"].settings_dict, "NAME": str(path), "OPTIONS": {}}
    return DatabaseWrapper(settings, alias="elsewhere")


def test_a_database_that_cannot_be_opened_is_a_failure_and_no_guard(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite3").write_text("this is no database, only a text of some length" * 50)
    for path in (tmp_path / "missing" / "x.sqlite3", tmp_path / "text.sqlite3"):
        connection = _sqlite_at(path)
        try:
            with pytest.raises(SourceRefused, match=r"cannot be reached.*ORDERS_DATABASE_URL") as refusal:
                SqlTable(connection, TABLE, IDENTITY, CUSTOMER, PO_NUMBER)
            assert not refusal.value.guard
        finally:
            connection.close()


def test_a_stray_binary_cell_is_named_by_its_column() -> None:
    if vendor() != "sqlite":
        pytest.skip("only SQLite lets a column of texts hold binary data")
    with small_table(COLUMNS, [order(uuid(1), "A")]):
        run("UPDATE SMALL_ORDERS SET po = x'00FF'")
        with pytest.raises(SourceRefused, match=r"binary data.* in po") as refusal:
            list(source().fingerprints(ALL))
        assert refusal.value.guard


def test_dates_that_sqlite_cannot_read_are_not_lost() -> None:
    if vendor() != "sqlite":
        pytest.skip("other databases keep texts out of a column of dates")
    with small_table(COLUMNS, [order(uuid(1), "A")]):
        run("ALTER TABLE SMALL_ORDERS ADD COLUMN shipped DATE")
        run("UPDATE SMALL_ORDERS SET shipped = 'TBC'")
        [(_, _, row)] = source().rows([uuid(1)], ALL)
        assert row[-1] == "TBC"


def test_fingerprints_are_streamed_in_flat_memory() -> None:
    connection = connections["orders"]
    demo.load(connection, rows=4_000, seed=3, replace=True)
    try:
        found = SqlTable(connection, TABLE, IDENTITY, CUSTOMER, PO_NUMBER)
        assert [column.name for column in found.columns] == list(NAMES)
        tracemalloc.start()
        number = sum(1 for _ in found.fingerprints(ALL))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert number == 4_000
        assert peak < 3_000_000  # bytes; the rows themselves would take twenty times as much
    finally:
        run(f'DROP TABLE "{TABLE}"')
        run("DROP TABLE ordersite_demo")
