"""Updates: what people write below an item, with replies and a like. Callers of writers hold the write transaction."""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import items, sequence
from .exchange import Exchange, iso
from .refusals import bad_argument, not_found

PAGE_LIMIT = 10_000
_FIELDS = "id, board_id, item_id, parent_id, body, creator, liked, created_at, updated_at"
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class BoardUpdate:
    """An update, or a reply to one where `parent_id` names it; `liked` is the reaction of the account's one person."""

    id: int
    board_id: int
    item_id: int
    parent_id: int | None
    body: str
    creator: str
    liked: str | None
    created_at: float
    updated_at: float


def create(exchange: Exchange, item_id: object, body: str, parent_id: object = None) -> BoardUpdate:
    """A new update of an item, or a reply to one of its updates."""
    if not body.strip():
        raise bad_argument("An update needs a text", body=body)
    parent = get(exchange.db, parent_id) if parent_id is not None else None
    if parent is None and item_id is None:
        raise bad_argument("Either item_id or parent_id is needed")
    item = items.get(exchange.db, item_id if item_id is not None else parent.item_id if parent else None)
    if parent is not None and parent.item_id != item.id:
        raise bad_argument("The update belongs to another item", parent_id=str(parent.id))
    above = (parent.parent_id or parent.id) if parent else None
    now = exchange.clock()
    made = BoardUpdate(
        sequence.next_id(exchange.db), item.board_id, item.id, above, body, exchange.user_id, None, now, now
    )
    _insert(exchange.db, made)
    exchange.record(item.board_id, item.id, "create_reply" if above else "create_update", body)
    return made


def _insert(db: sqlite3.Connection, made: BoardUpdate) -> None:
    values = [getattr(made, name) for name in _FIELDS.split(", ")]
    db.execute(f"INSERT INTO updates ({_FIELDS}) VALUES ({', '.join('?' * len(values))})", values)


def get(db: sqlite3.Connection, update_id: object) -> BoardUpdate:
    """The update or reply of that id; raises Refusal where there is none."""
    found = listed(db, "id = ?", [str(update_id)], replies=None)
    if not found:
        raise not_found("Update", update_id)
    return found[0]


def listed(
    db: sqlite3.Connection, where: str, given: Sequence[Any], *, replies: bool | None = False
) -> list[BoardUpdate]:
    """Updates that hold a condition of ours, newest first; with `replies` those, with None both."""
    only = "" if replies is None else f" AND parent_id IS {'NOT ' if replies else ''}NULL"
    rows = db.execute(f"SELECT {_FIELDS} FROM updates WHERE {where}{only} ORDER BY id DESC", given)
    return [BoardUpdate(*row) for row in rows]


def edit(exchange: Exchange, update_id: object, body: str) -> BoardUpdate:
    """The update with another text."""
    found = get(exchange.db, update_id)
    exchange.db.execute("UPDATE updates SET body = ?, updated_at = ? WHERE id = ?", (body, exchange.clock(), found.id))
    return get(exchange.db, found.id)


def like(exchange: Exchange, update_id: object, reaction: str | None) -> BoardUpdate:
    """The update with a reaction, or without any."""
    found = get(exchange.db, update_id)
    exchange.db.execute("UPDATE updates SET liked = ? WHERE id = ?", (reaction, found.id))
    return get(exchange.db, found.id)


def delete(exchange: Exchange, update_id: object) -> BoardUpdate:
    """Takes an update and its replies away; gives it as it was."""
    found = get(exchange.db, update_id)
    exchange.db.execute("DELETE FROM updates WHERE id = ? OR parent_id = ?", (found.id, found.id))
    exchange.record(found.board_id, found.item_id, "delete_update", found.body)
    return found


def clear(exchange: Exchange, item_id: int) -> None:
    """Takes all updates of an item away."""
    exchange.db.execute("DELETE FROM updates WHERE item_id = ?", (item_id,))


def copy(exchange: Exchange, source_item: int, target_item: int, target_board: int) -> None:
    """Copies an item's updates with their replies to another item."""
    twins: dict[int, int] = {}
    for one in reversed(listed(exchange.db, "item_id = ?", [source_item], replies=None)):
        twins[one.id] = sequence.next_id(exchange.db)
        above = twins.get(one.parent_id) if one.parent_id else None
        _insert(
            exchange.db,
            BoardUpdate(
                twins[one.id], target_board, target_item, above, one.body, one.creator, None, one.created_at,
                one.updated_at,
            ),
        )  # fmt: skip


def shown(rows: Iterable[BoardUpdate]) -> list[dict[str, Any]]:
    """Updates as the API answers them."""
    return [_shown(row) for row in rows]


def _shown(row: BoardUpdate) -> dict[str, Any]:
    return {
        "row": row,
        "id": row.id,
        "body": row.body,
        "text_body": html.unescape(_TAG.sub("", row.body)),
        "kind": "reply",
        "creator_id": row.creator,
        "item_id": str(row.item_id),
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "edited_at": iso(row.updated_at),
        "original_creation_date": None,
        "pinned_to_top": [],
        "viewers": [],
        "assets": [],
    }


def page(found: Sequence[BoardUpdate], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The part of a list that `limit`, `page`, `ids`, `from_date` and `to_date` ask for."""
    limit, number = given.get("limit") or 25, given.get("page") or 1
    if not 1 <= limit <= PAGE_LIMIT or number < 1:
        raise bad_argument(f"limit must lie between 1 and {PAGE_LIMIT}, page starts at 1", limit=limit, page=number)
    ids = given.get("ids")
    first, last = given.get("from_date"), given.get("to_date")
    kept = [
        one
        for one in found
        if (ids is None or str(one.id) in ids)
        and (not first or (iso(one.created_at) or "") >= str(first)[:19])
        and (not last or (iso(one.created_at) or "")[: len(str(last)[:19])] <= str(last)[:19])
    ]
    return shown(kept[(number - 1) * limit : number * limit])
