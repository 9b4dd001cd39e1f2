"""The order fingerprint: equal for equal orders, and for nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from mapping.core.order import Order
from staging.core.fingerprint import BETWEEN, approval_hash, fingerprint, key_hash, key_values, order_of, payload

ORDER = Order(
    name="ST1 RED A1",
    group="HARBOUR SS27",
    cells={"text_order": "A1", "dropdown_style": ["ST1"], "numeric_price": "10.5", "date_exf": None},
    sizes={"S": 1, "M": 2},
    left=("long_text_notes",),
)


def test_it_names_the_content_and_not_the_object() -> None:
    assert fingerprint(ORDER) == fingerprint(replace(ORDER, cells=dict(ORDER.cells), sizes=dict(ORDER.sizes)))


def test_it_is_kept_between_releases() -> None:
    """Whoever changes this value makes every order of every installation differ from its snapshot."""
    form = b'1:["a","b",{"c":"d"},{"S":1},[]]'
    assert fingerprint(Order("a", "b", {"c": "d"}, {"S": 1})) == hashlib.sha256(form).hexdigest()


def test_the_order_of_columns_sizes_and_left_cells_does_not_matter() -> None:
    turned = Order(
        ORDER.name,
        ORDER.group,
        dict(reversed(ORDER.cells.items())),
        dict(reversed(ORDER.sizes.items())),
        tuple(reversed(("a", "b"))),
    )
    assert fingerprint(turned) == fingerprint(replace(ORDER, left=("a", "b")))


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, name="ST1 RED A2"),
        replace(ORDER, group="HARBOUR AW27"),
        replace(ORDER, cells={**ORDER.cells, "numeric_price": "10.51"}),
        replace(ORDER, cells={**ORDER.cells, "new_column": None}),
        replace(ORDER, sizes={"S": 1, "M": 3}),
        replace(ORDER, sizes={"S": 1}),
        replace(ORDER, sizes={"S": 1, "M": 2, "L": 1}),
        replace(ORDER, left=()),
    ],
)
def test_every_part_of_an_order_moves_it(other: Order) -> None:
    assert fingerprint(other) != fingerprint(ORDER)


def test_boundaries_between_values_count() -> None:
    first = Order("n", "g", {"a": "a|b", "b": "c"})
    second = Order("n", "g", {"a": "a", "b": "b|c"})
    assert fingerprint(first) != fingerprint(second)
    assert fingerprint(Order("a|b", "c")) != fingerprint(Order("a", "b|c"))
    assert fingerprint(Order("n", "g", {"a": ["x,y"]})) != fingerprint(Order("n", "g", {"a": ["x", "y"]}))
    assert key_hash(("a|b", "c")) != key_hash(("a", "b|c"))


@pytest.mark.parametrize(
    "key", [("A1",), ("A1", "ST1"), ("A / 1", "", "x"), ("", " / "), ("a / b / c", "d / e"), ("",)]
)
def test_a_stored_key_is_cut_into_its_own_values_whatever_they_hold(key: tuple[str, ...]) -> None:
    stored = BETWEEN.join(key)
    assert key_values(stored, key_hash(key), (1, 2, 3)) == key
    assert key_values(stored, key_hash(key), [length for length in (1, 2, 3) if length != len(key)]) == ()


def test_missing_empty_and_absent_are_three_things() -> None:
    prints = {fingerprint(Order("n", "g", cells)) for cells in ({"a": None}, {"a": ""}, {})}
    assert len(prints) == 3


def test_a_number_is_not_its_text() -> None:
    assert fingerprint(Order("n", "g", {"a": "1"})) != fingerprint(Order("n", "g", {"a": 1}))  # type: ignore[dict-item]


def test_payload_and_back_is_the_same_order_with_its_sizes_in_order() -> None:
    back = order_of(payload(ORDER))
    assert back == ORDER
    assert list(back.sizes) == list(ORDER.sizes)


def test_an_approval_binds_every_part_of_every_line_whatever_their_order() -> None:
    lines = [("k1", "create", "", "f1"), ("k2", "update", "f0", "f2")]
    bound = approval_hash(lines)
    assert approval_hash(list(reversed(lines))) == bound
    for place in range(4):
        other = [*lines[:1], tuple("x" if at == place else part for at, part in enumerate(lines[1]))]
        assert approval_hash(other) != bound  # type: ignore[arg-type]
    assert approval_hash(lines[:1]) != bound
    assert approval_hash([*lines, lines[0]]) != bound
