"""Whose the last change of a cell was, from the entries of a board's activity log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monday.core.activity import document, theirs

ME, ANN = "7", "8"
MADE = {"event": "create_pulse", "user_id": ME, "data": "{}"}


def cell(column: str, user: str) -> dict[str, Any]:
    return {"event": "update_column_value", "user_id": user, "data": json.dumps({"column_id": column, "value": 1})}


def told(*newest_first: dict[str, Any]) -> frozenset[str] | None:
    return theirs([{"activity_logs": list(newest_first)}, None, {"activity_logs": None}], ME)


def test_the_last_one_who_wrote_a_cell_owns_it() -> None:
    assert told(cell("price", ANN), cell("notes", ME), cell("notes", ANN), MADE) == {"price"}
    assert told(cell("price", ME), MADE) == frozenset()


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (cell("price", ME),),
        (cell("price", ME), {**MADE, "user_id": ANN}),
        ({"event": "update_name", "user_id": ANN, "data": "{}"}, MADE),
        ({"event": "move_pulse_into_group", "user_id": ANN, "data": None}, MADE),
        ({**cell("price", ANN), "data": "not json"}, MADE),
        ({**cell("price", ANN), "data": "[]"}, MADE),
        ({**cell("price", ANN), "data": "{}"}, MADE),
        ({"event": "something new", "data": "{}"}, MADE),
    ],
)
def test_what_is_not_told_or_not_understood_is_unknown(entries: tuple[dict[str, Any], ...]) -> None:
    assert told(*entries) is None


def test_without_knowing_who_asks_nothing_is_ours() -> None:
    assert theirs([{"activity_logs": [{**MADE, "user_id": ""}]}], "") is None


def test_each_item_is_asked_for_by_an_alias_of_its_own() -> None:
    text = document(2)
    assert text.count("activity_logs(item_ids: $i") == 2 and "$i1: [ID!]" in text and "me { id }" in text
