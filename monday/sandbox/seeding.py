"""Sets boards up from a structure, with its ids; completes what exists and resets nothing."""

from __future__ import annotations

import sqlite3

from monday.core.structure import BoardStructure, Column

from . import boards, groups, labels


def seed(db: sqlite3.Connection, structure: BoardStructure) -> None:
    """Sets up the board and the board of its subitems, inside the caller's write transaction."""
    board_id = _board(db, structure, kind="board", parent=None)
    if structure.subitems is not None:
        subitems_id = _board(db, structure.subitems, kind="sub_items_board", parent=board_id)
        _link_subitems(db, board_id, subitems_id)


def _board(db: sqlite3.Connection, structure: BoardStructure, *, kind: str, parent: int | None) -> int:
    number = boards.as_number(structure.id)
    if number < 0:
        raise ValueError(
            f"The board id {structure.id!r} is not a number. Remedy: give the number in the board's address."
        )
    board = boards.find(db, number)
    if board is None:
        boards.create(db, structure.name, type=kind, parent=parent, board_id=number, items_limit=structure.items_limit)
        board = boards.get(db, number)
    for column in structure.columns.values():
        if column.id not in board.columns:
            _column(db, board.id, column)
    board = boards.get(db, number)
    for column in structure.columns.values():
        _labels(db, board, column)
    _groups(db, board, structure)
    return number


def _column(db: sqlite3.Connection, board_id: int, column: Column) -> None:
    db.execute("DELETE FROM board_columns WHERE board_id = ? AND id = ?", (board_id, column.id))  # one that was deleted
    boards.insert_column(db, board_id, column.id, column.title, column.kind, {}, archived=column.archived)


def _labels(db: sqlite3.Connection, board: boards.Board, column: Column) -> None:
    if column.kind not in ("status", "dropdown") or not column.labels:
        return
    stored = board.column(column.id)
    known = labels.all_of(db, stored)
    ids, texts = {label.id for label in known}, {label.text for label in known}
    missing = [label for label in column.labels if label.id not in ids and label.text not in texts]
    for place, label in enumerate(missing, len(known)):
        labels.insert(db, stored, label.id, label.text, position=place, active=label.active)
    if missing:
        boards.revise(db, stored)


def _groups(db: sqlite3.Connection, board: boards.Board, structure: BoardStructure) -> None:
    for group in structure.groups:
        if groups.find(db, board.id, group.id) is None:
            groups.insert(db, board.id, group.title, group_id=group.id, archived=group.archived)
    if not groups.all_of(db, board.id):
        title = "Subitems" if board.type == "sub_items_board" else "Group Title"
        groups.insert(db, board.id, title, group_id="topics" if groups.find(db, board.id, "topics") is None else None)


def _link_subitems(db: sqlite3.Connection, board_id: int, subitems_id: int) -> None:
    board = boards.get(db, board_id)
    if boards.subitems_board_id(board) == subitems_id:
        return
    own = next((column.id for column in board.columns.values() if column.kind == "subtasks"), None)
    if own is None:
        own = boards.insert_column(db, board_id, "subtasks", "Subitems", "subtasks", {})
    boards.change_column(db, boards.get(db, board_id), own, settings={"boardIds": [subitems_id]})
