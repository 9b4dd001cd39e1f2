"""The order source: the table with its columns, how records are found in it, and what this account may do there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from mapping.core.family import Family
from mapping.core.targets import source_columns_needed
from mapping.orders_table import alias_of
from mapping.published import PublishedFamily
from monday.models import Board
from staging import wiring
from staging.core.ports import OrderSource, SourceRefused
from staging.core.source_dialects import DIALECTS, Column, Dialect, Statement, quoted_table
from staging.detection.guards import GuardRefused, check_rows, check_source
from staging.models import SyncRun
from staging.setup import belonging
from staging.source.order_table import columns

from . import source_rights
from .app_database import version
from .finding import Finding, Status, ok, problem, told, warning
from .reaching import connect, missing_file

NAME = "order source"
LOAD = "python manage.py load_demo_orders, python manage.py load_orders FILE, or set ORDERS_DATABASE_URL"

# How many indexes begin with this column; no row where the thing is a view, whose indexes are its tables'.
INDEXES = {
    "sqlite": (
        "SELECT (SELECT COUNT(*) FROM pragma_index_list(m.name) AS l JOIN pragma_index_info(l.name) AS i "
        "WHERE i.seqno = 0 AND i.name = %s) FROM sqlite_master AS m WHERE m.type = 'table' AND m.name = %s"
    ),
    "postgresql": (
        "SELECT (SELECT COUNT(*) FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid "
        "AND a.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND a.attname = %s) "
        "FROM pg_class AS c WHERE c.relkind IN ('r', 'p') AND c.oid = to_regclass(%s)"
    ),
    "microsoft": (
        "SELECT (SELECT COUNT(*) FROM sys.index_columns AS i JOIN sys.columns AS c ON c.object_id = i.object_id "
        "AND c.column_id = i.column_id WHERE i.object_id = t.object_id AND i.key_ordinal = 1 AND c.name = %s) "
        "FROM sys.tables AS t WHERE t.object_id = OBJECT_ID(%s)"
    ),
}


@dataclass(frozen=True, slots=True)
class Identities:
    """Rows of the source, those with an identity, and how many different identities they carry."""

    rows: int
    present: int
    distinct: int


def examine(family: Family, *, remembered: bool = False) -> Iterator[Finding]:
    """Everything about the source of one board's mapping, as far as it can be reached. Only reads.

    Where the app database is usable, `remembered`, the source is also held against the last full runs.
    Raises OSError, django.db.Error.
    """
    rules = family.default.source
    alias = alias_of(rules.table)
    path = missing_file(connections[alias])
    if path:
        yield problem(NAME, f"It has not been made yet ({path}).", LOAD)
        return
    connection = connect(alias)
    yield ok(NAME, f"{version(connection)} answers.")
    try:
        source = wiring.source(PublishedFamily(family, 0, {}))
    except SourceRefused as refused:
        yield told("order table", str(refused))
        return
    columns_found = _columns(family, {column.name for column in source.columns})
    yield columns_found
    if remembered and columns_found.status is Status.OK:
        yield from _as_before(family, source)
    known = {column.name: column for column in columns(connection, rules.table)}
    if rules.identity not in known:  # the table was replaced since it was looked at above
        yield problem("order table", f"{rules.table} has no column {rules.identity} any more.", "Ask the doctor again.")
        return
    yield from _identities(connection, rules.table, known[rules.identity])
    yield from _index(connection, rules.table, rules.identity)
    yield from source_rights.examine(connection, rules.table)


def _columns(family: Family, present: set[str]) -> Finding:
    needed = {column for mapping in family.mappings() for column in source_columns_needed(mapping)}
    missing = sorted(needed - present)
    table = family.default.source.table
    if not missing:
        return ok("order table", f"{table} has all {len(needed)} columns that the mapping needs.")
    shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    remedy = "Add the columns to the table, or publish a mapping without them."
    return problem("order table", f"{table} lacks {shown}.", remedy)


def _as_before(family: Family, source: OrderSource) -> Iterator[Finding]:
    """Whether the next run would be refused, as columns or rows are not what they were in the last full one."""
    try:
        rows = source.count(belonging(family, timezone.now().date()))
    except SourceRefused as refused:
        yield told("order table", str(refused))
        return
    for board in Board.objects.filter(board_id=family.board.board.id).order_by("id"):
        try:
            check_source(board, family, source.columns, vouched=False)
            if rows or SyncRun.objects.filter(board=board, full_rows__gt=0).exists():  # one never filled is said below
                check_rows(board, rows, expected=None)
        except GuardRefused as refused:
            yield told("order table", f"A sync with {board} is refused: {refused}")


def _identities(connection: BaseDatabaseWrapper, table: str, identity: Column) -> Iterator[Finding]:
    name, found = "order identities", count_identities(connection, table, identity)
    missing, twice = found.rows - found.present, found.present - found.distinct
    if not found.rows:
        yield warning(name, f"{table} is empty; a sync refuses that and removes nothing.", LOAD)
    elif twice:
        remedy = f"Correct {identity.name} in the source; both rows are refused until then."
        yield warning(name, f"{twice:,} of {found.rows:,} rows repeat the UUID of another row.", remedy)
    if missing:
        remedy = "Fill it in the source; until then it is derived from the business key, which must not change."
        yield warning(name, f"{missing:,} of {found.rows:,} rows have no UUID in {identity.name}.", remedy)
    if found.rows and not twice and not missing:
        yield ok(name, f"{found.rows:,} rows, each with a UUID of its own.")


def count_identities(connection: BaseDatabaseWrapper, table: str, identity: Column) -> Identities:
    """How many rows the source holds, and how many identities."""
    statement = identity_count(DIALECTS[connection.vendor], table, identity)
    with connection.cursor() as cursor:
        cursor.execute(*statement.raw)
        rows, present, distinct = cursor.fetchone()
    return Identities(int(rows), int(present), int(distinct))


def identity_count(dialect: Dialect, table: str, identity: Column) -> Statement:
    """Counts inside the database, in one pass; upper and lower case are one identity."""
    inner = f"SELECT LOWER({dialect.identity(identity)}) AS record FROM {quoted_table(dialect, table)} AS o"
    return Statement(f"SELECT COUNT(*), COUNT(s.record), COUNT(DISTINCT s.record) FROM ({inner}) AS s")


def _index(connection: BaseDatabaseWrapper, table: str, identity: str) -> Iterator[Finding]:
    name, dialect = "order index", DIALECTS[connection.vendor]
    found = _one(connection, INDEXES[connection.vendor], identity, _reference(connection, table))
    if found is None:
        yield ok(name, f"{table} is a view; an index is a matter of the tables behind it.")
    elif found:
        yield ok(name, f"An index on {identity} serves the look-ups.")
    else:
        index = dialect.quote(f"{table.rpartition('.')[2]}_identity")
        make = f"CREATE INDEX {index} ON {quoted_table(dialect, table)} ({dialect.quote(identity)})"
        yield warning(name, f"No index begins with {identity}, so every look-up reads the whole table.", make)


def _reference(connection: BaseDatabaseWrapper, table: str) -> str:
    """How the catalogue is asked for the table: by its bare name in SQLite, else as quoted text."""
    if connection.vendor == "sqlite":
        return table
    return quoted_table(DIALECTS[connection.vendor], table).replace("%%", "%")


def _one(connection: BaseDatabaseWrapper, statement: str, *params: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        found = cursor.fetchone()
        return found[0] if found else None
