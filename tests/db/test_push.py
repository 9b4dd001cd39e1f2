"""Pushing under attack: nothing twice on the board, nothing lost, every state and every receipt true."""

from __future__ import annotations

from itertools import count

import pytest
import requests

from monday.sandbox.faults import Fault
from staging.core.lifecycle import NotAllowed
from staging.detection.guards import GuardRefused
from staging.models import AuditEvent, Batch, Receipt, StagedOrder
from staging.setup import Stopped
from tests.moments import moments
from tests.world import Died, Mortal, Sent, World, uuid


@pytest.fixture
def three(world: World) -> World:
    """Three orders on the board, and one change, one new order and one removal approved."""
    for number in range(1, 8):
        world.add(number)
    world.sync()
    world.change(1, PRICE="12", S=0, XXL=4)
    world.add(9)
    world.drop(7)
    world.stage()
    world.approve()
    return world


def finish(world: World) -> None:
    """Push what is left, as often as a scheduler would, with the time that lies between; nothing may be lost."""
    world.wire.calm()
    for _ in range(3):
        world.clock.sleep(600)
        world.sync()
    world.check_equal()


def outcomes(world: World, number: int) -> list[tuple[str, str]]:
    found = Receipt.objects.filter(record=uuid(number)).order_by("id").values_list("kind", "outcome")
    return [(kind, outcome) for kind, outcome in found]


# --- the plain way ----------------------------------------------------------------------------------------------------
def test_a_push_writes_what_was_approved_and_every_write_has_a_true_receipt(three: World) -> None:
    pushed = three.push()
    assert (pushed.settled.applied, pushed.error) == (3, "")
    assert pushed.batch.state == "pushed"
    three.check_equal()
    for receipt in Receipt.objects.filter(batch=pushed.batch):
        assert receipt.outcome == "done"
        assert receipt.item_id
        assert receipt.sent_at
        assert receipt.answered_at
        assert receipt.idempotency_key
        assert receipt.request_id
    (change,) = Receipt.objects.filter(record=uuid(1), kind="change_item", batch=pushed.batch)
    assert (change.before, change.after) == ({"numeric_price": "10.5"}, {"numeric_price": "12"})
    assert change.item_id == three.item(1).id


def test_a_batch_that_is_not_approved_is_not_pushed(world: World) -> None:
    world.add(1)
    world.stage()
    with pytest.raises(NotAllowed):
        world.push()
    assert not world.shown()


def test_only_what_was_ticked_goes_out_and_the_rest_is_held_in_sight(world: World) -> None:
    world.add(1)
    world.add(2)
    world.stage()
    batch = world.approve(only=[world.order(1).pk])
    world.push(batch)
    assert (world.on_board(1), world.on_board(2)) == (True, False)
    assert world.state(2) == "held"
    assert world.order(2).batch_id != batch.pk


def test_a_batch_whose_orders_were_altered_after_the_approval_is_refused(world: World) -> None:
    world.add(1)
    world.add(2)
    world.stage()
    batch = world.approve()
    StagedOrder.objects.filter(record=uuid(1)).update(link_key=uuid(2))
    with pytest.raises(GuardRefused, match="not what was approved"):
        world.push(batch)
    assert not world.shown()


def test_an_order_that_was_smuggled_into_an_approved_batch_is_refused(world: World) -> None:
    world.add(1)
    world.stage()
    batch = world.batch()
    world.add(2)
    world.stage()
    world.approve(batch)
    StagedOrder.objects.filter(record=uuid(2)).update(batch=batch, state="approved", ticked=True)
    with pytest.raises(GuardRefused):
        world.push(batch)
    assert not world.shown()


def test_an_order_whose_content_was_altered_after_the_approval_is_refused(world: World) -> None:
    world.add(1)
    world.stage()
    batch = world.approve()
    order = world.order(1)
    assert order.after is not None
    StagedOrder.objects.filter(pk=order.pk).update(after={**order.after, "name": "smuggled in"})
    with pytest.raises(GuardRefused):
        world.push(batch)
    assert not world.shown()


def test_what_moved_after_the_approval_is_named_and_not_sent(three: World) -> None:
    three.change(1, PRICE="13")
    pushed = three.push()
    assert len(pushed.moved) == 1
    assert three.item(1).cells["numeric_price"] == "10.5"
    assert three.on_board(9)
    finish(three)


@pytest.mark.parametrize("chunk", [1, 2, 1000])
def test_the_size_of_a_chunk_does_not_matter(three: World, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("staging.pushing.send.PAGE", 2)
    monkeypatch.setattr("staging.pushing.push.PAGE", 2, raising=False)
    assert three.push(chunk=chunk).batch.state == "pushed"
    three.check_equal()


def test_a_stop_pauses_after_the_chunk_in_hand_and_the_next_push_goes_on(three: World) -> None:
    calls = count(1)

    def stop(phase: str, done: int, total: int) -> None:
        if next(calls) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        three.push(chunk=1, progress=stop)
    batch = three.batch()
    assert batch.state == "paused"
    assert batch.orders.filter(state="applied").count() == 1
    assert batch.orders.filter(state="approved").count() == 2
    three.push(chunk=1)
    three.check_equal()


# --- lost on the way --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("answered", [True, False], ids=["answer lost", "request lost"])
@pytest.mark.parametrize("word", ["create_item", "create_subitem", "change_multiple", "move_item", "archive_item"])
@pytest.mark.parametrize("times", [1, 9])
def test_a_lost_write_is_made_once(three: World, word: str, answered: bool, times: int) -> None:
    three.wire.lose(word, times=times, answered=answered)
    three.push()
    three.check(settled=False)
    three.clock.sleep(600)
    three.sync()
    three.check()
    finish(three)


@pytest.mark.parametrize("word", ["items_page", "items(", "create_group", "update_dropdown"])
@pytest.mark.parametrize("answered", [True, False], ids=["answer lost", "request lost"])
def test_a_lost_look_or_group_or_label_costs_time_and_nothing_else(three: World, word: str, answered: bool) -> None:
    three.wire.lose(word, times=5, answered=answered)
    three.push()
    finish(three)


def test_a_creation_without_answer_is_not_sent_again_before_the_board_must_be_done_with_it(world: World) -> None:
    world.settle_seconds = 90
    world.add(1)
    world.stage()
    batch = world.approve()
    world.wire.lose("create_item", answered=True)
    sent = world.clock.now()
    world.push(batch)
    assert world.state(1) == "unclear"
    assert Batch.objects.get(pk=batch.pk).state == "needs_attention"
    world.wire.calm()
    world.clock.at = sent
    world.clock.sleep(80)
    before = len(world.wire.writes)
    world.sync()
    assert world.state(1) == "unclear"
    assert len(world.wire.writes) == before
    world.clock.sleep(15)
    world.sync()
    assert world.state(1) == "applied"
    assert not [sent for sent in world.wire.writes[before:] if sent.holds("create_item")]
    world.check_equal()
    assert outcomes(world, 1)[0] == ("create_item", "unclear")


def test_creations_that_are_lost_again_and_again_are_not_forgotten(world: World) -> None:
    world.settle_seconds = 0
    world.add(1)
    world.stage()
    batch = world.approve()
    world.wire.lose("create_item", times=50, answered=False)
    world.push(batch)
    assert world.state(1) in ("unclear", "approved")
    batch.refresh_from_db()
    assert batch.state not in ("pushed", "pushing")
    finish(world)


def test_a_board_that_goes_away_stops_the_push_and_loses_nothing(three: World) -> None:
    writes = count(1)

    def gone(sent: Sent) -> None:
        if sent.writes and next(writes) > 1:
            raise requests.ConnectTimeout("no route")

    three.wire.before = gone
    pushed = three.push(chunk=1)
    assert pushed.error
    assert pushed.batch.state == "failed"
    assert not StagedOrder.objects.filter(state="sending").exists()
    finish(three)


def test_an_outage_is_told_by_the_run_and_the_next_one_goes_on(world: World) -> None:
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")

    def gone(sent: Sent) -> None:
        if sent.writes:
            raise requests.ConnectTimeout("no route")

    world.wire.before = gone
    report = world.sync()
    assert str(report.run.state) == "failed"
    assert "Remedy" in report.error
    assert report.counts.pending == 2
    finish(world)


# --- refused by the board ---------------------------------------------------------------------------------------------
def test_an_item_whose_lines_are_refused_in_part_is_linked_and_its_next_change_completes_it(world: World) -> None:
    world.add(1)
    world.stage()
    batch = world.approve()
    tries = count()

    def refuse_the_second_size(sent: Sent) -> None:
        if sent.holds("create_subitem"):
            world.strike(Fault("field_limit", every=1, on="create_subitem", alias=0 if next(tries) else 1))

    world.wire.before = refuse_the_second_size
    world.push(batch)
    world.wire.calm()
    world.strike()
    assert world.state(1) == "rejected"
    batch.refresh_from_db()
    assert batch.state == "needs_attention"
    assert world.order(1).problem["code"]
    assert world.snapshot(1).item_id == world.item(1).id
    assert world.sizes(1) == {"S": "1"}
    assert world.sync().counts.waiting == 1
    world.change(1, PRICE="12")
    world.sync()
    world.check_equal()


# --- death ------------------------------------------------------------------------------------------------------------
def test_a_creation_that_was_under_way_when_the_process_died_is_not_sent_again_at_once(world: World) -> None:
    world.settle_seconds = 90
    world.add(1)
    world.stage()
    batch = world.approve()
    mortal = Mortal(world)

    def die(sent: Sent) -> None:
        if sent.holds("create_item"):
            mortal.dead = True
            raise Died

    with mortal.living(None, rest=10):
        world.wire.after = die
        world.push(batch)
    writes = len(world.wire.writes)
    world.push(batch)
    assert world.state(1) == "unclear"
    assert len(world.wire.writes) == writes
    finish(world)
    assert len(world.shown()) == 1


@pytest.mark.parametrize("start", range(6))
def test_a_push_that_dies_at_any_moment_is_finished_by_the_next(three: World, start: int) -> None:
    """Dies at every sixth moment in turn: each death is followed by another push, which dies a little later."""
    batch = three.batch()
    mortal = Mortal(three)
    for at in range(start + 1, 80, 6):
        with mortal.living(at):
            three.push(batch)
        three.check(settled=False)
        batch.refresh_from_db()
        if not mortal.dead or batch.state == "pushed":
            break
    finish(three)
    batch.refresh_from_db()
    assert batch.state == "pushed"
    assert len(Receipt.objects.filter(record=uuid(9), kind="create_item", outcome="done")) <= 1
    assert not AuditEvent.objects.filter(hash="").exists()


@pytest.mark.parametrize("at", moments(range(1, 60, 3), 4))
def test_a_whole_run_that_dies_at_any_moment_is_finished_by_the_next(world: World, at: int) -> None:
    world.add(1)
    world.add(2, CUSTOMER="B'HOOD")
    mortal = Mortal(world)
    with mortal.living(at):
        world.sync()
    world.check(settled=False)
    world.sync()
    finish(world)
    assert len(world.shown()) == 2
