"""Cursors of paged answers: opaque, good for an hour from the first page, stable while others write.

The first page keeps the list of ids; a cursor names that list and a place in it.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Sequence

from .exchange import Exchange
from .refusals import Refusal

PAGE_LIMIT = 500


def first_page(exchange: Exchange, ids: Sequence[int], limit: int) -> tuple[Sequence[int], str | None]:
    """The ids of the first page, and a cursor where there are more."""
    if len(ids) <= limit:
        return ids, None
    key, now = secrets.token_hex(12), exchange.clock()
    db = exchange.db
    with exchange.store.writing(db):
        db.execute("DELETE FROM cursors WHERE created_at < ?", (now - 2 * exchange.behaviour.cursor_life,))
        db.execute("INSERT INTO cursors VALUES (?, ?, ?)", (key, json.dumps(ids), now))
    return ids[:limit], _cursor(key, limit)


def next_page(exchange: Exchange, cursor: str, limit: int) -> tuple[Sequence[int], str | None]:
    """The ids of a further page; raises Refusal where the cursor is none or too old."""
    try:
        key, _, place = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").partition(":")
        start = int(place)
    except (ValueError, binascii.Error, UnicodeError):
        raise Refusal("InvalidCursorException", "The cursor is invalid", about={"cursor": cursor}) from None
    row = exchange.db.execute("SELECT ids, created_at FROM cursors WHERE key = ?", (key,)).fetchone()
    if row is None or exchange.clock() - row[1] > exchange.behaviour.cursor_life:
        raise Refusal(
            "CursorExpiredException",
            # Clients look for this word to begin anew.
            "CursorExpiredError: The cursor of this page has expired, begin again with the first page",
            about={"cursor": cursor},
        )
    ids: list[int] = json.loads(row[0])
    end = start + limit
    return ids[start:end], _cursor(key, end) if end < len(ids) else None


def _cursor(key: str, place: int) -> str:
    return base64.urlsafe_b64encode(f"{key}:{place}".encode("ascii")).decode("ascii")
