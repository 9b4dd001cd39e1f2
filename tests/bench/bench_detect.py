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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
PAGE, TIMES = 2_000, 3
SAMPLE = 5_000  # rows of the row-wise way, which takes minutes for all of them
Clock = Callable[[], float]


def spent() -> float:
    """Processor seconds of this process, and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


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
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(CHILDREN[options.child]()))
        return 0
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
        out, *figures = self._run([sys.executable, "-m", "tests.bench.bench_detect", "--child", name])
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

    def bare(self) -> None:
        """The floor: every row into Python, and away."""
        with closing(sqlite3.connect(self.orders)) as table:
            cursor = table.execute("SELECT * FROM ORDERS_UNIFIED")
            while cursor.fetchmany(PAGE):
                pass


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
    floor_cpu, floor_wall = in_turns([place.bare], time.process_time)[0], in_turns([place.bare], time.perf_counter)[0]
    first, _, _, peak = place.child("first_load")
    figures = [
        Figure(f"reading {rows:,} rows by a bare cursor (the floor)", floor_cpu, "s"),
        Figure("first load: rendered, staged with size lines, checked", first["cpu"] / floor_cpu, "x", 12),
        Figure("  its peak", peak, "MB", 300),
        Figure("  orders staged", first["new"], ""),
    ]
    again, _, _, _ = place.child("first_load")
    figures.append(Figure("  and staged by a second run", again["new"], "", 0))
    place.child("accept")
    figures += quick(place, floor_cpu, floor_wall)
    quiet, _, _, peak = min((place.child("sync") for _ in range(TIMES)), key=lambda run: run[0]["cpu"])
    counted = place.child("quiet_sync")[0]
    figures += [
        Figure("a sync that finds nothing: detection", quiet["cpu"] / floor_cpu, "x", 1.0),
        Figure("  its peak", peak, "MB", 150),
        Figure("  API calls that write", quiet["mutations"], "", 0),
        Figure("  fetched from the source", counted["fetched"] / 1e6, "MB", 12),
        Figure("  statements to the source", counted["statements"], ""),
    ]
    place.change(100)
    some, _, _, _ = place.child("sync")
    figures.append(Figure(f"1 % changed: to {some['changed']:,} staged orders", some["cpu"] / floor_cpu, "x", 1.3))
    place.change(1)
    every, _, _, peak = place.child("sync")
    figures.append(Figure(f"100 % changed: to {every['changed']:,} staged orders", every["cpu"] / floor_cpu))
    figures.append(Figure("  its peak", peak, "MB", 300))
    return figures + row_wise(place, rows)


def quick(place: Place, floor_cpu: float, floor_wall: float) -> list[Figure]:
    """`--check`, by one reader and by two, and as a command with its start."""
    one, two = place.child("check_one")[0], place.child("check_two")[0]
    runs = [place.manage("sync_orders", "--check") for _ in range(TIMES)]
    wall, cpu = min(run[1] for run in runs), min(run[2] for run in runs)
    return [
        Figure("--check by one reader", one["cpu"] / floor_cpu, "x", 0.6),
        Figure("--check by two readers, of the floor by the clock", two["wall"] / two["floor"], "x", 0.4),
        Figure("  the same in processor seconds of both", two["cpu"] / floor_cpu),
        Figure("the whole command, start included, by the clock", wall / floor_wall, "x", 1.5),
        Figure("  the same in processor seconds", cpu / floor_cpu),
        Figure("  its peak", max(run[3] for run in runs), "MB"),
    ]


def row_wise(place: Place, rows: int) -> list[Figure]:
    """The way of the earlier system: pandas, and a hash of each row in Python. A sample, reckoned up to all rows."""
    import pandas as pd

    def hashed(row: Any) -> str:
        return hashlib.sha256("|".join(str(row[name]) for name in row.index).encode()).hexdigest()

    def apply() -> None:
        with closing(sqlite3.connect(place.orders)) as table:
            frame = pd.read_sql(f"SELECT * FROM ORDERS_UNIFIED LIMIT {SAMPLE}", table)
        frame.apply(hashed, axis=1)

    took = in_turns([apply], time.process_time)[0] * rows / SAMPLE
    ours = place.child("fingerprints")[0]["cpu"]
    return [
        Figure("the row-wise pandas way, reckoned from a sample", took, "s"),
        Figure("  how many times quicker fingerprints in SQL are", took / ours, "", 50, at_least=True),
    ]


def scaled(folder: Path, sizes: list[int]) -> list[Figure]:
    """`--check` as a command over tables of several sizes."""
    figures, found = [], {}
    for rows in sizes:
        place = Place(folder, rows)
        place.child("accept")
        runs = [place.manage("sync_orders", "--check") for _ in range(2)]
        found[rows] = (place.child("check_two")[0]["cpu"], max(run[3] for run in runs))
        figures.append(Figure(f"--check of {rows:,} rows, processor seconds", found[rows][0], "s"))
        figures.append(Figure("  peak of the command", found[rows][1], "MB"))
        place.orders.unlink()
    if 1_000_000 in found:
        (less, peak), (more, most) = found[100_000], found[1_000_000]
        figures.append(Figure("a million rows against 97,222: time", more / (less * 0.97222), "x", 11))
        figures.append(Figure("  memory", most / peak, "x", 1.2))
    return figures


def in_turns(runs: list[Callable[[], object]], clock: Clock, times: int = TIMES) -> list[float]:
    """Of each run the quickest."""
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(times):
        for run, seconds in zip(runs, found, strict=True):
            began = clock()
            run()
            seconds.append(clock() - began)
    return [min(seconds) for seconds in found]


# --- what runs as a process of its own ------------------------------------------------------------------------------
def with_setup(work: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    import django

    django.setup()
    from monday.calls import CallLog
    from staging.wiring import opened

    calls = CallLog(waits=lambda seconds: None)
    with opened(mode="TEST", calls=calls) as setup:
        answer = work(setup)
    return {"mutations": calls.mutations, **answer}


def synced(setup: Any, *, counted: bool) -> dict[str, Any]:
    """One run to staged and checked batches; `counted` with what it fetched from the source, which takes its time."""
    from django.db import connections

    from monday.calls import CallLog
    from staging.setup import silent
    from staging.sync import Request, sync
    from tests.db.fetched import Fetched

    fetched = Fetched()
    if counted:
        fetched.watch(connections["orders"])
    request = Request(mode="TEST", actor="bench", by_person=True, push_now=False)
    began = spent()
    done = sync(request=request, setup=setup, calls=CallLog(waits=lambda seconds: None), progress=silent)
    cpu = spent() - began
    assert not done.error, done.error
    counts = done.counts
    numbers = {"new": counts.new, "changed": counts.changed, "read": counts.read}
    return {"cpu": cpu, **numbers, "fetched": fetched.letters, "statements": fetched.statements}


def accept() -> dict[str, Any]:
    """As if the board had accepted every row: snapshots that stand at the rows' fingerprints, and nothing staged."""
    return with_setup(accepted)


def accepted(setup: Any) -> dict[str, Any]:
    from django.db import connection, transaction
    from django.utils import timezone

    from mapping.core.order import Order
    from mapping.models import Customer
    from staging.core.fingerprint import payload
    from staging.core.identity import canonical
    from staging.detection.detect import Rows, mapping_keys
    from staging.models import Batch, Snapshot, StagedLine, StagedOrder, insert_rows
    from staging.setup import whole

    order = json.dumps(payload(Order("Order", "Group")))
    key, scheme, now = sorted(mapping_keys(setup))[0], setup.source.scheme, timezone.now()
    customer = Customer.objects.order_by("pk").first()
    assert customer is not None
    columns = ("board_id", "record", "link_key", "customer_id", "key", "key_hash", "source_fingerprint", "scheme")
    more = ("mapping_key", "order_fingerprint", "order", "item_id", "lines", "withheld", "state", "accepted_at")

    def row(record: str, print_: str) -> tuple[Any, ...]:
        told = (setup.board.pk, record, record, customer.pk, "", "", print_, scheme)
        return (*told, key, "", order, "1", "{}", "{}", "linked", now)

    found: dict[str, str] = {}
    for page in setup.source.fingerprint_pages(whole(setup)):
        found.update((canonical(raw), print_) for raw, print_ in page if raw is not None)
    found.update(Rows(setup, whole(setup)).derived_fingerprints())
    with transaction.atomic():
        for model in (StagedLine, StagedOrder):
            model.objects.all()._raw_delete(connection.alias)
        Batch.objects.all().delete()
        insert_rows(Snapshot, (*columns, *more), (row(*pair) for pair in found.items()))
    return {"accepted": len(found)}


def glanced(setup: Any, *, alone: bool) -> dict[str, Any]:
    from django.conf import settings

    from staging.detection.glance import glance
    from staging.setup import whole
    from staging.source import halves

    if alone:
        halves.possible = lambda connection: False
    path = settings.DATABASES["orders"]["NAME"]

    def floor() -> None:
        with closing(sqlite3.connect(path)) as table:
            cursor = table.execute("SELECT * FROM ORDERS_UNIFIED")
            while cursor.fetchmany(PAGE):
                pass

    runs: list[Callable[[], object]] = [floor, lambda: glance(setup=setup, scope=whole(setup))]
    floor_wall, wall = in_turns(runs, time.perf_counter)
    return {"wall": wall, "floor": floor_wall, "cpu": in_turns(runs[1:], spent)[0]}


def fingerprinted(setup: Any) -> dict[str, Any]:
    from staging.setup import whole

    def drained() -> None:
        for _ in setup.source.fingerprint_pages(whole(setup)):
            pass

    return {"cpu": in_turns([drained], spent)[0]}


CHILDREN: dict[str, Callable[[], dict[str, Any]]] = {
    "first_load": lambda: with_setup(partial(synced, counted=False)),
    "sync": lambda: with_setup(partial(synced, counted=False)),
    "quiet_sync": lambda: with_setup(partial(synced, counted=True)),
    "accept": accept,
    "check_one": lambda: with_setup(lambda setup: glanced(setup, alone=True)),
    "check_two": lambda: with_setup(lambda setup: glanced(setup, alone=False)),
    "fingerprints": lambda: with_setup(fingerprinted),
}


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
