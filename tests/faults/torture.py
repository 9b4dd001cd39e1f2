"""Kills the line again and again, and looks whether anything is lost or stands twice.

    python -m tests.faults.torture seeded --kills 1000
    python -m tests.faults.torture seeded --kills 200 --workers 2 --postgres --twice
    python -m tests.faults.torture enumerated

`seeded` kills runs by SIGKILL at random instants while a fifth of the requests meet a fault of the board and the table
is changed between the runs; then it lets one clean run finish. `enumerated` kills one run of 30 orders before and
after every commit and every request, each once, and lets the next one finish. Either prints its figures, and ends with
exit code 1 where something is untrue by then. `--blind` takes the look-up before creations away.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.ground import BROKE, SETTLE, Ground, begin

RATES = {
    "gateway_before": 0.02,
    "gateway_after": 0.03,
    "drop_before": 0.02,
    "drop_after": 0.03,
    "cut": 0.02,
    "html": 0.01,
    "minute_limit": 0.01,
    "locked": 0.01,
    "server_error": 0.02,
    "field_limit": 0.01,
    "missing_alias": 0.01,
    "skipped_alias": 0.01,
}
ROWS = 40
SYNC = ("sync_orders", "--mode", "TEST", "--batch-size", "7", "--json")


class Torture:
    """One ground with its table, and what was counted on it."""

    def __init__(self, folder: Path, *, seed: int, blind: bool) -> None:
        from tests.faults.orders import Orders

        self.ground, self.random = Ground(folder, blind=blind), Random(seed)
        self.seed, self.folder = seed, folder
        self.orders = Orders(folder, seed)
        self.kills = self.runs = self.cases = 0
        self.bad: list[str] = []

    def prepare(self) -> None:
        """Migrate, and leave plain rows in the table; the board is served and holds nothing yet."""
        from tests.faults.truth import plain_records

        ground = self.ground
        assert ground.manage("migrate", "--verbosity", "0") == 0, ground.said()
        assert ground.manage("load_demo_orders", "--rows", str(ROWS * 2)) == 0, ground.said()
        ground.serve()
        self.orders.keep_only(ground.ask(plain_records)[:ROWS])

    def time_passes(self) -> None:
        """The board is done with what reached it, and everything that waits for a later hour is due."""
        time.sleep(SETTLE + 0.1)
        self.ground.run(_due)

    def look(self, what: str) -> None:
        """Write down what is untrue now."""
        from tests.faults.truth import untrue

        self.bad += [f"{what}: {sentence}" for sentence in self.ground.ask(untrue)]

    def figures(self, name: str, began: float) -> str:
        """One line that says what was done."""
        from tests.faults.truth import created, figures

        held = self.ground.ask(figures)
        held |= created(self.folder / "board.sqlite3")
        held["faults"] = _faults(self.folder / "board.sqlite3")
        done = f"{name}: seed {self.seed}, {self.kills} kills, {self.runs} runs, {self.orders.changes} changes"
        more = ", ".join(f"{held[key]:,} {key}" for key in ("requests", "faults", "orders", "receipts", "unclear"))
        return f"{done}, {more}, {held['items']} items, {held['lines']} subitems, {time.monotonic() - began:.0f} s"


def _due() -> None:
    """Everything that waits for a later hour is due."""
    from staging.models import StagedOrder

    if hasattr(StagedOrder, "retry_at"):
        from datetime import UTC, datetime

        StagedOrder.objects.filter(retry_at__isnull=False).update(retry_at=datetime(2026, 1, 1, tzinfo=UTC))


def _faults(store: Path) -> int:
    import sqlite3

    with sqlite3.connect(store, timeout=30) as board:
        found = board.execute("SELECT sum(used) FROM counters WHERE name LIKE 'fault:%'").fetchone()
    return int(found[0] or 0)


# --- at random instants -----------------------------------------------------------------------------------------------
def seeded(torture: Torture, kills: int, workers: int, *, twice: bool, lossy: bool) -> None:
    """Kill runs at random instants until there were so many deaths; then one clean run."""
    from monday.sandbox.faults import Fault
    from monday.sandbox.graphql_api import STALE_IN_PROCESS

    ground, random = torture.ground, torture.random
    faults = [Fault("drop_after", rate=0.6, on="create_item")] if lossy else []
    faults += [Fault(kind, rate=rate, retry_after=0.0) for kind, rate in RATES.items()]
    ground.serve(faults, torture.seed)
    if lossy:
        for _ in range(3):
            ground.manage(*SYNC)
            torture.time_passes()
            torture.runs += 1
    length, last_look = 2.0, 0  # seconds that a run takes, as far as is known: the machine has other work too
    while torture.kills < kills:
        if random.random() < 0.7:
            torture.orders.change(random.randint(1, 6))
        if random.random() < 0.3:
            ground.run(_due)
        work = _begun(ground, workers, twice=twice, seed=random.getrandbits(32))
        began = time.monotonic()
        children = [ground.fork(work) for _ in range(max(1, workers))]
        torture.runs += 1
        for child in children:
            code = ground.wait(child, random.uniform(0.0, length))
            if code is None:
                code = ground.kill(child)
            if code == -9:
                torture.kills += 1
                length = min(30.0, length * 1.06)
            else:
                length = max(0.3, 1.1 * (time.monotonic() - began))
            if code == BROKE:
                torture.bad.append(f"a run broke off:\n{ground.said()}")
                return
        if torture.kills // 100 > last_look:
            last_look = torture.kills // 100
            print(f"  {torture.kills} kills, {torture.runs} runs", file=sys.stderr, flush=True)
    ground.serve()
    time.sleep(STALE_IN_PROCESS)  # the board died too, and what it was at keeps its key and its place for so long
    torture.time_passes()
    _clean(torture, workers, twice=twice)
    torture.look("in the end")
    if torture.bad:
        torture.bad.append(f"what the last runs said:\n{ground.said()}")


def _begun(ground: Ground, workers: int, *, twice: bool, seed: int) -> Callable[[], int]:
    if not workers:
        return lambda: ground.line(*SYNC)
    ground.run(_ask)
    return lambda: _work(ground, seed, twice=twice)


def _clean(torture: Torture, workers: int, *, twice: bool) -> None:
    """One run that nobody disturbs, and another that finds nothing to do."""
    ground = torture.ground
    if workers:
        ground.run(lambda: _work(ground, 0, twice=twice))  # what was asked for before is done first
        torture.time_passes()
    for name in ("the clean run", "the quiet run"):
        before = _written(torture.folder)
        if workers:
            ground.run(_ask)
            code = ground.run(lambda: _work(ground, 0, twice=twice))
        else:
            code = ground.manage(*SYNC)
        torture.runs += 1
        if code:
            torture.bad.append(f"{name} ended with {code}:\n{ground.said()[-2500:]}")
        if name == "the quiet run" and _written(torture.folder) != before:
            torture.bad.append("a second run found something to write")


def _written(folder: Path) -> int:
    import sqlite3

    with sqlite3.connect(folder / "board.sqlite3", timeout=30) as board:
        return int(board.execute("SELECT coalesce(max(id), 0) FROM activity").fetchone()[0])


def _ask() -> None:
    from contextlib import suppress

    from staging import jobs
    from staging.core.lifecycle import NotAllowed

    jobs.async_task = lambda *args, **more: None  # the workers below deliver
    with suppress(NotAllowed):
        jobs.ask_sync(mode="TEST", actor="anna", trigger="admin", scope={})


def _work(ground: Ground, seed: int, *, twice: bool) -> int:
    """A worker: does every run that is asked for, as a queue would deliver it, until there is none for a while.

    With `twice` every message comes twice, and those of ended runs come again now and then.
    """
    from staging import jobs
    from staging.models import SyncRun
    from staging.running.runs import ACTIVE

    jobs.async_task = lambda *args, **more: None
    random, idle = Random(seed), 0
    while idle < 5:
        jobs.recover(late=None)
        runs = list(SyncRun.objects.filter(state__in=ACTIVE).values_list("pk", flat=True))
        idle = 0 if runs else idle + 1
        if twice:
            ended = list(SyncRun.objects.exclude(state__in=ACTIVE).order_by("-id").values_list("pk", flat=True)[:3])
            runs += runs + ended
        random.shuffle(runs)
        for run in runs:
            jobs.work(run)
        time.sleep(0.05)
    return 0


# --- at every moment --------------------------------------------------------------------------------------------------
def enumerated(torture: Torture, every: int) -> None:
    """Kill a run of 30 orders at each of its moments (at every `every`-th), and let the next finish."""
    from tests.faults.moments import Moments, install

    ground, moments = torture.ground, Moments()
    torture.orders.change(0)
    _half(torture)
    torture.ground.close()
    ground.keep("begun")

    def line() -> int:
        install(moments)
        return ground.line(*SYNC)

    def begin_again() -> None:
        ground.close()
        ground.back("begun")
        ground.serve()

    begin_again()
    moments.forget(0)
    code = ground.run(line)
    torture.look("undisturbed")
    if code or torture.bad:
        torture.bad.append(f"the undisturbed run ended with {code}:\n{ground.said()[-2500:]}")
        return
    total = moments.total
    orders = ground.ask(_orders_of_last_run)
    shift = torture.seed % every
    places = [at for at in range(1, total + 1) if at % every == shift]
    print(f"  {orders} orders, {moments.commits // 2} commits, {moments.requests // 2} requests", file=sys.stderr)
    for at in places:
        begin_again()
        moments.forget(at)
        code = ground.run(line)
        torture.runs += 1
        if code == -9:
            torture.kills += 1
        torture.time_passes()
        code = ground.manage(*SYNC)
        torture.runs += 1
        if code:
            torture.bad.append(f"after a death at moment {at} the next run ended with {code}:\n{ground.said()[-1500:]}")
        torture.look(f"after a death at moment {at}")
        if len(torture.bad) > 12:
            return
    if torture.kills != len(places):
        torture.bad.append(f"only {torture.kills} of {len(places)} runs were killed")


def _half(torture: Torture) -> None:
    """Twelve rows stand on the board; ten of them change, two go, and the others arrive: a run of 30 orders."""
    import sqlite3
    from contextlib import closing

    file = torture.folder / "orders.sqlite3"
    table = '"ORDERS_UNIFIED"'
    with closing(sqlite3.connect(file)) as db:
        rows = [row for (row,) in db.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
        later = db.execute(f"SELECT * FROM {table} WHERE rowid > ? AND rowid <= ?", (rows[11], rows[29])).fetchall()
        db.execute(f"DELETE FROM {table} WHERE rowid > ?", (rows[11],))
        db.commit()
        assert torture.ground.manage(*SYNC) == 0, torture.ground.said()
        marks = ", ".join("?" * len(later[0]))
        db.executemany(f"INSERT INTO {table} VALUES ({marks})", later)
        db.execute(f"DELETE FROM {table} WHERE rowid <= ?", (rows[1],))
        for place, row in enumerate(rows[2:12]):
            column, value = (("NOTES", "moved"), ("CUSTOMER SEASON", "SS31"), ("CUSTOMER PRICE", "77"))[place % 3]
            db.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (value, row))
            if place % 2:
                sizes = '"S" = 0, "M" = 9, "2XL" = 4, "XS" = NULL'
                rest = '9 + 4 + coalesce("L", 0) + coalesce("XL", 0)'
                db.execute(f'UPDATE {table} SET {sizes}, "TOTAL QTY" = {rest} WHERE rowid = ?', (row,))
        db.commit()


def _orders_of_last_run() -> int:
    from staging.models import StagedOrder, SyncRun

    return StagedOrder.objects.filter(batch__run=SyncRun.objects.latest("id")).count()


def main(arguments: list[str]) -> int:
    """Torture, print the figures and what is untrue, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("how", choices=["seeded", "enumerated"])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--every", type=int, default=1, help="of the moments, only every n-th")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--workers", type=int, default=0, help="workers at once, 0 for the command line")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--twice", action="store_true", help="deliver every job twice")
    parser.add_argument("--lossy", action="store_true", help="lose most answers to creations as well")
    parser.add_argument("--blind", action="store_true", help="without the look-up before creations")
    given: Any = parser.parse_args(arguments)
    began = time.monotonic()
    with ExitStack() as stack:
        database = ""
        if given.postgres:
            from tests.journeys.installation import postgres_database

            database = stack.enter_context(postgres_database())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ordersite-torture-")))
        begin(folder, database=database)
        torture = Torture(folder, seed=given.seed, blind=given.blind)
        stack.callback(torture.ground.close)
        torture.prepare()
        if given.how == "seeded":
            seeded(torture, given.kills, given.workers, twice=given.twice, lossy=given.lossy)
        else:
            enumerated(torture, given.every)
        name = given.how + (f", {given.workers} workers" if given.workers else "")
        name += (", PostgreSQL" if given.postgres else "") + (", every job twice" if given.twice else "")
        print(torture.figures(name, began))
        for sentence in torture.bad[:30]:
            print(f"UNTRUE {sentence}")
        if torture.bad:
            print(f"{len(torture.bad)} things are untrue; again with --seed {given.seed}")
    return 1 if torture.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
