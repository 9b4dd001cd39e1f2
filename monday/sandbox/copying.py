"""Copies of items, groups and boards, and items that move to another board. Callers hold the write transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from . import boards, groups, items, labels, sequence, updates, writing
from .boards import Board, BoardColumn
from .exchange import Exchange
from .items import BoardItem
from .refusals import bad_argument

STRUCTURE, PULSES = "duplicate_board_with_structure", "duplicate_board_with_pulses"
Mapped = Iterable[Mapping[str, Any]] | None


def item(exchange: Exchange, source: BoardItem, *, with_updates: bool) -> BoardItem:
    """A copy of an item with its subitems, below the others of its group."""
    board = boards.get(exchange.db, source.board_id)
    parent = items.by_ids(exchange.db, [source.parent_id])[0] if source.parent_id else None
    name = f"{source.name[:248]} (copy)"
    made = _copied(exchange, source, board, source.group_id, parent=parent, name=name, with_updates=with_updates)
    exchange.record(board.id, made.id, "create_pulse", made.name)
    return made


def _copied(
    exchange: Exchange,
    source: BoardItem,
    board: Board,
    group_id: str,
    *,
    parent: BoardItem | None = None,
    name: str = "",
    with_updates: bool = False,
) -> BoardItem:
    items.check_room(boards.get(exchange.db, board.id))
    made = items.insert(exchange, board, group_id, name or source.name, json.loads(source.cells), parent=parent)
    for below in items.subitems_of(exchange.db, source.id):
        under = items.subitems_board(exchange, made)
        _copied(exchange, below, under, groups.top(exchange.db, under.id).id, parent=made, with_updates=with_updates)
    if with_updates:
        updates.copy(exchange, source.id, made.id, board.id)
    return made


def group(exchange: Exchange, board: Board, group_id: str, title: str | None, *, to_top: bool) -> groups.BoardGroup:
    """A copy of a group with its items, below it or at the top."""
    source = groups.get(exchange.db, board.id, group_id)
    made = groups.create(
        exchange.db,
        board,
        title or f"Duplicate of {source.title}"[: boards.NAME_LENGTH],
        color=source.color,
        relative_to=None if to_top else source.id,
        method="after_at",
    )
    for one in _of_group(exchange, board, source.id):
        _copied(exchange, one, board, made)
    exchange.record(board.id, None, "create_group", title or source.title)
    return groups.get(exchange.db, board.id, made)


def board(exchange: Exchange, source: Board, how: str, name: str | None) -> Board:
    """A copy of a board: its columns, labels and groups, and by `how` its items and their updates."""
    db = exchange.db
    if source.type != "board":
        raise bad_argument("A board of subitems cannot be duplicated", board_id=str(source.id))
    made = _structure(exchange, source, name or f"Duplicate of {source.name}"[: boards.NAME_LENGTH], parent=None)
    below = boards.subitems_board_id(source)
    if below is not None:
        under = _structure(exchange, boards.get(db, below), f"Subitems of {made.name}"[:255], parent=made.id)
        own = next(column.id for column in source.columns.values() if column.kind == "subtasks")
        boards.change_column(db, made, own, settings={"boardIds": [under.id]})
    if how != STRUCTURE:
        for old in groups.all_of(db, source.id):
            for one in _of_group(exchange, source, old.id):
                _copied(exchange, one, boards.get(db, made.id), old.id, with_updates=how != PULSES)
    return boards.get(db, made.id)


def _structure(exchange: Exchange, source: Board, name: str, *, parent: int | None) -> Board:
    db = exchange.db
    number = boards.create(
        db, name, kind=source.kind, type=source.type, description=source.description, parent=parent,
        items_limit=source.items_limit,
    )  # fmt: skip
    db.execute(
        "INSERT INTO board_columns (board_id, id, title, kind, position, description, state, revision, settings, width)"
        " SELECT ?, id, title, kind, position, description, state, ?, settings, width FROM board_columns"
        " WHERE board_id = ? AND state <> 'deleted'",
        (number, sequence.fresh_stamp(), source.id),
    )
    db.execute(
        "INSERT INTO labels (board_id, column_id, id, text, active, color, position, is_done, description)"
        " SELECT ?, column_id, id, text, active, color, position, is_done, description FROM labels WHERE board_id = ?",
        (number, source.id),
    )
    db.execute(
        "INSERT INTO board_groups (board_id, id, title, color, position, state)"
        " SELECT ?, id, title, color, position, state FROM board_groups WHERE board_id = ? AND state = 'active'",
        (number, source.id),
    )
    boards.touch(db, number)
    return boards.get(db, number)


def _of_group(exchange: Exchange, board: Board, group_id: str) -> list[BoardItem]:
    rows = exchange.db.execute(
        "SELECT id FROM items WHERE board_id = ? AND group_id = ? AND parent_id IS NULL AND state = 'active' "
        "ORDER BY position, id",
        (board.id, group_id),
    ).fetchall()
    return items.by_ids(exchange.db, [row[0] for row in rows])


def to_board(
    exchange: Exchange, item: BoardItem, target: Board, group_id: str, mapped: Mapped, mapped_below: Mapped
) -> BoardItem:
    """Moves an item with its subitems to another board; it keeps its id.

    `mapped` pairs columns as the API takes them; without it they are paired by title and kind, as the API does it.
    """
    db = exchange.db
    if item.parent_id is not None:
        raise bad_argument("A subitem cannot be moved to another board", item_id=str(item.id))
    if target.id == item.board_id:
        return items.move(exchange, item.id, group_id)
    items.check_room(target)
    source = boards.get(db, item.board_id)
    below = items.subitems_of(db, item.id)
    moved = items.relocate(
        exchange, item, target, groups.get(db, target.id, group_id).id, _carried(exchange, item, target, mapped), None
    )
    for one in below:
        under = items.subitems_board(exchange, moved)
        cells = _carried(exchange, one, under, mapped_below)
        items.relocate(exchange, one, under, groups.top(db, under.id).id, cells, moved)
    exchange.record(source.id, item.id, "move_pulse_from_board", target.name)
    exchange.record(target.id, item.id, "move_pulse_into_board", source.name)
    return moved


def _carried(exchange: Exchange, item: BoardItem, target: Board, mapped: Mapped) -> dict[str, Any]:
    """The item's cells under the columns of another board; what has no column there, or no such label, is left."""
    source = boards.get(exchange.db, item.board_id)
    pairs = {str(pair["source"]): pair.get("target") for pair in mapped} if mapped is not None else None
    carried: dict[str, Any] = {}
    for column_id, stored in json.loads(item.cells).items():
        old = source.columns.get(column_id)
        new = _partner(old, target, pairs) if old else None
        if old is None or new is None or old.kind != new.kind or not writing.takes(new.kind):
            continue
        kept = _with_labels(exchange, old, new, stored)
        if kept is not None:
            carried[new.id] = kept
    return carried


def _partner(old: BoardColumn, target: Board, pairs: Mapping[str, Any] | None) -> BoardColumn | None:
    if pairs is not None:
        wanted = pairs.get(old.id)
        return target.column(str(wanted)) if wanted is not None else None
    return next((c for c in target.columns.values() if (c.title, c.kind) == (old.title, old.kind)), None)


def _with_labels(exchange: Exchange, old: BoardColumn, new: BoardColumn, stored: Any) -> Any:
    """A stored value with the label ids of the new column."""
    if old.kind not in ("status", "dropdown"):
        return stored
    ids = stored["ids"] if old.kind == "dropdown" else [stored["index"]]
    found = [
        label.id
        for number in ids
        if (known := labels.by_id(exchange.db, old, number))
        and (label := labels.by_text(exchange.db, new, known.text))
        and label.active
    ]
    if not found:
        return None
    return {**stored, "ids": found} if old.kind == "dropdown" else {**stored, "index": found[0]}
