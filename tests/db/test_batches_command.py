"""`batches` on the command line: what it shows, what it decides, and the exit code it ends with."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from requests import Session

from mapping.publish import load_family
from monday.models import ApiCall
from monday.sandbox.faults import Fault
from monday.sandbox.transport import sandbox_session
from staging import jobs
from staging.batches.conflicts import in_conflict, rule, what_is_seen
from staging.batches.decide import approve
from staging.batches.describe import describe, describe_all, history, orders
from staging.console import Console, actor
from staging.core.lifecycle import NotAllowed
from staging.models import AuditEvent, Batch, SyncRun
from staging.reports.run_log import run_log
from tests.core.mapping_samples import HARBOUR
from tests.world import World, uuid


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that commands work in: its board is the local one, behind its wire, and its rows are the order table."""
    settings.SANDBOX_STORE = str(world.store.path)

    def session(store: str) -> Session:
        return world._session(world.wire) if store == str(world.store.path) else sandbox_session(store)

    monkeypatch.setattr("staging.wiring.sandbox_session", session)
    monkeypatch.setattr("staging.wiring.source", lambda mappings: world.source)
    return world


def batches(*arguments: object, json_too: bool = False) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one call."""
    out, err = StringIO(), StringIO()
    words = [str(word) for word in arguments] + (["--json"] if json_too else [])
    try:
        call_command("batches", *words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    except CommandError as refused:
        return refused.returncode, out.getvalue(), str(refused)
    return 0, out.getvalue(), err.getvalue()


def document(*arguments: object) -> Any:
    return json.loads(batches(*arguments, json_too=True)[1])


def states(batch: Batch) -> list[str]:
    return [order.state for order in batch.orders.order_by("pk")]


def ids(batch: Batch) -> list[int]:
    return list(batch.orders.order_by("pk").values_list("pk", flat=True))


# --- looking --------------------------------------------------------------------------------------------------------
def test_before_the_first_run_the_list_says_what_to_do(db: None) -> None:
    assert batches("list") == (
        0,
        "There is no batch yet. Remedy: python manage.py sync_orders stages what is new.\n",
        "",
    )


def test_the_list_says_what_each_batch_does(line: World) -> None:
    line.add(1)
    line.add(2, CUSTOMER="B'HOOD")
    line.stage()
    code, out, _ = batches("list")
    assert code == 0
    assert "B'HOOD" in out
    assert "Creates 1 item and 2 subitems." in out
    assert [one["customer"] for one in document("list", "--customer", "harbour (us)")["batches"]] == ["HARBOUR"]
    assert document("list", "--state", "pushed")["batches"] == []
    assert "No batch matches" in batches("list", "--state", "pushed")[1]


def test_a_mistyped_customer_is_answered_with_the_near_one(line: World) -> None:
    code, _, err = batches("list", "--customer", "HARBUOR")
    assert code == 2
    assert "Did you mean 'HARBOUR'?" in err


def test_a_batch_is_shown_as_a_diff_of_every_field_and_size(line: World) -> None:
    line.add(1)
    line.sync()
    line.change(1, PRICE="12.00", S=5, M=None)
    line.stage()
    code, out, _ = batches("show", line.batch().pk)
    assert code == 0
    assert f"Batch {line.batch().pk} - HARBOUR - 1 change\n" in out
    assert "Open. Updates 1 item (1 quantity changed, 1 size taken away)." in out
    assert "PRICE: 10.5 -> 12\n" in out
    assert "sizes: S 1 -> 5, M 2 -> (empty)\n" in out
    assert "check    0 blocking, 1 warning" in out
    assert "batch open" in out


def test_a_batch_as_data_has_fields_sizes_and_history(line: World) -> None:
    line.add(1, PRICE="on request")
    line.stage()
    shown = document("show", line.batch().pk)
    (order,) = shown["orders"]
    assert {"field": "name", "title": "Name", "before": None, "after": "ST1 RED A1", "source": ""} in order["fields"]
    assert order["sizes"] == [{"size": "S", "before": None, "after": 1}, {"size": "M", "before": None, "after": 2}]
    assert order["warnings"] == ["PRICE: 'on request' was left out - " + line.order(1).warnings[0]["reason"]]
    assert shown["counts"]["pending"] == 1
    assert shown["check"]["problems"][0]["severity"] == "warning"
    assert shown["history"][0]["what"] == "batch open"


def test_a_conflict_is_shown_with_its_three_values(line: World) -> None:
    line.add(1)
    line.sync()
    line.edit(1, numeric_price="99")
    line.change(1, PRICE="12.00")
    line.sync()
    assert line.state(1) == "held"
    out = batches("show", line.batch().pk)[1]
    assert "conflict in PRICE: last written 10.5, the source says 12, the board shows 99" in out


def test_a_page_of_orders_costs_the_same_however_many_there_are(
    line: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(1, 31):
        line.add(number)
    line.stage()
    batch = Batch.objects.select_related("customer", "board").get(pk=line.batch().pk)
    with django_assert_max_num_queries(14):
        assert describe(batch).changes == 30
        assert len(orders(batch, limit=25)) == 25
    first = orders(batch, limit=10)
    rest = orders(batch, after_id=first[-1].id, limit=50)
    assert len({order.id for order in [*first, *rest]}) == 30


def test_the_list_does_not_ask_once_for_each_batch(line: World) -> None:
    from django.db import connection

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            describe_all(list(Batch.objects.all()))
        return len(asked)

    line.add(1)
    line.stage()
    few = cost()
    for number, customer in enumerate(("B'HOOD", "WHITE FOX", "云杉"), 2):
        line.add(number, CUSTOMER=customer)
    line.stage()
    assert Batch.objects.count() == 4
    assert cost() <= few + 1


def test_a_removal_names_the_group_that_it_moves_to(line: World) -> None:
    line.add(1)
    line.add(2)
    line.sync()
    line.drop(2)
    line.source.orders.append({**line.row(1), "record_uuid": uuid(3), "ORDER": "A3"})
    line.stage()
    assert describe(line.batch()).sentence == "Creates 1 item and 2 subitems, moves 1 to Removed."


def test_events_that_read_alike_are_told_as_one(line: World) -> None:
    line.add(1)
    line.add(2)
    line.sync()
    line.undo()
    told = [one.what for one in history(line.batch())]
    assert told[-3:] == ["2 orders undoing", "2 orders undone", "batch undone"]


# --- deciding -------------------------------------------------------------------------------------------------------
def test_a_batch_goes_from_open_to_the_board_and_back(line: World) -> None:
    line.add(1)
    line.add(2)
    line.stage()
    pk = line.batch().pk
    assert batches("approve", pk, "--note", "checked")[:2] == (
        0,
        f"Batch {pk} - HARBOUR: 2 orders approved. Next: batches push {pk}\n",
    )
    assert batches("push", pk)[:2] == (0, f"Batch {pk} - HARBOUR: 2 applied, 0 rejected, 0 held.\n")
    assert line.wire.writes
    assert line.on_board(1)
    assert line.on_board(2)
    line.check_equal()
    assert batches("undo", pk, "--reason", "wrong week")[:2] == (
        0,
        f"Batch {pk} - HARBOUR: 2 orders undone, 0 kept.\n",
    )
    assert line.shown() == {}
    decided = AuditEvent.objects.filter(action__in=["batch.approve", "batch.push", "batch.undo"])
    assert {event.actor for event in decided} == {actor()}
    assert actor().startswith("cli:")


def test_what_is_not_ticked_waits_in_a_batch_of_its_own(line: World) -> None:
    line.add(1)
    line.add(2)
    line.stage()
    first, second = ids(line.batch())
    told = document("approve", line.batch().pk, "--only", f"#{first}")
    (one,) = told["batches"]
    assert one["approved"] == 1
    aside = Batch.objects.get(pk=one["set_aside_in"])
    assert ids(aside) == [second]
    assert states(aside) == ["held"]


def test_several_batches_are_done_in_turn_and_one_refusal_stops_none(line: World) -> None:
    line.add(1)
    line.add(2, CUSTOMER="B'HOOD")
    line.stage()
    one, two = (batch.pk for batch in Batch.objects.order_by("pk"))
    batches("approve", one)
    code, out, err = batches("approve", one, two)
    assert code == 2
    assert f"Batch {one}: cannot approve what is approved; it must be waiting for approval" in err
    assert f"Batch {two} - " in out
    assert {batch.state for batch in Batch.objects.all()} == {"approved"}


def test_decline_needs_words_and_withdraw_takes_an_approval_back(line: World) -> None:
    line.add(1)
    line.stage()
    pk = line.batch().pk
    batches("approve", pk)
    assert batches("withdraw", pk)[0] == 0
    assert batches("decline", pk, "--reason", " ")[0] == 2
    assert batches("decline", pk, "--reason", "last season")[0] == 0
    assert line.batch().state == "declined"
    assert line.state(1) == "declined"


def test_what_takes_something_off_the_board_is_approved_only_where_that_is_said(line: World) -> None:
    for number in range(1, 9):
        line.add(number)
    line.sync()
    line.change(1, PRICE="12")
    line.change(2, S=0)
    line.drop(8)
    line.stage()
    batch = line.batch()
    told = document("approve", batch.pk)["batches"][0]
    assert told["approved"] == 1
    rest = Batch.objects.get(pk=told["set_aside_in"])
    assert sorted(rest.orders.values_list("operation", flat=True)) == ["remove", "update"]
    batches("release", rest.pk, "--orders", ",".join(str(pk) for pk in rest.orders.values_list("pk", flat=True)))
    code, _, err = batches("approve", rest.pk)
    assert code == 2 and "takes orders or sizes off the board. Remedy: tick 'take off the board' (--removals " in err
    assert document("approve", rest.pk, "--removals")["batches"][0]["approved"] == 2


def test_the_list_and_the_page_count_what_is_held_apart(line: World) -> None:
    line.add(1)
    line.add(2)
    line.add(3)
    line.stage()
    pk = line.batch().pk
    batches("hold", pk, "--orders", str(ids(line.batch())[0]), "--reason", "price is open")
    for out in (batches("list")[1], batches("show", pk)[1]):
        assert "2 changes, 1 held" in out and "Creates 2 items and 4 subitems; 1 held stays here." in out
    (one,) = document("list")["batches"]
    assert (one["changes"], one["operations"]["create"], one["counts"]["held"]) == (2, 2, 1)


def test_an_approval_names_the_batch_that_it_set_aside_and_no_earlier_one(line: World) -> None:
    line.add(1)
    line.add(2)
    line.stage()
    batch = line.batch()
    assert document("approve", batch.pk, "--only", str(ids(batch)[0]))["batches"][0]["set_aside_in"]
    batches("withdraw", batch.pk)
    assert document("approve", batch.pk)["batches"][0]["set_aside_in"] is None


def test_orders_are_held_and_released_by_number(line: World) -> None:
    line.add(1)
    line.add(2)
    line.stage()
    pk, (first, second) = line.batch().pk, ids(line.batch())
    assert batches("hold", pk, "--orders", f"{first},{second}", "--reason", "price is open")[0] == 0
    code, _, err = batches("approve", pk)
    assert code == 2
    assert "release what is held first" in err
    assert batches("release", pk, "--orders", str(first))[1] == f"Batch {pk} - HARBOUR: 1 order released.\n"
    assert states(line.batch()) == ["staged", "held"]
    code, _, err = batches("release", pk, "--orders", str(first))
    assert code == 2
    assert "only held ones, and those undone, declined or given up, can be released" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "999"], "There is no batch 999. Remedy: see batches list."),
        (["push", "0"], "must be a number as batches list shows it, not '0'"),
        (["push", "٣"], "must be a number"),
        (["hold", "1", "--orders", ",", "--reason", "x"], "must name 1 to 500 orders"),
        (["list", "--limit", "501"], "must be a whole number from 1 to 500"),
        (["fly", "1"], "invalid choice: 'fly'"),
        (["decline", "1"], "the following arguments are required: --reason"),
        ([], "the following arguments are required"),
    ],
)
def test_a_mistake_in_the_call_is_a_sentence(db: None, arguments: list[str], said: str) -> None:
    code, _, err = batches(*arguments)
    assert code == 2 or "Error" in err
    assert said in err


def test_an_order_of_another_batch_is_not_taken_for_one_of_this(line: World) -> None:
    line.add(1)
    line.stage()
    code, _, err = batches("approve", line.batch().pk, "--only", "4711")
    assert code == 2
    assert "No such order there: 4711." in err
    assert line.state(1) == "staged"


def test_a_mapping_that_the_board_would_not_take_keeps_a_batch_from_approval(line: World) -> None:
    line.add(1)
    line.stage()
    setup, batch = line.setup(), line.batch()
    without = {name: column for name, column in setup.structure.columns.items() if name != "numeric_price"}
    lacking = replace(setup.structure, columns=without)
    with pytest.raises(NotAllowed, match=r"cannot be approved: columns.PRICE.to: Orders has no column numeric_price"):
        approve(batch=batch, mappings=setup.mappings, structure=lacking, actor="ben", now=line.clock.now())
    assert line.state(1) == "staged"


def test_a_batch_whose_mapping_changed_is_out_of_date_until_the_next_sync(line: World) -> None:
    line.add(1)
    line.stage()
    line.publish(HARBOUR.replace("[HARBOUR (AU), ", "[HARBOUR (AU), HARBOUR (NZ), "))
    code, _, err = batches("approve", line.batch().pk)
    assert code == 2
    assert "is out of date: its mapping was changed since" in err
    line.sync(by_person=True)
    assert batches("approve", line.batch().pk)[0] == 0, "the order renders as before, so it follows the mapping"


# --- sending --------------------------------------------------------------------------------------------------------
def test_what_moved_since_the_approval_is_named_and_the_rest_goes_out(line: World) -> None:
    line.add(1)
    line.add(2)
    line.stage()
    batch = line.approve()
    line.change(2, PRICE="11.00")
    code, out, _ = batches("push", batch.pk)
    assert code == 0
    assert "1 applied, 0 rejected, 0 held." in out
    assert "Out of date - 1 order changed since this batch was built: ST1 RED A2. Remedy: run the sync again." in out
    assert line.state(2) == "superseded"
    assert not line.on_board(2)
    line.sync()
    line.check_equal()


def test_a_batch_of_which_nothing_is_current_sends_nothing(line: World) -> None:
    line.add(1)
    line.stage()
    batch = line.approve()
    line.change(1, S=9)
    code, out, _ = batches("push", batch.pk)
    assert code == 5
    assert "Out of date - 1 order changed since this batch was built" in out
    assert Batch.objects.get(pk=batch.pk).state == "superseded"
    assert line.wire.writes == []
    assert line.shown() == {}


def test_a_push_says_what_the_board_refused(line: World) -> None:
    line.add(1)
    line.stage()
    batch = line.approve()
    board = int(line.board.board_id)
    line.strike(Fault("column_deleted", every=1, on="create_item", board=board, column="numeric_price"))
    code, out, _ = batches("push", batch.pk)
    assert code == 3
    assert "0 applied, 1 rejected, 0 held." in out
    assert f"  rejected ST1 RED A1: {line.order(1).reason}" in out
    shown = batches("show", batch.pk)[1]
    assert f"      refused: {line.order(1).reason}"[:80] in shown


def test_an_undo_lists_what_somebody_edited_since(line: World) -> None:
    line.add(1)
    line.sync()
    line.edit(1, numeric_price="99")
    batch = line.batch()
    code, out, _ = batches("undo", batch.pk)
    assert code == 3
    assert "0 orders undone, 1 kept." in out
    assert "  kept ST1 RED A1: Somebody has written into this item" in out
    assert batches("undo", batch.pk, "--force")[0] == 2, "no reason was given"
    assert batches("undo", batch.pk, "--force", "--reason", "the planner agreed")[0] == 0
    assert not line.on_board(1)


def test_only_the_named_orders_are_undone(line: World) -> None:
    line.add(1)
    line.add(2)
    line.sync()
    told = document("undo", line.batch().pk, "--orders", line.order(1).pk)
    assert told["batches"][0]["undone"] == 1
    assert told["batches"][0]["state"] == "partly_undone"
    assert not line.on_board(1)
    assert line.on_board(2)


# --- the right board -----------------------------------------------------------------------------------------------
def test_a_batch_of_another_address_is_not_sent_to_this_one(line: World, settings: Any) -> None:
    line.add(1)
    line.stage()
    batch = line.approve()
    settings.MONDAY_API_URL = "http://127.0.0.1:9/v2"
    code, _, err = batches("push", batch.pk)
    assert code == 2
    assert "the settings name http://127.0.0.1:9/v2; nothing was sent. Remedy: unset MONDAY_API_URL" in err
    assert batches("push", batch.pk, "--mode", "PRODUCTION")[0] == 2
    assert line.state(1) == "approved"


def test_a_board_that_was_reset_is_not_taken_for_the_old_one(line: World, settings: Any, tmp_path: Any) -> None:
    line.add(1)
    line.stage()
    batch = line.approve()
    settings.SANDBOX_STORE = str(tmp_path / "another.sqlite3")
    code, _, err = batches("push", batch.pk)
    assert code == 5
    assert "is another account's board" in err
    assert line.state(1) == "approved"


def test_a_batch_can_be_looked_at_while_its_board_is_away(line: World, settings: Any) -> None:
    line.add(1)
    line.stage()
    settings.MONDAY_API_URL = "http://127.0.0.1:9/v2"
    assert batches("show", line.batch().pk)[0] == 0
    assert batches("hold", line.batch().pk, "--orders", ids(line.batch())[0], "--reason", "wait")[0] == 0


def test_the_published_family_is_the_one_of_the_batch(line: World) -> None:
    line.add(1)
    line.stage()
    assert line.batch().mapping_key == load_family().family.key("HARBOUR")


def test_a_batch_that_waits_tells_what_a_push_of_it_takes(line: World) -> None:
    line.add(1)
    line.stage()
    told = batches("show", line.batch().pk)[1]
    assert "A push: About " in told and "(left today: not known)" in told
    ahead = document("show", line.batch().pk)["forecast"]
    assert ahead["calls"] > 0 and ahead["operations"] > 1 and ahead["share"] is None
    assert ahead["finish"].endswith("+00:00")


def test_a_wait_for_quota_is_said_with_the_time_it_ends() -> None:
    out, err = StringIO(), StringIO()
    console = Console(out, OutputWrapper(err), quiet=False)
    console.waits(0.5)
    assert err.getvalue() == ""
    console.waits(90)
    assert re.search(r"Waiting for monday.com quota - resumes \d\d:\d\d UTC", err.getvalue())


# --- the run's row and its mail -------------------------------------------------------------------------------------
def test_a_push_and_an_undo_stand_in_the_list_of_runs(line: World, settings: Any) -> None:
    settings.NOTIFY_TO = ["planner@example.com"]
    line.add(1)
    line.stage()
    batch = line.batch()
    line.approve(batch)
    assert batches("push", batch.pk)[0] == 0
    assert batches("undo", batch.pk, "--reason", "wrong season")[0] == 0
    push, undo = SyncRun.objects.filter(subject=f"batch:{batch.pk}").order_by("id")
    assert [(run.kind, run.state, run.trigger, run.lease_owner) for run in (push, undo)] == [
        ("push", "completed", "cli", ""),
        ("undo", "completed", "cli", ""),
    ]
    assert push.counts["applied"] == 1 and undo.counts["undone"] == 1 and mail.outbox == []


def test_what_a_push_and_an_undo_call_stands_with_their_runs(line: World) -> None:
    line.add(1)
    line.add(2, CUSTOMER="B'HOOD")
    line.stage()
    ids = sorted(Batch.objects.values_list("pk", flat=True))
    for batch in Batch.objects.order_by("pk"):
        line.approve(batch)
    for action in ("push", "undo"):
        assert batches(action, *ids)[0] == 0
        mine = list(SyncRun.objects.filter(kind=action).order_by("pk"))
        assert len(mine) == 2 and all(run.api["calls"] for run in mine)
        for run in mine:
            calls = ApiCall.objects.filter(correlation=f"run:{run.pk}")
            assert calls.count() == run.api["calls"]
            assert sum(call.operations for call in calls) == run.api["mutations"] > 0
            assert "API call" in " ".join(shown.text for shown in run_log(run).lines)


def test_each_push_of_a_batch_counts_what_it_did_itself(line: World) -> None:
    line.add(1)
    line.add(2)
    line.sync()
    line.edit(1, numeric_price="99")
    line.change(1, PRICE="12")
    line.change(2, PRICE="12")
    line.stage()
    batch = line.approve()
    assert batches("push", batch.pk)[0] == 0
    orders = in_conflict(batch, "numeric_price")
    seen = what_is_seen(orders, "numeric_price")
    rule(batch=batch, orders=orders, field="numeric_price", take="source", seen=seen, actor="ben", now=timezone.now())
    assert batches("push", batch.pk)[0] == 0
    counts = [run.counts for run in SyncRun.objects.filter(subject=f"batch:{batch.pk}").order_by("id")]
    assert [(each["applied"], each["held"], each["rejected"]) for each in counts] == [(1, 1, 0), (1, 0, 0)]


def test_a_push_while_a_job_is_under_way_is_refused_and_what_is_refused_at_once_sends_no_mail(
    line: World, settings: Any
) -> None:
    settings.NOTIFY_TO = ["planner@example.com"]
    line.add(1)
    line.stage()
    batch = line.batch()
    assert batches("push", batch.pk)[0] == 2
    line.approve(batch)
    run = jobs.ask_push(batch, actor="anna", trigger="admin")
    code, _, err = batches("push", batch.pk)
    assert code == 2 and f"Push run {run.pk} of batch {batch.pk} is under way already" in err
    jobs.sweep()
    assert mail.outbox == []


def test_a_push_of_the_command_line_that_fails_sends_one_mail(line: World, settings: Any) -> None:
    settings.NOTIFY_TO = ["planner@example.com"]
    line.add(1)
    line.stage()
    batch = line.batch()
    line.approve(batch)
    line.wire.lose("create_item", times=99, answered=False)
    assert batches("push", batch.pk)[0] in (1, 3)
    line.wire.calm()
    jobs.sweep()
    assert len(mail.outbox) == 1 and f"Push of batch {batch.pk} - HARBOUR" in mail.outbox[0].subject
