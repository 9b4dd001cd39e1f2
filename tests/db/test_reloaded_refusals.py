"""A table that is loaded with fresh UUIDs every night: what the board refused, and what stands in conflict, stays as it
is under the new UUID, as it does where the table is only read again."""

from __future__ import annotations

import pytest

from monday.sandbox.faults import Fault
from staging.batches.rekeying import moves_along, moving_along
from staging.core.causes import Cause
from staging.core.lifecycle import OrderState
from staging.models import StagedOrder
from staging.models.batch import Operation
from tests.world import World, uuid

NIGHT = 24 * 3600


def load_anew(world: World, night: int) -> None:
    world.clock.sleep(NIGHT)
    for number, row in enumerate(world.source.orders, 100 * night):
        row["record_uuid"] = uuid(number)


def refuse(world: World, on: str) -> None:
    world.strike(Fault("field_limit", every=1, on=on, alias=0, code="ColumnValueException", message="bad value"))


def changes(operation: str) -> list[StagedOrder]:
    return list(StagedOrder.objects.filter(operation=operation).order_by("pk"))


def test_a_refused_change_keeps_its_attempts_and_its_first_failure(six: World) -> None:
    six.change(1, PRICE="12")
    refuse(six, "change_multiple_column_values")
    six.sync()
    (refused,) = changes("update")
    for night in (1, 2):
        load_anew(six, night)
        counts = six.sync().counts
        assert (counts.new, counts.changed, counts.removed) == (0, 0, 0)
    (after,) = changes("update")
    assert (after.record, after.state) == (uuid(200), "rejected")
    assert (after.failures, after.first_failed_at) == (refused.failures, refused.first_failed_at)
    six.source.orders[0]["PRICE"] = "13"
    six.strike()
    six.sync()
    assert [order.state for order in changes("update")] == ["superseded", "applied"]


def test_a_refused_creation_is_one_order_under_its_next_uuid(world: World) -> None:
    world.add(1)
    refuse(world, "create_item")
    world.sync()
    load_anew(world, 1)
    assert world.sync().counts.new == 0
    (created,) = changes("create")
    assert (created.record, created.state) == (uuid(100), "rejected")


def test_a_conflict_is_asked_once(six: World) -> None:
    six.edit(1, numeric_price="11")
    six.change(1, PRICE="12")
    six.sync()
    load_anew(six, 1)
    six.sync()
    (held,) = changes("update")
    assert (held.record, held.state, held.cause) == (uuid(100), "held", Cause.CONFLICT)


@pytest.mark.parametrize("operation", Operation.values)
def test_what_moves_along_is_said_alike_of_an_order_and_to_a_database(six: World, operation: str) -> None:
    order = six.order(1)
    for state in OrderState:
        for cause in ("", *Cause):
            StagedOrder.objects.filter(pk=order.pk).update(operation=operation, state=state, cause=cause)
            order.refresh_from_db()
            asked = StagedOrder.objects.filter(moving_along(), pk=order.pk).exists()
            assert asked == moves_along(order), (operation, state, cause)
