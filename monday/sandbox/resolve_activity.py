"""The resolver of a board's activity: one entry for each cell that was changed, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .boards import Board
from .exchange import Exchange, Info, iso, of
from .refusals import bad_argument

Given = Any
PAGE_LIMIT = 10_000
_ROW = tuple[int, int | None, str, str, str, float]


def of_board(
    board: Mapping[str, Any], info: Info, limit: int | None = None, page: int | None = None, **wanted: Given
) -> list[dict[str, Any]]:
    """The entries that the arguments ask for."""
    size, number = limit or 25, page or 1
    if not 1 <= size <= PAGE_LIMIT or number < 1:
        raise bad_argument(f"limit must lie between 1 and {PAGE_LIMIT}, page starts at 1", limit=limit, page=page)
    found = [entry for entry in _entries(of(info), board["row"], wanted.get("item_ids")) if _fits(entry, wanted)]
    return [entry["shown"] for entry in found[(number - 1) * size : number * size]]


def _entries(exchange: Exchange, board: Board, item_ids: list[str] | None) -> Iterator[dict[str, Any]]:
    only = None if item_ids is None else json.dumps([int(one) for one in item_ids if one.isdecimal()])
    rows = exchange.db.execute(
        "SELECT id, item_id, event, data, actor, at FROM activity WHERE board_id = ? "
        "AND (? IS NULL OR item_id IN (SELECT value FROM json_each(?))) ORDER BY id DESC",
        (board.id, only, only),
    ).fetchall()
    for row in rows:
        yield from _of_row(exchange, board, row)


def _of_row(exchange: Exchange, board: Board, row: _ROW) -> Iterator[dict[str, Any]]:
    """A change of several cells is told cell by cell; the name is no cell there."""
    number, item_id, event, data, actor, at = row
    told: list[tuple[str, str, Mapping[str, Any]]] = []
    changed = _object(data) if event == "update_column_value" else {}
    if changed:
        for column_id, value in reversed(changed.items()):
            column = board.columns.get(column_id)
            about = {"column_type": column.kind, "column_title": column.title} if column else {}
            name = event if column_id != "name" else "update_name"
            told.append((column_id, name, {"column_id": column_id, **about, "value": value}))
    else:
        told.append(("", "create_pulse" if event == "create_subitem" else event, {"value": data}))
    way, _, user_id = actor.partition("#")
    for column_id, name, more in told:
        body = {"board_id": board.id, **({"pulse_id": item_id} if item_id else {}), **more}
        yield {
            "at": iso(at) or "",
            "column": column_id,
            "shown": {
                "id": f"{number}-{column_id}" if column_id else str(number),
                "account_id": exchange.account_id,
                "user_id": user_id or (exchange.user_id if way == "api" else "0"),
                "entity": "pulse" if item_id else "board",
                "event": name,
                "data": json.dumps(body, ensure_ascii=False),
                "created_at": str(int(at * 10_000_000)),
            },
        }


def _object(text: str) -> dict[str, Any]:
    """Stores of before kept a long change in part."""
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _fits(entry: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    columns, users = wanted.get("column_ids"), wanted.get("user_ids")
    first, last = str(wanted.get("from") or ""), str(wanted.get("to") or "")
    return (
        (columns is None or entry["column"] in columns)
        and (users is None or entry["shown"]["user_id"] in users)
        and entry["at"][: len(first[:19])] >= first[:19]
        and (not last or entry["at"][: len(last[:19])] <= last[:19])
    )
