"""While a sync judges its rows somebody undoes, pushes, releases or decides: what it judged by holds no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from staging.batches.release import release_remembered
from staging.batches.stage import Ledger
from staging.boards import gone
from staging.models import Batch, Snapshot, StagedOrder
from staging.transitions import move_orders
from tests.core.mapping_samples import BOARD
from tests.world import World

Between = Callable[[Callable[[], object]], None]


@pytest.fixture
def between(six: World) -> Iterator[Between]:
    """Something happens after the rows with UUIDs were judged, and before what was found is committed."""
    left: list[Callable[[], object]] = []
    former = six.source.rows_without_identity
    rounds = [0]

    def hooked(scope: Any) -> Any:
        rounds[0] += 1
        if rounds[0] == 2 and left:
            left.pop()()
        return former(scope)

    def arrange(act: Callable[[], object]) -> None:
        six.add(7, record_uuid=None)  # such rows are read last, and judged after all others
        left.append(act)
        six.source.rows_without_identity = hooked  # type: ignore[method-assign]

    yield arrange
    assert not left, "nothing happened in between"


def priced(world: World) -> Any:
    """The first order's price is 12 now, in a batch of its own; and the next sync will find a note."""
    world.change(1, PRICE="12")
    world.sync()
    batch = world.batch()
    world.change(1, NOTES="x")
    return batch


def price(world: World) -> object:
    return world.item(1).cells["numeric_price"]


def test_an_undo_is_not_written_over(six: World, between: Between) -> None:
    batch = priced(six)
    between(lambda: six.undo(batch))
    counts = six.sync().counts
    assert (counts.new, counts.changed, counts.waiting) == (1, 0, 1)
    six.sync()
    assert price(six) == "10.5"
    assert six.item(1).cells["long_text_notes"] == "x"


def test_whoever_stops_following_an_order_is_heard(six: World, between: Between) -> None:
    six.change(1, NOTES="x")
    between(lambda: gone.stop(link=six.snapshot(1), actor="ben", now=six.clock.now(), reason="no"))
    six.sync()
    six.sync()
    assert "long_text_notes" not in six.item(1).cells
    assert six.snapshot(1).state == "gone"


@pytest.mark.parametrize("moved", [{"NOTES": "x"}, {"COLOUR_CODE": "zz"}])
def test_what_is_released_is_staged_again(six: World, between: Between, moved: dict[str, str]) -> None:
    batch = priced(six)
    six.change(1, NOTES=None)
    order = six.order(1)
    six.undo(batch)
    six.change(1, **moved)
    between(lambda: release_remembered(batch=batch, orders=[order.pk], actor="ben", now=six.clock.now()))
    six.sync()
    six.sync()
    assert price(six) == "12"


def test_a_creation_that_is_undone_leaves_no_change_behind(six: World, between: Between) -> None:
    batch, order = six.batch(), six.order(1)
    six.change(1, NOTES="x")
    between(lambda: six.undo(batch, only=[order.pk]))
    counts = six.sync().counts
    assert (counts.changed, counts.waiting) == (0, 1)
    assert not Snapshot.objects.filter(record=order.record).exists()
    six.sync()
    assert six.item(1).cells["long_text_notes"] == "x", "the row asks for more than what was undone"


@pytest.mark.parametrize("action", ["send", "undo"])
def test_an_order_that_is_taken_in_hand_waits(six: World, between: Between, action: str) -> None:
    six.change(1, PRICE="12")
    if action == "send":
        six.stage()
        batch = six.approve()
    else:
        six.sync()
        batch = six.batch()
    order = six.order(1)
    six.change(1, PRICE="13")
    between(lambda: move_orders(batch, [order.pk], action, actor="x", now=six.clock.now(), current=True))
    report = six.stage()
    assert report.error == ""
    assert (report.counts.new, report.counts.changed, report.counts.waiting) == (1, 0, 1)
    assert six.order(1).pk == order.pk


def test_a_removal_waits_while_its_record_is_in_somebodys_hands(six: World, monkeypatch: pytest.MonkeyPatch) -> None:
    six.change(1, PRICE="12")
    six.sync()
    batch, order = six.batch(), six.order(1)
    six.drop(1)

    def undone(ledger: Ledger, records: Iterable[str]) -> int:
        removed = ledger._remove_page(list(records), 1, 6)
        move_orders(batch, [order.pk], "undo", actor="x", now=six.clock.now(), current=True)
        ledger.flush()
        return removed

    monkeypatch.setattr(Ledger, "remove", undone)
    report = six.stage()
    assert (report.error, report.counts.removed) == ("", 0)
    assert not StagedOrder.objects.filter(operation="remove").exists()


def test_a_batch_of_which_everything_was_overtaken_is_not_kept(six: World, between: Between) -> None:
    batch = priced(six)
    between(lambda: six.undo(batch))
    six.source.orders.pop()  # the row that is read last is another customer's
    six.add(7, record_uuid=None, CUSTOMER="BHOOD")
    six.stage()
    assert six.batch().customer.name != "HARBOUR"
    assert all(batch.orders.exists() for batch in Batch.objects.all())
    six.check()


def test_an_approved_change_never_writes_more_than_was_approved(six: World) -> None:
    batch = priced(six)
    six.stage()
    later = six.approve()
    Snapshot.objects.filter(pk=six.snapshot(1).pk).update(order=_at(six.snapshot(1).order, "10.5"))
    pushed = six.push(later)
    assert (six.state(1), len(pushed.moved)) == ("superseded", 1)
    assert price(six) == "12", "what the link says is not written by the way"
    assert batch.pk != later.pk


def test_an_approved_change_of_an_order_that_nobody_follows_does_not_go_out(six: World) -> None:
    six.change(1, NOTES="x")
    six.stage()
    six.approve()
    Snapshot.objects.filter(pk=six.snapshot(1).pk).update(state="gone")
    six.push()
    assert six.state(1) == "superseded"
    six.sync()
    assert "long_text_notes" not in six.item(1).cells


def test_an_approved_change_of_an_order_without_an_item_is_staged_as_a_creation(six: World) -> None:
    six.publish(BOARD + "deletions: {action: archive}\n")
    six.change(1, NOTES="x")
    six.stage()
    six.approve()
    six.archive(1)
    six.snapshot(1).delete()
    six.push()
    assert six.state(1) == "superseded"
    six.sync()
    assert (six.state(1), six.order(1).operation) == ("applied", "create")
    six.check_equal()


def _at(order: dict[str, Any], value: str) -> dict[str, Any]:
    return {**order, "cells": {**order["cells"], "numeric_price": value}}
