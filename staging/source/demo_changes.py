"""Changes a demo table as a working day would: orders change, arrive and go; exactly as many as asked for.

Only rows that count are touched: a known customer, a record of its own, a total that is right. What is written differs
on the board too, so a run afterwards finds exactly these changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from staging.core.ports import Row, Scope
from staging.core.source_dialects import DIALECTS, Statement, quoted_table

from . import order_table
from .demo import catalogues, new_line
from .demo_columns import CUSTOMER, IDENTITY, PO_NUMBER, SIZES, TABLE, TOTAL
from .demo_values import CUSTOMERS, POSITION, SEASONS, SIZE_POSITION
from .sql_table import SqlTable

KEY: Final = ("AAG ORDER NUMBER", "CUSTOMER STYLE", "CUSTOMER COLOUR DESCRIPTION")
MOST: Final = 100_000


class NotPossible(Exception):
    """The table cannot be changed as asked; the message is one sentence with the remedy, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many rows shall change, arrive and go."""

    changed: int = 0
    new: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One row's change: `kind` is changed, new or deleted; `what` says it in words."""

    kind: str
    order: str
    record: str
    what: str


def parse(text: str) -> Wanted:
    """Read `changed=30,new=20,deleted=10` in any order and any part. Raises NotPossible for anything else."""
    numbers: dict[str, int] = {}
    for part in text.split(","):
        kind, _, number = (piece.strip() for piece in part.partition("="))
        if kind not in ("changed", "new", "deleted") or kind in numbers or not (number.isascii() and number.isdigit()):
            remedy = "--mutate changed=30,new=20,deleted=10, each at most once"
            raise NotPossible(f"--mutate cannot be read at {part.strip()!r}. Remedy: {remedy}.")
        numbers[kind] = int(number) if len(number) < 10 else MOST + 1
    if sum(numbers.values()) > MOST:
        raise NotPossible(f"--mutate asks for too many rows. Remedy: at most {MOST:,} in all.")
    return Wanted(**numbers)


def mutate(connection: BaseDatabaseWrapper, wanted: Wanted) -> list[Change]:
    """Change the demo table in one transaction and say what was done, row by row.

    Every call is another round with other rows and values, the same after the same rounds. Raises NotPossible where the
    table is not the demo's, or has too few rows that count.
    """
    mark = order_table.demo_mark(connection, TABLE)
    if mark is None:
        remedy = "load_demo_orders --rows 5000 makes one; orders of your own are never changed"
        raise NotPossible(f"There is no demo table {TABLE} to change. Remedy: {remedy}.")
    with transaction.atomic(using=connection.alias):
        turn = order_table.next_round(connection, TABLE)
        random = Random(f"{mark[1]} {turn}")  # noqa: S311  demo data, no secret
        rows = list(_rows_that_count(connection, random, wanted.changed + wanted.deleted))
        changes = [_change(connection, random, turn, index, row) for index, row in enumerate(rows[: wanted.changed])]
        changes += _add(connection, random, turn, wanted.new, mark[1])
        changes += [_delete(connection, row) for row in rows[wanted.changed :]]
    return changes


def _rows_that_count(connection: BaseDatabaseWrapper, random: Random, number: int) -> Iterator[Row]:
    table = SqlTable(connection, TABLE, IDENTITY, CUSTOMER, PO_NUMBER)
    candidates = _candidates(connection)
    random.shuffle(candidates)
    found = 0
    for start in range(0, len(candidates), 200):
        if found >= number:
            return
        for _, _, row in table.rows(candidates[start : start + 200], Scope()):
            if found < number and _counts(row):
                found += 1
                yield row
    if found < number:
        remedy = "load_demo_orders with more --rows, or a smaller --mutate"
        raise NotPossible(f"Only {found:,} rows of {TABLE} can be changed, not {number:,}. Remedy: {remedy}.")


def _candidates(connection: BaseDatabaseWrapper) -> list[str]:
    """Identities that stand once, of known customers, whose key no row without identity shares.

    (A row without identity is known by its key alone: changing a namesake would change that row's record too.)
    """
    dialect = DIALECTS[connection.vendor]
    fields = ", ".join(dialect.quote(name) for name in (IDENTITY, CUSTOMER, *KEY))
    with connection.cursor() as cursor:
        cursor.execute(*Statement(f"SELECT {fields} FROM {quoted_table(dialect, TABLE)}").raw)
        rows = cursor.fetchall()
    standing = Counter(str(row[0]) for row in rows if row[0])
    nameless = {row[2:] for row in rows if not row[0]}
    chosen = (row for row in rows if row[0] and row[1] in CUSTOMERS and row[2:] not in nameless)
    return sorted(str(row[0]) for row in chosen if standing[str(row[0])] == 1)


def _counts(row: Row) -> bool:
    quantities = [row[position] for position in SIZE_POSITION.values() if row[position]]
    order_type = row[POSITION["ORDER TYPE"]]
    return bool(quantities) and sum(quantities) == row[POSITION[TOTAL]] and order_type in ("ACTIVE", "CANCELLED")


def _change(connection: BaseDatabaseWrapper, random: Random, turn: int, index: int, row: Row) -> Change:
    cells = CHANGES[index % len(CHANGES)](random, turn, row)
    dialect = DIALECTS[connection.vendor]
    assignments = ", ".join(f"{dialect.quote(name)} = %s" for name in cells)
    where = f"WHERE {dialect.quote(IDENTITY)} = %s"
    values = (*cells.values(), str(row[POSITION[IDENTITY]]))
    _write(connection, Statement(f"UPDATE {quoted_table(dialect, TABLE)} SET {assignments} {where}", values))
    what = "; ".join(f"{name}: {_shown(row[POSITION[name]])} -> {_shown(value)}" for name, value in cells.items())
    return _told("changed", row, what)


def _add(connection: BaseDatabaseWrapper, random: Random, turn: int, number: int, seed: int) -> list[Change]:
    catalogue = catalogues(seed)
    rows = []
    for index in range(number):
        customer = random.choice(list(CUSTOMERS))
        order = f"NEW{turn:03d}-{index + 1:05d}"
        rows.append(tuple(new_line(random, random.choice(catalogue[customer]), order=order, customer=customer)))
    order_table.OrderTable(connection, TABLE).insert(iter(rows))
    return [_told("new", row, f"{row[POSITION[CUSTOMER]].strip()}, {row[POSITION[TOTAL]]} pieces") for row in rows]


def _delete(connection: BaseDatabaseWrapper, row: Row) -> Change:
    dialect = DIALECTS[connection.vendor]
    where = f"WHERE {dialect.quote(IDENTITY)} = %s"
    identity = str(row[POSITION[IDENTITY]])
    _write(connection, Statement(f"DELETE FROM {quoted_table(dialect, TABLE)} {where}", (identity,)))
    return _told("deleted", row, str(row[POSITION[CUSTOMER]]))


def _write(connection: BaseDatabaseWrapper, statement: Statement) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*statement.raw)


def _told(kind: str, row: Row, what: str) -> Change:
    return Change(kind, str(row[POSITION["AAG ORDER NUMBER"]]), str(row[POSITION[IDENTITY]]).upper(), what)


def _shown(value: Any) -> str:
    return "empty" if value in (None, "") else str(value)


def _another_price(random: Random, turn: int, row: Row) -> dict[str, Any]:
    old = str(row[POSITION["EX WORKS (USD)"]] or "0").replace("$", "").replace(",", "")
    return {"EX WORKS (USD)": f"{float(old) + random.randrange(1, 400) / 100:.2f}"}


def _another_quantity(random: Random, turn: int, row: Row) -> dict[str, Any]:
    size = next(size for size in SIZES if row[SIZE_POSITION[size]])
    more = random.randrange(1, 60)
    return {size: row[SIZE_POSITION[size]] + more, TOTAL: row[POSITION[TOTAL]] + more}


def _a_size_less(random: Random, turn: int, row: Row) -> dict[str, Any]:
    filled = [size for size in SIZES if row[SIZE_POSITION[size]]]
    if len(filled) < 2:
        return _another_quantity(random, turn, row)
    return {filled[-1]: None, TOTAL: row[POSITION[TOTAL]] - row[SIZE_POSITION[filled[-1]]]}


def _another_day(random: Random, turn: int, row: Row) -> dict[str, Any]:
    old = date.fromisoformat(str(row[POSITION["EX FACTORY DATE"]])[:10])
    return {"EX FACTORY DATE": (old + timedelta(days=random.randrange(3, 30))).isoformat()}


def _another_note(random: Random, turn: int, row: Row) -> dict[str, Any]:
    return {"NOTES": f"Revised packing, round {turn} / {random.randrange(10_000):04d}: customer's own cartons | 纸箱"}


def _another_season(random: Random, turn: int, row: Row) -> dict[str, Any]:
    now = row[POSITION["CUSTOMER SEASON"]] or row[POSITION["AAG SEASON"]]
    return {"CUSTOMER SEASON": random.choice([season for season in SEASONS if season != now])}  # moves the item's group


CHANGES: Final[tuple[Callable[[Random, int, Row], dict[str, Any]], ...]] = (
    _another_price,
    _another_quantity,
    _another_day,
    _another_season,
    _another_note,
    _a_size_less,
)
