"""Labels of status and dropdown columns: looked up by id or text, made, replaced."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import boards
from .boards import Board, BoardColumn
from .refusals import Refusal, bad_argument, bad_value

STATUS_LABELS, STATUS_LENGTH = 40, 30
EMPTY_STATUS = 5  # the id of the label that an untouched status shows
COLORS = (
    "working_orange", "done_green", "stuck_red", "dark_blue", "purple", "explosive", "grass_green", "bright_blue",
    "saladish", "egg_yolk", "blackish", "dark_red", "sofia_pink", "lipstick", "dark_purple", "bright_green",
    "chili_blue", "american_gray", "brown", "dark_orange", "sunset", "bubble", "peach", "berry", "winter", "river",
    "navy", "aquamarine", "indigo", "dark_indigo", "pecan", "lavender", "royal", "steel", "orchid", "lilac", "tan",
    "sky", "coffee", "teal",
)  # fmt: skip
HEX = {
    "working_orange": "#fdab3d", "done_green": "#00c875", "stuck_red": "#df2f4a", "dark_blue": "#007eb5",
    "purple": "#9d50dd", "explosive": "#c4c4c4", "grass_green": "#037f4c", "bright_blue": "#579bfc",
    "saladish": "#cab641", "egg_yolk": "#ffcb00", "blackish": "#333333", "dark_red": "#bb3354",
    "sofia_pink": "#ff007f", "lipstick": "#ff5ac4", "dark_purple": "#784bd1", "bright_green": "#9cd326",
    "chili_blue": "#66ccff", "american_gray": "#757575", "brown": "#7f5347", "dark_orange": "#ff6d3b",
    "sunset": "#ff7575", "bubble": "#faa1f1", "peach": "#ffadad", "berry": "#7e3b8a", "winter": "#9aadbd",
    "river": "#74afcc", "navy": "#225091", "aquamarine": "#4eccc6", "indigo": "#5559df", "dark_indigo": "#401694",
    "pecan": "#563e3e", "lavender": "#bda8f9", "royal": "#216edf", "steel": "#a9bee8", "orchid": "#d974b0",
    "lilac": "#9d99b9", "tan": "#bca58a", "sky": "#a1e3f6", "coffee": "#cd9282", "teal": "#175a63",
}  # fmt: skip
# What a status column has before anybody changed its labels.
FIRST_LABELS: tuple[Mapping[str, Any], ...] = (
    {"label": "Working on it", "color": "working_orange", "index": 0, "is_done": False},
    {"label": "Done", "color": "done_green", "index": 1, "is_done": True},
    {"label": "Stuck", "color": "stuck_red", "index": 2, "is_done": False},
)
_FIELDS = "id, text, active, color, position, is_done, description"


@dataclass(frozen=True, slots=True)
class BoardLabel:
    id: int
    text: str
    active: bool
    color: str | None
    position: int
    is_done: bool
    description: str | None


def all_of(db: sqlite3.Connection, column: BoardColumn) -> list[BoardLabel]:
    """All labels of a column in the order of their places, deactivated ones too."""
    rows = db.execute(
        f"SELECT {_FIELDS} FROM labels WHERE board_id = ? AND column_id = ? ORDER BY position, id",
        (column.board_id, column.id),
    )
    return [_label(row) for row in rows]


def by_id(db: sqlite3.Connection, column: BoardColumn, label_id: int) -> BoardLabel | None:
    row = db.execute(
        f"SELECT {_FIELDS} FROM labels WHERE board_id = ? AND column_id = ? AND id = ?",
        (column.board_id, column.id, label_id),
    ).fetchone()
    return _label(row) if row else None


def by_text(db: sqlite3.Connection, column: BoardColumn, text: str) -> BoardLabel | None:
    """The label of exactly that text; an active one before a deactivated one."""
    row = db.execute(
        f"SELECT {_FIELDS} FROM labels WHERE board_id = ? AND column_id = ? AND text = ? "
        "ORDER BY active DESC, id LIMIT 1",
        (column.board_id, column.id, text),
    ).fetchone()
    return _label(row) if row else None


def usable(db: sqlite3.Connection, column: BoardColumn, wanted: str | int, *, create: bool) -> int:
    """The id of an active label given by id or text, made first where `create` allows; raises Refusal otherwise."""
    found = by_id(db, column, wanted) if isinstance(wanted, int) else by_text(db, column, wanted)
    if found is None:
        if create and isinstance(wanted, str):
            return add(db, column, wanted)
        raise _unknown(db, column, wanted)
    if not found.active:
        raise bad_value(column.id, column.kind, wanted, f"the label {found.text!r} is deactivated")
    return found.id


def add(db: sqlite3.Connection, column: BoardColumn, text: str) -> int:
    """A new label with a free id; raises Refusal beyond the limits of a status."""
    if column.kind == "status":
        return _add_status(db, column, text)
    # Only the key is asked for the last one: a dropdown may have tens of thousands of labels.
    (last,) = db.execute(
        "SELECT max(id) FROM labels WHERE board_id = ? AND column_id = ?", (column.board_id, column.id)
    ).fetchone()
    made = (last or 0) + 1
    insert(db, column, made, text, position=made)
    boards.revise(db, column)
    return int(made)


def _add_status(db: sqlite3.Connection, column: BoardColumn, text: str) -> int:
    known = all_of(db, column)
    if len(text) > STATUS_LENGTH:
        raise bad_value(column.id, column.kind, text, f"a status label has at most {STATUS_LENGTH} characters")
    taken = {label.id for label in known} | {EMPTY_STATUS}
    free = [number for number in range(STATUS_LABELS) if number not in taken]
    if len(known) >= STATUS_LABELS or not free:
        raise bad_value(column.id, column.kind, text, f"a status has at most {STATUS_LABELS} labels")
    insert(db, column, free[0], text, position=len(known))
    boards.revise(db, column)
    return free[0]


def insert(
    db: sqlite3.Connection,
    column: BoardColumn,
    label_id: int,
    text: str,
    *,
    position: int,
    active: bool = True,
    color: str | None = None,
    is_done: bool = False,
    description: str | None = None,
) -> None:
    """Writes a label as it is given, or over the one of that id."""
    if column.kind == "status" and color is None:
        color = COLORS[label_id % len(COLORS)]
    db.execute(
        f"INSERT OR REPLACE INTO labels (board_id, column_id, {_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (column.board_id, column.id, label_id, text, active, color, position, is_done, description),
    )


def replace(db: sqlite3.Connection, column: BoardColumn, given: Sequence[Mapping[str, Any]]) -> None:
    """Replaces the list of labels, as `update_dropdown_column` and `update_status_column` do.

    At most one label may go at a time, and none while others come; to hide labels, deactivate them.
    """
    known = {label.id: label for label in all_of(db, column)}
    ids = _ids_for(column, given, known)
    gone = set(known) - set(ids)
    added = [i for i in ids if i not in known]
    if len(gone) > 1 or (gone and added):
        raise bad_argument(
            "Labels cannot be removed together with others or while some are added",
            column_id=column.id,
            removed=sorted(gone),
        )
    if column.kind == "status":
        _check_status(given)
    db.executemany(
        "DELETE FROM labels WHERE board_id = ? AND column_id = ? AND id = ?",
        [(column.board_id, column.id, i) for i in gone],
    )
    for place, (label_id, entry) in enumerate(zip(ids, given, strict=True)):
        insert(
            db,
            column,
            label_id,
            entry["label"].strip(),
            position=entry.get("index", place),
            active=not entry.get("is_deactivated"),
            color=entry.get("color"),
            is_done=bool(entry.get("is_done")),
            description=entry.get("description"),
        )
    boards.revise(db, column)


def _ids_for(column: BoardColumn, given: Sequence[Mapping[str, Any]], known: Mapping[int, BoardLabel]) -> list[int]:
    by_words = {label.text: label.id for label in known.values()}
    taken = set(known) | {entry["id"] for entry in given if entry.get("id") is not None}
    ids: list[int] = []
    for entry in given:
        text = entry["label"].strip()
        if not text and column.kind == "dropdown":
            raise bad_argument("A label needs a text", column_id=column.id)
        wanted = entry.get("id")
        if wanted is not None and wanted not in known:
            raise bad_argument("There is no label of this id", column_id=column.id, label_id=wanted)
        chosen = by_words.get(text) if wanted is None else wanted
        if chosen is None or chosen in ids:
            chosen = _free(column, entry, taken)
        taken.add(chosen)
        ids.append(chosen)
    if len({entry["label"].strip() for entry in given}) < len(given):
        raise bad_argument("Two labels have the same text", column_id=column.id)
    return ids


def _free(column: BoardColumn, entry: Mapping[str, Any], taken: set[int]) -> int:
    if column.kind == "dropdown":
        return max(taken, default=0) + 1
    # The color's number is the label's id, as long as that is free.
    wanted = COLORS.index(entry["color"]) if entry.get("color") in COLORS else 0
    order = [wanted, *range(STATUS_LABELS)]
    return next((i for i in order if i not in taken), max(taken, default=0) + 1)


def _check_status(given: Sequence[Mapping[str, Any]]) -> None:
    if len(given) > STATUS_LABELS:
        raise bad_argument(f"A status has at most {STATUS_LABELS} labels", labels=len(given))
    for entry in given:
        if len(entry["label"]) > STATUS_LENGTH:
            raise bad_argument(f"A status label has at most {STATUS_LENGTH} characters", label=entry["label"])


def check_revision(column: BoardColumn, revision: str) -> None:
    """Raises Refusal where the column changed since the caller read it."""
    if column.revision != revision:
        raise Refusal(
            "REVISION_MISMATCH",
            "The column was changed meanwhile",
            status=409,
            about={"column_id": column.id, "revision": revision},
        )


def settings_of(db: sqlite3.Connection, column: BoardColumn) -> dict[str, Any]:
    """The typed settings as `Column.settings` shows them."""
    settings = dict(column.settings)
    if column.kind == "dropdown":
        settings["labels"] = [_dropdown_entry(label) for label in all_of(db, column)]
    elif column.kind == "status":
        settings["labels"] = [_status_entry(label) for label in all_of(db, column)]
    return settings


def old_settings_of(db: sqlite3.Connection, column: BoardColumn) -> dict[str, Any]:
    """The settings in the older layout of `Column.settings_str`."""
    settings = dict(column.settings)
    if column.kind == "dropdown":
        known = all_of(db, column)
        settings["labels"] = [{"id": label.id, "name": label.text} for label in known]
        settings["deactivated_labels"] = [label.id for label in known if not label.active]
    elif column.kind == "status":
        known = all_of(db, column)
        settings["labels"] = {str(label.id): label.text for label in known}
        settings["labels_positions_v2"] = {str(label.id): label.position for label in known}
        settings["done_colors"] = [label.id for label in known if label.is_done]
    return settings


def _dropdown_entry(label: BoardLabel) -> dict[str, Any]:
    return {"id": label.id, "label": label.text, "is_deactivated": not label.active}


def _status_entry(label: BoardLabel) -> dict[str, Any]:
    return {
        "id": label.id,
        "label": label.text,
        "color": label.color,
        "index": label.position,
        "is_done": label.is_done,
        "is_deactivated": not label.active,
        "description": label.description,
    }


def _label(row: Sequence[Any]) -> BoardLabel:
    return BoardLabel(row[0], row[1], bool(row[2]), row[3], row[4], bool(row[5]), row[6])


def _unknown(db: sqlite3.Connection, column: BoardColumn, wanted: str | int) -> Refusal:
    some: Iterable[BoardLabel] = all_of(db, column)[:20]
    names = ", ".join(f"{label.id}: {label.text}" for label in some if label.active)
    return bad_value(column.id, column.kind, wanted, f"this label does not exist; possible labels are {{{names}}}")


def first_labels(db: sqlite3.Connection, board: Board, column_id: str, given: Iterable[Mapping[str, Any]] = ()) -> None:
    """The labels a column is created with; a status that names none begins with those of every new status."""
    column, chosen = board.column(column_id), list(given)
    if column.kind == "status" and not chosen:
        chosen = list(FIRST_LABELS)
    if chosen:
        replace(db, column, chosen)
