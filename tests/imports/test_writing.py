"""Changing the aliases of a document that a person typed: everything else stays as it is."""

from __future__ import annotations

import pytest

from mapping.core.document import parse_customer
from mapping.imports.writing import NotEditable, with_aliases

CUSTOMER = "# ours\nversion: 1\ncustomer: HARBOUR   # the big one\n"


@pytest.mark.parametrize(
    ("block", "kept"),
    [
        ("aliases: [A, B]   # spellings\ncolumns: {}\n", ["# spellings"]),
        ("aliases:\n  - A  # why\n  # a remark\n  - B\n\ncolumns: {}\n", ["# why", "# a remark"]),
        ("columns: {}\n", []),
    ],
)
def test_aliases_change_and_everything_else_stays(block: str, kept: list[str]) -> None:
    changed = with_aliases(CUSTOMER + block, ["A", "C, D", "NO"])
    document, _ = parse_customer(changed)
    assert document is not None
    assert document.aliases == ("A", "C, D", "NO")
    assert changed.startswith(CUSTOMER)
    for remark in kept:
        assert remark in changed
    assert parse_customer(with_aliases(changed, []))[0].aliases == ()  # type: ignore[union-attr]


def test_a_document_on_one_line_is_left_to_a_person() -> None:
    with pytest.raises(NotEditable):
        with_aliases("{version: 1, customer: A}", ["B"])
