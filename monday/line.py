"""The line to the API: asks the budget, sends, waits, counts, and tells every call to a recorder.

What is sent and received goes through `send`, which `monday.client` brings; nothing here knows of HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from .core.answers import Reply, Verdict
from .core.budget import Budget, DaySpent, Measure, next_day
from .core.calls import Call, Unavailable, unavailable
from .core.documents import request_body
from .core.errors import Retry

TRIES = 3  # of a request that may have been lost, or that did not get through
REFUSALS = 8  # of one request by limits, each after its wait
PATIENCE = 300.0  # seconds that a request waits for the budget; beyond it the caller decides

log = structlog.get_logger(__name__)


class Heavy(Unavailable):
    """A read asked for too much at once."""


class Anew(Unavailable):
    """What was being read or changed has moved: begin again."""


class Send(Protocol):
    def __call__(self, body: bytes, key: str, creates: bool) -> Reply:
        """One exchange with the API; never raises for what a network or a server may do."""


class Line:
    """One conversation with the API. `sleep` and `clock` (epoch seconds) belong together."""

    def __init__(
        self,
        send: Send,
        *,
        recorder: Callable[[Call], None] | None,
        budget: Budget,
        waits: Callable[[float], None] | None = None,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._send, self._recorder, self._budget = send, recorder, budget
        self._waits, self._sleep, self._clock = waits, sleep, clock
        self._waited, self._refusals = 0.0, 0

    def now(self) -> float:
        return self._clock()

    def fits(self) -> int:
        return self._budget.fits(self._clock())

    def too_heavy(self, operations: int) -> None:
        self._budget.too_heavy(operations)

    def hold(self, seconds: float) -> None:
        self._budget.learn(Measure(0, 0.0, refused_for=seconds), self._clock())

    def pause(self, seconds: float) -> None:
        self._waited += seconds
        self._sleep(seconds)

    def exchange(
        self,
        kind: str,
        body: bytes,
        *,
        operations: int = 0,
        key: str = "",
        again: bool = False,
        creates: bool = False,
        before: Callable[[], None] | None = None,
    ) -> Reply:
        """One request and its answer, once the budget allows it. Raises Unavailable where that would take too long."""
        self._await_budget(operations)
        at = 0.0
        try:
            if before is not None:
                before()
            at = self._clock()
            reply = self._send(body, key, creates)
        except BaseException:
            self._budget.learn(Measure(0, 0.0, unsent=not at), self._clock())
            raise
        seconds = max(0.0, self._clock() - at)
        self._learn(reply, operations, seconds)
        self._tell(
            Call(
                kind=kind,
                operations=operations,
                status=reply.status,
                cost=reply.cost,
                request_id=reply.request_id,
                seconds=seconds,
                waited=self._waited,
                retries=int(again),
                outcome=_outcome_of(reply),
                at=at,
            )
        )
        self._waited = 0.0
        return reply

    def ask(
        self, kind: str, text: str, variables: Mapping[str, Any], *, operations: int = 0, once: bool = False
    ) -> tuple[Mapping[str, Any], Reply]:
        """The data of an answer that came whole and without any error. Raises Unavailable.

        `once` is for a creation: it is not repeated where it may have gone through.
        """
        body, tries, refusals = request_body(text, variables), 0, 0
        while True:
            reply = self.exchange(kind, body, operations=operations, again=tries + refusals > 0, creates=once)
            verdict = reply.verdict
            if verdict is Verdict.ANSWERED and reply.data is not None and not reply.problems:
                return reply.data, reply
            if verdict is Verdict.ANSWERED:
                verdict = self._verdict_of_part(reply)
            if once and verdict in (Verdict.BROKEN, Verdict.RUNNING):
                raise Unavailable(
                    f"{reply.reason} It may have been created all the same. Remedy: look before trying again.",
                    code="Unclear",
                )
            if verdict is Verdict.WAIT and refusals < REFUSALS:
                refusals += 1
            elif verdict in (Verdict.BROKEN, Verdict.RUNNING, Verdict.UNSENT) and tries < TRIES - 1:
                tries += 1
                self.pause(reply.wait if reply.wait is not None else 2.0**tries)
            else:
                raise _failure(verdict, reply)

    def _verdict_of_part(self, reply: Reply) -> Verdict:
        """A read of which a part failed has failed; a limit on that part is waited for."""
        if not reply.problems:
            return Verdict.BROKEN
        problem = reply.problems[0]
        if problem.fault.retry is Retry.WAIT:
            self.hold(problem.wait if problem.wait is not None else 5.0)
            return Verdict.WAIT
        return {Retry.HALVE: Verdict.HEAVY, Retry.UNSURE: Verdict.BROKEN, Retry.TOMORROW: Verdict.SPENT}.get(
            problem.fault.retry, Verdict.REJECTED
        )

    def _await_budget(self, operations: int) -> None:
        waited = 0.0
        try:
            while (wait := self._budget.take(operations, self._clock())) > 0:
                if waited + wait > PATIENCE:
                    raise Unavailable(
                        f"monday.com's limits leave no room for another {_span(wait)}. Remedy: go on after that.",
                        code="LimitReached",
                        retry_after=wait,
                    )
                log.info("monday_waits", seconds=round(wait, 1))
                if self._waits is not None:
                    self._waits(wait)
                self.pause(wait)
                waited += wait
        except DaySpent as spent:
            raise Unavailable(
                "Today's monday.com calls are used up but for the reserve. Remedy: go on after 00:00 UTC.",
                code="DAILY_LIMIT_EXCEEDED",
                retry_after=max(0.0, spent.until - self._clock()),
            ) from None

    def _learn(self, reply: Reply, operations: int, seconds: float) -> None:
        refused = None
        self._refusals = self._refusals + 1 if reply.verdict is Verdict.WAIT else 0
        if reply.verdict is Verdict.WAIT:
            refused = reply.wait if reply.wait is not None else min(60.0, 2.0 ** (self._refusals - 1))
        elif reply.verdict is Verdict.SPENT:
            now = self._clock()
            refused = reply.wait if reply.wait is not None else next_day(now) - now
        lost = reply.verdict is Verdict.BROKEN
        processed = operations if reply.verdict is Verdict.ANSWERED else 0
        self._budget.learn(
            Measure(
                processed,
                seconds,
                reply.cost,
                reply.headers,
                refused,
                lost,
                day_spent=reply.verdict is Verdict.SPENT,
                unsent=reply.verdict is Verdict.UNSENT,
            ),
            self._clock(),
        )

    def _tell(self, call: Call) -> None:
        level = "info" if call.outcome in ("done", "partly") else "warning"
        getattr(log, level)(
            "monday_call",
            kind=call.kind,
            operations=call.operations,
            status=call.status,
            seconds=round(call.seconds, 3),
            waited=round(call.waited, 3),
            request_id=call.request_id,
            outcome=call.outcome,
        )
        if self._recorder is not None:
            self._recorder(call)


def _failure(verdict: Verdict, reply: Reply) -> Unavailable:
    problem = unavailable(reply)
    retry = next((p.fault.retry for p in reply.problems), None)
    kind = Heavy if verdict is Verdict.HEAVY else Anew if retry is Retry.ANEW else Unavailable
    return kind(
        str(problem),
        code=problem.code,
        retry_after=problem.retry_after,
        permanent=problem.permanent,
        refused=problem.refused,
    )


def _span(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _outcome_of(reply: Reply) -> str:
    if reply.verdict is not Verdict.ANSWERED:
        return str(reply.verdict.value)
    return "partly" if reply.problems else "done"
