"""However many senders share a quota and however slow the board is: no limit is passed, and nobody waits for ever."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from monday.core.quota import Measure, Quota

COST, WINDOW = 10_000, 60.0
NOON = 20_000 * 86_400.0 + 43_200


@dataclass
class Board:
    """A server with the API's windows: the first request after the last one begins the next."""

    points: int
    began: float = -math.inf
    used: int = 0
    refused: int = 0
    done: int = 0
    running: dict[str, int] = field(default_factory=dict)

    def arrive(self, who: str, operations: int, now: float) -> float | None:
        """None where it is let in, else the seconds until the window ends."""
        if now >= self.began + WINDOW:
            self.began, self.used = now, 0
        if self.used + operations * COST > self.points:
            self.refused += 1
            return math.ceil(self.began + WINDOW - now)
        self.used += operations * COST
        self.running[who] = operations
        return None

    def headers(self, now: float) -> dict[str, str]:
        over = now >= self.began + WINDOW
        left = self.points if over else self.points - self.used
        reset = WINDOW if over else math.ceil(self.began + WINDOW - now)
        return {
            "ratelimit": f'"complexityMinute";r={left};t={reset:.0f}',
            "ratelimit-policy": f'"complexityMinute";q={self.points};w={WINDOW:.0f}',
        }


@settings(max_examples=60, deadline=None)
@given(
    senders=st.integers(1, 4),
    points=st.sampled_from([1_000_000, 5_000_000, 10_000_000]),
    each=st.sampled_from([0.005, 0.02, 0.05, 0.15]),
    travel=st.lists(st.floats(0.01, 0.5), min_size=5, max_size=5),
)
def test_senders_share_an_account_without_passing_its_limit(
    senders: int, points: int, each: float, travel: list[float]
) -> None:
    quota, board, minutes = Quota(), Board(points), 12
    events: list[tuple[float, str, str, int, float]] = [
        (NOON + n, f"sender {n}", "ready", 0, 0.0) for n in range(senders)
    ]
    longest, step = 0.0, 0
    asked: dict[str, float] = {}
    while events:
        now, who, what, size, sent = heapq.heappop(events)
        if now > NOON + minutes * 60:
            break
        step += 1
        if what == "ready":
            asked.setdefault(who, now)
            size = size or quota.fits(now, who=who)
            wait = quota.take(size, now, who=who)
            if wait > 0:
                heapq.heappush(events, (now + wait, who, "ready", size, 0.0))
                continue
            longest = max(longest, now - asked.pop(who))
            heapq.heappush(events, (now + travel[step % 5] / 2, who, "arrives", size, now))
        elif what == "arrives":
            told = board.arrive(who, size, now)
            if told is None:
                heapq.heappush(events, (now + size * each, who, "answered", size, sent))
            else:
                quota.learn(Measure(size, now - sent, refused_for=told), now, who=who)
                heapq.heappush(events, (now, who, "ready", 0, 0.0))
        else:
            measure = Measure(size, now - sent, cost=size * COST, headers=board.headers(now))
            quota.learn(measure, now, who=who)
            board.done += size
            heapq.heappush(events, (now, who, "ready", 0, 0.0))
    ceiling = min(points / COST * minutes, senders / each * minutes * 60)
    assert board.refused <= 2 + senders
    assert board.done >= ceiling * 0.8
    assert longest < 600, "nobody waits for more than a few windows of the others"
