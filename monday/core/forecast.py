"""What a push will take, before it begins: calls, their share of today's, and when it will be done.

The budget's own rules are played through on a copy of what is known now, so forecast and push cannot drift apart.
Times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from .budget import DaySpent, Measure
from .queries import IDS, KEYS
from .quota import Quota

EACH = 0.15  # seconds an operation takes, until one was measured
READ = 1.0  # seconds a read takes
ALONE = "forecast"


@dataclass(frozen=True, slots=True)
class Load:
    """What a push has to write: items and lines (subitems) to create, items to change, lines to change.

    `moves` are further writes on items, such as moves to a group. `groups` are groups that are not there yet, and
    `labelled` columns that lack labels: the first push makes them for all. It is pushed in `parts`, each of which
    begins with `opening` reads.
    """

    creations: int = 0
    lines: int = 0
    changes: int = 0
    line_changes: int = 0
    moves: int = 0
    groups: int = 0
    labelled: int = 0
    parts: int = 1
    opening: int = 0


@dataclass(frozen=True, slots=True)
class CallsLeft:
    """Calls that are left today: `left` at most, None where not known; `told_at` is when the account's figure came."""

    left: int | None
    told_at: float | None = None
    now: float = 0.0

    def __str__(self) -> str:
        if self.left is None:
            return "not known"
        if self.told_at is None:
            return f"at most {self.left:,} (own count)"
        return f"at most {self.left:,} (own count; account's figure of {_at(self.told_at, self.now)})"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Calls, operations, when the last answer comes, and what is left of today's calls before it begins.

    `enough` is false where today's calls do not suffice, the reserve left alone; `finish` is then on a later day, or
    None where no day's calls are more than the reserve.
    """

    calls: int
    operations: int
    begin: float
    finish: float | None
    left: CallsLeft
    measured: bool
    enough: bool

    @property
    def share(self) -> float | None:
        """Of the calls that are left today; None where that is not known, 1 where none are left."""
        if self.left.left is None:
            return None
        return min(1.0, self.calls / self.left.left) if self.left.left else 1.0

    def __str__(self) -> str:
        """One sentence for the person who is about to approve."""
        if not self.calls:
            return "Nothing would be sent."
        named = [
            f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in ((self.calls, "call"), (self.operations, "operation"))
        ]
        calls = f"About {' for '.join(named)}"
        share = "" if self.share is None else f", {_percent(self.share)} of today's"
        words = f"{calls}{share} (left today: {self.left})"
        if self.finish is None:
            return f"{words}; none may leave. Remedy: lower MONDAY_DAILY_RESERVE, which is as large as a day's calls."
        guess = "" if self.measured else " at a guessed speed"
        late = "" if self.enough else "; today's calls do not suffice, and the rest goes on after 00:00 UTC"
        took = _minutes(self.finish - self.begin)
        return f"{words}; {took}, done at about {_at(self.finish, self.begin)} UTC{guess}{late}."


def forecast(load: Load, quota: Quota, now: float, *, chunk: int = 100, reserve: int = 0) -> Forecast:
    """Play a push through: chunk by chunk a look-up, then the items, then their lines.

    `quota` is what is known now and stays as it is. A daily limit that runs out ends the play at the next midnight.
    """
    played = Quota.from_json(quota.to_json())
    each = quota.each if quota.each is not None else EACH
    never = quota.daily_limit is not None and quota.daily_limit <= reserve
    at, calls, done = now, 0, 0
    for rest in _requests(load, chunk):
        while rest is not None:
            size = min(rest, played.fits(at, who=ALONE))
            at = at if never else _leaving(played, size, at, reserve)
            seconds = size * each if size else READ
            at, calls, done = at + seconds, calls + 1, done + size
            played.learn(Measure(size, seconds, cost=int(size * played.cost) or None), at, who=ALONE)
            rest = rest - size if rest > size else None
    left = calls_left(quota, now)
    enough = not never and (left.left is None or calls <= left.left - reserve)
    return Forecast(calls, done, now, None if never else at, left, quota.each is not None, enough)


def _leaving(played: Quota, operations: int, at: float, reserve: int) -> float:
    """When a request may leave that is ready at `at`."""
    while True:
        try:
            wait = played.take(operations, at, who=ALONE, reserve=reserve)
        except DaySpent as spent:
            wait = spent.until - at
        if wait <= 0:
            return at
        at += wait


def calls_left(quota: Quota, now: float) -> CallsLeft:
    """What is left of today's calls, with where the figure comes from."""
    return CallsLeft(quota.calls_left(now), quota.limit_at if quota.daily_limit is not None else None, now)


def _requests(load: Load, chunk: int) -> Iterator[int | None]:
    """Operations of each step in order, 0 for a read."""
    if load.groups:  # the board and that of its subitems are read before and after
        yield from (0, 0, load.groups, 0, 0)
    if load.labelled:
        yield from (0, load.labelled, 0, 0)
    orders = load.creations + max(load.changes, load.moves)
    chunks = max(load.parts, -(-orders // chunk)) if orders or load.lines or load.line_changes else 0
    if chunks:
        yield from [0] * (load.parts * load.opening)
    for number in range(chunks):
        new, lines = _part(load.creations, number, chunks), _part(load.lines, number, chunks)
        known = _part(max(load.changes, load.moves), number, chunks)
        yield from [0] * -(-new // KEYS) + [0] * -(-known // IDS)
        others = _part(load.changes, number, chunks) + _part(load.moves, number, chunks)
        yield from (n for n in (new, others, lines, _part(load.line_changes, number, chunks)) if n)


def _part(whole: int, number: int, parts: int) -> int:
    return whole * (number + 1) // parts - whole * number // parts


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{share * 100:.0f} %"


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    if minutes < 120:
        return "about 1 minute" if minutes == 1 else f"about {minutes} minutes"
    return f"about {minutes / 60:,.0f} hours"


def _at(moment: float, now: float) -> str:
    then, today = datetime.fromtimestamp(moment, UTC), datetime.fromtimestamp(now, UTC)
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%d %b %H:%M}"
