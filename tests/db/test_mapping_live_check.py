"""check_mapping against a board: what it would not take, its free places, and the labels that orders would bring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from mapping.core.targets import expected_structure
from mapping.models import Document, Version
from mapping.publish import NotPublishable, publish_text, publishing_problems, shipped_files
from monday.core.structure import BoardStructure, Column, Label
from monday.models import Board
from monday.sandbox.app import SandboxApp
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore
from tests.core.mapping_samples import BHOOD, BOARD, COLUMNS, HARBOUR, family

from .source_tables import TABLE, small_table

pytestmark = pytest.mark.django_db(databases=["default", "orders"])

FACTS = Path(__file__).parents[3] / "shared" / "reference" / "orders-unified.yaml"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MAPPING = family().mapping("HARBOUR")
EXPECTED = expected_structure(MAPPING)
OURS = BOARD.replace("table: ORDERS", f"table: {TABLE}")
WHOLE = ("S", "M", "XXL", "2XL", "TOTAL")


def check_mapping(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("check_mapping", *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def publish(*texts: str) -> None:
    for text in texts:
        publish_text(text=text, actor="anna", note="", now=NOW, record=lambda **event: None)


def known(structure: BoardStructure, environment: str = "production") -> Board:
    return Board.objects.create(
        environment=environment,
        address=f"https://{environment}.example/v2",
        account_id="1",
        board_id=structure.id,
        name=structure.name,
        structure=structure.to_json(),
        read_at=NOW,
    )


@pytest.fixture
def served(tmp_path: Path, settings: Any) -> Iterator[SandboxStore]:
    store = SandboxStore(str(tmp_path / "sandbox.sqlite3"))
    with running(SandboxApp(store)) as address:
        settings.MONDAY_API_URL = f"{address}/v2"
        settings.MONDAY_API_TOKEN = "a-token-for-the-sandbox"
        yield store
    store.close()


def orders(*rows: dict[str, Any]) -> Any:
    columns = {name: "uuid" if name == "record_uuid" else "int" if name in WHOLE else "text" for name in COLUMNS}
    return small_table(columns, [tuple(row.get(name) for name in COLUMNS) for row in rows])


@pytest.mark.skipif(not FACTS.exists(), reason="../shared/reference/orders-unified.yaml lies not beside the checkout")
def test_the_stale_column_of_the_facts_is_named_at_its_line_by_the_live_board(
    served: SandboxStore, tmp_path: Path
) -> None:
    facts = yaml.load(FACTS.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    live = {name: Column(name, *about) for name, about in facts["board"]["columns"].items()}
    below = {name: Column(name, *about) for name, about in facts["subitem_board"]["columns"].items()}
    lines = BoardStructure("5600100201", facts["subitem_board"]["name"], below)
    served.seed(BoardStructure("5600100200", facts["board"]["name"], live, subitems=lines, items_limit=10_000))
    shipped = shipped_files()[0]
    stale = tmp_path / "board.yaml"
    text = shipped.read_text(encoding="utf-8")
    assert "text_mkr5kyf4" in text, "the shipped document says which id it does not take over"
    stale.write_text(text.replace("{to: numeric_mksfr0r2,", "{to: text_mkr5kyf4,"), encoding="utf-8")
    line = next(n for n, each in enumerate(stale.read_text().splitlines(), 1) if each.startswith("  FREIGHT"))
    code, printed = check_mapping(str(stale), "--online")
    assert code == 2
    (named,) = [each for each in printed.splitlines() if "FREIGHT" in each]
    assert named.startswith(f"{stale}:{line}:")
    assert "no column text_mkr5kyf4" in named
    assert "Did you mean numeric_mksfr0r2 (FREIGHT, numbers)?" in named
    _, printed = check_mapping(str(shipped), "--online")
    found = [each for each in printed.splitlines() if each.startswith(str(shipped)) and "warning" not in each]
    assert len(found) == 2, "the UUID column and the key column are what prepare_board makes"
    assert all("prepare_board" in each for each in found)
    assert "0 of 10,000 items, 10,000 places free." in printed
    assert Board.objects.get(board_id="5600100200").structure is not None, "what was read is remembered"


def test_the_labels_of_the_orders_are_held_against_their_columns(tmp_path: Path) -> None:
    publish(OURS.replace("STYLE: dropdown_style", "STYLE: {to: dropdown_style, labels: {at_most: 2}}"), HARBOUR, BHOOD)
    columns = {
        **EXPECTED.columns,
        "dropdown_style": Column("dropdown_style", "STYLE", "dropdown", (Label(1, "Oxford"),)),
    }
    known(replace(EXPECTED, columns=columns, items_count=9_990))
    rows = [{"CUSTOMER": "HARBOUR (AU)", "STYLE": style, "TYPE": "ACTIVE"} for style in ("OXFORD", "Chino", " Chino ")]
    rows += [{"CUSTOMER": "nobody", "STYLE": "of a stranger"}, {"CUSTOMER": "BHOOD", "STYLE": "Chino", "2XL": 3}]
    rows += [{"CUSTOMER": "HARBOUR", "STYLE": "Chino", "2XL": 3, "S": 0}]
    with orders(*rows):
        code, printed = check_mapping("--known")
        labels = json.loads(check_mapping("--known", "--json")[1])["board"]["labels"]
    assert code == 0, printed
    assert "9,990 of 10,000 items, 10 places free." in printed
    assert "  STYLE: 1 label, 2 missing (create), at most 2, 1 nearly alike" in printed
    assert "'OXFORD' from 'Oxford'" in printed
    assert "STYLE has 1 label of at most 2, and the source brings 2 more" in printed
    by_title = {each["title"]: each for each in labels}
    assert by_title["STYLE"]["missing"] == ["Chino", "OXFORD"]
    assert by_title["Size"]["missing"] == ["2XL", "XXL"], "HARBOUR writes XXL where B'HOOD writes 2XL"
    assert by_title["TYPE"]["missing"] == ["RECEIVED"]


def test_an_order_table_that_cannot_be_read_is_not_called_empty() -> None:
    publish(BOARD.replace("table: ORDERS", "table: NOT_THERE"), HARBOUR)
    known(EXPECTED)
    code, printed = check_mapping("--known")
    assert code == 0
    assert "Labels of the orders were not checked" in printed


def test_a_column_of_one_customer_is_named_in_that_customers_document(tmp_path: Path) -> None:
    publish(OURS)
    known(EXPECTED)
    file = tmp_path / "harbour.yaml"
    file.write_text(HARBOUR + "columns:\n  PO: text_gone\n", encoding="utf-8")
    code, printed = check_mapping(str(file), "--known")
    assert code == 2
    assert [each for each in printed.splitlines() if each.startswith(f"{file}:6:")], printed
    assert "has no column text_gone" in printed


def test_the_real_board_is_preferred_to_a_local_one() -> None:
    publish(OURS)
    known(EXPECTED, "sandbox")
    bare = {name: column for name, column in EXPECTED.columns.items() if name != "numeric_price"}
    known(replace(EXPECTED, columns=bare))
    code, printed = check_mapping("--known")
    assert code == 2
    assert "no column numeric_price" in printed


def test_a_board_that_was_never_read_is_a_sentence() -> None:
    publish(OURS)
    with pytest.raises(CommandError, match="was never read"):
        check_mapping("--known")


def test_documents_that_are_broken_themselves_are_not_held_against_a_board(tmp_path: Path) -> None:
    file = tmp_path / "board.yaml"
    file.write_text(BOARD.replace("as: decimal", "as: decmal"), encoding="utf-8")
    code, printed = check_mapping(str(file), "--known")
    assert code == 2
    assert len(printed.splitlines()) == 1


def test_without_files_the_published_documents_are_checked() -> None:
    with pytest.raises(CommandError, match="No board's mapping is published"):
        check_mapping()
    publish(OURS, HARBOUR)
    code, printed = check_mapping()
    assert code == 0
    assert printed.splitlines() == [
        "Orders version 1: no problems",
        "customer HARBOUR version 1: no problems",
    ]


def test_a_table_name_with_quotes_is_only_a_table_that_is_not_there() -> None:
    publish(BOARD.replace("table: ORDERS", "table: 'x\" WHERE 1=1; DROP TABLE y; --'"))
    known(EXPECTED)
    assert "were not checked" in check_mapping("--known")[1]


def test_a_text_that_the_real_board_would_not_take_is_not_published() -> None:
    publish(OURS, HARBOUR)
    known(EXPECTED)
    with pytest.raises(NotPublishable) as refused:
        publish(OURS.replace("numeric_price", "numeric_prize"))
    (problem,) = refused.value.problems
    assert (problem.line, problem.path) == (19, "columns.PRICE.to")
    assert "no column numeric_prize (read 2026-03-01 00:00 UTC)" in problem.message
    assert "numeric_price" in problem.remedy
    assert "read again" in problem.remedy
    with pytest.raises(NotPublishable) as refused:
        publish(HARBOUR + "columns:\n  PO: text_gone\n")
    assert [(each.line, each.path) for each in refused.value.problems] == [(6, "columns.PO.to")]


def test_what_prepare_board_creates_forbids_no_publishing() -> None:
    bare = {name: column for name, column in EXPECTED.columns.items() if name != "text_record_uuid"}
    known(replace(EXPECTED, columns=bare))
    publish(OURS, HARBOUR)
    assert Version.objects.published().count() == 2
    document = Document.objects.boards().get()
    problems = publishing_problems(document, OURS)
    assert ("board.uuid_column", "warning") in {(each.path, each.severity) for each in problems}


def test_a_local_board_follows_the_mapping_and_forbids_nothing() -> None:
    known(EXPECTED, "sandbox")
    publish(OURS.replace("numeric_price", "numeric_prize"))
    assert Version.objects.published().count() == 1
