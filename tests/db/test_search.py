"""The search of every page: what a planner types leads to the order, whatever became of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from staging.batches.describe import describe
from staging.batches.narrow import Narrowing, matching
from staging.models import Receipt, Snapshot, StagedOrder, Term
from staging.records.search import find
from tests.core.mapping_samples import BOARD
from tests.db.admin_line import opened_line, signed_in
from tests.memory_source import uuid
from tests.world import World


@pytest.fixture
def line(db: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Three orders with their POs on the board: two are there, and the sizes of the third do not add up."""
    world = World(tmp_path, board=BOARD.replace("  STYLE: dropdown_style", "  PO: text_po\n  STYLE: dropdown_style"))
    world.add(1, PO="4711")
    world.add(2)
    world.add(3, TOTAL=99)
    world.sync()
    yield opened_line(world, settings, monkeypatch)
    world.close()


def place(client: Client, words: str) -> str:
    """Where a search leads to; "" where it stays on its own page."""
    answer = client.get("/search/", {"q": words})
    assert answer.status_code in (200, 302)
    return str(answer.headers.get("Location", ""))


@pytest.mark.parametrize(
    "words",
    [
        "4711",
        " 4711 ",
        "A1",
        "a1",
        "PO 4711",
        "po number: 4711",
        "#4711",
        "Order A1",
        "a1 /  ST1",
        "A1 / ST1 /",
        '"A1"',
        "A1\tST1",
        "ST1\t\tA1",
    ],
)
def test_a_po_and_an_order_number_lead_straight_to_the_order(line: World, words: str) -> None:
    order = StagedOrder.objects.get(record=uuid(1))
    assert place(signed_in("viewer"), words) == f"/staging/stagedorder/{order.pk}/change/"


def test_a_po_whose_letters_are_its_own_is_found_however_it_is_written(line: World) -> None:
    line.change(1, PO="PO4799")
    line.stage()
    order = StagedOrder.objects.filter(record=uuid(1)).latest("id")
    for words in ("PO4799", "po 4799", "PO: 4799", "PO #4799"):
        assert place(signed_in("viewer"), words) == f"/staging/stagedorder/{order.pk}/change/", words
        assert matching(order.batch, Narrowing(text=words)) == [(order.pk, order.operation)], words


def test_a_uuid_in_any_spelling_an_item_and_a_subitem_lead_to_the_order(line: World) -> None:
    order, snapshot = StagedOrder.objects.get(record=uuid(1)), Snapshot.objects.get(record=uuid(1))
    subitem = Receipt.objects.filter(record=uuid(1)).exclude(size="").values_list("item_id", flat=True)[0]
    client = signed_in("viewer")
    for words in (uuid(1).upper(), uuid(1).replace("-", ""), f"{{{uuid(1)}}}", snapshot.item_id, subitem):
        assert place(client, words) == f"/staging/stagedorder/{order.pk}/change/", words


def test_an_order_that_was_never_staged_is_found_with_the_reason(line: World) -> None:
    client = signed_in("viewer")
    where = place(client, "A3")
    assert where == f"/staging/stagedorder/record/{line.board.pk}/{uuid(3)}/"
    page = client.get(where).content.decode()
    assert "is 99" in page and "Nothing was ever staged for it" in page


@pytest.mark.parametrize("words", ["B7", "PO 4777", "tee 7", "B7 / TEE 7", "TIDE", "Tidewater"])
@pytest.mark.parametrize("uuids", [[uuid(7)], [uuid(7), uuid(7)], ["see mail"], [None, None]])
def test_a_row_that_cannot_be_used_is_found_by_all_that_people_know_of_it(
    line: World, words: str, uuids: list[str | None]
) -> None:
    """Its customer is unknown, or its UUID is another row's, none, or missing where it cannot be told from its twin."""
    for named in uuids:
        line.add(7, record_uuid=named, ORDER="B7", STYLE="TEE 7", PO="4777", CUSTOMER="TIDEWATER")
    line.sync()
    (found,) = find(words).records
    assert (found.key, found.customer, found.order, found.snapshot) == ("B7 / TEE 7", "TIDEWATER", None, None)


def test_each_row_of_one_uuid_is_found_by_its_own_key(line: World) -> None:
    for number in (7, 8):
        line.add(number, record_uuid=uuid(7), ORDER=f"B{number}", STYLE=f"TEE {number}", PO=f"477{number}")
    line.sync()
    for words in ("B7", "B8", "TEE 7", "TEE 8", "4777", "4778"):
        assert [found.record for found in find(words).records] == [uuid(7)], words


def test_a_style_of_many_lists_them_and_a_beginning_is_enough(line: World) -> None:
    client = signed_in("viewer")
    assert place(client, "ST1") == ""
    page = client.get("/search/", {"q": "st"}).content.decode()
    assert page.count('/change/">') >= 2 and uuid(1) in page and uuid(2) in page


def test_a_customer_by_any_spelling_a_batch_and_a_run_are_found(line: World) -> None:
    client = signed_in("viewer")
    assert "HARBOUR" in client.get("/search/", {"q": "harbour (au)"}).content.decode()
    batch = line.batch()
    assert f"/staging/batch/{batch.pk}/change/" in client.get("/search/", {"q": f"batch {batch.pk}"}).content.decode()
    assert (
        f"/staging/syncrun/{batch.run_id}/change/"
        in client.get("/search/", {"q": f"Run #{batch.run_id}"}).content.decode()
    )


@pytest.mark.parametrize("words", ["", "no such order", "%", "_", "'", "\x00", "9" * 40, "<b>", "x" * 5000])
def test_what_leads_nowhere_says_so_and_breaks_nothing(line: World, words: str) -> None:
    answer = signed_in("viewer").get("/search/", {"q": words})
    assert answer.status_code in ((200, 400) if "\x00" in words else (200,))
    assert "Search: <b>" not in answer.content.decode()


def test_the_address_of_an_item_and_the_title_of_a_batch_lead_where_they_stand_for(line: World) -> None:
    client, batch = signed_in("viewer"), line.batch()
    item = Snapshot.objects.get(record=uuid(1)).item_id
    order = StagedOrder.objects.get(record=uuid(1))
    for rest in ("", "?term=x", "/posts/7"):
        words = f"https://somebody.monday.com/boards/9200/pulses/{item}{rest}"
        assert place(client, words) == f"/staging/stagedorder/{order.pk}/change/", words
    for words in (f"Batch {batch.pk} - HARBOUR", describe(batch).title):
        page = client.get("/search/", {"q": words}).content.decode()
        assert f"/staging/batch/{batch.pk}/change/" in page, words


def test_what_an_order_was_called_before_still_finds_it(line: World) -> None:
    line.change(1, PO="4712")
    line.sync()
    assert {one.record for one in find("4711").records} == {uuid(1)} == {one.record for one in find("4712").records}


def test_staging_the_same_again_adds_no_term(line: World) -> None:
    before = Term.objects.count()
    line.change(1, PRICE="99.00")
    line.sync()
    assert Term.objects.count() == before


def test_what_was_staged_before_the_search_came_is_found_after_the_upgrade(line: World) -> None:
    Term.objects.all().delete()
    importlib.import_module("staging.migrations.0013_terms_of_what_is_known").fill(apps, None)
    assert find("a1").sure and find("a3").sure and find(uuid(2)).sure


def test_the_search_needs_the_right_to_see_orders(line: World) -> None:
    stranger = User.objects.create_user("stranger", is_staff=True)
    client = Client()
    client.force_login(stranger)
    assert client.get("/search/", {"q": "4711"}).status_code == 403
    assert client.get(f"/staging/stagedorder/record/{line.board.pk}/{uuid(3)}/").status_code == 403


def test_an_orders_page_tells_who_approved_it_which_call_carried_it_and_what_took_it_back(line: World) -> None:
    line.change(1, PRICE="12.00")
    line.sync()
    batch = line.batch()
    line.undo(batch)
    order = StagedOrder.objects.filter(record=uuid(1)).order_by("-pk")[0]
    page = signed_in("viewer").get(f"/staging/stagedorder/{order.pk}/change/").content.decode()
    receipt = Receipt.objects.filter(order=order, undoes=None).order_by("pk")[0]
    assert f"undoes {receipt.pk}" in page and "undone by" in page
    assert receipt.request_id and receipt.request_id in page
    assert "policy:test" in page and page.count('class="version') == 2
    assert "Quantity by size" in client_of_creation(line)


def client_of_creation(line: World) -> str:
    created = StagedOrder.objects.filter(record=uuid(1)).order_by("pk")[0]
    return signed_in("viewer").get(f"/staging/stagedorder/{created.pk}/change/").content.decode()
