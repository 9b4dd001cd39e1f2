"""What the client tells of its calls, and what it raises where a call cannot be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .answers import Reply, Verdict
from .operations import Outcome, Refused


class Unavailable(Exception):
    """monday.com cannot be used now; the message is one sentence with the remedy.

    Of what this exception keeps from being done, nothing was written, unless the message says so (`code` "Unclear").
    `retry_after` is in seconds, None where nobody knows; `permanent` is true where waiting does not help: the token,
    the rights or the address must be put right first. `refused` is set where the board itself said no.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        retry_after: float | None = None,
        permanent: bool = False,
        refused: Refused | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
        self.permanent = permanent
        self.refused = refused


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """The version that answers; `kind` is current, maintenance, release_candidate, deprecated ..."""

    value: str
    kind: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is, and the API version that answers it.

    `settle_seconds` is how long a sandbox may work on a request whose answer was lost.
    """

    account_id: str
    account_name: str
    user_id: str
    sandbox: bool
    settle_seconds: float | None = None
    version: ApiVersion | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request, told after its answer came or failed to come.

    `operations` counts its mutations, 0 for a read; `status` is 0 where no answer came; `cost` is in complexity points;
    `waited` is in seconds, before this request; `retries` is 1 where it repeats an earlier one, else 0; `at` is when it
    left, in epoch seconds. Sums over the calls of a run are the run's own.
    """

    kind: str
    operations: int
    status: int
    cost: int | None
    request_id: str
    seconds: float
    waited: float
    retries: int
    outcome: str
    at: float


class Journal(Protocol):
    """Where a write notes what leaves and what comes back."""

    def sending(self, indices: Sequence[int], key: str) -> None:
        """These operations leave now, in one request with this idempotency key; called again before every re-send.

        Raising stops the request."""

    def answered(self, outcomes: Mapping[int, Outcome]) -> None:
        """What became of operations; each of them is answered once."""


def unavailable(reply: Reply) -> Unavailable:
    """Why a request as a whole came to nothing, as an exception to raise."""
    problem = reply.whole or next(iter(reply.problems), None)
    permanent = reply.verdict is Verdict.REJECTED or (reply.verdict is Verdict.ANSWERED and problem is not None)
    if problem is None:
        code = "Unreachable" if reply.verdict is Verdict.UNSENT else "NoAnswer"
        return Unavailable(reply.reason, code=code, retry_after=reply.wait)
    fault = problem.fault
    said = f" (monday.com: {problem.message})" if problem.message and problem.message != fault.meaning else ""
    return Unavailable(
        f"{fault.meaning}{said} Remedy: {fault.remedy}",
        code=problem.code,
        retry_after=reply.wait,
        permanent=permanent and not fault.transient,
        refused=Refused(
            code=problem.code,
            message=problem.message,
            remedy=fault.remedy,
            owner=fault.owner,
            column=problem.column,
            value=problem.value,
            transient=fault.transient,
            request_id=reply.request_id,
        ),
    )
