"""An undo of a thousand creations, updates and moves, compared by value; and with hand edits in between."""

from __future__ import annotations

import pytest

from monday.core.operations import ChangeValues
from staging.models import Batch, Receipt
from tests.memory_source import uuid
from tests.world import Shown, World

KNOWN, NEW = 800, 210
EVERY = 10  # every so many changed orders are edited by hand

pytestmark = [pytest.mark.slow, pytest.mark.long]


def push_changes(world: World, known: int, new: int) -> dict[str, list[Shown]]:
    """Orders on the board; then one batch that changes them all, moves, renames and resizes many, and creates more."""
    for number in range(1, known + 1):
        world.add(number, M=0, TOTAL=1)
    world.sync()
    before = world.shown()
    for number in range(1, known + 1):
        world.change(number, PRICE=f"{number}.25", NOTES=f"note {number}")
        if number % 2:
            world.change(number, SEASON="AW27")
        if number % 3 == 0:
            world.change(number, COLOUR="BLUE", S=0, M=number, XXL=4)
    for number in range(known + 1, known + new + 1):
        world.add(number)
    world.sync()
    assert Batch.objects.latest("id").orders.filter(state="applied").count() == known + new
    return before


def test_an_untouched_batch_of_a_thousand_orders_is_put_back_by_value(world: World) -> None:
    before = push_changes(world, KNOWN, NEW)
    assert len(world.shown()) == KNOWN + NEW
    done = world.undo()
    assert (done.undone, done.kept) == (KNOWN + NEW, {})
    after = world.shown()
    assert after.keys() == before.keys()
    different = [key for key, items in before.items() if after[key] != items]
    assert different == [], f"{len(different)} of {len(before)} items differ in a field, group, name or subitem"
    assert world.sync(full=True).counts.staged == 0
    assert Receipt.objects.filter(undoes__isnull=False, outcome="done").count() >= KNOWN + NEW


def test_after_hand_edits_exactly_the_edited_fields_are_kept(world: World) -> None:
    known, new = KNOWN // 8, NEW // 10
    before = push_changes(world, known, new)
    edited = range(EVERY, known + 1, EVERY)
    ids = {key: items[0].id for key, items in world.shown().items()}
    world.by_hand(*(ChangeValues(world.board.board_id, ids[uuid(n)], {"numeric_price": "99"}) for n in edited))
    done = world.undo()
    assert (done.undone, len(done.kept)) == (known + new - len(edited), len(edited))
    after = world.shown()
    assert after.keys() == before.keys()
    changed = {key for key, items in before.items() if after[key] != items}
    assert changed == {uuid(number) for number in edited}
    for number in edited:
        (was,), (now,) = before[uuid(number)], after[uuid(number)]
        assert now == Shown(was.key, was.name, was.group, {**was.cells, "numeric_price": "99"}, was.lines, "")
