"""Detection against its floor: `python -m tests.bench.bench_detect [--rows 97222] [--million] [--json] [--out FILE]`.

The floor is reading the same rows into Python by a bare cursor, taken in turns with the figures, so that a busy machine
slows all alike. What is one process's work is measured in its processor seconds, what two readers or a whole command
take in seconds of the clock; on a busy machine the latter say little. Embedded databases in a temporary folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.detection_runs import TIMES, bare

TOP = Path(__file__).resolve().parents[2]
STATEMENTS = 10  # of a quiet run, whatever the number of rows
SAMPLE = 5_000  # rows of the row-wise way, which takes minutes for all of them
Paired = tuple[list[Any], float, float]
"""The answers of several runs, and the floor that was taken between them: processor seconds, and of the clock."""


@dataclass(frozen=True)
class Figure:
    """What was measured, as `value` in `unit` ("x" is times the floor), and the most that is promised, if anything."""

    what: str
    value: float
    unit: str = "x"
    bound: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool:
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=97_222)
    parser.add_argument("--million", action="store_true", help="also a million rows (a gigabyte, and minutes)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", help="a file for the same figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ordersite-bench-") as folder:
        figures = measured(Place(Path(folder), options.rows), options.rows)
        figures += scaled(Path(folder), [10_000, 100_000, *([1_000_000] if options.million else [])])
    report(figures, options)
    return 0 if all(figure.holds for figure in figures) else 1


class Place:
    """A folder with an order table, and what runs in it as processes of their own."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.orders = folder / f"orders-{rows}.sqlite3"
        self.var = folder / f"var-{rows}"
        self.var.mkdir()
        hidden = ("DATABASE_URL", "ORDERS_DATABASE_URL", "MONDAY_API_URL", "MONDAY_API_TOKEN", "SANDBOX_STORE")
        kept = {n: v for n, v in os.environ.items() if not n.startswith(hidden)}  # never the person's own
        own = {"VAR_DIR": str(self.var), "ORDERS_DATABASE_URL": f"sqlite:///{self.orders}"}
        self.environment = {**kept, **own, "DJANGO_SETTINGS_MODULE": "ordersite.settings"}
        made = min(rows, 100_000)
        self.manage("migrate", "--verbosity", "0")
        self.manage("load_demo_orders", "--rows", str(made))
        if rows > made:
            multiply(self.orders, rows // made)

    def manage(self, *arguments: str) -> tuple[str, float, float, int]:
        """Run a command: its output, seconds of the clock and of the processor, and its peak in MB."""
        return self._run([sys.executable, "manage.py", *arguments])

    def child(self, name: str) -> tuple[dict[str, Any], float, float, int]:
        """Run one of CHILDREN: what it answered, and the same figures."""
        out, *figures = self._run([sys.executable, "-m", "tests.bench.detection_runs", name])
        return json.loads(out.splitlines()[-1]), *figures  # type: ignore[return-value]

    def _run(self, command: list[str]) -> tuple[str, float, float, int]:
        with tempfile.TemporaryFile("w+") as out:
            began = time.perf_counter()
            process = subprocess.Popen(command, cwd=TOP, env=self.environment, stdout=out, text=True)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            took = time.perf_counter() - began
            out.seek(0)
            text = out.read()
        if process.returncode:
            raise SystemExit(f"{command} ended with {process.returncode}: {text[-500:]}")
        return text, took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024

    def change(self, one_in: int) -> None:
        """Change a note on every so manyth row."""
        with closing(sqlite3.connect(self.orders)) as table, table:
            table.execute(
                "UPDATE ORDERS_UNIFIED SET NOTES = coalesce(NOTES, '') || ' moved' WHERE rowid % ? = 0", (one_in,)
            )

    def floor(self) -> tuple[float, float]:
        """Processor seconds, and seconds of the clock, that reading all rows takes by itself."""
        cpu, wall = time.process_time(), time.perf_counter()
        bare(str(self.orders))
        return time.process_time() - cpu, time.perf_counter() - wall

    def in_turns(self, run: Callable[[], Any], times: int = TIMES) -> Paired:
        """Run it several times and take the floor before each, of which the quickest counts."""
        answers, floors = [], []
        for _ in range(times):
            floors.append(self.floor())
            answers.append(run())
        return answers, min(cpu for cpu, _ in floors), min(wall for _, wall in floors)

    def once(self, name: str) -> tuple[dict[str, Any], float, int]:
        """One of CHILDREN that can run once only: its answer, how many times the floor its processor seconds are, and
        its peak. It takes so long that of the floors before and after it the middle one counts, not the quickest."""
        floors = [self.floor()[0] for _ in range(TIMES)]
        answer, _, _, peak = self.child(name)
        floors += [self.floor()[0] for _ in range(TIMES)]
        return answer, answer["cpu"] / statistics.median(floors), peak


def multiply(path: Path, times: int) -> None:
    """The rows of a table so many times, each with a UUID of its own."""
    fresh = "lower(hex(randomblob(4))||'-'||hex(randomblob(2))||'-4'||substr(hex(randomblob(2)),2)||'-a'||"
    fresh += "substr(hex(randomblob(2)),2)||'-'||hex(randomblob(6)))"
    with closing(sqlite3.connect(path)) as table, table:
        names = [row[1] for row in table.execute("PRAGMA table_info(ORDERS_UNIFIED)")]
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        chosen = quoted.replace('"record_uuid"', fresh)
        table.execute("CREATE TEMP TABLE once AS SELECT * FROM ORDERS_UNIFIED WHERE record_uuid IS NOT NULL")
        for _ in range(times - 1):
            table.execute(f"INSERT INTO ORDERS_UNIFIED ({quoted}) SELECT {chosen} FROM once")


def measured(place: Place, rows: int) -> list[Figure]:
    """Everything over one table."""
    floor = min(place.floor()[0] for _ in range(TIMES))
    first, of_floor, peak = place.once("first_load")
    figures = [
        Figure(f"reading {rows:,} rows by a bare cursor (the floor)", floor, "s"),
        Figure("first load: rendered, staged with size lines, checked", of_floor, "x", 12),
        Figure("  its peak", peak, "MB", 300),
        Figure("  orders staged", first["new"], ""),
        Figure("  and staged by a second run", place.child("first_load")[0]["new"], "", 0),
    ]
    place.child("accept")
    figures += quick(place) + quiet(place)
    place.change(100)
    some, of_floor, _ = place.once("sync")
    figures.append(Figure(f"1 % changed: to {some['changed']:,} staged orders", of_floor, "x", 1.3))
    place.change(1)
    every, of_floor, peak = place.once("sync")
    figures.append(Figure(f"100 % changed: to {every['changed']:,} staged orders", of_floor))
    figures.append(Figure("  its peak", peak, "MB", 300))
    return figures + row_wise(place, rows)


def quick(place: Place) -> list[Figure]:
    """`--check`, by one reader and by two, and as a command with its start."""
    one, floor, _ = place.in_turns(lambda: place.child("check_one")[0])
    two = min((place.child("check_two")[0] for _ in range(TIMES)), key=lambda run: float(run["wall"] / run["floor"]))
    runs, floor_cpu, floor_wall = place.in_turns(lambda: place.manage("sync_orders", "--check"))
    return [
        Figure("--check by one reader", min(run["cpu"] for run in one) / floor, "x", 0.6),
        Figure("--check by two readers, of the floor by the clock", two["wall"] / two["floor"], "x", 0.4),
        Figure("  the same in processor seconds of both", two["cpu"] / floor),
        Figure("the whole command, start included, by the clock", min(run[1] for run in runs) / floor_wall, "x", 1.5),
        Figure("  the same in processor seconds", min(run[2] for run in runs) / floor_cpu),
        Figure("  its peak", max(run[3] for run in runs), "MB"),
    ]


def quiet(place: Place) -> list[Figure]:
    """A whole sync that finds nothing: what it takes, and that it does nothing."""
    runs, floor, _ = place.in_turns(lambda: place.child("sync"))
    counted = place.child("quiet_sync")[0]
    return [
        Figure("a sync that finds nothing: detection", min(run[0]["cpu"] for run in runs) / floor, "x", 1.0),
        Figure("  its peak", max(run[3] for run in runs), "MB", 150),
        Figure("  rows rendered", counted["rendered"], "", 0),
        Figure("  rows written but the run itself", sum(counted["written"].values()), "", 0),
        Figure("  API calls that write", counted["mutations"], "", 0),
        Figure("  fetched from the source", counted["fetched"] / 1e6, "MB", 12),
        Figure("  statements to the source", counted["statements"], "", STATEMENTS),
    ]


def row_wise(place: Place, rows: int) -> list[Figure]:
    """The way of the earlier system: pandas, and a hash of each row in Python. A sample, reckoned up to all rows."""
    import pandas as pd

    def hashed(row: Any) -> str:
        return hashlib.sha256("|".join(str(row[name]) for name in row.index).encode()).hexdigest()

    def apply() -> float:
        began = time.process_time()
        with closing(sqlite3.connect(place.orders)) as table:
            frame = pd.read_sql(f"SELECT * FROM ORDERS_UNIFIED LIMIT {SAMPLE}", table)
        frame.apply(hashed, axis=1)
        return time.process_time() - began

    pairs = [(apply(), place.child("fingerprints")[0]["cpu"]) for _ in range(TIMES)]
    took, ours = min(one for one, _ in pairs) * rows / SAMPLE, min(one for _, one in pairs)
    return [
        Figure("the row-wise pandas way, reckoned from a sample", took, "s"),
        Figure("  how many times quicker fingerprints in SQL are", took / ours, "", 50, at_least=True),
    ]


def scaled(folder: Path, sizes: list[int]) -> list[Figure]:
    """`--check` as a command over tables of several sizes, and what a quiet sync asks of each."""
    figures, found = [], {}
    for rows in sizes:
        place = Place(folder, rows)
        place.child("accept")
        runs = [place.manage("sync_orders", "--check") for _ in range(2)]
        found[rows] = (place.child("check_two")[0]["cpu"], max(run[3] for run in runs))
        asked = place.child("quiet_sync")[0]["statements"]
        figures.append(Figure(f"--check of {rows:,} rows, processor seconds", found[rows][0], "s"))
        figures.append(Figure("  peak of the command", found[rows][1], "MB"))
        figures.append(Figure("  statements to the source by a quiet sync", asked, "", STATEMENTS))
        place.orders.unlink()
    if 1_000_000 in found:
        (less, peak), (more, most) = found[100_000], found[1_000_000]
        figures.append(Figure("a million rows against 97,222: time", more / (less * 0.97222), "x", 11))
        figures.append(Figure("  memory", most / peak, "x", 1.2))
    return figures


def report(figures: list[Figure], options: argparse.Namespace) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    today, load = datetime.now(tz=UTC).date().isoformat(), os.getloadavg()[0]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    lines = [{**asdict(figure), "holds": figure.holds} for figure in figures]
    document = {
        "rows": options.rows,
        "machine": machine,
        "date": today,
        "load": load,
        "peak_mb": peak,
        "figures": lines,
    }
    if options.out:
        Path(options.out).parent.mkdir(parents=True, exist_ok=True)
        Path(options.out).write_text(json.dumps(document, indent=1) + "\n")
    if options.json:
        print(json.dumps(document))
        return
    busy = f"; {load:.1f} processes ran beside it" if load > (os.cpu_count() or 1) else ""
    print(f"Detection, {options.rows:,} rows x 268 columns, {today}, {machine}{busy}")
    for figure in figures:
        word = "at least" if figure.at_least else "at most"
        bound = "" if figure.bound is None else f"  {word} {figure.bound:g}: {'ok' if figure.holds else 'MISSED'}"
        print(f"  {figure.what:<58} {figure.value:10,.2f} {figure.unit:<3}{bound}")


if __name__ == "__main__":
    sys.exit(main())
