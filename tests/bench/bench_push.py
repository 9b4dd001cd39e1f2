"""Pushing under limits, over real HTTP: `python -m tests.bench.bench_push [--orders 7224] [--seconds 30] [--json]`.

The first load runs by a clock that leaves waits out, so that three quarters of an hour pass in a minute or two; the
time that client and board need for their work counts as it is. The other figures are taken in real seconds, in windows
of two seconds instead of sixty. Every figure stands beside the ceiling that the account's limits set.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.own import installation

if TYPE_CHECKING:
    from monday.client import MondayClient
    from monday.core.operations import Operation

TOP = Path(__file__).resolve().parents[2]
CHUNK, SIZES = 100, 5  # orders of a chunk, sizes of an order
POINTS = 10_000_000  # a minute of a paid account
WINDOW = 2.0


@dataclass(frozen=True)
class Figure:
    """What was measured, and the most (or, `at_least`, the least) that is promised."""

    what: str
    value: float
    unit: str
    bound: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound


class Skipping:
    """A clock that runs, and jumps where somebody waits. Epoch seconds."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        return time.time() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.skipped += seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=7_224)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installation() as folder:
        figures = [
            *first_load(folder, options.orders),
            *paced(folder, options.seconds),
            *two_at_once(folder, options.seconds),
        ]
    report(figures, as_json=options.json)
    return 0 if all(figure.holds for figure in figures) else 1


def first_load(folder: Path, orders: int) -> list[Figure]:
    """All orders with their sizes under a paid account's limits, chunk by chunk with look-ups as a push does it."""
    from monday.budgets import SharedBudget
    from monday.client import MondayClient
    from monday.core.calls import Call
    from monday.core.operations import CreateItem, CreateSubitem
    from monday.sandbox.limits import PLANS
    from monday.token import Token
    from tests.contracts.sandbox_world import BOARD, structure, world

    clock, calls = Skipping(), list[Call]()
    wide, key = structure(items_limit=100_000), structure().columns["text_key"]
    (folder / "load").mkdir()
    settings = {"limits": PLANS["pro"], "clock": clock.now, "sleep": clock.sleep}
    with world(folder / "load", wide, **settings) as board:
        address = f"{board.address}/v2"
        budget = SharedBudget(address=address, clock=clock.now)
        client = MondayClient(
            address=address, token=Token("t"), recorder=calls.append, budget=budget, sleep=clock.sleep, clock=clock.now
        )
        budget.belongs_to(client.identity().account_id)
        began = clock.now()
        for numbers in chunks(range(orders)):
            client.find_items(BOARD, "text_key", [f"K{n}" for n in numbers], columns=[key])
            items = [CreateItem(BOARD, "harbour", f"Order {n}", {"text_key": f"K{n}"}) for n in numbers]
            made = write(client, items)
            write(
                client, [CreateSubitem(item, str(size), {"numeric_q": "5"}) for item in made for size in range(SIZES)]
            )
        minutes = (clock.now() - began) / 60
        client.close()
        refused = board_refused(board.store)
    operations = orders * (1 + SIZES)
    scale = operations / (7_224 + 36_000)
    return [
        Figure(f"first load of {orders:,} orders and {orders * SIZES:,} sizes", minutes, "min", 46 * scale),
        Figure("  the ceiling, a thousand mutations a minute", operations / (POINTS / 10_000), "min", float("inf")),
        Figure("  its calls", len(calls), "", float("inf")),
        Figure("  refused by a limit", refused, "", 2),
    ]


def paced(folder: Path, seconds: float) -> list[Figure]:
    """One push against limits of two seconds, in real time."""
    from monday.core.calls import Call
    from tests.contracts.sandbox_world import world
    from tests.contracts.test_limits_pace import A_WINDOW, PACE, create, pusher, share_of_ceiling

    (folder / "pace").mkdir()
    calls = list[Call]()
    with world(folder / "pace", limits=PACE) as board, pusher(board.address, calls, None) as client:
        create(client, (int(seconds / WINDOW) + 1) * A_WINDOW)
        refused = board_refused(board.store)
    return [
        Figure(
            f"share of the ceiling kept over {seconds:.0f} s", share_of_ceiling(calls) * 100, "%", 95, at_least=True
        ),
        Figure("  refused by a limit", refused, "", 2),
    ]


def two_at_once(folder: Path, seconds: float) -> list[Figure]:
    """Two processes on one account, in real time."""
    from monday.budgets import SharedBudget
    from tests.contracts.sandbox_world import world
    from tests.contracts.test_limits_pace import PACE, pusher

    (folder / "two").mkdir()
    each = int(seconds / WINDOW * PACE.complexity / 10_000 / 2)
    with world(folder / "two", limits=PACE) as board:
        with pusher(board.address, [], SharedBudget(address=f"{board.address}/v2")):
            pass  # the account's row is there before both begin
        command = [sys.executable, "-m", "tests.contracts.pushing", str(each)]
        environment = {**os.environ, "PUSH_TO": board.address}
        began = time.monotonic()
        both = [subprocess.Popen([*command, who], cwd=TOP, env=environment) for who in ("first ", "second ")]
        failed = [process.wait(timeout=seconds * 10) for process in both]
        took = time.monotonic() - began
        assert failed == [0, 0]
        refused = board_refused(board.store)
    return [
        Figure(f"two processes, {2 * each:,} operations together", took, "s", seconds * 1.25 + 5),
        Figure("  the least that the account's limit allows", (2 * each / 100 - 1) * WINDOW, "s", took),
        Figure("  refused by a limit", refused, "", 2),
    ]


def chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]


def write(client: MondayClient, operations: Sequence[Operation]) -> list[str]:
    """Send them all; their ids. Every one of them must be done."""
    from monday.core.operations import Done
    from tests.contracts.sandbox_world import structure
    from tests.contracts.test_limits_pace import Silent

    tokens = [f"{id(operations)}:{n}" for n in range(len(operations))]
    outcomes = client.write(operations, board=structure(), tokens=tokens, journal=Silent())
    ids = [outcome.id for outcome in outcomes if isinstance(outcome, Done)]
    assert len(ids) == len(operations)
    return ids


def board_refused(store: object) -> int:
    """Requests that the board answered with 429."""
    with store.connection() as db:  # type: ignore[attr-defined]
        return int(db.execute("SELECT count(*) FROM requests WHERE status = 429").fetchone()[0])


def report(figures: Sequence[Figure], *, as_json: bool, title: str = "Pushing under limits") -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    today = datetime.now(tz=UTC).date().isoformat()
    if as_json:
        shown = [{**asdict(figure), "holds": figure.holds} for figure in figures]
        for one in shown:  # JSON knows no infinity
            one["bound"] = None if one["bound"] == float("inf") else one["bound"]
        print(json.dumps({"machine": machine, "date": today, "figures": shown}))
        return
    print(f"{title}, {today}, {machine}")
    for figure in figures:
        word = "at least" if figure.at_least else "at most"
        verdict = "ok" if figure.holds else "MISSED"
        bound = "" if figure.bound == float("inf") else f"  {word} {figure.bound:.1f}: {verdict}"
        print(f"  {figure.what:<56} {figure.value:8.1f} {figure.unit:<4}{bound}")


if __name__ == "__main__":
    sys.exit(main())
