"""Which items a page query means: all of a board or group, those of a rule, or those with certain column values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from . import rules, views
from .boards import Board, BoardColumn, as_number
from .exchange import Exchange
from .items import LOOKED_UP, SELECT, BoardItem, by_ids
from .refusals import bad_argument

_COMPUTED = (
    "auto_number button color_picker board_relation creation_log file formula item_id last_updated location mirror"
)
_OTHER = "rating tags time_tracking vote subtasks progress"
UNSEARCHABLE = frozenset(f"{_COMPUTED} {_OTHER}".split())
_ORDER = "JOIN board_groups g ON g.board_id = i.board_id AND g.id = i.group_id"


def on_board(db: sqlite3.Connection, board: Board, group_id: str | None = None) -> list[int]:
    """The ids of the active items in the order of the board's groups; of subitems too where it is their board."""
    only = "AND i.group_id = ?" if group_id else ""
    rows = db.execute(
        f"SELECT i.id FROM items i {_ORDER} WHERE i.board_id = ? AND i.state = 'active' {only} "
        "ORDER BY g.position, i.position, i.id",
        (board.id, group_id) if group_id else (board.id,),
    )
    return [row[0] for row in rows]


def by_query(exchange: Exchange, board: Board, query: Mapping[str, Any] | None, group_id: str | None) -> list[int]:
    """The ids that `query_params` means, in its order."""
    ids = on_board(exchange.db, board, group_id)
    if not query:
        return ids
    if query.get("ids") is not None:
        if len(query["ids"]) > 100:
            raise bad_argument("query_params takes at most 100 ids", ids=len(query["ids"]))
        wanted = {as_number(one) for one in query["ids"]}
        ids = [i for i in ids if i in wanted]
    if query.get("rules") or query.get("groups"):
        ids = [item.id for item in by_ids(exchange.db, ids) if rules.holds(exchange, board, item, query)]
    for order in reversed(query.get("order_by") or ()):
        ids = rules.ordered(exchange, board, by_ids(exchange.db, ids), order)
    return ids


def by_column_values(exchange: Exchange, board: Board, wanted: Sequence[Mapping[str, Any]]) -> list[int]:
    """The ids of active items with one of the values in each column; raises Refusal for kinds without search."""
    if not wanted:
        raise bad_argument("columns is empty")
    tests = [(_searchable(board, entry["column_id"]), _words(entry["column_values"])) for entry in wanted]
    candidates = _candidates(exchange.db, board, tests)
    checks = [(column, _check(column, words)) for column, words in tests]
    found = []
    for item in candidates:
        if all(check(item, _cell(exchange, column, item)) for column, check in checks):
            found.append(item.id)
    return found


def _searchable(board: Board, column_id: str) -> BoardColumn:
    column = board.column(column_id)
    if column.kind in UNSEARCHABLE:
        raise bad_argument(
            "items_page_by_column_values does not support this column type", column_id=column_id, type=column.kind
        )
    return column


def _words(values: Sequence[str | None]) -> list[str]:
    try:
        "".join(value or "" for value in values).encode()
    except UnicodeEncodeError:
        raise bad_argument("A text to look for ends in half a character") from None
    return ["" if value is None else value for value in values]


def _candidates(
    db: sqlite3.Connection, board: Board, tests: Sequence[tuple[BoardColumn, Sequence[str]]]
) -> list[BoardItem]:
    for column, words in tests:
        if column.kind in LOOKED_UP and all(words):
            return _looked_up(db, board, column, [word.casefold() for word in words])
    return by_ids(db, on_board(db, board))


def _looked_up(db: sqlite3.Connection, board: Board, column: BoardColumn, keys: Sequence[str]) -> list[BoardItem]:
    found: list[BoardItem] = []
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        rows = db.execute(
            f"{SELECT} JOIN lookup l ON l.item_id = i.id "
            f"WHERE l.column_id = ? AND l.key IN ({','.join('?' * len(part))})"
            " AND i.board_id = ? AND i.state = 'active'",
            ("name" if column.kind == "name" else column.id, *part, board.id),
        )
        found.extend(BoardItem(*row) for row in rows)
    return sorted(found, key=lambda item: item.id)


def _cell(exchange: Exchange, column: BoardColumn, item: BoardItem) -> Mapping[str, Any]:
    if column.kind == "name":
        return {"text": item.name}
    if column.kind == "text":
        return {"text": json.loads(item.cells).get(column.id) or ""}
    return views.cells(exchange, item, [column])[0]


def _check(column: BoardColumn, words: Collection[str]) -> Callable[[BoardItem, Mapping[str, Any]], bool]:
    matches = _MATCHES.get(column.kind, _whole_text)
    folded = frozenset(word.casefold() for word in words)

    def check(_item: BoardItem, cell: Mapping[str, Any]) -> bool:
        return ("" in folded and not cell["text"]) or matches(cell, folded)

    return check


def _whole_text(cell: Mapping[str, Any], folded: Collection[str]) -> bool:
    return bool(cell["text"]) and cell["text"].casefold() in folded


def _part_of_text(cell: Mapping[str, Any], folded: Collection[str]) -> bool:
    text = (cell["text"] or "").casefold()
    return any(word and word in text for word in folded)


def _same_number(cell: Mapping[str, Any], folded: Collection[str]) -> bool:
    number = _decimal(cell["text"])
    return number is not None and any(_decimal(word) == number for word in folded)


def _date(cell: Mapping[str, Any], folded: Collection[str]) -> bool:
    return bool(cell["date"]) and cell["date"] in folded


def _email(cell: Mapping[str, Any], folded: Collection[str]) -> bool:
    return bool(cell["label"]) and cell["label"].casefold() in folded


def _phone(cell: Mapping[str, Any], folded: Collection[str]) -> bool:
    digits = "".join(c for c in cell["phone"] or "" if c.isdigit())
    country = (cell["country_short_name"] or "").casefold()
    return bool(digits) and any(
        word == country or "".join(c for c in word if c.isdigit()) == digits for word in folded if word
    )


def _decimal(word: str | None) -> Decimal | None:
    try:
        number = Decimal(word) if word else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


_MATCHES: Mapping[str, Callable[[Mapping[str, Any], Collection[str]], bool]] = {
    "numbers": _same_number,
    "dropdown": _part_of_text,
    "date": _date,
    "email": _email,
    "phone": _phone,
}
