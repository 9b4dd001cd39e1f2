"""Writes many rows that differ, in one prepared statement.

Django's `bulk_update` builds one CASE per field and row, which costs more than the writes themselves; `executemany`
with a plain UPDATE is the same on every database. Quoted identifiers, parameters for every value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections, models, router


def update_each(objects: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Store these fields of objects that have keys. Requires an open transaction where all or none shall hold."""
    if not objects:
        return
    model = type(objects[0])
    connection = connections[router.db_for_write(model)]
    quote, columns = connection.ops.quote_name, [_column(model, name) for name in fields]
    assignments = ", ".join(f"{quote(str(column.column))} = %s" for column in columns)
    key = quote(str(model._meta.pk.column))
    statement = f"UPDATE {quote(model._meta.db_table)} SET {assignments} WHERE {key} = %s"
    rows = [[*(c.get_db_prep_save(getattr(one, c.attname), connection) for c in columns), one.pk] for one in objects]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _column(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    column = model._meta.get_field(name)
    assert isinstance(column, models.Field)
    return column
