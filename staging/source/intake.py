"""The intake: the table of the lists that people bring by the page. It has a database of its own, never the source's.

A list is first read into a table of its own, which nothing else looks at, and compared with what the intake holds.
Put in place, it takes the intake's place whole, in one transaction: killed at any instant, the intake stands as it
stood.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Final, Protocol

import pandas as pd
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from mapping.orders_table import INTAKE
from staging.core.identity import Unreadable, canonical
from staging.core.ports import Row
from staging.core.source_dialects import DIALECTS, Column, Statement, quoted_table

from . import order_table
from .demo_columns import IDENTITY, NAMES
from .order_file import FileRefused, chunks
from .upload import BadCells, match, parsed

NUMBER: Final = "ordersite_row"  # the row of the file, in the table of a list that waits
WAITING: Final = "ORDERS_WAITING_"
MOST_ROWS: Final = 200_000
MOST_TOLD: Final = 500  # rows that are refused, with their reasons
MOST_SHOWN: Final = 25  # changed rows with every cell, old and new
CHUNK: Final = 2_000

MOST_REASONS: Final = 12  # kinds of refusals that are told
MOST_KINDS: Final = 5_000  # of refusals that are counted: a total that is off may say something else in every row

Watch = Callable[[str, int, int], None]
Key = tuple[str, ...]


class Problem(Protocol):
    """Why a row cannot be used: the column, its cell and the reason."""

    @property
    def column(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Rules(Protocol):
    """What the documents say of rows whose cells stand in the order of the columns that they were made for."""

    def key_of(self, texts: Row) -> Key:
        """The business key of a row of texts; empty where none is defined."""

    def key_columns(self, texts: Row) -> tuple[str, ...]:
        """The columns of that key."""

    def problems(self, row: Row) -> Sequence[Problem]:
        """Why a sync could not use this row; empty where it could."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be used, or one cell of it: `column` and `value` are "" where the whole row is meant.

    `stays_out` is true where the intake cannot hold it; else it goes in place, and no sync uses it as it is.
    """

    row: int
    column: str
    value: str
    why: str
    stays_out: bool = True


@dataclass(slots=True)
class Read:
    """What a list holds, against what the intake held: `new + changed + unchanged + invalid = rows`.

    Of the invalid rows `kept_out` ones cannot be taken; the others go in place, so that their orders are not taken for
    gone, and no sync uses them as they are. `reasons` are the kinds of problems (column, reason) with their rows.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    invalid: int = 0
    kept_out: int = 0
    gone: int = 0
    used: list[str] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    shown: list[dict[str, Any]] = field(default_factory=list)


def waiting(list_id: int) -> str:
    """The name of the table of a list that waits to be put in place."""
    return f"{WAITING}{list_id}"


def drop(connection: BaseDatabaseWrapper, list_id: int) -> None:
    """Remove the table of a list that waits, where there is one."""
    if order_table.exists(connection, waiting(list_id)):
        _run(connection, f"DROP TABLE {_named(connection, waiting(list_id))}")


def waiting_ids(connection: BaseDatabaseWrapper) -> list[int]:
    """The lists that have a table here."""
    names = [name.upper() for name in connection.introspection.table_names()]
    return [int(name[len(WAITING) :]) for name in names if name.startswith(WAITING) and name[len(WAITING) :].isdigit()]


def read(
    connection: BaseDatabaseWrapper,
    path: Path,
    *,
    list_id: int,
    rules_for: Callable[[Sequence[str]], Rules],
    watch: Watch,
) -> Read:
    """Read a file into the list's own table, compare and judge it; a former attempt's table is made anew.

    Rows are told apart by UUID, and without one by the business key of their rules, which are made for the table's
    columns; an empty key compares whole rows. Each chunk is a transaction. `watch` may raise to stop. Raises
    FileRefused.
    """
    drop(connection, list_id)
    order_table.create(connection, waiting(list_id))
    name = _named(connection, waiting(list_id))
    _run(connection, f"ALTER TABLE {name} ADD {NUMBER} INTEGER")
    _run(connection, f"CREATE INDEX {waiting(list_id)}_row ON {name} ({NUMBER})")
    known = order_table.columns(connection, INTAKE) or order_table.columns(connection, waiting(list_id))
    known = tuple(column for column in known if column.name != NUMBER)
    rules = rules_for([column.name for column in known])
    reader = _Reader(connection, waiting(list_id), known, rules, Read())
    reader.look_at_intake(watch)
    reader.take_in(path, watch)
    reader.tell_changes(watch)
    return reader.found


def put_in_place(connection: BaseDatabaseWrapper, list_id: int, *, watch: Watch) -> int:
    """Let a list that was read take the intake's place; says how many rows it has now. One transaction.

    Where the list has no table any more it was put in place by an attempt that died right after; nothing is done.
    """
    name = waiting(list_id)
    with transaction.atomic(using=connection.alias):
        if order_table.exists(connection, name):
            if not order_table.exists(connection, INTAKE):
                order_table.create(connection, INTAKE)
            _run(connection, f"DELETE FROM {_named(connection, INTAKE)}")
            dialect = DIALECTS[connection.vendor]
            known = [column.name for column in order_table.columns(connection, INTAKE)]
            columns = ", ".join(dialect.quote(column) for column in known)
            last = int(_run(connection, f"SELECT MAX({NUMBER}) FROM {_named(connection, name)}")[0][0] or 0)
            for start in range(0, last + 1, CHUNK):
                watch("place", start, last)
                _run(
                    connection,
                    f"INSERT INTO {_named(connection, INTAKE)} ({columns}) SELECT {columns} "
                    f"FROM {_named(connection, name)} WHERE {NUMBER} > %s AND {NUMBER} <= %s",
                    (start, start + CHUNK),
                )
            drop(connection, list_id)
        return int(_run(connection, f"SELECT COUNT(*) FROM {_named(connection, INTAKE)}")[0][0])


@dataclass
class _Reader:
    """One list being read. Of the intake and of the list only digests are held: 200,000 rows are some 50 MB."""

    connection: BaseDatabaseWrapper
    table: str
    known: tuple[Column, ...]
    rules: Rules
    found: Read
    held: dict[bytes, bytes] = field(default_factory=dict)
    seen: dict[bytes, int] = field(default_factory=dict)
    first: dict[bytes, tuple[int, Key, list[str]]] = field(default_factory=dict)

    def look_at_intake(self, watch: Watch) -> None:
        """Digest what the intake holds."""
        for number, texts in enumerate(self._intake()):
            if number % CHUNK == 0:
                watch("intake", number, 0)
            key, digest = self._key(texts), _digest(texts)
            self.held[_digest(key) if key else digest] = digest

    def take_in(self, path: Path, watch: Watch) -> None:
        """Read the file chunk by chunk, judge each row, and keep those that can be taken."""
        frames = chunks(path, [column.name for column in self.known] or NAMES)
        first = next(frames)
        matched, ignored = match(path, first, self.known)
        self.found.used = [column.name for column in matched.values()]
        self.found.ignored = list(ignored)
        filled = order_table.OrderTable(self.connection, self.table)
        for frame in chain([first], frames):
            if self.found.rows + len(frame) > MOST_ROWS:
                raise FileRefused(f"{path} has more than {MOST_ROWS:,} orders. Remedy: split it.")
            rows = list(self._judged(frame, matched))
            with transaction.atomic(using=self.connection.alias):
                filled.insert(iter(rows), [*self.found.used, NUMBER])
            watch("list", self.found.rows, 0)
        self.found.gone = sum(key not in self.seen for key in self.held)

    def _judged(self, frame: pd.DataFrame, matched: dict[str, Column]) -> Iterator[tuple[Any, ...]]:
        """The rows of a frame that can be taken, each counted, with their numbers behind them."""
        bad = BadCells(most=MOST_TOLD)
        columns = [parsed(frame[name], column, self.connection.vendor, bad) for name, column in matched.items()]
        rows = list(zip(*columns, strict=True))
        for kind, number in bad.kinds.items():
            self._count(*kind, number)
        for cell in bad.told:
            self._tell(Refused(cell.row, cell.column, cell.value, cell.why))
        places = {column.name: place for place, column in enumerate(self.known)}
        order = [places[column.name] for column in matched.values()]
        for number, row in zip((int(index) for index in frame.index), rows, strict=True):
            self.found.rows += 1
            cells: list[Any] = [None] * len(self.known)
            for place, value in zip(order, row, strict=True):
                cells[place] = value
            if number in bad.rows or not self._taken(number, cells):
                self.found.invalid += 1
                self.found.kept_out += 1
            else:
                yield (*row, number)

    def _taken(self, number: int, cells: list[Any]) -> bool:
        """Whether a row stands for an order of its own; it is counted as what it is."""
        texts = [_text(value) for value in cells]
        key, digest = self._key(texts), _digest(texts)
        if key is not None and not any(key):
            columns = ", ".join(self.rules.key_columns(tuple(texts)))
            self._refuse(number, "", "", f"has neither a UUID nor a business key ({columns})")
            return False
        mark = _digest(key) if key else digest
        if (former := self.seen.setdefault(mark, number)) != number:
            self._refuse(number, "", "", f"is the same order as row {former}")
            return False
        before = self.held.get(mark)
        if problems := self.rules.problems(tuple(cells)):
            self.found.invalid += 1
            for one in problems:
                self._refuse(number, one.column, one.value, one.reason, stays_out=False)
        elif before is None:
            self.found.new += 1
        elif before == digest:
            self.found.unchanged += 1
        else:
            self.found.changed += 1
            if key and len(self.first) < MOST_SHOWN:
                self.first[mark] = (number, key, texts)
        return True

    def tell_changes(self, watch: Watch) -> None:
        """Show the first changed rows with each cell as it was and as it would be."""
        wanted = dict(self.first)
        names = [column.name for column in self.known]
        for number, was in enumerate(self._intake() if wanted else ()):
            if number % CHUNK == 0:
                watch("intake", number, 0)
            key = self._key(was)
            found = wanted.pop(_digest(key), None) if key else None
            if found is not None:
                row, key, now = found
                cells = [(n, b[:200], a[:200]) for n, b, a in zip(names, was, now, strict=True) if a != b]
                self.found.shown.append({"row": row, "key": " / ".join(filter(None, key)), "cells": cells})
            if not wanted:
                break
        self.found.shown.sort(key=lambda one: int(one["row"]))

    def _key(self, texts: Sequence[str]) -> Key | None:
        """What tells a row apart: its UUID, else its business key; None where the whole row does."""
        identity = texts[self._identity_at].strip() if self._identity_at is not None else ""
        if identity:
            with suppress(Unreadable):
                return (canonical(identity) or "",)
            return (identity.lower(),)
        return self.rules.key_of(tuple(texts)) or None

    @cached_property
    def _identity_at(self) -> int | None:
        return next((place for place, column in enumerate(self.known) if column.name == IDENTITY), None)

    def _intake(self) -> Iterator[list[str]]:
        """Every row of the intake as texts, in the order of its columns."""
        if not order_table.exists(self.connection, INTAKE):
            return
        dialect = DIALECTS[self.connection.vendor]
        fields = ", ".join(dialect.quote(column.name) for column in self.known)
        with self.connection.cursor() as cursor:
            cursor.execute(*Statement(f"SELECT {fields} FROM {_named(self.connection, INTAKE)}").raw)
            while page := cursor.fetchmany(500):
                for row in page:
                    yield [_text(value) for value in row]

    def _refuse(self, row: int, column: str, value: str, why: str, *, stays_out: bool = True) -> None:
        self._count(column, why, 1)
        self._tell(Refused(row, column, value[:200], why, stays_out))

    def _count(self, column: str, why: str, rows: int) -> None:
        said = (column, why)
        if said in self.found.reasons or len(self.found.reasons) < MOST_KINDS:
            self.found.reasons[said] += rows

    def _tell(self, refused: Refused) -> None:
        if len(self.found.refused) < MOST_TOLD:
            self.found.refused.append(refused)


def _text(value: Any) -> str:
    """A value as a text that is the same out of the file and out of any database."""
    return "" if value is None else str(value)


def _digest(texts: Sequence[str]) -> bytes:
    return hashlib.blake2b("\x1f".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _named(connection: BaseDatabaseWrapper, table: str) -> str:
    return quoted_table(DIALECTS[connection.vendor], table)


def _run(connection: BaseDatabaseWrapper, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(*Statement(sql, params).raw)
        return list(cursor.fetchall()) if cursor.description else []
