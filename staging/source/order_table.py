"""Makes and fills an order table behind a Django connection; what `load_demo_orders` and `load_orders` write.

Every change is one transaction: until it ends, the table stands as it stood, and a broken or stopped load leaves it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from staging.core.source_dialects import DIALECTS, Column, Statement, quoted_table

from .demo_columns import COLUMNS, IDENTITY

MARKS: Final = "ordersite_demo"  # one row per table that load_demo_orders made
CHUNK: Final = 1_000  # rows in memory at a time

# On SQLite the type's text gives a column its affinity: TEXT in it keeps dates and UUIDs exactly as they were given.
TYPES: Final[dict[str, dict[str, str]]] = {
    "sqlite": {"text": "TEXT", "int": "INTEGER", "date": "DATE_TEXT", "uuid": "UUID_TEXT"},
    "postgresql": {"text": "text", "int": "integer", "date": "date", "uuid": "uuid"},
    "microsoft": {"text": "nvarchar(max)", "int": "int", "date": "date", "uuid": "uniqueidentifier"},
}


class NotOurs(Exception):
    """The table holds orders that load_demo_orders did not make; the message is one sentence with the remedy."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"{table} holds orders that are not from the demo. Remedy: --replace overwrites them, "
            "or set ORDERS_DATABASE_URL to another database."
        )


@dataclass(frozen=True, slots=True)
class OrderTable:
    """A table inside the transaction that fills it."""

    connection: BaseDatabaseWrapper
    name: str

    def insert(self, rows: Iterator[tuple[Any, ...]], columns: Sequence[str] = ()) -> int:
        """Insert the rows, given in the order of `columns` (all 268 where empty), in chunks; says how many."""
        names = columns or [name for name, _ in COLUMNS]
        dialect = DIALECTS[self.connection.vendor]
        fields, marks = ", ".join(dialect.quote(name) for name in names), ", ".join(["%s"] * len(names))
        sql = f"INSERT INTO {quoted_table(dialect, self.name)} ({fields}) VALUES ({marks})"
        inserted = 0
        with self.connection.cursor() as cursor:
            while chunk := list(islice(rows, CHUNK)):
                cursor.executemany(sql, chunk)
                inserted += len(chunk)
        return inserted

    def mark_as_demo(self, rows: int, seed: int, version: int) -> None:
        """Remember what the table was made from."""
        _execute(
            self.connection,
            Statement(f"INSERT INTO {MARKS} VALUES (%s, %s, %s, %s, 0)", (self.name, rows, seed, version)),
        )


def exists(connection: BaseDatabaseWrapper, table: str) -> bool:
    """True where there is a table or view of this name."""
    return bool(columns(connection, table))


def columns(connection: BaseDatabaseWrapper, table: str) -> tuple[Column, ...]:
    """The table's columns; none where there is no such table."""
    dialect = DIALECTS[connection.vendor]
    found = _execute(connection, dialect.catalogue(table))
    return tuple(Column(name, native, dialect.word(native)) for name, native in found)


def demo_mark(connection: BaseDatabaseWrapper, table: str) -> tuple[int, int, int] | None:
    """Number of rows, seed and version that load_demo_orders made this table from; None where it did not."""
    if not (exists(connection, MARKS) and exists(connection, table)):
        return None
    found = _execute(connection, Statement(f"SELECT made, seed, version FROM {MARKS} WHERE name = %s", (table,)))
    return (int(found[0][0]), int(found[0][1]), int(found[0][2])) if found else None


def next_round(connection: BaseDatabaseWrapper, table: str) -> int:
    """Count one more round of changes to a demo table: 1 for the first."""
    _execute(connection, Statement(f"UPDATE {MARKS} SET rounds = rounds + 1 WHERE name = %s", (table,)))
    return int(_execute(connection, Statement(f"SELECT rounds FROM {MARKS} WHERE name = %s", (table,)))[0][0])


def forget_demo(connection: BaseDatabaseWrapper, table: str) -> None:
    """From now on the table holds somebody's own orders."""
    if exists(connection, MARKS):
        _execute(connection, Statement(f"DELETE FROM {MARKS} WHERE name = %s", (table,)))


@contextmanager
def rewriting(connection: BaseDatabaseWrapper, table: str) -> Iterator[OrderTable]:
    """A new, empty order table in the place of the old one, in one transaction."""
    with transaction.atomic(using=connection.alias):
        if not exists(connection, MARKS):
            integers = "made INTEGER, seed INTEGER, version INTEGER, rounds INTEGER"
            _execute(connection, Statement(f"CREATE TABLE {MARKS} (name VARCHAR(200), {integers})"))
        forget_demo(connection, table)
        if exists(connection, table):
            _execute(connection, Statement(f"DROP TABLE {quoted_table(DIALECTS[connection.vendor], table)}"))
        create(connection, table)
        yield OrderTable(connection, table)


def create(connection: BaseDatabaseWrapper, table: str) -> None:
    """The order table with its 268 columns and an index on the identity."""
    dialect = DIALECTS[connection.vendor]
    types = TYPES[connection.vendor]
    name = quoted_table(dialect, table)
    fields = ", ".join(f"{dialect.quote(column)} {types[word]} NULL" for column, word in COLUMNS)
    index = dialect.quote(f"{table.rpartition('.')[2]}_identity")
    _execute(connection, Statement(f"CREATE TABLE {name} ({fields})"))
    _execute(connection, Statement(f"CREATE INDEX {index} ON {name} ({dialect.quote(IDENTITY)})"))


def _execute(connection: BaseDatabaseWrapper, statement: Statement) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(*statement.raw)
        return cursor.fetchall() if cursor.description else []
