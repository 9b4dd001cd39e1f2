"""Resolvers about items, subitems and their cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import boards, cursors, finding, groups, items, views
from .exchange import Exchange, Info, of
from .mutating import Resolver, mutation
from .refusals import Refusal, bad_argument, bad_value
from .resolve_boards import check_limit, page_of

Given = Any
IDS_PER_CALL = 100
_NO_CELLS = frozenset({"name"})  # the name is a field of the item, not one of its cells


def _items(_root: Any, info: Info, limit: int = 25, page: int = 1, **wanted: Given) -> list[dict[str, Any]]:
    exchange = of(info)
    ids = wanted.get("ids") or []
    if len(ids) > IDS_PER_CALL or not 1 <= limit <= IDS_PER_CALL or page < 1:
        raise bad_argument(
            f"items takes at most {IDS_PER_CALL} ids and a limit from 1 to {IDS_PER_CALL}", ids=len(ids), limit=limit
        )
    found = items.by_ids(exchange.db, [boards.as_number(one) for one in ids])
    if wanted.get("exclude_nonactive"):
        found = [item for item in found if item.state == "active"]
    if wanted.get("newest_first"):
        found = sorted(found, key=lambda item: item.id, reverse=True)
    return [views.item(item) for item in found[(page - 1) * limit : page * limit]]


def _by_column_values(_root: Any, info: Info, board_id: str, limit: int, **wanted: Given) -> dict[str, Any]:
    exchange = of(info)
    check_limit(limit)
    columns, cursor = wanted.get("columns"), wanted.get("cursor")
    if (columns is None) == (cursor is None):
        raise bad_argument("Either columns or cursor is needed")
    board = boards.get(exchange.db, board_id)
    if cursor is not None:
        return page_of(exchange, *cursors.next_page(exchange, cursor, limit))
    return page_of(
        exchange, *cursors.first_page(exchange, finding.by_column_values(exchange, board, columns or ()), limit)
    )


def _next_page(_root: Any, info: Info, cursor: str, limit: int) -> dict[str, Any]:
    exchange = of(info)
    check_limit(limit)
    return page_of(exchange, *cursors.next_page(exchange, cursor, limit))


def _cells(item: Mapping[str, Any], info: Info, **wanted: Given) -> list[dict[str, Any]]:
    exchange = of(info)
    row = item["row"]
    board = boards.find(exchange.db, row.board_id)
    ids, types = wanted.get("ids"), wanted.get("types")
    columns = [
        column
        for column in (board.columns.values() if board else ())
        if column.kind not in _NO_CELLS
        and not column.archived
        and (ids is None or column.id in ids)
        and (types is None or column.kind in types)
    ]
    return views.cells(exchange, row, columns)


def _board(item: Mapping[str, Any], info: Info) -> dict[str, Any] | None:
    found = boards.find(of(info).db, item["row"].board_id)
    return views.board(found) if found else None


def _group(item: Mapping[str, Any], info: Info) -> dict[str, Any] | None:
    found = groups.find(of(info).db, item["row"].board_id, item["row"].group_id)
    return views.group(found) if found else None


def _parent(item: Mapping[str, Any], info: Info) -> dict[str, Any] | None:
    found = items.by_ids(of(info).db, [item["row"].parent_id]) if item["row"].parent_id else []
    return views.item(found[0]) if found else None


def _subitems(item: Mapping[str, Any], info: Info) -> list[dict[str, Any]]:
    return [views.item(one) for one in items.subitems_of(of(info).db, item["row"].id)]


def _linked(item: Mapping[str, Any], info: Info, **wanted: Given) -> list[dict[str, Any]]:
    exchange = of(info)
    stored = json.loads(item["row"].cells).get(wanted["link_to_item_column_id"])
    ids = stored.get("item_ids", ()) if isinstance(stored, Mapping) else ()
    found = items.by_ids(exchange.db, ids)
    return [views.item(one) for one in found if str(one.board_id) == wanted["linked_board_id"]]


def _nothing(_item: Any, _info: Info, **_wanted: Given) -> list[Any]:
    return []


def _person(_item: Any, info: Info) -> dict[str, Any]:
    return views.user(of(info))


def _persons(_item: Any, info: Info) -> list[dict[str, Any]]:
    return [views.user(of(info))]


def _cell_column(cell: Mapping[str, Any], _info: Info) -> dict[str, Any]:
    return views.column(cell["column_row"])


def _cell_subitems(cell: Mapping[str, Any], info: Info) -> list[dict[str, Any]]:
    return [views.item(one) for one in items.subitems_of(of(info).db, cell["item_row"].id)]


def _cell_linked(cell: Mapping[str, Any], info: Info) -> list[dict[str, Any]]:
    return [views.item(one) for one in items.by_ids(of(info).db, cell["linked_item_ids"])]


@mutation
def _create_item(exchange: Exchange, board_id: str, item_name: str, **given: Given) -> dict[str, Any]:
    board = boards.get(exchange.db, board_id)
    if board.type != "board":
        raise bad_argument("Subitems are created with create_subitem", board_id=board_id)
    made = items.create(
        exchange,
        board,
        item_name,
        _decoded(given.get("column_values")),
        group_id=given.get("group_id"),
        create_labels=bool(given.get("create_labels_if_missing")),
        place=(given.get("position_relative_method"), given.get("relative_to")),
    )
    return views.item(made)


@mutation
def _create_subitem(exchange: Exchange, parent_item_id: str, item_name: str, **given: Given) -> dict[str, Any]:
    parent = items.get(exchange.db, parent_item_id)
    if parent.parent_id is not None:
        raise bad_argument("A subitem cannot have subitems on this board", parent_item_id=parent_item_id)
    made = items.create(
        exchange,
        items.subitems_board(exchange, parent),
        item_name,
        _decoded(given.get("column_values")),
        parent=parent,
        create_labels=bool(given.get("create_labels_if_missing")),
    )
    return views.item(made)


@mutation
def _change_several(exchange: Exchange, board_id: str, column_values: str, **given: Given) -> dict[str, Any]:
    return _changed(exchange, board_id, _decoded(column_values), given)


@mutation
def _change_one(exchange: Exchange, board_id: str, column_id: str, value: str, **given: Given) -> dict[str, Any]:
    return _changed(exchange, board_id, {column_id: _json(value)}, given)


@mutation
def _change_simple(
    exchange: Exchange, board_id: str, column_id: str, value: str | None = None, **given: Given
) -> dict[str, Any]:
    column = boards.get(exchange.db, board_id).column(column_id)
    if column.kind in ("checkbox", "board_relation"):
        raise Refusal(
            "CorrectedValueException", f"Column {column_id} ({column.kind}) takes JSON, no simple text",
            about={"column_id": column_id, "column_type": column.kind, "column_value": value},
        )  # fmt: skip
    # The simple form clears with an empty text, except numbers, where that writes 0.
    cleared = value == "" and column.kind not in ("numbers", "name")
    return _changed(exchange, board_id, {column_id: None if cleared else value}, given)


def _changed(exchange: Exchange, board_id: str, values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    create_labels = bool(given.get("create_labels_if_missing"))
    return views.item(items.change(exchange, board_id, given.get("item_id"), values, create_labels))


def _decoded(text: str | None) -> Mapping[str, Any]:
    values = {} if text is None else _json(text)
    if not isinstance(values, Mapping):
        raise bad_value("column_values", "JSON", text, "an object by column id is expected")
    return values


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refusal("JsonParseException", "The value is not JSON", status=400, about={"value": text[:200]}) from None


@mutation
def _move(exchange: Exchange, group_id: str, item_id: str | None = None) -> dict[str, Any]:
    return views.item(items.move(exchange, item_id, group_id))


@mutation
def _reposition(exchange: Exchange, item_id: str, **given: Given) -> dict[str, Any]:
    item = items.get(exchange.db, item_id)
    if given.get("relative_to") is not None:
        anchor = items.get(exchange.db, given["relative_to"])
        place = (given.get("position_relative_method") or "after_at", given["relative_to"])
        return views.item(items.move(exchange, item.id, anchor.group_id, place))
    top = "after_at" if given.get("group_top") else "before_at"
    return views.item(items.move(exchange, item.id, given.get("group_id") or item.group_id, (top, None)))


def _end(state: str) -> Resolver:
    @mutation
    def end(exchange: Exchange, item_id: str | None = None) -> dict[str, Any]:
        return views.item(items.take_away(exchange, item_id, state))

    return end


QUERIES: dict[str, Resolver] = {
    "items": _items,
    "items_page_by_column_values": _by_column_values,
    "next_items_page": _next_page,
}
_LINKED: dict[str, dict[str, Resolver]] = {
    "SubtasksValue": {"subitems": _cell_subitems},
    "BoardRelationValue": {"linked_items": _cell_linked},
    "DependencyValue": {"linked_items": _cell_linked},
    "LastUpdatedValue": {"updater": _person},
    "CreationLogValue": {"creator": _person},
}
FIELDS: dict[str, dict[str, Resolver]] = {
    "Item": {
        "board": _board,
        "group": _group,
        "parent_item": _parent,
        "subitems": _subitems,
        "column_values": _cells,
        "assets": _nothing,
        "linked_items": _linked,
        "creator": _person,
        "subscribers": _persons,
    },
    **_LINKED,
}
ON_EVERY_CELL: dict[str, Resolver] = {"column": _cell_column}
MUTATIONS: dict[str, Resolver] = {
    "create_item": _create_item,
    "create_subitem": _create_subitem,
    "change_multiple_column_values": _change_several,
    "change_column_value": _change_one,
    "change_simple_column_value": _change_simple,
    "move_item_to_group": _move,
    "change_item_position": _reposition,
    "archive_item": _end("archived"),
    "delete_item": _end("deleted"),
}
