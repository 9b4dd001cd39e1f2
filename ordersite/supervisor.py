"""What `serve` runs: the web server and the cluster of workers, as two child processes, and who watches them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from django.core.management import call_command
from django.db import connections

from . import children
from .cluster import Cluster

LOOK = 0.5  # seconds between two looks at the children
FAREWELL = 20.0  # seconds that children have to end after they were asked to
RESTARTS = 5  # of the web server, within its first minute each


class PortTaken(Exception):
    """Something else listens there; the message says what to do."""


class Supervisor:
    """Runs both children until a signal or the end of the web server. `say` shows a sentence to the person."""

    def __init__(self, host: str, port: int, *, say: Callable[[str], None]) -> None:
        self._host, self._port, self._say = host, port, say
        # The site's address in mails, also in those that the workers send.
        self._environment = {"SITE_URL": os.environ.get("SITE_URL") or f"http://{host}:{port}"}
        self._cluster = Cluster(say=say, environment=self._environment)
        self._web: children.Child | None = None
        self._words: children.LastWords | None = None
        self._ending = children.Ending()
        self._failures = 0

    def prepare(self, *, schedules: bool) -> None:
        """Make the schedules that the workers need, where there are none."""
        if schedules:
            call_command("setup_schedules", verbosity=0, stdout=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115

    def run(self) -> int:
        """Serve until somebody asks to stop; returns the exit code. Raises PortTaken."""
        self._check_port()
        # The children must not share this process's connections.
        connections.close_all()
        with self._ending:
            try:
                self._web = self._start_web()
                self._cluster.start()
                self._await_web()
                self._say(f"Ordersite: http://{self._host}:{self._port}/ (Ctrl-C ends it)")
                return self._watch()
            finally:
                children.end([child for child in (self._web, self._cluster.child) if child], seconds=FAREWELL)

    def _await_web(self) -> None:
        """Until the web server answers, has ended or is to stop, so that an address is told which can be opened."""
        assert self._web is not None
        patience = time.monotonic() + FAREWELL
        while time.monotonic() < patience and not self._ending.number and self._web.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(LOOK)
                if probe.connect_ex((self._host, self._port)) == 0:
                    return
            time.sleep(0.1)

    def _watch(self) -> int:
        started = time.monotonic()
        while not self._ending.number:
            time.sleep(LOOK)
            assert self._web is not None
            if self._web.poll() is not None:
                self._failures = self._failures + 1 if time.monotonic() - started < 60 else 1
                if self._failures > RESTARTS:
                    assert self._words is not None
                    self._say(f"The web server ended {self._failures} times, each soon after its start; the last time:")
                    self._say(self._words.told())
                    self._say("Remedy: mend what it says; doctor examines settings and databases.")
                    return 1
                started, self._web = time.monotonic(), self._start_web()
            self._cluster.look()
        return 128 + self._ending.number

    def _start_web(self) -> children.Child:
        listen = f"--listen={self._host}:{self._port}"
        words = ("waitress", "--threads=8", listen, "ordersite.wsgi:application")
        child = children.start(*words, environment=self._environment, heard=True)
        self._words = children.LastWords(child)
        return child

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self._port))
            except OSError as problem:
                raise PortTaken(
                    f"Port {self._port} cannot be opened ({problem.strerror}). Remedy: choose another one with --port."
                ) from None
