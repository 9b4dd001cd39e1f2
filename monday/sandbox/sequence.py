"""Ids and revisions, handed out so that none is ever handed out twice."""

from __future__ import annotations

import secrets
import sqlite3
import string

_LETTERS = string.ascii_lowercase + string.digits
_PREFIXES = {
    "numbers": "numeric",
    "status": "color",
    "checkbox": "boolean",
    "timeline": "timerange",
    "people": "multiple_person",
    "mirror": "lookup",
    "item_id": "pulse_id",
    "last_updated": "pulse_updated",
}


def next_id(db: sqlite3.Connection) -> int:
    """A number for a board or an item, inside the caller's write transaction."""
    db.execute("UPDATE meta SET value = value + 1 WHERE key = 'last_id'")
    return int(db.execute("SELECT value FROM meta WHERE key = 'last_id'").fetchone()[0])


def fresh_stamp() -> str:
    """A revision: equal only to itself, also after a reset or a restore."""
    return secrets.token_hex(12)


def column_id(kind: str) -> str:
    """An id as the API makes them for a new column: the kind's prefix and eight random characters."""
    return f"{_PREFIXES.get(kind, kind)}_{_random(8)}"


def group_id(title: str) -> str:
    """An id for a new group, made from its title as the API does it."""
    plain = "".join(c if c in _LETTERS else "_" for c in title.lower())[:20].strip("_") or "group"
    return f"{plain}_{_random(8)}"


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
