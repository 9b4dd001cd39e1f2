"""What happened on a board lately, in words."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from . import boards
from .boards import Board
from .exchange import Exchange
from .layout import text

SHOWN = 30
LONGEST = 160
_DID = {
    "create_pulse": "created the item",
    "create_subitem": "created the subitem",
    "archive_pulse": "archived the item",
    "delete_pulse": "deleted the item",
    "move_pulse_into_group": "moved the item into the group",
    "move_pulse_into_board": "moved the item here from the board",
    "move_pulse_from_board": "moved the item to the board",
    "create_group": "created the group",
    "archive_group": "archived the group",
    "delete_group": "deleted the group",
    "create_column": "created the column",
    "delete_column": "deleted the column",
    "create_update": "wrote",
    "create_reply": "answered",
    "delete_update": "took away the update",
}


def of_board(exchange: Exchange, board: Board) -> str:
    """The latest lines of a board and of the board of its subitems."""
    both = [board.id, boards.subitems_board_id(board) or -1]
    return _list(exchange, "a.board_id IN (?, ?)", both, _titles(exchange, both))


def of_item(exchange: Exchange, item_id: int, board_id: int) -> str:
    """The latest lines of one item."""
    return _list(exchange, "a.item_id = ?", [item_id], _titles(exchange, [board_id]))


def _titles(exchange: Exchange, board_ids: list[int]) -> Mapping[str, str]:
    found = [board for number in board_ids if (board := boards.find(exchange.db, number))]
    return {column.id: column.title for board in reversed(found) for column in board.columns.values()}


def _list(exchange: Exchange, where: str, given: list[int], titles: Mapping[str, str]) -> str:
    rows = exchange.db.execute(
        "SELECT a.at, a.actor, a.event, a.item_id, a.data, i.name "
        "FROM activity a LEFT JOIN items i ON i.id = a.item_id "
        f"WHERE {where} ORDER BY a.id DESC LIMIT {SHOWN}",
        given,
    ).fetchall()
    lines = "".join(_line(*row, titles=titles) for row in rows)
    return f'<h2>Activity</h2><ol class="activity card">{lines}</ol>' if lines else ""


def _line(
    at: float, actor: str, event: str, item_id: int | None, data: str, name: str | None, *, titles: Mapping[str, str]
) -> str:
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    way = actor.partition("#")[0]
    tone = "warn" if way == "by hand" else ""
    item = f' <a href="/items/{item_id}">{text(name or item_id)}</a>' if item_id else ""
    if event == "update_column_value":
        words = f"changed{item}: {text(_changes(data, titles))}"
    elif event in ("create_pulse", "create_subitem"):
        words = f"{_DID[event]}{item}"
    else:
        words = f"{text(_DID.get(event, event))} {text(data[:LONGEST])}{':' if item else ''}{item}"
    return (
        f'<li><time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}" title="{moment:%Y-%m-%d} UTC">{moment:%H:%M:%S}</time>'
        f'<span class="pill {tone}">{text(way)}</span><span class="what">{words}</span></li>'
    )


def _changes(data: str, titles: Mapping[str, str]) -> str:
    try:
        given = json.loads(data)
    except ValueError:  # a long change is kept in part
        return data[:LONGEST]
    parts = [f"{titles.get(column, column)} = {_short(value)}" for column, value in given.items()]
    words = ", ".join(parts)
    return words if len(words) <= LONGEST else f"{words[:LONGEST]} ..."


def _short(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
