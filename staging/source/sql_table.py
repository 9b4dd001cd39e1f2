"""Reads orders from a table behind a Django connection: SQLite, PostgreSQL or SQL Server.

Only sends the statements of `staging.core.source_sql` and says in one sentence what went wrong.
"""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import islice
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from mapping.core.texts import key_text
from staging.core.ports import Row, Scope, SourceRefused
from staging.core.source_dialects import DIALECTS, Column, Sqlite, Statement
from staging.core.source_sql import NoSuchColumn, SourceSql

from . import apart, halves

NARROW_PAGE = 2_000  # fingerprints fetched at a time
WIDE_PAGE = 500  # full rows fetched at a time, and identities or keys asked for in one statement
MOST_QUESTIONS = 10  # statements for keys, each of which goes through the table; more take longer than all of its rows


class SqlTable:
    """An `OrderSource` over one table or view; `table` may be `schema.table`.

    Streams (`fingerprints`, `rows_without_identity`) read by a connection of their own on a server, so that other reads
    may go on between their rows; on SQLite one connection serves both. Close or exhaust them.

    Raises SourceRefused where the database cannot be reached, or the table or one of the named columns is missing.
    An empty `po_number` means that orders are never narrowed by it.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, table: str, identity: str, customer: str, po_number: str
    ) -> None:
        self._connection = connection
        dialect = DIALECTS[connection.vendor]
        found = self._fetch(dialect.catalogue(table), "cannot be reached")
        if not found:
            raise SourceRefused(self._no_table(table), guard=True)
        columns = tuple(Column(name, native, dialect.word(native)) for name, native in found)
        self._sql = SourceSql(dialect, table, columns, identity, customer, po_number)
        for column in (identity, customer, po_number):
            if column and column not in {known.name for known in columns}:
                raise self._no_column(column)
        self.columns = self._sql.source_columns()
        self.scheme = self._sql.scheme

    def count(self, scope: Scope) -> int:
        """Rows in scope."""
        with self._sentences():
            statement = self._sql.count(scope)
        return int(self._fetch(statement)[0][0])

    def customers(self) -> list[tuple[str | None, int]]:
        """Every spelling of a customer's name with its number of rows, most rows first."""
        found = [(name, int(rows)) for name, rows in self._fetch(self._sql.customers())]
        return sorted(found, key=lambda pair: (-pair[1], pair[0] or ""))

    def fingerprints(self, scope: Scope) -> Iterator[tuple[str | None, str]]:
        """Identity (None where missing) and source fingerprint of every row in scope, computed by the database."""
        with self._sentences():
            statement = self._sql.fingerprints(scope)
        yield from self._stream(statement, NARROW_PAGE)

    def fingerprint_pages(self, scope: Scope) -> Iterator[Sequence[tuple[str | None, str]]]:
        """The same in pages, by two readers at a time where the table is large enough for that to pay."""
        with self._sentences():
            self._sql.fingerprints(scope)
        with ExitStack() as stack:
            statements = self._halves(scope)
            reads = stack.enter_context(halves.begun(self._connection, statements)) if statements else None
            if reads is None:
                yield from self._pages(self._sql.fingerprints(scope), NARROW_PAGE)
                return
            try:
                yield from halves.together(reads)
            except Error as problem:
                raise self._failed(problem, "broke off") from problem

    def _halves(self, scope: Scope) -> tuple[Statement, ...]:
        """The statements of two readers; none where one is as quick, or the table does not tell where its rows lie."""
        extent = self._sql.extent() if halves.possible(self._connection) else None
        try:
            found = self._fetch(extent) if extent else []
        except SourceRefused:  # a view has no places; whether it can be read at all is seen when it is read
            return ()
        if not found or found[0][0] is None or found[0][1] - found[0][0] < self._sql.dialect.places:
            return ()
        return self._sql.halves(scope, (int(found[0][0]) + int(found[0][1])) // 2)

    def rows(self, identities: Sequence[str], scope: Scope) -> Iterator[tuple[str, str, Row]]:
        """Identity, fingerprint and full row of these records, several rows for an identity that stands twice."""
        for found in self._paged(self._sql.rows, identities, scope):
            yield found[0], found[1], tuple(found[2:])

    def fingerprints_of(self, identities: Sequence[str], scope: Scope) -> Iterator[tuple[str, str]]:
        """Identity and fingerprint of these records as they stand now."""
        yield from self._paged(self._sql.fingerprints_of, identities, scope)

    def rows_without_identity(self, scope: Scope) -> Iterator[tuple[str, Row]]:
        """Fingerprint and full row of the rows whose identity is NULL, empty or blank."""
        with self._sentences():
            statement = self._sql.rows_without_identity(scope)
        for found in self._stream(statement, WIDE_PAGE):
            yield found[1], tuple(found[2:])

    def search(self, columns: Sequence[str], text: str, most: int) -> list[tuple[str | None, str, Row]]:
        """The first rows in which one of these columns begins with the text; the rest stays in the database."""
        known = {column.name for column in self._sql.columns}
        statement = self._sql.search([name for name in dict.fromkeys(columns) if name in known], text)
        with closing(self._stream(statement, most)) as rows:
            return [(identity, print_, tuple(row)) for identity, print_, *row in islice(rows, most)]

    def repeated_keys(
        self, keys: Collection[tuple[str, ...]], scope: Scope
    ) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
        """By each of these keys, which are names of columns: the business keys (trimmed texts, missing as "") on more
        than one row in scope, whose first value stands on a row without identity. A statement per first column."""
        found: dict[tuple[str, ...], set[tuple[str, ...]]] = {key: set() for key in keys}
        for first in {key[0]: None for key in found}:
            alike = [key for key in found if key[0] == first]
            with self._sentences():
                statement = self._sql.repeated_keys(alike, scope)
            for number, *values in self._fetch(statement):
                key = alike[number]
                found[key].add(tuple(map(str, values[: len(key)])))
        return found

    def with_keys(
        self, columns: tuple[str, ...], keys: Collection[tuple[str, ...]], scope: Scope
    ) -> Iterator[tuple[str | None, tuple[str, ...]]]:
        """Identity and business key of the rows that carry one of these keys; of very many the table is read once."""
        wanted = set(keys)
        asked = sorted(wanted)
        with self._sentences():
            others = len(self._sql.with_keys(columns, (), scope).params)
        room = min(WIDE_PAGE, (self._sql.dialect.most_parameters - others) // max(1, len(columns)))
        pages: list[list[tuple[str, ...]] | None] = []
        if room > 0:
            pages += [asked[start : start + room] for start in range(0, len(asked), room)]
        for page in [None] if asked and not 0 < len(pages) <= MOST_QUESTIONS else pages:
            for identity, *values in self._stream(self._sql.with_keys(columns, page, scope), NARROW_PAGE):
                if (key := tuple(map(key_text, values))) in wanted:
                    yield identity, key

    def _paged(
        self, build: Callable[[Sequence[str], Scope], Statement], identities: Sequence[str], scope: Scope
    ) -> Iterator[tuple[Any, ...]]:
        """What `build` selects for these identities, a page of them at a time."""
        asked = list(dict.fromkeys(identities))
        with self._sentences():
            others = len(build((), scope).params)
        room = min(WIDE_PAGE, self._sql.dialect.most_parameters - others)
        if room < 1:
            remedy = "narrow the run to fewer customers or values"
            raise SourceRefused(f"{self._sql.table}: too many names for one statement. Remedy: {remedy}.", guard=True)
        for start in range(0, len(asked), room):
            page = asked[start : start + room]
            wanted = set(page)  # a server that ignores trailing blanks would answer with other records too
            yield from (found for found in self._fetch(build(page, scope)) if found[0] in wanted)

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """A column that only this question needs and the table lacks, as a sentence."""
        try:
            yield
        except NoSuchColumn as missing:
            raise self._no_column(str(missing.args[0])) from None

    def _fetch(self, statement: Statement, failure: str = "broke off") -> list[tuple[Any, ...]]:
        try:
            with self._cursor(self._connection) as cursor:
                cursor.execute(*statement.raw)
                found: list[tuple[Any, ...]] = cursor.fetchall()
                return found
        except Error as problem:
            raise self._failed(problem, failure) from problem

    def _stream(self, statement: Statement, page: int) -> Generator[tuple[Any, ...], None, None]:
        for rows in self._pages(statement, page):
            yield from rows

    def _pages(self, statement: Statement, page: int) -> Iterator[list[tuple[Any, ...]]]:
        try:
            with self._reader() as cursor:
                cursor.execute(*statement.raw)
                while rows := cursor.fetchmany(page):
                    yield rows
        except Error as problem:
            raise self._failed(problem, "broke off") from problem

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        """A cursor that streams: rows stay in the database until they are fetched."""
        if self._connection.vendor == "sqlite":
            with self._cursor(self._connection) as cursor:
                yield cursor
            return
        # A server's connection serves one result at a time (SQL Server), or keeps streams only inside a transaction
        # (PostgreSQL); a second one leaves the caller's alone.
        with closing(self._connection.copy()) as own:
            own.ensure_connection()
            if own.vendor == "postgresql":
                own.set_autocommit(False)
            with own.chunked_cursor() as cursor:
                yield cursor

    @contextmanager
    def _cursor(self, connection: BaseDatabaseWrapper) -> Iterator[Any]:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                with suppress(sqlite3.OperationalError):  # refused only while a statement uses the one that is there
                    connection.connection.create_function(Sqlite.function, 1, apart.sha256, deterministic=True)
            yield cursor

    def _failed(self, problem: Error, failure: str) -> SourceRefused:
        reason = " ".join(str(problem).split())[:200]
        if self._connection.vendor == "sqlite" and "BLOB" in reason:
            where = ", ".join(column.name for column in self._sql.columns if self._fetch(self._sql.binary_cell(column)))
            message = f"{self._sql.table} holds binary data where texts or numbers are expected, in {where}"
            return SourceRefused(f"{message}. Remedy: correct those cells in the source.", guard=True)
        remedy = "check ORDERS_DATABASE_URL, the server and its grants, and run again; nothing was changed"
        return SourceRefused(f"The order source {failure}: {reason}. Remedy: {remedy}.")

    def _no_table(self, table: str) -> str:
        try:
            with self._connection.cursor() as cursor:
                names = self._connection.introspection.table_names(cursor)
        except Error:
            names = []
        near = _near(table, names)
        return (
            f"The order source has no table {table!r}{near}. Remedy: load_demo_orders or load_orders FILE makes one in "
            "the embedded source; for another database set ORDERS_DATABASE_URL, or name its table in the mapping."
        )

    def _no_column(self, column: str) -> SourceRefused:
        near = _near(column, [known.name for known in self._sql.columns])
        remedy = "correct the name in the mapping's source section, or add the column to the table"
        return SourceRefused(f"{self._sql.table} has no column {column!r}{near}. Remedy: {remedy}.", guard=True)


def _near(name: str, names: Sequence[str]) -> str:
    by_folded = {known.casefold(): known for known in names}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.75)
    return f" (there is {by_folded[found[0]]!r})" if found else ""
