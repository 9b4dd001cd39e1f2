"""The budget that all processes and hosts share, so that together they stay inside an account's limits.

One row per account and address holds the quota. It is read, changed by the rules of `monday.core.quota`, and written
back only if nobody changed it meanwhile; so no transaction is open, neither here nor while anybody waits. Its times are
those of the database's clock.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from . import models
from .client import Identity, MondayClient
from .clock import database_now
from .core.budget import Measure
from .core.calls import Unavailable
from .core.forecast import CallsLeft, Forecast, Load, calls_left, forecast
from .core.quota import Quota

TRIES = 1000  # of a change that others got in the way of; each of those that did got through
LIMIT_AGE = 12 * 3600.0  # seconds after which the account's figure of daily calls is asked for again

T = TypeVar("T")


def _seconds() -> float:
    return database_now().timestamp()


class SharedBudget:
    """An account's budget as one client sees it: a `monday.core.budget.Budget` over the shared row.

    Until `belongs_to` names the account, which only the API can tell, it is taken to be the only one known at this
    address; where there is none or several, the first calls are counted apart. `reserve` calls of a day are never
    spent. `life` is the seconds after which a request's sender must be dead. `clock` gives epoch seconds; the times
    that a client hands in are those of its own host and are not used.
    """

    def __init__(
        self, *, address: str, reserve: int = 0, life: float = 120.0, clock: Callable[[], float] = _seconds
    ) -> None:
        self._address, self._reserve, self._life, self._clock = address, reserve, life, clock
        self._who = f"{socket.gethostname()[:16]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._row: int | None = None
        self._guessed = False
        self._alone = Quota()

    def belongs_to(self, account_id: str) -> None:
        """Join the others of this account; what was called before is counted there. Opens a short transaction."""
        row, _ = models.Budget.objects.get_or_create(address=self._address, account_id=account_id)
        before, self._alone = int(self._alone.calls), Quota()
        self._row, self._guessed = row.pk, True
        if before:
            self._change(lambda quota, now: quota.count(before, now))

    def join(self, client: MondayClient, identity: Identity) -> None:
        """Count with the others of this account from here on, under its own figure of calls a day.

        Asks `client` for that figure where it is old. Opens a short transaction; raises Unavailable.
        """
        self.belongs_to(identity.account_id)
        if self.limit_is_old():
            try:
                self.learn_daily_limit(client.daily_limit())
            except Unavailable as refused:
                if not refused.permanent:
                    raise
                self.learn_daily_limit(None)  # this token may not ask; the limit stays "not known"

    def take(self, operations: int, now: float) -> float:
        """0 where a request may leave now, else the seconds to wait. Raises DaySpent."""
        return self._change(
            lambda quota, at: quota.take(operations, at, who=self._who, reserve=self._reserve, life=self._life)
        )

    def fits(self, now: float) -> int:
        """How many operations the next request should carry, at least 1."""
        return self._quota().fits(self._clock(), who=self._who)

    def learn(self, measure: Measure, now: float) -> None:
        """Take in how a request went, and give its place back."""
        self._change(lambda quota, at: quota.learn(measure, at, who=self._who))

    def too_heavy(self, operations: int) -> None:
        """A request with that many operations was too heavy: plan smaller ones."""
        self._change(lambda quota, at: quota.too_heavy(operations))

    def limit_is_old(self) -> bool:
        """Whether the account's figure of daily calls should be asked for: never told, or half a day ago."""
        told = self._quota().limit_at
        return told is None or self._clock() - told > LIMIT_AGE

    def learn_daily_limit(self, total: int | None) -> None:
        """Take in the account's figure, None where the API does not say one."""
        self._change(lambda quota, at: quota.learn_daily_limit(total, at))

    def _quota(self) -> Quota:
        row = self._known_row()
        return self._alone if row is None else _read(row)[1]

    def _known_row(self) -> int | None:
        if not self._guessed:
            rows = list(models.Budget.objects.filter(address=self._address).values_list("pk", flat=True)[:2])
            self._row, self._guessed = rows[0] if len(rows) == 1 else None, True
        return self._row

    def _change(self, rule: Callable[[Quota, float], T]) -> T:
        """Apply a rule to the quota and keep what it changed. Whatever the rule raises comes through, nothing kept."""
        row = self._known_row()
        if row is None:
            return rule(self._alone, self._clock())
        for _ in range(TRIES):
            version, quota = _read(row)
            before = quota.to_json()
            result = rule(quota, self._clock())
            after = quota.to_json()
            unchanged = models.Budget.objects.filter(pk=row, version=version)
            if after == before or unchanged.update(version=version + 1, quota=after):
                return result
        raise Unavailable("The shared budget is changed by others all the time. Remedy: run again.", code="BudgetBusy")


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account's budget stands, for a page or a command.

    `in_flight` counts requests on their way; `waiting_until` is when the next request may leave, None for at once;
    `daily_limit` is what the account may call a day, None where it was not told.
    """

    left: CallsLeft
    calls: int
    in_flight: int
    waiting_until: datetime | None
    daily_limit: int | None


def standing(address: str, account_id: str) -> Standing:
    """How the budget of this account stands now; nothing is known of an account that was never called."""
    now, quota = _seconds(), _known(address, account_id)
    until = quota.busy_until(now)
    return Standing(
        calls_left(quota, now),
        quota.calls_today(now),
        sum(1 for hold in quota.holds.values() if hold.expires > now),
        datetime.fromtimestamp(until, UTC) if until > now else None,
        quota.daily_limit,
    )


def forecast_for(board: models.Board, load: Load, *, chunk: int = 100, reserve: int = 0) -> Forecast:
    """What writing `load` to this board will take, if it began now. `str()` of it is the sentence to show.

    Reads the shared budget; writes nothing and asks nobody.
    """
    return forecast(load, _known(board.address, board.account_id), _seconds(), chunk=chunk, reserve=reserve)


def _known(address: str, account_id: str) -> Quota:
    row = models.Budget.objects.filter(address=address, account_id=account_id).first()
    return Quota.from_json(row.quota) if row is not None and row.quota else Quota()


def _read(row: int) -> tuple[int, Quota]:
    version, quota = models.Budget.objects.values_list("version", "quota").get(pk=row)
    return version, Quota.from_json(quota) if quota else Quota()
