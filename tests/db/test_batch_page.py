"""Within one batch: finding orders, ticks that no page and no filter loses, and what validation says."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from mapping.core.problems import Problem
from mapping.published import NoMapping
from staging.batches.decide import release
from staging.batches.lacking import lacks_of
from staging.batches.narrow import Narrowing, matching, messages
from staging.core import meaning
from staging.core.lifecycle import COUNTED, SHOWN, BatchState, OrderState
from staging.models import AuditEvent, Batch, StagedOrder, Term
from staging.models.run import RunState
from staging.pushing.outlook import Missing
from tests.db.admin_line import opened_line, signed_in, staged, work_off
from tests.db.test_admin_batches import act, page, said
from tests.memory_source import uuid
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def numbers(answer: Any, part: str = "orders") -> list[int]:
    """The orders that a batch's page shows, by the world's numbers."""
    return sorted(_number(order) for order, *_ in answer.context[part])


def _number(order: Any) -> int:
    return int(order.label.rpartition(" A")[2])


def look(role: str, batch: Batch, query: str = "") -> Any:
    answer = signed_in(role).get(f"/staging/batch/{batch.pk}/change/?{query}")
    assert answer.status_code == 200
    return answer


def pk(batch: Batch, number: int) -> int:
    return int(batch.orders.get(record=uuid(number)).pk)


def changed(line: World) -> Batch:
    """A batch that creates, updates and removes."""
    for number in range(1, 31):
        line.add(number)
    line.sync()
    line.change(1, PRICE="12")
    line.change(2, S=9)
    line.change(3, PRICE="13", S=8)
    line.drop(4)
    line.add(41, STYLE="TOTE")
    line.stage()
    return line.batch()


# --- finding ----------------------------------------------------------------------------------------------------------
def test_orders_are_found_by_their_words_kind_state_and_the_field_that_changes(line: World) -> None:
    batch = changed(line)
    Term.objects.create(board=batch.board, record=uuid(41), text="po-4711")
    ways = {
        "": [1, 2, 3, 41],
        "q=a41": [41],
        "q=PO-47": [41],
        "q=tote+a41": [41],
        "q=tote+a2": [],
        "kind=update": [1, 2, 3],
        "kind=create": [41],
        "field=numeric_price": [1, 3, 41],
        "field=size%3A": [2, 3, 41],
        "field=size%3A&kind=update": [2, 3],
        "part=held": [],
        "part=pending": [1, 2, 3, 41],
        "part=nonsense&kind=nonsense": [1, 2, 3, 41],
    }
    assert {query: numbers(look("viewer", batch, query)) for query in ways} == ways
    assert numbers(look("viewer", batch), "removals") == [4]
    assert numbers(look("viewer", batch, "kind=update"), "removals") == []
    assert "No order of this batch is like that now." in look("viewer", batch, "q=nobody").content.decode()
    assert (pk(batch, 1), "update") in matching(batch, Narrowing(text=uuid(1).upper()))


def test_every_field_of_a_diff_is_found_by_that_field(line: World) -> None:
    batch = changed(line)
    for order, *_ in look("viewer", batch).context["orders"]:
        moving = {field.field for field in order.fields}
        moving |= {f"size:{size.size}" for size in order.sizes if size.before != size.after}
        still = {f"size:{size.size}" for size in order.sizes} - moving
        for field in moving | still:
            found = (order.id, order.operation) in matching(batch, Narrowing(field=field))
            assert found == (field in moving), field
    offered = {name for name, _ in look("viewer", batch).context["fields"]}
    assert {"numeric_price", "name", "group", "size:"} <= offered


def test_what_was_undone_stands_under_undone_and_what_stands_under_applied(line: World) -> None:
    assert sorted(state for states in SHOWN.values() for state in states) == sorted(OrderState)
    assert set(SHOWN) - set(COUNTED) == {"undone"}
    batch = staged(line)
    line.approve(batch)
    line.push(batch)
    StagedOrder.objects.filter(pk=pk(batch, 1)).update(state="undone")
    tabs = {tab["label"]: tab["number"] for tab in look("viewer", batch).context["tabs"]}
    assert tabs == {"All": 3, "Applied": 2, "Undone or kept": 1}
    assert numbers(look("viewer", batch, "part=undone")) == [1]


def test_validation_is_grouped_by_message_and_leads_to_its_orders(line: World) -> None:
    batch = staged(line, 1, 2, 3)
    StagedOrder.objects.filter(pk__in=[pk(batch, 1), pk(batch, 3)]).update(
        warnings=[{"column": "DUE", "value": "soon", "reason": "is no date"}]
    )
    act("operator", "hold", ids=batch.pk, orders=pk(batch, 2), reason="ask the buyer")
    found = {one.text: (one.kind, one.number) for one in messages(batch)}
    assert found == {"ask the buyer": ("Held", 1), "DUE: is no date": ("Cell left out", 2)}
    answer = look("viewer", batch)
    assert "ask the buyer" in answer.content.decode() and "DUE: is no date" in answer.content.decode()
    keys = {one.text: one.key for one in answer.context["messages_said"]}
    assert numbers(look("viewer", batch, f"message={keys['DUE: is no date']}")) == [1, 3]
    assert numbers(look("viewer", batch, f"message={keys['ask the buyer']}")) == [2]
    assert numbers(look("viewer", batch, "message=000000000000")) == []


# --- ticks ------------------------------------------------------------------------------------------------------------
def tick(client: Any, batch: Batch, **fields: Any) -> Any:
    return client.post(f"/staging/batch/{batch.pk}/ticks/", fields)


def ticks(client: Any, batch: Batch) -> list[int]:
    """The world's numbers of what is ticked, as the pages show it."""
    found, after = [], 0
    while after is not None:
        answer = client.get(f"/staging/batch/{batch.pk}/change/?after={after}")
        found += [_number(order) for order, _, _, is_ticked in answer.context["orders"] if is_ticked]
        after = answer.context["pages"].more
    assert f"<strong>{len(found)}</strong> of" in answer.content.decode()
    return sorted(found)


def test_validation_says_what_the_board_would_not_take_and_where_no_mapping_is_published(
    line: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = changed(line)
    problem = Problem(0, 0, "columns.PRICE", "the board has no column 'price'", "Name another one.")
    monkeypatch.setattr("staging.admin.batch_page.batch_problems", lambda *_: [problem])
    sentence = (
        "keeps it from being approved:</strong> columns.PRICE: the board has no column 'price' - Name another one."
    )
    assert sentence in unescape(look("approver", batch).content.decode())

    def none(*_: object) -> None:
        raise NoMapping("No board document is published. Remedy: publish one.")

    monkeypatch.setattr("staging.admin.batch_page.load_family", none)
    sentence = "keeps it from being approved:</strong> No board document is published. Remedy: publish one."
    assert sentence in unescape(look("approver", batch).content.decode())


def test_ticks_outlive_pages_filters_and_sessions_of_others(line: World) -> None:
    batch = staged(line, *range(1, 61))
    client = signed_in("approver")
    every = list(batch.orders.order_by("pk"))
    here, names = [order.pk for order in every[:50]], [_number(order) for order in every]
    onwards = tick(client, batch, row=here, orders=here[:2], after=here[-1])
    assert onwards.headers["Location"] == f"/staging/batch/{batch.pk}/change/?after={here[-1]}#orders"
    tick(client, batch, row=[every[50].pk, every[51].pk], orders=[every[51].pk])
    wanted = sorted([*names[:2], names[51]])
    assert ticks(client, batch) == wanted
    narrowed = tick(client, batch, q="P7", kind="create", row=[every[9].pk])
    assert narrowed.headers["Location"] == f"/staging/batch/{batch.pk}/change/?q=P7&kind=create#orders"
    assert ticks(client, batch) == wanted
    tick(client, batch, row=here[:1])
    assert ticks(client, batch) == sorted([names[1], names[51]])
    assert ticks(signed_in("administrator"), batch) == []


def test_pages_say_where_they_stand_and_lead_back_and_on(line: World) -> None:
    batch = staged(line, *range(1, 121))
    every = list(batch.orders.order_by("pk").values_list("pk", flat=True))

    def stands(query: str) -> tuple[str, list[str]]:
        text = look("approver", batch, query).content.decode()
        nav = text.partition('<nav class="pages"')[2].partition("</nav>")[0]
        place = re.search(r'<span class="quiet">([^<]*)</span>', nav)
        assert place
        return place[1], re.findall(r'name="after" value="(\d+)"', nav)

    last = ("101-120 of 120", ["0", str(every[49])])
    assert stands("") == ("1-50 of 120", [str(every[49])])
    assert stands(f"after={every[49]}") == ("51-100 of 120", ["0", "0", str(every[99])])
    assert stands(f"after={every[99]}") == last
    assert stands(f"after={every[119]}") == last
    client = signed_in("approver")
    back = tick(client, batch, row=every[100:], orders=every[100:102], after=every[49])
    assert back.headers["Location"] == f"/staging/batch/{batch.pk}/change/?after={every[49]}#orders"
    assert len(ticks(client, batch)) == 2


def test_paging_one_of_the_two_lists_leaves_the_other_where_it_stands(
    line: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staging.admin.batch_page.PAGE", 2)
    for number in range(1, 31):
        line.add(number)
    line.sync()
    for number in range(1, 4):
        line.change(number, PRICE="12")
        line.drop(10 + number)
    line.stage()
    batch = line.batch()
    place = f"/staging/batch/{batch.pk}/change/"
    first = look("approver", batch)
    stay, leave = first.context["pages"].more, first.context["pages_removed"].more
    second = look("approver", batch, f"removed={leave}")
    at = dict(re.findall(r'<input type="hidden" name="(at_\w+)" value="(\d+)"', second.content.decode()))
    assert at == {"at_after": "0", "at_removed": str(leave)}
    client = signed_in("approver")
    for pressed, query, part in (
        ({"after": stay}, f"after={stay}&removed={leave}", "orders"),
        ({"removed": 0}, "", "removals"),
        ({"do": "tick"}, f"removed={leave}", "orders"),
        ({"kind": "remove"}, "kind=remove", "orders"),
    ):
        assert tick(client, batch, **at, **pressed).headers["Location"] == f"{place}?{query}#{part}"
    both = look("viewer", batch, f"at_after=0&at_removed={leave}&after={stay}")
    assert (both.context["pages"].first, both.context["pages_removed"].first) == (3, 3)
    assert look("viewer", batch, f"at_after={stay}&at_removed={leave}&kind=remove").context["pages_removed"].first == 1


def test_a_viewers_pages_stay_at_the_orders(line: World) -> None:
    text = look("viewer", staged(line)).content.decode()
    assert '<form id="orders" method="get" action="#orders">' in text


def test_all_but_a_few_and_all_that_a_filter_finds_are_ticked_at_once(line: World) -> None:
    batch = staged(line, *range(1, 61))
    client = signed_in("approver")
    tick(client, batch, do="tick", q="A1")
    assert ticks(client, batch) == [1, *range(10, 20)]
    tick(client, batch, do="untick", q="A12")
    assert ticks(client, batch) == [1, 10, 11, *range(13, 20)]
    tick(client, batch, do="tick", row=[pk(batch, 1)])
    assert ticks(client, batch) == list(range(1, 61))
    tick(client, batch, row=[pk(batch, 5), pk(batch, 6)], orders=[pk(batch, 6)])
    assert len(ticks(client, batch)) == 59
    tick(client, batch, do="none")
    assert ticks(client, batch) == []


def test_a_script_gets_the_bar_that_counts_the_ticks(line: World) -> None:
    batch = staged(line)
    client, first = signed_in("approver"), pk(batch, 1)
    send = {"row": [first, pk(batch, 2)], "orders": [first]}
    answer = client.post(f"/staging/batch/{batch.pk}/ticks/", send, headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert "<strong>1</strong> of 3 orders ticked" in text and "<html" not in text
    assert "Approve only these" in text and "disabled" not in text


def test_orders_of_another_batch_cannot_be_ticked(line: World) -> None:
    line.add(9, CUSTOMER="B'HOOD")
    line.stage()
    other = StagedOrder.objects.get()
    batch = staged(line)
    client = signed_in("approver")
    tick(client, batch, row=[other.pk], orders=[other.pk, "x", "9" * 30])
    assert ticks(client, batch) == []


def test_the_confirm_page_says_how_many_of_how_many_go_and_exactly_these_do(line: World) -> None:
    batch = staged(line, *range(1, 61))
    client = signed_in("approver")
    tick(client, batch, do="tick")
    tick(client, batch, row=[pk(batch, 5), pk(batch, 6)], orders=[])
    there = tick(client, batch, do="approve").headers["Location"]
    assert there == f"/staging/batch/act/approve/?ids={batch.pk}&ticked=1"
    confirm = client.get(there)
    text = confirm.content.decode()
    assert "58 of 60 orders go out. 2 are not ticked: held, in a batch of their own." in text
    missing = Missing.of(lacks_of(batch))
    assert f"for {58 * 3 + missing.groups + missing.labelled:,} operations" in text
    fields = {"ids": batch.pk, "ticked": confirm.context["ticked"], "removals": "1", "push_after": "on"}
    fields |= {f"shown-{batch.pk}": confirm.context["possible"][0]["shown"]}
    tick(client, batch, row=[pk(batch, 7)], orders=[])
    refused = client.post("/staging/batch/act/approve/", fields, follow=True)
    assert said(refused) == ["What is ticked has changed since the page was shown. Remedy: look at it again."]
    tick(client, batch, row=[pk(batch, 7)], orders=[pk(batch, 7)])
    approved = client.post("/staging/batch/act/approve/", fields, follow=True)
    work_off()
    assert batch.orders.filter(state="applied").count() == 58
    rest = Batch.objects.latest("id")
    held = f"The others wait, held, in batch {rest.pk}."
    assert said(approved) == [f"Batch {batch.pk}: 58 orders approved. {held} The push is on its way."]
    assert {order.state for order in rest.orders.all()} == {"held"} and rest.orders.count() == 2
    assert ticks(client, batch) == []


def test_what_leaves_the_board_and_what_cannot_be_approved_is_told_apart_from_what_goes(line: World) -> None:
    batch = changed(line)
    act("operator", "hold", ids=batch.pk, orders=pk(batch, 1), reason="later")
    client = signed_in("approver")
    tick(client, batch, do="tick")
    text = client.get(f"/staging/batch/act/approve/?ids={batch.pk}&ticked=1").content.decode()
    assert "4 of 4 orders go out. 1 of these take something off the board, and go with the tick below alone." in text
    assert "1 ticked order cannot be approved now and stays so." in text


def removals(line: World) -> Batch:
    """A batch with six removals and two updates."""
    for number in range(1, 61):
        line.add(number)
    line.sync()
    for number in range(1, 7):
        line.drop(number)
    line.change(7, PRICE="12")
    line.change(8, S=0)
    line.stage()
    batch = line.batch()
    release(batch=batch, orders=list(batch.orders.values_list("pk", flat=True)), actor="ben", now=line.clock.now())
    return batch


def test_the_confirm_page_asks_for_the_removals_that_are_ticked_and_for_no_others(line: World) -> None:
    batch = removals(line)
    client = signed_in("approver")
    plain = client.get(f"/staging/batch/act/approve/?ids={batch.pk}").content.decode()
    assert "Also take 6 orders and sizes of 1 order off the board." in plain
    tick(client, batch, orders=[pk(batch, 1), pk(batch, 2)], row=[pk(batch, 1), pk(batch, 2)])
    ticked = f"/staging/batch/act/approve/?ids={batch.pk}&ticked=1"
    text = client.get(ticked).content.decode()
    assert "2 of 8 orders go out." in text and "Also take 2 orders off the board." in text
    tick(client, batch, do="none")
    tick(client, batch, orders=[pk(batch, 7)], row=[pk(batch, 7)])
    assert "off the board. Without" not in client.get(ticked).content.decode()


def test_a_batch_that_is_left_out_asks_for_none_of_its_removals(line: World) -> None:
    batch = removals(line)
    line.add(99, CUSTOMER="B'HOOD")
    line.stage()
    other = line.batch()
    Batch.objects.filter(pk=batch.pk).update(state="declined")
    answer = signed_in("approver").get(f"/staging/batch/act/approve/?ids={batch.pk},{other.pk}")
    assert "Left out:" in answer.content.decode() and answer.context["removals"] == ""


def test_removals_alone_without_their_tick_leave_the_page_as_it_was_filled_in(line: World) -> None:
    batch = removals(line)
    client = signed_in("approver")
    tick(client, batch, orders=[pk(batch, 1), pk(batch, 2)], row=[pk(batch, 1), pk(batch, 2)])
    confirm = client.get(f"/staging/batch/act/approve/?ids={batch.pk}&ticked=1")
    fields = {"ids": batch.pk, "ticked": confirm.context["ticked"], "reason": "gone <for> good"}
    fields |= {f"shown-{batch.pk}": confirm.context["possible"][0]["shown"]}
    answer = client.post("/staging/batch/act/approve/", fields)
    text = answer.content.decode()
    assert said(answer) == [
        f"Batch {batch.pk}: all that would go out takes orders or sizes off the board. "
        "Remedy: tick 'take off the board' (--removals in the command line), or tick other orders."
    ]
    assert "gone &lt;for&gt; good</textarea>" in text and "Also take 2 orders off the board." in text
    assert 'name="push_after">' in text and confirm.context["ticked"] in text
    batch.refresh_from_db()
    assert batch.state == "open" and Batch.objects.filter(run=batch.run).count() == 1
    client.post("/staging/batch/act/approve/", fields | {"removals": "on"})
    assert sorted(batch.orders.values_list("state", flat=True)) == ["approved", "approved"]


def test_an_approval_of_all_names_the_ticks_that_it_does_not_follow(line: World) -> None:
    batch = staged(line)
    client = signed_in("approver")
    plain = f"/staging/batch/act/approve/?ids={batch.pk}"
    assert "ticked or not" not in client.get(plain).content.decode()
    tick(client, batch, row=[pk(batch, 1)], orders=[pk(batch, 1)])
    text = client.get(plain).content.decode()
    assert "1 order of it is ticked on its page; this approves all of it, ticked or not." in text
    assert said(client.get(f"{plain}&ticked=1", follow=True)) == []
    tick(client, batch, do="none")
    nothing = client.get(f"{plain}&ticked=1", follow=True)
    assert said(nothing) == ["Nothing is ticked. Remedy: tick orders first."]


def test_the_ticked_orders_alone_are_held_released_and_undone(line: World) -> None:
    batch = staged(line)
    client = signed_in("approver")
    tick(client, batch, row=[pk(batch, 1)], orders=[pk(batch, 1)])
    confirm = client.get(tick(client, batch, do="hold").headers["Location"])
    assert "1 of 3 orders:" in confirm.content.decode()
    fields = {"ids": batch.pk, "ticked": confirm.context["ticked"], "reason": "ask"}
    client.post("/staging/batch/act/hold/", fields)
    assert (line.state(1), line.state(2)) == ("held", "staged")
    line.approve(batch)
    line.push(batch)
    tick(client, batch, row=[pk(batch, 2)], orders=[pk(batch, 2)])
    there = tick(client, batch, do="undo").headers["Location"]
    assert "of 1 ticked order" in client.get(there).content.decode()
    client.post(f"/staging/batch/{batch.pk}/undo/", {"do": "look", "ticked": "1"})
    work_off()
    text = client.get(f"/staging/batch/{batch.pk}/undo/").content.decode()
    assert "for 1 ticked order only" in text


# --- the rest of the page ---------------------------------------------------------------------------------------------
def test_labels_and_groups_that_it_makes_are_named_with_their_near_twins(line: World) -> None:
    line.add(1, UNIT="EACH", SEASON="SS27", STYLE="TOTE")
    line.sync()
    line.add(2, UNIT="Each", SEASON="AW28", STYLE="TO-TE")
    line.add(3, UNIT="PACK", SEASON="ss27", STYLE="TOTE")
    line.stage()
    batch = line.batch()
    answer = look("viewer", batch)
    lacks = [(one.text, one.twin, one.orders, one.is_group) for one, _ in answer.context["lacks"]]
    assert lacks == [
        ("HARBOUR ss27", "HARBOUR SS27", 1, True),
        ("TO-TE", "TOTE", 1, False),
        ("Each", "EACH", 1, False),
        ("HARBOUR AW28", "", 1, True),
        ("PACK", "", 1, False),
    ]
    assert "can map it: &quot;Each&quot;: &quot;EACH&quot;" in answer.content.decode()
    link = re.search(r'href="([^"]+label=Each[^"]+)"', look("administrator", batch).content.decode())
    assert link
    editor = signed_in("administrator").get(unescape(link[1])).content.decode()
    assert "UNIT: {to: color_unit, values: {&quot;Each&quot;: &quot;EACH&quot;}}" in editor
    assert "In this text Each of UNIT is mapped to EACH." in editor


def test_a_comment_stands_in_the_history_and_changes_nothing(line: World) -> None:
    batch = staged(line)
    client = signed_in("operator")
    empty = client.post(f"/staging/batch/{batch.pk}/comment/", {"text": " "}, follow=True)
    assert said(empty) == ["The comment is empty. Remedy: say it in a few words."]
    client.post(f"/staging/batch/{batch.pk}/comment/", {"text": "wait for <Monday>\x00"})
    batch.refresh_from_db()
    event = AuditEvent.objects.get(action="batch.comment")
    assert (batch.state, event.actor, event.reason) == ("open", "operator", "wait for <Monday>")
    assert "wait for &lt;Monday&gt;" in page("viewer", f"/staging/batch/{batch.pk}/change/")
    assert "Add the comment" not in page("viewer", f"/staging/batch/{batch.pk}/change/")


# --- what states say --------------------------------------------------------------------------------------------------
def test_a_run_waits_for_approval_as_long_as_batches_of_its_own_do(line: World) -> None:
    batch = staged(line)
    first = batch.run
    assert line.stage().run.state == RunState.COMPLETED

    def state() -> str:
        first.refresh_from_db()
        return str(first.state)

    assert state() == RunState.WAITING
    line.approve(batch)
    assert state() == RunState.COMPLETED
    act("approver", "withdraw", ids=batch.pk)
    assert state() == RunState.WAITING
    act("approver", "decline", ids=batch.pk, reason="no")
    assert state() == RunState.COMPLETED


def test_every_state_says_what_it_means_and_what_to_do_next(line: World) -> None:
    assert set(meaning.BATCH) == set(BatchState) and set(meaning.ORDER) == set(OrderState)
    assert set(meaning.RUN) == set(RunState)
    batch = staged(line)
    order = batch.orders.first()
    assert meaning.BATCH["open"] in page("viewer", f"/staging/batch/{batch.pk}/change/")
    assert meaning.RUN["waiting"] in page("viewer", f"/staging/syncrun/{batch.run_id}/change/")
    assert order and meaning.ORDER["staged"] in page("viewer", f"/staging/stagedorder/{order.pk}/change/").replace(
        "&#x27;", "'"
    )


def test_a_batch_of_which_everything_is_held_says_so_where_it_would_be_approved(line: World) -> None:
    batch = changed(line)
    batch.orders.update(state="held", reason="the buyer calls back")
    page = look("approver", batch).content.decode()
    assert "It holds nothing that can be approved. Remedy: release what is held first." in page
    assert "button-approve" not in page
