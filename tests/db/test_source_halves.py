"""Two readers of one table: each row once, as all of them stood at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from staging.core.ports import Scope, SourceRefused
from staging.source import halves
from staging.source.sql_table import SqlTable

from .source_tables import run, small_table, source, vendor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

COLUMNS = {"id": "text", "who": "text", "po": "text", "S": "int"}
ROWS = [(f"r{number:05d}", ("A", "B")[number % 2], "po" * 400, number) for number in range(3_000)]


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlTable]:
    with small_table(COLUMNS, ROWS):
        found = source()
        monkeypatch.setattr(type(found._sql.dialect), "places", 10)
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        yield found


def paged(found: SqlTable, scope: Scope = Scope()) -> list[Any]:  # noqa: B008
    return sorted(row for page in found.fingerprint_pages(scope) for row in page)


def readers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many readers each reading had."""
    counted: list[int] = []
    together = halves.together

    def counting(connections: Any, reads: Any) -> Any:
        counted.append(len(reads))
        return together(connections, reads)

    monkeypatch.setattr(halves, "together", counting)
    return counted


def test_two_readers_find_each_row_once(orders: SqlTable, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = readers(monkeypatch)
    assert paged(orders) == sorted(orders.fingerprints(Scope()))
    assert len(paged(orders, Scope(customers=("A",)))) == 1_500
    assert counted == ([2, 2] if vendor() != "microsoft" else [])


def test_rows_that_are_not_committed_yet_are_read_by_the_connection_that_wrote_them(
    orders: SqlTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = readers(monkeypatch)
    with transaction.atomic(using="orders"):
        run("UPDATE {} SET po = 'x'".format(connections["orders"].ops.quote_name("SMALL_ORDERS")))
        assert len({fingerprint for _, fingerprint in paged(orders)}) == len(ROWS)
        transaction.set_rollback(True, using="orders")
    assert counted == []


def test_a_table_that_is_loaded_anew_between_the_two_beginnings_is_read_as_it_stands_afterwards(
    orders: SqlTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    if vendor() != "sqlite":
        pytest.skip("a server hands one snapshot to both")
    ask, begun = halves._ask, []

    def disturbed(connection: Any, statement: str) -> Any:
        found = ask(connection, statement)
        if statement.startswith("SELECT COUNT") and not begun:  # the first reader sees the table already
            begun.append(statement)
            copy = connections["orders"].copy()
            with copy.cursor() as cursor:
                cursor.execute("UPDATE SMALL_ORDERS SET rowid = rowid + 3000 WHERE rowid <= 1500")
            copy.close()
        return found

    monkeypatch.setattr(halves, "_ask", disturbed)
    assert [identity for identity, _ in paged(orders)] == [row[0] for row in ROWS]


def test_a_view_is_read_by_one_reader(orders: SqlTable, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = readers(monkeypatch)
    quote = connections["orders"].ops.quote_name
    run(f"CREATE VIEW {quote('SEEN_ORDERS')} AS SELECT * FROM {quote('SMALL_ORDERS')}")
    try:
        assert len(paged(source(table="SEEN_ORDERS"))) == len(ROWS)
        assert counted == []
    finally:
        run(f"DROP VIEW {quote('SEEN_ORDERS')}")


def test_who_stops_reading_leaves_no_reader_behind(orders: SqlTable) -> None:
    pages = orders.fingerprint_pages(Scope())
    next(pages)
    pages.close()
    run(f"DELETE FROM {connections['orders'].ops.quote_name('SMALL_ORDERS')}")  # no reader holds the table
    assert paged(orders) == []


def test_a_reader_that_fails_fails_the_reading(orders: SqlTable, monkeypatch: pytest.MonkeyPatch) -> None:
    if vendor() == "microsoft":
        pytest.skip("the server has one reader")
    parts = [orders._sql.fingerprints(Scope()), orders._sql.fingerprints(Scope())]
    broken = type(parts[0])(parts[0].text + " WHERE 1 = no_such_column")
    monkeypatch.setattr(type(orders), "_halves", lambda self, scope: (parts[0], broken))
    with pytest.raises(SourceRefused, match="broke off"):
        paged(orders)
