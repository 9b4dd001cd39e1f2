"""A mapping against the live board and the source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mapping.core.document import parse_board
from mapping.core.problems import errors
from mapping.core.rules import Mapping, effective, size_columns
from mapping.core.targets import check, expected_structure, label_plan, source_columns_needed
from monday.core.structure import BoardStructure, Column, Group, Label

from .mapping_samples import BOARD, COLUMNS, HARBOUR, family

MAPPING = family().mapping("HARBOUR")
EXPECTED = expected_structure(MAPPING)
FACTS = Path(__file__).parents[3] / "shared" / "reference" / "orders-unified.yaml"
SHIPPED = Path(__file__).parents[2] / "mapping" / "shipped" / "board.yaml"


def with_column(column: Column, board: BoardStructure = EXPECTED) -> BoardStructure:
    return replace(board, columns={**board.columns, column.id: column})


def without(column_id: str, board: BoardStructure = EXPECTED) -> BoardStructure:
    return replace(board, columns={each: column for each, column in board.columns.items() if each != column_id})


def found(
    mapping: Mapping, board: BoardStructure | None, columns: tuple[str, ...] | None = COLUMNS
) -> list[tuple[str, str, str]]:
    return [(each.path, each.message, each.remedy) for each in errors(check(mapping, board, columns))]


def test_a_mapping_fits_the_board_that_it_expects() -> None:
    assert found(MAPPING, EXPECTED) == []


def test_the_expected_board_has_everything_that_a_sandbox_needs() -> None:
    assert EXPECTED.id == "5600100200"
    assert EXPECTED.subitems is not None
    assert EXPECTED.subitems.id == "5600100201"
    assert EXPECTED.items_limit == 10_000
    assert len(EXPECTED.groups) == 1
    kinds = {column.title: column.kind for column in EXPECTED.columns.values()}
    assert kinds["Name"] == "name"
    assert kinds["Subitems"] == "subtasks"
    assert kinds["Record UUID"] == "text"
    assert kinds["PRICE"] == "numbers"
    assert {column.title: column.kind for column in EXPECTED.subitems.columns.values()} == {
        "Name": "name",
        "Size": "dropdown",
        "Order Qty": "numbers",
        "Size Key": "text",
    }


def test_the_expected_board_serves_several_customers_at_once() -> None:
    other = family(BOARD, HARBOUR + "columns: {PO: text_po}\n").mapping("HARBOUR")
    assert "text_po" in expected_structure(MAPPING, other).columns


def test_required_labels_are_on_the_expected_board() -> None:
    made = family(BOARD.replace("otherwise: reject", "otherwise: reject, labels: require")).mapping("HARBOUR")
    board = expected_structure(made)
    assert board.columns["dropdown_type"].label_texts() == {"RECEIVED", "CANCELLED"}
    assert found(made, board) == []
    ((path, message, _),) = found(
        made, with_column(Column("dropdown_type", "TYPE", "dropdown", (Label(1, "RECEIVED"),)), board)
    )
    assert path == "columns.TYPE.values"
    assert "'CANCELLED'" in message


def test_a_stale_column_is_named_with_the_column_of_its_title() -> None:
    board = with_column(Column("numeric_new", "Price", "numbers"), without("numeric_price"))
    ((path, message, remedy),) = found(MAPPING, board)
    assert path == "columns.PRICE.to"
    assert "no column numeric_price" in message
    assert "numeric_new (Price, numbers)" in remedy


def test_an_archived_column_is_a_problem() -> None:
    ((path, message, _),) = found(MAPPING, with_column(Column("numeric_price", "PRICE", "numbers", archived=True)))
    assert path == "columns.PRICE.to"
    assert "archived" in message


@pytest.mark.parametrize(
    "kind", ["mirror", "formula", "item_id", "subtasks", "last_updated", "people", "something new"]
)
def test_a_kind_that_is_not_written_is_a_problem(kind: str) -> None:
    ((path, message, _),) = found(MAPPING, with_column(Column("numeric_price", "PRICE", kind)))
    assert path == "columns.PRICE.to"
    assert kind in message


def test_a_conversion_that_the_live_kind_does_not_take_is_a_problem() -> None:
    ((path, _, remedy),) = found(MAPPING, with_column(Column("numeric_price", "PRICE", "date")))
    assert path == "columns.PRICE.as"
    assert "date" in remedy


def test_the_uuid_and_key_columns_must_be_there_and_hold_text() -> None:
    assert "prepare_board" in found(MAPPING, without("text_record_uuid"))[0][2]
    assert found(MAPPING, with_column(Column("text_record_uuid", "UUID", "numbers")))[0][0] == "board.uuid_column"
    assert EXPECTED.subitems is not None
    bare = replace(EXPECTED, subitems=without("text_size_key", EXPECTED.subitems))
    assert found(MAPPING, bare)[0][0] == "sizes.key_column"
    assert found(MAPPING, replace(EXPECTED, subitems=None))[0][0] == "sizes.columns"


def test_a_size_column_of_the_wrong_kind_is_a_problem() -> None:
    assert EXPECTED.subitems is not None
    lines = with_column(Column("numeric_qty", "Order Qty", "formula"), EXPECTED.subitems)
    assert found(MAPPING, replace(EXPECTED, subitems=lines))[0][0] == "sizes.columns.quantity"


def test_a_label_that_differs_by_case_is_a_problem_with_the_existing_one_offered() -> None:
    board = with_column(Column("dropdown_type", "TYPE", "dropdown", (Label(1, "Received"),)))
    ((path, message, remedy),) = found(MAPPING, board)
    assert path == "columns.TYPE.values"
    assert "by case only" in message
    assert "Received" in remedy


def test_a_label_plan_tells_missing_ones_and_twins() -> None:
    column = Column("d", "D", "dropdown", (Label(1, "Red"), Label(2, "Old", active=False)))
    plan = label_plan(column, ["Red", "RED", "Blue", "Blue", "Old"])
    assert plan.missing == ("RED", "Blue", "Old")
    assert plan.twins == (("RED", "Red"),)


@pytest.mark.parametrize(
    ("label", "twin", "near"),
    [
        ("red", "Red", None),
        ("RED ", "Red", None),
        ("NAVY-BLUE", None, "Navy Blue"),
        ("Navy  Blue", None, "Navy Blue"),
        ("Navy", None, None),
        ("***", None, None),
        ("CAFE\u0301", None, None),
    ],
)
def test_namesakes_are_marked_by_how_they_differ(label: str, twin: str | None, near: str | None) -> None:
    column = Column("d", "D", "dropdown", (Label(1, "Red"), Label(2, "Navy Blue"), Label(3, "!!!")))
    plan = label_plan(column, [label])
    assert plan.missing == (label,)
    assert [old for _, old in plan.twins] == ([twin] if twin else [])
    assert [old for _, old in plan.near] == ([near] if near else [])


def test_namesakes_among_the_new_ones_are_marked_too() -> None:
    plan = label_plan(Column("d", "D", "dropdown"), ["Blue", "BLUE", "B-lue"])
    assert (plan.twins, plan.near) == ((("BLUE", "Blue"),), (("B-lue", "Blue"),))


def warned(mapping: Mapping, board: BoardStructure, **labels: set[str]) -> list[tuple[str, str]]:
    found = check(mapping, board, COLUMNS, labels)
    return [(each.path, each.message) for each in found if each.severity == "warning" and "label" in each.message]


def test_labels_of_rows_are_held_against_the_column_and_its_maximum() -> None:
    text = BOARD.replace("STYLE: dropdown_style", "STYLE: {to: dropdown_style, labels: {at_most: 3}}")
    mapping = family(text).mapping("HARBOUR")
    labels = (Label(1, "ST1"), Label(2, "ST2"))
    board = with_column(Column("dropdown_style", "STYLE", "dropdown", labels))
    assert warned(mapping, board, dropdown_style={"ST1", "ST3"}) == []
    ((path, message),) = warned(mapping, board, dropdown_style={"ST1", "ST3", "ST4"})
    assert path == "columns.STYLE.values"
    assert message == "STYLE has 2 labels of at most 3, and the source brings 2 more"
    ((path, message),) = warned(mapping, board, dropdown_style={"st2"})
    assert "'st2' from 'ST2'" in message


def test_a_status_column_never_gets_more_labels_than_the_board_takes() -> None:
    ((path, message),) = warned(MAPPING, EXPECTED, color_unit={f"U{number}" for number in range(41)})
    assert path == "columns.UNIT.values"
    assert "at most 40" in message


def test_labels_that_may_not_be_made_are_counted() -> None:
    mapping = family(BOARD.replace("UNIT: color_unit", "UNIT: {to: color_unit, labels: require}")).mapping("HARBOUR")
    ((_, message),) = warned(mapping, EXPECTED, color_unit={"EACH", "PACK"})
    assert message == "UNIT lacks 2 labels of the source: 'EACH', 'PACK'"


def test_the_size_column_is_held_against_its_labels_too() -> None:
    board = EXPECTED
    assert board.subitems is not None
    sizes = Column("dropdown_size", "Size", "dropdown", (Label(1, "xxl"),))
    board = replace(board, subitems=with_column(sizes, board.subitems))
    ((path, message),) = warned(MAPPING, board, dropdown_size={"S", "XXL"})
    assert path == "sizes.rename"
    assert "'XXL' from 'xxl'" in message


def test_a_full_board_and_a_missing_group_are_warnings() -> None:
    board = replace(EXPECTED, items_count=10_000)
    assert [each.path for each in check(MAPPING, board, COLUMNS) if each.severity == "warning"] == [
        "board.id",
        "deletions.group",
    ]
    board = replace(board, items_count=0, groups=(*board.groups, Group("r", "Removed")))
    assert check(MAPPING, board, COLUMNS) == ()


def test_missing_source_columns_are_named() -> None:
    columns = tuple(name for name in COLUMNS if name not in ("COLOUR", "TOTAL"))
    assert [(path, message) for path, message, _ in found(MAPPING, None, columns)] == [
        ("board.item", "the source has no column 'COLOUR'"),
        ("sizes.between", "the source has no column 'TOTAL'"),
        ("sizes.total", "the source has no column 'TOTAL'"),
    ]


def test_needed_columns_hold_every_name_of_the_mapping() -> None:
    assert source_columns_needed(MAPPING) == set(COLUMNS) - {"COLOUR CODE", "S", "M", "XXL", "2XL"}


def test_two_documents_that_fill_one_column_are_a_problem() -> None:
    mapping = family(BOARD, HARBOUR + "columns: {PO: numeric_price}\n").mapping("HARBOUR")
    assert found(mapping, None, None)[0][0] == "columns.PO"


@pytest.mark.skipif(not FACTS.exists(), reason="../shared/reference/orders-unified.yaml lies not beside the checkout")
def test_the_shipped_board_document_fits_the_board_and_the_table_of_the_facts() -> None:
    facts = yaml.load(FACTS.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    board, _ = parse_board(SHIPPED.read_bytes())
    assert board is not None
    live = {name: Column(name, *about) for name, about in facts["board"]["columns"].items()}
    below = {name: Column(name, *about) for name, about in facts["subitem_board"]["columns"].items()}
    lines = BoardStructure("2", facts["subitem_board"]["name"], below)
    structure = BoardStructure("1", facts["board"]["name"], live, subitems=lines)
    source = facts["source"]
    columns = (*source["columns_before_sizes"], *source["sizes"], *source["columns_after_sizes"])
    mapping = effective(board, None)
    # The board of the facts has no UUID and no key column yet; everything else must fit.
    assert {path for path, _, _ in found(mapping, structure, columns)} == {"board.uuid_column", "sizes.key_column"}
    pairs = {rules.source: rules.to for rules in mapping.columns}
    assert len(pairs) == 43
    assert mapping.sizes is not None
    assert list(size_columns(mapping.sizes, columns)) == source["sizes"]
    assert mapping.sizes.size_column == "dropdown_mkrak7qp"
    assert mapping.sizes.quantity_column == "numeric_mkra7j8e"
    assert mapping.source.identity == source["identity"]
    assert mapping.board.uuid_column not in live, "prepare_board makes it under this id"
    assert "text_mkr5kyf4 for FREIGHT, which the board no longer has" in " ".join(
        SHIPPED.read_text(encoding="utf-8").split()
    )
    stale = {name for name, to in facts["pairs"].items() if to not in live}
    assert pairs.keys() == facts["pairs"].keys()
    assert {name for name, to in facts["pairs"].items() if pairs[name] != to} == stale == {"FREIGHT"}
    # With the facts' own id for that column, the check names it and the live column of its title.
    text = SHIPPED.read_text(encoding="utf-8").replace(
        "FREIGHT: {to: numeric_mksfr0r2,", "FREIGHT: {to: text_mkr5kyf4,"
    )
    stale_board, _ = parse_board(text)
    assert stale_board is not None
    ((message, remedy),) = [
        (m, r) for path, m, r in found(effective(stale_board, None), structure, columns) if "FREIGHT" in path
    ]
    assert "text_mkr5kyf4" in message
    assert "numeric_mksfr0r2 (FREIGHT, numbers)" in remedy
