"""Why an order is held, as a word that can be counted and filtered; the words of people stand in its reason."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

LONGEST = 60


class Cause(StrEnum):
    """What a guard holds an order for. One without any is held by a person, or for a reason of its own."""

    CONFLICT = "conflict"  # somebody edited a field on the board that the source changes too
    GONE = "gone"  # its item is not on the board any more
    AMBIGUOUS = "ambiguous"  # it is not clear which item is its own
    TOO_MANY = "too_many_removals"  # more would leave the board at once than the cap allows


def cause_of(problem: Mapping[str, Any] | None) -> str:
    """The cause that a staged order's problem stands for: a `Cause`, the board's code of a refusal, or ""."""
    if problem and problem.get("conflicts"):
        return Cause.CONFLICT
    return str((problem or {}).get("code") or "")[:LONGEST]
