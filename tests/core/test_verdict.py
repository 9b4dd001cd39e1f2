"""New, changed, unchanged or waiting: what is decided of a rendered order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mapping.core.order import Order
from staging.core.fingerprint import fingerprint
from staging.core.lifecycle import REMEMBERED, OrderState
from staging.core.verdict import Accepted, Kind, Remembered, judge

A = Order("A1", "SS27", {"price": "10"}, {"S": 1})
B = replace(A, cells={"price": "11"})
C = replace(A, cells={"price": "12"})


def accepted(order: Order = A, removed: bool = False, **withheld: str) -> Accepted:
    return Accepted(order, fingerprint(order), withheld, removed)


def remembered(order: Order, state: str, operation: str = "update") -> Remembered:
    return Remembered(fingerprint(order), state, operation)


def kind(order: Order, known: Accepted | None, last: Remembered | None = None) -> Kind:
    return judge(order, fingerprint(order), known, last).kind


def test_an_order_that_nobody_knows_is_new() -> None:
    verdict = judge(A, fingerprint(A), None, None)
    assert (verdict.kind, verdict.operation, verdict.before, verdict.after) == (Kind.NEW, "create", None, A)


def test_what_the_board_accepted_is_unchanged() -> None:
    assert kind(A, accepted()) is Kind.UNCHANGED


def test_another_value_is_a_change() -> None:
    verdict = judge(B, fingerprint(B), accepted(), None)
    assert (verdict.kind, verdict.operation, verdict.before, verdict.after) == (Kind.CHANGED, "update", A, B)


@pytest.mark.parametrize("state", sorted(set(REMEMBERED) - {"undone", "kept"}))
def test_exactly_the_order_that_is_in_somebodys_hands_waits(state: str) -> None:
    assert kind(B, accepted(), remembered(B, state)) is Kind.WAITING
    assert kind(B, None, remembered(B, state, "create")) is Kind.WAITING


@pytest.mark.parametrize("state", [str(state) for state in OrderState])
def test_another_order_than_the_remembered_one_is_staged(state: str) -> None:
    assert kind(C, accepted(), remembered(B, state)) is Kind.CHANGED
    assert kind(C, None, remembered(B, state, "create")) is Kind.NEW


@pytest.mark.parametrize("state", ["applied", "superseded"])
def test_what_is_over_is_not_remembered(state: str) -> None:
    assert kind(B, accepted(), remembered(B, state)) is Kind.CHANGED


def test_an_undone_creation_waits_until_the_source_moves() -> None:
    assert kind(A, None, remembered(A, "undone", "create")) is Kind.WAITING
    assert kind(B, None, remembered(A, "undone", "create")) is Kind.NEW


def test_a_removal_says_nothing_about_an_order_that_came_back() -> None:
    back = Remembered("", "declined", "remove")
    assert kind(B, accepted(), back) is Kind.CHANGED
    assert kind(A, accepted(), back) is Kind.UNCHANGED


def test_an_order_that_returns_to_the_source_is_restored_even_where_nothing_differs() -> None:
    aside = replace(A, group="Removed")
    verdict = judge(A, fingerprint(A), accepted(aside, removed=True), None)
    assert (verdict.kind, verdict.operation, verdict.after) == (Kind.CHANGED, "restore", A)
    assert judge(aside, fingerprint(aside), accepted(aside, removed=True), None).operation == "restore"


def test_a_restoration_that_was_undone_waits_until_the_source_moves() -> None:
    aside = accepted(replace(A, group="Removed"), removed=True, group="SS27")
    assert kind(A, aside, remembered(A, "undone", "restore")) is Kind.WAITING
    verdict = judge(B, fingerprint(B), aside, remembered(A, "undone", "restore"))
    assert (verdict.operation, verdict.after) == ("restore", B)


def test_an_undone_field_waits_and_the_others_go_on() -> None:
    assert kind(B, accepted(A, price="11"), remembered(B, "undone")) is Kind.WAITING
    both = replace(B, name="A1 new")
    verdict = judge(both, fingerprint(both), accepted(A, price="11"), remembered(B, "undone"))
    assert verdict.kind is Kind.CHANGED
    assert verdict.after == replace(both, cells={"price": "10"})


def test_an_undone_field_is_free_once_the_source_asks_for_another_value() -> None:
    verdict = judge(C, fingerprint(C), accepted(A, price="11"), remembered(B, "undone"))
    assert (verdict.kind, verdict.after) == (Kind.CHANGED, C)


def test_an_order_of_which_the_only_difference_is_left_alone_is_unchanged() -> None:
    unreadable = Order("A1", "SS27", {}, {"S": 1}, left=("price",))
    assert kind(unreadable, accepted()) is Kind.UNCHANGED
