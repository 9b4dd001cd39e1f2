"""The order table of the torture: plain demo rows, and what a working day does to them, by a seed.

Every row that this leaves in the table can be rendered, so that the board must equal the table in the end.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

TABLE = '"ORDERS_UNIFIED"'
SIZES = ("XS", "S", "M", "L", "XL", "2XL")
AT_MOST_OUT = 3  # rows that are gone at the same time: more would be held as too many removals
FIELDS: dict[str, tuple[Any, ...]] = {
    "DESTINATION": ("PORT 1", "PORT 2", "PORT'3", None),
    "NOTES": ("call first", "two\nlines", None, "1|2"),
    "CUSTOMER PRICE": ("10.50", "11", "12.25"),
    "CUSTOMER SEASON": ("SS27", "AW27", "FW28"),  # the group
    "CUSTOMER COLOUR DESCRIPTION": ("RED", "INK BLUE", "MOSS", "ROSÉ"),  # the item's name, and a label
    "PO NUMBER": ("PO1", "PO-2", "PO 3"),
}
KEYS = ("PO NUMBER", "CUSTOMER COLOUR DESCRIPTION")  # in the business key: a row whose UUID changes keeps these


class Orders:
    """The table as its owner changes it. `plain` says whether a row (by its identity) can be used."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._file, self.random = folder / "orders.sqlite3", Random(seed)
        self.out: list[tuple[Any, ...]] = []
        self.changes = 0

    def keep_only(self, records: list[str]) -> None:
        """Take every other row out for good, and give the rest short, tidy sizes."""
        with self._open() as db:
            marks = ", ".join("?" * len(records))
            others = f"record_uuid IS NULL OR lower(record_uuid) NOT IN ({marks})"
            db.execute(f"DELETE FROM {TABLE} WHERE {others}", [r.lower() for r in records])
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({TABLE})")]
            first, last = columns.index("UNIT OF MEASURE") + 2, columns.index("TOTAL QTY")
            nothing = ", ".join(f'"{name}" = NULL' for name in columns[first:last])
            for (row,) in db.execute(f"SELECT rowid FROM {TABLE}").fetchall():
                db.execute(f"UPDATE {TABLE} SET {nothing} WHERE rowid = ?", (row,))
                self._resize(db, row)

    def change(self, times: int) -> None:
        """Some of a day's changes."""
        with self._open() as db:
            for _ in range(times):
                self._change(db)
                self.changes += 1

    def number(self) -> int:
        with self._open() as db:
            return int(db.execute(f"SELECT count(*) FROM {TABLE}").fetchone()[0])

    def _change(self, db: sqlite3.Connection) -> None:
        rows = [row for (row,) in db.execute(f"SELECT rowid FROM {TABLE} ORDER BY rowid")]
        row, dice = self.random.choice(rows), self.random.random()
        if dice < 0.5:
            name = self.random.choice([n for n in FIELDS if row % 4 or n not in KEYS])
            db.execute(f'UPDATE {TABLE} SET "{name}" = ? WHERE rowid = ?', (self.random.choice(FIELDS[name]), row))
        elif dice < 0.8:
            self._resize(db, row)
        elif dice < 0.88 and len(self.out) < AT_MOST_OUT:
            self.out.append(db.execute(f"SELECT * FROM {TABLE} WHERE rowid = ?", (row,)).fetchone())
            db.execute(f"DELETE FROM {TABLE} WHERE rowid = ?", (row,))
        elif dice < 0.95 and self.out:
            values = self.out.pop(self.random.randrange(len(self.out)))
            db.execute(f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(values))})", values)
        elif row % 4 == 0:
            fresh = str(UUID(int=self.random.getrandbits(128), version=4))
            db.execute(f"UPDATE {TABLE} SET record_uuid = ? WHERE rowid = ?", (fresh.upper(), row))

    def _resize(self, db: sqlite3.Connection, row: int) -> None:
        quantities: dict[str, Any] = {
            size: self.random.choice((None, 0, 1, 2, 5, 12)) for size in self.random.sample(SIZES, 3)
        }
        quantities[self.random.choice(SIZES)] = self.random.randint(1, 9)
        cells = ", ".join(f'"{size}" = ?' for size in quantities)
        db.execute(f"UPDATE {TABLE} SET {cells} WHERE rowid = ?", (*quantities.values(), row))
        total = " + ".join(f'coalesce("{size}", 0)' for size in SIZES)
        db.execute(f'UPDATE {TABLE} SET "TOTAL QTY" = {total} WHERE rowid = ?', (row,))

    def _open(self) -> Any:
        return _Committing(self._file)


class _Committing(closing):  # type: ignore[type-arg]
    """A connection that commits and is closed at the end."""

    def __init__(self, file: Path) -> None:
        super().__init__(sqlite3.connect(file, timeout=30))

    def __exit__(self, *problem: Any) -> None:
        if problem[0] is None:
            self.thing.commit()
        super().__exit__(*problem)
