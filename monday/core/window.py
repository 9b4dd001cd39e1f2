"""One limit that is full again at the end of its window, such as the complexity points of a minute.

The API begins a window with the first request after the last one and says what is left of it in whole seconds, which
wastes up to a second of each. So the window is also counted here, from the moment its first request leaves.
Times are epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from .ratelimit import Allowance, Policy

# Of a window's length: one request may be longer on its way to the server than the one that began the window.
SAFETY = 0.02


@dataclass(slots=True)
class Window:
    """What is left until `ends`; None where nobody has said yet. `number` tells one window from the next."""

    quota: float | None = None
    length: float = 60.0
    left: float | None = None
    ends: float = 0.0
    number: int = 0

    def wait(self, needed: float, now: float) -> float:
        """Seconds until that much can be spent. More than a whole window holds is let through at its beginning."""
        short = now < self.ends and self.left is not None and needed > self.left
        return self.ends - now if short else 0.0

    def spend(self, amount: float, now: float) -> None:
        """Count what leaves now; after the end of a window it begins the next one."""
        if now >= self.ends:
            self._begin(self.quota, now + self.length * (1 + SAFETY))
        if self.left is not None:
            self.left -= amount

    def give_back(self, amount: float, number: int) -> None:
        """Take back what was counted in the window of that number and not spent after all."""
        if self.left is not None and number == self.number:
            self.left += amount

    def learn(self, said: Allowance, policy: Policy | None, sent: float, now: float) -> None:
        """Take in what the answer to a request that left at `sent` and came back `now` says of this limit."""
        if policy is not None:
            self.quota, self.length = policy.quota, policy.window or self.length
        if policy is not None and said.left >= policy.quota:
            self.ends = 0.0  # no window is running; the next request begins one
            return
        latest = now + (self.length if said.reset is None else said.reset)
        # Whole seconds, rounded up: the true end lies within the second before.
        earliest = 0.0 if said.reset is None else sent + said.reset - 1
        if now >= self.ends:
            self._begin(said.left, latest)
        elif earliest > self.ends:  # it has begun later than was thought
            self._begin(said.left, min(latest, sent + self.length * (1 + SAFETY)))
        else:
            self.left = said.left if self.left is None else min(self.left, said.left)
            self.ends = self.ends if said.reset is None else min(self.ends, latest)

    def _begin(self, left: float | None, ends: float) -> None:
        self.left, self.ends, self.number = left, ends, self.number + 1
