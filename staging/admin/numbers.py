"""The numbers that addresses and forms name rows by."""

from __future__ import annotations

from collections.abc import Iterable

DIGITS = 18  # what every database takes for a number of a row


def number(word: str) -> int:
    """A key as an address carries it, 0 where it is none."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= DIGITS else 0


def numbers(words: Iterable[str]) -> tuple[int, ...]:
    """The keys among some words, which may join several by commas, each once; anything else is passed over."""
    found = (number(part) for word in words for part in word.split(","))
    return tuple(dict.fromkeys(key for key in found if key))
