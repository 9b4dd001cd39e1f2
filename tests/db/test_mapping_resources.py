"""Customers and aliases as lists: out as they stand, in through their documents, refused where an editor would be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import tablib

from mapping.models import Alias, Customer, Version
from mapping.publish import load_family, publish_text
from mapping.resources import AliasResource, CustomerResource
from tests.core.mapping_samples import BHOOD, BOARD

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)
HARBOUR = "# ours\nversion: 1\ncustomer: HARBOUR\naliases: [HARBOUR (AU), HARBOUR (US)]\n# the end\n"


class Events(list[dict[str, Any]]):
    def record(self, **event: Any) -> None:
        self.append(event)


@pytest.fixture
def events() -> Events:
    made = Events()
    for text in (BOARD, HARBOUR, BHOOD):
        publish_text(text=text, actor="anna", note="", now=NOW, record=lambda **event: None)
    return made


def brought(resource: type, events: Events, headers: list[str], *rows: tuple[Any, ...], dry_run: bool = False) -> Any:
    data = tablib.Dataset(*rows, headers=headers)
    made = resource(actor="ben", now=NOW, record=events.record)
    return made.import_data(data, dry_run=dry_run, use_transactions=True)


def customers(events: Events, *rows: tuple[Any, ...], dry_run: bool = False) -> Any:
    return brought(CustomerResource, events, ["customer", "aliases"], *rows, dry_run=dry_run)


def aliases(events: Events, *rows: tuple[Any, ...]) -> Any:
    return brought(AliasResource, events, ["customer", "alias"], *rows)


def kinds(result: Any) -> list[str]:
    assert not result.has_errors(), [str(error.error) for row in result.rows for error in row.errors]
    return [row.import_type for row in result.rows]


def test_a_list_goes_out_and_comes_in_without_a_change(events: Events) -> None:
    out = CustomerResource().export()
    assert out.headers == ["customer", "aliases"]
    assert out[1] == ("HARBOUR", "HARBOUR (AU)\nHARBOUR (US)")
    assert kinds(customers(events, *out)) == ["skip", "skip"]
    spellings = AliasResource().export()
    assert ("HARBOUR", "HARBOUR (US)") in list(spellings)
    assert set(kinds(aliases(events, *spellings))) == {"skip"}
    assert events == []


def test_a_changed_cell_changes_the_document_and_leaves_its_remarks(events: Events) -> None:
    assert kinds(customers(events, ("HARBOUR", "HARBOUR (AU)\n HARBOUR, NZ \nWHITE|FOX"))) == ["update"]
    text = Version.objects.published().get(document__name="customer HARBOUR").text
    assert text == HARBOUR.replace("[HARBOUR (AU), HARBOUR (US)]", '[HARBOUR (AU), "HARBOUR, NZ", WHITE|FOX]')
    assert load_family().family.customer_of("white|fox") == "HARBOUR"
    assert load_family().family.customer_of("HARBOUR (US)") is None
    assert [event["actor"] for event in events] == ["ben"]


def test_a_new_customer_gets_a_document(events: Events) -> None:
    assert kinds(customers(events, ("云杉服饰", "云杉"), (2026, None))) == ["new", "new"]
    assert load_family().family.customer_of("云杉") == "云杉服饰"
    assert load_family().family.customer_of("2026") == "2026"


def test_the_preview_shows_the_change_and_takes_it_back(events: Events) -> None:
    result = customers(events, ("HARBOUR", "HARBOUR (NZ)"), dry_run=True)
    assert kinds(result) == ["update"]
    assert "NZ" in "".join(result.rows[0].diff)
    assert not Alias.objects.filter(text="HARBOUR (NZ)").exists()


def test_an_alias_is_added_to_its_customer(events: Events) -> None:
    assert kinds(aliases(events, ("HARBOUR", "HARBOUR (NZ)"), ("QUAY", "The Quay"))) == ["new", "new"]
    family = load_family().family
    assert [family.customer_of(name) for name in ("harbour (nz)", "HARBOUR (AU)", "the quay")] == [
        "HARBOUR",
        "HARBOUR",
        "QUAY",
    ]


def refusal(result: Any) -> str:
    (row,) = result.invalid_rows
    return str(row.error)


@pytest.mark.parametrize("row", [("B'HOOD", "HARBOUR (US)"), ("B'HOOD", "harbour (us)")])
def test_an_alias_of_another_customer_is_refused_with_its_remedy(events: Events, row: tuple[str, str]) -> None:
    assert "belongs to HARBOUR. Remedy" in refusal(aliases(events, row))
    assert "belongs to 'HARBOUR' too" in refusal(customers(events, row))
    assert events == []


@pytest.mark.parametrize("name", ["", " ", "x" * 300, "harbour (us)"])
def test_a_name_that_cannot_stand_is_refused(events: Events, name: str) -> None:
    assert refusal(customers(events, (name, "X")))
    assert Customer.objects.count() == 2


def test_a_document_that_a_list_cannot_change_is_left_to_the_editor(events: Events) -> None:
    text = "{version: 1, customer: QUAY, aliases: [Q]}\n"
    publish_text(text=text, actor="anna", note="", now=NOW, record=lambda **event: None)
    assert "mapping editor" in refusal(customers(events, ("QUAY", "R")))


def test_nobody_imports_without_a_name() -> None:
    result = CustomerResource().import_data(tablib.Dataset(("A", "B"), headers=["customer", "aliases"]))
    assert "nobody would be named" in refusal(result)


def test_xlsx_and_csv_hold_the_same(events: Events) -> None:
    out = CustomerResource().export()
    for kind in ("csv", "xlsx"):
        data = out.export(kind)
        again = tablib.Dataset().load(data, format=kind)
        assert kinds(CustomerResource(actor="ben", now=NOW, record=events.record).import_data(again)) == [
            "skip",
            "skip",
        ]
