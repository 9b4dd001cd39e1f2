"""Publishing: one text per document holds, older ones stay, and customers follow their documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from mapping.models import Alias, Customer, Document, Version, VersionState
from mapping.publish import (
    NoMapping,
    NotPublishable,
    document_for,
    ensure_shipped,
    load_family,
    load_pinned,
    publish,
    publish_text,
    publishing_problems,
    revert,
    shipped_files,
)
from tests.core.mapping_samples import BHOOD, BOARD, HARBOUR

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Events(list[dict[str, Any]]):
    """A recorder that remembers what it was told."""

    def record(self, **event: Any) -> None:
        self.append(event)


@pytest.fixture
def events() -> Iterator[Events]:
    yield Events()


def put(text: str, events: Events, note: str = "") -> Version:
    return publish_text(text=text, actor="anna", note=note, now=NOW, record=events.record)


def test_a_published_text_holds_and_is_kept_as_typed(events: Events) -> None:
    text = "# my remark\n" + BOARD
    version = put(text, events, "first")
    version.refresh_from_db()
    assert version.text == text
    assert (version.number, version.state, version.author, version.note) == (1, "published", "anna", "first")
    assert load_family().board_version_id == version.pk
    (event,) = events
    assert (event["actor"], event["action"], event["subject"]) == ("anna", "mapping.published", "Orders")
    assert event["data"]["sha256"] == version.sha256


def test_a_new_text_retires_the_old_one(events: Events) -> None:
    first = put(BOARD, events)
    second = put(BOARD.replace("as: decimal", "as: integer"), events)
    first.refresh_from_db()
    assert first.state == VersionState.RETIRED
    assert first.text == BOARD
    assert second.number == 2
    assert Version.objects.published().count() == 1


def test_the_same_text_again_changes_nothing(events: Events) -> None:
    assert put(BOARD, events).pk == put(BOARD, events).pk
    assert len(events) == 1


def test_reverting_publishes_the_old_text_as_a_new_version(events: Events) -> None:
    first = put(BOARD, events)
    put(BOARD.replace("as: decimal", "as: integer"), events)
    third = revert(version=first, actor="ben", note="", now=NOW, record=events.record)
    assert (third.number, third.text, third.author, third.note) == (3, BOARD, "ben", "back to version 1")
    assert load_family().board_version_id == third.pk


def test_customers_and_aliases_follow_the_document(events: Events) -> None:
    put(BOARD, events)
    put(HARBOUR, events)
    customer = Customer.objects.get(name="HARBOUR")
    assert set(customer.aliases.values_list("text", flat=True)) == {"HARBOUR", "HARBOUR (AU)", "HARBOUR (US)"}
    put(HARBOUR.replace("[HARBOUR (AU), HARBOUR (US)]", "[Harbour (au), HARBOUR NZ]"), events)
    assert set(customer.aliases.values_list("text", flat=True)) == {"HARBOUR", "Harbour (au)", "HARBOUR NZ"}
    assert load_family().family.customer_of("harbour nz") == "HARBOUR"


def test_an_alias_of_another_customer_is_refused_and_nothing_is_written(events: Events) -> None:
    put(HARBOUR, events)
    with pytest.raises(NotPublishable) as refusal:
        put(BHOOD.replace("[BHOOD]", "[harbour (us)]"), events)
    assert "belongs to 'HARBOUR' too" in str(refusal.value)
    assert refusal.value.problems[0].line == 3
    assert not Customer.objects.filter(name="B'HOOD").exists()
    assert Document.objects.count() == 1
    assert len(events) == 1


def test_a_name_that_is_an_alias_of_another_customer_is_refused(events: Events) -> None:
    put(HARBOUR, events)
    with pytest.raises(NotPublishable, match="is an alias of HARBOUR"):
        put("version: 1\ncustomer: Harbour (US)\n", events)


def test_a_text_with_an_error_is_refused(events: Events) -> None:
    with pytest.raises(NotPublishable) as refusal:
        put(BOARD.replace("as: decimal", "as: decmal"), events)
    assert [problem.path for problem in refusal.value.problems] == ["columns.PRICE.as"]
    assert not Version.objects.exists()


def test_a_text_of_another_document_is_refused(events: Events) -> None:
    put(BOARD, events)
    put(HARBOUR, events)
    board, customer = Document.objects.boards().get(), Document.objects.for_customers().get()
    with pytest.raises(NotPublishable, match="of the board 5600100200, not 77"):
        publish(
            document=board, text=BOARD.replace("5600100200", "77"), actor="a", note="", now=NOW, record=events.record
        )
    with pytest.raises(NotPublishable, match="of the customer HARBOUR, not B'HOOD"):
        publish(document=customer, text=BHOOD, actor="a", note="", now=NOW, record=events.record)


def test_documents_that_clash_are_refused_on_both_sides(events: Events) -> None:
    put(BOARD, events)
    put(HARBOUR, events)
    with pytest.raises(NotPublishable, match="goes to numeric_price"):
        put(HARBOUR + "columns: {PO: numeric_price}\n", events)
    put(HARBOUR + "columns: {PO: text_po}\n", events)
    with pytest.raises(NotPublishable, match="together with the document of HARBOUR"):
        put(BOARD.replace("long_text_notes", "text_po"), events)


def test_warnings_do_not_forbid_publishing(events: Events) -> None:
    text = BOARD.replace("color_unit", "lookup_unit")
    document = document_for(text)
    assert [problem.severity for problem in publishing_problems(document, text)] == ["warning"]
    put(text, events)


def test_the_pinned_versions_can_be_loaded_again(events: Events) -> None:
    put(BOARD, events)
    put(HARBOUR, events)
    pinned = load_family()
    put(BOARD.replace("as: decimal", "as: integer"), events)
    put(HARBOUR.replace("XXL", "XL"), events)
    again = load_pinned(pinned.board_version_id, pinned.customer_version_ids)
    assert again.family.key("HARBOUR") == pinned.family.key("HARBOUR") != load_family().family.key("HARBOUR")
    with pytest.raises(NoMapping):
        load_pinned(pinned.board_version_id, {"HARBOUR": 10**9})


def test_a_board_is_found_by_name_or_id_and_named_where_it_is_not(events: Events) -> None:
    with pytest.raises(NoMapping, match="No board's mapping is published"):
        load_family()
    put(BOARD, events)
    assert load_family("orders").family.board.board.id == "5600100200"
    assert load_family("5600100200").family.board.board.name == "Orders"
    with pytest.raises(NoMapping, match="Did you mean 'Orders'"):
        load_family("Ordres")
    other = BOARD.replace("5600100200", "77").replace("name: Orders", "name: Samples")
    put(other, events)
    with pytest.raises(NoMapping, match="Orders, Samples"):
        load_family()
    assert load_family("Samples").family.board.board.id == "77"


def test_two_boards_may_have_one_name(events: Events) -> None:
    put(BOARD, events)
    put(BOARD.replace("5600100200", "77"), events)
    assert set(Document.objects.values_list("name", flat=True)) == {"Orders", "Orders (77)"}


def test_the_shipped_documents_are_published_once(events: Events) -> None:
    assert ensure_shipped(actor="policy:first boot", now=NOW, record=events.record)
    assert len(events) == len(shipped_files()) >= 13
    family = load_family().family
    assert {"HARBOUR", "B'HOOD", "WHITE|FOX", "云端服饰", "FERN & TIDE [OUTLET]"} <= set(family.customers)
    assert family.customer_of("HARBOUR (US)") == "HARBOUR"
    assert len(family.default.columns) == 43
    assert not ensure_shipped(actor="policy:first boot", now=NOW, record=events.record)
    assert len(events) == len(shipped_files())


def test_a_recorder_that_fails_undoes_the_publishing() -> None:
    def fail(**event: Any) -> None:
        raise RuntimeError("no audit")

    with pytest.raises(RuntimeError):
        publish_text(text=HARBOUR, actor="anna", note="", now=NOW, record=fail)
    assert not Version.objects.exists()
    assert not Customer.objects.exists()


def version_of(document: Document, number: int) -> Version:
    fields: dict[str, Any] = {"text": "x", "sha256": "0" * 64, "author": "a", "created_at": NOW, "published_at": NOW}
    return Version(document=document, number=number, state=VersionState.PUBLISHED, **fields)


def test_the_database_allows_one_published_version_a_document() -> None:
    document = Document.objects.create(kind="board", name="B", board_key="1")
    version_of(document, 1).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        version_of(document, 2).save()


def test_the_database_refuses_two_owners_of_one_alias() -> None:
    one, other = Customer.objects.create(name="A"), Customer.objects.create(name="B")
    Alias.objects.create(customer=one, text="X", folded="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        Alias.objects.create(customer=other, text="x", folded="x")


def test_the_database_refuses_a_document_of_nothing() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.create(kind="board", name="B", board_key="")
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.create(kind="customer", name="C")
