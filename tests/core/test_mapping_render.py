"""Rendering: a row becomes an order with its problems, or is refused with every reason."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from mapping.core.family import ColumnsMissing
from mapping.core.order import CellProblem, Rendered
from monday.core.structure import BoardStructure, Column

from .mapping_samples import BOARD, COLUMNS, HARBOUR, family, invalid, order, render, row


def changed(old: str, new: str) -> Any:
    assert old in BOARD
    return family(BOARD.replace(old, new, 1), HARBOUR)


def test_a_row_becomes_an_order() -> None:
    rendered = render(PRICE="$1,204.50", SEASON="SS26", UNIT="EACH", S=3, XXL=2, TOTAL=5, EX_FACTORY=date(2026, 1, 31))
    assert isinstance(rendered, Rendered)
    assert rendered.customer == "HARBOUR"
    assert rendered.key == ("A1", "ST1")
    assert rendered.problems == ()
    assert rendered.order.name == "ST1 RED A1"
    assert rendered.order.group == "HARBOUR SS26"
    assert rendered.order.sizes == {"S": 3, "XXL": 2}
    assert rendered.order.left == ()
    assert rendered.order.cells == {
        "text_order": "A1",
        "dropdown_customer": ["HARBOUR (AU)"],
        "dropdown_style": ["ST1"],
        "dropdown_type": ["RECEIVED"],
        "numeric_price": "1204.5",
        "numeric_tariff": None,
        "date_exf": "2026-01-31",
        "color_unit": "EACH",
        "long_text_notes": None,
    }


@pytest.mark.parametrize(
    ("seasons", "group"),
    [
        ({"SEASON": "SS26", "AAG_SEASON": "W26"}, "HARBOUR SS26"),
        ({"SEASON": "  ", "AAG_SEASON": "W26"}, "HARBOUR W26"),
        ({}, "HARBOUR NO SEASON"),
    ],
)
def test_the_group_takes_the_first_filled_season(seasons: dict[str, str], group: str) -> None:
    assert order(**seasons).group == group


def test_an_empty_part_leaves_no_double_blank_in_the_name() -> None:
    assert order(COLOUR=None).name == "ST1 A1"


COSMETIC = [
    ("PRICE", ["28.86", "28.860", " 28.86 ", "$28.86", "28.86 USD", "+28.86", 28.86, Decimal("28.8600"), "028.86"]),
    ("PRICE", ["1,204.50", "1204.5", "US$ 1,204.50", 1204.5, Decimal("1204.500")]),
    ("PRICE", ["0", "0.00", "-0", 0, 0.0, "$0"]),
    ("PRICE", ["", "   ", None, "\t"]),
    ("PRICE", ["-5", "-$5.00", "$-5", Decimal("-5.0")]),
    ("TARIFF", ["TRUE", "true ", True, "0", "0%", 0]),
    ("TARIFF", ["16.5%", "16.50 %", 16.5, "16.5"]),
    (
        "EX_FACTORY",
        ["2026-01-01", "2026-01-01T00:00", "2026-01-01 00:00:00.000", date(2026, 1, 1), datetime(2026, 1, 1)],
    ),
    ("STYLE", ["ST1", " ST1", "ST1\r\n", "S\x07T1", "ST1\u200b"]),
    ("STYLE", ["CAFÉ", "CAFE\u0301"]),
    ("NOTES", ["one\ntwo", "one\r\ntwo ", "one\rtwo"]),
    ("TYPE", ["ACTIVE", "active", " Active "]),
    ("S", [None, 0, "", "0", 0.0]),
]


@pytest.mark.parametrize(("column", "spellings"), COSMETIC)
def test_spellings_that_show_the_same_render_the_same(column: str, spellings: list[Any]) -> None:
    first, *others = [order(**{column: spelling}) for spelling in spellings]
    assert others == [first] * len(others)


@pytest.mark.parametrize("text", ["NO", "1:30", "012", "1e3", "2026-01-01", "007.50", "1,204", "TRUE"])
def test_texts_and_labels_stay_what_they_are(text: str) -> None:
    cells = order(ORDER=text, STYLE=text, NOTES=text, UNIT=text).cells
    assert cells["text_order"] == text
    assert cells["dropdown_style"] == [text]
    assert cells["long_text_notes"] == text
    assert cells["color_unit"] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(12, "12"), (12.0, "12"), (1e22, "1" + "0" * 22), (Decimal("1E+3"), "1000"), (True, "TRUE"), (b"abc", "abc")],
        *[(UUID(int=1), str(UUID(int=1))), (date(2026, 1, 2), "2026-01-02"), (b"\xff", "FF")],
    ],
)
def test_any_type_of_the_source_has_one_text(value: object, text: str) -> None:
    assert order(ORDER=value).cells["text_order"] == text


def test_values_that_are_one_key_to_a_dict_are_told_apart() -> None:
    read = family().renderer("HARBOUR", COLUMNS, None)
    for value, text in ((1, "1"), (True, "TRUE"), (1.0, "1"), (True, "TRUE"), ("1", "1")):
        rendered = read(row(ORDER=value))
        assert isinstance(rendered, Rendered)
        assert rendered.order.cells["text_order"] == text


@pytest.mark.parametrize(
    "price", ["TBC", "28,86", "1e3", "12,34.5", "1,20", "$", "-", ".", "NaN", "９", "5%", float("inf"), "9" * 50]
)
def test_an_unreadable_price_does_not_hide_the_order(price: object) -> None:
    rendered = render(PRICE=price, EX_FACTORY="2026-01-31")
    assert isinstance(rendered, Rendered)
    assert "numeric_price" not in rendered.order.cells
    assert rendered.order.left == ("numeric_price",)
    (problem,) = rendered.problems
    assert (problem.column, problem.value, problem.owner) == ("PRICE", str(price), "source")
    assert problem.reason


PERCENT = "{to: numeric_tariff, as: percent, values:"
FRACTION = "{to: numeric_tariff, as: fraction, values:"


@pytest.mark.parametrize(
    ("cell", "points", "share"),
    [
        ("16.5%", "16.5", "0.165"),
        ("16.50 %", "16.5", "0.165"),
        ("0.5%", "0.5", "0.005"),
        ("-2.5%", "-2.5", "-0.025"),
        ("100%", "100", "1"),
        ("0%", "0", "0"),
        ("0", "0", "0"),
        ("0.00", "0", "0"),
        ("TRUE", "0", "0"),
        ("16.5", "16.5", None),
        (16.5, "16.5", None),
        ("1", "1", "1"),
        ("1.2", "1.2", None),
        ("0.165", None, "0.165"),
        (0.165, None, "0.165"),
        (".165", None, "0.165"),
        ("-0.165", None, "-0.165"),
        ("0.123456789012345678901234567890123%", "0.123456789012345678901234567890123", None),
        ("1234567890123456789012345678%", "1234567890123456789012345678", "12345678901234567890123456.78"),
        ("TBC", None, None),
        ("5%%", None, None),
        ("%", None, None),
    ],
)
def test_a_percentage_is_written_as_the_mapping_says_and_never_guessed(
    cell: object, points: str | None, share: str | None
) -> None:
    for text, wanted in ((PERCENT, points), (FRACTION, share)):
        made = changed(PERCENT, text) if text != PERCENT else family()
        rendered = render(made, TARIFF=cell, EX_FACTORY="2026-01-31")
        assert isinstance(rendered, Rendered)
        if wanted is None and "0.1234567" in str(cell):
            continue
        assert rendered.order.cells.get("numeric_tariff", None) == wanted
        assert ("numeric_tariff" in rendered.order.left) is (wanted is None)
        assert len(rendered.problems) == (wanted is None)


def test_an_unclear_percentage_names_both_readings_and_the_remedy() -> None:
    (problem,) = render(TARIFF="0.165").problems
    assert problem.reason == "is not clear: it may be 16.5% or 0.165%; `as: fraction` reads shares of one"
    (problem,) = render(changed(PERCENT, FRACTION), TARIFF="16.5").problems
    assert problem.reason == "is not clear: it may be 16.5% or 16.5 times; `as: percent` reads percentages"


def test_an_unreadable_price_makes_the_order_invalid_where_the_mapping_says_so() -> None:
    made = changed("{to: numeric_price, as: decimal}", "{to: numeric_price, as: decimal, unreadable: reject}")
    assert invalid(made, PRICE="TBC").problems == (CellProblem("PRICE", "TBC", "is not a number"),)


def test_a_required_cell_is_needed() -> None:
    refused = invalid(ORDER="  ")
    assert [(problem.column, problem.reason) for problem in refused.problems] == [
        ("ORDER", "is empty, and the mapping requires it")
    ]
    assert refused.key == ("", "ST1")


def test_an_empty_cell_is_cleared_or_kept_as_the_mapping_says() -> None:
    made = order(PRICE=None, EX_FACTORY=None)
    assert made.cells["numeric_price"] is None
    assert "date_exf" not in made.cells
    assert made.left == ("date_exf",)


def test_a_value_without_an_entry_is_refused_left_or_passed() -> None:
    assert invalid(TYPE="DRAFT").problems[0].owner == "mapping"
    left = render(changed("otherwise: reject", "otherwise: leave"), TYPE="DRAFT")
    assert isinstance(left, Rendered)
    assert left.order.left == ("date_exf", "dropdown_type")
    assert left.problems[0].value == "DRAFT"
    assert order(changed("otherwise: reject", "otherwise: pass"), TYPE="DRAFT").cells["dropdown_type"] == ["DRAFT"]
    assert order(TYPE=None).cells["dropdown_type"] is None


def test_a_value_may_be_mapped_to_nothing() -> None:
    assert order(changed("values: {ACTIVE: RECEIVED,", "values: {ACTIVE: '',")).cells["dropdown_type"] is None


def test_texts_beyond_the_columns_limit_are_not_cut() -> None:
    rendered = render(NOTES="x" * 2001, UNIT="y" * 31)
    assert isinstance(rendered, Rendered)
    assert set(rendered.order.left) == {"color_unit", "date_exf", "long_text_notes"}
    assert order(NOTES="x" * 2000).cells["long_text_notes"] == "x" * 2000


def test_a_name_or_group_that_the_board_would_refuse_makes_the_order_invalid() -> None:
    assert "255" in invalid(COLOUR="x" * 300).problems[0].reason
    assert "255" in invalid(SEASON="x" * 300).problems[0].reason
    assert (
        "empty"
        in invalid(changed('item: "{STYLE} {COLOUR} {ORDER}"', 'item: "{COLOUR}"'), COLOUR=" ").problems[0].reason
    )


@pytest.mark.parametrize("quantity", [4, 4.0, "4", Decimal("4.00"), " 4 "])
def test_a_quantity_may_come_in_any_type(quantity: object) -> None:
    assert order(S=quantity, TOTAL=4).sizes == {"S": 4}


@pytest.mark.parametrize("quantity", ["4.5", "four", 1.5, True, float("nan"), 10**13])
def test_a_quantity_that_is_no_number_of_pieces_makes_the_order_invalid(quantity: object) -> None:
    assert "whole number" in invalid(S=quantity, TOTAL=4).problems[0].reason


def test_a_negative_quantity_makes_the_order_invalid() -> None:
    assert invalid(S=-1, M=2, TOTAL=1).problems == (CellProblem("S", "-1", "is negative"),)


@pytest.mark.parametrize("total", [4, None, "", "six", -5, "4.5"])
def test_a_total_that_is_not_the_sum_makes_the_order_invalid(total: object) -> None:
    (problem,) = invalid(S=2, M=3, TOTAL=total).problems
    assert problem.column == "TOTAL"


@pytest.mark.parametrize("total", [5, 5.0, "5", Decimal(5)])
def test_a_total_in_any_type_is_compared_as_a_number(total: object) -> None:
    assert order(S=2, M=3, TOTAL=total).sizes == {"S": 2, "M": 3}


@pytest.mark.parametrize("total", [0, None, "", "0"])
def test_an_order_without_sizes_is_an_order(total: object) -> None:
    assert order(TOTAL=total).sizes == {}


def test_columns_renamed_to_one_size_are_summed() -> None:
    sizes = order(**{"XXL": 2, "2XL": 3, "S": 1, "TOTAL": 6}).sizes
    assert sizes == {"S": 1, "XXL": 5}
    assert list(sizes) == ["S", "XXL"]
    assert order(**{"2XL": 3, "TOTAL": 3}).sizes == {"XXL": 3}


def test_a_column_among_the_sizes_that_is_none_is_left_out() -> None:
    assert order(**{"COLOUR CODE": "R7", "S": 1, "TOTAL": 1}).sizes == {"S": 1}


def test_every_reason_is_named_at_once() -> None:
    refused = invalid(ORDER=None, TYPE="DRAFT", S=-1, PRICE="TBC")
    assert {problem.column for problem in refused.problems} == {"ORDER", "TYPE", "S", "PRICE"}


def test_cells_stand_in_the_order_of_their_ids() -> None:
    cells = order().cells
    assert list(cells) == sorted(cells)


def test_the_live_boards_kind_decides_over_the_id() -> None:
    board = BoardStructure("1", "Orders", {"dropdown_style": Column("dropdown_style", "STYLE", "text")})
    rendered = render(structure=board)
    assert isinstance(rendered, Rendered)
    assert rendered.order.cells["dropdown_style"] == "ST1"


def test_a_kind_that_is_not_written_leaves_the_cell_and_blames_the_mapping() -> None:
    board = BoardStructure("1", "Orders", {"dropdown_style": Column("dropdown_style", "STYLE", "mirror")})
    rendered = render(structure=board)
    assert isinstance(rendered, Rendered)
    assert rendered.problems[0].owner == "mapping"
    assert "mirror" in rendered.problems[0].reason


def test_a_missing_source_column_is_named_with_the_near_one() -> None:
    columns = ["PRYCE" if name == "PRICE" else name for name in COLUMNS]
    with pytest.raises(ColumnsMissing) as refusal:
        family().renderer("HARBOUR", columns, None)
    assert "'PRICE'" in str(refusal.value)
    assert "Did you mean 'PRYCE'?" in str(refusal.value)


def test_a_renamed_size_must_be_a_size() -> None:
    with pytest.raises(ColumnsMissing, match="'2XL' is no size column"):
        family().renderer("HARBOUR", [name for name in COLUMNS if name != "2XL"], None)


def test_a_board_without_sizes_renders_without_them() -> None:
    made = family(BOARD[: BOARD.index("sizes:")], HARBOUR.replace("sizes: {rename: {2XL: XXL}}", ""))
    assert order(made, S=3).sizes == {}
    assert made.line_shape("HARBOUR") is None
