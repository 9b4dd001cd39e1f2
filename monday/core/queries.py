"""What is read from the API: the documents, and their answers as boards, columns and items.

Names and types are those of the API's schema, version 2026-10; a test holds them to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .columns import Value, guess_kind, kind_of
from .operations import Item
from .structure import BoardStructure, Column, Group, Label

PAGE, PAGE_WITH_SUBITEMS = 500, 200  # items; the API's own maximum is 500
IDS = 100  # item ids in one call, the API's maximum
KEYS = 100  # keys of one look-up
UPDATES = 5  # of one item; that there are any is what matters, and each is priced with its replies

IDENTITY = "query { me { id } account { id name } version { value kind } }"
VERSION = "query { version { kind value display_name } }"
DAILY_LIMIT = "query { platform_api { daily_limit { base total } } }"
_COLUMN = "id title type archived revision settings"
BOARD = (
    "query ($ids: [ID!]) { boards(ids: $ids) { id name type items_limit items_count "
    f"columns {{ {_COLUMN} }} groups {{ id title archived deleted }} }} }}"
)
COLUMN = (
    f"query ($ids: [ID!], $columns: [String]) {{ boards(ids: $ids) {{ id columns(ids: $columns) {{ {_COLUMN} }} }} }}"
)
SUBITEMS_BOARD = (
    "query ($ids: [ID!]) { boards(ids: $ids) { items_page(limit: 25) { items { subitems { board { id } } } } } }"
)
CREATE_BOARD = "mutation ($name: String!) { create_board(board_name: $name, board_kind: public, empty: true) { id } }"
CREATE_COLUMN = (
    "mutation ($board: ID!, $id: String, $title: String!, $kind: ColumnType!) "
    f"{{ create_column(board_id: $board, id: $id, title: $title, column_type: $kind) {{ {_COLUMN} }} }}"
)


def _update_labels(kind: str) -> str:
    return (
        f"mutation ($board: ID!, $id: String!, $revision: String!, $settings: Update{kind}ColumnSettingsInput) "
        f"{{ update_{kind.lower()}_column(board_id: $board, id: $id, revision: $revision, settings: $settings) "
        f"{{ {_COLUMN} }} }}"
    )


UPDATE_LABELS: Mapping[str, str] = {"dropdown": _update_labels("Dropdown"), "status": _update_labels("Status")}


def update_many_labels(kinds: Sequence[str]) -> str:
    """New label lists for several columns in one request, one alias a column: `$board0`, `$id0` and so on."""
    declared, asked = [], []
    for at, kind in enumerate(kinds):
        settings = f"$settings{at}: Update{kind.capitalize()}ColumnSettingsInput"
        declared.append(f"$board{at}: ID!, $id{at}: String!, $revision{at}: String!, {settings}")
        asked.append(
            f"c{at}: update_{kind}_column(board_id: $board{at}, id: $id{at}, revision: $revision{at}, "
            f"settings: $settings{at}) {{ id }}"
        )
    return f"mutation ({', '.join(declared)}) {{ {' '.join(asked)} }}"


UPDATED: Mapping[str, str] = {"dropdown": "update_dropdown_column", "status": "update_status_column"}
# Every colour of a status label but the grey of the empty one.
COLORS = (
    "working_orange", "done_green", "stuck_red", "dark_blue", "purple", "grass_green", "bright_blue", "saladish",
    "egg_yolk", "blackish", "dark_red", "sofia_pink", "lipstick", "dark_purple", "bright_green", "chili_blue",
    "american_gray", "brown", "dark_orange", "sunset", "bubble", "peach", "berry", "winter", "river", "navy",
    "aquamarine", "indigo", "dark_indigo", "pecan", "lavender", "royal", "steel", "orchid", "lilac", "tan", "sky",
    "coffee", "teal",
)  # fmt: skip


def find_items(columns: Sequence[Column], subitem_columns: Sequence[Column]) -> str:
    """Items whose column holds one of some values."""
    return (
        f"query ($board: ID!, $column: String!, $values: [String]!, $limit: Int!{_declared(columns, subitem_columns)}) "
        "{ page: items_page_by_column_values(board_id: $board, limit: $limit, "
        f"columns: [{{ column_id: $column, column_values: $values }}]) {_page(columns, subitem_columns)} }}"
    )


def find_more_items(columns: Sequence[Column], subitem_columns: Sequence[Column]) -> str:
    """The pages of `find_items` after its first."""
    return (
        f"query ($board: ID!, $cursor: String, $limit: Int!{_declared(columns, subitem_columns)}) "
        "{ page: items_page_by_column_values(board_id: $board, limit: $limit, cursor: $cursor) "
        f"{_page(columns, subitem_columns)} }}"
    )


def all_items(columns: Sequence[Column], subitem_columns: Sequence[Column]) -> str:
    """The first page of a board's active items."""
    return (
        f"query ($ids: [ID!], $limit: Int!{_declared(columns, subitem_columns)}) "
        f"{{ boards(ids: $ids) {{ page: items_page(limit: $limit) {_page(columns, subitem_columns)} }} }}"
    )


def more_items(columns: Sequence[Column], subitem_columns: Sequence[Column]) -> str:
    """The pages of `all_items` after its first."""
    return (
        f"query ($cursor: String!, $limit: Int!{_declared(columns, subitem_columns)}) "
        f"{{ page: next_items_page(cursor: $cursor, limit: $limit) {_page(columns, subitem_columns)} }}"
    )


def items_by_id(columns: Sequence[Column], subitem_columns: Sequence[Column], *, updates: bool = False) -> str:
    """Items by their ids, archived and deleted ones too; with `updates` also what people wrote below them."""
    return (
        f"query ($ids: [ID!], $limit: Int!{_declared(columns, subitem_columns)}) "
        f"{{ items(ids: $ids, limit: $limit) {{ {_item(columns, subitem_columns, updates=updates)} }} }}"
    )


def cell_variables(columns: Sequence[Column], subitem_columns: Sequence[Column]) -> dict[str, Any]:
    """The variables that every document of items has: ids of the columns whose cells are wanted."""
    variables = {"cells": _ids(columns), "subcells": _ids(subitem_columns)}
    return {name: ids for name, ids in variables.items() if ids}


def parse_board(board: Mapping[str, Any], subitems: BoardStructure | None = None) -> BoardStructure:
    """A board of the answer to `BOARD`; groups that were deleted are left out."""
    columns = [parse_column(entry) for entry in board.get("columns") or ()]
    groups = [entry for entry in board.get("groups") or () if not entry.get("deleted")]
    return BoardStructure(
        id=str(board["id"]),
        name=str(board.get("name") or ""),
        columns={column.id: column for column in columns},
        groups=tuple(Group(str(g["id"]), str(g.get("title") or ""), bool(g.get("archived"))) for g in groups),
        subitems=subitems,
        items_limit=board.get("items_limit"),
        items_count=board.get("items_count") or 0,
    )


def parse_column(entry: Mapping[str, Any]) -> Column:
    """A column with its labels. The number by which a status label is written is its id, whatever its place is."""
    labels = settings_of(entry).get("labels")
    return Column(
        id=str(entry["id"]),
        title=str(entry.get("title") or ""),
        kind=str(entry.get("type") or ""),
        labels=tuple(
            Label(int(label["id"]), str(label.get("label") or ""), not label.get("is_deactivated"))
            for label in (labels if isinstance(labels, list) else ())
            if label.get("id") is not None
        ),
        revision=str(entry.get("revision") or ""),
        archived=bool(entry.get("archived")),
    )


def settings_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """A column's settings, which come as JSON or as a text that holds it."""
    settings = entry.get("settings")
    if isinstance(settings, str):
        try:
            settings = json.loads(settings)
        except ValueError:
            return {}
    return settings if isinstance(settings, Mapping) else {}


def subitems_board_id(board: Mapping[str, Any]) -> str | None:
    """The id of the board that holds the subitems, from the settings of the subitems column; None where not told."""
    for entry in board.get("columns") or ():
        if entry.get("type") == "subtasks":
            settings = settings_of(entry)
            ids = settings.get("boardIds") or settings.get("board_ids") or ()
            return str(ids[0]) if ids else None
    return None


def parse_item(entry: Mapping[str, Any], columns: Sequence[Column], subitem_columns: Sequence[Column]) -> Item:
    """An item with the cells of these columns and, where asked for, its subitems."""
    id_ = str(entry["id"])
    subitems = [sub for sub in entry.get("subitems") or () if sub] if subitem_columns else []
    return Item(
        id=id_,
        name=str(entry.get("name") or ""),
        state=str(entry.get("state") or ""),
        board_id=_id_of(entry.get("board")),
        group_id=_id_of(entry.get("group")),
        values=_values(entry, columns),
        subitems=tuple(parse_item({"parent_item": {"id": id_}, **sub}, subitem_columns, ()) for sub in subitems),
        parent_id=_id_of(entry.get("parent_item")),
        updates=tuple(_texts(entry.get("updates"))),
    )


def _texts(updates: Any) -> Iterator[str]:
    for update in updates or ():
        for text in (update, *(update.get("replies") or ())):
            yield str(text.get("text_body") or "").strip()


def label_settings(kind: str, entry: Mapping[str, Any], texts: Iterable[str]) -> dict[str, Any]:
    """The list of labels that is to replace the present one, with `texts` added or made active again.

    Every present label is repeated as it is, since the API drops what is left out.
    """
    wanted = list(dict.fromkeys(texts))
    present = [dict(label) for label in settings_of(entry).get("labels") or ()]
    kept = (
        "id",
        "label",
        "is_deactivated",
        *(("color", "index", "is_done", "description") if kind == "status" else ()),
    )
    labels = []
    for label in present:
        if label.get("label") in wanted:
            label["is_deactivated"] = False
        labels.append({key: label[key] for key in kept if label.get(key) is not None})
    known = {label.get("label") for label in present}
    for text in wanted:
        if text not in known:
            labels.append({"label": text} if kind == "dropdown" else _new_status(text, labels))
    return {"labels": labels}


def _new_status(text: str, labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A status label in a colour and at a place that no other has; each colour may be used once."""
    used, places = {label.get("color") for label in labels}, [int(label.get("index") or 0) for label in labels]
    color = next((color for color in COLORS if color not in used), COLORS[0])
    return {"label": text, "color": color, "index": max(places, default=-1) + 1}


def _declared(columns: Sequence[Column], subitem_columns: Sequence[Column]) -> str:
    cells = ", $cells: [String!]" if _ids(columns) else ""
    return cells + (", $subcells: [String!]" if _ids(subitem_columns) else "")


def _page(columns: Sequence[Column], subitem_columns: Sequence[Column]) -> str:
    return f"{{ cursor items {{ {_item(columns, subitem_columns)} }} }}"


def _item(columns: Sequence[Column], subitem_columns: Sequence[Column], *, updates: bool = False) -> str:
    written = f" updates(limit: {UPDATES}) {{ text_body replies {{ text_body }} }}" if updates else ""
    text = f"id name state board {{ id }} group {{ id }} parent_item {{ id }}{_cells('cells', columns)}{written}"
    if subitem_columns:
        text += f" subitems {{ id name state board {{ id }}{_cells('subcells', subitem_columns)}{written} }}"
    return text


def _cells(variable: str, columns: Sequence[Column]) -> str:
    """The cells of a few columns. Only what their kinds need is asked for, since every field has its price."""
    if not _ids(columns):
        return ""
    kinds = {kind.name: kind for kind in map(kind_of, columns) if kind.graphql_type and kind.fields}
    fragments = "".join(f" ... on {kind.graphql_type} {{ {kind.fields} }}" for _, kind in sorted(kinds.items()))
    return f" column_values(ids: ${variable}) {{ id type text value{fragments} }}"


def _ids(columns: Sequence[Column]) -> list[str]:
    return [column.id for column in columns if column.id != "name"]


def _values(entry: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Value]:
    wanted = {column.id: column for column in columns}
    values: dict[str, Value] = {"name": str(entry.get("name") or "")} if "name" in wanted else {}
    for cell in entry.get("column_values") or ():
        column = wanted.get(cell.get("id"))
        if column is not None:
            kind = cell.get("type") or column.kind or guess_kind(column.id)
            values[column.id] = kind_of(Column(column.id, column.title, str(kind))).decode(cell)
    return values


def _id_of(entry: Any) -> str:
    return str(entry.get("id") or "") if isinstance(entry, Mapping) else ""
