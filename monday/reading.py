"""How boards and items are read: in pages, many keys or ids a call, each item once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .core import activity, queries
from .core.calls import Unavailable
from .core.operations import Item
from .core.structure import BoardStructure, Column
from .line import Anew, Heavy, Line


class Reading:
    """Reads through one line. Every method may raise Unavailable."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def board(self, board_id: str) -> BoardStructure:
        """The board as it stands, with the board of its subitems; that is None where no subitem was ever made."""
        raw = self._raw_board(board_id)
        if raw is None:
            raise Unavailable(
                f"The board {board_id} is not there, or the token may not see it. "
                "Remedy: check the board's id in the mapping and the rights of the token's owner.",
                code="BoardNotFound",
                permanent=True,
            )
        below = self._subitems_board_id(raw)
        raw_below = self._raw_board(below) if below else None
        return queries.parse_board(raw, queries.parse_board(raw_below) if raw_below else None)

    def find_items(
        self,
        board_id: str,
        column_id: str,
        values: Sequence[str],
        columns: Sequence[Column],
        subitem_columns: Sequence[Column],
    ) -> list[Item]:
        """Active items whose column holds one of these values, whatever their case. Blank values find nothing."""
        wanted = list(dict.fromkeys(value for value in values if value.strip()))  # "" would match every empty cell
        first = queries.find_items(columns, subitem_columns)
        more = queries.find_more_items(columns, subitem_columns)
        found: dict[str, Item] = {}
        for start in range(0, len(wanted), queries.KEYS):
            variables = {"board": board_id, "column": column_id, "values": wanted[start : start + queries.KEYS]}
            for item in self._pages(
                "find_items", first, variables, more, {"board": board_id}, columns, subitem_columns
            ):
                found[item.id] = item
        return list(found.values())

    def items(
        self, ids: Sequence[str], columns: Sequence[Column], subitem_columns: Sequence[Column], *, updates: bool = False
    ) -> dict[str, Item]:
        """Items by id, archived and deleted ones included; ids that the board never had are absent."""
        text = queries.items_by_id(columns, subitem_columns, updates=updates)
        wanted, size = list(dict.fromkeys(ids)), queries.IDS
        found: dict[str, Item] = {}
        while wanted:
            part = wanted[:size]
            variables = {"ids": part, "limit": len(part), **queries.cell_variables(columns, subitem_columns)}
            try:
                data, _ = self._line.ask("items", text, variables)
            except Heavy:
                if size == 1:
                    raise
                size = max(1, len(part) // 2)
                continue
            for entry in data.get("items") or ():
                if entry:
                    item = queries.parse_item(entry, columns, subitem_columns)
                    found[item.id] = item
            wanted = wanted[len(part) :]
        return found

    def edits(self, board_ids: Sequence[str], ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """By item or subitem: the columns whose last change was by others than the token's owner, as the board's
        activity log tells. Items of which it does not tell all are absent."""
        found: dict[str, frozenset[str]] = {}
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), activity.MOST):
            part = wanted[start : start + activity.MOST]
            variables = {"boards": list(board_ids), "limit": activity.ENTRIES}
            variables |= {f"i{at}": [one] for at, one in enumerate(part)}
            data, _ = self._line.ask("activity", activity.document(len(part)), variables)
            me = str((data.get("me") or {}).get("id") or "")
            told = {one: activity.theirs(data.get(f"a{at}") or (), me) for at, one in enumerate(part)}
            found |= {one: columns for one, columns in told.items() if columns is not None}
        return found

    def all_items(
        self, board_id: str, columns: Sequence[Column], subitem_columns: Sequence[Column], page: int = 0
    ) -> Iterator[Item]:
        """Every active item of a board, each once, page by page; `page` is how many items at most, 0 as usual."""
        first = queries.all_items(columns, subitem_columns)
        more = queries.more_items(columns, subitem_columns)
        return self._pages("all_items", first, {"ids": [board_id]}, more, {}, columns, subitem_columns, page)

    def raw_column(self, board_id: str, column_id: str) -> Mapping[str, Any]:
        data, _ = self._line.ask("board", queries.COLUMN, {"ids": [board_id], "columns": [column_id]})
        columns = [column for board in data.get("boards") or () if board for column in board.get("columns") or ()]
        if not columns:
            raise Unavailable(
                f"The board {board_id} has no column {column_id} any more. Remedy: refresh the board.",
                code="InvalidColumnIdException",
                permanent=True,
            )
        found: Mapping[str, Any] = columns[0]
        return found

    def raw_columns(self, board_ids: Sequence[str], column_ids: Sequence[str]) -> dict[tuple[str, str], Any]:
        """The columns of several boards as the API gives them, by (board id, column id)."""
        data, _ = self._line.ask("board", queries.COLUMN, {"ids": list(board_ids), "columns": list(column_ids)})
        boards = [board for board in data.get("boards") or () if board]
        return {(str(b["id"]), str(column["id"])): column for b in boards for column in b.get("columns") or ()}

    def _raw_board(self, board_id: str) -> Mapping[str, Any] | None:
        data, _ = self._line.ask("board", queries.BOARD, {"ids": [board_id]})
        boards = [board for board in data.get("boards") or () if board]
        return boards[0] if boards else None

    def _subitems_board_id(self, raw: Mapping[str, Any]) -> str | None:
        known = queries.subitems_board_id(raw)
        if known or not any(column.get("type") == "subtasks" for column in raw.get("columns") or ()):
            return known
        # Where the column's settings do not name the board, any subitem does.
        data, _ = self._line.ask("board", queries.SUBITEMS_BOARD, {"ids": [str(raw["id"])]})
        for board in data.get("boards") or ():
            for item in board["items_page"]["items"]:
                for subitem in item.get("subitems") or ():
                    return str(subitem["board"]["id"])
        return None

    def _pages(
        self,
        kind: str,
        first: str,
        first_variables: Mapping[str, Any],
        more: str,
        more_variables: Mapping[str, Any],
        columns: Sequence[Column],
        subitem_columns: Sequence[Column],
        page: int = 0,
    ) -> Iterator[Item]:
        """Items of all pages, each once. A cursor that has run out begins again; too large pages are halved."""
        cells = queries.cell_variables(columns, subitem_columns)
        limit = page or (queries.PAGE_WITH_SUBITEMS if subitem_columns else queries.PAGE)
        seen: set[str] = set()
        cursor, restarts = "", 0
        while True:
            variables = {**more_variables, "cursor": cursor} if cursor else first_variables
            try:
                data, _ = self._line.ask(kind, more if cursor else first, {**variables, **cells, "limit": limit})
            except Heavy:
                if limit == 1:
                    raise
                limit = max(1, limit // 2)
                continue
            except Anew:
                restarts += 1
                if not cursor or restarts > 3:
                    raise
                cursor = ""
                continue
            answer = _page_of(data)
            for entry in answer["items"]:
                if entry and str(entry["id"]) not in seen:
                    seen.add(str(entry["id"]))
                    yield queries.parse_item(entry, columns, subitem_columns)
            cursor = answer["cursor"] or ""
            if not cursor:
                return


def _page_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    boards = data.get("boards")
    page = data.get("page") or (boards[0]["page"] if boards and boards[0] else None)
    if not isinstance(page, Mapping):
        raise Unavailable(
            "The board is not there, or the token may not see it. Remedy: check the board's id and the token's rights.",
            code="BoardNotFound",
            permanent=True,
        )
    return page
