"""What clients of the API that are not ours ask for.

Four public ones were pointed at the sandbox, two for Python and two for JavaScript, to see in which form they send:
values inside the document as JSON within JSON, bare numbers as ids, stray commas, variables that are null, an operation
name beside the document, a body in chunks. Each of these forms is sent here as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from graphql import build_client_schema, build_schema, get_introspection_query, print_schema

from monday.sandbox.behaviour import Behaviour

from .sandbox_world import BOARD, World, send, world

NOON = 1_800_014_400.0  # 15 January 2027
CELLS = """
  id updates { id body }
  column_values {
    ... on MirrorValue { display_value }
    ... on BoardRelationValue { display_value }
    ... on DependencyValue { display_value }
    text type column { id title }
  }"""


def test_an_item_has_updates_and_every_kind_of_cell_may_be_asked_for(tmp_path: Path) -> None:
    with world(tmp_path) as board:
        item = board.create("Shirt")
        found = board.ask(f"query ($ids: [ID!]) {{ items(ids: $ids) {{ {CELLS} }} }}", {"ids": [item]})
        assert found["items"][0]["updates"] == []
        assert {"text_key", "lookup_m"} <= {cell["column"]["id"] for cell in found["items"][0]["column_values"]}


def test_a_page_may_be_narrowed_to_items_that_were_changed_since(tmp_path: Path) -> None:
    now = [NOON]
    query = """query ($ids: [ID!], $since: CompareValue!, $operator: ItemsQueryRuleOperator) {
      boards(ids: $ids) { items_page(query_params: {
        order_by: [{column_id: "__last_updated__", direction: asc}],
        rules: [{column_id: "__last_updated__", compare_value: $since, operator: $operator,
                 compare_attribute: "UPDATED_AT"}] }) { items { id } } } }"""
    with world(tmp_path, clock=lambda: now[0], behaviour=Behaviour()) as board:
        first, second = board.create("first"), board.create("second")
        now[0] += 3 * 86_400
        board.change(first, text_po="changed")

        def changed(operator: str, day: str) -> list[str]:
            variables = {"ids": [BOARD], "since": ["EXACT", day], "operator": operator}
            page = board.ask(query, variables)["boards"][0]["items_page"]
            return [item["id"] for item in page["items"]]

        assert changed("greater_than_or_equals", "2027-01-15") == [second, first]
        assert changed("greater_than", "2027-01-15") == [first]
        assert changed("lower_than_or_equal", "2027-01-15") == [second]
        assert changed("greater_than_or_equals", "2027-01-15T15:00:00Z") == [first]


def test_a_window_begins_when_its_first_request_arrives(tmp_path: Path) -> None:
    now = [NOON]

    def arriving() -> float:
        now[0] += 0.25  # every look at the clock takes its time, as reading a long document does
        return now[0]

    with world(tmp_path, plan="pro", clock=arriving) as board:
        began = now[0] + 0.25
        board.ask("{ me { id } }")
        with board.store.connection() as db:
            row = db.execute("SELECT started_at FROM counters WHERE name = 'complexity'").fetchone()
        assert row[0] == began


@pytest.fixture
def board(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def literal(value: Any) -> str:
    """A JSON argument as clients without variables write it: a text in the document that holds JSON."""
    return json.dumps(json.dumps(value))


def test_values_inside_the_document_are_read_with_their_quotes_and_letters(board: World) -> None:
    text = 'a "quoted" \\ backslash, \u00e9 \U0001f600'
    values = {"text_key": text, "numeric_p": "4.5", "color_s": {"label": "Done"}, "boolean_b": {"checked": "true"}}
    name = json.dumps(text)
    made = send(
        board,
        f"""mutation
        {{ create_item (board_id: {BOARD}, group_id: "harbour", item_name: {name},
             column_values: {literal(values)}, create_labels_if_missing: false) {{ id }} }}""",
        headers={"API-Version": "2026-01"},
    )
    item = made["create_item"]["id"]
    assert isinstance(item, str)
    cells = board.cells(item)
    assert (cells["text_key"]["text"], cells["numeric_p"]["text"]) == (text, "4.5")
    shown = send(board, f"query {{ items (ids: {item}) {{ id, name, group {{ id title }} }} }}")
    assert shown["items"] == [{"id": item, "name": text, "group": {"id": "harbour", "title": "HARBOUR SS27"}}]


def test_a_board_is_set_up_filled_paged_through_changed_and_emptied_without_variables(board: World) -> None:
    made = send(board, 'mutation { create_board (board_name:"Plan", board_kind: public, ) { id } }')
    number = made["create_board"]["id"]
    defaults = literal({"labels": {"1": "Alpha", "2": "Beta"}})
    column = send(
        board,
        f'mutation{{ create_column(board_id: {number}, title: "Stage", description: "", column_type: status, '
        f"defaults: {defaults}) {{ id title description }} }}",
    )["create_column"]["id"]
    group = send(board, f'mutation {{ create_group(board_id: {number}, group_name: "G") {{ id }} }}')
    group = group["create_group"]["id"]
    parts = " ".join(
        f'item{n}: create_item(board_id: {number}, item_name: "I {n}", group_id: "{group}", column_values: '
        f"{literal({column: {'label': 'Alpha' if n % 2 else 'Beta'}})}) {{ id name column_values {{ id text }} }}"
        for n in range(7)
    )
    ids = [item["id"] for item in send(board, f"mutation {{ {parts} }}").values()]
    seen, cursor = [], None
    while True:
        where = f'next_items_page (limit: 3, cursor: "{cursor}")' if cursor else "items_page (limit: 3)"
        inside = f"{where} {{ cursor items {{ group {{ id title }} id name column_values {{ id text type value }} }} }}"
        data = send(board, f"query {{ {inside if cursor else f'boards(ids: {number}) {{ name {inside} }}'} }}")
        page = data["next_items_page"] if cursor else data["boards"][0]["items_page"]
        seen += [item["id"] for item in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == ids
    rule = f'{{column_id: "{column}", compare_value: [1], operator: any_of}}'
    query = f'rules: [{rule}], operator: and, order_by: {{column_id: "name", direction: desc}}'
    found = send(
        board, f"{{ boards(ids: [{number}]) {{ items_page (query_params: {{{query}}}) {{ items {{ name }} }} }} }}"
    )
    assert [item["name"] for item in found["boards"][0]["items_page"]["items"]] == ["I 5", "I 3", "I 1"]
    send(
        board,
        f'mutation {{ change_column_value(board_id: {number}, item_id: {ids[0]}, column_id: "{column}", '
        f"value: {literal({'index': 1})}) {{ id name column_values {{ id text value }} }} }}",
    )
    send(board, f"mutation {{ archive_item (item_id: {ids[1]}) {{ id }} }}")
    send(board, f"mutation {{ delete_item (item_id: {ids[2]}) {{ id }} }}")
    states = send(board, f"{{ items (ids: [{', '.join(ids[:3])}], limit: 3, page: 1) {{ id state column_values(ids: "
                         f'["{column}"]) {{ text }} }} }}')  # fmt: skip
    assert [(i["state"], i["column_values"][0]["text"]) for i in states["items"]] == [
        ("active", "Alpha"), ("archived", "Alpha"), ("deleted", "Beta"),
    ]  # fmt: skip


def test_a_new_board_and_a_new_status_column_begin_with_the_usual_labels(board: World) -> None:
    made = send(board, 'mutation { create_board(board_name: "New", board_kind: public) { id columns { id type '
                       "settings } } }")  # fmt: skip
    columns = {column["id"]: column for column in made["create_board"]["columns"]}
    assert list(columns) == ["name", "person", "status", "date4"]
    labels = json.loads(columns["status"]["settings"])["labels"] if isinstance(
        columns["status"]["settings"], str) else columns["status"]["settings"]["labels"]  # fmt: skip
    assert [(label["id"], label["label"]) for label in labels] == [(0, "Working on it"), (1, "Done"), (2, "Stuck")]
    number = made["create_board"]["id"]
    item = send(board, f'mutation {{ create_item(board_id: {number}, item_name: "A", '
                       f"column_values: {literal({'status': 'Done'})}) {{ id }} }}")["create_item"]["id"]  # fmt: skip
    assert board.cells(item)["status"]["text"] == "Done"


def test_an_operation_name_null_variables_and_numbers_as_ids_are_taken(board: World) -> None:
    two = "query first { me { id } } query second($ids: [ID!]) { boards(ids: $ids) { __typename id } }"
    told = send(board, two, operationName="second", variables={"ids": [int(BOARD)]})
    assert told["boards"] == [{"__typename": "Board", "id": BOARD}]
    every = send(board, "query($b: [ID!]) { boards(ids: $b, limit: 1) { id } }", variables={"b": None})
    assert len(every["boards"]) == 1
    assert send(board, "{ me { id } }", variables=None)["me"]["id"]
    made = send(
        board,
        'mutation($b: ID!, $g: String, $c: JSON) { create_item(board_id: $b, group_id: $g, item_name: "N", '
        "column_values: $c, create_labels_if_missing: null) { id state } }",
        variables={"b": BOARD, "g": None, "c": None},
    )
    assert made["create_item"]["state"] == "active"


def test_a_body_in_chunks_and_a_slash_at_the_end_are_taken(board: World) -> None:
    body = json.dumps({"query": "{ me { id } }"}).encode()
    chunked = requests.post(
        f"{board.address}/v2/", data=iter([body[:5], body[5:]]), headers={"Authorization": "t"}, timeout=10
    )
    assert chunked.json()["data"]["me"]["id"]


def test_variables_that_do_not_fit_are_the_callers_mistake_and_run_nothing(board: World) -> None:
    answer = board.post("query($i: [ID!]!) { items(ids: $i) { id } }", {})
    told = answer.json()
    assert answer.status_code == 200 and "data" not in told
    assert (
        told["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED" and "$i" in told["errors"][0]["message"]
    )


def test_the_schema_is_told_as_text_and_by_introspection(board: World) -> None:
    text = requests.get(f"{board.address}/v2/get_schema?format=sdl&version=2026-10", timeout=10).text
    told = send(board, get_introspection_query())
    assert print_schema(build_client_schema(told)) == print_schema(build_schema(text))
    assert requests.get(f"{board.address}/v2/get_schema", timeout=10).json()["data"]["__schema"]["types"]


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "DELETE"])
def test_what_is_no_post_is_refused_in_json(board: World, method: str) -> None:
    answer = requests.request(method, f"{board.address}/v2", timeout=10)
    assert answer.status_code == 400 and answer.json()["errors"][0]["message"]
    files = requests.post(f"{board.address}/v2/file", files={"query": "x"}, timeout=10)
    assert files.status_code == 400 and "Files" in files.json()["errors"][0]["message"]
