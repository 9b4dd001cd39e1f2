"""A small board in a sandbox of its own, and ways to ask it, for the sandbox's contract tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from monday.core.structure import BoardStructure, Column, Group, Label
from monday.sandbox.app import SandboxApp
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore

BOARD, SUBITEMS = "9200000001", "9200000002"
LABELS = (Label(1, "Linen"), Label(2, "Wool"), Label(3, "Retired", active=False))
COLUMNS = (
    Column("name", "Name", "name"),
    Column("subtasks_a", "Subitems", "subtasks"),
    Column("text_key", "ORDER", "text"),
    Column("text_po", "PO", "text"),
    Column("long_text_n", "NOTES", "long_text"),
    Column("numeric_p", "PRICE", "numbers"),
    Column("date_d", "DUE", "date"),
    Column("color_s", "STATE", "status", (Label(0, "Open"), Label(1, "Done"), Label(7, "Retired", active=False))),
    Column("dropdown_m", "MATERIAL", "dropdown", LABELS),
    Column("boolean_b", "RUSH", "checkbox"),
    Column("email_e", "MAIL", "email"),
    Column("phone_p", "PHONE", "phone"),
    Column("link_l", "LINK", "link"),
    Column("people_p", "PLANNER", "people"),
    Column("timerange_t", "WINDOW", "timeline"),
    Column("lookup_m", "SHIPPED", "mirror"),
    Column("formula_f", "TOTAL", "formula"),
    Column("pulse_id_i", "Item ID", "item_id"),
    Column("pulse_updated_u", "Updated", "last_updated"),
)
SIZES = (
    Column("name", "Name", "name"),
    Column("dropdown_size", "Size", "dropdown", (Label(1, "M"), Label(2, "L"))),
    Column("numeric_q", "Qty", "numbers"),
)
GROUPS = (Group("harbour", "HARBOUR SS27"), Group("bhood", "B'HOOD AW26"), Group("china", "上海服装 2027"))


def structure(*, items_limit: int | None = None, subitems: bool = True) -> BoardStructure:
    """The board that the tests write to."""
    sizes = BoardStructure(SUBITEMS, "Sizes", {c.id: c for c in SIZES})
    return BoardStructure(
        BOARD,
        "Schedule",
        {c.id: c for c in COLUMNS},
        GROUPS,
        sizes if subitems else None,
        items_limit=items_limit,
    )


class World:
    """One store, its app, and a session that asks it."""

    def __init__(self, store: SandboxStore, app: SandboxApp, address: str, session: requests.Session) -> None:
        self.store, self.app, self.address, self.session = store, app, address, session

    def post(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> requests.Response:
        return self.session.post(
            f"{self.address}/v2",
            json={"query": query, "variables": variables or {}},
            headers={"Authorization": "a-token", **{k.replace("_", "-"): v for k, v in headers.items()}},
            timeout=10,
        )

    def ask(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """The data of an answer without errors."""
        answer = self.post(query, variables).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def errors(self, query: str, variables: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The errors of an answer that has some."""
        answer = self.post(query, variables).json()
        assert answer.get("errors"), answer
        return answer["errors"]

    def create(self, name: str = "Shirt", group: str | None = "harbour", **values: Any) -> str:
        """Creates an item; its id."""
        return self.ask(CREATE, {"b": BOARD, "g": group, "n": name, "v": json.dumps(values)})["create_item"]["id"]

    def create_subitem(self, parent: str, name: str = "M", **values: Any) -> str:
        return self.ask(CREATE_SUBITEM, {"p": parent, "n": name, "v": json.dumps(values)})["create_subitem"]["id"]

    def change(self, item: str, *, board: str = BOARD, labels: bool = False, **values: Any) -> requests.Response:
        variables = {"b": board, "i": item, "v": json.dumps(values), "l": labels}
        return self.post(CHANGE, variables)

    def cells(self, item: str) -> dict[str, dict[str, Any]]:
        """An item's cells by column id."""
        found = self.ask("query($i: [ID!]) { items(ids: $i) { column_values { id type text value } } }", {"i": [item]})
        return {cell["id"]: cell for cell in found["items"][0]["column_values"]}


CREATE = """mutation($b: ID!, $g: String, $n: String!, $v: JSON) {
  create_item(board_id: $b, group_id: $g, item_name: $n, column_values: $v) { id } }"""
CREATE_SUBITEM = """mutation($p: ID!, $n: String!, $v: JSON) {
  create_subitem(parent_item_id: $p, item_name: $n, column_values: $v) { id } }"""
CHANGE = """mutation($b: ID!, $i: ID, $v: JSON!, $l: Boolean) {
  change_multiple_column_values(board_id: $b, item_id: $i, column_values: $v, create_labels_if_missing: $l) {
    id name } }"""


def send(board: World, query: str, *, headers: dict[str, str] | None = None, **more: Any) -> Any:
    """The data of an answer without errors, sent the way a bare HTTP library does it."""
    given = {"Authorization": "eyJhbGciOi", "Content-Type": "application/json", **(headers or {})}
    body = json.dumps({"query": query, **more}).encode()
    answer = requests.post(f"{board.address}/v2", data=body, headers=given, timeout=10)
    assert answer.status_code == 200 and "errors" not in answer.json(), answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.json()["data"]


@contextmanager
def world(folder: Path, board: BoardStructure | None = None, **settings: Any) -> Iterator[World]:
    """A seeded sandbox served over real HTTP for the block."""
    store = SandboxStore(folder / "sandbox.sqlite3")
    store.seed(board or structure())
    app = SandboxApp(store, **settings)
    with running(app) as address, requests.Session() as session:
        session.trust_env = False
        yield World(store, app, address, session)
    store.close()
