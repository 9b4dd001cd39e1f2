"""Undo of what a batch accepted without a write, as the board showed it already: it stays, and the undo says so."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from staging.boards import gone
from staging.core.undoplan import ANOTHER, STOOD
from staging.models import Batch, StagedOrder
from staging.setup import silent
from staging.undoing.foresee import foresee
from tests.strangers import put
from tests.world import World

PRICE, NOTES = "numeric_price", "long_text_notes"


def accepted(world: World, number: int, **cells: Any) -> Batch:
    """A batch that wrote nothing: the app database was restored from before the change that the board shows."""
    yesterday = transaction.savepoint()
    world.change(number, **cells)
    world.sync()
    transaction.savepoint_rollback(yesterday)
    writes = len(world.wire.writes)
    world.sync()
    assert world.state(number) == "applied" and len(world.wire.writes) == writes
    return world.batch()


def typed_first(world: World, **also: Any) -> Batch:
    """A batch whose price a planner had typed already."""
    world.edit(1, numeric_price="12")
    world.change(1, PRICE="12", **also)
    world.sync()
    return world.batch()


def foreseen(world: World, batch: Batch) -> tuple[set[str], set[str], set[str]]:
    """The fields that a preview would put back, keep and not reverse."""
    found = list(foresee(batch=batch, setup=world.setup(), progress=silent))
    back, kept, cannot = ([seen.field for one in found for seen in getattr(one, w)] for w in ("back", "kept", "cannot"))
    assert len({*back, *kept, *cannot}) == len(back + kept + cannot), "a field is told once"
    return set(back), set(kept), set(cannot)


def test_what_a_batch_found_on_the_board_is_kept_and_named(six: World) -> None:
    batch = accepted(six, 1, PRICE="12", S=5, M=None, XXL=4)
    before, writes = six.shown(), len(six.wire.writes)
    assert foreseen(six, batch) == (set(), set(), {PRICE, "size:S", "size:M", "size:XXL"})
    done = six.undo(batch, force=True, reason="wrong list")
    (why,) = done.kept.values()
    assert done.undone == 0 and why.startswith(STOOD) and "PRICE" in why
    assert (six.state(1), six.batch().state) == ("kept", "partly_undone")
    assert six.shown() == before and len(six.wire.writes) == writes
    six.check_equal()


def test_what_was_found_on_the_board_is_not_staged_again_until_its_source_moves(six: World) -> None:
    six.undo(accepted(six, 1, PRICE="12"))
    for full in (False, True):
        assert six.sync(full=full).counts.changed == 0
    six.change(1, PRICE="10.5")
    assert six.sync().counts.updated == 1
    six.check_equal()


def test_a_removal_that_the_board_showed_already_is_kept_and_named(six: World) -> None:
    yesterday = transaction.savepoint()
    rows = six.drop(1)
    six.sync()
    transaction.savepoint_rollback(yesterday)
    six.sync()
    done = six.undo()
    assert done.undone == 0 and STOOD in " ".join(done.kept.values())
    assert six.item(1).group == "Removed" and six.sync().counts.removed == 0
    six.source.orders += rows
    six.sync()
    six.check_equal()


def test_what_a_planner_typed_first_stays_and_is_named_and_the_rest_goes_back(six: World) -> None:
    batch = typed_first(six, NOTES="late")
    assert foreseen(six, batch) == ({NOTES}, set(), {PRICE})
    (why,) = six.undo(batch).kept.values()
    assert why == f"{STOOD} Kept: PRICE."
    assert [six.item(1).cells.get(name) for name in (PRICE, NOTES)] == ["12", None]
    assert six.snapshot(1).withheld == {NOTES: "late"} and six.sync(full=True).counts.changed == 0
    assert [*six.undo(batch).kept.values()] == [why], "a second undo says the same"


def test_what_was_found_and_reads_as_before_by_now_is_put_back_without_a_write(six: World) -> None:
    batch = typed_first(six)
    six.edit(1, numeric_price="10.5")
    writes = len(six.wire.writes)
    done = six.undo(batch)
    assert (done.undone, done.kept, len(six.wire.writes)) == (1, {}, writes)
    assert six.snapshot(1).order["cells"][PRICE] == "10.5" and six.sync(full=True).counts.changed == 0
    six.check()


def test_what_was_found_owns_nothing_once_its_undo_was_tried(six: World) -> None:
    """Else each of two undos would send people to the other."""
    six.change(1, PRICE="11")
    six.sync()
    older = six.batch()
    later = typed_first(six)
    assert f"Batch {later.pk} has written it since" in " ".join(six.undo(older).kept.values())
    six.undo(later)
    done = six.undo(older, force=True, reason="both lists were wrong")
    assert (done.undone, six.item(1).cells[PRICE]) == (1, "10.5")
    six.check()


@pytest.mark.parametrize("linked", [True, False])
def test_what_was_found_on_an_item_that_is_gone_is_named_too(six: World, linked: bool) -> None:
    batch = typed_first(six)
    six.archive(1)
    if linked:
        (new,) = put(six, 1)
        gone.relink(link=six.snapshot(1), item_id=new, setup=six.setup(), actor="ben")
    done = six.undo(batch)
    why = ANOTHER if linked else "was archived on the board"
    assert done.undone == 0 and why in " ".join(done.kept.values())


@pytest.mark.parametrize("word", ["change_multiple", "create_subitem"])
def test_what_was_written_without_an_answer_was_never_only_found(six: World, word: str) -> None:
    """A look-up confirmed it; a first undo keeps what somebody edited, and the second has no more to name."""
    six.settle_seconds = 90
    six.wire.lose(word, answered=True)
    six.change(1, PRICE="12", NOTES="late", XXL=4)
    six.sync()
    six.wire.calm()
    six.clock.sleep(600)
    six.sync()
    order = StagedOrder.objects.filter(operation="update").get()
    assert order.state == "applied"
    six.edit(1, long_text_notes="by the planner")
    for _ in range(2):
        (why,) = six.undo(order.batch).kept.values()
        assert STOOD not in why and why.endswith("Kept: NOTES.")
    assert six.item(1).cells[PRICE] == "10.5" and "XXL" not in six.sizes(1)
