"""The whole line over real HTTP: rows in memory, a served board, and one clock for both that nobody waits by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from monday.sandbox.app import SandboxApp
from monday.sandbox.faults import Fault, FaultScript
from monday.sandbox.server import running
from monday.sandbox.transport import ADDRESS
from tests.world import World

SIZES = {"S": 1, "M": 2, "XXL": 3, "2XL": 4, "TOTAL": 10}


class Forward(HTTPAdapter):
    """Sends what is meant for the board inside the process to the one that is served."""

    def __init__(self, line: ServedLine) -> None:
        super().__init__()
        self.line = line

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace(ADDRESS, self.line.served() + "/", 1)
        return super().send(request, *args, **kwargs)


class ServedLine(World):
    """A World whose every request travels over HTTP. Times of the board and of the client are those of its clock."""

    def __init__(self, folder: Path, *, latency: float = 0.0, faults: FaultScript | None = None) -> None:
        self._serving = contextlib.ExitStack()
        self._served = ""
        self._latency, self._faults = latency, faults or FaultScript()
        super().__init__(folder)

    def _app(self, *faults: Fault) -> SandboxApp:
        return SandboxApp(
            self.store,
            faults=FaultScript(faults) if faults else self._faults,
            latency_ms=self._latency * 1000,
            settle_seconds=self.settle_seconds,
            clock=self.clock.seconds,
            sleep=self.clock.sleep,
        )

    def served(self) -> str:
        """Where the board answers, from the first request on."""
        if not self._served:
            self._served = self._serving.enter_context(running(self.app))
        return self._served

    def close(self) -> None:
        super().close()
        self._serving.close()

    def _session(self, adapter: BaseAdapter) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount(ADDRESS, Forward(self))
        return session

    def orders(self, number: int) -> None:
        """Put that many orders with four sizes each into the source."""
        for each in range(number):
            self.add(each, CUSTOMER="BHOOD", **SIZES)

    def load(self, most: int = 10) -> int:
        """Sync until nothing is left to do; the calls it took, look-ups included."""
        calls = 0
        for _ in range(most):
            report = self.sync()
            calls += self.calls.calls
            if report.counts.staged == 0:
                return calls
            self.clock.sleep(600)  # what was unclear is looked up by the next run
        raise AssertionError("it never ends")


@contextlib.contextmanager
def served_line(folder: Path, **settings: Any) -> Iterator[ServedLine]:
    line = ServedLine(folder, **settings)
    try:
        yield line
    finally:
        line.close()
