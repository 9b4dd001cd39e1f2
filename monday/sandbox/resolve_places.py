"""Resolvers of what lies around boards: workspaces, tags, subscribers, notifications."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import boards, items, labels, sequence, views
from .exchange import Exchange, Info, iso, of
from .mutating import Resolver, mutation
from .refusals import Refusal, bad_argument, not_found

Given = Any
MAIN = 1  # the id of the workspace that every account begins with
_FIELDS = "id, name, kind, description, state, created_at"


def _rows(exchange: Exchange) -> list[dict[str, Any]]:
    main = {
        "id": MAIN, "name": "Main workspace", "kind": "open", "description": None, "state": "active",
        "created_at": None, "is_default_workspace": True,
    }  # fmt: skip
    made = [
        {**dict(zip(_FIELDS.split(", "), row, strict=True)), "created_at": iso(row[5]), "is_default_workspace": False}
        for row in exchange.db.execute(f"SELECT {_FIELDS} FROM workspaces WHERE state <> 'deleted' ORDER BY id")
    ]
    return [main, *made]


def _workspace(exchange: Exchange, workspace_id: object) -> dict[str, Any]:
    found = [row for row in _rows(exchange) if str(row["id"]) == str(workspace_id)]
    if not found:
        raise not_found("Workspace", workspace_id)
    return found[0]


def place_of(exchange: Exchange, board_id: int) -> int:
    """The id of the workspace that a board stands in."""
    row = exchange.db.execute("SELECT workspace_id FROM board_places WHERE board_id = ?", (board_id,)).fetchone()
    return int(row[0]) if row else MAIN


def put(exchange: Exchange, board_id: int, workspace_id: object) -> None:
    """Puts a board into a workspace; raises Refusal where there is none of that id."""
    found = _workspace(exchange, workspace_id)
    exchange.db.execute("INSERT OR REPLACE INTO board_places VALUES (?, ?)", (board_id, found["id"]))


def _workspaces(_root: Any, info: Info, **given: Given) -> list[dict[str, Any]]:
    limit, page = given.get("limit") or 25, given.get("page") or 1
    ids, kind, state = given.get("ids"), given.get("kind"), given.get("state") or "active"
    found = [
        row
        for row in _rows(of(info))
        if (ids is None or str(row["id"]) in ids)
        and (kind is None or row["kind"] == kind)
        and state in ("all", row["state"])
    ]
    return found[(page - 1) * limit : page * limit]


def _of_board(board: Mapping[str, Any], info: Info) -> dict[str, Any]:
    return _workspace(of(info), place_of(of(info), board["row"].id))


def _id_of_board(board: Mapping[str, Any], info: Info) -> int:
    return place_of(of(info), board["row"].id)


@mutation
def _create(exchange: Exchange, name: str, kind: str, **given: Given) -> dict[str, Any]:
    if not name.strip() or len(name) > boards.NAME_LENGTH:
        raise bad_argument("A workspace's name has 1 to 255 characters", name=name)
    number = sequence.next_id(exchange.db)
    exchange.db.execute(
        f"INSERT INTO workspaces ({_FIELDS}) VALUES (?, ?, ?, ?, 'active', ?)",
        (number, name, kind, given.get("description"), exchange.clock()),
    )
    return _workspace(exchange, number)


@mutation
def _change(exchange: Exchange, attributes: Mapping[str, Any], id: str | None = None) -> dict[str, Any]:
    found = _own(exchange, id)
    for name in ("name", "kind", "description"):
        if attributes.get(name) is not None:
            exchange.db.execute(f"UPDATE workspaces SET {name} = ? WHERE id = ?", (attributes[name], found["id"]))
    return _workspace(exchange, found["id"])


@mutation
def _delete(exchange: Exchange, workspace_id: str) -> dict[str, Any]:
    found = _own(exchange, workspace_id)
    exchange.db.execute("UPDATE workspaces SET state = 'deleted' WHERE id = ?", (found["id"],))
    for (number,) in exchange.db.execute(
        "SELECT board_id FROM board_places WHERE workspace_id = ?", (found["id"],)
    ).fetchall():
        exchange.db.execute("UPDATE boards SET state = 'deleted' WHERE id = ?", (number,))
    return {**found, "state": "deleted"}


def _own(exchange: Exchange, workspace_id: object) -> dict[str, Any]:
    found = _workspace(exchange, workspace_id)
    if found["is_default_workspace"]:
        raise bad_argument("The main workspace cannot be changed", workspace_id=str(workspace_id))
    return found


def _tag(row: tuple[Any, ...]) -> dict[str, Any]:
    return {"id": row[0], "name": row[1], "color": row[2]}


def _tags(_root: Any, info: Info, ids: list[str] | None = None) -> list[dict[str, Any]]:
    rows = of(info).db.execute("SELECT id, name, color FROM tags ORDER BY id").fetchall()
    return [_tag(row) for row in rows if ids is None or str(row[0]) in ids]


def _board_tags(board: Mapping[str, Any], info: Info) -> list[dict[str, Any]]:
    rows = of(info).db.execute("SELECT id, name, color FROM tags WHERE board_id = ? ORDER BY id", (board["row"].id,))
    return [_tag(row) for row in rows]


def _cell_tags(cell: Mapping[str, Any], info: Info) -> list[dict[str, Any]]:
    return [tag for tag in _tags(None, info) if tag["id"] in cell["tag_ids"]]


@mutation
def _tag_of_name(exchange: Exchange, board_id: str | None = None, tag_name: str | None = None) -> dict[str, Any]:
    db, name = exchange.db, (tag_name or "").strip()
    if not name:
        raise bad_argument("A tag needs a name", tag_name=tag_name)
    # A tag of a private or shareable board is that board's own; others belong to the account.
    board = boards.get(db, board_id) if board_id is not None else None
    owner = board.id if board and board.kind != "public" else None
    row = db.execute(
        "SELECT id, name, color FROM tags WHERE lower(name) = lower(?) AND board_id IS ?", (name, owner)
    ).fetchone()
    if row is None:
        number = sequence.next_id(db)
        row = (number, name, list(labels.HEX.values())[number % len(labels.HEX)])
        db.execute("INSERT INTO tags VALUES (?, ?, ?, ?)", (*row, owner))
    return _tag(row)


@mutation
def _notify(exchange: Exchange, text: str, user_id: str, target_id: str, target_type: str) -> dict[str, Any]:
    if user_id != exchange.user_id:
        raise Refusal("InvalidUserIdException", "There is no such user", about={"user_id": user_id})
    if target_type == "Project" and boards.find(exchange.db, target_id) is None:
        items.get(exchange.db, target_id)
    return {"id": sequence.next_id(exchange.db), "text": text}


@mutation
def _change_board(exchange: Exchange, board_id: str, board_attribute: str, new_value: str) -> str:
    board = boards.get(exchange.db, board_id)
    if board_attribute not in ("name", "description"):
        raise bad_argument("The sandbox keeps no such attribute of a board", board_attribute=board_attribute)
    if board_attribute == "name" and not 0 < len(new_value.strip()) <= boards.NAME_LENGTH:
        raise bad_argument("A board's name has 1 to 255 characters", new_value=new_value)
    exchange.db.execute(f"UPDATE boards SET {board_attribute} = ? WHERE id = ?", (new_value, board.id))
    return json.dumps({"success": True, "undo_data": {"undo_record_id": "", "action_type": "modify_project"}})


@mutation
def _subscribe(exchange: Exchange, board_id: str, user_ids: list[str], kind: str | None = None) -> list[dict[str, Any]]:
    boards.get(exchange.db, board_id)
    unknown = [one for one in user_ids if one != exchange.user_id]
    if unknown:
        raise Refusal("InvalidUserIdException", "There is no such user", about={"user_ids": unknown})
    return [views.user(exchange)]


QUERIES: dict[str, Resolver] = {"workspaces": _workspaces, "tags": _tags}
FIELDS: dict[str, dict[str, Resolver]] = {
    "Board": {"workspace": _of_board, "workspace_id": _id_of_board, "tags": _board_tags},
    "TagsValue": {"tags": _cell_tags},
}
MUTATIONS: dict[str, Resolver] = {
    "create_workspace": _create,
    "update_workspace": _change,
    "delete_workspace": _delete,
    "create_or_get_tag": _tag_of_name,
    "create_notification": _notify,
    "update_board": _change_board,
    "add_users_to_board": _subscribe,
    "add_subscribers_to_board": _subscribe,
    "delete_subscribers_from_board": _subscribe,
}
