"""Mutations that copy items, groups and boards, and that move an item to another board."""

from __future__ import annotations

from typing import Any

from . import boards, copying, items, views
from .exchange import Exchange
from .mutating import Resolver, mutation

Given = Any


@mutation
def _item(exchange: Exchange, board_id: str, item_id: str | None = None, **given: Given) -> dict[str, Any]:
    source = items.get_on(exchange.db, board_id, item_id)
    return views.item(copying.item(exchange, source, with_updates=bool(given.get("with_updates"))))


@mutation
def _group(exchange: Exchange, board_id: str, group_id: str, **given: Given) -> dict[str, Any]:
    board = boards.get(exchange.db, board_id)
    made = copying.group(exchange, board, group_id, given.get("group_title"), to_top=bool(given.get("add_to_top")))
    return views.group(made)


@mutation
def _board(exchange: Exchange, board_id: str, duplicate_type: str, **given: Given) -> dict[str, Any]:
    source = boards.get(exchange.db, board_id)
    made = copying.board(exchange, source, duplicate_type, given.get("board_name"))
    return {"board": views.board(made), "is_async": False}


@mutation
def _to_board(exchange: Exchange, board_id: str, group_id: str, item_id: str, **given: Given) -> dict[str, Any]:
    moved = copying.to_board(
        exchange,
        items.get(exchange.db, item_id),
        boards.get(exchange.db, board_id),
        group_id,
        given.get("columns_mapping"),
        given.get("subitems_columns_mapping"),
    )
    return views.item(moved)


MUTATIONS: dict[str, Resolver] = {
    "duplicate_item": _item,
    "duplicate_group": _group,
    "duplicate_board": _board,
    "move_item_to_board": _to_board,
}
