"""When an order that the board refused for a passing reason goes out again by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

DELAYS = (60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600)
"""Seconds after the first, second ... refusal in a row.

Limits and locks pass within minutes and outages within hours. What is still refused after the last of them has a cause
that does not pass by itself, so it waits for a person.
"""


def next_attempt(*, failures: int, transient: bool, now: datetime) -> datetime | None:
    """When to send again after this many refusals in a row, None where a person must look."""
    if not transient or not 1 <= failures <= len(DELAYS):
        return None
    return now + timedelta(seconds=DELAYS[failures - 1])
