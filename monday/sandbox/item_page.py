"""One item with its cells in a form, so that drift and conflicts can be tried by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import activity, boards, groups, items, labels, views, writing
from .boards import Board, BoardColumn
from .exchange import Exchange
from .items import BoardItem
from .layout import hidden, text
from .refusals import Refusal

LABELS_SHOWN = 300
_JSON_ONLY = frozenset(
    {
        *("checkbox", "timeline", "tags", "board_relation", "people", "dependency"),
        *("country", "hour", "week", "location"),
    }
)


def form(exchange: Exchange, item: BoardItem, problem: str = "") -> str:
    """The item's page: its cells, its subitems, what happened to it. A cell that is left as it is, is not written."""
    board = boards.get(exchange.db, item.board_id)
    name = f'<input type="text" id="name" name="name" value="{text(item.name)}">'
    fields = [f'<div><label for="name">Name</label>{name}</div>']
    columns = [c for c in board.columns.values() if _editable(c)]
    for cell in views.cells(exchange, item, columns):
        name = text(cell["id"])
        kind = f'<span class="pill">{text(cell["type"])}</span>'
        fields.append(
            f'<div><label for="{name}">{text(cell["column_row"].title)} {kind}</label>{_field(exchange, cell)}</div>'
        )
    warning = f'<p class="warning">{text(problem)}</p>' if problem else ""
    back = f', subitem of <a href="/items/{item.parent_id}">its item</a>' if item.parent_id else ""
    home = f'<a href="/boards/{board.parent_board_id or board.id}">{text(board.name)}</a>'
    tone = "good" if item.state == "active" else "bad"
    return (
        f'<div class="top"><h1>{text(item.name)}</h1><span class="pill {tone}">{text(item.state)}</span></div>'
        f'{warning}<p class="faint">Item {item.id} on {home}{back}</p>'
        f'<form method="post" action="/items/{item.id}" class="card">{hidden(exchange.store.form_key)}'
        f'<div class="fields">{"".join(fields)}</div><div class="fields"><button class="main">Save</button></div>'
        "</form>"
        f"{_moves(exchange, board, item)}{_subitems(exchange, item)}"
        f"{activity.of_item(exchange, item.id, board.id)}"
    )


def cell_form(exchange: Exchange, item: BoardItem, column_id: str) -> str | None:
    """A small form for one cell, to stand in its place on the board; None for a cell that cannot be written."""
    board = boards.get(exchange.db, item.board_id)
    column = board.columns.get(column_id)
    if column is None or not _editable(column):
        return None
    (cell,) = views.cells(exchange, item, [column])
    return (
        f'<form method="post" action="/items/{item.id}">{hidden(exchange.store.form_key)}{_field(exchange, cell)}'
        '<button class="main">Save</button></form>'
    )


def _subitems(exchange: Exchange, item: BoardItem) -> str:
    found = items.subitems_of(exchange.db, item.id)
    links = "".join(f'<li><a href="/items/{one.id}">{text(one.name)}</a></li>' for one in found)
    return f"<h2>Subitems</h2><ul>{links}</ul>" if found else ""


def save(exchange: Exchange, item: BoardItem, given: Mapping[str, str]) -> None:
    """Writes the cells that differ from what the form showed; raises Refusal where one is not taken."""
    board = boards.get(exchange.db, item.board_id)
    columns = [c for c in board.columns.values() if _editable(c)]
    shown = {cell["id"]: shown_text(cell) for cell in views.cells(exchange, item, columns)}
    values: dict[str, Any] = {
        column.id: _typed(column, given[column.id].strip())
        for column in columns
        if column.id in given and given[column.id].strip().replace("\r\n", "\n") != shown[column.id].strip()
    }
    if given.get("name", item.name).strip() != item.name:
        values[next((c.id for c in board.columns.values() if c.kind == "name"), "name")] = given["name"]
    if values:
        items.change(exchange, item.board_id, item.id, values, create_labels=True)


def shown_text(cell: Mapping[str, Any]) -> str:
    """What the form shows of a cell: its text, or its JSON where the kind has no simple form."""
    kind = cell["type"]
    if kind in _JSON_ONLY:
        return cell["value"] or ""
    if kind == "date":
        stored = json.loads(cell["value"]) if cell["value"] else {}
        return f"{stored.get('date', '')} {stored.get('time') or ''}".strip()
    if kind == "email":
        return f"{cell['email']} {cell['label']}" if cell["email"] else ""
    if kind == "phone":
        return f"{cell['phone']} {cell['country_short_name']}".strip() if cell["phone"] else ""
    if kind == "link":
        return f"{cell['url']} {cell['url_text']}".strip() if cell["url"] else ""
    if kind == "dropdown":
        return "\n".join(value["label"] for value in cell["values"])
    return cell["text"] or ""


def _typed(column: BoardColumn, word: str) -> Any:
    if word == "":
        return None
    if column.kind == "dropdown":  # one label a line, for a label may hold a comma
        return {"labels": [line.strip() for line in word.splitlines() if line.strip()]}
    if column.kind in _JSON_ONLY:
        try:
            return json.loads(word)
        except ValueError:
            raise Refusal("JsonParseException", f"{column.title}: this kind is written as JSON") from None
    return {"label": word} if column.kind == "status" else word


def _field(exchange: Exchange, cell: Mapping[str, Any]) -> str:
    column: BoardColumn = cell["column_row"]
    words = shown_text(cell)
    name = f'id="{text(column.id)}" name="{text(column.id)}"'
    if column.kind in ("long_text", "dropdown"):
        tip = ' title="One label a line"' if column.kind == "dropdown" else ""
        lines = words.count("\n") + (1 if column.kind == "dropdown" else 3)
        return f'<textarea {name} rows="{lines}"{tip}>{text(words)}</textarea>'
    if column.kind == "status":
        known = [label.text for label in labels.all_of(exchange.db, column) if label.active and label.text][
            :LABELS_SHOWN
        ]
        choices = "".join(
            f"<option{' selected' if one == words else ''}>{text(one)}</option>"
            for one in dict.fromkeys(["", words, *known])
        )
        return f"<select {name}>{choices}</select>"
    return f'<input type="text" {name} value="{text(words)}">'


def _moves(exchange: Exchange, board: Board, item: BoardItem) -> str:
    if item.state != "active":
        return ""
    forms = []
    if item.parent_id is None:
        choices = "".join(
            f'<option value="{text(g.id)}"{" selected" if g.id == item.group_id else ""}>{text(g.title)}</option>'
            for g in groups.all_of(exchange.db, board.id)
        )
        forms.append(
            _small(
                exchange,
                item,
                "move",
                f'<select name="group" aria-label="Group">{choices}</select><button>Move to group</button>',
            )
        )
    forms.append(_small(exchange, item, "archive", "<button>Archive</button>"))
    forms.append(_small(exchange, item, "delete", '<button class="danger">Delete</button>'))
    return "<h2>Move or take away</h2>" + "".join(forms)


def _small(exchange: Exchange, item: BoardItem, action: str, inside: str) -> str:
    key = hidden(exchange.store.form_key)
    return f'<form class="row" method="post" action="/items/{item.id}/{action}">{key}{inside}</form>'


def _editable(column: BoardColumn) -> bool:
    return (
        not column.archived
        and column.kind != "name"
        and column.kind not in writing.READ_ONLY
        and writing.takes(column.kind)
    )
