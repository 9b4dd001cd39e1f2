"""One item with its cells in a form, so that drift and conflicts can be tried by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import boards, groups, items, labels, views, writing
from .boards import Board, BoardColumn
from .exchange import Exchange
from .items import BoardItem
from .layout import text
from .refusals import Refusal

LABELS_SHOWN = 300
_JSON_ONLY = frozenset(
    {
        *("checkbox", "timeline", "tags", "board_relation", "people", "dependency"),
        *("country", "hour", "week", "location"),
    }
)


def form(exchange: Exchange, item: BoardItem, problem: str = "") -> str:
    """The item's form. A text that is left as it is, is not written."""
    board = boards.get(exchange.db, item.board_id)
    fields = [f'<label>Name<br><input type="text" name="name" value="{text(item.name)}"></label>']
    columns = [c for c in board.columns.values() if _editable(c)]
    for cell in views.cells(exchange, item, columns):
        title = f"{text(cell['column_row'].title)} <span class=faint>{text(cell['type'])}</span>"
        fields.append(f"<label>{title}<br>{_field(exchange, cell)}</label>")
    warning = f'<p class="warning">{text(problem)}</p>' if problem else ""
    back = f', subitem of <a href="/items/{item.parent_id}">its item</a>' if item.parent_id else ""
    home = f'<a href="/boards/{board.id}">{text(board.name)}</a>'
    return (
        f'{warning}<p class="faint">{text(item.state)} on {home}{back}</p>'
        f'<form method="post" action="/items/{item.id}">{"".join(fields)}<button>Save</button></form>'
        f"{_moves(exchange, board, item)}"
    )


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
    return cell["text"] or ""


def _typed(column: BoardColumn, word: str) -> Any:
    if word == "":
        return None
    if column.kind in _JSON_ONLY:
        try:
            return json.loads(word)
        except ValueError:
            raise Refusal("JsonParseException", f"{column.title}: this kind is written as JSON") from None
    return {"label": word} if column.kind == "status" else word


def _field(exchange: Exchange, cell: Mapping[str, Any]) -> str:
    column: BoardColumn = cell["column_row"]
    words = shown_text(cell)
    if column.kind == "long_text":
        return f'<textarea name="{text(column.id)}" rows="3">{text(words)}</textarea>'
    if column.kind == "status":
        known = [label.text for label in labels.all_of(exchange.db, column) if label.active and label.text][
            :LABELS_SHOWN
        ]
        choices = "".join(
            f"<option{' selected' if one == words else ''}>{text(one)}</option>"
            for one in dict.fromkeys(["", words, *known])
        )
        return f'<select name="{text(column.id)}">{choices}</select>'
    return f'<input type="text" name="{text(column.id)}" value="{text(words)}">'


def _moves(exchange: Exchange, board: Board, item: BoardItem) -> str:
    if item.state != "active":
        return ""
    forms = []
    if item.parent_id is None:
        choices = "".join(
            f'<option value="{text(g.id)}"{" selected" if g.id == item.group_id else ""}>{text(g.title)}</option>'
            for g in groups.all_of(exchange.db, board.id)
        )
        forms.append(_small(item, "move", f'<select name="group">{choices}</select><button>Move to group</button>'))
    forms.append(_small(item, "archive", "<button>Archive</button>"))
    forms.append(_small(item, "delete", "<button>Delete</button>"))
    return "<h2>Move or take away</h2>" + "".join(forms)


def _small(item: BoardItem, action: str, inside: str) -> str:
    return f'<form class="row" method="post" action="/items/{item.id}/{action}">{inside}</form>'


def _editable(column: BoardColumn) -> bool:
    return (
        not column.archived
        and column.kind != "name"
        and column.kind not in writing.READ_ONLY
        and writing.takes(column.kind)
    )
