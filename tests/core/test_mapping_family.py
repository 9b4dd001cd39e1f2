"""Families: whose row it is, and what changes a customer's key."""

from __future__ import annotations

from datetime import date

import pytest

from mapping.core.family import UnknownCustomer, alias_problems
from mapping.core.order import LineShape
from mapping.core.rules import Include, effective
from mapping.core.templates import line_name

from .mapping_samples import BHOOD, BOARD, COLUMNS, HARBOUR, board_document, customer_document, family, row


@pytest.mark.parametrize(
    ("raw", "customer"),
    [
        ("HARBOUR", "HARBOUR"),
        (" harbour (us) ", "HARBOUR"),
        ("b'hood", "B'HOOD"),
        ("bhood\n", "B'HOOD"),
        ("HARBOUR (UK)", None),
        ("", None),
        (None, None),
    ],
)
def test_a_customer_is_found_by_its_spellings(raw: str | None, customer: str | None) -> None:
    assert family().customer_of(raw) == customer


def test_an_alias_of_two_customers_belongs_to_nobody_and_is_an_error_in_both() -> None:
    other = BHOOD.replace("[BHOOD]", "[Harbour (us)]")
    assert family(BOARD, HARBOUR, other).customer_of("HARBOUR (US)") is None
    problems = alias_problems([customer_document(HARBOUR), customer_document(other)])
    assert set(problems) == {"HARBOUR", "B'HOOD"}
    assert "belongs to 'HARBOUR' too" in problems["B'HOOD"][0].message


KEY_CHANGES = [
    ("as: decimal}", "as: integer}"),
    ("ACTIVE: RECEIVED", "ACTIVE: OPEN"),
    ("'NO SEASON'", "'NONE'"),
    ("empty: keep", "empty: clear"),
    ("  NOTES: long_text_notes\n", ""),
    ("to: numeric_price", "to: numeric_cost"),
    ("required: true", "required: false"),
    ("  total: TOTAL\n", ""),
    ("business_key: [ORDER, STYLE]", "business_key: [ORDER]"),
]


@pytest.mark.parametrize(("old", "new"), KEY_CHANGES)
def test_what_changes_rendering_changes_the_key(old: str, new: str) -> None:
    assert old in BOARD
    assert family(BOARD.replace(old, new)).key("HARBOUR") != family().key("HARBOUR")


KEY_KEEPERS = [
    ("version: 1\n", "# a comment\nversion: 1\nlabels: inline\nconflicts: source\n"),
    ("version: 1\n", "version: 1\npolicy: {four_eyes: true}\ndeletions: {action: keep}\n"),
    ("id: 5600100200", "id: 77"),
    ("{ACTIVE: RECEIVED, CANCELLED: CANCELLED}", "{CANCELLED: CANCELLED, ACTIVE: RECEIVED}"),
    ("  STYLE: dropdown_style\n", "  STYLE: {to: dropdown_style}\n"),
]


@pytest.mark.parametrize(("old", "new"), KEY_KEEPERS)
def test_what_does_not_change_rendering_keeps_the_key(old: str, new: str) -> None:
    assert old in BOARD
    assert family(BOARD.replace(old, new)).key("HARBOUR") == family().key("HARBOUR")


def test_another_customers_document_keeps_the_key() -> None:
    made = family(BOARD, HARBOUR, BHOOD + "business_key: [ORDER]\n")
    assert made.key("HARBOUR") == family().key("HARBOUR")
    assert made.key("B'HOOD") != family().key("B'HOOD")
    assert made.unknown_key == family().unknown_key


def test_a_moved_alias_changes_both_keys_and_a_new_one_the_key_of_the_unknown() -> None:
    moved = family(BOARD, HARBOUR.replace(", HARBOUR (US)", ""), BHOOD.replace("[BHOOD]", "[BHOOD, HARBOUR (US)]"))
    assert moved.key("HARBOUR") != family().key("HARBOUR")
    assert moved.key("B'HOOD") != family().key("B'HOOD")
    assert moved.unknown_key == family().unknown_key
    assert family(BOARD, HARBOUR).unknown_key != family().unknown_key


def test_keys_are_pinned_so_that_an_accidental_change_is_seen() -> None:
    """A change here stages nothing by itself, and makes every row of every installation render again once."""
    assert family().key("HARBOUR") == "17eb541aa869d869"
    assert family().unknown_key == "b399c45770a620aa"


def test_an_entry_of_the_customer_replaces_the_boards() -> None:
    text = HARBOUR + "columns:\n  PRICE: {to: numeric_cost, unreadable: reject}\n  PO: text_po\n"
    mapping = family(BOARD, text, BHOOD).mapping("HARBOUR")
    price = mapping.column("numeric_cost")
    assert price is not None
    assert (price.as_, price.unreadable) == (None, "reject")
    assert mapping.column("numeric_price") is None
    assert mapping.column("text_po") is not None
    assert family(BOARD, text, BHOOD).mapping("B'HOOD").column("numeric_price") is not None


def test_defaults_are_filled_in() -> None:
    mapping = effective(board_document(), None)
    order, price = mapping.column("text_order"), mapping.column("numeric_price")
    assert order is not None
    assert price is not None
    assert (order.empty, order.unreadable) == ("reject", "reject")
    assert (price.empty, price.unreadable, price.otherwise, price.labels, price.conflicts) == (
        *("clear", "leave", "pass", "create", "hold"),
    )
    assert (mapping.deletions.action, mapping.deletions.group, mapping.deletions.at_most) == ("move", "Removed", 0.02)
    assert (mapping.policy.approve, mapping.policy.sizes, mapping.policy.four_eyes) == ("person", "together", False)


def test_policy_is_laid_over_key_by_key() -> None:
    board = BOARD + "policy: {four_eyes: true, automatic_up_to: {orders: 50}}\n"
    made = family(board, HARBOUR + "policy: {approve: automatic, approvers: [team]}\n")
    policy = made.mapping("HARBOUR").policy
    assert policy.automatic_up_to is not None
    assert (policy.approve, policy.four_eyes, policy.automatic_up_to.orders, policy.approvers) == (
        "automatic",
        True,
        50,
        ("team",),
    )


def test_the_business_key_is_trimmed_text_and_may_be_the_customers_own() -> None:
    made = family(BOARD, HARBOUR + "business_key: [ORDER, PO]\n", BHOOD)
    cells = row(ORDER=" A1 ", PO=None, STYLE=7)
    assert made.business_key("HARBOUR", COLUMNS)(cells) == ("A1", "")
    assert made.business_key("B'HOOD", COLUMNS)(cells) == ("A1", "7")
    assert made.business_key(None, COLUMNS)(cells) == ("A1", "7")


def test_an_unknown_customer_has_no_mapping() -> None:
    with pytest.raises(UnknownCustomer):
        family().mapping("NOBODY")


def test_a_size_becomes_a_line() -> None:
    shape = family(BOARD.replace("  total: TOTAL", "  total: TOTAL\n  item: '{size} x {quantity}'")).line_shape(
        "HARBOUR"
    )
    assert shape == LineShape("{size} x {quantity}", "dropdown_size", "numeric_qty", "text_size_key")
    assert line_name(shape.name, "30/32", 4) == "30/32 x 4"
    assert line_name("{size}", "{size}", 1) == "{size}"


def test_include_counts_days_from_today() -> None:
    text = BOARD.replace(
        "  po_number: PO", "  po_number: PO\n  include: {TYPE: [ACTIVE], EX: {after: -365d, before: 2026-12-31}}"
    )
    include = family(text).mapping("HARBOUR").source.include
    assert include["TYPE"] == Include(values=("ACTIVE",))
    assert include["EX"].window(date(2026, 7, 1)) == (date(2025, 7, 1), date(2026, 12, 31))
