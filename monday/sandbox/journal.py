"""The sandbox's own book of requests: a number for each, and what became of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEPT = 5_000


@dataclass(slots=True)
class Entry:
    """One request; filled in while it is handled."""

    number: int
    at: float
    kind: str
    operations: int = 0
    refused: int = 0
    status: int = 0
    cost: int = 0
    note: str = ""


def begin(db: sqlite3.Connection, at: float, kind: str) -> Entry:
    """Numbers a request, inside the caller's write transaction."""
    cursor = db.execute(
        "INSERT INTO requests (at, kind, operations, refused, status, seconds, cost, note) "
        "VALUES (?, ?, 0, 0, 0, 0, 0, '')",
        (at, kind),
    )
    number = cursor.lastrowid or 0
    if number % 500 == 0:
        db.execute("DELETE FROM requests WHERE number <= ?", (number - KEPT,))
    return Entry(number, at, kind)


def end(db: sqlite3.Connection, entry: Entry, now: float) -> None:
    """Writes down what became of the request, inside the caller's write transaction."""
    db.execute(
        "UPDATE requests SET operations = ?, refused = ?, status = ?, seconds = ?, cost = ?, note = ? WHERE number = ?",
        (entry.operations, entry.refused, entry.status, now - entry.at, entry.cost, entry.note, entry.number),
    )


def totals(db: sqlite3.Connection) -> Mapping[str, Any]:
    """Sums over the requests that are kept."""
    names = ("requests", "queries", "mutations", "refused", "limited", "cost", "seconds")
    row = db.execute(
        "SELECT count(*), sum(kind = 'query'), sum(operations), sum(refused), sum(status = 429), sum(cost), "
        "sum(seconds) FROM requests"
    ).fetchone()
    return dict(zip(names, (value or 0 for value in row), strict=True))


def latest(db: sqlite3.Connection, count: int) -> list[tuple[Any, ...]]:
    """The last requests, newest first: number, at, kind, operations, refused, status, seconds, cost, note."""
    return db.execute(
        "SELECT number, at, kind, operations, refused, status, seconds, cost, note FROM requests "
        "ORDER BY number DESC LIMIT ?",
        (count,),
    ).fetchall()
