"""A record's UUID in one spelling, whatever the source's driver hands over, and a UUID for rows that have none."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

# Ours alone, and never changed: a derived UUID is stored on the board as the link of an item to its record.
NAMESPACE = UUID("5b0c8f0e-3c0f-5d0a-9a54-0d6f2c1e7a43")

_TEXT = re.compile(
    r"\{([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}"
    r"|([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|\{?([0-9a-f]{32})\}?"
)


class Unreadable(ValueError):
    """The text in the identity column is no UUID; the message is one sentence with the remedy."""


def canonical(raw: Any) -> str | None:
    """The lower-case, hyphenated text of a UUID; None where it is missing (NULL, empty or only blanks).

    Reads text in either case, in braces or without hyphens, `uuid.UUID`, and 16 bytes in network order.
    Raises Unreadable for anything else, never guessing.
    """
    if raw is None:
        return None
    if isinstance(raw, UUID):
        return str(raw)
    if isinstance(raw, bytes | bytearray | memoryview):
        packed = bytes(raw)
        if len(packed) == 16:
            return str(UUID(bytes=packed))
        raw = packed.decode("utf-8", errors="replace")
    if not isinstance(raw, str):
        raise Unreadable(_sentence(raw))
    text = raw.strip().lower()
    if not text:
        return None
    found = _TEXT.fullmatch(text)
    if found is None or text.startswith("{") != text.endswith("}"):
        raise Unreadable(_sentence(raw))
    hyphenated = found.group(1) or found.group(2)
    return hyphenated or str(UUID(hex=found.group(3)))


_HYPHENS = (8, 13, 18, 23)
_LENGTH = 36


def canonical_page(raws: Sequence[Any]) -> list[str] | None:
    """The same for many texts at once; None where one of them has to be looked at by itself."""
    try:
        joined = ",".join(raws).lower().encode("ascii")
    except (TypeError, UnicodeEncodeError):
        return None
    # Without its digits a list of UUIDs is hyphens and commas alone; it is one where each of those is at its place.
    hyphens, commas = b"-" * len(raws), b"," * (len(raws) - 1)
    right = (
        joined.translate(None, b"0123456789abcdef") == b",".join([b"-" * len(_HYPHENS)] * len(raws))
        and all(joined[at :: _LENGTH + 1] == hyphens for at in _HYPHENS)
        and joined[_LENGTH :: _LENGTH + 1] == commas
        and len(joined) == len(raws) * (_LENGTH + 1) - 1
    )
    return joined.decode("ascii").split(",") if right else None


def derived(key: Sequence[str]) -> str:
    """The UUID (version 5) that stands for a row without one, from the trimmed values of its business key.

    Order and boundaries of the values count: ("a|b", "c") and ("a", "b|c") give two UUIDs.
    """
    values = [value.strip() for value in key]
    return str(uuid5(NAMESPACE, json.dumps(values, ensure_ascii=False, separators=(",", ":"))))


def spare(record: str, number: int) -> str:
    """The UUID (version 5) that is an order's link key where its record's own UUID is another's: the n-th."""
    return str(uuid5(UUID(record), str(number)))


def _sentence(raw: object) -> str:
    shown = str(raw)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    remedy = "correct it in the source, or empty it so that one is derived from the business key"
    return f"{shown!r} is not a UUID. Remedy: {remedy}."
