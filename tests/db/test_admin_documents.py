"""Documents in the admin: checked while they are typed, tried, kept, counted, published and put back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mapping.models import Document, Version
from monday.models import Board
from staging.models import StagedOrder, SyncRun
from staging.models.run import RunState
from tests.core.mapping_samples import BHOOD, BOARD, HARBOUR
from tests.db.admin_line import board_document, opened_line, signed_in, work_off
from tests.world import World, uuid

UNIT = HARBOUR + "columns: {UNIT: text_unit}\n"


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two orders of HARBOUR and one of B'HOOD, on the board."""
    opened_line(world, settings, monkeypatch)
    for number in (1, 2):
        world.add(number)
    world.add(3, CUSTOMER="BHOOD")
    world.sync()
    return world


def document(name: str = "HARBOUR") -> Document:
    return Document.objects.get(customer__name=name)


def held(of: Document) -> Version:
    return of.versions.published().get()


def page(of: Document) -> str:
    return f"/mapping/document/{of.pk}/change/"


def kept(client: Client, of: Document, text: str, action: str = "preview", **fields: Any) -> Version:
    """The draft that a text becomes when a button of the editor is pressed."""
    sent = {"text": text, "document": of.pk, "base": held(of).pk, "action": action, **fields}
    answer = client.post(page(of), sent)
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    return of.versions.filter(state="draft").latest("number")


def published(client: Client, version: Version, **fields: Any) -> str:
    """What the version's page says after Publish was pressed as it stands."""
    shown = client.get(f"/mapping/document/version/{version.pk}/").context["run"]
    sent = {"run": shown.pk if shown else "", **fields}
    return client.post(f"/mapping/document/version/{version.pk}/publish/", sent, follow=True).content.decode()


# --- typing ---------------------------------------------------------------------------------------------------------
def test_a_text_is_checked_with_every_problem_at_its_place(line: World) -> None:
    client, of = signed_in("administrator"), board_document()
    text = held(of).text + "nonsense: 1\ncolumns_: {}\n"
    found = client.post("/mapping/document/check/", {"document": of.pk, "text": text}).json()
    places = {each["path"]: each["line"] for each in found["problems"] if each["severity"] == "error"}
    assert places["nonsense"] == text.splitlines().index("nonsense: 1") + 1
    assert 'data-line="' in found["html"] and all(each["remedy"] for each in found["problems"])


def test_columns_that_the_board_or_the_source_lacks_are_named_while_they_are_typed(line: World) -> None:
    client = signed_in("administrator")
    text = HARBOUR + "columns:\n  NOTS: long_text_notes\n  PRICE: {to: numeric_price, as: date}\n"
    found = client.post("/mapping/document/check/", {"document": document().pk, "text": text}).json()["problems"]
    said = {(each["path"], each["line"], each["severity"]) for each in found}
    assert ("columns.NOTS", 6, "error") in said and ("columns.PRICE.as", 7, "error") in said
    assert any("Did you mean 'NOTES'?" in each["remedy"] for each in found)


def test_a_column_that_a_real_board_lacks_is_an_error_and_the_local_board_will_get_it(line: World) -> None:
    client = signed_in("administrator")
    sent = {"document": document().pk, "text": UNIT}
    (found,) = client.post("/mapping/document/check/", sent).json()["problems"]
    assert (found["path"], found["severity"]) == ("columns.UNIT.to", "warning") and "next run" in found["remedy"]
    Board.objects.update(environment="production", address="https://api.monday.com/v2", read_at=timezone.now())
    (found,) = client.post("/mapping/document/check/", sent).json()["problems"]
    assert (found["path"], found["severity"]) == ("columns.UNIT.to", "error")


def test_what_the_boards_own_document_brings_along_does_not_forbid_a_customers(line: World) -> None:
    line.source.names = tuple(name for name in line.source.names if name != "ORDER")
    client = signed_in("administrator")
    sent = {"document": document().pk, "text": HARBOUR}
    found = client.post("/mapping/document/check/", sent).json()["problems"]
    assert {each["severity"] for each in found} == {"warning"}
    assert found[0]["message"].startswith("the document of Orders: ")
    sent = {"document": board_document().pk, "text": BOARD}
    found = client.post("/mapping/document/check/", sent).json()["problems"]
    assert ("columns.ORDER", "error") in {(each["path"], each["severity"]) for each in found}


def test_words_to_complete_with_come_from_the_schema_the_source_and_the_board(line: World) -> None:
    line.add(9, CUSTOMER="TIDEWATER")
    line.sync()
    words = signed_in("viewer").get("/mapping/document/words/", {"document": board_document().pk}).json()
    assert {"to", "as", "empty"} <= set(words["keys"]["columns.*"]) and "decimal" in words["choices"]["as"]
    assert "EX FACTORY" in words["source"] and words["spellings"] == ["TIDEWATER"]
    assert {"id": "numeric_price", "title": "PRICE", "kind": "numbers"} in words["columns"]
    assert [each["id"] for each in words["lines"]] == ["dropdown_size", "numeric_qty", "text_size_key"]
    words = signed_in("viewer").get("/mapping/document/words/").json()
    assert "aliases" in words["keys"][""]


@pytest.mark.parametrize("address", ["check/", "try/"])
def test_a_viewer_may_neither_check_nor_try_and_a_link_does_neither(line: World, address: str) -> None:
    sent = {"document": document().pk, "text": HARBOUR, "q": "A1"}
    assert signed_in("viewer").post(f"/mapping/document/{address}", sent).status_code == 403
    assert signed_in("administrator").get(f"/mapping/document/{address}", sent).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(signed_in("administrator").get("/").wsgi_request.user)
    assert strict.post(f"/mapping/document/{address}", sent).status_code == 403


@pytest.mark.parametrize(
    "text", ["\x00", "a: &x [*x, *x]", "\ufeff- !!python/object:os.system x", "x" * 1_200_000, "{" * 5000]
)
def test_hostile_texts_are_answered_politely(line: World, text: str) -> None:
    client = signed_in("administrator")
    found = client.post("/mapping/document/check/", {"document": document().pk, "text": text})
    assert found.status_code == 200 and found.json()["problems"]
    sent = {"document": document().pk, "text": text, "q": "A1", "action": "try"}
    assert "Remedy" in client.post("/mapping/document/try/", sent).content.decode()
    assert client.post(page(document()), {**sent, "action": "preview"}).status_code == 200


# --- trying ---------------------------------------------------------------------------------------------------------
def tried(text: str, q: str, of: Document | None = None, **fields: Any) -> dict[str, Any]:
    sent = {"document": of.pk if of else "", "text": text, "q": q, **fields}
    return signed_in("administrator").post("/mapping/document/try/", sent).context["trial"]


def test_an_order_is_shown_as_it_stands_and_as_it_would_stand(line: World) -> None:
    text = HARBOUR + "board: {item: 'X {ORDER}'}\ncolumns: {PRICE: {to: numeric_price, as: integer}}\n"
    order = tried(text, "a1", document())["order"]
    lines = {each.title: each for each in order.lines}
    assert (lines["Item"].now, lines["Item"].then) == ("ST1 RED A1", "X A1") and lines["Item"].differs
    price = lines["PRICE"]
    assert (price.source, price.cell, price.now, price.then) == ("PRICE", "10.50", "10.5", None)
    assert price.then_note == "is not a whole number" and order.then.problems[0].column == "PRICE"
    assert not lines["Group"].differs and [size.title for size in order.sizes] == ["S", "M"]
    assert order.verdict == "It would be staged to be updated on the board."
    assert StagedOrder.objects.count() == 3


def test_rows_are_found_by_uuid_po_number_and_customer_and_one_is_picked(line: World) -> None:
    of = document()
    assert tried(HARBOUR, uuid(2).upper(), of)["order"].record == uuid(2)
    assert tried(HARBOUR, "P3", of)["order"].then.customer == "B'HOOD"
    found = tried(HARBOUR, "harbour", of)["rows"]
    assert {each.key for each in found} == {"A1 / ST1", "A2 / ST1"}
    picked = tried(HARBOUR, "harbour", of, action=f"try:{found[1].pick}")
    assert picked["order"].key == found[1].key and [each.key for each in picked["rows"]] == [found[0].key]
    assert "has no row" in tried(HARBOUR, "nothing of the kind", of)["sentence"]
    assert "Type an order number" in tried(HARBOUR, " ", of)["sentence"]
    assert "The text has errors" in tried("customer: [", "A1", of)["sentence"]


def test_a_new_customer_is_tried_on_a_row_that_nobody_claims(line: World) -> None:
    line.add(9, CUSTOMER="TIDEWATER")
    order = tried("version: 1\ncustomer: TIDEWATER\n", "A9")["order"]
    assert (order.now.customer, order.then.customer) == ("", "TIDEWATER")
    assert order.verdict == "It is not on the board yet: it would be staged to be created."
    assert order.now.problems[0].owner == "mapping"


def test_without_a_script_the_page_tries_and_checks_and_keeps_what_was_typed(line: World) -> None:
    client, of = signed_in("administrator"), document()
    sent = {"document": of.pk, "base": held(of).pk, "text": HARBOUR + "nonsense: 1\n", "note": "why not", "q": "A1"}
    for action in ("check", "try", ""):
        shown = client.post(page(of), {**sent, "action": action}).content.decode()
        assert "nonsense: 1" in shown and "why not" in shown and 'data-line="5"' in shown
    shown = client.post(page(of), {**sent, "text": HARBOUR, "action": "try"}).content.decode()
    assert "ST1 RED A1" in shown and "It belongs to HARBOUR." in shown
    assert of.versions.count() == 1


# --- keeping --------------------------------------------------------------------------------------------------------
def test_a_text_is_kept_as_a_draft_and_opened_again(line: World) -> None:
    client, of = signed_in("administrator"), document()
    draft = kept(client, of, HARBOUR + "broken: 1\n", "save", note="not done")
    assert (draft.state, draft.note, held(of).number) == ("draft", "not done", 1)
    shown = client.get(page(of)).content.decode()
    assert "broken: 1" in shown and "your draft" in shown and "not done" in shown
    other = client.get(page(of), {"version": held(of).pk}).content.decode()
    assert "broken: 1" not in other and f"draft {draft.number}" in other
    client.post(f"/mapping/document/version/{draft.pk}/discard/")
    draft.refresh_from_db()
    assert draft.state == "retired" and "broken: 1" not in client.get(page(of)).content.decode()


def test_a_text_that_holds_already_is_not_kept_again(line: World) -> None:
    client, of = signed_in("administrator"), document()
    answer = client.post(page(of), {"text": HARBOUR, "action": "preview", "base": held(of).pk}, follow=True)
    assert "there is nothing to publish" in answer.content.decode() and of.versions.count() == 1


def test_what_was_published_while_somebody_typed_is_said_and_the_text_is_kept(line: World) -> None:
    client, of = signed_in("administrator"), document()
    first = held(of)
    line.publish(HARBOUR + "# from elsewhere\n")
    answer = client.post(page(of), {"text": UNIT, "action": "preview", "base": first.pk, "document": of.pk})
    shown = answer.content.decode()
    assert "while you typed" in shown and "text_unit" in shown and f'name="base" value="{held(of).pk}"' in shown
    assert not of.versions.filter(state="draft").exists()


def test_a_new_document_is_never_published_over_an_existing_one(line: World) -> None:
    client = signed_in("administrator")
    for text in (HARBOUR, "version: 1\ncustomer: HARBOUR (AU)\n", BOARD):
        for action in ("save", "preview"):
            shown = client.post("/mapping/document/new/", {"text": text, "action": action})
            assert shown.status_code == 200 and "cannot be published" in shown.content.decode(), text
    assert Version.objects.filter(state="draft").count() == 0 and held(document()).text == HARBOUR


# --- counting and publishing ----------------------------------------------------------------------------------------
def test_the_number_announced_before_publishing_is_the_number_staged_after_it(line: World) -> None:
    client, of = signed_in("administrator"), document()
    draft = kept(client, of, UNIT, note="by unit")
    waiting = client.get(f"/mapping/document/version/{draft.pk}/").content.decode()
    assert "Waiting for a worker" in waiting and "/preview/" in waiting and ">Publish<" not in waiting
    work_off()
    run = SyncRun.objects.get(kind="impact")
    assert (run.state, run.counts["staged"], run.mailed_at is not None) == (RunState.COMPLETED, 2, True)
    shown = client.get(f"/mapping/document/version/{draft.pk}/preview/").content.decode()
    assert "2 orders would be staged again" in shown and "HARBOUR 2" in shown and "hx-get" not in shown
    assert "holds now" in published(client, draft, note="by unit, said Ann")
    after = held(of)
    assert (after.number, after.text, after.author, after.note) == (3, UNIT, "administrator", "by unit, said Ann")
    report = line.stage()
    assert (report.counts.new, report.counts.changed) == (0, run.counts["staged"])
    staged = StagedOrder.objects.filter(state="staged", current=True).select_related("batch__customer")
    assert {order.batch.customer.name for order in staged} == {"HARBOUR"}


def test_a_cosmetic_change_stages_nothing_and_says_so(line: World) -> None:
    client, of = signed_in("administrator"), document()
    draft = kept(client, of, "# a remark\n" + HARBOUR)
    work_off()
    shown = client.get(f"/mapping/document/version/{draft.pk}/").content.decode()
    assert "0 orders would be staged again" in shown and "The two mean the same" in shown
    published(client, draft)
    assert held(of).text.startswith("# a remark") and line.stage().counts.changed == 0


def test_nothing_is_published_that_nobody_counted(line: World) -> None:
    client, of = signed_in("administrator"), document()
    draft = kept(client, of, UNIT, "save")
    assert "Nobody has counted yet" in published(client, draft)
    assert "Nobody has counted yet" in published(client, draft, unseen="on")
    client.post(f"/mapping/document/version/{draft.pk}/count/")
    assert "still being counted" in published(client, draft, unseen="on")
    work_off()
    line.publish(BHOOD + "# since\n")
    assert "Another document was published since" in published(client, draft)
    client.post(f"/mapping/document/version/{draft.pk}/count/")
    work_off()
    first = SyncRun.objects.filter(kind="impact").earliest("id")
    answer = client.post(f"/mapping/document/version/{draft.pk}/publish/", {"run": first.pk}, follow=True)
    assert "counted anew since this page was shown" in answer.content.decode()
    assert held(of).number == 1
    assert "holds now" in published(client, draft)


def test_a_board_that_cannot_be_counted_says_why_and_a_person_may_publish_all_the_same(line: World) -> None:
    client, of = signed_in("administrator"), document()
    line.source.fail_after = 0
    draft = kept(client, of, UNIT)
    work_off()
    shown = client.get(f"/mapping/document/version/{draft.pk}/").content.decode()
    assert "Not counted: The order source broke off" in shown and "would be staged again" not in shown
    assert "Not every board was counted" in published(client, draft) or "could not be counted" in published(
        client, draft
    )
    assert held(of).number == 1
    assert "holds now" in published(client, draft, unseen="on")


def test_counting_is_stopped_by_a_person_and_asked_for_again(line: World) -> None:
    client, of = signed_in("administrator"), document()
    draft = kept(client, of, UNIT)
    client.post(f"/mapping/document/version/{draft.pk}/cancel/")
    assert SyncRun.objects.get(kind="impact").state == RunState.STOPPED
    assert "could not be counted" in client.get(f"/mapping/document/version/{draft.pk}/").content.decode()
    client.post(f"/mapping/document/version/{draft.pk}/count/")
    work_off()
    assert "2 orders would be staged" in client.get(f"/mapping/document/version/{draft.pk}/").content.decode()


def test_a_text_with_errors_is_not_published_and_each_error_has_its_line(line: World) -> None:
    client, of = signed_in("administrator"), document()
    sent = {"text": HARBOUR + "nonsense: 1\n", "action": "preview", "base": held(of).pk}
    answer = client.post(page(of), sent).content.decode()
    assert "cannot be published: it has errors" in answer and 'data-line="5"' in answer
    draft = kept(client, of, HARBOUR + "nonsense: 1\n", "save")
    client.post(f"/mapping/document/version/{draft.pk}/count/")
    work_off()
    shown = published(client, draft, unseen="on")
    assert "It was not published: it has errors" in shown and "nonsense" in shown and held(of).number == 1


def test_a_text_that_the_board_would_refuse_later_is_not_published(line: World) -> None:
    client, of = signed_in("administrator"), document()
    draft = kept(client, of, HARBOUR + "columns: {PRICE: {to: numeric_price, as: date}}\n", "save")
    client.post(f"/mapping/document/version/{draft.pk}/count/")
    work_off()
    shown = published(client, draft, unseen="on")
    assert "columns.PRICE.as" in shown and held(of).number == 1


def test_a_version_is_put_back_by_publishing_its_text_again(line: World) -> None:
    client, of = signed_in("administrator"), document()
    first = held(of)
    draft = kept(client, of, UNIT)
    work_off()
    published(client, draft)
    line.sync()
    client.post(f"/mapping/document/version/{first.pk}/count/")
    work_off()
    shown = client.get(f"/mapping/document/version/{first.pk}/").content.decode()
    assert "Publish this text again" in shown and "0 orders would be staged again" in shown
    assert "holds now" in published(client, first)
    now = held(of)
    assert (now.text, now.number, now.note) == (HARBOUR, 4, "back to version 1")
    assert of.versions.get(pk=first.pk).state == "retired"


def test_a_draft_that_was_overtaken_says_so(line: World) -> None:
    client, of = signed_in("administrator"), document()
    draft = kept(client, of, UNIT, "save")
    line.publish(HARBOUR + "# later\n")
    assert "after this draft was kept" in client.get(f"/mapping/document/version/{draft.pk}/").content.decode()


def test_a_new_customer_gets_a_document_and_its_held_rows_are_staged(line: World) -> None:
    line.add(9, CUSTOMER="TIDEWATER")
    line.sync()
    client = signed_in("administrator")
    text = "version: 1\ncustomer: TIDEWATER\n"
    answer = client.post("/mapping/document/new/", {"text": text, "action": "preview", "note": "new"})
    draft = Version.objects.get(document__name="customer TIDEWATER")
    assert answer["Location"] == f"/mapping/document/version/{draft.pk}/"
    work_off()
    assert "1 order would be staged again" in client.get(answer["Location"]).content.decode()
    published(client, draft)
    assert line.stage().counts.new == 1


def test_any_two_versions_stand_side_by_side(line: World) -> None:
    of = document()
    line.publish(UNIT)
    line.publish(UNIT.replace("text_unit", "text_units"))
    first, second, third = of.versions.order_by("number")
    client = signed_in("viewer")
    address = f"/mapping/document/{of.pk}/compare/"
    shown = client.get(address, {"from": first.pk, "to": third.pk})
    assert [str(setting.sentence()) for setting in shown.context["settings"]] == ["columns.UNIT: added, text_units"]
    assert '<tr class="row-added">' in shown.content.decode()
    assert client.get(address, {"to": second.pk}).context["before"] == first
    assert client.get(address).context["after"] == third
    text = client.get(address, {"to": first.pk}).content.decode()
    assert "Nothing came before it" in text and "not set" not in text
    assert client.get(address, {"from": first.pk, "to": first.pk}).context["difference"].same
    foreign = held(board_document()).pk
    assert client.get(address, {"from": foreign}).status_code == 404
    assert client.get(address, {"from": "x" * 99}).status_code == 404
    assert "What it changed, from version 2" in client.get(f"/mapping/document/version/{third.pk}/").content.decode()


def test_a_viewer_reads_a_document_and_cannot_type_or_publish(line: World) -> None:
    client, of = signed_in("viewer"), document()
    text = client.get(page(of)).content.decode()
    assert "readonly" in text and "See what would change" not in text
    draft = kept(signed_in("administrator"), of, UNIT)
    shown = client.get(f"/mapping/document/version/{draft.pk}/").content.decode()
    assert "text_unit" in shown and "/publish/" in shown and 'type="submit" class="button button-approve"' not in shown
    for action in ("publish", "count", "cancel", "discard"):
        assert client.post(f"/mapping/document/version/{draft.pk}/{action}/").status_code == 403
        assert signed_in("administrator").get(f"/mapping/document/version/{draft.pk}/{action}/").status_code == 302
    assert client.post(page(of), {"text": UNIT, "action": "save"}).status_code == 403
    assert client.post("/mapping/document/new/", {"text": UNIT, "action": "save"}).status_code == 403


def test_addresses_of_nothing_are_not_found(line: World) -> None:
    client = signed_in("administrator")
    for place in ("999/change/", "version/999999/", "version/99999999999999999999999/", "999/compare/"):
        assert client.get(f"/mapping/document/{place}").status_code == 404, place
    assert client.post("/mapping/document/check/", {"document": "x", "text": ""}).status_code == 404
