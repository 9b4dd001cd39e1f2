"""The sandbox's pages: boards, items to edit by hand, the book of requests, and the store."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from . import board_page, boards, item_page, items, requests_page, store_page
from .answers import Answer, json_answer
from .exchange import Exchange
from .graphql_api import GraphQLApi
from .layout import fragment, missing, page, plain, redirect
from .refusals import Refusal
from .store import SandboxStore, StoreUnusable

_BOARD = re.compile(r"/boards/([0-9]{1,18})(/rows|/stamp)?")
_ITEM = re.compile(r"/items/([0-9]{1,18})(/move|/archive|/delete|/cell/[A-Za-z0-9_]{1,80})?")
_STORE = re.compile(r"/sandbox/store(?:/(snapshot|restore|reset))?")
REQUESTS, STORE = "/sandbox/requests", "/sandbox/store"


class Pages:
    """Answers everything that is neither the API nor a control address. `keeping` shows the store's own page."""

    def __init__(self, store: SandboxStore, api: GraphQLApi, *, keeping: bool) -> None:
        self._store = store
        self._api = api
        self._keeping = keeping

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """The page at `path`, or what a form there does."""
        parts = urlsplit(path)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if method == "POST":
            return self._written(parts.path, body)
        with self._store.connection() as db:
            exchange = self._api.exchange(db)
            if parts.path == "/":
                return page("Boards", board_page.board_list(exchange), here="/", keeping=self._keeping)
            if parts.path == REQUESTS:
                shown = requests_page.body(exchange, self._api.plan)
                return page("Requests", shown, here=REQUESTS, keeping=self._keeping)
            if parts.path == STORE and self._keeping:
                return page("Store", store_page.body(self._store), here=STORE)
            if found := _BOARD.fullmatch(parts.path):
                return self._board(exchange, found[1], found[2] or "", given)
            if found := _ITEM.fullmatch(parts.path):
                return self._item(exchange, found[1], found[2] or "")
        return missing("There is no such page.", keeping=self._keeping)

    def _written(self, path: str, body: bytes) -> Answer:
        """What a form does, once it has sent back the word that only our own pages know."""
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        given = {name: values[-1] for name, values in fields.items()}
        if not hmac.compare_digest(given.get("form_key", "").encode(), self._store.form_key.encode()):
            return page(
                "Not saved",
                '<h1>Not saved</h1><p class="warning">This form is of another time or another site. '
                'Remedy: open the page again. <a href="/">All boards</a></p>',
                status=403,
                keeping=self._keeping,
            )
        if (kept := _STORE.fullmatch(path)) and kept[1] and self._keeping:
            return self._keep(kept[1], given)
        found = _ITEM.fullmatch(path)
        if not found or (found[2] or "").startswith("/cell"):
            return json_answer(404, {"error": "Nothing is written at this address."})
        with self._store.connection() as db:
            return self._edit(self._api.exchange(db), found[1], found[2] or "", given)

    def _keep(self, action: str, given: Mapping[str, str]) -> Answer:
        try:
            said = store_page.act(self._store, action, given)
        except (StoreUnusable, OSError) as problem:
            return page("Store", store_page.body(self._store, problem=str(problem)), here=STORE, status=422)
        return page("Store", store_page.body(self._store, said=said), here=STORE)

    def _edit(self, exchange: Exchange, number: str, action: str, given: Mapping[str, str]) -> Answer:
        try:
            with self._store.writing(exchange.db):
                item = items.get(exchange.db, number)
                _do(exchange, item, action, given)
        except Refusal as refusal:
            return self._item(exchange, number, problem=refusal.message)
        return redirect(f"/boards/{_home(exchange, item)}" if action else f"/items/{item.id}")

    def _board(self, exchange: Exchange, number: str, part: str, given: Mapping[str, str]) -> Answer:
        board = boards.find(exchange.db, number)
        if board is None or board.state == "deleted":
            return missing(f"There is no board {number}.", keeping=self._keeping)
        place, word = given.get("page", "1"), given.get("q", "")
        page_number = max(1, int(place)) if place.isascii() and place.isdigit() and len(place) < 9 else 1
        everything = given.get("all") == "1"
        if part == "/stamp":
            return plain(board_page.stamp(exchange, board))
        if part == "/rows":
            return fragment(board_page.rows(exchange, board, page_number, word, all_columns=everything))
        shown = board_page.frame(exchange, board, page_number, word, all_columns=everything)
        return page(board.name, shown, live=True, keeping=self._keeping)

    def _item(self, exchange: Exchange, number: str, part: str = "", problem: str = "") -> Answer:
        found = items.by_ids(exchange.db, [boards.as_number(number)])
        if not found:
            return missing(f"There is no item {number}.", keeping=self._keeping)
        if part:
            shown = item_page.cell_form(exchange, found[0], part.removeprefix("/cell/"))
            return fragment(shown) if shown else missing("This cell cannot be changed.", keeping=self._keeping)
        return page(
            found[0].name,
            item_page.form(exchange, found[0], problem),
            status=422 if problem else 200,
            keeping=self._keeping,
        )


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
