"""What is written into a column is read back as the API's pages on column types describe it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monday.sandbox.behaviour import Behaviour

from .sandbox_world import BOARD, CREATE, World, world


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("values")) as made:
        yield made


WRITTEN: list[tuple[str, Any, str | None, Any]] = [
    ("text_po", "abc", "abc", "abc"),
    ("text_po", "", "", None),
    ("long_text_n", {"text": "two\nlines"}, "two\nlines", {"text": "two\nlines"}),
    ("numeric_p", "42.50", "42.50", "42.50"),
    ("numeric_p", 7, "7", "7"),
    ("numeric_p", "", "0", "0"),
    ("numeric_p", "1e3", "1000", "1000"),
    ("date_d", {"date": "2026-12-24"}, "2026-12-24", {"date": "2026-12-24", "time": None}),
    ("date_d", "2026-12-24 08:30:00", "2026-12-24 08:30", {"date": "2026-12-24", "time": "08:30:00"}),
    ("color_s", {"label": "Done"}, "Done", {"index": 1, "post_id": None}),
    ("color_s", {"index": 0}, "Open", {"index": 0, "post_id": None}),
    ("color_s", "1", "Done", {"index": 1, "post_id": None}),
    ("dropdown_m", {"labels": ["Wool", "Linen", "Wool"]}, "Wool, Linen", {"ids": [2, 1]}),
    ("dropdown_m", {"ids": [1]}, "Linen", {"ids": [1]}),
    ("dropdown_m", "Linen, Wool", "Linen, Wool", {"ids": [1, 2]}),
    ("boolean_b", {"checked": "true"}, "v", {"checked": True}),
    ("email_e", {"email": "a@b.example", "text": "Ann"}, "Ann - a@b.example", {"email": "a@b.example", "text": "Ann"}),
    (
        "phone_p",
        {"phone": "+4930123456", "countryShortName": "DE"},
        "+4930123456",
        {"phone": "+4930123456", "countryShortName": "DE"},
    ),
    (
        "link_l",
        {"url": "https://a.example/x", "text": "x"},
        "x - https://a.example/x",
        {"url": "https://a.example/x", "text": "x"},
    ),
    (
        "timerange_t",
        {"from": "2026-01-01", "to": "2026-02-01"},
        "2026-01-01 - 2026-02-01",
        {"from": "2026-01-01", "to": "2026-02-01"},
    ),
    (
        "people_p",
        {"personsAndTeams": [{"id": 5, "kind": "team"}]},
        "Team 5",
        {"personsAndTeams": [{"id": 5, "kind": "team"}]},
    ),
]


@pytest.mark.parametrize(("column", "raw", "text", "value"), WRITTEN)
def test_a_value_is_read_back_normalised(board: World, column: str, raw: Any, text: str, value: Any) -> None:
    cell = board.cells(board.create(**{column: raw}))[column]
    read = json.loads(cell["value"]) if cell["value"] else None
    if isinstance(read, dict) and column != "dropdown_m":
        assert read.pop("changed_at").endswith("Z")
    assert (cell["text"], read) == (text, value)


FILLED = {column: raw for column, raw, text, _ in WRITTEN if text and raw != ""}


@pytest.mark.parametrize("column", sorted(FILLED))
def test_null_clears_every_kind(board: World, column: str) -> None:
    item = board.create(**{column: FILLED[column]})
    assert "errors" not in board.change(item, **{column: None}).json()
    cell = board.cells(item)[column]
    assert not cell["text"] and cell["value"] is None


REFUSED: list[tuple[str, Any, str]] = [
    ("text_po", {"text": "x"}, "ColumnValueException"),
    ("long_text_n", {"text": "x" * 2001}, "ColumnValueException"),
    ("numeric_p", "TBC", "ColumnValueException"),
    ("numeric_p", "$5", "ColumnValueException"),
    ("date_d", "24.12.2026", "ColumnValueException"),
    ("date_d", {"date": "2026-02-30"}, "ColumnValueException"),
    ("date_d", {"date": "2026-W01-1"}, "ColumnValueException"),
    ("timerange_t", {"from": "20260101", "to": "2026-02-01"}, "ColumnValueException"),
    ("color_s", {"label": "9" * 5_000}, "ColumnValueException"),
    ("color_s", {"index": 10**30}, "ColumnValueException"),
    ("dropdown_m", {"ids": [10**30]}, "ColumnValueException"),
    ("color_s", {"label": "half a smile: \ud83d"}, "ColumnValueException"),
    ("color_s", {"label": "Nope"}, "ColumnValueException"),
    ("color_s", {"label": "Retired"}, "ColumnValueException"),
    ("color_s", {"index": 33}, "ColumnValueException"),
    ("color_s", {"label": "2026"}, "ColumnValueException"),
    ("dropdown_m", {"labels": ["Retired"]}, "ColumnValueException"),
    ("dropdown_m", {"labels": ["linen"]}, "ColumnValueException"),
    ("dropdown_m", {"labels": [""]}, "ColumnValueException"),
    ("boolean_b", "true", "CorrectedValueException"),
    ("email_e", {"email": "a@b.example"}, "ColumnValueException"),
    ("email_e", {"email": "nobody", "text": "x"}, "ColumnValueException"),
    ("phone_p", {"phone": "call me", "countryShortName": "DE"}, "ColumnValueException"),
    ("link_l", "https://a.example", "ColumnValueException"),
    ("timerange_t", {"from": "2026-02-01", "to": "2026-01-01"}, "ColumnValueException"),
    ("lookup_m", "1", "ColumnValueException"),
    ("formula_f", "1", "ColumnValueException"),
    ("pulse_id_i", "1", "ColumnValueException"),
    ("pulse_updated_u", "1", "ColumnValueException"),
    ("subtasks_a", "1", "ColumnValueException"),
    ("no_such_column", "1", "InvalidColumnIdException"),
]


@pytest.mark.parametrize(("column", "raw", "code"), REFUSED)
def test_what_a_column_does_not_take_is_refused_and_changes_nothing(
    board: World, column: str, raw: Any, code: str
) -> None:
    item = board.create(text_key="before")
    (error,) = board.change(item, text_key="after", **{column: raw}).json()["errors"]
    assert error["extensions"]["code"] == code
    assert error["extensions"]["error_data"]["column_id"] == column
    assert board.cells(item)["text_key"]["text"] == "before"


def test_unknown_labels_are_made_only_where_the_caller_says_so(board: World) -> None:
    item = board.create()
    made = {"dropdown_m": {"labels": ["Silk, raw", "Wool"]}, "color_s": {"label": "Packed"}}
    assert board.change(item, **made).json()["errors"]
    assert "errors" not in board.change(item, labels=True, **made).json()
    cells = board.cells(item)
    assert (cells["dropdown_m"]["text"], cells["color_s"]["text"]) == ("Silk, raw, Wool", "Packed")
    (error,) = board.change(item, labels=True, color_s={"label": "x" * 31}).json()["errors"]
    assert error["extensions"]["code"] == "ColumnValueException"


def test_labels_cannot_be_made_without_the_right_to(tmp_path: Path) -> None:
    with world(tmp_path, behaviour=Behaviour(create_labels=False)) as bound:
        answer = bound.change(bound.create(), labels=True, dropdown_m={"labels": ["Silk"]})
        assert answer.json()["errors"][0]["extensions"]["code"] == "ColumnValueException"


def test_the_name_is_changed_like_a_column_and_cannot_be_emptied(board: World) -> None:
    item = board.create("old")
    assert board.change(item, name="new", text_po="1").json()["data"]["change_multiple_column_values"]["name"] == "new"
    for empty in ("", None):
        assert board.change(item, name=empty).json()["errors"][0]["extensions"]["code"] == "ItemNameTooLongException"


def test_dates_with_a_time_are_shown_in_the_owners_zone_and_kept_in_utc(tmp_path: Path) -> None:
    with world(tmp_path, behaviour=Behaviour(time_zone="Asia/Shanghai")) as far:
        item = far.create(date_d={"date": "2026-12-24", "time": "20:00:00"})
        cell = far.ask(
            """query($i: [ID!]) { items(ids: $i) { column_values(ids: ["date_d"]) {
              text value ... on DateValue { date time } } } }""",
            {"i": [item]},
        )["items"][0]["column_values"][0]
        assert (cell["text"], cell["date"], cell["time"]) == ("2026-12-25 04:00", "2026-12-25", "04:00:00")
        assert json.loads(cell["value"])["time"] == "20:00:00"


def test_computed_kinds_show_their_own_fields(board: World) -> None:
    item = board.create()
    board.create_subitem(item, "M")
    cells = board.ask(
        """query($i: [ID!]) { items(ids: $i) { column_values(ids: ["lookup_m", "pulse_id_i", "subtasks_a"]) {
          id text value column { title } ... on MirrorValue { display_value } ... on ItemIdValue { item_id }
          ... on SubtasksValue { subitems { name } } } } }""",
        {"i": [item]},
    )["items"][0]["column_values"]
    by_id = {cell["id"]: cell for cell in cells}
    assert by_id["lookup_m"]["text"] is None and by_id["lookup_m"]["display_value"] == ""
    assert by_id["pulse_id_i"]["item_id"] == item and by_id["pulse_id_i"]["column"]["title"] == "Item ID"
    assert by_id["subtasks_a"]["subitems"] == [{"name": "M"}]


SIMPLE = """mutation($b: ID!, $i: ID, $c: String!, $v: String) {
  change_simple_column_value(board_id: $b, item_id: $i, column_id: $c, value: $v) { id } }"""


def test_simple_values_clear_with_an_empty_text_except_numbers(board: World) -> None:
    item = board.create(text_po="x", numeric_p="5", date_d="2026-01-01")
    for column in ("text_po", "numeric_p", "date_d"):
        board.ask(SIMPLE, {"b": BOARD, "i": item, "c": column, "v": ""})
    cells = board.cells(item)
    assert [cells[c]["text"] for c in ("text_po", "numeric_p", "date_d")] == ["", "0", ""]
    (error,) = board.errors(SIMPLE, {"b": BOARD, "i": item, "c": "boolean_b", "v": "true"})
    assert error["extensions"]["code"] == "CorrectedValueException"


def test_one_column_is_changed_by_its_json(board: World) -> None:
    item = board.create()
    board.ask(
        """mutation($b: ID!, $i: ID, $v: JSON!) {
          change_column_value(board_id: $b, item_id: $i, column_id: "color_s", value: $v) { id } }""",
        {"b": BOARD, "i": item, "v": json.dumps({"label": "Done"})},
    )
    assert board.cells(item)["color_s"]["text"] == "Done"


def test_column_values_that_are_no_json_are_refused(board: World) -> None:
    document = f'mutation {{ create_item(board_id: {BOARD}, item_name: "x", column_values: "{{oops") {{ id }} }}'
    assert board.errors(document)[0]["extensions"]["code"] == "JsonParseException"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
def test_the_first_and_the_last_day_are_shown_in_every_zone(tmp_path: Path, day: str, zone: str) -> None:
    time = "00:00:00" if day < "1000" else "23:59:59"
    with world(tmp_path, behaviour=Behaviour(time_zone=zone)) as board:
        cell = board.cells(board.create(date_d={"date": day, "time": time}))["date_d"]
        assert cell["text"][:4] == day[:4]


def test_a_number_that_json_does_not_know_is_refused_in_json(board: World) -> None:
    variables = {"b": BOARD, "g": "harbour", "n": "A", "v": '{"numeric_p": NaN}'}
    error = json.loads(board.post(CREATE, variables).content, parse_constant=pytest.fail)["errors"][0]
    assert error["extensions"]["code"] == "JsonParseException"


def test_half_a_character_fails_its_own_item_alone(board: World) -> None:
    create = f"create_item(board_id: {BOARD}, item_name: $n, column_values: $v) {{ id }}"
    text = f"mutation($n: String!, $v: JSON) {{ a0: {create} a1: create_group(board_id: {BOARD}, group_name: "
    text += '"Later") { id } }'
    for name, values in (("half \ud83d", {}), ("whole", {"text_po": "half \ud83d"})):
        answer = board.post(text, {"n": name, "v": json.dumps(values)}).json()
        assert [(e["path"], e["extensions"]["code"]) for e in answer["errors"]] == [
            (["a0"], "InvalidArgumentException")
        ]
        assert answer["data"]["a0"] is None and answer["data"]["a1"]["id"]


def test_looking_for_half_a_character_is_refused(board: World) -> None:
    wanted = [{"column_id": "text_po", "column_values": ["half \ud83d"]}]
    query = f"""query($c: [ItemsPageByColumnValuesQuery!]) {{
      items_page_by_column_values(board_id: {BOARD}, columns: $c) {{ items {{ id }} }} }}"""
    (error,) = board.errors(query, {"c": wanted})
    assert error["extensions"]["code"] == "InvalidArgumentException"
