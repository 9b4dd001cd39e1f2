"""The queue of rejected orders: passing refusals go out again by themselves, ever more rarely; the others wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils.html import escape

from monday.sandbox.faults import Fault
from staging import jobs
from staging.batches.diff import orders
from staging.batches.retry import retry, retry_due
from staging.core.backoff import DELAYS
from staging.models import AuditEvent, Batch, StagedOrder, SyncRun
from tests.db.admin_line import opened_line, signed_in
from tests.world import World, uuid


@pytest.fixture
def passing(world: World) -> World:
    """One order on the board, and a second whose creation the board refuses with a limit, again and again."""
    world.add(1)
    world.sync()
    world.add(2)
    world.strike(Fault("field_limit", every=1, on="create_item", alias=0, retry_after=1.0))
    world.sync()
    assert world.state(2) == "rejected"
    return world


def test_a_passing_refusal_goes_out_again_by_itself_once_it_is_due(passing: World) -> None:
    order = passing.order(2)
    assert order.failures == 1 and order.first_failed_at == order.failed_at
    assert order.retry_at == order.failed_at + timedelta(seconds=DELAYS[0])
    passing.strike()
    passing.sync()
    assert passing.state(2) == "rejected", "not before it is due"
    passing.clock.sleep(DELAYS[0])
    passing.sync()
    assert passing.state(2) == "applied" and passing.order(2).retry_at is None
    assert AuditEvent.objects.get(action="order.again").actor == "policy:retry"
    passing.check_equal()


def test_it_is_tried_ever_more_rarely_and_then_left_to_a_person(passing: World) -> None:
    first = passing.order(2).failed_at
    for number, delay in enumerate(DELAYS, 1):
        order = passing.order(2)
        assert (order.failures, order.first_failed_at) == (number, first)
        assert order.retry_at == order.failed_at + timedelta(seconds=delay)
        passing.clock.sleep(delay)
        passing.sync()
    order = passing.order(2)
    assert (order.state, order.failures, order.retry_at) == ("rejected", len(DELAYS) + 1, None)
    writes = len(passing.wire.writes)
    passing.clock.sleep(7 * 24 * 3600)
    passing.sync()
    assert len(passing.wire.writes) == writes
    passing.strike()
    retry(batch=order.batch, orders=[order.pk], actor="ben", now=passing.clock.now())
    passing.sync()
    passing.check_equal()


def test_what_does_not_pass_by_itself_waits_for_a_person(world: World) -> None:
    world.add(1, NOTES="x")
    world.stage()
    batch = world.approve()
    StagedOrder.objects.filter(record=uuid(1)).update(state="sending")
    from staging.models import Receipt
    from staging.pushing.send import recover

    order = world.order(1)
    problem = {"code": "ColumnValueException", "message": "no", "transient": False}
    Receipt.objects.create(
        board=world.board, batch=batch, order=order, record=order.record, attempt=order.attempts, kind="create_item",
        outcome="refused", problem=problem, intended_at=world.clock.now(),
    )  # fmt: skip
    recover(batch, [order.pk], actor="ben", setup=world.setup())
    order = world.order(1)
    assert (order.state, order.failures, order.retry_at) == ("rejected", 1, None)


def test_a_later_version_of_the_source_takes_its_place(passing: World) -> None:
    former = passing.order(2).pk
    passing.strike()
    passing.change(2, PRICE="12")
    passing.sync()
    assert StagedOrder.objects.get(pk=former).state == "superseded"
    passing.clock.sleep(DELAYS[0])
    passing.sync()
    passing.check_equal()


def test_a_batch_that_is_at_work_or_undone_is_left_alone(passing: World) -> None:
    passing.clock.sleep(DELAYS[0])
    batch = passing.order(2).batch
    for state in ("pushing", "undoing", "undone"):
        Batch.objects.filter(pk=batch.pk).update(state=state)
        assert retry_due(board=passing.board, now=passing.clock.now()) == []
    Batch.objects.filter(pk=batch.pk).update(state="needs_attention")
    assert retry_due(board=None, now=passing.clock.now()) == [batch]
    assert retry_due(board=None, now=passing.clock.now()) == []


def test_the_sweeper_asks_for_the_push_of_what_is_due(passing: World) -> None:
    StagedOrder.objects.filter(record=uuid(2)).update(retry_at=passing.clock.now())
    said = jobs.sweep()
    run = SyncRun.objects.latest("id")
    assert (run.kind, run.actor, run.trigger) == ("push", "policy:retry", "sweeper")
    assert f"tried again: [{run.pk}]" in said
    assert "tried again: []" in jobs.sweep()


def test_the_queue_is_listed_with_its_next_attempts(passing: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("retry_rejected", list=True)
    said = capsys.readouterr().out
    order = passing.order(2)
    assert f"{order.pk}  ST1 RED A2 - HARBOUR: FIELD_LIMIT_EXCEEDED; 1 refusal, " in said
    assert f"again {order.retry_at:%Y-%m-%d %H:%M} UTC" in said
    assert passing.state(2) == "rejected", "listing changes nothing"


def test_one_order_is_retried_by_its_number(passing: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("retry_rejected", order=[passing.order(2).pk + 1000])
    assert passing.state(2) == "rejected"
    call_command("retry_rejected", order=[passing.order(2).pk])
    assert passing.state(2) == "approved"


def test_a_refusal_is_shown_while_it_holds_and_stays_in_the_orders_life(
    passing: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_line(passing, settings, monkeypatch)
    order = passing.order(2)

    def told() -> tuple[str, list[str]]:
        """What is said of this change on its page, and of it on its batch's."""
        page = signed_in("viewer").get(f"/staging/stagedorder/{order.pk}/change/").content.decode()
        (picture,) = orders(order.batch, after_id=order.pk - 1, limit=1)
        return page.partition("<h2>This change</h2>")[2].partition("</section>")[0], [picture.problem, picture.reason]

    change, said = told()
    assert "The board refused it:" in change and said[0] and said[1] == order.reason
    refused = order.reason
    passing.strike()
    retry(batch=order.batch, orders=[order.pk], actor="ben", now=passing.clock.now())
    change, said = told()
    assert passing.state(2) == "approved" and "refused" not in change and said == ["", ""]
    passing.sync()
    change, said = told()
    assert passing.state(2) == "applied" and escape(refused) not in change and said == ["", ""]
    listed = signed_in("viewer").get("/staging/stagedorder/").content.decode()
    assert escape(refused) not in listed
    life = (
        signed_in("viewer").get(f"/staging/stagedorder/{order.pk}/change/").content.decode().partition('id="life"')[2]
    )
    assert "Refused" in life and escape(refused) in life
