"""What of an order differs, what can be reached, and which new UUID is which vanished one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mapping.core.order import Order
from staging.core.changeset import (
    Candidate,
    Change,
    differences,
    field_value,
    has_field,
    match_rekeyed,
    same,
    settled,
    undisputed,
    with_field,
)

BEFORE = Order("ST1 RED A1", "SS27", {"price": "10.5", "style": ["ST1"], "notes": None}, {"S": 1, "M": 2})


def fields(before: Order | None, after: Order) -> dict[str, tuple[Any, Any]]:
    return {change.field: (change.before, change.after) for change in differences(before, after)}


def test_equal_orders_have_no_differences() -> None:
    assert differences(BEFORE, replace(BEFORE, cells=dict(BEFORE.cells))) == ()


def test_every_kind_of_field_is_compared() -> None:
    after = Order("ST1 BLUE A1", "AW27", {"price": "11", "style": ["ST1"], "notes": "late"}, {"S": 1, "L": 4})
    assert fields(BEFORE, after) == {
        "name": ("ST1 RED A1", "ST1 BLUE A1"),
        "group": ("SS27", "AW27"),
        "price": ("10.5", "11"),
        "notes": (None, "late"),
        "size:L": (None, 4),
        "size:M": (2, None),
    }


def test_a_cell_that_becomes_empty_is_a_difference() -> None:
    after = replace(BEFORE, cells={**BEFORE.cells, "price": None})
    assert differences(BEFORE, after) == (Change("price", "10.5", None),)


def test_a_field_that_is_not_mapped_any_more_is_none() -> None:
    assert differences(BEFORE, replace(BEFORE, cells={"style": ["ST1"], "notes": None})) == ()


def test_a_newly_mapped_field_is_one_whose_board_value_is_not_ours() -> None:
    after = replace(BEFORE, cells={**BEFORE.cells, "po": "P1", "empty": None})
    assert differences(BEFORE, after) == (Change("po", None, "P1", known=False),)


def test_of_a_new_order_nothing_is_known() -> None:
    changes = differences(None, BEFORE)
    assert {change.field for change in changes} == {"name", "group", "price", "style", "size:S", "size:M"}
    assert not any(change.known for change in changes if change.field not in ("name", "group"))


def test_labels_are_a_set_with_repetitions() -> None:
    assert same(["a", "b"], ["b", "a"])
    assert not same(["a", "a"], ["a"])
    assert not same("a", ["a"])
    assert not same(None, "")


def test_what_is_left_alone_keeps_what_the_board_accepted() -> None:
    rendered = replace(BEFORE, cells={"style": ["ST2"]}, left=("price", "never seen"))
    assert settled(BEFORE, rendered, {}).cells == {"style": ["ST2"], "price": "10.5"}
    assert settled(BEFORE, rendered, {}).left == ()
    assert settled(None, rendered, {}).cells == {"style": ["ST2"]}


@pytest.mark.parametrize(
    ("field", "value"), [("price", "11"), ("name", "other"), ("group", "AW27"), ("size:S", 9), ("size:L", 4)]
)
def test_a_withheld_field_stays_as_accepted_until_the_source_asks_for_something_else(field: str, value: Any) -> None:
    rendered = with_field(BEFORE, field, value)
    assert differences(BEFORE, settled(BEFORE, rendered, {field: value})) == ()
    moved_on = with_field(BEFORE, field, "something else" if not field.startswith("size:") else 77)
    assert fields(BEFORE, settled(BEFORE, moved_on, {field: value})).keys() == {field}


def test_a_withheld_removal_of_a_size_keeps_the_size() -> None:
    rendered = with_field(BEFORE, "size:S", None)
    assert settled(BEFORE, rendered, {"size:S": None}).sizes == {"S": 1, "M": 2}


def test_the_other_fields_of_a_withheld_one_go_on() -> None:
    rendered = with_field(with_field(BEFORE, "price", "11"), "notes", "late")
    assert fields(BEFORE, settled(BEFORE, rendered, {"price": "11"})) == {"notes": (None, "late")}


@pytest.mark.parametrize(
    ("field", "value"), [("name", "n"), ("group", "g"), ("price", "1"), ("new", None), ("size:S", 5), ("size:XL", 1)]
)
def test_a_field_that_is_set_can_be_read_back_and_nothing_else_moves(field: str, value: Any) -> None:
    made = with_field(BEFORE, field, value)
    assert field_value(made, field) == value
    assert has_field(made, field)
    assert set(fields(BEFORE, made)) <= {field}


def test_a_size_of_none_is_no_size_and_an_absent_cell_is_no_empty_one() -> None:
    assert not has_field(with_field(BEFORE, "size:S", None), "size:S")
    assert not has_field(with_field(BEFORE, "price", None, present=False), "price")
    assert has_field(with_field(BEFORE, "price", None), "price")


# --- new UUIDs against vanished ones ----------------------------------------------------------------------------------
def candidates(*described: str) -> list[Candidate]:
    """`record key fingerprint` each."""
    return [Candidate(*text.split()) for text in described]


def test_a_table_that_was_reloaded_with_new_uuids_is_matched_whole() -> None:
    old = candidates("o1 k1 f1", "o2 k2 f2", "o3 k2 f3")
    new = candidates("n3 k2 f3", "n1 k1 f1", "n2 k2 f2")
    found = match_rekeyed(new, old)
    assert found.pairs == {"n1": "o1", "n2": "o2", "n3": "o3"}
    assert not found.ambiguous
    assert not found.kept


def test_equal_orders_are_interchangeable_but_each_is_used_once() -> None:
    found = match_rekeyed(candidates("n1 k f", "n2 k f", "n3 k f"), candidates("o1 k f", "o2 k f"))
    assert sorted(found.pairs.values()) == ["o1", "o2"]
    assert len(found.pairs) == 2
    assert not found.ambiguous


def test_an_equal_order_of_another_key_is_no_match() -> None:
    assert match_rekeyed(candidates("n1 k1 f"), candidates("o1 k2 f")).pairs == {}


def test_what_is_left_is_matched_only_one_against_one() -> None:
    found = match_rekeyed(candidates("n1 k f9", "n2 k f2"), candidates("o1 k f1", "o2 k f2"))
    assert found.pairs == {"n2": "o2", "n1": "o1"}


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (["n1 k f8", "n2 k f9"], ["o1 k f1", "o2 k f2"]),
        (["n1 k f8", "n2 k f9"], ["o1 k f1"]),
        (["n1 k f8"], ["o1 k f1", "o2 k f2"]),
    ],
)
def test_anything_else_is_ambiguous_and_neither_staged_nor_removed(new: list[str], old: list[str]) -> None:
    found = match_rekeyed(candidates(*new), candidates(*old))
    assert found.pairs == {}
    assert found.ambiguous == {text.split()[0] for text in new}
    assert found.kept == {text.split()[0] for text in old}


def test_who_has_two_keys_is_matched_by_neither_where_they_name_two() -> None:
    found = match_rekeyed(candidates("n1 k1 f", "n1 k2 f"), candidates("o1 k1 g", "o2 k2 g"))
    assert (found.pairs, found.ambiguous, found.kept) == ({}, {"n1"}, {"o1", "o2"})
    found = match_rekeyed(candidates("n1 k1 f", "n1 k2 f", "n2 k1 h"), candidates("o1 k1 g", "o2 k2 g"))
    assert (found.pairs, found.ambiguous, found.kept) == ({}, {"n1", "n2"}, {"o1", "o2"})
    found = match_rekeyed(candidates("n1 k1 f", "n1 k2 f", "n2 k1 h"), candidates("o1 k1 g", "o2 k2 f"))
    assert found.pairs == {"n1": "o2", "n2": "o1"}, "an equal order tells"


def test_a_pair_stands_only_where_all_that_share_a_key_with_it_are_in_pairs() -> None:
    pairs = {"n1": "o1", "n2": "o2", "n3": "o3"}
    news = candidates("n1 a f", "n2 b f", "n3 z f")
    olds = candidates("o1 a g", "o1 b g", "o2 b g", "o2 c g", "o3 z g")
    assert undisputed(pairs, news, olds) == pairs
    assert undisputed(pairs, [*news, *candidates("n4 c f")], olds) == {"n3": "o3"}, "who falls out disputes the next"
    assert undisputed(pairs, news, [*olds, *candidates("o4 b g")]) == {"n3": "o3"}
    assert undisputed(pairs, [*news, *candidates("n4 z f")], olds) == {"n1": "o1", "n2": "o2"}


def test_a_long_row_of_disputes_is_no_long_work() -> None:
    number = 50_000
    news = candidates(*(f"n{each} k{each} f" for each in range(number)))
    olds = [Candidate(f"o{each}", f"k{key}", "g") for each in range(number) for key in (each, each + 1)]
    pairs = {f"n{each}": f"o{each}" for each in range(number)}
    assert undisputed(pairs, [*news, Candidate("x", f"k{number}", "f")], olds) == {}
