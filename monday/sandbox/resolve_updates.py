"""Resolvers of updates, replies and likes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import items, updates, views
from .exchange import Exchange, Info, iso, of
from .mutating import Resolver, mutation

Given = Any


def _all(_root: Any, info: Info, **given: Given) -> list[dict[str, Any]]:
    return updates.page(updates.listed(of(info).db, "1 = 1", []), given)


def _of_board(board: Mapping[str, Any], info: Info, **given: Given) -> list[dict[str, Any]]:
    return updates.page(updates.listed(of(info).db, "board_id = ?", [board["row"].id]), given)


def _of_item(item: Mapping[str, Any], info: Info, **given: Given) -> list[dict[str, Any]]:
    return updates.page(updates.listed(of(info).db, "item_id = ?", [item["row"].id]), given)


def _paged(root: Mapping[str, Any], info: Info, limit: int | None = 25, cursor: str | None = None) -> dict[str, Any]:
    """One page of a board's or an item's updates; the cursor is the number of those that were shown."""
    key = "item_id" if isinstance(root["row"], items.BoardItem) else "board_id"
    found = updates.listed(of(info).db, f"{key} = ?", [root["row"].id])
    start = int(cursor) if cursor and cursor.isdecimal() else 0
    end = start + (limit or 25)
    return {"updates": updates.shown(found[start:end]), "cursor": str(end) if end < len(found) else None}


def _item(update: Mapping[str, Any], info: Info) -> dict[str, Any] | None:
    found = items.by_ids(of(info).db, [update["row"].item_id])
    return views.item(found[0]) if found else None


def _replies(update: Mapping[str, Any], info: Info) -> list[dict[str, Any]]:
    found = updates.listed(of(info).db, "parent_id = ?", [update["row"].id], replies=True)
    return updates.shown(reversed(found))


def _likes(update: Mapping[str, Any], info: Info) -> list[dict[str, Any]]:
    row: updates.BoardUpdate = update["row"]
    if row.liked is None:
        return []
    at = iso(row.updated_at)
    like = {"id": row.id, "creator_id": of(info).user_id, "reaction_type": row.liked, "created_at": at}
    return [{**like, "updated_at": at, "creator": views.user(of(info))}]


def _creator(_update: Any, info: Info) -> dict[str, Any]:
    return views.user(of(info))


@mutation
def _create(exchange: Exchange, body: str, **given: Given) -> dict[str, Any]:
    return updates.shown([updates.create(exchange, given.get("item_id"), body, given.get("parent_id"))])[0]


@mutation
def _edit(exchange: Exchange, id: str, body: str) -> dict[str, Any]:
    return updates.shown([updates.edit(exchange, id, body)])[0]


@mutation
def _delete(exchange: Exchange, id: str) -> dict[str, Any]:
    return updates.shown([updates.delete(exchange, id)])[0]


@mutation
def _like(exchange: Exchange, update_id: str, reaction_type: str | None = None) -> dict[str, Any]:
    return updates.shown([updates.like(exchange, update_id, reaction_type or "Like")])[0]


@mutation
def _unlike(exchange: Exchange, update_id: str) -> dict[str, Any]:
    return updates.shown([updates.like(exchange, update_id, None)])[0]


@mutation
def _clear(exchange: Exchange, item_id: str) -> dict[str, Any]:
    item = items.get(exchange.db, item_id)
    updates.clear(exchange, item.id)
    return views.item(item)


QUERIES: dict[str, Resolver] = {"updates": _all}
_EITHER: dict[str, Resolver] = {"creator": _creator, "likes": _likes}
FIELDS: dict[str, dict[str, Resolver]] = {
    "Board": {"updates": _of_board, "updates_page": _paged},
    "Item": {"updates": _of_item, "updates_page": _paged},
    "Update": {**_EITHER, "item": _item, "replies": _replies},
    "Reply": _EITHER,
}
MUTATIONS: dict[str, Resolver] = {
    "create_update": _create,
    "edit_update": _edit,
    "delete_update": _delete,
    "like_update": _like,
    "unlike_update": _unlike,
    "clear_item_updates": _clear,
}
