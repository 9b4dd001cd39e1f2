"""Resolvers about boards, columns and groups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import boards, cursors, finding, groups, items, labels, resolve_activity, resolve_places, views
from .exchange import Exchange, Info, of
from .mutating import Resolver, mutation
from .refusals import bad_argument

Arguments = Any
_OWN_TYPES = ("board", "sub_items_board")


def _boards(_root: Any, info: Info, limit: int = 25, page: int = 1, **wanted: Arguments) -> list[dict[str, Any]]:
    db = of(info).db
    if limit is None or limit < 1 or page is None or page < 1:
        raise bad_argument("limit and page start at 1", limit=limit, page=page)
    state = wanted.get("state") or "active"
    ids = wanted.get("ids")
    if ids is None:
        found = boards.listed(db, state, _OWN_TYPES)
    else:
        named = [boards.find(db, one) for one in dict.fromkeys(ids)]
        found = [board for board in named if board and state in ("all", board.state)]
    if kind := wanted.get("board_kind"):
        found = [board for board in found if board.kind == kind]
    if wanted.get("workspace_ids"):
        places = [resolve_places.MAIN if one is None else boards.as_number(one) for one in wanted["workspace_ids"]]
        found = [board for board in found if resolve_places.place_of(of(info), board.id) in places]
    if wanted.get("order_by"):
        moment = "created_at" if wanted["order_by"] == "created_at" else "updated_at"
        found = sorted(found, key=lambda board: getattr(board, moment), reverse=True)
    return [views.board(board) for board in found[(page - 1) * limit : page * limit]]


def _columns(board: Mapping[str, Any], _info: Info, **wanted: Arguments) -> list[dict[str, Any]]:
    ids, types = wanted.get("ids"), wanted.get("types")
    return [
        views.column(column)
        for column in board["row"].columns.values()
        if (ids is None or column.id in ids) and (types is None or column.kind in types)
    ]


def _settings(column: Mapping[str, Any], info: Info) -> dict[str, Any]:
    return labels.settings_of(of(info).db, column["row"])


def _settings_text(column: Mapping[str, Any], info: Info) -> str:
    return json.dumps(labels.old_settings_of(of(info).db, column["row"]), ensure_ascii=False)


def _groups(board: Mapping[str, Any], info: Info, ids: list[str] | None = None) -> list[dict[str, Any]]:
    found = groups.all_of(of(info).db, board["row"].id)
    return [views.group(group) for group in found if ids is None or group.id in ids]


def _top_group(board: Mapping[str, Any], info: Info) -> dict[str, Any]:
    return views.group(groups.top(of(info).db, board["row"].id))


def _items_page(board: Mapping[str, Any], info: Info, **wanted: Arguments) -> dict[str, Any]:
    return _page(of(info), board["row"], None, wanted)


def _group_items_page(group: Mapping[str, Any], info: Info, **wanted: Arguments) -> dict[str, Any]:
    exchange = of(info)
    return _page(exchange, boards.get(exchange.db, group["row"].board_id), group["row"].id, wanted)


def _page(exchange: Exchange, board: boards.Board, group_id: str | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
    limit, cursor, query = wanted["limit"], wanted.get("cursor"), wanted.get("query_params")
    check_limit(limit)
    if cursor and query:
        raise bad_argument("cursor and query_params cannot be used together")
    if cursor:
        return page_of(exchange, *cursors.next_page(exchange, cursor, limit))
    ids = finding.by_query(exchange, board, query, group_id)
    return page_of(exchange, *cursors.first_page(exchange, ids, limit))


def check_limit(limit: int) -> None:
    """Raises Refusal for a page size that the page queries do not take."""
    if not 1 <= limit <= cursors.PAGE_LIMIT:
        raise bad_argument(f"limit must lie between 1 and {cursors.PAGE_LIMIT}", limit=limit)


def page_of(exchange: Exchange, ids: Any, cursor: str | None) -> dict[str, Any]:
    """An ItemsResponse; what was archived or deleted since the first page is left out."""
    found = [item for item in items.by_ids(exchange.db, ids) if item.state == "active"]
    return {"cursor": cursor, "items": [views.item(item) for item in found]}


def _person(_board: Any, info: Info) -> dict[str, Any]:
    return views.user(of(info))


def _persons(_board: Any, info: Info) -> list[dict[str, Any]]:
    return [views.user(of(info))]


@mutation
def _create_board(exchange: Exchange, **given: Arguments) -> dict[str, Any]:
    db = exchange.db
    number = boards.create(db, given["board_name"], kind=given["board_kind"], description=given.get("description"))
    boards.insert_column(db, number, "name", "Name", "name", {})
    if not given.get("empty"):
        for column_id, title, kind in (
            ("person", "Person", "people"),
            ("status", "Status", "status"),
            ("date4", "Date", "date"),
        ):
            boards.insert_column(db, number, column_id, title, kind, {})
        labels.first_labels(db, boards.get(db, number), "status")
    groups.insert(db, number, "Group Title", group_id="topics")
    if given.get("workspace_id") is not None:
        resolve_places.put(exchange, number, given["workspace_id"])
    if not given.get("empty"):
        for place in range(1, exchange.behaviour.first_items + 1):
            items.insert(exchange, boards.get(db, number), "topics", f"Task {place}", {})
    return views.board(boards.get(db, number))


def _end_board(state: str) -> Resolver:
    @mutation
    def end(exchange: Exchange, board_id: str) -> dict[str, Any]:
        board = boards.get(exchange.db, board_id)
        exchange.db.execute("UPDATE boards SET state = ? WHERE id = ?", (state, board.id))
        return views.board(boards.find(exchange.db, board_id) or board)

    return end


@mutation
def _create_group(exchange: Exchange, board_id: str, group_name: str, **given: Arguments) -> dict[str, Any]:
    board = boards.get(exchange.db, board_id)
    key = groups.create(
        exchange.db,
        board,
        group_name,
        color=given.get("group_color"),
        relative_to=given.get("relative_to"),
        method=given.get("position_relative_method"),
    )
    exchange.record(board.id, None, "create_group", group_name)
    return views.group(groups.get(exchange.db, board.id, key))


@mutation
def _update_group(
    exchange: Exchange, board_id: str, group_id: str, group_attribute: str, new_value: str
) -> dict[str, Any]:
    board = boards.get(exchange.db, board_id)
    groups.change(exchange.db, board, group_id, group_attribute, new_value)
    return views.group(groups.get(exchange.db, board.id, group_id))


def _end_group(state: str) -> Resolver:
    @mutation
    def end(exchange: Exchange, board_id: str, group_id: str) -> dict[str, Any]:
        board = boards.get(exchange.db, board_id)
        group = groups.take_away(exchange.db, board, group_id, state)
        items.empty_group(exchange, board, group.id, state)
        exchange.record(board.id, None, f"{'archive' if state == 'archived' else 'delete'}_group", group.title)
        return views.group(groups.find(exchange.db, board.id, group_id) or group)

    return end


QUERIES: dict[str, Resolver] = {"boards": _boards}
FIELDS: dict[str, dict[str, Resolver]] = {
    "Board": {
        "columns": _columns,
        "groups": _groups,
        "top_group": _top_group,
        "items_page": _items_page,
        "activity_logs": resolve_activity.of_board,
        "creator": _person,
        "owners": _persons,
        "subscribers": _persons,
        "owner": _person,
    },
    "Column": {"settings": _settings, "settings_str": _settings_text},
    "Group": {"items_page": _group_items_page},
}
MUTATIONS: dict[str, Resolver] = {
    "create_board": _create_board,
    "archive_board": _end_board("archived"),
    "delete_board": _end_board("deleted"),
    "create_group": _create_group,
    "update_group": _update_group,
    "archive_group": _end_group("archived"),
    "delete_group": _end_group("deleted"),
}
