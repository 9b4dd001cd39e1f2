"""How numbers and states are said to people."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 order", "1,200 orders"; `many` where the plural is not made with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sentences(*parts: object) -> str:
    """What is said one after the other, each part with an end of its own; empty ones are left out."""
    said = [str(part).strip() for part in parts if part]
    return " ".join(one if one.endswith((".", "!", "?", ":")) else f"{one}." for one in said)


def in_state(state: str) -> str:
    """A state as the end of "it ...": "is open", "is being pushed", "needs attention"."""
    return SAID.get(state, f"is {state.replace('_', ' ')}")


SAID = {"needs_attention": "needs attention", "pushing": "is being pushed", "undoing": "is being undone"}
