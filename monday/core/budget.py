"""What the client asks before and tells after every request: may it leave now, and how much should it carry.

The API says with every answer what is left of its limits; waiting is planned from that instead of guessed. The rules
are `monday.core.quota`'s; a budget keeps one quota, for a process or for all of them.
Times are seconds; `now` is epoch seconds and always handed in.
"""

from __future__ import annotations

from threading import Lock, get_ident
from typing import Protocol

from .quota import MOST, START, TARGET, DaySpent, Measure, Quota, next_day
from .ratelimit import Allowance, Policy, allowances, policies

__all__ = [
    "MOST",
    "START",
    "TARGET",
    "Allowance",
    "Budget",
    "DaySpent",
    "LocalBudget",
    "Measure",
    "Policy",
    "allowances",
    "next_day",
    "policies",
]


class Budget(Protocol):
    """What the client asks before and tells after every request; the in-process one is `LocalBudget`."""

    def take(self, operations: int, now: float) -> float:
        """0 where a request with that many operations may leave now (it is counted then), else seconds to wait.

        Raises DaySpent."""

    def fits(self, now: float) -> int:
        """How many operations the next request should carry, at least 1."""

    def learn(self, measure: Measure, now: float) -> None:
        """Take in how a request went; every request that was taken is told of, also one that did not leave."""

    def too_heavy(self, operations: int) -> None:
        """A request with that many operations was too heavy: plan smaller ones."""


class LocalBudget:
    """The budget of one process; its threads share it. `daily_limit` is the calls of a day, None where not known.

    `reserve` of them are never spent.
    """

    def __init__(self, *, daily_limit: int | None = None, reserve: int = 0) -> None:
        self._lock = Lock()
        self._quota, self._reserve = Quota(daily_limit=daily_limit), reserve

    def take(self, operations: int, now: float) -> float:
        with self._lock:
            return self._quota.take(operations, now, who=_thread(), reserve=self._reserve)

    def fits(self, now: float) -> int:
        with self._lock:
            return self._quota.fits(now, who=_thread())

    def learn(self, measure: Measure, now: float) -> None:
        with self._lock:
            self._quota.learn(measure, now, who=_thread())

    def too_heavy(self, operations: int) -> None:
        with self._lock:
            self._quota.too_heavy(operations)


def _thread() -> str:
    return str(get_ident())
