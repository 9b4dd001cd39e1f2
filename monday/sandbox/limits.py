"""The account's four limits, kept in the store so that all processes see one API.

Facts: the page on rate limits. A request refused by a limit was not processed. The day ends at midnight UTC.
"""

from __future__ import annotations

import math
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .refusals import Refusal
from .settings_file import checked
from .store import SandboxStore

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may do; 0 means no limit. `window` and `day` are seconds and may be scaled down for tests."""

    requests: int = 0
    concurrency: int = 0
    complexity: int = 0
    daily_calls: int = 0
    window: float = 60.0
    day: float = float(DAY)

    @property
    def any(self) -> bool:
        return bool(self.requests or self.concurrency or self.complexity or self.daily_calls)

    def with_settings(self, given: Mapping[str, Any]) -> Limits:
        """These limits with some numbers replaced; raises OddSetting."""
        return replace(self, **checked(given, {field.name: type(field.default) for field in fields(self)}, "limits"))


PLANS: Mapping[str, Limits] = {
    "none": Limits(),
    "free": Limits(1_000, 40, 1_000_000, 1_000),
    "basic": Limits(1_000, 40, 10_000_000, 1_000),
    "standard": Limits(1_000, 40, 10_000_000, 1_000),
    "pro": Limits(2_500, 100, 10_000_000, 10_000),
    "enterprise": Limits(5_000, 250, 10_000_000, 25_000),
}


@dataclass(slots=True)
class Admission:
    """A request that was let in: what it was charged, and what was left before."""

    id: str
    charged: int
    before: int
    reset_in: int


class Gate:
    """Lets requests in and counts them; raises Refusal with status 429 where a limit is reached."""

    def __init__(self, store: SandboxStore, limits: Limits, clock: Callable[[], float], in_flight_life: float) -> None:
        self.limits = limits
        self._store = store
        self._clock = clock
        self._in_flight_life = in_flight_life

    def admit(self, db: sqlite3.Connection, cost: int, weight: float, arrived: float) -> Admission:
        """Counts a request of `cost` points and `weight` daily calls, or raises Refusal.

        A window begins when its first request arrives, however long reading that one takes.
        """
        now = arrived
        if not self.limits.any:
            return Admission("", cost, 10_000_000, 60)
        with self._store.writing(db):
            refusal = self._why_not(db, now, cost)
            if refusal is None:
                return self._count(db, now, cost, weight)
            self._add(db, "daily", now, self.limits.day, 0.1)
        raise refusal

    def _why_not(self, db: sqlite3.Connection, now: float, cost: int) -> Refusal | None:
        limits = self.limits
        used, left = self._used(db, "daily", now, limits.day)
        if limits.daily_calls and used >= limits.daily_calls:
            return _over("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded", left)
        used, left = self._used(db, "minute", now, limits.window)
        self._add(db, "minute", now, limits.window, 1)  # every request counts, also a refused one
        if limits.requests and used >= limits.requests:
            return _over("MINUTE_RATE_LIMIT_EXCEEDED", "Minute limit rate exceeded", left)
        if limits.concurrency and self._running(db, now) >= limits.concurrency:
            return _over("MAX_CONCURRENCY_EXCEEDED", "Concurrency limit exceeded", min(15.0, limits.window / 4))
        used, left = self._used(db, "complexity", now, limits.window)
        if limits.complexity and used + cost > limits.complexity:
            return _over("COMPLEXITY_BUDGET_EXHAUSTED", "Complexity budget exhausted", left)
        return None

    def _count(self, db: sqlite3.Connection, now: float, cost: int, weight: float) -> Admission:
        used, _ = self._used(db, "complexity", now, self.limits.window)
        self._add(db, "daily", now, self.limits.day, weight)
        self._add(db, "complexity", now, self.limits.window, cost)
        _, left = self._used(db, "complexity", now, self.limits.window)
        key = secrets.token_hex(8)
        db.execute("INSERT INTO in_flight VALUES (?, ?)", (key, now))
        budget = self.limits.complexity or 10_000_000
        return Admission(key, cost, max(0, int(budget - used)), math.ceil(left))

    def settle(self, db: sqlite3.Connection, admission: Admission, actual: int) -> None:
        """Ends a request and corrects its estimated cost to the actual one."""
        if not admission.id:
            return
        now = self._clock()
        with self._store.writing(db):
            db.execute("DELETE FROM in_flight WHERE id = ?", (admission.id,))
            if actual != admission.charged:
                self._add(db, "complexity", now, self.limits.window, actual - admission.charged)
        admission.charged = actual

    def headers(self, db: sqlite3.Connection) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit` as they stand now; nothing where there are no limits."""
        limits, now = self.limits, self._clock()
        policies, states = [], []
        window = max(1, math.ceil(limits.window))
        if limits.requests:
            used, left = self._used(db, "minute", now, limits.window)
            policies.append(f'"minuteRate";q={limits.requests};w={window}')
            states.append(_state("minuteRate", limits.requests - used, left if used >= limits.requests else None))
        if limits.concurrency:
            policies.append(f'"concurrency";q={limits.concurrency};qu="concurrent-requests"')
            states.append(_state("concurrency", limits.concurrency - self._running(db, now), None))
        if limits.complexity:
            used, left = self._used(db, "complexity", now, limits.window)
            policies.append(f'"complexityMinute";q={limits.complexity};w={window};qu="content-bytes"')
            states.append(_state("complexityMinute", limits.complexity - used, left))
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)} if policies else {}

    def _running(self, db: sqlite3.Connection, now: float) -> int:
        since = now - self._in_flight_life  # a process that was killed leaves its requests behind
        return int(db.execute("SELECT count(*) FROM in_flight WHERE started_at > ?", (since,)).fetchone()[0])

    def _used(self, db: sqlite3.Connection, name: str, now: float, window: float) -> tuple[float, float]:
        """What is used in the running window, and the seconds to its end."""
        row = db.execute("SELECT started_at, used FROM counters WHERE name = ?", (name,)).fetchone()
        start = _day_start(now, window) if name == "daily" else now
        if row is None or now >= row[0] + window or (name == "daily" and row[0] != start):
            return 0.0, start + window - now
        return float(row[1]), row[0] + window - now

    def _add(self, db: sqlite3.Connection, name: str, now: float, window: float, amount: float) -> None:
        used, left = self._used(db, name, now, window)
        db.execute(
            "INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", (name, now + left - window, max(0.0, used + amount))
        )


def _day_start(now: float, day: float) -> float:
    return now - now % day


def _state(name: str, remaining: float, reset_in: float | None) -> str:
    left = f'"{name}";r={max(0, math.floor(remaining))}'
    return left if reset_in is None else f"{left};t={max(0, math.ceil(reset_in))}"


def _over(code: str, message: str, seconds: float) -> Refusal:
    wait = math.ceil(seconds * 10) / 10 if seconds < 2 else math.ceil(seconds)
    return Refusal(code, message, status=429, retry_in_seconds=wait)
