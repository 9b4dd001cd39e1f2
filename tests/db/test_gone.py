"""Items that a person archived, deleted or moved away: held as gone, with three choices."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from monday.core.operations import ArchiveItem
from staging.boards import gone
from staging.core.lifecycle import NotAllowed
from staging.models import AuditEvent, Snapshot, SyncRun
from tests.core.mapping_samples import HARBOUR
from tests.db.admin_line import opened_line, signed_in, work_off
from tests.strangers import put
from tests.world import World, uuid

from .counted import counted


@pytest.fixture
def line(world: World) -> World:
    """Order 1 changed after somebody archived its item: held as gone. Order 2 stands as it was."""
    for number in (1, 2):
        world.add(number)
    world.sync()
    world.archive(1)
    world.change(1, PRICE="12")
    world.sync()
    return world


def link(world: World, number: int = 1) -> Snapshot:
    return Snapshot.objects.select_related("customer", "board").get(record=uuid(number))


def decided(world: World, choice: str, **more: Any) -> None:
    setup = world.setup()
    if choice == "stop":
        gone.stop(link=link(world), actor="ben", now=world.clock.now(), **more)
    elif choice == "relink":
        gone.relink(link=link(world), setup=setup, actor="ben", **more)
    else:
        gone.recreate(link=link(world), setup=setup, actor="ben", **more)


def test_an_archived_item_holds_its_order_as_gone_and_is_listed(line: World) -> None:
    assert line.state(1) == "held"
    assert line.order(1).problem == {"code": "gone"}
    assert [one.record for one in gone.gone(line.board)] == [uuid(1)]
    assert counted(line.sync()) == {"unchanged": 1, "waiting": 1}


def test_recreate_lets_the_next_sync_make_a_new_item(line: World) -> None:
    former = link(line).item_id
    decided(line, "recreate", reason="by mistake")
    assert line.state(1) == "superseded"
    assert counted(line.sync()) == {"new": 1, "unchanged": 1}
    line.check_equal()
    assert link(line).item_id != former
    event = AuditEvent.objects.get(action="gone.recreate")
    assert (event.actor, event.reason, event.data["item"], event.data["was"]) == (
        "ben",
        "by mistake",
        former,
        "archived",
    )
    assert not gone.gone(line.board)


def test_an_item_that_is_on_the_board_is_not_created_a_second_time(line: World) -> None:
    with pytest.raises(NotAllowed, match="is on the board"):
        gone.recreate(link=link(line, 2), setup=line.setup(), actor="ben")
    assert Snapshot.objects.count() == 2


def test_relink_takes_another_item_as_it_stands_and_updates_it(line: World) -> None:
    (other,) = put(line, 1, numeric_price="77")
    decided(line, "relink", item_id=other)
    snapshot = link(line)
    assert (snapshot.item_id, snapshot.link_key, snapshot.order["cells"]["numeric_price"]) == (other, uuid(1), "77")
    assert counted(line.sync()) == {"changed": 1, "unchanged": 1}
    line.check_equal()
    assert line.item(1).id == other
    assert AuditEvent.objects.get(action="gone.relink").data["to"] == other


def test_an_approver_of_other_customers_links_no_item(
    line: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_line(line, settings, monkeypatch)
    line.publish(HARBOUR + "policy: {approvers: [eve]}\n")
    refused = "is no approver of HARBOUR. Remedy: ask one of them"
    with pytest.raises(NotAllowed, match=f"ben {refused}"):
        decided(line, "relink", item_id="4242")
    fields = {"choice": "relink", "item": "4242"}
    told = signed_in("approver").post(f"/staging/syncrun/gone/{link(line).pk}/", fields, follow=True)
    assert f"approver {refused}" in str(next(iter(told.context["messages"])))
    assert not SyncRun.objects.filter(kind="gone").exists()


def test_relink_keeps_a_planners_own_xl_out(line: World) -> None:
    line.change(2, XXL=5)
    line.sync()
    (other,) = put(line, 2)
    line.change(1, S=4)
    decided(line, "relink", item_id=other)
    assert set(link(line).lines) == {"S", "M"}


def test_an_item_of_another_record_is_not_linked(line: World) -> None:
    with pytest.raises(NotAllowed, match="belongs to the record"):
        decided(line, "relink", item_id=link(line, 2).item_id)
    line.add(3)
    (third,) = put(line, 3, link=True)
    with pytest.raises(NotAllowed, match="carries the key"):
        decided(line, "relink", item_id=third)
    with pytest.raises(NotAllowed, match="not on the board"):
        decided(line, "relink", item_id="4242")


def test_no_second_item_is_linked_while_the_orders_own_stands_on_the_board(line: World) -> None:
    (other,) = put(line, 2)
    before = link(line, 2)
    with pytest.raises(NotAllowed, match=f"Item {before.item_id} of this order is on the board. Remedy: archive it"):
        gone.relink(link=before, item_id=other, setup=line.setup(), actor="ben")
    assert link(line, 2).item_id == before.item_id
    assert not AuditEvent.objects.filter(action="gone.relink").exists()
    line.archive(2)
    gone.relink(link=before, item_id=other, setup=line.setup(), actor="ben")
    assert link(line, 2).item_id == other


def test_an_order_that_was_left_is_taken_up_again_with_the_item_that_it_had(line: World) -> None:
    gone.stop(link=link(line, 2), actor="ben", now=line.clock.now(), reason="by hand")
    gone.relink(link=link(line, 2), item_id=link(line, 2).item_id, setup=line.setup(), actor="ben")
    assert link(line, 2).state == "linked"


def test_an_order_that_is_not_followed_waits_whatever_the_source_says_until_it_is_taken_up(line: World) -> None:
    with pytest.raises(NotAllowed, match="needs a reason"):
        decided(line, "stop", reason=" ")
    decided(line, "stop", reason="sold elsewhere")
    line.change(1, PRICE="13")
    assert counted(line.sync()) == {"unchanged": 1, "waiting": 1}
    assert counted(line.sync(full=True)) == {"unchanged": 1, "waiting": 1}
    assert counted(line.sync()) == {"unchanged": 1, "waiting": 1}
    assert [one.record for one in gone.gone(line.board)] == [uuid(1)]
    for number in range(3, 9):
        line.add(number)
    line.sync()
    (row,) = line.drop(1)
    report = line.sync()
    assert (report.counts.removed, report.counts.read) == (0, 7)
    line.source.orders.append(row)
    decided(line, "recreate")
    assert counted(line.sync()) == {"new": 1, "unchanged": 7}
    line.check_equal()


def test_an_order_that_is_not_followed_is_none_under_a_fresh_uuid_either(line: World) -> None:
    decided(line, "stop", reason="the buyer keeps it by hand")
    for number in (1, 2):
        line.row(number)["record_uuid"] = uuid(number + 100)
    assert counted(line.sync()) == {"waiting": 1, "rekeyed": 1}
    assert len(line.shown()) == 1
    assert counted(line.sync()) == {"waiting": 1, "unchanged": 1}
    assert Snapshot.objects.get(state="gone").record == uuid(101)


@pytest.mark.parametrize("what", ["creation", "creation of an item that stands", "removal"])
def test_no_undo_takes_an_order_up_again_that_nobody_follows(world: World, what: str) -> None:
    """Whatever the batch wrote is put back; what a person decided of the order stays."""
    for number in range(1, 7):
        world.add(number)
    world.sync()
    rows = world.drop(1) if what == "removal" else []
    if rows:
        world.sync()
    if what == "creation":
        world.archive(1)
    order = world.order(1)
    gone.stop(link=link(world), actor="ben", now=world.clock.now(), reason="cancelled by phone")
    assert world.undo(order.batch, only=[order.pk]).kept == {}
    world.source.orders += rows
    world.change(1, PRICE="12")
    world.sync()
    assert link(world).state == "gone" and world.state(1) == "undone"
    assert world.on_board(1) == (what == "removal")
    assert not rows or world.item(1).cells["numeric_price"] == "10.5"


def test_a_push_in_flight_is_not_decided_over(line: World) -> None:
    line.change(2, PRICE="12")
    line.stage()
    order = line.order(2)
    type(order).objects.filter(pk=order.pk).update(state="sending")
    with pytest.raises(NotAllowed, match="on its way"):
        gone.stop(link=link(line, 2), actor="ben", now=line.clock.now(), reason="x")
    assert link(line, 2).state == "linked"


# --- typed ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def typed(line: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(line, settings, monkeypatch)


def test_the_command_lists_and_decides(typed: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("gone_items", "list")
    assert f"{link(typed).item_id}  {uuid(1)}  HARBOUR" in capsys.readouterr().out
    call_command("gone_items", "stop", uuid(1), reason="sold")
    assert "not followed any more" in capsys.readouterr().out
    call_command("gone_items", "recreate", "--all")
    assert "creates its item anew" in capsys.readouterr().out
    assert counted(typed.sync()) == {"new": 1, "unchanged": 1}


def test_the_command_links_another_item(typed: World, capsys: pytest.CaptureFixture[str]) -> None:
    (other,) = put(typed, 1)
    call_command("gone_items", "relink", link(typed).item_id, to=other)
    assert link(typed).item_id == other


def test_the_command_links_no_second_item_beside_the_orders_own(
    typed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (other,) = put(typed, 2)
    with pytest.raises(SystemExit) as code:
        call_command("gone_items", "relink", uuid(2), to=other)
    assert code.value.code == 2
    assert "of this order is on the board. Remedy: archive it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (["recreate"], {}, "Say which"),
        (["relink", "1"], {}, "relink takes one item and --to"),
        (["recreate", "4242"], {}, "No order is linked to 4242"),
        (["recreate", "4242"], {"all": True}, "Say which"),
    ],
)
def test_what_cannot_be_told_is_refused_in_words(
    typed: World, words: list[str], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        call_command("gone_items", *words, **options)
    assert refused.value.returncode == 2


def test_the_refusal_of_one_keeps_the_others_going(typed: World, capsys: pytest.CaptureFixture[str]) -> None:
    typed.by_hand()
    with pytest.raises(SystemExit) as code:
        call_command("gone_items", "recreate", uuid(2), uuid(1))
    assert code.value.code == 2
    assert "is on the board" in capsys.readouterr().err
    assert not Snapshot.objects.filter(record=uuid(1)).exists()


# --- in the browser ---------------------------------------------------------------------------------------------------
def test_the_orders_page_leads_to_the_choices_and_a_worker_carries_them_out(typed: World) -> None:
    order, pk = typed.order(1), link(typed).pk
    page = signed_in("operator").get(f"/staging/stagedorder/{order.pk}/change/").content.decode()
    assert f"/staging/syncrun/gone/{pk}/" in page
    choices = signed_in("operator").get(f"/staging/syncrun/gone/{pk}/").content.decode()
    assert "Recreate the item" in choices and "Link another item" not in choices
    signed_in("operator").post(f"/staging/syncrun/gone/{pk}/", {"choice": "recreate"})
    run = SyncRun.objects.latest("id")
    assert work_off() == [f"run {run.pk}: completed"]
    run.refresh_from_db()
    assert "creates its item anew" in run.notes[0]
    assert counted(typed.sync()) == {"new": 1, "unchanged": 1}


def test_a_decision_whose_worker_died_before_it_could_say_so_is_done_when_it_is_carried_out_again(typed: World) -> None:
    signed_in("operator").post(f"/staging/syncrun/gone/{link(typed).pk}/", {"choice": "recreate"})
    decided(typed, "recreate")
    run = SyncRun.objects.latest("id")
    assert work_off() == [f"run {run.pk}: completed"]
    run.refresh_from_db()
    assert run.notes == ["The link is forgotten. The next sync creates its item anew."]


def test_relinking_in_the_browser_is_an_approvers_and_a_refusal_is_a_sentence(typed: World) -> None:
    pk = link(typed).pk
    (other,) = put(typed, 1)
    assert signed_in("operator").post(f"/staging/syncrun/gone/{pk}/", {"choice": "relink"}).status_code == 403
    client = signed_in("approver")
    assert b"Which item?" in client.post(f"/staging/syncrun/gone/{pk}/", {"choice": "relink"}, follow=True).content
    client.post(f"/staging/syncrun/gone/{pk}/", {"choice": "relink", "item": "4242"})
    work_off()
    run = SyncRun.objects.latest("id")
    assert (run.state, "not on the board" in run.error) == ("refused", True)
    client.post(f"/staging/syncrun/gone/{pk}/", {"choice": "relink", "item": other})
    work_off()
    assert link(typed).item_id == other


def test_stopping_in_the_browser_needs_a_reason(typed: World) -> None:
    pk = link(typed).pk
    client = signed_in("operator")
    assert b"needs a reason" in client.post(f"/staging/syncrun/gone/{pk}/", {"choice": "stop"}, follow=True).content
    client.post(f"/staging/syncrun/gone/{pk}/", {"choice": "stop", "reason": "sold"})
    assert link(typed).state == "gone"
    assert client.post(f"/staging/syncrun/gone/{pk}/", {"choice": "fly"}).status_code == 404
    assert client.get("/staging/syncrun/gone/999/").status_code == 404


def test_the_reconciliation_offers_the_decision_for_every_archived_item(typed: World) -> None:
    typed.by_hand(ArchiveItem(typed.item(2).id))
    signed_in("operator").post("/staging/syncrun/boards/reconcile/start/")
    work_off()
    page = signed_in("viewer").get("/staging/syncrun/boards/reconcile/").content.decode()
    assert f"/staging/syncrun/gone/{link(typed, 2).pk}/" in page
