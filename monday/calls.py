"""Every request to the API, counted for the run that made it and kept for the page that lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .core.calls import Call
from .models import ApiCall

PAGE = 200


@dataclass(slots=True)
class CallLog:
    """A client's `recorder`. `correlation` says on whose behalf (`run:7`); `flush` keeps what was recorded.

    `waits` is told the seconds of every wait for the account's limits, before it begins.
    """

    correlation: str = ""
    calls: int = 0
    mutations: int = 0
    retries: int = 0
    waited: float = 0.0
    waits: Callable[[float], None] | None = None
    _unsaved: list[ApiCall] = field(default_factory=list)

    def __call__(self, call: Call) -> None:
        """Count one request; `waited` sums seconds."""
        self.calls += 1
        self.mutations += call.operations
        self.retries += call.retries
        self.waited += call.waited
        self._unsaved.append(
            ApiCall(
                at=datetime.fromtimestamp(call.at, UTC),
                correlation=self.correlation[:100],
                kind=call.kind[:40],
                operations=call.operations,
                status=call.status,
                cost=call.cost,
                request_id=call.request_id[:100],
                seconds=call.seconds,
                waited=call.waited,
                retries=call.retries,
                outcome=call.outcome[:100],
            )
        )

    def flush(self) -> None:
        """Write down what was recorded since the last flush. Opens a transaction of its own."""
        ApiCall.objects.bulk_create(self._unsaved, batch_size=PAGE)
        self._unsaved.clear()

    def turn_to(self, correlation: str) -> None:
        """What is called from now on is on behalf of this, and counted from nothing. Opens a transaction of its own, as
        what was recorded for another is kept first."""
        self.flush()
        self.correlation = correlation
        self.calls = self.mutations = self.retries = 0
        self.waited = 0.0

    def to_json(self) -> dict[str, float]:
        """The sums, as a run prints them; `waited_s` in seconds."""
        return {
            "calls": self.calls,
            "mutations": self.mutations,
            "retries": self.retries,
            "waited_s": round(self.waited, 3),
        }
