"""The words by which a record is looked for: pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from mapping.core.texts import fold, raw_text

MOST = 120
"""Letters of a term that are kept; what is longer is found by how it begins."""


def term(text: object) -> str:
    """A text as it is compared: one line, without regard to case, cut to MOST letters; a UUID in its usual form."""
    return _term(raw_text(text))


@lru_cache(maxsize=10_000)  # styles, colours and POs stand on many orders
def _term(text: str) -> str:
    folded = fold(text)[:MOST].strip()
    if len(folded.strip("{}").replace("-", "")) == 32:
        try:
            return str(UUID(folded))
        except ValueError:
            return folded
    return folded


def terms(key: Iterable[str], *more: object) -> set[str]:
    """What a record is found by: each part of its business key, and whatever else is given."""
    return {found for text in (*key, *more) if (found := term(text))}


def parts(key: str) -> list[str]:
    """The parts of a business key as it is stored."""
    return key.split(" / ")
