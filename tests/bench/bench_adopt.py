"""Adopting a large board that another client filled: `python -m tests.bench.bench_adopt [--items 12000] [--json]`.

Every item has a subitem, and no key of ours. The board is adopted, the next sync updates every item and creates
none, and the one after that finds nothing to do. The time stands beside that of reading the same board in the same run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.own import installation

CALLS_A_PAGE = 500


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=12_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installation() as folder:
        figures = measured(folder, options.items)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<34} {value:>12,}")
    ratio, created, twice = figures["adoption / reading"], figures["items created again"], figures["changes left"]
    return 0 if not created and not twice and ratio <= 6 and figures["calls"] <= options.items / CALLS_A_PAGE + 4 else 1


def measured(folder: Path, items: int) -> dict[str, Any]:
    """Fill, read, adopt, sync, sync again."""
    from staging.boards.board_items import everything
    from tests.strangers import adopted, put
    from tests.world import World

    world = World(folder)
    with world.store.connection() as db, world.store.writing(db):
        db.execute("UPDATE boards SET items_limit = ?", (2 * items,))
    for number in range(1, items + 1):
        world.add(number, M=0, TOTAL=1)
    for start in range(1, items + 1, 1_000):
        put(world, *range(start, min(start + 1_000, items + 1)))
    figures: dict[str, Any] = {"items": items}
    before = {item.id for found in world.shown().values() for item in found}
    figures["reading, s"] = timed(lambda: sum(1 for _ in everything(world.setup())))
    world.calls.calls, peak = 0, _peak()
    figures["dry run, s"] = timed(lambda: adopted(world, apply=False))
    figures["calls"] = world.calls.calls
    figures["adoption, s"] = timed(lambda: adopted(world))
    figures["memory grown, MB"] = round((_peak() - peak) / 1024)
    figures["adoption / reading"] = round(figures["adoption, s"] / figures["reading, s"], 1)
    figures["sync, s"] = timed(world.sync)
    after = {item.id for found in world.shown().values() for item in found}
    figures["items created again"] = len(after - before)
    again = world.sync()
    figures["changes left"] = again.counts.new + again.counts.changed
    world.close()
    return figures


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 1)


def _peak() -> int:
    """Kilobytes of memory at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    sys.exit(main())
