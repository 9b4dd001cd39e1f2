"""The sandbox's pages: boards, items to edit by hand, and the book of requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from . import board_page, boards, item_page, items, journal
from .answers import Answer, json_answer
from .exchange import Exchange, iso
from .graphql_api import GraphQLApi
from .layout import fragment, missing, page, plain, redirect, text
from .refusals import Refusal
from .store import SandboxStore

_BOARD = re.compile(r"/boards/([0-9]{1,18})(/rows|/stamp)?")
_ITEM = re.compile(r"/items/([0-9]{1,18})(/move|/archive|/delete)?")


class Pages:
    """Answers everything that is neither the API nor a control address."""

    def __init__(self, store: SandboxStore, api: GraphQLApi) -> None:
        self._store = store
        self._api = api

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """The page at `path`, or what a form there does."""
        parts = urlsplit(path)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        with self._store.connection() as db:
            exchange = self._api.exchange(db, "by hand")
            if method == "POST":
                return self._edit(exchange, parts.path, body)
            if parts.path == "/":
                return page("Boards", board_page.board_list(exchange))
            if parts.path == "/sandbox/requests":
                return page("Requests", _requests(exchange))
            if found := _BOARD.fullmatch(parts.path):
                return _board(exchange, found[1], found[2] or "", given)
            if found := _ITEM.fullmatch(parts.path):
                return _item(exchange, found[1], given.get("problem", ""))
        return missing("There is no such page.")

    def _edit(self, exchange: Exchange, path: str, body: bytes) -> Answer:
        found = _ITEM.fullmatch(path)
        if not found:
            return json_answer(404, {"error": "Nothing is written at this address."})
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        given = {name: values[-1] for name, values in fields.items()}
        try:
            with self._store.writing(exchange.db):
                item = items.get(exchange.db, found[1])
                _do(exchange, item, found[2] or "", given)
        except Refusal as refusal:
            return _item(exchange, found[1], refusal.message)
        home = f"/boards/{_home(exchange, item)}" if found[2] else f"/items/{item.id}"
        return redirect(home)


def _do(exchange: Exchange, item: items.BoardItem, action: str, given: Mapping[str, str]) -> None:
    if action == "/move":
        items.move(exchange, item.id, given.get("group", ""))
    elif action:
        items.take_away(exchange, item.id, "archived" if action == "/archive" else "deleted")
    else:
        item_page.save(exchange, item, given)


def _home(exchange: Exchange, item: items.BoardItem) -> int:
    board = boards.find(exchange.db, item.board_id)
    return board.parent_board_id or board.id if board else item.board_id


def _board(exchange: Exchange, number: str, part: str, given: Mapping[str, str]) -> Answer:
    board = boards.find(exchange.db, number)
    if board is None or board.state == "deleted":
        return missing(f"There is no board {number}.")
    place = given.get("page", "1")
    page_number = max(1, int(place)) if place.isascii() and place.isdigit() and len(place) < 9 else 1
    everything = given.get("all") == "1"
    if part == "/stamp":
        return plain(board_page.stamp(exchange, board))
    if part == "/rows":
        return fragment(board_page.rows(exchange, board, page_number, all_columns=everything))
    return page(board.name, board_page.frame(exchange, board, page_number, all_columns=everything), live=True)


def _item(exchange: Exchange, number: str, problem: str) -> Answer:
    found = items.by_ids(exchange.db, [boards.as_number(number)])
    if not found:
        return missing(f"There is no item {number}.")
    return page(found[0].name, item_page.form(exchange, found[0], problem), status=422 if problem else 200)


def _requests(exchange: Exchange) -> str:
    db = exchange.db
    sums = journal.totals(db)
    counters = db.execute("SELECT name, started_at, used FROM counters ORDER BY name").fetchall()
    kept = db.execute("SELECT count(*) FROM idempotency WHERE finished_at IS NOT NULL").fetchone()[0]
    heads = "".join(f"<tr><th>{text(name)}</th><td class=number>{value:g}</td></tr>" for name, value in sums.items())
    used = "".join(
        f"<tr><th>{text(name)}</th><td class=number>{amount:g}</td><td>{text(iso(start) if start else '')}</td></tr>"
        for name, start, amount in counters
    )
    lines = "".join(
        f"<tr><td class=number>{number}</td><td>{text(iso(at))}</td><td>{text(kind)}</td><td class=number>{count}</td>"
        f"<td class=number>{refused}</td><td class=number>{status or 'broken'}</td>"
        f"<td class=number>{seconds * 1000:.0f}</td><td class=number>{cost}</td><td>{text(note)}</td></tr>"
        for number, at, kind, count, refused, status, seconds, cost, note in journal.latest(db, 100)
    )
    return (
        f"<h2>Sums of the requests that are kept</h2><table>{heads}</table>"
        f"<h2>Counters</h2><table>{used}"
        f"<tr><th>answers kept by key</th><td class=number>{kept}</td><td></td></tr></table>"
        "<h2>Last requests</h2><table><tr><th>Number</th><th>At</th><th>Kind</th><th>Operations</th><th>Refused</th>"
        f"<th>Status</th><th>ms</th><th>Cost</th><th>Note</th></tr>{lines}</table>"
    )
