"""A board of many pages that another client filled: adopted in few calls, and the next sync creates none of it again.

`python -m tests.bench.bench_adopt` does the same with 12,000 items.
"""

from __future__ import annotations

import pytest

from tests.db.counted import counted
from tests.strangers import adopted, put
from tests.world import World

ITEMS, PAGE = 240, 40


def test_a_board_of_many_pages_is_adopted_and_none_of_it_is_created_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staging.destinations.board.LARGEST", PAGE)
    for number in range(1, ITEMS + 1):
        world.add(number)
    put(world, *range(1, ITEMS + 1), lines=False)
    before = {item.id for items in world.shown().values() for item in items}
    assert len(before) == ITEMS
    world.calls.calls = 0
    done = adopted(world)
    assert (done.counts.by_key, done.counts.adopted) == (ITEMS, ITEMS)
    assert world.calls.calls <= ITEMS / PAGE + 3
    assert counted(world.sync()) == {"changed": ITEMS}
    after = {item.id for items in world.shown().values() for item in items}
    assert after == before
    world.check_equal()
    assert counted(world.sync()) == {"unchanged": ITEMS}
