"""Writes many rows by plain statements.

Django's `bulk_update` builds one CASE per field and row, and its `bulk_create` takes every value through several
layers: both cost more than the writes themselves. Quoted identifiers, parameters for every value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState

from monday.fields import PayloadField

Column: TypeAlias = "models.Field[Any, Any]"
Made = TypeVar("Made", bound=models.Model)
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


def fresh(model: type[Made], **values: Any) -> Made:
    """An object that is not stored yet, of values by field and the fields' defaults. Relations are given as objects.

    Django's own constructor takes eight times as long: too long for every row of a table.
    """
    fixed, made, relations = _defaults(model)
    one = model.__new__(model)
    one._state = ModelState()
    stored = one.__dict__
    stored.update(fixed)
    stored.update((name, default()) for name, default in made if name not in values)
    stored.update(values)
    for name, attribute in relations:
        if (related := stored.pop(name, None)) is not None:
            stored[attribute] = related.pk
            one._state.fields_cache[name] = related
    return one


@cache
def _defaults(
    model: type[models.Model],
) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]], list[tuple[str, str]]]:
    """By attribute the defaults that all objects share, and those that each has of its own; the relations' names."""
    fields = [field for field in model._meta.concrete_fields if isinstance(field, models.Field)]
    own = [field for field in fields if field.has_default() and callable(field.default)]
    shared = {field.attname: field.get_default() for field in fields if field not in own}
    relations = [(field.name, field.attname) for field in fields if field.is_relation]
    return shared, [(field.attname, field.default) for field in own], relations


def insert_each(objects: Sequence[models.Model]) -> None:
    """Insert these objects, which get no keys. Requires an open transaction where all or none shall hold."""
    if not objects:
        return
    model = type(objects[0])
    connection = connections[router.db_for_write(model)]
    columns = [field for field in model._meta.concrete_fields if not field.primary_key]
    read = attrgetter(*[column.attname for column in columns])
    prepared = [(at, way) for at, column in enumerate(columns) if (way := _preparing(column, connection))]

    def row(one: models.Model) -> list[Any]:
        values = list(read(one))
        for at, way in prepared:
            values[at] = way(values[at])
        return values

    insert_rows(model, [str(column.column) for column in columns], map(row, objects))


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
    if isinstance(column, PayloadField):  # as the longer way below ends, on every database
        return column.get_prep_value
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
