"""Whatever a person types gives a document or problems; whatever a row holds gives an order or problems."""

from __future__ import annotations

import string
from datetime import UTC
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.core.document import parse_board, parse_customer
from mapping.core.family import Family
from mapping.core.order import Invalid, Rendered
from mapping.core.problems import errors
from mapping.core.templates import TemplateWrong, compiled, parse
from mapping.core.texts import fold, one_line
from tests.core.mapping_samples import BOARD, COLUMNS, HARBOUR, board_document, customer_document, family, row

FAMILY = family()
YAMLISH = st.text(alphabet=string.ascii_letters + string.digits + " \n\t:-[]{},'\"#&*!|>%@`?~\\", max_size=300)
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.decimals(),
    st.text(max_size=40),
    st.text(alphabet="0123456789.,+-$%eE ", max_size=12),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, UTC])),
    st.uuids(),
    st.binary(max_size=12),
    st.binary(max_size=12).map(bytearray),
)
ROWS = st.lists(CELLS, min_size=len(COLUMNS), max_size=len(COLUMNS)).map(tuple)


@given(st.one_of(st.text(max_size=300), YAMLISH, st.binary(max_size=300)))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_document_or_problems(text: str | bytes) -> None:
    for document, problems in (parse_board(text), parse_customer(text)):
        assert (document is None) == bool(errors(problems))


@given(st.integers(0, len(BOARD)), st.integers(0, 30), YAMLISH)
@settings(max_examples=300, deadline=None)
def test_a_document_with_any_damage_gives_a_document_or_problems(at: int, length: int, damage: str) -> None:
    text = BOARD[:at] + damage[:30] + BOARD[at + length :]
    document, problems = parse_board(text)
    assert (document is None) == bool(errors(problems))
    lines = text.count("\n") + 1
    for problem in problems:
        assert 1 <= problem.line <= lines + 1
        assert problem.remedy
    if document is not None:
        made = Family(document, [customer_document(HARBOUR)])
        made.key("HARBOUR")
        made.mapping("HARBOUR")


@given(ROWS)
@settings(max_examples=400, deadline=None)
def test_any_row_gives_an_order_or_reasons_and_twice_the_same_bytes(cells: tuple[Any, ...]) -> None:
    fresh, used = FAMILY.renderer("HARBOUR", COLUMNS, None), RENDERER
    rendered = used(cells)
    if isinstance(rendered, Invalid):
        assert rendered.problems
        assert fresh(cells) == rendered
        return
    again = fresh(cells)
    assert isinstance(again, Rendered)
    assert as_bytes(rendered) == as_bytes(again)
    assert set(rendered.order.cells) | set(rendered.order.left) == {
        rules.to for rules in FAMILY.mapping("HARBOUR").columns
    }
    assert set(rendered.order.cells).isdisjoint(rendered.order.left)
    assert all(quantity > 0 for quantity in rendered.order.sizes.values())


RENDERER = FAMILY.renderer("HARBOUR", COLUMNS, None)


def as_bytes(rendered: Rendered) -> bytes:
    return orjson.dumps(
        [rendered.order.name, rendered.order.group, rendered.order.cells, rendered.order.sizes, rendered.key]
    )


@given(st.integers(0, 10**9), st.integers(0, 6), st.sampled_from(["", "$", " ", "USD "]), st.integers(0, 4))
@settings(deadline=None)
def test_a_number_is_the_same_in_every_spelling(whole: int, decimals: int, currency: str, zeros: int) -> None:
    text = f"{whole}.{decimals:06d}".rstrip("0").rstrip(".")
    dressed = f"{currency}{whole:,}.{decimals:06d}{'0' * zeros} "
    cells = [RENDERER(row(PRICE=price)) for price in (text, dressed)]
    assert cells[0] == cells[1]


@given(st.dictionaries(st.sampled_from(["S", "M", "XXL", "2XL"]), st.integers(0, 10_000)))
@settings(deadline=None)
def test_sizes_add_up_to_the_total(quantities: dict[str, int]) -> None:
    total = sum(quantities.values())
    rendered = RENDERER(row(TOTAL=total, **quantities))
    assert isinstance(rendered, Rendered)
    assert sum(rendered.order.sizes.values()) == total
    assert isinstance(RENDERER(row(TOTAL=total + 1, **quantities)), Invalid)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_a_cleaned_text_is_clean(text: str) -> None:
    once = one_line(text)
    assert one_line(once) == once
    assert fold(once) == fold(text)
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="{}|'\" abC", max_size=25))
@settings(max_examples=300, deadline=None)
def test_any_template_is_read_or_refused(text: str) -> None:
    try:
        template = parse(text)
    except TemplateWrong as wrong:
        assert wrong.message
        assert wrong.remedy
    else:
        assert isinstance(compiled(template, lambda name: "")(()), str)


@given(st.permutations(["version: 1", "customer: HARBOUR", "aliases: [A, B]", "sizes: {rename: {2XL: XXL}}"]))
@settings(deadline=None)
def test_the_order_of_keys_and_comments_leave_the_key_as_it_is(lines: list[str]) -> None:
    keys = {
        Family(board_document(), [customer_document("\n".join(text))]).key("HARBOUR")
        for text in (lines, sorted(lines), [f"{line}   # so" for line in lines])
    }
    assert len(keys) == 1
