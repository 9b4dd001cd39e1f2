"""Who may let what go out, and what an approval binds."""

from __future__ import annotations

from typing import Any

import pytest

from staging.batches.decide import binding, decline, hold, release, withdraw
from staging.core.lifecycle import NotAllowed
from staging.models import AuditEvent, Batch
from tests.core.mapping_samples import BOARD
from tests.world import World

AUTOMATIC = BOARD + "policy: {approve: automatic, automatic_up_to: {orders: 3, kinds: [create, update]}}\n"


@pytest.fixture
def staged(world: World) -> World:
    """Two new orders in an open batch."""
    world.add(1)
    world.add(2)
    world.stage()
    return world


def told(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("id"))


def test_an_approval_names_its_person_and_binds_a_hash_of_what_was_shown(staged: World) -> None:
    batch = staged.approve()
    batch.refresh_from_db()
    assert (batch.state, batch.approved_by) == ("approved", "ben")
    assert batch.approved_at
    assert batch.approved_hash == binding(batch)
    (event,) = told("batch.approve")
    assert (event.actor, event.chain.name) == ("ben", "decisions")
    assert event.data["hash"] == batch.approved_hash


def test_the_hash_covers_the_ticked_orders_and_no_others(staged: World) -> None:
    whole = staged.approve()
    all_of_it = whole.approved_hash
    withdraw(batch=whole, actor="ben", now=staged.clock.now())
    staged.approve(whole, only=[staged.order(1).pk])
    assert whole.approved_hash != all_of_it


def test_what_was_held_when_the_batch_was_approved_is_no_part_of_the_hash(staged: World) -> None:
    batch = staged.batch()
    held = staged.order(2)
    hold(batch=batch, orders=[held.pk], actor="ben", now=staged.clock.now(), reason="price?")
    staged.approve(batch)
    type(held).objects.filter(pk=held.pk).update(link_key="another")
    staged.push(batch)
    assert staged.on_board(1)


def test_what_was_not_ticked_waits_in_a_batch_of_its_own(staged: World) -> None:
    batch = staged.approve(only=[staged.order(1).pk])
    rest = staged.order(2).batch
    assert rest.pk != batch.pk
    assert (rest.state, staged.state(2)) == ("open", "held")
    assert f"batch {batch.pk}" in staged.order(2).reason
    release(batch=rest, orders=[staged.order(2).pk], actor="ben", now=staged.clock.now())
    staged.approve(rest)
    staged.push(batch)
    staged.push(rest)
    staged.check_equal()


def test_an_approval_can_be_taken_back_before_anything_was_sent(staged: World) -> None:
    batch = staged.approve()
    withdraw(batch=batch, actor="ben", now=staged.clock.now())
    batch.refresh_from_db()
    assert (batch.state, batch.approved_hash, batch.approved_by) == ("open", "", "")
    assert not batch.orders.filter(ticked=True).exists()
    with pytest.raises(NotAllowed):
        staged.push(batch)
    assert not staged.shown()


def test_nothing_goes_out_of_a_declined_batch(staged: World) -> None:
    batch = staged.batch()
    with pytest.raises(NotAllowed, match="reason"):
        decline(batch=batch, actor="ben", now=staged.clock.now(), reason="  ")
    decline(batch=batch, actor="ben", now=staged.clock.now(), reason="wrong season")
    for act in (staged.approve, staged.push):
        with pytest.raises(NotAllowed):
            act(batch)
    (event,) = told("batch.decline")
    assert (event.reason, event.actor) == ("wrong season", "ben")


def test_a_held_order_stays_behind_and_can_be_released(staged: World) -> None:
    batch = staged.batch()
    with pytest.raises(NotAllowed, match="reason"):
        hold(batch=batch, orders=[staged.order(1).pk], actor="ben", now=staged.clock.now(), reason="")
    hold(batch=batch, orders=[staged.order(1).pk], actor="ben", now=staged.clock.now(), reason="price?")
    staged.approve(batch)
    staged.push(batch)
    assert (staged.on_board(1), staged.on_board(2)) == (False, True)
    assert staged.order(1).reason == "price?"


def test_a_batch_of_which_everything_is_held_cannot_be_approved(staged: World) -> None:
    batch = staged.batch()
    ids = list(batch.orders.values_list("pk", flat=True))
    hold(batch=batch, orders=ids, actor="ben", now=staged.clock.now(), reason="wait")
    with pytest.raises(NotAllowed, match="Remedy"):
        staged.approve(batch)
    batch.refresh_from_db()
    assert batch.state == "open"


def test_two_persons_who_approve_at_once_are_told_that_one_was_first(staged: World) -> None:
    mine, theirs = staged.batch(), staged.batch()
    staged.approve(mine)
    with pytest.raises(NotAllowed):
        staged.approve(theirs)
    assert len(told("batch.approve")) == 1


def test_a_batch_whose_mapping_was_changed_since_is_not_approved(staged: World) -> None:
    staged.publish(BOARD.replace("{STYLE} {COLOUR} {ORDER}", "{ORDER}"))
    with pytest.raises(NotAllowed, match="out of date"):
        staged.approve()


# --- policies ---------------------------------------------------------------------------------------------------------
def test_in_test_the_policy_of_the_local_board_approves_and_is_in_the_audit_like_a_person(world: World) -> None:
    world.add(1)
    assert world.sync().approved_by == "policy:test"
    assert [event.actor for event in told("batch.approve")] == ["policy:test"]


def test_in_production_a_person_approves(world: World) -> None:
    world.add(1)
    report = world.stage()
    assert (report.approved_by, str(report.run.state)) == ("", "waiting")
    assert world.run_writes == []


def test_a_published_policy_approves_small_batches_of_its_kinds(world: World) -> None:
    world.publish(AUTOMATIC)
    for number in (1, 2, 3):
        world.add(number)
    report = world.stage()
    assert report.approved_by.startswith("policy:")
    assert report.counts.created == 3


@pytest.mark.parametrize("what", ["too many", "a removal", "a size less"])
def test_a_published_policy_does_not_go_beyond_its_limits(world: World, what: str) -> None:
    for number in range(1, 8):
        world.add(number)
    world.sync()
    world.publish(AUTOMATIC)
    if what == "too many":
        for number in range(1, 5):
            world.change(number, PRICE="12")
    elif what == "a size less":
        world.change(1, M=None)
    else:
        world.drop(1)
    assert world.stage().approved_by == ""
    assert Batch.objects.filter(state="open").exists()


def test_a_run_that_was_asked_to_leave_it_to_a_person_does(world: World) -> None:
    world.add(1)
    report = world.sync(by_person=True)
    assert (report.approved_by, report.counts.pending) == ("", 1)


def test_every_move_of_a_batch_is_in_the_audit_once(world: World) -> None:
    world.add(1)
    world.sync()
    world.undo()
    moves: list[Any] = [
        event.action for event in AuditEvent.objects.filter(subject=f"batch:{world.batch().pk}").order_by("id")
    ]
    assert [move for move in moves if move.startswith("batch.")] == [
        *("batch.open", "batch.approve", "batch.push", "batch.finish", "batch.undo", "batch.undone")
    ]
    assert [move for move in moves if move.startswith("order.")] == [
        *("order.approve", "order.send", "order.apply", "order.undo", "order.undone")
    ]
