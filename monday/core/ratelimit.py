"""The headers in which the API says with every answer what its limits are and what is left of them.

Source: https://developer.monday.com/api-reference/docs/rate-limits
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of one limit; `reset` is in how many seconds it is full again, None where not said."""

    left: int
    reset: float | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What one limit allows in a window of seconds."""

    quota: int
    window: float | None = None


def allowances(headers: Mapping[str, str]) -> dict[str, Allowance]:
    """What the `RateLimit` header says is left, by limit: minuteRate, concurrency, complexityMinute."""
    entries = _entries(headers.get("ratelimit", ""))
    return {name: Allowance(int(n["r"]), n.get("t")) for name, n in entries if "r" in n}


def policies(headers: Mapping[str, str]) -> dict[str, Policy]:
    """What the `RateLimit-Policy` header says is allowed, by limit."""
    entries = _entries(headers.get("ratelimit-policy", ""))
    return {name: Policy(int(n["q"]), n.get("w")) for name, n in entries if "q" in n}


def _entries(header: str) -> list[tuple[str, dict[str, float]]]:
    found = []
    for entry in header.split(","):
        name, *fields = (part.strip() for part in entry.split(";"))
        numbers = {}
        for part in fields:
            key, _, value = part.partition("=")
            if re.fullmatch(r"-?\d+(\.\d+)?", value.strip()):
                numbers[key.strip()] = float(value)
        found.append((name.strip('"'), numbers))
    return found
