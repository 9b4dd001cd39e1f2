"""The local board, and the calls of whole pushes: `python -m tests.bench.bench_board [--items 20000] [--json]`.

Calls are counted at the board over real HTTP, so they are the same on every machine; speeds are of the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.bench_push import Figure, report
from tests.bench.own import installation

ALIASES, ROUNDS = 50, 8  # mutations of a request, requests


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installation() as folder:
        figures = [*speed(folder, options.items), *pushes(folder)]
    report(figures, as_json=options.json, title="The local board and the calls of a push")
    return 0 if all(figure.holds for figure in figures) else 1


def speed(folder: Path, items: int) -> list[Figure]:
    """Creations a second of the empty board, and again with many items on it, and how long a page of it takes."""
    from tests.contracts.sandbox_world import BOARD, structure, world

    values = {"text_key": "K", "numeric_p": "5", "color_s": {"label": "Done"}, "dropdown_m": {"labels": ["Wool"]}}
    given = {"n": "Shirt", "v": json.dumps(values)}
    made = f"create_item(board_id: {BOARD}, item_name: $n, column_values: $v) {{ id }}"
    aliases = " ".join(f"a{n}: {made}" for n in range(ALIASES))
    text = f"mutation($n: String!, $v: JSON) {{ {aliases} }}"
    page = "query ($b: [ID!]) { boards(ids: $b) { items_page(limit: 500) { cursor items { id name } } } }"
    (folder / "speed").mkdir()
    with world(folder / "speed", structure(items_limit=items + 10_000)) as board:

        def a_second() -> float:
            began = time.perf_counter()
            for _ in range(ROUNDS):
                board.ask(text, given)
            return ALIASES * ROUNDS / (time.perf_counter() - began)

        empty = a_second()
        for _ in range(max(0, items // ALIASES - 2 * ROUNDS)):
            board.ask(text, given)
        full = a_second()
        began = time.perf_counter()
        board.ask(page, {"b": [BOARD]})
        took = time.perf_counter() - began
    return [
        Figure("creations a second on an empty board", empty, "", 200, at_least=True),
        Figure(f"  with {items:,} items on it", full, "", 200, at_least=True),
        Figure("  the first page of 500 of them", took * 1000, "ms", 2_000),
    ]


def pushes(folder: Path) -> list[Figure]:
    """Calls of four hundred orders with four sizes each: undisturbed, on a slow board, and with faults at random."""
    from monday.models import ApiCall
    from monday.sandbox.faults import Fault, FaultScript
    from tests.contracts.served_line import served_line
    from tests.contracts.test_limits_calls import FEW, LATENCY, ORDERS, UNKIND

    for name in ("calm", "slow", "faults"):
        (folder / name).mkdir()
    with empty_tables(), served_line(folder / "calm") as line:
        line.orders(ORDERS)
        line.sync()
        calm = line.calls.calls
        line.check_equal()
    with empty_tables(), served_line(folder / "slow", latency=LATENCY) as line:
        line.orders(FEW)
        before = line.clock.seconds()
        line.sync()
        took = line.clock.seconds() - before
        slowest = max(ApiCall.objects.values_list("seconds", flat=True))
        line.check_equal()
    faults = FaultScript([Fault(kind, rate=0.1 / len(UNKIND)) for kind in UNKIND], seed=4)
    with empty_tables(), served_line(folder / "faults", faults=faults) as line:
        line.orders(ORDERS)
        disturbed = line.load()
        line.check_equal()
    return [
        Figure(f"calls of {ORDERS} orders with {4 * ORDERS:,} sizes", calm, "", 30),
        Figure("  with a fault in one request of ten", disturbed, "", 60),
        Figure(f"longest request at {LATENCY * 1000:.0f} ms an operation", slowest, "s", 30),
        Figure("  the push, of the serial minimum", took / (FEW * 5 * LATENCY) * 100, "%", 110),
    ]


@contextmanager
def empty_tables() -> Iterator[None]:
    """A transaction that is taken back, so that each push begins with empty tables."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


if __name__ == "__main__":
    sys.exit(main())
