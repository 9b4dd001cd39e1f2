"""The rules of the budget: what may leave now, how much it should carry, and what every answer teaches.

A `Quota` is plain data, kept by one process or by all of them together; whoever keeps it hands in the time. Times are
epoch seconds, lengths seconds, costs complexity points.
Source: https://developer.monday.com/api-reference/docs/rate-limits
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .ratelimit import allowances, policies
from .window import Window

START, MOST = 50, 500  # operations in the first request, and in any
TARGET = 25.0  # seconds that a request should take; the server gives up at 60, and 30 is never passed
MUTATION_COST = 10_000  # points, until answers tell the real cost
REQUEST_POINTS = 5_000_000  # the most that one request may cost
WORTHWHILE = 0.02  # of what a window pays for; a smaller rest is not worth a call of the day
FORGOTTEN = 600.0  # seconds after which a server may be slower than it was
SLOT_WAIT = 0.5  # seconds between two looks for a free place
REFUSED_WEIGHT = 0.1  # of a call, for one that a limit refused
DAY = 86_400


class DaySpent(Exception):
    """No call may be made any more today, except those of the reserve; `until` is epoch seconds."""

    def __init__(self, until: float) -> None:
        super().__init__("The calls of today are used up but for the reserve.")
        self.until = until


@dataclass(frozen=True, slots=True)
class Measure:
    """One exchange as it went: operations carried, seconds taken, points spent, headers in lower case.

    `refused_for` is set, in seconds, where the API told to wait, 0 where it did not say how long; `day_spent` where
    that is for want of daily calls; `unsent` where the request never reached the server.
    """

    operations: int
    seconds: float
    cost: int | None = None
    headers: Mapping[str, str] | None = None
    refused_for: float | None = None
    lost: bool = False
    day_spent: bool = False
    unsent: bool = False


@dataclass(slots=True)
class Hold:
    """A request on its way: the points counted for it, in which window, and when its sender must be dead.

    `began` is true where that window began with it.
    """

    points: float
    window: int
    expires: float
    began: bool = False


@dataclass(slots=True)
class Quota:
    """What is known of an account's limits, and of what its requests cost and take.

    `calls` is our own count of today's calls, in weights; `daily_limit` is the account's figure, told at `limit_at`.
    `holds` and `seen` are by sender: requests on their way, and when a sender asked last.
    """

    requests: Window = field(default_factory=Window)
    points: Window = field(default_factory=Window)
    concurrency: int | None = None
    holds: dict[str, Hold] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)
    day: int = 0
    calls: float = 0.0
    daily_limit: int | None = None
    limit_at: float | None = None
    spent_until: float = 0.0
    blocked_until: float = 0.0
    size: int = START
    ceiling: int = MOST
    sized_at: float = 0.0
    each: float | None = None
    cost: float = float(MUTATION_COST)
    read_cost: float = 0.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Quota:
        """The quota as `to_json` wrote it; what an older version did not know yet keeps its default."""
        known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
        for name in ("requests", "points"):
            known[name] = Window(**known[name]) if name in known else Window()
        known["holds"] = {who: Hold(**hold) for who, hold in known.get("holds", {}).items()}
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """Plain data for a text column."""
        return asdict(self)

    # --- before a request ----------------------------------------------------------------------------------------
    def take(self, operations: int, now: float, *, who: str = "", reserve: int = 0, life: float = 120.0) -> float:
        """0 where a request may leave now (it is counted then), else the seconds to wait. Raises DaySpent.

        `life` is how long the sender may be silent before its place is given to another.
        """
        self._turn(now)
        self._check_day(now, reserve)
        if self.seen.get(who, 0.0) + self.points.length / 4 < now:  # not every time, as each change is written down
            self.seen[who] = now
        points = operations * self.cost if operations else self.read_cost
        wait = max(self.blocked_until - now, self.requests.wait(1, now), self.points.wait(points, now))
        wait = max(wait, self._wait_for_place(who, now))
        if wait > 0:
            return wait
        before = self.points.number
        self.requests.spend(1, now)
        self.points.spend(points, now)
        self.holds[who] = Hold(points, self.points.number, now + life, began=self.points.number != before)
        self.calls += 1
        return 0.0

    def fits(self, now: float, *, who: str = "") -> int:
        """How many operations the next request should carry, at least 1."""
        size = min(self.size, self.ceiling, int(REQUEST_POINTS * 0.998 // self.cost))
        if self.points.quota is not None:
            whole = int(self.points.quota // self.cost)
            senders = len({who, *self.seen, *self.holds})
            size = min(size, whole // senders)
            if self.points.left is not None and now < self.points.ends:
                rest = int(self.points.left // self.cost)
                size = min(size, rest) if rest >= max(1.0, whole * WORTHWHILE) else size
        return max(1, size)

    # --- after it ------------------------------------------------------------------------------------------------
    def learn(self, measure: Measure, now: float, *, who: str = "") -> None:
        """Take in how a sender's request went, and give its place back."""
        hold = self.holds.pop(who, None)
        if hold is not None:
            self.points.give_back(self._unspent(measure, hold), hold.window)
        if measure.unsent:
            self.calls = max(0.0, self.calls - 1) if hold is not None else self.calls
        elif measure.refused_for is not None:
            self._refused(measure, now, hold)
        else:
            self._learn_limits(measure, now)
            self._learn_size(measure, now)

    def too_heavy(self, operations: int) -> None:
        """A request with that many operations was too heavy: plan smaller ones."""
        self.size = self.ceiling = max(1, operations // 2)

    def learn_daily_limit(self, total: int | None, now: float) -> None:
        """Take in the account's figure of calls a day, None where the API does not say one."""
        self.daily_limit, self.limit_at = total, now

    def count(self, calls: int, now: float) -> None:
        """Count calls that were made elsewhere on the same account."""
        self._turn(now)
        self.calls += calls
        for _ in range(calls):
            self.requests.spend(1, now)

    # --- for people ----------------------------------------------------------------------------------------------
    def calls_today(self, now: float) -> int:
        """Our own calls since midnight UTC."""
        return math.ceil(self.calls) if int(now // DAY) == self.day else 0

    def calls_left(self, now: float) -> int | None:
        """At most so many calls are left today, as others may share the account; None where not known."""
        if now < self.spent_until:
            return 0
        return None if self.daily_limit is None else max(0, self.daily_limit - self.calls_today(now))

    def busy_until(self, now: float) -> float:
        """When the next request may leave; in the past for at once."""
        waits = self.requests.wait(1, now), self.points.wait(self.cost, now)
        return max(self.blocked_until, self.spent_until, now + max(waits) if any(waits) else 0.0)

    # --- the rules -----------------------------------------------------------------------------------------------
    def _turn(self, now: float) -> None:
        """Forget what is over: yesterday's calls, silent senders, and a speed that was measured long ago."""
        if int(now // DAY) != self.day:
            self.day, self.calls = int(now // DAY), 0.0
        self.holds = {name: hold for name, hold in self.holds.items() if hold.expires > now}
        self.seen = {name: at for name, at in self.seen.items() if at + 2 * self.points.length > now}
        if now - self.sized_at > FORGOTTEN:
            self.size, self.ceiling, self.sized_at = min(self.size, START), MOST, now

    def _check_day(self, now: float, reserve: int) -> None:
        if now < self.spent_until:
            raise DaySpent(self.spent_until)
        if self.daily_limit is not None and self.daily_limit - self.calls - reserve < 1:
            raise DaySpent(next_day(now))

    def _unspent(self, measure: Measure, hold: Hold) -> float:
        """What of the points that were counted for a request it did not cost; a lost answer may have cost them all."""
        if measure.unsent or measure.refused_for is not None:
            return hold.points
        if measure.cost is not None:
            return hold.points - measure.cost
        return hold.points if "complexityMinute" in allowances(measure.headers or {}) else 0.0

    def _wait_for_place(self, who: str, now: float) -> float:
        others = [hold.expires for name, hold in self.holds.items() if name != who]
        if self.concurrency is None or len(others) < self.concurrency:
            return 0.0
        return max(0.01, min(SLOT_WAIT, min(others, default=now) - now))

    def _refused(self, measure: Measure, now: float, hold: Hold | None) -> None:
        until = now + (measure.refused_for or 0.0)
        self.blocked_until = max(self.blocked_until, until)
        if measure.day_spent:
            self.spent_until = until
        if hold is not None and hold.began and hold.window == self.points.number:
            self.points.ends = 0.0  # the server has counted nothing: its window begins with a later request
        if hold is not None:
            self.calls = max(0.0, self.calls - 1 + REFUSED_WEIGHT)

    def _learn_limits(self, measure: Measure, now: float) -> None:
        headers, sent = measure.headers or {}, now - measure.seconds
        left, allowed = allowances(headers), policies(headers)
        if "concurrency" in allowed:
            self.concurrency = allowed["concurrency"].quota
        if "minuteRate" in left:
            self.requests.learn(left["minuteRate"], allowed.get("minuteRate"), sent, now)
        if "complexityMinute" in left:
            before, number = self.points.left, self.points.number
            self.points.learn(left["complexityMinute"], allowed.get("complexityMinute"), sent, now)
            alone = not self.holds and number == self.points.number and self.points.left is not None
            if alone and before is not None and not measure.operations and measure.cost is None:
                self.read_cost = max(before - (self.points.left or 0.0), self.read_cost / 2)

    def _learn_size(self, measure: Measure, now: float) -> None:
        if measure.lost:
            self.size, self.sized_at = max(1, self.size // 2), now
        if measure.lost or not measure.operations:
            return
        if measure.cost:
            self.cost = max(1.0, measure.cost / measure.operations)
        self.each, self.sized_at = measure.seconds / measure.operations, now
        bearable = int(TARGET / self.each) if self.each > 0 else MOST
        # Only a full request proves that a larger one may be tried.
        grown = self.size * 2 if measure.operations >= self.size else self.size
        self.size = max(1, min(grown, bearable, MOST))


def next_day(now: float) -> float:
    """Midnight UTC, when the daily calls are counted anew, in epoch seconds."""
    return (now // DAY + 1) * DAY
