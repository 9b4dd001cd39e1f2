"""Reading the order table: `python -m tests.bench.bench_source [--rows 97222] [--json]`.

Every figure stands beside its floor, reading the same rows into Python by a bare cursor, taken in turns with it. Works
on a temporary SQLite file, then on a database of a PostgreSQL server where one answers on this machine; or on the
database alone that TEST_ORDERS_DATABASE_URL names (its ORDERS_UNIFIED is overwritten). Seconds of the clock, since a
server works outside of this process: on a busy machine they say little.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tests.bench.own import installation


@dataclass(frozen=True)
class Figure:
    """Seconds, and how many times the floor; `bound` is the most that is promised, where there is one."""

    what: str
    seconds: float
    of_floor: float
    bound: float | None = None

    @property
    def holds(self) -> bool:
        return self.bound is None or self.of_floor <= self.bound


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=97_222)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installation(migrated=False):
        figures = measured(options.rows)
    report(figures, options.rows, as_json=options.json)
    return max(not all(figure.holds for figure in figures), on_a_server())


def on_a_server() -> int:
    """The same on PostgreSQL, in a process of its own; 0 where every bound held, or no server answers."""
    from tests.journeys.installation import postgres_answers, postgres_database

    if os.environ.get("TEST_ORDERS_DATABASE_URL"):
        return 0
    if not postgres_answers():
        print("PostgreSQL: no server answers on this machine, so nothing was measured.", file=sys.stderr)
        return 0
    with postgres_database() as address:
        environment = {**os.environ, "TEST_ORDERS_DATABASE_URL": address}
        return subprocess.run(
            [sys.executable, "-m", "tests.bench.bench_source", *sys.argv[1:]], env=environment
        ).returncode


def measured(rows: int) -> list[Figure]:
    """All figures over a demo table of this many rows."""
    from django.db import connections

    from staging.core.ports import Scope
    from staging.source import demo
    from staging.source.demo_columns import CUSTOMER, IDENTITY, PO_NUMBER, TABLE
    from staging.source.sql_table import SqlTable

    connection = connections["orders"]
    start = time.perf_counter()
    demo.load(connection, rows=rows, seed=1, replace=True)
    loading = time.perf_counter() - start
    try:
        table = SqlTable(connection, TABLE, IDENTITY, CUSTOMER, PO_NUMBER)
        key = ("AAG ORDER NUMBER", "CUSTOMER STYLE", "CUSTOMER COLOUR DESCRIPTION", "PO NUMBER")
        one_percent = [identity for identity, _ in table.fingerprints(Scope()) if identity][::100]
        runs: list[tuple[str, Callable[[], object], float | None]] = [
            # The bound is for the pass as it is made, by two readers where there are two; one alone is told beside it.
            ("fingerprints of all rows, as a sync reads them", lambda: drained(table.fingerprint_pages(Scope())), 0.6),
            ("fingerprints of all rows, by one reader", lambda: drained(table.fingerprints(Scope())), None),
            ("fingerprints of one customer", lambda: drained(table.fingerprints(Scope(customers=("B'HOOD",)))), 0.6),
            ("full rows of every hundredth record", lambda: drained(table.rows(one_percent, Scope())), None),
            ("business keys that repeat", lambda: table.repeated_keys([key], Scope()), None),
            ("spellings of customers", table.customers, None),
            ("the alternative: every row read and hashed in Python", lambda: hashed_here(connection, TABLE), None),
        ]
        figures, floors = [], []
        for what, run, bound in runs:
            floor, seconds = in_turns(lambda: bare(connection, TABLE), run)
            floors.append(floor)
            figures.append(Figure(what, seconds, seconds / floor, bound))
        floor = min(floors)
        return [
            Figure(f"reading every row by a bare cursor of {connection.vendor} (the floor)", floor, 1.0),
            *figures,
            Figure("making the demo table, once", loading, loading / floor),
        ]
    finally:
        connection.close()


def bare(connection: object, table: str) -> None:
    """Every row into Python, 2,000 at a time, and away."""
    with connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(f'SELECT * FROM "{table}"')
        while cursor.fetchmany(2_000):
            pass


def hashed_here(connection: object, table: str) -> None:
    with connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(f'SELECT * FROM "{table}"')
        while page := cursor.fetchmany(2_000):
            for row in page:
                hashlib.sha256(json.dumps(row, default=str).encode()).hexdigest()


def drained(rows: Iterable[object]) -> None:
    for _ in rows:
        pass


def in_turns(floor: Callable[[], object], run: Callable[[], object], times: int = 3) -> tuple[float, float]:
    """Of each the quickest of a few runs, in seconds: what the machine can do when nothing else disturbs it."""
    found: list[tuple[float, ...]] = []
    for _ in range(times):
        moments = [time.perf_counter()]
        for one in (floor, run):
            one()
            moments.append(time.perf_counter())
        found.append((moments[1] - moments[0], moments[2] - moments[1]))
    return min(one for one, _ in found), min(one for _, one in found)


def report(figures: list[Figure], rows: int, *, as_json: bool) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    today = datetime.now(tz=UTC).date().isoformat()
    if as_json:
        document = {"rows": rows, "peak_mb": peak, "machine": machine, "date": today}
        json.dump(
            {**document, "figures": [{**asdict(figure), "holds": figure.holds} for figure in figures]}, sys.stdout
        )
        print()
        return
    print(f"Order source, {rows:,} rows x 268 columns, {today}, {machine}, peak {peak} MB")
    for figure in figures:
        bound = "" if figure.bound is None else f"  at most {figure.bound:.2f}: {'ok' if figure.holds else 'MISSED'}"
        print(f"  {figure.what:<56} {figure.seconds:7.2f} s  {figure.of_floor:5.2f} x{bound}")


if __name__ == "__main__":
    sys.exit(main())
