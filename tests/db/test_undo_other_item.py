"""Undo where another item stands for the order by now: one that a person linked, or one that an undo made anew."""

from __future__ import annotations

import pytest

from staging.boards import gone
from staging.core.lifecycle import NotAllowed
from staging.core.undoplan import ANOTHER
from staging.models import Batch, Snapshot
from staging.setup import silent
from staging.undoing.foresee import foresee
from tests.core.mapping_samples import BOARD
from tests.strangers import put
from tests.world import World, uuid

ARCHIVE = BOARD + "deletions: {action: archive}\n"


def priced(world: World) -> Batch:
    world.change(1, PRICE="12")
    world.sync()
    return world.batch()


def relinked(world: World, *, restored: bool = False, **of: bool) -> tuple[str, str]:
    """Another client's item stands for record 1 now, whose own was archived: the former item and this one.

    With `restored` a person brings the former item back to the board later.
    """
    former = world.snapshot(1).item_id
    world.archive(1)
    (new,) = put(world, 1, **of)
    gone.relink(link=world.snapshot(1), item_id=new, setup=world.setup(), actor="ben")
    if restored:
        with world.store.connection() as db, world.store.writing(db):
            assert db.execute("UPDATE items SET state = 'active' WHERE id = ?", (int(former),)).rowcount == 1
    return former, new


def archived_and_undone(world: World) -> None:
    """The removal of record 1 archives its item, and its undo makes it anew; the row is back."""
    world.publish(ARCHIVE)
    rows = world.drop(1)
    world.sync()
    done = world.undo(world.order(1).batch)
    assert (done.undone, done.kept) == (1, {})
    world.source.orders += rows


@pytest.mark.parametrize("restored", [True, False])
def test_an_update_is_not_undone_on_an_item_that_was_linked_since(six: World, restored: bool) -> None:
    batch = priced(six)
    former, new = relinked(six, restored=restored)
    before, writes = six.shown(), len(six.wire.writes)
    (seen,) = foresee(batch=batch, setup=six.setup(), progress=silent)
    assert (seen.back, seen.why) == ((), ANOTHER)
    done = six.undo(batch)
    assert done.undone == 0 and ANOTHER in " ".join(done.kept.values())
    assert six.shown() == before and len(six.wire.writes) == writes
    assert six.snapshot(1).item_id == new != former


@pytest.mark.parametrize("keyed", [True, False])
def test_an_item_that_was_linked_since_is_not_archived_by_the_undo_of_the_creation(six: World, keyed: bool) -> None:
    created = six.order(1)
    _, new = relinked(six, restored=True, keyed=keyed, link=keyed)
    done = six.undo(created.batch, only=[created.pk])
    assert ANOTHER in " ".join(done.kept.values())
    assert new in {item.id for items in six.shown().values() for item in items}
    assert six.snapshot(1).item_id == new


@pytest.mark.parametrize("what", ["the creation", "a price"])
def test_the_undo_of_a_newer_batch_on_a_linked_item_makes_it_no_item_of_older_ones(six: World, what: str) -> None:
    older = six.order(1) if what == "the creation" else priced(six).orders.get()
    _, new = relinked(six)
    six.change(1, NOTES="late")
    six.sync()
    assert six.undo().undone == 1
    before, writes = six.shown(), len(six.wire.writes)
    done = six.undo(older.batch, only=[older.pk])
    assert done.undone == 0 and ANOTHER in " ".join(done.kept.values())
    assert six.shown() == before and len(six.wire.writes) == writes
    assert six.snapshot(1).item_id == new


def test_an_update_is_undone_on_the_item_that_an_undo_made_anew(six: World) -> None:
    batch = priced(six)
    archived_and_undone(six)
    done = six.undo(batch)
    assert (done.undone, done.kept) == (1, {})
    assert six.item(1).cells["numeric_price"] == "10.5"
    assert six.snapshot(1).order["cells"]["numeric_price"] == "10.5"
    six.check()


def test_what_a_later_batch_found_written_and_accepted_is_its_own(six: World) -> None:
    batch = priced(six)
    six.edit(1, numeric_price="13")
    six.change(1, PRICE="13")
    six.sync()
    later = six.batch()
    done = six.undo(batch, force=True, reason="wrong list")
    assert f"Batch {later.pk} has written it since" in " ".join(done.kept.values())
    assert six.item(1).cells["numeric_price"] == "13"
    six.check_equal()


@pytest.mark.parametrize("only", [[], [999_999]])
def test_an_undo_of_no_order_is_refused_and_leaves_the_batch_as_it_was(six: World, only: list[int]) -> None:
    batch = priced(six)
    with pytest.raises(NotAllowed, match="Remedy: choose orders that it wrote"):
        six.undo(batch, only=only)
    batch.refresh_from_db()
    assert batch.state == "pushed"
    assert six.undo(batch).undone == 1


def test_a_creation_is_undone_with_the_item_that_an_undo_made_anew(six: World) -> None:
    created = six.order(1)
    archived_and_undone(six)
    done = six.undo(created.batch, only=[created.pk])
    assert (done.undone, done.kept) == (1, {})
    assert not six.on_board(1) and not Snapshot.objects.filter(record=uuid(1)).exists()
    six.check()
