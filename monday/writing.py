"""How operations reach the board: which go together, what is sent again, and what became of each.

Creations and other writes never share a request. A creation is never sent again once it may have reached the server;
any other write is repeated with the same key, byte by byte. Only this module and `monday.line` repeat anything.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .core.answers import Reply, Verdict
from .core.budget import MOST
from .core.calls import Journal, Unavailable, unavailable
from .core.documents import Mutation, document, idempotency_key, outcomes, refusal, request_body
from .core.errors import Retry
from .core.operations import Outcome, Refused, Unclear
from .line import REFUSALS, TRIES, Line

OPERATION_TRIES = 5  # of one operation that a limit kept back while its neighbours went through
KEY_LIFE = 25 * 60  # seconds; the API keeps a key for 30 minutes
MOST_BYTES = 900_000
LOST_IN_A_ROW = 3  # requests; then the server is taken to be down


class _TooOld(Exception):
    """The key of a request that may have been lost is about to run out."""


@dataclass
class _Attempt:
    """One request on its way. `lost` is true once it may have been processed without an answer."""

    mutations: Sequence[Mutation]
    body: bytes
    generation: int = 0
    tries: int = 0
    refusals: int = 0
    first_sent: float = 0.0
    last_sent: float = 0.0
    announced: bool = False
    lost: bool = False

    @property
    def creates(self) -> bool:
        return self.mutations[0].creates

    @property
    def indices(self) -> list[int]:
        return [mutation.index for mutation in self.mutations]

    @property
    def key(self) -> str:
        return idempotency_key((mutation.token for mutation in self.mutations), self.generation, self.body)


class Writing:
    """One call of `MondayClient.write`, from its first request to its last outcome."""

    def __init__(self, line: Line, journal: Journal) -> None:
        self._line, self._journal = line, journal
        self._outcomes: dict[int, Outcome] = {}
        self._tries: Counter[int] = Counter()
        self._most = MOST
        self._lost_in_a_row = 0

    def send(self, mutations: Sequence[Mutation]) -> dict[int, Outcome]:
        """Send them in order and say what became of each, by index.

        Raises Unavailable where going on is pointless: by then every operation that was announced to the journal is
        answered there, and no other was sent.
        """
        waiting = deque(mutations)
        while waiting:
            waiting.extendleft(reversed(self._deliver(self._next(waiting))))
        return self._outcomes

    def _next(self, waiting: deque[Mutation]) -> _Attempt:
        """The operations of the next request: of one class, as many as fit."""
        most = min(self._line.fits(), self._most)
        chosen = [waiting.popleft()]
        size = chosen[0].size
        while waiting and len(chosen) < most and waiting[0].creates == chosen[0].creates:
            size += waiting[0].size
            if size > MOST_BYTES:
                break
            chosen.append(waiting.popleft())
        # An operation that goes anew must not meet the answer that was kept under its former key.
        generation = sum(self._tries[mutation.index] for mutation in chosen)
        return _Attempt(chosen, request_body(*document(chosen)), generation)

    def _deliver(self, attempt: _Attempt) -> list[Mutation]:
        """Send one request until something is known of it; the operations that must be sent anew are returned."""
        while True:
            try:
                reply = self._exchange(attempt)
            except _TooOld:
                return self._unclear(attempt, "Its answer was lost, and its key is too old to ask again.")
            except Unavailable as problem:
                self._give_up(attempt, problem)
                raise
            left = self._judge(attempt, reply)
            if left is not None:
                return left

    def _exchange(self, attempt: _Attempt) -> Reply:
        def before() -> None:
            now = self._line.now()
            if not attempt.lost:
                attempt.first_sent = now
            elif now - attempt.first_sent >= KEY_LIFE:
                raise _TooOld
            self._journal.sending(attempt.indices, attempt.key)
            attempt.announced, attempt.last_sent = True, now

        return self._line.exchange(
            "write",
            attempt.body,
            operations=len(attempt.mutations),
            key=attempt.key,
            again=attempt.announced,
            creates=attempt.creates,
            before=before,
        )

    def _judge(self, attempt: _Attempt, reply: Reply) -> list[Mutation] | None:
        """What follows from an answer: None to send the request again, else the operations to be sent anew."""
        match reply.verdict:
            case Verdict.ANSWERED:
                return self._answered(attempt, reply)
            case Verdict.WAIT:
                return self._told_to_wait(attempt, reply)
            case Verdict.HEAVY:
                return self._too_heavy(attempt, reply)
            case Verdict.BROKEN | Verdict.RUNNING:
                return self._lost(attempt, reply)
            case Verdict.UNSENT:
                return self._unsent(attempt, reply)
            case Verdict.REJECTED:
                return self._rejected(attempt, reply)
            case Verdict.SPENT:
                return self._stop(attempt, reply)

    def _answered(self, attempt: _Attempt, reply: Reply) -> list[Mutation]:
        self._lost_in_a_row = 0
        found = outcomes(attempt.mutations, reply, attempt.last_sent)
        again = []
        for place, mutation in enumerate(attempt.mutations):
            problem = reply.of_alias(f"a{place}")
            if problem is None or not isinstance(found[mutation.index], Refused):
                continue
            if self._worth_another_try(mutation, problem.fault.retry):
                self._tries[mutation.index] += 1
                self._line.hold(problem.wait if problem.wait is not None else 2.0 ** self._tries[mutation.index])
                again.append(mutation)
                del found[mutation.index]
        self._settle(found)
        return again

    def _worth_another_try(self, mutation: Mutation, retry: Retry) -> bool:
        if retry is Retry.WAIT:
            return self._tries[mutation.index] < OPERATION_TRIES
        return retry is Retry.UNSURE and not mutation.creates and self._tries[mutation.index] < 1

    def _told_to_wait(self, attempt: _Attempt, reply: Reply) -> list[Mutation] | None:
        attempt.refusals += 1
        if attempt.refusals > REFUSALS:
            return self._stop(attempt, reply)
        # The refusal may stand under this key for half an hour; only a request that may be running keeps its key.
        attempt.generation += 0 if attempt.lost else 1
        return None

    def _too_heavy(self, attempt: _Attempt, reply: Reply) -> list[Mutation]:
        if attempt.lost:
            return self._unclear(attempt, reply.reason)
        if len(attempt.mutations) == 1:
            return self._refused(attempt, reply)
        self._most = len(attempt.mutations) // 2
        self._line.too_heavy(len(attempt.mutations))
        return list(attempt.mutations)

    def _lost(self, attempt: _Attempt, reply: Reply) -> list[Mutation] | None:
        attempt.lost = True
        attempt.tries += 1
        if attempt.creates or attempt.tries >= TRIES:
            return self._unclear(attempt, reply.reason)
        self._line.pause(reply.wait if reply.wait is not None else 2.0**attempt.tries)
        return None

    def _unsent(self, attempt: _Attempt, reply: Reply) -> list[Mutation] | None:
        attempt.tries += 1
        if attempt.tries >= TRIES:
            return self._stop(attempt, reply)
        self._line.pause(2.0**attempt.tries)
        return None

    def _rejected(self, attempt: _Attempt, reply: Reply) -> list[Mutation]:
        fault = reply.whole.fault if reply.whole else None
        if fault is not None and fault.owner == "access":
            return self._stop(attempt, reply)
        if attempt.lost:
            return self._unclear(attempt, reply.reason)
        if len(attempt.mutations) == 1 or (fault is not None and fault.whole):
            return self._refused(attempt, reply)
        if attempt.creates:  # it is not said which one was refused, nor whether others were made before it
            return self._unclear(attempt, reply.reason)
        self._most = len(attempt.mutations) // 2
        return list(attempt.mutations)

    def _stop(self, attempt: _Attempt, reply: Reply) -> list[Mutation]:
        problem = unavailable(reply)
        self._give_up(attempt, problem)
        raise problem

    def _give_up(self, attempt: _Attempt, problem: Unavailable) -> None:
        """Answer what was announced: unclear where an answer was lost, else the board has nothing of it."""
        if attempt.lost:
            self._settle({index: self._unknown(attempt, str(problem)) for index in attempt.indices})
        elif attempt.announced:
            owner = problem.refused.owner if problem.refused else "outage"
            refused = Refused(problem.code, str(problem), owner=owner, transient=not problem.permanent)
            self._settle(dict.fromkeys(attempt.indices, refused))

    def _refused(self, attempt: _Attempt, reply: Reply) -> list[Mutation]:
        problem = reply.whole or reply.problems[0]
        self._settle(dict.fromkeys(attempt.indices, refusal(problem, reply.request_id)))
        return []

    def _unclear(self, attempt: _Attempt, reason: str) -> list[Mutation]:
        self._settle({index: self._unknown(attempt, reason) for index in attempt.indices})
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= LOST_IN_A_ROW:
            raise Unavailable(
                "monday.com does not answer: the last requests were all lost, and their orders are unclear. "
                "Remedy: wait a few minutes and push again; what is unclear is looked up first.",
                code="Unclear",
                retry_after=120.0,
            )
        return []

    def _unknown(self, attempt: _Attempt, reason: str) -> Unclear:
        return Unclear(reason, attempt.last_sent)

    def _settle(self, found: Mapping[int, Outcome]) -> None:
        if found:
            self._outcomes.update(found)
            self._journal.answered(found)
