"""The way to the local board, on which requests and answers can be lost and a process can die."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from django.db import connection

from monday.sandbox.app import SandboxApp
from monday.sandbox.transport import SandboxAdapter

if TYPE_CHECKING:
    from .world import World


@dataclass(frozen=True, slots=True)
class Sent:
    """One request on its way to the board."""

    number: int
    query: str

    @property
    def writes(self) -> bool:
        return self.query.lstrip().startswith("mutation")

    def holds(self, word: str) -> bool:
        return word in self.query


class Wire(SandboxAdapter):
    """The way to the board. `before` and `after` are called around each request; what they raise, the client meets."""

    def __init__(self, app: SandboxApp) -> None:
        super().__init__(app)
        self.sent: list[Sent] = []
        self.before: Callable[[Sent], None] = lambda sent: None
        self.after: Callable[[Sent], None] = lambda sent: None

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if not request.path_url.startswith("/v2"):
            return super().send(request, *args, **kwargs)
        body = request.body or b"{}"
        sent = Sent(len(self.sent), json.loads(body).get("query", ""))
        self.sent.append(sent)
        self.before(sent)
        answer = super().send(request, *args, **kwargs)
        self.after(sent)
        return answer

    @property
    def writes(self) -> list[Sent]:
        return [sent for sent in self.sent if sent.writes]

    def lose(self, word: str, *, times: int = 1, answered: bool) -> None:
        """Lose the next requests that hold this word: on the way there, or (`answered`) the board's answer to them."""
        left = [times]

        def strike(sent: Sent) -> None:
            if sent.holds(word) and left[0] > 0:
                left[0] -= 1
                raise requests.ConnectionError("the connection broke")

        if answered:
            self.after = strike
        else:
            self.before = strike

    def calm(self) -> None:
        """Nothing is lost any more."""
        self.before = self.after = lambda sent: None


class Died(BaseException):
    """The process is dead; nothing in it runs any more."""


class Mortal:
    """Lets the process die: just before its n-th commit or board request, or just after the board worked on one.

    From then on no statement and no request goes through, whatever an `except` or a `finally` tries. What was not
    committed is rolled back.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.depth = len(connection.savepoint_ids)
        self.moments = 0
        self.at: int | None = None
        self.dead = False

    def moment(self) -> None:
        """One place where a process may die."""
        if self.dead:
            raise Died
        self.moments += 1
        if self.moments == self.at:
            self.dead = True
            raise Died

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        words = sql.split(None, 1)[0].upper() if sql else ""
        if words == "ROLLBACK":
            return execute(sql, params, many, context)
        inside = len(connection.savepoint_ids) > self.depth
        if self.dead:
            raise Died
        if not inside and words in ("RELEASE", "INSERT", "UPDATE", "DELETE"):
            try:
                self.moment()
            except Died:
                if words == "RELEASE":  # what Django takes for a commit is one of the test's savepoints
                    execute(sql.replace("RELEASE", "ROLLBACK TO", 1), params, many, context)
                raise
        return execute(sql, params, many, context)

    @contextmanager
    def living(self, at: int | None, *, rest: float = 600) -> Iterator[None]:
        """Within this block the process dies at its `at`-th moment, or lives to the end where `at` is None.

        `rest` is how many seconds pass before somebody takes over."""
        self.at, self.moments, self.dead = at, 0, False
        self.world.wire.before = self.world.wire.after = lambda sent: self.moment()
        with connection.execute_wrapper(self.statement):
            try:
                yield
            except Died:
                pass
            finally:
                self.world.wire.calm()
                connection.needs_rollback = False
        self.world.bury(rest)
