"""How numbers and states are said to people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 order", "1,200 orders"; `many` where the plural is not made with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sentences(*parts: object) -> str:
    """What is said one after the other, each part with an end of its own; empty ones are left out."""
    said = [str(part).strip() for part in parts if part]
    return " ".join(one if one.endswith((".", "!", "?", ":")) else f"{one}." for one in said)


def alike(reasons: Iterable[tuple[str, str, int]]) -> list[tuple[str, int]]:
    """Reasons (column, words, rows) with their rows, the most frequent first; those of a column that differ by a number
    alone are one, as every total that is off would be a reason of its own else. Words in quotes stay as they are."""
    groups: dict[tuple[str, str], Counter[str]] = {}
    for column, words, rows in reasons:
        kind = words if QUOTES.intersection(words) else NUMBER.sub("...", words)
        groups.setdefault((column, kind), Counter())[words] += rows
    said = Counter[str]()
    for (column, kind), several in groups.items():
        words = kind if len(several) > 1 else next(iter(several))
        said[f"{column}: {words}" if column else words] += several.total()
    return said.most_common()


NUMBER = re.compile(r"(?<!\w)-?\d+(?:,\d{3})*(?!\w)")
QUOTES = frozenset("'\"")


def in_state(state: str) -> str:
    """A state as the end of "it ...": "waits for approval", "is being pushed", "needs attention"."""
    return SAID.get(state, f"is {state.replace('_', ' ')}")


SAID = {
    "open": "waits for approval",
    "needs_attention": "needs attention",
    "pushing": "is being pushed",
    "undoing": "is being undone",
}


def to_be(states: Iterable[str]) -> str:
    """States as the end of "it must be ...", in the order of their words: "approved, failed or paused"."""
    *most, last = sorted(BEING.get(state, state.replace("_", " ")) for state in states)
    return f"{', '.join(most)} or {last}" if most else last


BEING = {
    "open": "waiting for approval",
    "needs_attention": "in need of attention",
    "pushing": "being pushed",
    "undoing": "being undone",
}


def put_away(group: str, *, then: str) -> str:
    """Why nothing goes to a group that a person has put away: nobody would see it there."""
    return (
        f"The group {group!r} was archived on the board, or deleted. "
        f"Remedy: bring it back there, or make one of that name, then {then}."
    )
