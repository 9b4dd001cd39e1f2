"""Items and subitems: creating, changing, moving, and taking them away. Callers hold the write transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import boards, groups, labels, sequence, writing
from .boards import Board, BoardColumn
from .exchange import Exchange, iso
from .refusals import Refusal, bad_argument, bad_board, not_found

NAME_LENGTH = 255
LOOKED_UP = ("text", "name")
SELECT = (
    "SELECT i.id, i.board_id, i.parent_id, i.group_id, i.name, i.state, i.position, i.cells, i.creator, "
    "i.created_at, i.updated_at FROM items i "
)


@dataclass(frozen=True, slots=True)
class BoardItem:
    """An item or subitem as stored; `cells` is the stored JSON by column id."""

    id: int
    board_id: int
    parent_id: int | None
    group_id: str
    name: str
    state: str
    position: float
    cells: str
    creator: str
    created_at: float
    updated_at: float


@dataclass(slots=True)
class _Writing:
    """What a value is checked against while it is written."""

    exchange: Exchange
    column: BoardColumn
    create_labels: bool
    now: str

    def label(self, wanted: str | int) -> int:
        return labels.usable(self.exchange.db, self.column, wanted, create=self.create_labels)

    def linkable(self, item_ids: list[int]) -> bool:
        own = [self.column.board_id] if self.column.kind == "dependency" else []
        linked = {int(board) for board in self.column.settings.get("boardIds", own)}
        found = by_ids(self.exchange.db, item_ids)
        return len(found) == len(set(item_ids)) and all(item.board_id in linked for item in found)


def by_ids(db: sqlite3.Connection, ids: Iterable[int]) -> list[BoardItem]:
    """The items of these ids, whatever their state, in the order of `ids`."""
    wanted = list(dict.fromkeys(ids))
    found: dict[int, BoardItem] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        rows = db.execute(f"{SELECT} WHERE i.id IN ({','.join('?' * len(part))})", part)
        found.update((row[0], BoardItem(*row)) for row in rows)
    return [found[i] for i in wanted if i in found]


def subitems_of(db: sqlite3.Connection, item_id: int) -> list[BoardItem]:
    """An item's active subitems in their order."""
    rows = db.execute(f"{SELECT} WHERE i.parent_id = ? AND i.state = 'active' ORDER BY i.position", (item_id,))
    return [BoardItem(*row) for row in rows]


def get(db: sqlite3.Connection, item_id: object, *, state: str = "active") -> BoardItem:
    """An item that can be written to; raises Refusal where it is gone or archived (`state="any"`: archived is fine)."""
    found = by_ids(db, [boards.as_number(item_id)])
    if not found or found[0].state == "deleted":
        raise not_found("Item", item_id)
    if state == "active" and found[0].state != "active":
        raise Refusal(
            "InactiveItemException", "The item is archived", about={"item_id": str(item_id), "state": found[0].state}
        )
    return found[0]


def get_on(db: sqlite3.Connection, board_id: object, item_id: object) -> BoardItem:
    """An active item of that board; raises Refusal otherwise."""
    item = get(db, item_id)
    if item.board_id != boards.as_number(board_id):
        raise bad_board(board_id)
    return item


def check_name(name: Any) -> str:
    """A name of 1 to 255 characters, trimmed; raises Refusal otherwise."""
    trimmed = name.strip() if isinstance(name, str) else ""
    if not trimmed or len(trimmed) > NAME_LENGTH:
        raise Refusal(
            "ItemNameTooLongException", f"An item's name has 1 to {NAME_LENGTH} characters", about={"item_name": name}
        )
    return trimmed


def create(
    exchange: Exchange,
    board: Board,
    name: str,
    values: Mapping[str, Any],
    *,
    group_id: str | None = None,
    parent: BoardItem | None = None,
    create_labels: bool = False,
    place: tuple[str | None, str | None] = (None, None),
) -> BoardItem:
    """A new item or subitem with its cells; `place` is position_relative_method and relative_to."""
    check_room(board)
    group = groups.get(exchange.db, board.id, group_id) if group_id else groups.top(exchange.db, board.id)
    name, cells = _cells(exchange, board, check_name(name), {}, values, create_labels)
    position = _place(exchange.db, board, group.id, parent, *place)
    item = insert(exchange, board, group.id, name, cells, parent=parent, position=position)
    exchange.record(board.id, item.id, "create_subitem" if parent else "create_pulse", name)
    return item


def check_room(board: Board) -> None:
    """Raises Refusal where the board is full."""
    if board.items_limit is not None and board.items_count >= board.items_limit:
        raise Refusal(
            "ItemsLimitationException", f"The board has reached its limit of {board.items_limit} items",
            about={"board_id": str(board.id), "items_limit": board.items_limit},
        )  # fmt: skip


def insert(
    exchange: Exchange,
    board: Board,
    group_id: str,
    name: str,
    cells: Mapping[str, Any],
    *,
    parent: BoardItem | None = None,
    position: float | None = None,
) -> BoardItem:
    """Writes a new item with cells as the store keeps them, at the bottom of its group where no position is given."""
    db = exchange.db
    number, now = sequence.next_id(db), exchange.clock()
    place = _place(db, board, group_id, parent, None, None) if position is None else position
    item = BoardItem(
        number, board.id, parent.id if parent else None, group_id, name, "active", place,
        json.dumps(cells, ensure_ascii=False), exchange.user_id, now, now,
    )  # fmt: skip
    db.execute(
        "INSERT INTO items (id, board_id, parent_id, group_id, name, state, position, cells, creator, created_at, "
        "updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (item.id, item.board_id, item.parent_id, item.group_id, item.name, item.state, item.position, item.cells,
         item.creator, now, now),
    )  # fmt: skip
    db.execute("UPDATE boards SET items_count = items_count + 1, updated_at = ? WHERE id = ?", (now, board.id))
    _look_up(db, board, number, {}, "", cells, name)
    return item


def relocate(
    exchange: Exchange, item: BoardItem, board: Board, group_id: str, cells: Mapping[str, Any], parent: BoardItem | None
) -> BoardItem:
    """Moves an item to another board, with its id and with cells as that board's columns keep them."""
    db, now = exchange.db, exchange.clock()
    before = boards.find(db, item.board_id)
    position = _place(db, board, group_id, parent, None, None)
    if before is not None:
        _look_up(db, before, item.id, json.loads(item.cells), item.name, {}, item.name)
    db.execute(
        "UPDATE items SET board_id = ?, group_id = ?, position = ?, cells = ?, updated_at = ? WHERE id = ?",
        (board.id, group_id, position, json.dumps(cells, ensure_ascii=False), now, item.id),
    )
    db.execute("UPDATE boards SET items_count = items_count - 1, updated_at = ? WHERE id = ?", (now, item.board_id))
    db.execute("UPDATE boards SET items_count = items_count + 1, updated_at = ? WHERE id = ?", (now, board.id))
    db.execute("UPDATE updates SET board_id = ? WHERE item_id = ?", (board.id, item.id))
    _look_up(db, board, item.id, {}, item.name, cells, item.name)
    return by_ids(db, [item.id])[0]


def change(
    exchange: Exchange, board_id: object, item_id: object, values: Mapping[str, Any], create_labels: bool
) -> BoardItem:
    """Changes several cells at once, all or none; the name is the key `name`."""
    item = get_on(exchange.db, board_id, item_id)
    board = boards.get(exchange.db, item.board_id)
    before: dict[str, Any] = json.loads(item.cells)
    name, after = _cells(exchange, board, item.name, before, values, create_labels)
    exchange.db.execute(
        "UPDATE items SET name = ?, cells = ?, updated_at = ? WHERE id = ?",
        (name, json.dumps(after, ensure_ascii=False), exchange.clock(), item.id),
    )
    _look_up(exchange.db, board, item.id, before, item.name, after, name)
    exchange.record(board.id, item.id, "update_column_value", json.dumps(values, ensure_ascii=False))
    return get(exchange.db, item.id)


def _cells(
    exchange: Exchange,
    board: Board,
    name: str,
    before: Mapping[str, Any],
    values: Mapping[str, Any],
    create_labels: bool,
) -> tuple[str, dict[str, Any]]:
    now = iso(exchange.clock()) or ""
    create_labels = create_labels and exchange.behaviour.create_labels
    cells = dict(before)
    for column_id, raw in values.items():
        column = board.column(column_id)
        if column.kind == "name":
            name = check_name(raw)
            continue
        kept = writing.stored(column.id, column.kind, raw, _Writing(exchange, column, create_labels, now))
        if kept is None:
            cells.pop(column_id, None)
        else:
            cells[column_id] = kept
    return name, cells


def _look_up(
    db: sqlite3.Connection,
    board: Board,
    item_id: int,
    before: Mapping[str, Any],
    old_name: str,
    after: Mapping[str, Any],
    name: str,
) -> None:
    old = _keys(board, before, old_name) if old_name else set()
    new = _keys(board, after, name)
    db.executemany(
        "DELETE FROM lookup WHERE column_id = ? AND key = ? AND item_id = ?", [(*k, item_id) for k in old - new]
    )
    db.executemany("INSERT OR IGNORE INTO lookup VALUES (?, ?, ?)", [(*k, item_id) for k in new - old])


def _keys(board: Board, cells: Mapping[str, Any], name: str) -> set[tuple[str, str]]:
    keys = {(c, text.casefold()) for c, text in cells.items() if isinstance(text, str) and _is_text(board, c)}
    keys.add(("name", name.casefold()))
    return keys


def _is_text(board: Board, column_id: str) -> bool:
    column = board.columns.get(column_id)
    return column is not None and column.kind in LOOKED_UP


def _place(
    db: sqlite3.Connection,
    board: Board,
    group_id: str,
    parent: BoardItem | None,
    method: str | None,
    relative_to: str | None,
) -> float:
    """The position between neighbours. Without an anchor `before_at` is the bottom and `after_at` the top (sic)."""
    if parent is not None:
        (last,) = db.execute("SELECT max(position) FROM items WHERE parent_id = ?", (parent.id,)).fetchone()
        return float(last or 0.0) + 1.0
    within = "FROM items WHERE board_id = ? AND group_id = ?"
    if relative_to is None:
        if method == "after_at":
            (first,) = db.execute(f"SELECT min(position) {within}", (board.id, group_id)).fetchone()
            return float(first or 0.0) - 1.0
        (last,) = db.execute(f"SELECT max(position) {within}", (board.id, group_id)).fetchone()
        return float(last or 0.0) + 1.0
    anchor = get(db, relative_to)
    if anchor.board_id != board.id or anchor.group_id != group_id:
        raise bad_argument("relative_to is not in this group", relative_to=relative_to)
    after = method == "after_at"
    edge, sign = ("min(position)", ">") if after else ("max(position)", "<")
    (other,) = db.execute(
        f"SELECT {edge} {within} AND position {sign} ?", (board.id, group_id, anchor.position)
    ).fetchone()
    return anchor.position + (1.0 if after else -1.0) if other is None else (anchor.position + other) / 2


def move(
    exchange: Exchange, item_id: object, group_id: str, place: tuple[str | None, str | None] = (None, None)
) -> BoardItem:
    """Moves an item into another group of its board, to the bottom where no place is given."""
    item = get(exchange.db, item_id)
    if item.parent_id is not None:
        raise bad_argument("A subitem has no group of its own", item_id=str(item_id))
    board = boards.get(exchange.db, item.board_id)
    group = groups.get(exchange.db, board.id, group_id)
    position = item.position
    if group.id != item.group_id or place != (None, None):
        position = _place(exchange.db, board, group.id, None, *place)
    exchange.db.execute(
        "UPDATE items SET group_id = ?, position = ?, updated_at = ? WHERE id = ?",
        (group.id, position, exchange.clock(), item.id),
    )
    exchange.record(board.id, item.id, "move_pulse_into_group", group.title)
    return get(exchange.db, item.id)


def take_away(exchange: Exchange, item_id: object, state: str) -> BoardItem:
    """Archives or deletes an item with its subitems."""
    item = get(exchange.db, item_id, state="any")
    rows = exchange.db.execute("SELECT id FROM items WHERE parent_id = ? AND state <> 'deleted'", (item.id,)).fetchall()
    for number in [item.id, *(row[0] for row in rows)]:
        _set_state(exchange, number, state)
    exchange.record(item.board_id, item.id, f"{'archive' if state == 'archived' else 'delete'}_pulse", item.name)
    return by_ids(exchange.db, [item.id])[0]


def empty_group(exchange: Exchange, board: Board, group_id: str, state: str) -> None:
    """Takes a group's items away with it."""
    rows = exchange.db.execute(
        "SELECT id FROM items WHERE board_id = ? AND group_id = ? AND parent_id IS NULL AND state <> 'deleted'",
        (board.id, group_id),
    ).fetchall()
    for (number,) in rows:
        take_away(exchange, number, state)


def _set_state(exchange: Exchange, number: int, state: str) -> None:
    now = exchange.clock()
    (board_id, before) = exchange.db.execute("SELECT board_id, state FROM items WHERE id = ?", (number,)).fetchone()
    exchange.db.execute("UPDATE items SET state = ?, updated_at = ? WHERE id = ?", (state, now, number))
    if before == "active" and state != "active":
        exchange.db.execute(
            "UPDATE boards SET items_count = items_count - 1, updated_at = ? WHERE id = ?", (now, board_id)
        )


def subitems_board(exchange: Exchange, parent: BoardItem) -> Board:
    """The board of the parent's subitems, made with the first subitem, as the API makes it."""
    db = exchange.db
    board = boards.get(db, parent.board_id)
    known = boards.subitems_board_id(board)
    if known is not None:
        return boards.get(db, known)
    number = boards.create(
        db, f"Subitems of {board.name}"[:255], type="sub_items_board", parent=board.id, items_limit=None
    )
    groups.insert(db, number, "Subitems", group_id="topics")
    for column_id, title, kind in (
        ("name", "Name", "name"),
        ("person", "Owner", "people"),
        ("status", "Status", "status"),
        ("date0", "Date", "date"),
    ):
        boards.insert_column(db, number, column_id, title, kind, {})
    labels.first_labels(db, boards.get(db, number), "status")
    own = next((column.id for column in board.columns.values() if column.kind == "subtasks"), None)
    own = own or boards.insert_column(db, board.id, sequence.column_id("subtasks"), "Subitems", "subtasks", {})
    boards.change_column(db, boards.get(db, board.id), own, settings={"boardIds": [number]})
    return boards.get(db, number)
