"""The board as planners know it: groups, items, subitems to unfold, coloured labels, and what happened lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from . import activity, boards, finding, groups, items, views
from .boards import Board, BoardColumn
from .exchange import Exchange
from .items import BoardItem
from .labels import HEX
from .layout import reads_dark, text

ROWS = 100
NEAR = 2  # pages that are linked on either side of the one that is shown
_HIDDEN = frozenset({"name", "subtasks"})
Cells = Mapping[int, Sequence[Mapping[str, Any]]]


def board_list(exchange: Exchange) -> str:
    """All boards with their counts."""
    found = boards.listed(exchange.db, "active", ("board", "sub_items_board"))
    below = {board.parent_board_id: board for board in found if board.type == "sub_items_board"}
    cards = "".join(_card(board, below.get(board.id)) for board in found if board.type == "board")
    if not cards:
        return (
            "<h1>Boards</h1><p>There is no board yet. The first TEST run sets one up, and so does "
            "<code>create_board</code>.</p>"
        )
    return f'<h1>Boards</h1><div class="cards">{cards}</div>'


def _card(board: Board, below: Board | None) -> str:
    under = (
        f' with <a href="/boards/{below.id}">{below.items_count:,} subitems</a>' if below and below.items_count else ""
    )
    return (
        f'<div class="card"><strong><a href="/boards/{board.id}">{text(board.name)}</a></strong>'
        f'<span class="big">{board.items_count:,}</span><span class="faint">items{under}<br>board {board.id}, '
        f"{len(board.columns)} columns</span></div>"
    )


def stamp(exchange: Exchange, board: Board) -> str:
    """The number of the last thing that happened, and words that change whenever the page would look different."""
    both = [board.id, boards.subitems_board_id(board) or -1]
    row = exchange.db.execute(
        "SELECT max(updated_at), sum(items_count) FROM boards WHERE id IN (?, ?)", both
    ).fetchone()
    (last,) = exchange.db.execute("SELECT max(id) FROM activity WHERE board_id IN (?, ?)", both).fetchone()
    return f"{last or 0} {row[0]}-{row[1]}-{board.stamp}"


def frame(exchange: Exchange, board: Board, page: int, word: str, *, all_columns: bool) -> str:
    """The page's body: the rows in an element that keeps itself up to date, page links, and the activity."""
    found = _ids(exchange, board, word)
    here = f"?q={quote(word)}&amp;page={page}"
    more = "" if all_columns else "&amp;all=1"
    columns = f'<a href="{here}{more}">{"only filled columns" if all_columns else "all columns"}</a>'
    keep = "&amp;all=1" if all_columns else ""
    return (
        f'<div class="top"><h1>{text(board.name)}</h1><span id="live" class="pill live">Live</span>'
        '<span class="gap"></span>'
        f'<form><input type="search" name="q" value="{text(word)}" placeholder="Find in names" '
        f'aria-label="Find in names">{"<input type=hidden name=all value=1>" if all_columns else ""}</form></div>'
        f'<p class="faint">Board {board.id}. Click a cell to change it by hand, or open an item. {columns}</p>'
        f'<div id="rows" data-stamp="{text(stamp(exchange, board))}" data-stamp-url="/boards/{board.id}/stamp" '
        f'data-rows-url="/boards/{board.id}/rows{here}{keep}">'
        f"{_rows(exchange, board, found, page, all_columns=all_columns)}</div>{_pages(len(found), page, word, keep)}"
    )


def rows(exchange: Exchange, board: Board, page: int, word: str, *, all_columns: bool) -> str:
    """Groups and items of one page, then the latest activity."""
    return _rows(exchange, board, _ids(exchange, board, word), page, all_columns=all_columns)


def _ids(exchange: Exchange, board: Board, word: str) -> list[int]:
    ids = finding.on_board(exchange.db, board)
    if not word.strip():
        return ids
    named = exchange.db.execute(
        "SELECT item_id FROM lookup WHERE column_id = 'name' AND instr(key, ?) > 0", (word.strip().casefold(),)
    )
    wanted = {row[0] for row in named}
    return [number for number in ids if number in wanted]


def _pages(count: int, page: int, word: str, keep: str) -> str:
    last = (count + ROWS - 1) // ROWS
    if last <= 1:
        return '<nav class="pages"></nav>'
    near = sorted({1, last, *range(max(1, page - NEAR), min(last, page + NEAR) + 1)})
    links = []
    for place, number in enumerate(near):
        if place and number > near[place - 1] + 1:
            links.append('<span class="faint">…</span>')
        there = f'<a href="?q={quote(word)}&amp;page={number}{keep}">{number}</a>'
        links.append(f"<b>{number}</b>" if number == page else there)
    return f'<nav class="pages" aria-label="Pages">{"".join(links)}</nav>'


def _rows(exchange: Exchange, board: Board, ids: Sequence[int], page: int, *, all_columns: bool) -> str:
    shown = items.by_ids(exchange.db, ids[(page - 1) * ROWS : page * ROWS])
    columns = _columns(board)
    pictures = {item.id: views.cells(exchange, item, columns) for item in shown}
    if not all_columns:
        filled = {c["id"] for cells in pictures.values() for c in cells if _words(c)}
        columns = [column for column in columns if column.id in filled]
    counts = dict(
        exchange.db.execute(
            "SELECT group_id, count(*) FROM items WHERE board_id = ? AND state = 'active' GROUP BY group_id",
            (board.id,),
        ).fetchall()
    )
    parts = []
    for group in groups.all_of(exchange.db, board.id):
        members = [item for item in shown if item.group_id == group.id]
        if members or len(ids) <= ROWS:
            parts.append(_group(exchange, group, members, columns, pictures, counts.get(group.id, 0)))
    return f'<p class="faint">{board.items_count:,} items</p>{"".join(parts)}{activity.of_board(exchange, board)}'


def _group(
    exchange: Exchange,
    group: groups.BoardGroup,
    members: Sequence[BoardItem],
    columns: Sequence[BoardColumn],
    pictures: Cells,
    count: int,
) -> str:
    here = f"{len(members):,} of {count:,}" if len(members) != count else f"{count:,}"
    head = f'<h3>{text(group.title)}</h3><span class="faint">{here}</span>'
    opening = f'<details class="group card g-{text(group.color.lstrip("#").lower())}" id="g-{text(group.id)}" open>'
    if not members:
        return f"{opening}<summary>{head}</summary></details>"
    heads = "".join(f'<th title="{text(column.id)}">{text(column.title)}</th>' for column in columns)
    lines = "".join(_item(exchange, item, columns, pictures[item.id]) for item in members)
    sums = "".join(_sum(exchange, column, members, pictures) for column in columns)
    first = next((column for column in columns if column.kind == "status"), None)
    spread = _battery(exchange, first, members, pictures) if first else ""
    return (
        f'{opening}<summary>{head}<span class="gap"></span>{spread}</summary>'
        f'<div class="scroll" id="w-{text(group.id)}"><table>'
        f'<thead><tr><th class="name">Item</th>{heads}</tr></thead><tbody>{lines}</tbody>'
        f'<tfoot><tr><td class="name"></td>{sums}</tr></tfoot></table></div></details>'
    )


def _item(
    exchange: Exchange, item: BoardItem, columns: Sequence[BoardColumn], cells: Sequence[Mapping[str, Any]]
) -> str:
    wanted = {column.id for column in columns}
    below = items.subitems_of(exchange.db, item.id)
    button = under = ""
    if below:
        many = f"{len(below)} subitem{'s' if len(below) > 1 else ''}"
        button = (
            f'<button class="unfold" data-below="s{item.id}" aria-expanded="false" title="{many}">{len(below)}</button>'
        )
        inside = f'<td colspan="{len(columns) + 1}">{_subitems(exchange, below)}</td>'
        under = f'<tr class="below" id="s{item.id}" hidden>{inside}</tr>'
    shown = "".join(_cell(exchange, cell) for cell in cells if cell["id"] in wanted)
    return (
        f'<tr id="i{item.id}" data-edit="/items/{item.id}/cell"><td class="name">{button}'
        f'<a href="/items/{item.id}">{text(item.name)}</a></td>{shown}</tr>{under}'
    )


def _subitems(exchange: Exchange, found: Sequence[BoardItem]) -> str:
    board = boards.find(exchange.db, found[0].board_id)
    columns = _columns(board) if board else []
    pictures = [views.cells(exchange, one, columns) for one in found]
    filled = {cell["id"] for cells in pictures for cell in cells if _words(cell)}
    heads = "".join(f"<th>{text(column.title)}</th>" for column in columns if column.id in filled)
    lines = "".join(
        f'<tr id="i{one.id}" data-edit="/items/{one.id}/cell"><td><a href="/items/{one.id}">{text(one.name)}</a></td>'
        f"{''.join(_cell(exchange, cell) for cell in cells if cell['id'] in filled)}</tr>"
        for one, cells in zip(found, pictures, strict=True)
    )
    return f"<table><thead><tr><th>Subitem</th>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(exchange: Exchange, cell: Mapping[str, Any]) -> str:
    words, place = _words(cell), f'data-c="{text(cell["id"])}"'
    if cell["type"] == "status" and words:
        color = _color(exchange, cell)
        dark = " dark" if reads_dark(HEX[color]) else ""
        return f'<td class="label c-{color}{dark}" {place}>{text(words)}</td>'
    if cell["type"] == "dropdown" and words:
        chips = "".join(f'<span class="chip">{text(value["label"])}</span>' for value in cell["values"])
        return f'<td class="text" {place} title="{text(words)}">{chips}</td>'
    kind = "number" if cell["type"] == "numbers" else "text"
    return f'<td class="{kind}" {place} title="{text(words)}">{text(words)}</td>'


def _color(exchange: Exchange, cell: Mapping[str, Any]) -> str:
    label = exchange.label(cell["column_row"], cell["index"])
    return label.color if label and label.color in HEX else "explosive"


def _sum(exchange: Exchange, column: BoardColumn, members: Sequence[BoardItem], pictures: Cells) -> str:
    """What stands below a column: the sum of its numbers, or how its labels are spread."""
    if column.kind == "numbers":
        numbers = [Decimal(cell["text"]) for cell in _of_column(column, members, pictures) if cell["text"]]
        return f'<td class="number">{sum(numbers):,}</td>' if numbers else "<td></td>"
    return f"<td>{_battery(exchange, column, members, pictures) if column.kind == 'status' else ''}</td>"


def _battery(exchange: Exchange, column: BoardColumn, members: Sequence[BoardItem], pictures: Cells) -> str:
    cells = _of_column(column, members, pictures)
    spread = Counter(_color(exchange, cell) if _words(cell) else "" for cell in cells)
    parts, at = [], 0.0
    for color, many in spread.most_common():
        width = 130 * many / len(cells)
        fill = HEX[color] if color else "#c4cbd6"
        parts.append(f'<rect x="{at:.1f}" width="{width:.1f}" height="10" fill="{fill}"/>')
        at += width
    said = ", ".join(f"{many} {words or 'empty'}" for words, many in Counter(map(_words, cells)).most_common())
    return (
        f'<svg class="battery" viewBox="0 0 130 10" preserveAspectRatio="none" role="img" aria-label="{text(said)}">'
        f"<title>{text(said)}</title>{''.join(parts)}</svg>"
    )


def _of_column(column: BoardColumn, members: Sequence[BoardItem], pictures: Cells) -> list[Mapping[str, Any]]:
    return [cell for item in members for cell in pictures[item.id] if cell["id"] == column.id]


def _words(cell: Mapping[str, Any]) -> str:
    return cell["text"] or cell.get("display_value") or ""


def _columns(board: Board) -> list[BoardColumn]:
    return [column for column in board.columns.values() if column.kind not in _HIDDEN and not column.archived]
