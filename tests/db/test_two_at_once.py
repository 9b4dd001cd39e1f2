"""Two processes at the same records: one does all of its work between any two requests of the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from staging.core.lifecycle import NotAllowed
from staging.models import Batch
from tests.core.mapping_samples import BOARD
from tests.moments import moments
from tests.world import Mortal, Sent, World

REQUESTS = range(1, 11)
ARCHIVE = BOARD + "deletions: {action: archive}\n"


def meanwhile(world: World, number: int, other: Callable[[], object]) -> list[str]:
    """Before the request of this number another process does `other`; gives what came of it."""
    left, said = [number], list[str]()

    def strike(sent: Sent) -> None:
        left[0] -= 1
        if left[0] == 0:
            world.wire.calm()
            try:
                said.append(str(other()))
            except NotAllowed as refused:
                said.append(str(refused))

    world.wire.before = strike
    return said


def settled(world: World) -> None:
    """After further syncs nothing stands twice, nothing is left open, and the next change reaches the board."""
    world.wire.calm()
    for _ in range(3):
        world.sync()
    world.check()
    for row in world.source.orders:
        row["PRICE"] = "99"
    world.sync()
    world.check_equal()


def moved(world: World) -> str:
    world.change(1, PRICE="12", S=5)
    return str(world.sync().run.state)


@pytest.mark.parametrize("number", moments(REQUESTS, 4))
def test_a_creation_is_undone_while_its_row_moves_on(six: World, number: int) -> None:
    batch = six.batch()
    meanwhile(six, number, lambda: moved(six))
    six.undo(batch)
    settled(six)


@pytest.mark.parametrize("number", moments(REQUESTS, 4))
def test_an_archiving_is_undone_while_its_row_comes_back(six: World, number: int) -> None:
    """Both look for the key, and find none: only one of them may make the item."""
    six.publish(ARCHIVE)
    rows = six.drop(1)
    six.sync()
    batch = six.order(1).batch

    def back() -> str:
        six.source.orders += rows
        return moved(six)

    said = meanwhile(six, number, back)
    six.undo(batch)
    if not said:
        six.wire.calm()
        back()
    settled(six)


@pytest.mark.parametrize("number", moments(REQUESTS, 4))
def test_a_row_comes_back_while_its_archiving_is_undone(six: World, number: int) -> None:
    six.publish(ARCHIVE)
    rows = six.drop(1)
    six.sync()
    batch = six.order(1).batch
    six.source.orders += rows
    meanwhile(six, number, lambda: six.undo(batch))
    moved(six)
    settled(six)


@pytest.mark.parametrize("number", moments(REQUESTS, 4))
@pytest.mark.parametrize("first", ["undo", "push"])
def test_a_later_batch_is_pushed_while_an_earlier_one_is_undone(six: World, number: int, first: str) -> None:
    """Whoever comes second leaves alone what the other has; the later value is never written over."""
    six.change(1, PRICE="12", S=5, XXL=1)
    six.sync()
    earlier = six.batch()
    six.change(1, PRICE="13", S=6, XXL=2)
    six.stage()
    later = six.approve()
    ways = {"undo": lambda: six.undo(earlier), "push": lambda: six.push(later)}
    meanwhile(six, number, ways["push" if first == "undo" else "undo"])
    ways[first]()
    six.wire.calm()
    later.refresh_from_db()
    pushed = later.orders.get().state == "applied"
    assert six.item(1).cells["numeric_price"] == ("13" if pushed else "10.5")
    settled(six)


@pytest.mark.parametrize("number", moments(REQUESTS, 4))
def test_an_order_is_removed_while_its_creation_is_undone(six: World, number: int) -> None:
    six.add(7)
    six.sync()
    batch = six.batch()
    rows = six.drop(7)
    meanwhile(six, number, lambda: six.undo(batch))
    six.sync()
    six.source.orders += rows
    settled(six)


@pytest.mark.parametrize("at", moments(range(6, 24), 4))
def test_an_undo_that_was_cut_off_keeps_no_sync_from_the_other_records(six: World, at: int) -> None:
    """What it has in hand waits for it, and is changed once it is through."""
    six.change(1, PRICE="12")
    six.sync()
    batch = six.batch()
    with Mortal(six).living(at):
        six.undo(batch)
    six.change(1, PRICE="13")
    six.change(2, PRICE="13")
    six.sync()
    assert six.item(2).cells["numeric_price"] == "13"
    if Batch.objects.get(pk=batch.pk).state == "undoing":
        six.undo(batch)
    settled(six)
