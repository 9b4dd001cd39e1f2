"""What is kept back, by cause: conflicts by themselves, and every item that is gone, over all batches."""

from __future__ import annotations

from html import unescape
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from staging.boards import gone
from staging.core import meaning
from staging.core.causes import Cause
from staging.models import BoardFinding, Snapshot, StagedOrder, SyncRun
from staging.models.run import Kind
from staging.models.snapshot import LinkState
from tests.db.admin_line import opened_line, signed_in, work_off
from tests.world import START, World, uuid


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Of eight linked orders one is in conflict, one held by a person, and the item of one was archived."""
    line = opened_line(world, settings, monkeypatch)
    for number in range(1, 9):
        line.add(number)
    line.sync()
    line.edit(1, numeric_price="99")
    line.archive(2)
    line.change(1, PRICE="12")
    line.change(2, PRICE="12")
    line.sync()
    line.change(3, PRICE="12")
    line.stage()
    batch = line.batch()
    signed_in("operator").post(
        "/staging/batch/act/hold/", {"ids": batch.pk, "orders": line.order(3).pk, "reason": "ask the buyer"}
    )
    assert [line.state(number) for number in (1, 2, 3)] == ["held"] * 3
    return line


def page(address: str) -> str:
    answer = signed_in("viewer").get(address)
    assert answer.status_code == 200, answer
    return unescape(answer.content.decode())


def cards() -> dict[str, Any]:
    return {card.title: card for card in signed_in("viewer").get("/").context["cards"]}


def listed(address: str) -> set[str]:
    """The records of a list."""
    answer = signed_in("viewer").get(address)
    assert answer.status_code == 200, answer
    return {row.record for row in answer.context["cl"].result_list}


def test_conflicts_have_a_card_of_their_own_that_opens_their_list_and_no_order_counts_twice(line: World) -> None:
    found = cards()
    assert (found["Conflicts"].value, found["Conflicts"].words) == ("1", "order somebody edited on the board too")
    assert found["Held and unclear"].value == "2"
    assert listed(found["Conflicts"].url) == {uuid(1)}
    edited = ": the board has 99, the source asks for 12, last written 10.5"
    assert edited in page(found["Conflicts"].url) and "last written" not in page(found["Held and unclear"].url)
    assert listed(found["Held and unclear"].url) == {uuid(2), uuid(3)}
    StagedOrder.objects.filter(record=uuid(3), state="held").update(state="unclear")
    assert cards()["Held and unclear"].value == "2"
    assert listed("/staging/stagedorder/?kept=unclear") == {uuid(3)}
    StagedOrder.objects.filter(state__in=["held", "unclear"]).update(state="superseded")
    found = cards()
    assert [found[name].tone for name in ("Conflicts", "Held and unclear")] == ["good", "good"]
    assert listed(found["Conflicts"].url) == set()


def test_held_orders_are_found_by_their_cause_and_exported_with_it(line: World) -> None:
    assert listed(f"/staging/stagedorder/?kept={Cause.GONE}") == {uuid(2)}
    assert listed("/staging/stagedorder/?kept=other") == {uuid(3)}
    assert listed("/staging/stagedorder/?kept=nonsense") == {uuid(number) for number in range(1, 9)}
    assert ",conflict," in page(f"/staging/stagedorder/export/?kept={Cause.CONFLICT}&format=csv")


def test_a_cause_follows_its_problem_and_what_was_held_before_causes_were_kept_gets_one(line: World) -> None:
    causes = dict(StagedOrder.objects.exclude(problem=None).values_list("record", "cause"))
    assert causes == {uuid(1): "conflict", uuid(2): "gone"}
    StagedOrder.objects.update(cause="")
    import_module("staging.migrations.0020_causes_of_what_is_held").fill(apps, None)
    assert dict(StagedOrder.objects.exclude(problem=None).values_list("record", "cause")) == causes
    assert not StagedOrder.objects.filter(problem=None).exclude(cause="").exists()
    line.edit(1, numeric_price="10.5")
    signed_in("operator").post(
        "/staging/batch/act/release/", {"ids": line.order(1).batch_id, "orders": line.order(1).pk}
    )
    line.sync()
    assert (line.state(1), line.order(1).cause) == ("applied", "")


# --- gone -------------------------------------------------------------------------------------------------------------
def reconciled(line: World, number: int, category: str) -> None:
    """The last reconciliation found the item of this record so."""
    run, _ = SyncRun.objects.get_or_create(
        kind=Kind.RECONCILE, board=line.board, defaults={"state": "completed", "mode": "TEST", "started_at": START}
    )
    BoardFinding.objects.create(run=run, category=category, item_id=line.snapshot(number).item_id)


def test_every_item_that_is_gone_stands_in_one_list_with_the_way_to_its_decision(line: World) -> None:
    reconciled(line, 5, "missing")
    reconciled(line, 6, "archived")
    reconciled(line, 7, "drifted")
    assert listed("/staging/snapshot/?gone=item") == {uuid(2), uuid(5), uuid(6)}
    assert {link.record for link in gone.gone(line.board)} == {uuid(2), uuid(5), uuid(6)}
    gone.stop(link=line.snapshot(5), actor="ben", now=line.clock.now(), reason="cancelled")
    assert listed("/staging/snapshot/?gone=left") == {uuid(5)}
    line.drop(4)
    line.stage()
    assert listed("/staging/snapshot/?gone=record") == {uuid(4)}
    Snapshot.objects.filter(record=uuid(8)).update(state=LinkState.REMOVED)
    assert listed("/staging/snapshot/?gone=record") == {uuid(4), uuid(8)}
    every = {uuid(number) for number in (2, 4, 5, 6, 8)}
    assert listed("/staging/snapshot/?gone=any") == every
    assert listed("/staging/snapshot/?gone=nonsense") == {uuid(number) for number in range(1, 9)}
    text = page("/staging/snapshot/?gone=any")
    assert text.count("decide ...") == 3  # where the record is gone alone, nothing is left to decide
    assert "Nobody follows it, " not in text and text.count("The record is gone from the source</td>") == 2
    assert f"/staging/syncrun/gone/{line.snapshot(2).pk}/" in text and "Not followed</span>" in text
    assert "The item is gone from the board: <a" in page(f"/staging/snapshot/{line.snapshot(6).pk}/change/")
    assert "is gone from the board: <a" not in page(f"/staging/snapshot/{line.snapshot(7).pk}/change/")


def test_a_record_of_another_board_with_the_same_uuid_is_not_gone_with_it(line: World) -> None:
    other = line.known_board()
    other.pk, other.account_id = None, "other"
    other.save()
    twin = line.snapshot(2)
    twin.pk, twin.board, twin.item_id = None, other, "77"
    twin.save()
    assert [link.board_id for link in gone.gone()] == [line.board.pk]
    assert not gone.gone(other)


def test_an_order_of_which_the_board_keeps_a_field_does_not_say_that_the_board_shows_it(line: World) -> None:
    order = line.order(1)
    conflict = f"/staging/batch/conflict/?order={order.pk}&field=numeric_price&take=board"
    fields = {**signed_in("approver").get(conflict).context}
    asked = {name: fields[name] for name in ("order", "field", "take", "seen")}
    signed_in("approver").post("/staging/batch/conflict/", {**asked, "push_after": "on"})
    work_off()
    assert line.state(1) == "applied"
    address = f"/staging/stagedorder/{order.pk}/change/"
    assert meaning.BOARD_KEEPS in page(address) and meaning.ORDER["applied"] not in page(address)
    other = line.order(4)
    assert meaning.ORDER["applied"] in page(f"/staging/stagedorder/{other.pk}/change/")


def test_a_run_that_looked_for_no_removals_says_so_beside_its_counts(line: World) -> None:
    words = "Removals were not checked"
    assert words not in page(f"/staging/syncrun/{line.stage().run.pk}/change/")
    assert words in page(f"/staging/syncrun/{line.stage(limit=5).run.pk}/change/")
