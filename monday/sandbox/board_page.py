"""The board as planners know it: groups, items, subitems to unfold, coloured labels, and what happened lately."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import boards, finding, groups, items, views
from .boards import Board, BoardColumn
from .exchange import Exchange, iso
from .items import BoardItem
from .layout import text

ROWS = 100
_HIDDEN = frozenset({"name", "subtasks"})


def board_list(exchange: Exchange) -> str:
    """All boards with their counts."""
    found = boards.listed(exchange.db, "active", ("board", "sub_items_board"))
    lines = "".join(
        f'<tr><td><a href="/boards/{board.id}">{text(board.name)}</a></td><td>{board.id}</td>'
        f'<td class="number">{board.items_count}</td>'
        f"<td>{'subitems' if board.type == 'sub_items_board' else 'board'}</td></tr>"
        for board in found
    )
    if not lines:
        return "<p>There is no board yet. The first TEST run sets one up, and so does <code>create_board</code>.</p>"
    return f"<table><tr><th>Board</th><th>Id</th><th>Items</th><th>Kind</th></tr>{lines}</table>"


def stamp(exchange: Exchange, board: Board) -> str:
    """A word that changes whenever the board's page would look different."""
    both = [board.id, boards.subitems_board_id(board) or -1]
    row = exchange.db.execute(
        "SELECT max(updated_at), sum(items_count) FROM boards WHERE id IN (?, ?)", both
    ).fetchone()
    (last,) = exchange.db.execute("SELECT max(id) FROM activity WHERE board_id IN (?, ?)", both).fetchone()
    return f"{row[0]}-{row[1]}-{last}-{board.stamp}"


def frame(exchange: Exchange, board: Board, page: int, *, all_columns: bool) -> str:
    """The page's body: the rows in an element that keeps itself up to date, page links, and the activity."""
    keep = "&amp;all=1" if all_columns else ""
    query = f"?page={page}{keep}"
    other = "" if all_columns else "&amp;all=1"
    count = len(finding.on_board(exchange.db, board))
    numbers = range(1, (count + ROWS - 1) // ROWS + 1)
    pages = "".join(f"<b>{n}</b> " if n == page else f'<a href="?page={n}{keep}">{n}</a>' for n in numbers)
    return (
        f'<p class="faint">Board {board.id}. Follows what happens; open an item to edit its cells by hand. '
        f'<a href="?page={page}{other}">{"only filled columns" if all_columns else "all columns"}</a></p>'
        f'<div id="rows" data-stamp="{text(stamp(exchange, board))}" data-stamp-url="/boards/{board.id}/stamp" '
        f'data-rows-url="/boards/{board.id}/rows{query}">{rows(exchange, board, page, all_columns=all_columns)}</div>'
        f'<nav class="pages">{pages if count > ROWS else ""}</nav>'
    )


def rows(exchange: Exchange, board: Board, page: int, *, all_columns: bool) -> str:
    """Groups and items of one page, then the latest activity."""
    ids = finding.on_board(exchange.db, board)[(page - 1) * ROWS : page * ROWS]
    shown = items.by_ids(exchange.db, ids)
    columns = _columns(board)
    pictures = {item.id: views.cells(exchange, item, columns) for item in shown}
    if not all_columns:
        filled = {c["id"] for cells in pictures.values() for c in cells if _words(c)}
        columns = [column for column in columns if column.id in filled]
    parts = [
        _group(exchange, group, [item for item in shown if item.group_id == group.id], columns, pictures)
        for group in groups.all_of(exchange.db, board.id)
    ]
    return f"<p>{board.items_count} items</p>{''.join(parts)}{_activity(exchange, board)}"


def _group(
    exchange: Exchange,
    group: groups.BoardGroup,
    members: Sequence[BoardItem],
    columns: Sequence[BoardColumn],
    pictures: dict[int, list[dict[str, Any]]],
) -> str:
    dot = f'<svg class="dot" width="12" height="12"><rect width="12" height="12" fill="{text(group.color)}"/></svg>'
    title = f'<h2>{dot}{text(group.title)} <span class="faint">{len(members)}</span></h2>'
    if not members:
        return title
    heads = "".join(f"<th>{text(column.title)}</th>" for column in columns)
    wanted = {column.id for column in columns}
    lines = "".join(
        f'<tr><td class="name"><a href="/items/{item.id}">{text(item.name)}</a>{_subitems(exchange, item)}</td>'
        f"{''.join(_cell(exchange, cell) for cell in pictures[item.id] if cell['id'] in wanted)}</tr>"
        for item in members
    )
    return f'{title}<div class="scroll"><table><tr><th>Item</th>{heads}</tr>{lines}</table></div>'


def _subitems(exchange: Exchange, item: BoardItem) -> str:
    found = items.subitems_of(exchange.db, item.id)
    if not found:
        return ""
    board = boards.find(exchange.db, found[0].board_id)
    columns = _columns(board) if board else []
    pictures = [views.cells(exchange, one, columns) for one in found]
    filled = {cell["id"] for cells in pictures for cell in cells if _words(cell)}
    heads = "".join(f"<th>{text(column.title)}</th>" for column in columns if column.id in filled)
    lines = "".join(
        f'<tr><td><a href="/items/{one.id}">{text(one.name)}</a></td>'
        f"{''.join(_cell(exchange, cell) for cell in cells if cell['id'] in filled)}</tr>"
        for one, cells in zip(found, pictures, strict=True)
    )
    return (
        f'<details id="s{item.id}"><summary>{len(found)} subitems</summary>'
        f"<table><tr><th>Subitem</th>{heads}</tr>{lines}</table></details>"
    )


def _cell(exchange: Exchange, cell: dict[str, Any]) -> str:
    words = _words(cell)
    if cell["type"] == "status" and words:
        label = exchange.label(cell["column_row"], cell["index"])
        return f'<td class="label c-{text(label.color if label else "explosive")}">{text(words)}</td>'
    return f'<td class="{"number" if cell["type"] == "numbers" else "text"}" title="{text(words)}">{text(words)}</td>'


def _words(cell: dict[str, Any]) -> str:
    return cell["text"] or cell.get("display_value") or ""


def _columns(board: Board) -> list[BoardColumn]:
    return [column for column in board.columns.values() if column.kind not in _HIDDEN and not column.archived]


def _activity(exchange: Exchange, board: Board) -> str:
    lines: Iterable[tuple[Any, ...]] = exchange.db.execute(
        "SELECT at, actor, event, item_id, data FROM activity WHERE board_id IN (?, ?) ORDER BY id DESC LIMIT 30",
        (board.id, boards.subitems_board_id(board) or -1),
    )
    shown = "".join(
        f"<tr><td>{text(iso(at))}</td><td>{text(actor)}</td><td>{text(event)}</td>"
        f'<td>{f"""<a href="/items/{item_id}">{item_id}</a>""" if item_id else ""}</td><td>{text(data)}</td></tr>'
        for at, actor, event, item_id, data in lines
    )
    table = f"<table><tr><th>When</th><th>Who</th><th>What</th><th>Item</th><th>Data</th></tr>{shown}</table>"
    return f'<h2>Activity</h2><div class="scroll">{table}</div>' if shown else ""
