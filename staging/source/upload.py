"""Puts an order list from a file into the order table: any subset of its columns, in any order.

All or nothing: the whole file goes in, in one transaction, or a list of what to correct comes back.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pandas as pd
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from mapping.orders_table import alias_of
from staging.core.identity import Unreadable, canonical
from staging.core.source_dialects import DIALECTS, Column, Statement, quoted_table

from . import order_table
from .demo_columns import CUSTOMER, NAMES
from .order_file import FileRefused, chunks, folded

MOST_PROBLEMS: Final = 20
_WHOLE: Final = re.compile(r"([+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+))(?:\.0+)?")
_UNCLEAR: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}\.000")


class NotLoaded(Exception):
    """The orders were not put in, and the table stands as it stood. `problems` name rows and columns, 20 at most."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell that its column cannot take: the row as a spreadsheet counts it, and why."""

    row: int
    column: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.value} {self.why}"


@dataclass(slots=True)
class BadCells:
    """The cells that cannot be taken: the first `most`, every row that holds one, and how many of which kind."""

    most: int = MOST_PROBLEMS
    told: list[BadCell] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, row: int, column: str, cell: str, why: str) -> None:
        """Remember a cell."""
        self.rows.add(row)
        self.kinds[column, why] += 1
        if len(self.told) < self.most:
            self.told.append(BadCell(row, column, _shown(cell), why))


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What `load_file` did. `ignored` pairs each unknown heading with the known one that is spelled alike, or ""."""

    rows: int
    created: bool
    removed: int
    used: tuple[str, ...]
    ignored: tuple[tuple[str, str], ...]
    customers: Counter[str] = field(default_factory=Counter)
    """Rows by the customer's name as the file spells it; "" where it is missing."""


def load_file(connection: BaseDatabaseWrapper, path: Path, *, table: str, mode: str) -> Uploaded:
    """Load a CSV or XLSX file; `mode` is new (the table must be empty or missing), append or replace.

    In the embedded source a missing table is made with all 268 columns; on a server it must be there.
    Raises FileRefused and NotLoaded.
    """
    known = order_table.columns(connection, table)
    frames = chunks(path, [column.name for column in known] or NAMES)
    first = next(frames)  # a file that is none is refused before anything else is said
    with transaction.atomic(using=connection.alias):
        if not known:
            _create(connection, table)
        held = _count(connection, table)
        if held and mode == "new":
            remedy = "--append adds to them, --replace removes them first"
            raise NotLoaded(f"{table} holds {held:,} orders. Remedy: {remedy}.")
        removed = held if mode == "replace" else 0
        if removed:
            _delete_all(connection, table)
        order_table.forget_demo(connection, table)
        return _fill(connection, path, table, chain([first], frames), created=not known, removed=removed)


def _create(connection: BaseDatabaseWrapper, table: str) -> None:
    if connection.vendor != "sqlite" and alias_of(table) == "orders":
        remedy = "create it there, or name an existing one with --table"
        raise NotLoaded(f"The database of ORDERS_DATABASE_URL has no table {table!r}. Remedy: {remedy}.")
    order_table.create(connection, table)


def _fill(
    connection: BaseDatabaseWrapper,
    path: Path,
    table: str,
    frames: Iterator[pd.DataFrame],
    *,
    created: bool,
    removed: int,
) -> Uploaded:
    known = order_table.columns(connection, table)
    filled = order_table.OrderTable(connection, table)
    customers: Counter[str] = Counter()
    problems = BadCells()
    rows = 0
    matched: dict[str, Column] = {}
    ignored: tuple[tuple[str, str], ...] = ()
    for frame in frames:
        if not matched:
            matched, ignored = match(path, frame, known)
        frame = frame[list(matched)]
        values = [parsed(frame[name], column, connection.vendor, problems) for name, column in matched.items()]
        if len(problems.told) >= MOST_PROBLEMS:
            break
        rows += filled.insert(zip(*values, strict=True), [column.name for column in matched.values()])
        customers.update(_customers(frame, matched))
    if problems.told:
        told = len(problems.told)
        count = f"{told} cells" if told < MOST_PROBLEMS else f"at least {MOST_PROBLEMS} cells"
        remedy = "correct them in the file and load it again; nothing was loaded"
        raise NotLoaded(f"{path}: {count} cannot be read. Remedy: {remedy}.", tuple(map(str, problems.told)))
    used = tuple(column.name for column in matched.values())
    return Uploaded(rows, created, removed, used, ignored, customers)


def match(
    path: Path, frame: pd.DataFrame, known: tuple[Column, ...]
) -> tuple[dict[str, Column], tuple[tuple[str, str], ...]]:
    """Which heading is which column; headings that are none, each with the name that is spelled nearly so.

    `frame` is the beginning of the file. Raises FileRefused: no column is known, one is named twice, or the headings
    stand in the second row again.
    """
    headings = list(frame.columns)
    by_name = {folded(column.name): column for column in known}
    _one_heading(path, frame, set(by_name))
    matched: dict[str, Column] = {}
    ignored = []
    for heading in headings:
        column = by_name.get(folded(heading))
        if column is None:
            near = difflib.get_close_matches(folded(heading), by_name, n=1, cutoff=0.8)
            ignored.append((heading.strip(), by_name[near[0]].name if near else ""))
        elif column in matched.values() or headings.count(heading) > 1:
            raise FileRefused(f"{path} names the column {column.name!r} twice. Remedy: keep one of them.")
        else:
            matched[heading] = column
    if not matched:
        remedy = "the first row must name columns such as 'AAG ORDER NUMBER' and 'CUSTOMER NAME'"
        raise FileRefused(f"{path} has no column that the order table knows. Remedy: {remedy}.")
    return matched, tuple(ignored)


def _one_heading(path: Path, frame: pd.DataFrame, names: set[str]) -> None:
    """Refuse a second row of headings, which would be read as an order."""
    first = sum(folded(heading) in names for heading in frame.columns)
    second = [cell for cell in frame.iloc[0].tolist() if cell.strip()]
    if len(second) > 1 and sum(folded(cell) in names for cell in second) * 2 > max(len(second), first):
        raise FileRefused(f"{path} has two rows of headings. Remedy: keep the one that names the columns, in row 1.")


def parsed(cells: pd.Series[str], column: Column, vendor: str, problems: BadCells) -> Iterator[Any]:
    """The cells as the table wants them; those it cannot take are added to `problems`."""
    read = _reader(column, vendor)
    if read is str:
        return iter([None if not cell or cell.isspace() else cell for cell in cells.tolist()])
    values: list[Any] = []
    for row, cell in zip(cells.index, cells, strict=True):
        try:
            values.append(None if not cell or cell.isspace() else read(cell))
        except ValueError as problem:
            values.append(None)
            problems.add(int(row), column.name, cell, str(problem))
    return iter(values)


def _reader(column: Column, vendor: str) -> Callable[[str], Any]:
    """How to read a cell of this column. SQLite takes texts as they are, so that the mapping can say what is odd."""
    if column.type == "int":
        return _whole
    if vendor != "sqlite" and column.type == "date":
        return _day
    if vendor != "sqlite" and column.type == "uuid":
        return _uuid
    return str


def _whole(cell: str) -> int:
    found = _WHOLE.fullmatch(cell.strip())
    if found is None:
        raise ValueError("is not a whole number")
    if _UNCLEAR.fullmatch(cell.strip()):
        raise ValueError("can be read as a thousand and as a one; write it without a point")
    digits = found.group(1).replace(",", "")
    if len(digits) > 11 or abs(int(digits)) > 2**31 - 1:
        raise ValueError("is too large for a quantity")
    return int(digits)


def _day(cell: str) -> date:
    """The day itself, as the table gives it back: a row is judged before it is in the table as after it."""
    try:
        return date.fromisoformat(cell.strip()[:10])
    except ValueError:
        raise ValueError("is not a date such as 2026-01-31") from None


def _uuid(cell: str) -> str | None:
    try:
        return canonical(cell)
    except Unreadable:
        raise ValueError("is not a UUID") from None


def _customers(frame: pd.DataFrame, matched: dict[str, Column]) -> Counter[str]:
    heading = next((heading for heading, column in matched.items() if column.name == CUSTOMER), None)
    if heading is None:
        return Counter({"": len(frame)})
    return Counter(name.strip() for name in frame[heading])


def _count(connection: BaseDatabaseWrapper, table: str) -> int:
    return int(_run(connection, "SELECT COUNT(*) FROM", table)[0][0])


def _delete_all(connection: BaseDatabaseWrapper, table: str) -> None:
    _run(connection, "DELETE FROM", table)


def _run(connection: BaseDatabaseWrapper, verb: str, table: str) -> list[tuple[Any, ...]]:
    statement = Statement(f"{verb} {quoted_table(DIALECTS[connection.vendor], table)}")
    with connection.cursor() as cursor:
        cursor.execute(*statement.raw)
        return list(cursor.fetchall()) if cursor.description else []


def _shown(cell: str) -> str:
    cell = cell.strip()
    return repr(cell if len(cell) <= 40 else f"{cell[:37]}...")
