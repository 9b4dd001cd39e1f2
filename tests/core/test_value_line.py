"""A label is mapped to one that exists, in the text of a document and nowhere else in it."""

from __future__ import annotations

import pytest

from mapping.core.document import parse_board
from mapping.core.problems import errors
from mapping.core.value_line import has_column, with_value
from tests.core.mapping_samples import BOARD

BLOCK = """\
columns:
  # by hand
  STYLE:
    to: dropdown_style
    values:
      OLD: NEW  # kept
  UNIT:
    to: color_unit
  # "Ünit" stands before
  COLOUR: {to: dropdown_colour, values: {}}
"""


@pytest.mark.parametrize("column", ["STYLE", "UNIT", "COLOUR"])
def test_the_line_goes_into_whatever_layout_there_is_and_nothing_else_moves(column: str) -> None:
    changed = with_value(BLOCK, column, 'Na"vy: {É}', "NAVY")
    assert changed is not None and '"Na\\"vy: {É}": "NAVY"' in changed
    assert [line for line in BLOCK.splitlines() if line not in changed] in ([], [BLOCK.splitlines()[-1]])


@pytest.mark.parametrize("column", ["STYLE", "TYPE", "UNIT"])
def test_a_boards_document_holds_with_the_line_in_it(column: str) -> None:
    changed = with_value(BOARD, column, "Each", "EACH")
    assert changed is not None
    document, problems = parse_board(changed)
    assert document is not None and not errors(problems)
    assert (document.columns[column].values or {})["Each"] == "EACH"


def test_what_cannot_be_written_is_not() -> None:
    for text, column in ((BOARD, "NOBODY"), ("columns: [", "X"), ("columns: {X: [1]}", "X"), ("", "X"), ("a", "a")):
        assert with_value(text, column, "a", "b") is None
    assert with_value("columns: {X: {to: a, values: {A: B}}}", "X", "A", "C") is None
    assert has_column(BOARD, "STYLE") and not has_column("customer: X\n", "STYLE")
