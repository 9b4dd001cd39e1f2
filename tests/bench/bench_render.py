"""Rendering and fingerprinting orders: `python -m tests.bench.bench_render [--rows 97222] [--json]`.

Every figure stands beside its floor, reading the same rows into Python by a bare cursor, taken in the same run. The
rows are read again for each figure and never held, so that the peak is what a run needs. Works on a temporary SQLite
file with the demo's orders and the shipped documents.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PAGE = 2_000  # rows
MOST_OF_FLOOR, MOST_MB = 3.5, 150


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
    with tempfile.TemporaryDirectory(prefix="ordersite-bench-") as folder:
        path = str(Path(folder) / "orders.sqlite3")
        fill(folder, options.rows)
        figures, counts = measured(path)
    report(figures, counts, options.rows, as_json=options.json)
    return 0 if all(figure.holds for figure in figures) and peak_mb() <= MOST_MB else 1


def fill(folder: str, rows: int) -> None:
    """The demo's order table, made by a process of its own, so that its memory does not count here."""
    named = ("DATABASE_URL", "ORDERS_DATABASE_URL", "DATABASE_URL_FILE", "ORDERS_DATABASE_URL_FILE")
    kept = {name: value for name, value in os.environ.items() if name not in named}  # never the person's own orders
    command = [sys.executable, "manage.py", "load_demo_orders", "--rows", str(rows)]
    subprocess.run(command, check=True, env={**kept, "VAR_DIR": folder}, stdout=subprocess.DEVNULL)


def measured(path: str) -> tuple[list[Figure], Counter[str]]:
    """All figures over the table in this file, and what its rows became."""
    counts: Counter[str] = Counter()
    runs = (
        lambda: drained(rows_of(path)),
        lambda: rendered(path, Counter(), with_fingerprint=False),
        lambda: rendered(path, counts, with_fingerprint=True),
    )
    floor, bare, whole = best(runs)
    figures = [Figure("reading every row by a bare cursor (the floor)", floor, 1.0)]
    figures.append(Figure("reading, rendering and fingerprinting every row", whole, whole / floor, MOST_OF_FLOOR))
    figures.append(Figure("of that: rendering", bare - floor, (bare - floor) / floor))
    figures.append(Figure("of that: order fingerprints", whole - bare, (whole - bare) / floor))
    return figures, counts


def rows_of(path: str) -> Iterator[list[tuple[Any, ...]]]:
    """Pages of full rows."""
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute('SELECT * FROM "ORDERS_UNIFIED"')
        while page := cursor.fetchmany(PAGE):
            yield page


def rendered(path: str, counts: Counter[str], *, with_fingerprint: bool) -> None:
    """Every row through its customer's renderer, as detection does it, and through the order fingerprint."""
    from mapping.core.order import Invalid
    from staging.core.fingerprint import fingerprint

    family, columns = shipped(), columns_of(path)
    at = columns.index(family.board.source.customer)
    renderers: dict[str | None, Callable[[tuple[Any, ...]], Any]] = {}
    customers: dict[str | None, str | None] = {}
    counts.clear()
    for page in rows_of(path):
        for row in page:
            raw = row[at]
            if raw not in customers:
                customers[raw] = name = family.customer_of(raw)
                if name is not None and name not in renderers:
                    renderers[name] = family.renderer(name, columns, None)
            customer = customers[raw]
            if customer is None:
                counts["of an unknown customer"] += 1
                continue
            order = renderers[customer](row)
            if isinstance(order, Invalid):
                counts["invalid"] += 1
                continue
            counts["orders"] += 1
            if with_fingerprint:
                fingerprint(order.order)


def shipped() -> Any:
    """The shipped documents as one family."""
    from mapping.core.document import parse_board, parse_customer
    from mapping.core.family import Family

    folder = Path(__file__).parents[2] / "mapping" / "shipped"
    board, _ = parse_board((folder / "board.yaml").read_bytes())
    customers = [parse_customer(path.read_bytes())[0] for path in sorted((folder / "customers").glob("*.yaml"))]
    assert board is not None
    return Family(board, [customer for customer in customers if customer is not None])


def columns_of(path: str) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute('SELECT * FROM "ORDERS_UNIFIED" LIMIT 1')
        return [described[0] for described in cursor.description]


def drained(rows: Iterator[object]) -> None:
    for _ in rows:
        pass


def best(runs: Sequence[Callable[[], object]], times: int = 4) -> list[float]:
    """Of each run the quickest, in seconds of this process; taken in turns, so that a busy machine slows all alike."""
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(times):
        for run, seconds in zip(runs, found, strict=True):
            start = time.process_time()
            run()
            seconds.append(time.process_time() - start)
    return [min(seconds) for seconds in found]


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def report(figures: list[Figure], counts: Counter[str], rows: int, *, as_json: bool) -> None:
    peak = peak_mb()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    today = datetime.now(tz=UTC).date().isoformat()
    if as_json:
        document = {"rows": rows, "peak_mb": peak, "most_mb": MOST_MB, "machine": machine, "date": today}
        lines = [{**asdict(figure), "holds": figure.holds} for figure in figures]
        json.dump({**document, "became": dict(counts), "figures": lines}, sys.stdout)
        print()
        return
    became = " + ".join(f"{number:,} {what}" for what, number in counts.most_common())
    memory = f"peak {peak} MB, at most {MOST_MB}: {'ok' if peak <= MOST_MB else 'MISSED'}"
    print(f"Rendering, {rows:,} rows x 268 columns = {became}, {today}, {machine}, {memory}")
    for figure in figures:
        bound = "" if figure.bound is None else f"  at most {figure.bound:.2f}: {'ok' if figure.holds else 'MISSED'}"
        print(f"  {figure.what:<56} {figure.seconds:7.2f} s  {figure.of_floor:5.2f} x{bound}")


if __name__ == "__main__":
    sys.exit(main())
