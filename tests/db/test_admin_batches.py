"""Batches in the admin: what a person is shown, and that a button does exactly what stood on its confirm page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone

from monday.budgets import SharedBudget, standing
from monday.core.budget import Measure
from monday.sandbox.faults import Fault
from staging import jobs
from staging.batches.lacking import lacks_of
from staging.batches.retry import retry
from staging.core import meaning
from staging.core.lifecycle import BATCH
from staging.models import AuditEvent, Batch, StagedLine, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.pushing.outlook import Missing, load_of
from tests.core.mapping_samples import HARBOUR
from tests.db.admin_line import opened_line, shown, signed_in, staged, work_off
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def page(role: str, address: str) -> str:
    answer = signed_in(role).get(address)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def said(answer: Any) -> list[str]:
    """The messages of the page that an action led to."""
    return [str(message) for message in answer.context["messages"]]


def act(role: str, action: str, **fields: Any) -> Any:
    return signed_in(role).post(f"/staging/batch/act/{action}/", fields, follow=True)


# --- looking --------------------------------------------------------------------------------------------------------
def test_a_batch_shows_what_it_does_every_field_and_every_size(line: World) -> None:
    line.add(1)
    line.sync()
    line.change(1, PRICE="11.25", S=4)
    line.stage()
    text = page("viewer", f"/staging/batch/{line.batch().pk}/change/")
    assert "Updates 1 item (1 quantity changed)." in text
    assert "<del>10.5</del>" in text and "<ins>11.25</ins>" in text
    assert "<del>1</del>" in text and "<ins>4</ins>" in text


def test_calls_and_time_of_a_push_are_told_before_it_is_approved(line: World) -> None:
    batch = staged(line, 1, 2, 3)
    sizes = StagedLine.objects.filter(order__batch=batch).count()
    missing = Missing.of(lacks_of(batch))
    told = f" for {3 + sizes + missing.groups + missing.labelled:,} operations"
    for address in (f"/staging/batch/{batch.pk}/change/", f"/staging/batch/act/approve/?ids={batch.pk}"):
        text = page("approver", address)
        assert "About " in text and told in text and "(left today: not known)" in text
    first = batch.orders.order_by("pk")[0]
    StagedOrder.objects.filter(pk=first.pk).update(state="held")
    assert load_of([batch]).creations == 2
    act("approver", "decline", ids=batch.pk, reason="no")
    assert told not in page("approver", f"/staging/batch/{batch.pk}/change/")


def test_a_run_that_waits_for_quota_says_until_when(line: World) -> None:
    batch = staged(line, 1)
    run = SyncRun.objects.create(
        kind=Kind.PUSH, mode="TEST", state=RunState.RUNNING, board=batch.board, started_at=timezone.now(), scope={}
    )
    live = f"/staging/syncrun/{run.pk}/live/"
    assert "Waiting for monday.com quota" not in page("viewer", live)
    budget = SharedBudget(address=batch.board.address)
    budget.belongs_to(batch.board.account_id)
    budget.learn(Measure(0, 0.0, refused_for=600.0), 0)
    until = standing(batch.board.address, batch.board.account_id).waiting_until
    assert until is not None
    assert f"Waiting for monday.com quota - resumes {until:%H:%M} UTC" in page("viewer", live)


def test_an_order_of_ten_thousand_is_shown_page_by_page(line: World, django_assert_max_num_queries: Any) -> None:
    batch = staged(line, *range(1, 121))
    client = signed_in("viewer")
    with django_assert_max_num_queries(45):
        first = client.get(f"/staging/batch/{batch.pk}/change/")
    second = client.get(f"/staging/batch/{batch.pk}/change/?after={first.context['pages'].more}")
    third = client.get(f"/staging/batch/{batch.pk}/change/?after={second.context['pages'].more}")
    seen = [[order.id for order, *_ in answer.context["orders"]] for answer in (first, second, third)]
    assert [len(part) for part in seen] == [50, 50, 20] and third.context["pages"].more is None
    assert len({pk for part in seen for pk in part}) == 120


def test_a_list_of_batches_asks_no_question_per_batch(line: World, django_assert_max_num_queries: Any) -> None:
    for number, customer in enumerate(["HARBOUR", "B'HOOD", "WHITE|FOX", "云杉服饰"], 1):
        line.add(number, CUSTOMER=customer)
    line.stage()
    client = signed_in("viewer")
    with django_assert_max_num_queries(19):
        text = client.get("/staging/batch/").content.decode()
    assert all(name in text for name in ("HARBOUR", "B&#x27;HOOD", "WHITE|FOX", "云杉服饰"))


def test_there_is_a_button_for_each_action_of_the_lifecycle_with_the_reason_where_it_is_grey(line: World) -> None:
    batch = staged(line)
    buttons = signed_in("approver").get(f"/staging/batch/{batch.pk}/change/").context["buttons"]
    people = [action for action, move in BATCH.items() if move.by == "person"]
    assert [button.action for button in buttons] == people
    why = {button.action: button.why_not for button in buttons}
    assert (why["approve"], why["decline"]) == ("", "")
    assert why["withdraw"] == "One cannot withdraw what waits for approval; it must be approved."
    assert (
        why["push"].endswith("it must be approved, failed, in need of attention, partly undone or paused.")
        and "waits for approval" in why["push"]
    )
    for button in signed_in("viewer").get(f"/staging/batch/{batch.pk}/change/").context["buttons"]:
        assert button.why_not == f"Your role may not {button.action} batches. Remedy: ask somebody with the right to."


def test_a_viewer_finds_no_action_in_the_list(line: World) -> None:
    staged(line)
    assert 'name="action"' not in page("viewer", "/staging/batch/")
    assert "Approve ..." in page("approver", "/staging/batch/")
    assert "Approve ..." not in page("operator", "/staging/batch/")


@pytest.mark.parametrize(
    "address", ["/staging/batch/99/change/", "/staging/batch/x/change/", "/staging/batch/act/fly/?ids=1"]
)
def test_what_is_not_there_is_said_to_be_not_there(line: World, address: str) -> None:
    assert signed_in("administrator").get(address).status_code in (403, 404)


# --- approving ------------------------------------------------------------------------------------------------------
def test_an_approval_goes_out_and_its_person_is_on_record(line: World) -> None:
    batch = staged(line)
    client = signed_in("approver")
    answer = client.post("/staging/batch/act/approve/", shown(client, batch) | {"push_after": "on", "reason": "ok"})
    push = SyncRun.objects.get(kind=Kind.PUSH)
    assert answer.headers["Location"] == f"/staging/syncrun/{push.pk}/change/"
    work_off()
    batch.refresh_from_db()
    assert (batch.state, batch.approved_by, batch.note) == ("pushed", "approver", "ok")
    assert AuditEvent.objects.filter(action="batch.approve", actor="approver", reason="ok").exists()
    assert len(line.shown()) == 3


def test_an_approval_without_the_push_waits_for_one(line: World) -> None:
    batch = staged(line)
    client = signed_in("approver")
    client.post("/staging/batch/act/approve/", shown(client, batch))
    batch.refresh_from_db()
    assert batch.state == "approved" and not SyncRun.objects.filter(kind=Kind.PUSH).exists()
    act("operator", "push", ids=batch.pk)
    assert SyncRun.objects.get(kind=Kind.PUSH).actor == "operator"


def test_a_page_that_shows_something_else_by_now_approves_nothing(line: World) -> None:
    batch = staged(line)
    client = signed_in("approver")
    fields = shown(client, batch)
    line.change(2, PRICE="99")
    line.stage()
    answer = client.post("/staging/batch/act/approve/", fields, follow=True)
    assert said(answer) == [f"Batch {batch.pk} has changed since the page was shown. Remedy: look at it again."]
    batch.refresh_from_db()
    assert batch.state == "open"
    bare = client.post("/staging/batch/act/approve/", {"ids": batch.pk, "removals": "1"}, follow=True)
    assert "has changed since" in said(bare)[0]


def test_only_the_ticked_orders_go_out_and_the_rest_is_held_in_a_batch_of_its_own(line: World) -> None:
    batch = staged(line)
    ticked = batch.orders.order_by("id").first()
    assert ticked is not None
    client = signed_in("approver")
    client.post("/staging/batch/act/approve/", shown(client, batch) | {"orders": ticked.pk, "push_after": "on"})
    work_off()
    assert [order.state for order in batch.orders.all()] == ["applied"]
    rest = Batch.objects.latest("id")
    assert [order.state for order in rest.orders.all()] == ["held", "held"] and len(line.shown()) == 1


def test_removals_go_out_only_with_their_own_tick(line: World) -> None:
    for number in range(1, 31):
        line.add(number)
    line.sync()
    line.change(1, PRICE="12")
    line.drop(2)
    line.stage()
    batch = line.batch()
    client = signed_in("approver")
    text = client.get("/staging/batch/act/approve/", {"ids": batch.pk}).content.decode()
    assert "Also take 1 order off the board" in text
    fields = shown(client, batch) | {"push_after": "on"}
    fields.pop("removals")
    client.post("/staging/batch/act/approve/", fields)
    work_off()
    assert (line.state(1), line.state(2)) == ("applied", "held")


def test_a_mapping_published_since_refuses_the_approval(line: World) -> None:
    batch = staged(line)
    client = signed_in("approver")
    fields = shown(client, batch)
    line.publish(HARBOUR + "\n# a remark\ncolumns: {PRICE: {to: numeric_price, as: decimal, required: true}}\n")
    answer = client.post("/staging/batch/act/approve/", fields, follow=True)
    assert "its mapping was changed since" in said(answer)[0]


OUT_OF_DATE = "its mapping was changed since. Remedy: run the sync again, then approve."


def test_a_batch_whose_mapping_was_changed_since_is_offered_for_no_approval(line: World) -> None:
    batch = staged(line)
    client, address = signed_in("approver"), f"/staging/batch/{batch.pk}/change/"
    assert "Out of date" not in client.get(address).content.decode()
    line.publish(HARBOUR.replace("aliases: [", "aliases: [HARBOUR SPELT ANEW, "))
    answer = client.get(address)
    text = answer.content.decode()
    why = {button.action: button.why_not for button in answer.context["buttons"]}
    assert (why["approve"], why["decline"]) == (f"It is out of date: {OUT_OF_DATE}", "")
    assert f"<strong>Out of date</strong> - {OUT_OF_DATE}" in text
    assert "approve or decline" not in text and "Run the sync again" in text
    confirm = client.get("/staging/batch/act/approve/", {"ids": batch.pk})
    assert confirm.context["possible"] == []
    assert f"Left out: It is out of date: {OUT_OF_DATE}" in confirm.content.decode()
    line.stage()
    assert [button.why_not for button in client.get(address).context["buttons"] if button.action == "approve"] == [""]


def test_removals_alone_are_approved_whatever_the_mapping_is_by_now(line: World) -> None:
    for number in range(1, 31):
        line.add(number)
    line.sync()
    line.drop(1)
    line.change(2, PRICE="12")
    line.stage()
    batch = line.batch()
    line.publish(HARBOUR.replace("aliases: [", "aliases: [HARBOUR SPELT ANEW, "))
    gone, changed = line.order(1).pk, line.order(2).pk
    client, confirm = signed_in("approver"), "/staging/batch/act/approve/"
    assert client.get(confirm, {"ids": batch.pk, "orders": [gone, changed]}).context["possible"] == []
    row, *_ = client.get(confirm, {"ids": batch.pk, "orders": gone}).context["possible"]
    fields = {"ids": batch.pk, "orders": gone, "removals": "1", f"shown-{batch.pk}": row["shown"]}
    assert "1 order approved" in said(client.post(confirm, fields, follow=True))[0]


# --- several at once ------------------------------------------------------------------------------------------------
def test_two_batches_are_approved_and_pushed_by_one_list_action(line: World) -> None:
    line.add(1)
    line.add(2, CUSTOMER="B'HOOD")
    line.stage()
    ids = list(Batch.objects.values_list("pk", flat=True))
    client = signed_in("approver")
    there = client.post("/staging/batch/", {"action": "approve", "_selected_action": ids, "index": "0"})
    assert there.headers["Location"] == f"/staging/batch/act/approve/?ids={ids[0]},{ids[1]}"
    confirm = client.get(there.headers["Location"])
    assert "Approve: 2 batches" in confirm.content.decode()
    fields: dict[str, Any] = {"ids": ids, "removals": "1", "push_after": "on"}
    fields |= {f"shown-{row['batch'].pk}": row["shown"] for row in confirm.context["possible"]}
    client.post("/staging/batch/act/approve/", fields)
    work_off()
    assert [batch.state for batch in Batch.objects.all()] == ["pushed", "pushed"]


def test_one_batch_that_cannot_be_decided_does_not_stop_the_others(line: World) -> None:
    line.add(1)
    line.add(2, CUSTOMER="B'HOOD")
    line.stage()
    first, second = Batch.objects.order_by("pk")
    line.approve(first)
    client = signed_in("approver")
    confirm = client.get("/staging/batch/act/decline/", {"ids": f"{first.pk},{second.pk}"})
    assert "Left out:" in confirm.content.decode() and len(confirm.context["possible"]) == 1
    answer = act("approver", "decline", ids=[first.pk, second.pk], reason="wrong")
    assert len(said(answer)) == 2
    assert [batch.state for batch in Batch.objects.order_by("pk")] == ["approved", "declined"]


# --- the other buttons ----------------------------------------------------------------------------------------------
def test_an_undo_puts_back_what_was_written(line: World) -> None:
    batch = staged(line)
    line.approve(batch)
    line.push(batch)
    assert len(line.shown()) == 3
    answer = signed_in("approver").post("/staging/batch/act/undo/", {"ids": batch.pk, "reason": "wrong season"})
    run = SyncRun.objects.get(kind=Kind.UNDO)
    assert answer.headers["Location"] == f"/staging/syncrun/{run.pk}/change/"
    work_off()
    batch.refresh_from_db()
    assert batch.state == "undone" and not line.shown()
    assert AuditEvent.objects.filter(action="batch.undo", reason="wrong season", actor="approver").exists()


def test_what_was_edited_since_is_kept_and_listed_on_the_run(line: World) -> None:
    line.add(1)
    line.sync()
    line.change(1, PRICE="12")
    line.sync()
    line.edit(1, numeric_price="77")
    signed_in("approver").post("/staging/batch/act/undo/", {"ids": line.batch().pk})
    work_off()
    run = SyncRun.objects.get(kind=Kind.UNDO)
    assert run.state == RunState.WITH_ERRORS and run.counts == {"undone": 0, "kept": 1}
    assert run.notes[0] in page("viewer", f"/staging/syncrun/{run.pk}/change/").replace("&#x27;", "'")


def test_declining_needs_a_reason_and_withdrawing_takes_an_approval_back(line: World) -> None:
    batch = staged(line)
    assert said(act("approver", "decline", ids=batch.pk, reason=" ")) == [
        "Decline needs a reason. Remedy: say why in a few words."
    ]
    line.approve(batch)
    act("approver", "withdraw", ids=batch.pk)
    batch.refresh_from_db()
    assert (batch.state, batch.approved_by) == ("open", "")


def test_orders_are_held_and_released_by_their_ticks(line: World) -> None:
    batch = staged(line)
    first = batch.orders.order_by("id").first()
    assert first is not None
    assert said(act("operator", "hold", ids=batch.pk)) == ["Nothing is ticked. Remedy: tick orders first."]
    act("operator", "hold", ids=batch.pk, orders=first.pk, reason="ask the buyer")
    first.refresh_from_db()
    assert (first.state, first.reason) == ("held", "ask the buyer")
    act("operator", "release", ids=batch.pk, orders=first.pk)
    first.refresh_from_db()
    assert first.state == "staged"


def test_a_push_that_would_send_nothing_is_refused_as_its_button_says(line: World) -> None:
    batch = staged(line, 1, 2)
    line.approve(batch)
    StagedOrder.objects.filter(batch=batch).update(state="held")
    buttons = signed_in("operator").get(f"/staging/batch/{batch.pk}/change/").context["buttons"]
    (why,) = [button.why_not for button in buttons if button.action == "push"]
    assert why == "Nothing in it is approved and unsent."
    assert said(act("operator", "push", ids=batch.pk)) == [f"Batch {batch.pk}: {why}"]
    assert not SyncRun.objects.filter(kind=Kind.PUSH).exists()


def test_a_button_pressed_twice_starts_one_push(line: World) -> None:
    batch = staged(line)
    line.approve(batch)
    act("operator", "push", ids=batch.pk)
    assert "is under way already" in said(act("operator", "push", ids=batch.pk))[0]
    assert SyncRun.objects.filter(kind=Kind.PUSH).count() == 1
    assert "Waiting for a worker" in page("viewer", f"/staging/batch/{batch.pk}/change/")


# --- rejected -------------------------------------------------------------------------------------------------------
def rejected(line: World, *numbers: int) -> Batch:
    batch = staged(line, *numbers)
    problem = {"code": "ColumnValueException", "message": "no such label", "remedy": "Add it.", "owner": "board"}
    StagedOrder.objects.filter(batch=batch).update(state="rejected", problem=problem, ticked=True)
    Batch.objects.filter(pk=batch.pk).update(state="needs_attention")
    return batch


def test_the_rejected_queue_groups_by_reason_and_says_what_to_do(line: World) -> None:
    rejected(line, 1, 2)
    text = page("viewer", "/rejected/")
    assert "ColumnValueException" in text and "no such label" in text and "Add it." in text
    assert "Retry ..." not in text and "Retry ..." in page("operator", "/rejected/")


def test_ticked_orders_alone_are_retried_and_a_customers_alone_are_shown(line: World) -> None:
    batch = rejected(line, 1, 2)
    ticked, other = batch.orders.order_by("id")
    client = signed_in("operator")
    assert ticked.label in page("operator", "/rejected/?customer=HARBOUR")
    assert ticked.label not in page("operator", "/rejected/?customer=NOBODY")
    query = f"?code=ColumnValueException&customer=HARBOUR&order={ticked.pk}"
    assert f'name="order" value="{ticked.pk}"' in client.get(f"/rejected/retry/{query}").content.decode()
    client.post("/rejected/retry/", {"code": "ColumnValueException", "customer": "HARBOUR", "order": [ticked.pk]})
    assert [StagedOrder.objects.get(pk=one.pk).state for one in (ticked, other)] == ["approved", "rejected"]


def test_retrying_a_group_sends_it_again_and_giving_up_needs_a_reason(line: World) -> None:
    batch = rejected(line, 1, 2)
    client = signed_in("operator")
    assert client.get("/rejected/retry/?code=ColumnValueException").status_code == 200
    refused = client.post("/rejected/give_up/", {"code": "ColumnValueException"}, follow=True)
    assert said(refused) == ["Give up needs a reason. Remedy: say why in a few words."]
    client.post("/rejected/retry/", {"code": "ColumnValueException"})
    assert [order.state for order in batch.orders.all()] == ["approved", "approved"]
    assert SyncRun.objects.filter(kind=Kind.PUSH, subject=f"batch:{batch.pk}").exists()
    nothing = client.post("/rejected/retry/", {"code": "ColumnValueException"}, follow=True)
    assert said(nothing)[-1] == "Nothing is rejected for that reason any more."


def test_what_was_refused_after_the_page_was_shown_is_none_of_what_was_agreed_to(line: World) -> None:
    early, late = rejected(line, 1, 2).orders.order_by("id")
    StagedOrder.objects.filter(pk=early.pk).update(failed_at=timezone.now())
    shown = signed_in("operator").get("/rejected/give_up/?code=ColumnValueException").content.decode()
    agreed = {"code": "ColumnValueException", "reason": "no longer sold", "until": html_value(shown, "until")}
    StagedOrder.objects.filter(pk=late.pk).update(failed_at=timezone.now())
    signed_in("operator").post("/rejected/give_up/", agreed)
    assert [StagedOrder.objects.get(pk=one.pk).state for one in (early, late)] == ["given_up", "rejected"]


@pytest.mark.parametrize("ticked", ["x", "9" * 5000, "\u0663"])
def test_a_tick_that_names_no_order_is_none_for_all(line: World, ticked: str) -> None:
    batch = rejected(line, 1, 2)
    answer = signed_in("operator").post(
        "/rejected/retry/", {"code": "ColumnValueException", "order": ticked}, follow=True
    )
    assert said(answer) == ["Nothing is rejected for that reason any more."]
    assert {order.state for order in batch.orders.all()} == {"rejected"}


def html_value(text: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]+)"', text)
    assert found
    return found[1]


# --- the rest of an order's life ------------------------------------------------------------------------------------
def test_an_orders_page_shows_its_whole_life(line: World) -> None:
    line.add(1)
    line.sync()
    line.change(1, PRICE="12")
    line.sync()
    order = line.order(1)
    text = page("viewer", f"/staging/stagedorder/{order.pk}/change/")
    assert all(f">batch {batch}</a>" in text for batch in Batch.objects.values_list("pk", flat=True))
    assert "create_item" in text and "change_item" in text and line.item(1).id in text


def test_an_export_holds_the_filtered_list_and_runs_no_formula(line: World) -> None:
    batch = staged(line, 1, STYLE='=HYPERLINK("http://x")')
    client = signed_in("viewer")
    csv = client.get("/staging/stagedorder/export/?format=csv")
    assert csv.headers["Content-Type"] == "text/csv" and "attachment" in csv.headers["Content-Disposition"]
    lines = csv.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("id,batch,customer,record") and len(lines) == 2
    assert "'=HYPERLINK" in lines[1] and ",=HYPERLINK" not in lines[1]
    assert len(client.get("/staging/stagedorder/export/?format=csv&state__exact=applied").content.splitlines()) == 1
    assert client.get(f"/staging/batch/export/?format=xlsx&q={batch.pk}").content[:2] == b"PK"
    unknown = client.get("/staging/batch/export/?format=exe")
    assert unknown.status_code == 400 and "There is no such export. Remedy: ask for csv" in unknown.content.decode()


def test_what_did_not_end_well_stands_below_until_it_is_settled(line: World) -> None:
    """Of a sync and of its push: what was refused is retried, and goes out."""
    line.add(1)
    line.strike(Fault("field_limit", every=1, on="create_item", alias=0, retry_after=1.0))
    sync = line.sync().run
    push = SyncRun.objects.create(
        kind=Kind.PUSH, mode="TEST", state=RunState.WITH_ERRORS, board=line.board, scope={"batch": line.batch().pk},
        started_at=timezone.now(),
    )  # fmt: skip

    def means() -> set[str]:
        return {signed_in("viewer").get(f"/staging/syncrun/{run.pk}/change/").context["means"] for run in (sync, push)}

    assert line.state(1) == "rejected" and means() == {meaning.RUN["with_errors"]}
    line.strike()
    retry(batch=line.batch(), orders=None, actor="ben", now=line.clock.now())
    assert means() == {meaning.RUN["with_errors"]}
    line.push()
    assert line.state(1) == "applied" and means() == {meaning.RUN_SETTLED}


def test_a_release_of_nothing_is_a_warning_that_says_why(line: World) -> None:
    batch = staged(line, 1, 2)
    ids = list(batch.orders.values_list("pk", flat=True))
    for action, says in (("release", "none of the ticked ones is held"), ("hold", "none of the ticked ones waits")):
        told = list(act("operator", action, ids=batch.pk, orders=ids, reason="x").context["messages"])
        assert (told[0].level_tag, len(told)) == (("warning", 1) if action == "release" else ("success", 1))
        if action == "hold":
            told = list(act("operator", action, ids=batch.pk, orders=ids, reason="x").context["messages"])
            assert told[0].level_tag == "warning"
        assert says in str(told[0]) and "0 orders" not in str(told[0])


def test_when_the_board_was_checked_is_said_in_utc(line: World) -> None:
    batch = staged(line, 1)
    assert re.search(r"board checked <time[^>]*>\d\d:\d\d UTC \(", page("viewer", f"/staging/batch/{batch.pk}/change/"))


def test_the_page_of_a_run_counts_what_was_pushed_since(line: World) -> None:
    line.add(1)
    run = jobs.ask_sync(mode="TEST", actor="anna", trigger="admin", scope={"by_person": True})
    work_off()
    client = signed_in("approver")
    client.post("/staging/batch/act/approve/", shown(client, line.batch()) | {"push_after": "on"})
    work_off()
    sums = client.get(f"/staging/syncrun/{run.pk}/change/").context["picture"].sums
    assert sums[2:] == [("staged", 1, [("applied", 1)]), ("applied", 1, [("created", 1)])]
