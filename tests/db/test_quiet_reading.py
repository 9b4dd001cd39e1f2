"""What a quiet run fetches from the source, counted at the cursor: UUIDs and hashes, by a few statements."""

from __future__ import annotations

import pytest
from django.db import connections

from staging.core.ports import Scope
from staging.source import demo
from staging.source.demo_columns import CUSTOMER, IDENTITY, PO_NUMBER, TABLE
from staging.source.sql_table import SqlTable

from .fetched import Fetched
from .source_tables import dropping

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

KEY = ("AAG ORDER NUMBER", "CUSTOMER STYLE", "CUSTOMER COLOUR DESCRIPTION", "PO NUMBER")
PER_ROW = 12_000_000 / 97_222  # bytes


def fetched(rows: int, monkeypatch: pytest.MonkeyPatch) -> Fetched:
    """What the questions of a quiet run fetch from a table of this size, read by two readers where there can be two."""
    connection = connections["orders"]
    demo.load(connection, rows=rows, seed=1, replace=True)
    table = SqlTable(connection, TABLE, IDENTITY, CUSTOMER, PO_NUMBER)
    monkeypatch.setattr(type(table._sql.dialect), "places", 10)
    counted = Fetched()
    end = counted.watch(connection)
    try:
        assert table.count(Scope()) == rows
        assert sum(len(page) for page in table.fingerprint_pages(Scope())) == rows
        assert len(list(table.rows_without_identity(Scope()))) < rows / 100
        table.repeated_keys([KEY, KEY[:2]], Scope())
    finally:
        end()
    return counted


def test_a_quiet_run_fetches_uuids_and_hashes_alone_by_a_fixed_number_of_statements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with dropping(TABLE):
        few, many = fetched(400, monkeypatch), fetched(4_000, monkeypatch)
    assert few.statements == many.statements < 20
    assert 99 < many.letters / 4_000 < PER_ROW
