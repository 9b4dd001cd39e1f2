"""What stands around items: updates, tags, workspaces, copies, moves to another board, and the kinds of cells that
orders do not need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .sandbox_world import BOARD, SUBITEMS, World, send, world


@pytest.fixture
def board(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_updates_are_written_answered_liked_listed_and_taken_away(board: World) -> None:
    item = board.create("Shirt")
    body = '"Hello <b>you</b> &amp; me"'
    update = send(board, f"mutation {{ create_update(item_id: {item}, body: {body}) {{ id }} }}")["create_update"]["id"]
    reply = send(board, f'mutation {{ create_update(parent_id: {update}, body: "Yes") {{ id }} }}')["create_update"][
        "id"
    ]
    send(board, f"mutation {{ like_update(update_id: {update}) {{ id }} }}")
    fields = "id, body, created_at, updated_at, creator { id, name, email }, assets { id name url }"
    shown = send(
        board,
        f"query{{ items(ids: {item}) {{ updates (limit: 100) {{ {fields}, text_body, item_id,"
        " likes { reaction_type }, replies { id, body, creator{ id } } } } }",
    )["items"][0]["updates"]
    assert [(u["id"], u["text_body"], u["item_id"]) for u in shown] == [(update, "Hello you & me", item)]
    assert shown[0]["replies"][0]["id"] == reply and shown[0]["likes"] == [{"reaction_type": "Like"}]
    assert send(board, "query { updates ( limit: 10, page: 1 ) { id, body } }")["updates"][0]["id"] == update
    window = 'from_date: "2020-01-01T00:00:00", to_date: "2999-01-01"'
    on_board = f"query {{ boards(ids: {BOARD}) {{ updates(limit: 5, page: 1, {window}) {{ id }} }} }}"
    assert send(board, on_board)["boards"][0]["updates"] == [{"id": update}]
    send(board, f"mutation {{ delete_update (id: {update}) {{ id }} }}")
    assert send(board, "{ updates { id } }")["updates"] == []


def test_tags_and_workspaces_are_made_once_and_found_again(board: World) -> None:
    tag = 'mutation { create_or_get_tag(tag_name: "blue") { id } }'
    first, second = (send(board, tag)["create_or_get_tag"]["id"] for _ in range(2))
    assert first == second
    assert send(board, f"query {{ tags (ids: [{first}]) {{ name, color, id }} }}")["tags"][0]["name"] == "blue"
    made = send(board, 'mutation { create_workspace (name:"Own", kind: open, description: "d") { id } }')
    place = made["create_workspace"]["id"]
    text = f'mutation {{ create_board(board_name: "B", board_kind: private, workspace_id: {place}) {{ id }} }}'
    number = send(board, text)["create_board"]["id"]
    there = send(board, f"{{ boards(workspace_ids: [{place}], order_by: created_at) {{ id workspace {{ name }} }} }}")
    assert there["boards"] == [{"id": number, "workspace": {"name": "Own"}}]
    assert [one["name"] for one in send(board, "{ workspaces { name } }")["workspaces"]] == ["Main workspace", "Own"]


def test_items_groups_and_boards_are_copied_with_what_is_below_them(board: World) -> None:
    item = board.create("Shirt", color_s={"label": "Done"}, text_key="K1")
    board.create_subitem(item, "XL", numeric_q="3")
    send(board, f'mutation {{ create_update(item_id: {item}, body: "kept") {{ id }} }}')
    inside = 'id name subitems { id name } updates { body } column_values(ids: ["color_s"]) { text }'
    copy = send(
        board, f"mutation {{ duplicate_item(board_id: {BOARD}, item_id: {item}, with_updates: true) {{ {inside} }} }}"
    )
    copied = copy["duplicate_item"]
    assert copied["id"] != item and copied["name"].startswith("Shirt")
    assert copied["subitems"][0]["name"] == "XL" and copied["updates"] == [{"body": "kept"}]
    assert copied["column_values"] == [{"text": "Done"}]
    group = send(board, f'mutation {{ duplicate_group(board_id: {BOARD}, group_id: "harbour") {{ id title }} }}')
    group = group["duplicate_group"]["id"]
    page = send(
        board, f'{{ boards(ids: {BOARD}) {{ groups(ids: "{group}") {{ items_page {{ items {{ name }} }} }} }} }}'
    )
    assert len(page["boards"][0]["groups"][0]["items_page"]["items"]) == 2
    text = f"""mutation {{ duplicate_board(board_id: {BOARD}, duplicate_type: duplicate_board_with_pulses) {{
        board {{ id items_count columns {{ id }} items_page {{ items {{ name subitems {{ board {{ id }} }} }} }} }}
    }} }}"""
    twin = send(board, text)["duplicate_board"]["board"]
    assert twin["items_count"] == 4 and len(twin["columns"]) == 19
    below = {subitem["board"]["id"] for one in twin["items_page"]["items"] for subitem in one["subitems"]}
    assert len(below) == 1 and below != {SUBITEMS}


def test_an_item_moves_to_another_board_with_the_columns_that_fit(board: World) -> None:
    item = board.create("Shirt", color_s={"label": "Done"}, text_key="K1", text_po="P1")
    board.create_subitem(item, "XL")
    made = send(board, 'mutation { create_board(board_name: "Other", board_kind: public, empty: true) { id } }')
    other = made["create_board"]["id"]
    for title, kind in (("ORDER", "text"), ("STATE", "status"), ("Another", "text")):
        send(board, f'mutation {{ create_column(board_id: {other}, title: "{title}", column_type: {kind}) {{ id }} }}')
    moved = send(
        board,
        f'mutation {{ move_item_to_board(board_id: {other}, group_id: "topics", item_id: {item}) {{ id board {{ id '
        "items_count } subitems { name board { name } } column_values { text column { title } } } }",
    )["move_item_to_board"]
    texts = {cell["column"]["title"]: cell["text"] for cell in moved["column_values"]}
    assert moved["id"] == item and moved["board"] == {"id": other, "items_count": 1}
    assert (texts["ORDER"], texts["STATE"], texts["Another"]) == ("K1", "Done", "")
    assert moved["subitems"] == [{"name": "XL", "board": {"name": "Subitems of Other"}}]
    key = send(board, f"{{ boards(ids: {other}) {{ columns {{ id title }} }} }}")["boards"][0]["columns"]
    key = next(column["id"] for column in key if column["title"] == "ORDER")
    look = f'items_page_by_column_values(board_id: {other}, columns: [{{column_id: "{key}", column_values: ["k1"]}}])'
    assert send(board, f"{{ {look} {{ items {{ id }} }} }}")["items_page_by_column_values"]["items"] == [{"id": item}]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("rating", {"rating": 3}, "3"),
        ("country", {"countryCode": "DE", "countryName": "Germany"}, "Germany"),
        ("hour", {"hour": 15, "minute": 5}, "03:05 PM"),
        ("week", {"week": {"startDate": "2026-01-05", "endDate": "2026-01-11"}}, "2026-01-05 - 2026-01-11"),
        ("location", {"lat": "52.5", "lng": "13.4", "address": "Berlin"}, "Berlin"),
        ("world_clock", {"timezone": "Europe/London"}, "Europe/London"),
    ],
)
def test_kinds_that_orders_do_not_need_are_kept_all_the_same(board: World, kind: str, value: Any, text: str) -> None:
    made = send(board, f'mutation {{ create_column(board_id: {BOARD}, title: "C", column_type: {kind}) {{ id }} }}')
    column = made["create_column"]["id"]
    item = board.create("A", **{column: value})
    assert board.cells(item)[column]["text"] == text
    assert board.change(item, **{column: None}).json()["data"]
    assert board.cells(item)[column]["text"] == "" and board.cells(item)[column]["value"] is None
    assert "errors" in board.change(item, **{column: {"nonsense": 1}}).json()


def test_typed_fragments_answer_each_kind_by_its_own_fields(board: World) -> None:
    item = board.create("A", color_s={"index": 1}, date_d={"date": "2026-11-02"}, numeric_p="7", people_p=None)
    shown = send(
        board,
        f"""query {{ items(ids: [{item}]) {{ column_values {{ __typename id
          ... on StatusValue {{ label index is_done label_style {{ color border }} updated_at }}
          ... on DateValue {{ date time }} ... on NumbersValue {{ number symbol direction }}
          ... on PeopleValue {{ persons_and_teams {{ id kind }} }} ... on FileValue {{ files {{ __typename }} }}
        }} }} }}""",
    )["items"][0]["column_values"]
    cells = {cell["id"]: cell for cell in shown}
    assert (cells["color_s"]["label"], cells["color_s"]["index"]) == ("Done", 1)
    assert (cells["date_d"]["date"], cells["numeric_p"]["number"]) == ("2026-11-02", 7)
    assert cells["people_p"]["__typename"] == "PeopleValue"


def test_the_activity_names_each_cell_and_who_changed_it(board: World) -> None:
    """Each token is a person of the account."""
    item = board.create("Shirt")
    line = board.create_subitem(item, "M")
    board.change(item, text_po="P1", numeric_p="5")
    other = {"Authorization": "another-token"}
    place = f'board_id: {BOARD}, item_id: {item}, column_id: "text_po"'
    send(board, f'mutation {{ change_simple_column_value({place}, value: "P2") {{ id }} }}', headers=other)

    def log(board_id: str, item_id: str, narrowed: str = "") -> tuple[list[dict[str, Any]], str]:
        asked = f"activity_logs(item_ids: $i, limit: 100{narrowed}) {{ event user_id data }}"
        text = f"query ($b: [ID!], $i: [ID!]) {{ me {{ id }} boards(ids: $b) {{ {asked} }} }}"
        told = board.ask(text, {"b": [board_id], "i": [item_id]})
        return told["boards"][0]["activity_logs"], told["me"]["id"]

    entries, me = log(BOARD, item)
    by_column = {json.loads(e["data"]).get("column_id"): e["user_id"] for e in reversed(entries)}
    assert by_column["numeric_p"] == me == by_column[None]
    assert by_column["text_po"] not in (me, "")
    assert [e["event"] for e in entries] == ["update_column_value"] * 3 + ["create_pulse"]
    below, _ = log(SUBITEMS, line)
    assert [(e["event"], json.loads(e["data"])["pulse_id"]) for e in below] == [("create_pulse", int(line))]
    for narrowed, number in ((', column_ids: ["text_po"]', 2), (f", user_ids: [{me}]", 3), (", page: 2", 0)):
        assert len(log(BOARD, item, narrowed)[0]) == number, narrowed
