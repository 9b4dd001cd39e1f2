"""The laws of the line, each watched while the line works: what must hold at every single moment of a run.

Laws with a file of their own: audit (test_audit), guards (test_guards), leases (test_lease), approval (test_decide).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from mapping.core.order import Order
from monday.sandbox.faults import Fault
from staging.core.changeset import differences
from staging.core.fingerprint import order_of
from staging.core.lifecycle import BATCH, NotAllowed
from staging.core.pushplan import accepted
from staging.models import Batch, Receipt, Snapshot, StagedOrder
from tests.world import Sent, World, uuid


def a_busy_day(world: World) -> None:
    """Creations, changes, sizes, a move, a removal, a return, an undo, a loss, an invalid and a doubled row."""
    for number in range(1, 9):
        world.add(number, CUSTOMER=("HARBOUR (AU)", "B'HOOD", "WHITE|FOX", "云杉")[number % 4])
    world.sync()
    world.change(1, PRICE="12", S=0, XXL=4)
    world.change(2, SEASON="AW27")
    (row,) = world.drop(3)
    world.sync()
    world.undo(Batch.objects.filter(orders__record=uuid(1)).latest("id"))
    world.source.orders.append(row)
    world.change(1, NOTES="late")
    world.wire.lose("change_multiple", answered=True)
    world.sync()
    world.wire.calm()
    world.add(9)
    world.add(10, TOTAL=99)
    world.wire.lose("create_item", answered=True)
    world.sync()
    world.wire.calm()
    world.clock.sleep(600)
    world.sync()
    world.change(4, PRICE="13")
    world.stage()
    world.sync()


# --- law 1: the accepted order moves only through a receipt -----------------------------------------------------------
def test_every_accepted_order_is_the_fold_of_its_receipts_and_the_board_shows_it(world: World) -> None:
    a_busy_day(world)
    shown = world.shown()
    folds: dict[str, Order | None] = defaultdict(lambda: None)
    for receipt in Receipt.objects.filter(outcome="done").order_by("id"):
        folds[receipt.record] = accepted(folds[receipt.record], receipt.after)
    snapshots = list(Snapshot.objects.all())
    assert len(snapshots) == 9
    for snapshot in snapshots:
        order, fold = order_of(snapshot.order), folds[snapshot.record]
        assert fold is not None
        assert differences(fold, order) == ()
        (item,) = shown[snapshot.link_key]
        assert (item.id, item.name, item.group) == (snapshot.item_id, order.name, order.group)
        assert item.cells == {column: value for column, value in order.cells.items() if value is not None}
        lines = sorted((f"{snapshot.link_key}/{size}", str(quantity)) for size, quantity in order.sizes.items())
        assert list(item.lines) == lines
        assert snapshot.lines == {key.rpartition("/")[2]: line for key, line in item.line_ids.items()}
    world.check()


def test_a_run_that_only_looks_declines_or_fails_moves_no_accepted_order(world: World) -> None:
    for number in range(1, 7):
        world.add(number)
    world.sync()
    fields = ("record", "order", "order_fingerprint", "item_id", "lines", "withheld", "state")
    before = list(Snapshot.objects.order_by("id").values(*fields))
    world.change(1, PRICE="12")
    world.stage()
    call_command("check", verbosity=0, stdout=StringIO())
    from staging.batches.decide import decline

    decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="no")
    world.change(2, PRICE="12")
    world.source.fail_after = 0
    world.sync()
    world.source.fail_after = None
    world.change(3, TOTAL=99)
    world.sync(dry_run=True)
    world.stage()
    assert list(Snapshot.objects.order_by("id").values(*fields)) == before


# --- law 3: claim, record, call, record -------------------------------------------------------------------------------
def test_every_write_is_on_record_before_it_leaves_and_every_creation_was_looked_up_first(world: World) -> None:
    looked: list[int] = []
    written: list[str] = []

    def watch(sent: Sent) -> None:
        if not sent.writes:
            looked.append(sent.number)
            return
        names = re.findall(r"a\d+: (\w+)", sent.query)
        if set(names) & {"create_group", "update_dropdown_column", "update_status_column"} or not names:
            return
        creating = [name for name in names if name in ("create_item", "create_subitem")]
        assert not creating or len(creating) == len(names), f"creations and other writes in one request: {names}"
        sent_now = Receipt.objects.filter(outcome="sent")
        assert sent_now.count() == len(names)
        assert all(receipt.idempotency_key and receipt.sent_at for receipt in sent_now)
        assert set(Batch.objects.filter(receipts__in=sent_now).values_list("state", flat=True)) <= {
            "pushing",
            "undoing",
        }
        for receipt in sent_now.select_related("order"):
            assert receipt.order.state in ("sending", "undoing")
        if "create_item" in names:
            assert any(world.wire.sent[number].holds("items_page_by_column_values") or
                       world.wire.sent[number].holds("items_page") for number in looked), "not looked up"  # fmt: skip
            looked.clear()
        written.extend(names)

    world.wire.before = watch
    for number in range(1, 6):
        world.add(number)
    world.sync()
    world.change(1, PRICE="12", S=0, XXL=4, SEASON="AW27")
    world.drop(5)
    world.sync()
    world.undo()
    assert {"create_item", "create_subitem", "change_multiple_column_values", "move_item_to_group"} <= set(written)
    assert "archive_item" in written


def test_a_key_is_used_for_one_content_only(world: World) -> None:
    """A -> B -> A -> B must not meet the answer that was kept for the first B."""
    bodies: dict[str, set[str]] = defaultdict(set)
    original = world.app.handle

    def handle(method: str, path: str, headers: Any, body: bytes) -> Any:
        given = {name.lower(): value for name, value in headers.items()}
        if given.get("idempotency-key"):
            bodies[given["idempotency-key"]].add(body.decode())
        return original(method, path, headers, body)

    world.wire.app = type("Watched", (), {"handle": staticmethod(handle), "store": world.store})()
    world.add(1)
    world.sync()
    for price in ("12", "10.50", "12", "10.50"):
        world.change(1, PRICE=price)
        world.sync()
    world.check_equal()
    assert len(bodies) >= 6
    assert all(len(contents) == 1 for contents in bodies.values())


# --- law 4: nothing waits inside a transaction ------------------------------------------------------------------------
def test_no_transaction_is_open_while_the_board_or_the_source_is_waited_for(world: World) -> None:
    depth = len(connection.savepoint_ids)
    waited: list[str] = []

    def closed(what: str) -> None:
        assert len(connection.savepoint_ids) == depth, f"a transaction is open while {what} is waited for"
        assert len(connection.atomic_blocks) == blocks
        waited.append(what)

    blocks = len(connection.atomic_blocks)
    world.wire.before = lambda sent: closed("the board")
    world.source.before_read = lambda: closed("the source")
    sleep = world.clock.sleep
    world.clock.sleep = lambda seconds: (closed("the clock"), sleep(seconds))[1]  # type: ignore[method-assign]
    for number in range(1, 6):
        world.add(number)
    world.add(6, record_uuid=None)
    world.sync()
    world.change(1, PRICE="12", S=0, XXL=4)
    world.drop(5)
    world.stage()
    world.approve()
    world.push()
    world.undo()
    world.sync(dry_run=True, full=True)
    assert {"the board", "the source", "the clock"} == set(waited)


# --- law 7: twice delivered, half done --------------------------------------------------------------------------------
def test_a_push_or_undo_that_is_asked_for_twice_does_it_once(world: World) -> None:
    world.add(1)
    world.stage()
    batch = world.approve()
    world.push(batch)
    writes = len(world.wire.writes)
    with pytest.raises(NotAllowed):
        world.push(batch)
    assert len(world.wire.writes) == writes
    world.undo(batch)
    writes = len(world.wire.writes)
    with pytest.raises(NotAllowed):
        world.undo(batch)
    assert len(world.wire.writes) == writes


def test_every_state_that_was_ever_written_has_its_event_in_the_audit(world: World) -> None:
    """Transitions are the only writers of a state, and each writes its event."""
    a_busy_day(world)
    from staging.models import AuditEvent

    for batch in Batch.objects.all():
        events = AuditEvent.objects.filter(subject=f"batch:{batch.pk}", action__startswith="batch.").order_by("id")
        last = [event.data["to"] for event in events if "to" in event.data][-1]
        assert last == batch.state
        assert last in {move.target for move in BATCH.values()}
    told = defaultdict(int)
    for event in AuditEvent.objects.filter(action__startswith="order."):
        told[event.data["to"]] += event.data["count"]
    for state in ("applied", "undone", "superseded", "declined", "rejected"):
        assert told[state] >= StagedOrder.objects.filter(state=state).count()


# --- law 8: secrets ---------------------------------------------------------------------------------------------------
SECRET = "invented-token-7f3a9c51"


@pytest.fixture
def dumped(world: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Fills with everything that was kept or said by the end."""
    found: list[str] = []
    yield found
    out = StringIO()
    call_command("dumpdata", "monday", "mapping", "staging", stdout=out)
    found += [out.getvalue(), *capfd.readouterr(), caplog.text]
    assert len(found[0]) > 1000
    assert not [text for text in found if SECRET in text]


def test_the_token_stands_in_no_table_and_no_log_whatever_fails(
    world: World, dumped: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    from monday.token import Token

    caplog.set_level("DEBUG")
    world.use_token(Token(SECRET))
    a_busy_day(world)
    world.strike(Fault("html", every=1, on="mutation"))
    world.change(6, PRICE="99")
    world.sync()
    world.strike(Fault("server_error", every=1))
    with pytest.raises(Exception) as problem:
        world.sync()
    assert SECRET not in str(problem.value)


# --- law 9: an ordinary customer --------------------------------------------------------------------------------------
@pytest.mark.parametrize("customer", ["B'HOOD", "WHITE|FOX", "云杉"])
def test_an_odd_name_goes_through_the_whole_line(world: World, customer: str) -> None:
    odd = f"{customer}'; DROP TABLE staging_batch; -- \" | % %s {{}} \\"
    for number in range(1, 6):
        world.add(number, CUSTOMER=customer, NOTES=odd, COLOUR="RED'|\"", PO=f"P'{number}")
    world.sync()
    world.check_equal()
    before = world.shown()
    world.change(1, PRICE="12", M=9)
    world.drop(5)
    world.sync()
    assert world.item(1).cells["long_text_notes"] == odd
    world.undo()
    assert world.shown() == before
    assert world.sync(customers=(customer,), customer_name=customer).counts.read == 4
    assert world.sync(po_number="P'1").counts.read == 1
    world.check()
