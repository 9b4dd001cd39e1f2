"""Groups of a board: reading, making, moving, and taking away with what is in them."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from . import sequence
from .boards import GROUP_COLORS, NAME_LENGTH, Board
from .refusals import Refusal, bad_argument, not_found

COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_FIELDS = "board_id, id, title, color, position, state"


@dataclass(frozen=True, slots=True)
class BoardGroup:
    board_id: int
    id: str
    title: str
    color: str
    position: float
    state: str


def all_of(db: sqlite3.Connection, board_id: int) -> list[BoardGroup]:
    """The board's active groups, top first."""
    rows = db.execute(
        f"SELECT {_FIELDS} FROM board_groups WHERE board_id = ? AND state = 'active' ORDER BY position, id", (board_id,)
    )
    return [BoardGroup(*row) for row in rows]


def find(db: sqlite3.Connection, board_id: int, group_id: str) -> BoardGroup | None:
    """The group, whatever its state."""
    row = db.execute(
        f"SELECT {_FIELDS} FROM board_groups WHERE board_id = ? AND id = ?", (board_id, group_id)
    ).fetchone()
    return None if row is None else BoardGroup(*row)


def get(db: sqlite3.Connection, board_id: int, group_id: str) -> BoardGroup:
    """An active group; raises Refusal otherwise."""
    group = find(db, board_id, group_id)
    if group is None or group.state != "active":
        raise not_found("Group", group_id)
    return group


def top(db: sqlite3.Connection, board_id: int) -> BoardGroup:
    """The first group, where items go that name none."""
    groups = all_of(db, board_id)
    if not groups:
        raise not_found("Group", "top")
    return groups[0]


def insert(
    db: sqlite3.Connection,
    board_id: int,
    title: str,
    *,
    group_id: str | None = None,
    color: str | None = None,
    position: float | None = None,
    archived: bool = False,
) -> str:
    """Writes a group, below the others where no position is given; its id."""
    (last, count) = db.execute(
        "SELECT max(position), count(*) FROM board_groups WHERE board_id = ?", (board_id,)
    ).fetchone()
    key = group_id or sequence.group_id(title)
    db.execute(
        f"INSERT INTO board_groups ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?)",
        (
            board_id,
            key,
            title,
            color or GROUP_COLORS[count % len(GROUP_COLORS)],
            (last or 0.0) + 1.0 if position is None else position,
            "archived" if archived else "active",
        ),
    )
    return key


def create(
    db: sqlite3.Connection, board: Board, title: str, *, color: str | None, relative_to: str | None, method: str | None
) -> str:
    """A new group as `create_group` makes it: at the top, or beside another one."""
    _check_title(title)
    if color is not None and not COLOR.fullmatch(color):
        raise bad_argument("A group's color is written like #00c875", group_color=color)
    groups = all_of(db, board.id)
    if relative_to is None:
        place = (groups[0].position - 1.0) if groups else 1.0
    else:
        place = _beside(groups, get(db, board.id, relative_to), after=method != "before_at")
    return insert(db, board.id, title, color=color, position=place)


def change(db: sqlite3.Connection, board: Board, group_id: str, attribute: str, value: str) -> None:
    """Changes title, color or place of a group, as `update_group` does."""
    group = get(db, board.id, group_id)
    if attribute == "title":
        _check_title(value)
        db.execute("UPDATE board_groups SET title = ? WHERE board_id = ? AND id = ?", (value, board.id, group.id))
    elif attribute == "color":
        if not COLOR.fullmatch(value):
            raise bad_argument("A group's color is written like #00c875", new_value=value)
        db.execute("UPDATE board_groups SET color = ? WHERE board_id = ? AND id = ?", (value, board.id, group.id))
    else:
        _move(db, board, group, attribute, value)


def _move(db: sqlite3.Connection, board: Board, group: BoardGroup, attribute: str, value: str) -> None:
    others = [g for g in all_of(db, board.id) if g.id != group.id]
    if attribute == "position":
        try:
            place = float(value)
        except ValueError:
            raise bad_argument("A position is a number", new_value=value) from None
    else:
        place = _beside(others, get(db, board.id, value), after=attribute == "relative_position_after")
    db.execute("UPDATE board_groups SET position = ? WHERE board_id = ? AND id = ?", (place, board.id, group.id))


def take_away(db: sqlite3.Connection, board: Board, group_id: str, state: str) -> BoardGroup:
    """Archives or deletes a group; its items are the caller's. Raises Refusal for the last one."""
    group = get(db, board.id, group_id)
    if len(all_of(db, board.id)) == 1:
        raise Refusal(
            "DeleteLastGroupException", "A board needs at least one group", status=409, about={"group_id": group_id}
        )
    db.execute("UPDATE board_groups SET state = ? WHERE board_id = ? AND id = ?", (state, board.id, group.id))
    return group


def _beside(groups: list[BoardGroup], anchor: BoardGroup, *, after: bool) -> float:
    places = [g.position for g in groups]
    index = next(i for i, g in enumerate(groups) if g.id == anchor.id)
    if after:
        return (anchor.position + places[index + 1]) / 2 if index + 1 < len(places) else anchor.position + 1.0
    return (anchor.position + places[index - 1]) / 2 if index else anchor.position - 1.0


def _check_title(title: str) -> None:
    if not title.strip() or len(title) > NAME_LENGTH:
        raise bad_argument("A group's title has 1 to 255 characters", group_name=title)
