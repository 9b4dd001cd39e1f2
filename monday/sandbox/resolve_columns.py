"""Mutations of a board's columns and their labels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from . import boards, labels, views
from .exchange import Exchange
from .mutating import Resolver, mutation
from .refusals import Refusal, bad_argument

Given = Any


def _made(
    exchange: Exchange, kind: str, given: Mapping[str, Any], first: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    board = boards.get(exchange.db, given["board_id"])
    column_id = boards.create_column(
        exchange.db,
        board,
        kind,
        given["title"],
        own_id=given.get("id"),
        after=given.get("after_column_id"),
        description=given.get("description"),
        settings=_linked_boards(kind, given.get("defaults")),
    )
    labels.first_labels(exchange.db, boards.get(exchange.db, board.id), column_id, first)
    exchange.record(board.id, None, "create_column", given["title"])
    return views.column(boards.get(exchange.db, board.id).column(column_id))


def _linked_boards(kind: str, defaults: Any) -> dict[str, Any]:
    if kind != "board_relation" or not isinstance(defaults, Mapping):
        return {}
    linked = defaults.get("boardIds") or [defaults.get("boardId")]
    return {"boardIds": [boards.as_number(one) for one in linked if one is not None]}


@mutation
def _create_column(exchange: Exchange, column_type: str, **given: Given) -> dict[str, Any]:
    if column_type in ("name", "unsupported", "group"):
        raise bad_argument("This column type cannot be created", column_type=column_type)
    given["defaults"] = defaults = _decoded(given.get("defaults"))
    first = _default_labels(column_type, defaults) if column_type in ("status", "dropdown") else ()
    return _made(exchange, column_type, given, first)


def _decoded(text: str | None) -> Any:
    if text is None:
        return {}
    try:
        return json.loads(text)
    except ValueError:
        raise Refusal("JsonParseException", "defaults is not JSON", status=400) from None


def _default_labels(kind: str, defaults: Any) -> list[dict[str, Any]]:
    """The labels in any of the three layouts that `defaults` is written in."""
    holder = defaults if isinstance(defaults, Mapping) else {}
    given = holder.get("labels") or (holder.get("settings") or {}).get("labels") or ()
    if isinstance(given, Mapping):
        return [{"label": str(text), **_color(kind, str(key))} for key, text in given.items()]
    texts = [one.get("label") or one.get("name") if isinstance(one, Mapping) else one for one in given]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise bad_argument("Each label of defaults needs a text")
    return [{"label": text} for text in texts]


def _color(kind: str, key: str) -> dict[str, str]:
    # The key of a status label is the number of its color.
    return {"color": labels.COLORS[int(key) % len(labels.COLORS)]} if kind == "status" and key.isdecimal() else {}


@mutation
def _create_dropdown(exchange: Exchange, **given: Given) -> dict[str, Any]:
    return _made(exchange, "dropdown", given, (given.get("defaults") or {}).get("labels", ()))


@mutation
def _create_status(exchange: Exchange, **given: Given) -> dict[str, Any]:
    return _made(exchange, "status", given, (given.get("defaults") or {}).get("labels", ()))


def _update(kind: str) -> Resolver:
    @mutation
    def update(exchange: Exchange, board_id: str, id: str, revision: str, **given: Given) -> dict[str, Any]:
        board = boards.get(exchange.db, board_id)
        column = board.column(id)
        if column.kind != kind:
            raise bad_argument(f"The column is no {kind} column", column_id=id, type=column.kind)
        if not exchange.behaviour.create_labels:
            raise Refusal("UserUnauthorizedException", "You may not change the structure of this board", status=403)
        labels.check_revision(column, revision)
        changes = {name: given[name] for name in ("title", "description", "width") if given.get(name) is not None}
        boards.change_column(exchange.db, board, id, **changes)
        if given.get("settings") is not None:
            labels.replace(exchange.db, column, given["settings"]["labels"])
        return views.column(boards.get(exchange.db, board.id).column(id))

    return update


@mutation
def _update_any(exchange: Exchange, board_id: str, id: str, column_type: str, **given: Given) -> dict[str, Any]:
    board = boards.get(exchange.db, board_id)
    column = board.column(id)
    if column.kind != column_type:
        raise bad_argument(f"The column is no {column_type} column", column_id=id, type=column.kind)
    labels.check_revision(column, given["revision"])
    changes = {name: given[name] for name in ("title", "description", "width") if given.get(name) is not None}
    boards.change_column(exchange.db, board, id, **changes)
    settings = _decoded(given.get("settings"))
    if isinstance(settings, Mapping) and settings.get("labels") and column.kind in ("status", "dropdown"):
        labels.replace(exchange.db, column, settings["labels"])
    return views.column(boards.get(exchange.db, board.id).column(id))


@mutation
def _title(exchange: Exchange, board_id: str, column_id: str, title: str) -> dict[str, Any]:
    board = boards.get(exchange.db, board_id)
    boards.change_column(exchange.db, board, column_id, title=title)
    return views.column(boards.get(exchange.db, board.id).column(column_id))


@mutation
def _metadata(
    exchange: Exchange, board_id: str, column_id: str, column_property: str = "title", value: str = ""
) -> dict[str, Any]:
    board = boards.get(exchange.db, board_id)
    boards.change_column(exchange.db, board, column_id, **{column_property: value})
    return views.column(boards.get(exchange.db, board.id).column(column_id))


@mutation
def _delete_column(exchange: Exchange, board_id: str, column_id: str) -> dict[str, Any]:
    board = boards.get(exchange.db, board_id)
    column = board.column(column_id)
    if column.kind in ("name", "subtasks"):
        raise bad_argument("This column cannot be deleted", column_id=column_id)
    boards.change_column(exchange.db, board, column_id, state="deleted")
    exchange.record(board.id, None, "delete_column", column.title)
    return views.column(column)


MUTATIONS: dict[str, Resolver] = {
    "create_column": _create_column,
    "create_dropdown_column": _create_dropdown,
    "create_status_column": _create_status,
    "update_dropdown_column": _update("dropdown"),
    "update_status_column": _update("status"),
    "update_column": _update_any,
    "change_column_title": _title,
    "change_column_metadata": _metadata,
    "delete_column": _delete_column,
}
