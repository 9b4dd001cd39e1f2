"""Conflicts settled by a person: which side holds, for exactly the values that were seen; then the order goes on."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.models import Version
from staging.batches.conflicts import in_conflict, rule, what_is_seen
from staging.core.lifecycle import NotAllowed
from staging.models import AuditEvent
from tests.core.mapping_samples import BOARD
from tests.world import World

from .admin_line import opened_line, person, signed_in, work_off

PRICE = "numeric_price"


@pytest.fixture
def held(world: World) -> World:
    """Two orders held by a price that somebody edited, in one pushed batch."""
    for number in (1, 2):
        world.add(number)
    world.sync()
    for number in (1, 2):
        world.edit(number, numeric_price="99")
        world.change(number, PRICE="12")
    world.sync()
    assert [world.state(1), world.state(2)] == ["held", "held"]
    return world


def decide(world: World, take: str, *numbers: int) -> tuple[int, int]:
    batch = world.order(1).batch
    orders = [order for order in in_conflict(batch, PRICE) if order.pk in {world.order(n).pk for n in numbers}]
    seen = what_is_seen(orders, PRICE)
    return rule(batch=batch, orders=orders, field=PRICE, take=take, seen=seen, actor="ben", now=world.clock.now())


def test_the_source_is_taken_where_somebody_ruled_so_and_nowhere_else(held: World) -> None:
    assert decide(held, "source", 1) == (1, 1)
    held.push(held.order(1).batch)
    assert (held.state(1), held.item(1).cells[PRICE]) == ("applied", "12")
    assert (held.state(2), held.item(2).cells[PRICE]) == ("held", "99")
    assert AuditEvent.objects.get(action="order.rule").data["take"] == "source"
    held.check()


def test_what_the_board_keeps_by_a_ruling_is_not_asked_again_until_the_source_moves(held: World) -> None:
    assert decide(held, "board", 1, 2) == (2, 2)
    pushed = held.push(held.order(1).batch)
    assert (pushed.batch.state, pushed.settled.applied) == ("pushed", 2)
    assert held.item(1).cells[PRICE] == "99"
    again = held.sync()
    assert (again.counts.changed, again.counts.waiting, held.run_writes) == (0, 2, [])
    assert held.sync(full=True).counts.changed == 0
    held.change(1, PRICE="13")
    held.sync()
    assert held.state(1) == "held"


def test_a_ruling_is_void_once_the_board_moves_again(held: World) -> None:
    decide(held, "source", 1)
    held.edit(1, numeric_price="77")
    held.push(held.order(1).batch)
    assert (held.state(1), held.item(1).cells[PRICE]) == ("held", "77")
    assert held.order(1).problem["conflicts"][0]["live"] == "77"
    assert decide(held, "source", 1) == (1, 1)


def test_an_order_with_two_conflicts_waits_for_both(world: World) -> None:
    world.add(1)
    world.sync()
    world.edit(1, numeric_price="99", long_text_notes="theirs")
    world.change(1, PRICE="12", NOTES="ours")
    world.sync()
    assert decide(world, "source", 1) == (1, 0)
    assert world.state(1) == "held"
    with pytest.raises(NotAllowed, match="changed since"):
        decide(world, "board", 1)
    batch = world.order(1).batch
    orders = in_conflict(batch, "long_text_notes")
    seen = what_is_seen(orders, "long_text_notes")
    more: dict[str, Any] = {"field": "long_text_notes", "seen": seen, "actor": "ben", "now": world.clock.now()}
    assert rule(batch=batch, orders=orders, take="board", **more) == (1, 1)
    world.push(batch)
    cells = world.item(1).cells
    assert (cells[PRICE], cells["long_text_notes"]) == ("12", "theirs")


def test_values_that_were_not_seen_are_not_ruled_on(held: World) -> None:
    batch, orders = held.order(1).batch, in_conflict(held.order(1).batch, PRICE)
    with pytest.raises(NotAllowed, match="changed since"):
        rule(batch=batch, orders=orders, field=PRICE, take="source", seen="x", actor="ben", now=held.clock.now())
    assert held.order(1).rulings == {}


def test_without_a_published_mapping_nothing_is_decided_and_a_sentence_says_so(held: World) -> None:
    Version.objects.update(state="retired")
    with pytest.raises(NotAllowed, match="Remedy"):
        decide(held, "source", 1)
    assert held.order(1).rulings == {}


def test_a_newly_mapped_column_over_what_people_filled_is_decided_once_for_all_orders(world: World) -> None:
    without = BOARD.replace("  NOTES: long_text_notes\n", "")
    world.publish(without)
    for number in (1, 2, 3):
        world.add(number, NOTES="ours")
    world.sync()
    for number in (1, 2):
        world.edit(number, long_text_notes="theirs")
    world.edit(3, long_text_notes="ours")
    world.publish(BOARD)
    world.sync()
    assert [world.state(number) for number in (1, 2, 3)] == ["held", "held", "applied"], "an equal value is no conflict"
    batch = world.order(1).batch
    orders = in_conflict(batch, "long_text_notes")
    seen = what_is_seen(orders, "long_text_notes")
    now = world.clock.now()
    assert rule(batch=batch, orders=orders, field="long_text_notes", take="board", seen=seen, actor="ben", now=now) == (
        2,
        2,
    )
    world.push(batch)
    assert [world.item(n).cells["long_text_notes"] for n in (1, 2, 3)] == ["theirs", "theirs", "ours"]
    assert world.sync(full=True).counts.changed == 0


def test_one_of_two_who_rule_at_once_is_refused(held: World) -> None:
    batch, orders = held.order(1).batch, in_conflict(held.order(1).batch, PRICE)
    seen = what_is_seen(orders, PRICE)
    decide(held, "board", 1)
    with pytest.raises(NotAllowed, match="moved meanwhile"):
        rule(batch=batch, orders=orders, field=PRICE, take="source", seen=seen, actor="eve", now=held.clock.now())
    assert held.order(1).rulings[PRICE]["take"] == "board"
    assert held.order(2).rulings == {}


def test_a_whole_column_of_a_batch_is_settled_on_its_page(
    held: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_line(held, settings, monkeypatch)
    batch = held.order(1).batch
    approver = signed_in("approver")
    page = approver.get(f"/staging/batch/{batch.pk}/change/").content.decode()
    assert f"/staging/batch/conflict/?batch={batch.pk}&amp;field={PRICE}&amp;take=source" in page
    assert page.count('<table class="diff fold"><caption>Differs on the board') == 2
    assert '<td data-label="Last written">10.5</td><td data-label="Source now">12</td>' in page
    assert '<table class="fold"><thead><tr><th scope="col">Field</th><th scope="col">Orders held' in page
    asked = {"batch": str(batch.pk), "field": PRICE, "take": "source"}
    confirm = approver.get("/staging/batch/conflict/", asked)
    assert [row[1:] for row in confirm.context["rows"]] == [("10.5", "12", "99")] * 2
    answer = approver.post(
        "/staging/batch/conflict/", asked | {"seen": confirm.context["seen"], "push_after": "1"}, follow=True
    )
    assert "take the source in 2 orders" in answer.content.decode()
    work_off()
    assert [held.item(n).cells[PRICE] for n in (1, 2)] == ["12", "12"]


def test_who_may_not_approve_may_not_settle(held: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened_line(held, settings, monkeypatch)
    assert not person("viewer").has_perm("staging.approve_batch")
    order = held.order(1)
    asked = {"order": str(order.pk), "field": PRICE, "take": "source", "seen": what_is_seen([order], PRICE)}
    assert signed_in("viewer").post("/staging/batch/conflict/", asked).status_code == 403
    assert held.order(1).rulings == {}
