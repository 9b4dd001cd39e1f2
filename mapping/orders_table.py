"""What a mapping's check asks of the order table: its columns, and the labels that its rows would bring to the board.

Reads only, by plain SELECTs that run on every vendor. A table that cannot be read is "not known", never an empty one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from monday.core.structure import BoardStructure

from .core.cells import Fault, Table, cell_table
from .core.family import Family, kind_for
from .core.rules import ColumnRules, Mapping, size_columns
from .core.targets import LABELLED, labelled

PAGE = 2_000
INTAKE = "ORDERS_INTAKE"
"""The table of the lists that people bring by the page: in a database of its own, and a source in TEST alone."""


def alias_of(table: str) -> str:
    """The connection behind which this order table stands."""
    return "intake" if table.casefold() == INTAKE.casefold() else "orders"


def table_columns(table: str) -> tuple[str, ...] | None:
    """The columns of an order table in its own order; None where it cannot be read."""
    connection = connections[alias_of(table)]
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {_quoted_table(connection, table)} WHERE 1 = 0")
            return tuple(str(column[0]) for column in cursor.description) or None
    except Error:
        return None


def row_labels(family: Family, structure: BoardStructure) -> dict[str, set[str]] | None:
    """The labels that the rows of all known customers would bring, by column id; None where the table cannot be read.

    Of all rows, whatever `include` narrows. Asks one statement per labelled column, and one for all sizes.
    """
    columns = table_columns(family.board.source.table)
    if columns is None:
        return None
    found: dict[str, set[str]] = defaultdict(set)
    mappings = {name: family.mapping(name) for name in family.customers}
    wanted = {
        (rules.source, rules.to)
        for mapping in mappings.values()
        for rules in mapping.columns
        if rules.to in labelled(mapping, structure) and rules.source in columns
    }
    try:
        for source, to in sorted(wanted):
            _of_column(family, mappings, structure, source, to, found[to])
        _of_sizes(family, structure, columns, found)
    except Error:
        return None
    return dict(found)


def _of_column(
    family: Family, mappings: dict[str, Mapping], structure: BoardStructure, source: str, to: str, found: set[str]
) -> None:
    tables: list[tuple[ColumnRules, Table]] = []
    by_customer: dict[str, Table] = {}
    for name, mapping in mappings.items():
        rules = mapping.column(to)
        if rules is not None and rules.source == source and kind_for(rules, structure) in LABELLED:
            cells = next((cells for other, cells in tables if other == rules), None)
            if cells is None:
                cells = cell_table(rules, kind_for(rules, structure))
                tables.append((rules, cells))
            by_customer[name] = cells
    table = family.board.source.table
    for spelling, value in _select(
        family, f"DISTINCT {_name(family.board.source.customer, table)}, {_name(source, table)}"
    ):
        of_row = by_customer.get(family.customer_of(None if spelling is None else str(spelling)) or "")
        cell = of_row[value] if of_row is not None else None
        if isinstance(cell, Fault) or cell is None:
            continue
        found.update(map(str, cell) if isinstance(cell, list) else [str(cell)])


def _of_sizes(family: Family, structure: BoardStructure, columns: Sequence[str], found: dict[str, set[str]]) -> None:
    sizes = family.default.sizes
    if sizes is None or sizes.size_column not in labelled(family.default, structure):
        return
    names = size_columns(sizes, columns)
    if not names:
        return
    table = family.board.source.table
    customer = _name(family.board.source.customer, table)
    most = ", ".join(f"MAX({_name(name, table)})" for name in names)
    for spelling, *quantities in _select(family, f"{customer}, {most}", f"GROUP BY {customer}"):
        name = family.customer_of(None if spelling is None else str(spelling))
        own = family.mapping(name).sizes if name else None
        if own is not None:
            filled = (size for size, most in zip(names, quantities, strict=True) if most not in (None, 0, "", "0"))
            found[sizes.size_column].update(own.rename.get(size, size) for size in filled)


def _select(family: Family, what: str, rest: str = "") -> Any:
    connection = connections[alias_of(family.board.source.table)]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {what} FROM {_quoted_table(connection, family.board.source.table)} {rest}".rstrip())
        while page := cursor.fetchmany(PAGE):
            yield from page


def _name(column: str, table: str) -> str:
    return _quoted(connections[alias_of(table)], column)


def _quoted_table(connection: BaseDatabaseWrapper, table: str) -> str:
    return ".".join(_quoted(connection, part) for part in table.split("."))


def _quoted(connection: BaseDatabaseWrapper, name: str) -> str:
    """An identifier, whatever it holds: a person types it in a document."""
    if connection.vendor == "microsoft":
        return f"[{name.replace(']', ']]')}]"
    return '"' + name.replace('"', '""') + '"'
