"""Boards with their columns and groups: reading them, and making them."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import sequence
from .refusals import Refusal, bad_argument, bad_board, bad_column

DEFAULT_ITEMS_LIMIT = 10_000  # the error page's number for one board; the true one is `Board.items_limit`
NAME_LENGTH = 255
OWN_COLUMN_ID = re.compile(r"[a-z_]{1,20}")
GROUP_COLORS = (
    "#037f4c",
    "#00c875",
    "#9cd326",
    "#cab641",
    "#ffcb00",
    "#784bd1",
    "#579bfc",
    "#ff5ac4",
    "#df2f4a",
    "#bb3354",
)
_CACHE: dict[tuple[int, str], Mapping[str, BoardColumn]] = {}
_CACHE_SIZE = 64


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """One column as stored; labels stand in a table of their own, for there may be tens of thousands."""

    board_id: int
    id: str
    title: str
    kind: str
    revision: str
    settings: Mapping[str, Any]
    archived: bool = False
    description: str | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """One board as stored. `stamp` changes with every change of its columns."""

    id: int
    name: str
    description: str | None
    kind: str
    type: str
    state: str
    items_limit: int | None
    items_count: int
    parent_board_id: int | None
    stamp: str
    created_at: float
    updated_at: float
    columns: Mapping[str, BoardColumn] = field(default_factory=dict)

    def column(self, column_id: str) -> BoardColumn:
        """The column of that id; raises Refusal where there is none."""
        found = self.columns.get(column_id)
        if found is None:
            raise bad_column(column_id)
        return found


_FIELDS = (
    "id, name, description, kind, type, state, items_limit, items_count, parent_board_id, stamp, created_at, updated_at"
)
_NAMES = _FIELDS.split(", ")


def find(db: sqlite3.Connection, board_id: object) -> Board | None:
    """The board with its columns, whatever its state; None where there is none."""
    row = db.execute(f"SELECT {_FIELDS} FROM boards WHERE id = ?", (as_number(board_id),)).fetchone()
    if row is None:
        return None
    stored = dict(zip(_NAMES, row, strict=True))
    return Board(**stored, columns=_columns(db, stored["id"], stored["stamp"]))


def get(db: sqlite3.Connection, board_id: object) -> Board:
    """An active board; raises Refusal otherwise."""
    board = find(db, board_id)
    if board is None or board.state != "active":
        raise bad_board(board_id)
    return board


def listed(db: sqlite3.Connection, state: str, types: tuple[str, ...]) -> list[Board]:
    """Boards of a state, newest first."""
    marks = ",".join("?" * len(types))
    rows = db.execute(
        f"SELECT id FROM boards WHERE (? = 'all' OR state = ?) AND type IN ({marks}) ORDER BY id DESC",
        (state, state, *types),
    ).fetchall()
    return [board for (board_id,) in rows if (board := find(db, board_id))]


def _columns(db: sqlite3.Connection, board_id: int, stamp: str) -> Mapping[str, BoardColumn]:
    # Columns are read for every operation and change rarely; the stamp is never used twice, so the cache cannot lie.
    cached = _CACHE.get((board_id, stamp))
    if cached is not None:
        return cached
    rows = db.execute(
        "SELECT id, title, kind, revision, settings, state, description, width FROM board_columns "
        "WHERE board_id = ? AND state <> 'deleted' ORDER BY position",
        (board_id,),
    ).fetchall()
    columns = {
        r[0]: BoardColumn(board_id, r[0], r[1], r[2], r[3], json.loads(r[4]), r[5] == "archived", r[6], r[7])
        for r in rows
    }
    while len(_CACHE) >= _CACHE_SIZE:
        _CACHE.pop(next(iter(_CACHE)), None)
    _CACHE[(board_id, stamp)] = columns
    return columns


def touch(db: sqlite3.Connection, board_id: int) -> None:
    """Marks the board's columns as changed."""
    db.execute(
        "UPDATE boards SET stamp = ?, updated_at = ? WHERE id = ?", (sequence.fresh_stamp(), time.time(), board_id)
    )


def revise(db: sqlite3.Connection, column: BoardColumn) -> None:
    """Gives a column a new revision, as any change of its settings or labels does."""
    db.execute(
        "UPDATE board_columns SET revision = ? WHERE board_id = ? AND id = ?",
        (sequence.fresh_stamp(), column.board_id, column.id),
    )
    touch(db, column.board_id)


def create(
    db: sqlite3.Connection,
    name: str,
    *,
    kind: str = "public",
    type: str = "board",
    description: str | None = None,
    parent: int | None = None,
    board_id: int | None = None,
    items_limit: int | None = DEFAULT_ITEMS_LIMIT,
) -> int:
    """A new board without columns or groups; its id."""
    if not name.strip() or len(name) > NAME_LENGTH:
        raise Refusal("CreateBoardException", "A board's name has 1 to 255 characters")
    number = _free_id(db) if board_id is None else board_id
    now = time.time()
    db.execute(
        f"INSERT INTO boards ({_FIELDS}) VALUES (?, ?, ?, ?, ?, 'active', ?, 0, ?, ?, ?, ?)",
        (number, name, description, kind, type, items_limit, parent, sequence.fresh_stamp(), now, now),
    )
    return number


def _free_id(db: sqlite3.Connection) -> int:
    # A seeded board brings its own id, which the sequence may come upon.
    while True:
        number = sequence.next_id(db)
        if find(db, number) is None:
            return number


def create_column(
    db: sqlite3.Connection,
    board: Board,
    kind: str,
    title: str,
    *,
    own_id: str | None = None,
    after: str | None = None,
    description: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> str:
    """A new column; its id. Raises Refusal for an id that is odd or was used before."""
    if not title.strip() or len(title) > NAME_LENGTH:
        raise bad_argument("A column's title has 1 to 255 characters", title=title)
    if own_id is not None and not OWN_COLUMN_ID.fullmatch(own_id):
        raise bad_argument("A column id has 1 to 20 characters of a-z and _", column_id=own_id)
    if (
        own_id is not None
        and db.execute("SELECT 1 FROM board_columns WHERE board_id = ? AND id = ?", (board.id, own_id)).fetchone()
    ):
        raise bad_argument("This column id is or was in use on the board", column_id=own_id)
    return insert_column(
        db, board.id, own_id or sequence.column_id(kind), title, kind, settings or {}, after, description
    )


def insert_column(
    db: sqlite3.Connection,
    board_id: int,
    column_id: str,
    title: str,
    kind: str,
    settings: Mapping[str, Any],
    after: str | None = None,
    description: str | None = None,
    *,
    archived: bool = False,
) -> str:
    """Writes a column without asking whether it may be; for seeding and for `create_column`."""
    rows = db.execute(
        "SELECT id, position FROM board_columns WHERE board_id = ? ORDER BY position", (board_id,)
    ).fetchall()
    position = (rows[-1][1] if rows else 0.0) + 1.0
    ids = [row[0] for row in rows]
    if after in ids and after != ids[-1]:
        place = ids.index(after)
        position = (rows[place][1] + rows[place + 1][1]) / 2
    db.execute(
        "INSERT INTO board_columns (board_id, id, title, kind, position, description, state, revision, settings) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (board_id, column_id, title, kind, position, description, "archived" if archived else "active",
         sequence.fresh_stamp(), json.dumps(settings)),
    )  # fmt: skip
    touch(db, board_id)
    return column_id


def change_column(db: sqlite3.Connection, board: Board, column_id: str, **changes: Any) -> None:
    """Changes title, description, width, kind, settings or state of a column."""
    column = board.column(column_id)
    for name, value in changes.items():
        if name not in ("title", "description", "width", "kind", "settings", "state"):
            raise KeyError(name)
        stored = json.dumps(value) if name == "settings" else value
        db.execute(f"UPDATE board_columns SET {name} = ? WHERE board_id = ? AND id = ?", (stored, board.id, column.id))
    revise(db, column)


def subitems_board_id(board: Board) -> int | None:
    """The id of the board that holds this board's subitems, from its `subtasks` column."""
    for column in board.columns.values():
        if column.kind == "subtasks":
            for linked in column.settings.get("boardIds", ()):
                return int(linked)
    return None


def as_number(text: object) -> int:
    """An id as a number; -1, which nothing has, where it is none."""
    word = str(text).strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else -1
