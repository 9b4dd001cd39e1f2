"""Small tables behind the `orders` connection, for the tests of the source on any database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections

from staging.core.source_dialects import DIALECTS, Statement
from staging.source import order_table
from staging.source.order_table import TYPES
from staging.source.sql_table import SqlTable

TABLE = "SMALL_ORDERS"
MORE_TYPES: dict[str, dict[str, str]] = {
    "sqlite": {"decimal": "DECIMAL(20,4)", "float": "REAL", "datetime": "DATETIME", "bool": "BOOL", "binary": "BLOB"},
    "postgresql": {
        "decimal": "numeric(20,4)",
        "float": "double precision",
        "datetime": "timestamptz",
        "bool": "boolean",
        "binary": "bytea",
    },
    "microsoft": {
        "decimal": "decimal(20,4)",
        "float": "float",
        "datetime": "datetime2",
        "bool": "bit",
        "binary": "varbinary(max)",
    },
}


def vendor() -> str:
    return connections["orders"].vendor


@contextmanager
def small_table(columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> Iterator[None]:
    """A table with these columns (name -> type in our words) and rows, gone at the end."""
    connection = connections["orders"]
    dialect, types = DIALECTS[connection.vendor], {**TYPES[connection.vendor], **MORE_TYPES[connection.vendor]}
    fields = ", ".join(f"{dialect.quote(name)} {types[word]} NULL" for name, word in columns.items())
    marks = ", ".join(["%s"] * len(columns))
    name = dialect.quote(TABLE)
    run(f"CREATE TABLE {name} ({fields})")
    try:
        for row in rows:
            run(f"INSERT INTO {name} VALUES ({marks})", *row)
        yield
    finally:
        run(f"DROP TABLE {name}")


def run(sql: str, *params: Any) -> None:
    with connections["orders"].cursor() as cursor:
        cursor.execute(*Statement(sql, params).raw)


def source(**names: str) -> SqlTable:
    given = {"table": TABLE, "identity": "id", "customer": "who", "po_number": "po", **names}
    return SqlTable(connections["orders"], **given)


@contextmanager
def dropping(*tables: str, alias: str = "orders") -> Iterator[None]:
    """Whatever a test leaves behind under these names, and the demo's mark, is gone before and after it."""
    connection = connections[alias]

    def drop() -> None:
        for name in (*tables, order_table.MARKS):
            if order_table.exists(connection, name):
                with connection.cursor() as cursor:
                    cursor.execute(f"DROP TABLE {DIALECTS[connection.vendor].quote(name)}")

    drop()
    try:
        yield
    finally:
        drop()


def rows_of(table: str, *columns: str) -> list[tuple[Any, ...]]:
    """These columns of every row."""
    dialect = DIALECTS[vendor()]
    fields = ", ".join(dialect.quote(name) for name in columns)
    with connections["orders"].cursor() as cursor:
        cursor.execute(*Statement(f"SELECT {fields} FROM {dialect.quote(table)}").raw)
        return list(cursor.fetchall())
