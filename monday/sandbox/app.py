"""The sandbox as one function from request to answer; servers and in-process sessions stand around it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from monday.core.structure import BoardStructure

from . import pages, schema
from .answers import Answer, json_answer, refused
from .behaviour import Behaviour
from .faults import FaultScript
from .graphql_api import GraphQLApi
from .limits import PLANS, Limits
from .refusals import Refusal
from .store import SandboxStore

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1", "sandbox.ordersite", "testserver"})


class SandboxApp:
    """A monday.com of one account over one store.

    `plan` names the limits, `latency_ms` is added to each mutation, `faults` is a script, `token` the only one that is
    accepted (any that is not empty otherwise). `settle_seconds` is how long the server may still work on a request
    whose answer was lost; every answer tells it. `keeping` offers snapshots, restore and reset on a page. `clock` gives
    epoch seconds.
    """

    def __init__(
        self,
        store: SandboxStore,
        *,
        plan: str = "none",
        latency_ms: float = 0,
        faults: FaultScript | None = None,
        token: str | None = None,
        settle_seconds: float = 0.0,
        limits: Limits | None = None,
        behaviour: Behaviour | None = None,
        keeping: bool = True,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.store = store
        self.token = token
        self.settle_seconds = settle_seconds
        self._api = GraphQLApi(
            store,
            plan=plan,
            limits=limits if limits is not None else PLANS[plan],
            latency=latency_ms / 1000,
            script=faults or FaultScript(),
            behaviour=behaviour or Behaviour(),
            settle_seconds=settle_seconds,
            clock=clock,
            sleep=sleep,
        )
        self._pages = pages.Pages(store, self._api, keeping=keeping)

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answers one request; `path` may carry a query string. Headers are looked up whatever their case."""
        given = {name.lower(): value for name, value in headers.items()}
        parts = urlsplit(path)
        route = parts.path if parts.path == "/" else parts.path.rstrip("/")
        if route == "/v2":
            answer = self._graphql(method, given, body)
        elif route == "/v2/get_schema":
            answer = schema.told(parse_qs(parts.query).get("format", ["json"])[-1])
        elif route.startswith("/v2/"):
            what = "Files are not kept here" if route == "/v2/file" else "There is no such address"
            answer = json_answer(400 if route == "/v2/file" else 404, {"errors": [{"message": f"{what}: send to /v2"}]})
        elif method == "POST" and not _from_here(given):
            answer = json_answer(403, {"error": "This came from another site. Remedy: open the sandbox's own address."})
        elif route in ("/sandbox/seed", "/sandbox/reset"):
            answer = self._control(method, route, given, body)
        else:
            answer = self._pages.answer(method, path, body)
        marks = {"X-Ordersite-Sandbox": self.store.account_id, "X-Ordersite-Settle": f"{self.settle_seconds:g}"}
        return Answer(answer.status, {**answer.headers, **marks}, answer.body, answer.broken, answer.delay)

    def _graphql(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method != "POST":
            return json_answer(400, {"errors": [{"message": "Bad request: send a POST with JSON"}]})
        token = self._token(headers)
        if not token:
            refusal = Refusal("Unauthorized", "Not Authenticated", status=401)
            return refused(refusal, "")
        return self._api.answer(token, headers, body)

    def _token(self, headers: Mapping[str, str]) -> str:
        given = headers.get("authorization", "").strip().removeprefix("Bearer ").strip()
        return given if not self.token or given == self.token else ""

    def _control(self, method: str, route: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method != "POST":
            return json_answer(405, {"error": f"{route} takes POST."})
        if self.token and not self._token(headers):
            return json_answer(401, {"error": "The token is missing or another one. Remedy: send it as Authorization."})
        if route == "/sandbox/reset":
            self.store.reset()
            return json_answer(200, {"account_id": self.store.account_id})
        try:
            structure = BoardStructure.from_json(json.loads(body))
            self.store.seed(structure)
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            return json_answer(
                400, {"error": f"This is no board structure ({problem}). Remedy: send BoardStructure.to_json()."}
            )
        return json_answer(200, {"board_id": structure.id})


def _from_here(headers: Mapping[str, str]) -> bool:
    """False where a page of another site made the browser send this, or reached us under a name of its own."""
    host = headers.get("host", "")
    if host and (urlsplit(f"//{host}").hostname or "") not in LOCAL_NAMES:
        return False
    origin: Any = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host
