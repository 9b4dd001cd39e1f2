"""A batch that was pushed in part does not wait for a person once nothing of it is left to do."""

from __future__ import annotations

from monday.sandbox.faults import Fault
from staging.batches.finish import finish_settled
from staging.batches.retry import give_up
from staging.models import AuditEvent, Batch
from staging.pushing.push import push
from staging.setup import silent
from tests.world import World

REFUSING = Fault(
    "field_limit", every=1, on="create_item", alias=1, code="ColumnValueException", message="no such value"
)


def in_part(world: World) -> Batch:
    """Two orders were approved; the board took one and refused the other."""
    world.add(1)
    world.add(2)
    world.stage()
    batch = world.approve()
    world.strike(REFUSING)
    world.push(batch)
    world.strike()
    batch.refresh_from_db()
    assert batch.state == "needs_attention", batch.state
    return batch


def test_a_batch_whose_refused_order_was_given_up_is_finished(world: World) -> None:
    batch = in_part(world)
    assert finish_settled(now=world.clock.now()) == []
    give_up(batch=batch, orders=None, actor="ben", now=world.clock.now(), reason="not needed")
    assert finish_settled(now=world.clock.now()) == [batch.pk]
    batch.refresh_from_db()
    assert batch.state == "pushed" and finish_settled(now=world.clock.now()) == []
    (event,) = AuditEvent.objects.filter(action="batch.finish", subject=f"batch:{batch.pk}")
    assert event.actor == "policy:finish"


def test_a_batch_whose_refused_order_moved_on_is_finished_by_that_very_sync_and_can_be_undone(world: World) -> None:
    batch = in_part(world)
    world.change(1, PRICE="12")
    world.change(2, PRICE="12")
    world.sync()
    batch.refresh_from_db()
    assert batch.state == "pushed"
    world.check_equal()
    world.undo(world.batch())
    world.undo(batch)
    batch.refresh_from_db()
    assert batch.state == "undone"


def test_a_batch_of_which_nothing_was_sent_before_all_of_it_moved_on_is_superseded(world: World) -> None:
    world.add(1)
    world.stage()
    batch = world.approve()
    world.strike(Fault("gateway_before", every=1, on="mutation", status=502))
    assert world.push(batch).error
    world.strike()
    world.change(1, PRICE="12")
    world.stage()
    batch.refresh_from_db()
    assert batch.state == "superseded"


def test_a_batch_whose_only_order_went_out_in_part_and_moved_on_can_be_undone(world: World) -> None:
    """Its item stands on the board without its sizes; a later batch wrote the rest."""
    world.add(1)
    world.stage(sizes="later")
    batch = world.approve()
    push(batch=batch, setup=world.setup(), actor="ben", chunk=100, progress=silent, items_only=True)
    world.change(1, PRICE="12")
    world.sync()
    batch.refresh_from_db()
    assert (batch.state, world.state(1)) == ("pushed", "applied")
    world.check_equal()
    world.undo(world.batch())
    assert world.undo(batch).kept == {}
    assert not world.on_board(1)
