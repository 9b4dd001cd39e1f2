"""Writes many rows by plain statements.

Django's `bulk_update` builds one CASE per field and row, and its `bulk_create` takes every value through several
layers: both cost more than the writes themselves. Quoted identifiers, parameters for every value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper

Column: TypeAlias = "models.Field[Any, Any]"
Quote = Callable[[str], str]
MOST_ROWS = 1_000  # of one statement, which SQL Server allows
MOST_PARAMETERS = {"postgresql": 30_000, "microsoft": 2_000}  # of one statement; SQL Server refuses 2,100
AS_THEY_ARE = (models.CharField, models.IntegerField, models.BooleanField)
"""Fields whose Python value is what the driver takes; texts of other fields may be anything (`PayloadField`)."""


def update_each(objects: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Store these fields of objects that have keys. Requires an open transaction where all or none shall hold."""
    if not objects:
        return
    model = type(objects[0])
    connection = connections[router.db_for_write(model)]
    columns = [_column(model, name) for name in fields]
    statement = update_statement(model, [str(column.column) for column in columns], connection.ops.quote_name)
    rows = [[*(c.get_db_prep_save(getattr(one, c.attname), connection) for c in columns), one.pk] for one in objects]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def update_statement(model: type[models.Model], columns: Sequence[str], quote: Quote) -> str:
    """An UPDATE of one row; its parameters are the columns' values and the key."""
    assignments = ", ".join(f"{quote(column)} = %s" for column in columns)
    key = quote(str(model._meta.pk.column))
    return f"UPDATE {quote(model._meta.db_table)} SET {assignments} WHERE {key} = %s"


def insert_statement(model: type[models.Model], columns: Sequence[str], rows: int, quote: Quote) -> str:
    """An INSERT of so many rows; its parameters are their values, row by row."""
    into = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))})"
    marks = f"({', '.join(['%s'] * len(columns))})"
    return f"{into} VALUES {', '.join([marks] * rows)}"


def insert_each(objects: Sequence[models.Model]) -> None:
    """Insert these objects, which get no keys. Requires an open transaction where all or none shall hold."""
    if not objects:
        return
    model = type(objects[0])
    connection = connections[router.db_for_write(model)]
    columns = [field for field in model._meta.concrete_fields if not field.primary_key]
    ready = [(column.attname, _preparing(column, connection)) for column in columns]
    rows = (
        [prepare(getattr(one, name)) if prepare else getattr(one, name) for name, prepare in ready] for one in objects
    )
    insert_rows(model, [str(column.column) for column in columns], rows)


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of values as the database takes them, in the order of `columns` (names of the table's columns)."""
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":  # no way to a server: row by row through one prepared statement is quickest
            cursor.executemany(insert_statement(model, columns, 1, quote), list(rows))
            return
        most = min(MOST_ROWS, MOST_PARAMETERS[connection.vendor] // len(columns))
        waiting = iter(rows)
        while page := list(islice(waiting, most)):
            values = [value for row in page for value in row]
            cursor.execute(insert_statement(model, columns, len(page), quote), values)


def _preparing(column: Column, connection: BaseDatabaseWrapper) -> Callable[[Any], Any] | None:
    """How a value of this field becomes what the driver takes; None where it is that already."""
    if isinstance(column, AS_THEY_ARE) or column.is_relation:
        return None
    if isinstance(column, models.DateTimeField):
        return _remembering(column, connection)
    return lambda value: column.get_db_prep_save(value, connection)


def _remembering(column: Column, connection: BaseDatabaseWrapper) -> Callable[[datetime | None], Any]:
    """The same moment stands on a whole page of rows."""
    known: dict[datetime | None, Any] = {}

    def prepare(value: datetime | None) -> Any:
        if value not in known:
            known[value] = column.get_db_prep_save(value, connection)
        return known[value]

    return prepare


def _column(model: type[models.Model], name: str) -> Column:
    column = model._meta.get_field(name)
    assert isinstance(column, models.Field)
    return column
