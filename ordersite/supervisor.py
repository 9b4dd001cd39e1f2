"""Two child processes and who watches them: the web server, and the cluster of workers.

A child that ends on its own is started again (the web server a few times only); a cluster that claims no canary is
stalled, which nothing but killing it mends: its children share a lock that a dead one holds for ever.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from types import FrameType

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.utils import timezone

from staging import jobs

from . import watchdog

LOOK = 0.5  # seconds between two looks at the children
CANARY_EVERY = 10.0
CANARY_LOOK = 2.0  # between two looks for the claim of one that was sent
PATIENCE = timedelta(seconds=30)  # from a canary's sending to its claim
FAREWELL = 20.0  # seconds that children have to end after they were asked to
# SIGHUP comes when the terminal is closed; Windows has none.
ENDINGS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
RESTARTS = 5  # of the web server, within its first minute each


class PortTaken(Exception):
    """Something else listens there; the message says what to do."""


class Supervisor:
    """Runs both children until a signal or the end of the web server. `say` shows a sentence to the person."""

    def __init__(self, host: str, port: int, *, say: Callable[[str], None]) -> None:
        self._host, self._port, self._say = host, port, say
        self._web: subprocess.Popen[bytes] | None = None
        self._cluster: subprocess.Popen[bytes] | None = None
        self._asked_at: datetime | None = None
        self._next_canary = 0.0
        self._signal = 0
        self._failures = 0

    def prepare(self, *, schedules: bool) -> None:
        """Make the schedules that the workers need, where there are none."""
        if schedules:
            call_command("setup_schedules", verbosity=0, stdout=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115

    def run(self) -> int:
        """Serve until somebody asks to stop; returns the exit code. Raises PortTaken."""
        self._check_port()
        former = {number: signal.signal(number, self._stop) for number in ENDINGS}
        # The children must not share this process's connections.
        connections.close_all()
        try:
            self._web = self._start_web()
            self._cluster = self._start_cluster()
            self._await_web()
            self._say(f"Ordersite: http://{self._host}:{self._port}/ (Ctrl-C ends it)")
            return self._watch()
        finally:
            self._end_children()
            for number, handler in former.items():
                signal.signal(number, handler)

    def _await_web(self) -> None:
        """Until the web server answers, has ended or is to stop, so that an address is told which can be opened."""
        assert self._web is not None
        patience = time.monotonic() + FAREWELL
        while time.monotonic() < patience and not self._signal and self._web.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(LOOK)
                if probe.connect_ex((self._host, self._port)) == 0:
                    return
            time.sleep(0.1)

    def _watch(self) -> int:
        started = time.monotonic()
        while not self._signal:
            time.sleep(LOOK)
            assert self._web is not None and self._cluster is not None
            if self._web.poll() is not None:
                self._failures = self._failures + 1 if time.monotonic() - started < 60 else 1
                if self._failures > RESTARTS:
                    self._say("The web server keeps ending. Remedy: look at what it says above.")
                    return 1
                started, self._web = time.monotonic(), self._start_web()
            if self._cluster.poll() is not None:
                self._say("The workers ended; they are started again.")
                self._restart_cluster()
            self._look_at_canary()
        return 128 + self._signal

    def _look_at_canary(self) -> None:
        """Send one every while; where none was claimed and no run shows a sign of life, start the cluster anew."""
        if time.monotonic() < self._next_canary:
            return
        self._next_canary = time.monotonic() + CANARY_LOOK
        try:
            if self._asked_at is not None and watchdog.workers(since=self._asked_at).alive:
                self._asked_at, self._next_canary = None, time.monotonic() + CANARY_EVERY
            elif self._asked_at is None:
                self._asked_at = timezone.now()
                watchdog.send_canary()
            elif timezone.now() - self._asked_at > PATIENCE:
                self._say("The workers claim no jobs; they are stopped and started again.")
                self._restart_cluster()
        except DatabaseError as problem:
            self._say(f"The app database cannot be asked ({problem}); trying again.")
        finally:
            connections.close_all()

    def _restart_cluster(self) -> None:
        assert self._cluster is not None
        _kill_group(self._cluster)
        self._asked_at = None
        self._cluster = self._start_cluster()
        # What the dead cluster had taken out of the queue is lost with it.
        with suppress(DatabaseError):
            jobs.recover()

    # --- children -------------------------------------------------------------------------------------------------
    def _start_web(self) -> subprocess.Popen[bytes]:
        listen = f"--listen={self._host}:{self._port}"
        return self._child("waitress", "--threads=8", listen, "ordersite.wsgi:application")

    def _start_cluster(self) -> subprocess.Popen[bytes]:
        return self._child("manage", "qcluster", "--verbosity", "0")

    def _child(self, *words: str) -> subprocess.Popen[bytes]:
        """A child in a group of its own, so that a Ctrl-C reaches it through us and its children can be killed with it.

        Its input is a pipe whose other end only this process holds: it closes when we die, however that happens.
        """
        command = [sys.executable, "-m", "ordersite.leash", *words]
        site = {"SITE_URL": os.environ.get("SITE_URL") or f"http://{self._host}:{self._port}"}
        return subprocess.Popen(  # noqa: S603
            command,
            cwd=settings.BASE_DIR,
            env={**os.environ, **site},
            stdin=subprocess.PIPE,
            start_new_session=os.name == "posix",
        )

    def _end_children(self) -> None:
        """Ask both to end, and kill what does not: the workers stop after the piece in hand where they can."""
        children = [child for child in (self._web, self._cluster) if child is not None]
        for child in children:
            with suppress(OSError):
                child.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        patience = time.monotonic() + FAREWELL
        for child in children:
            try:
                child.wait(timeout=max(0.1, patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_group(child)
            # What the leader left behind in its group ends with it.
            _kill_group(child)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._signal = self._signal or number

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self._port))
            except OSError as problem:
                raise PortTaken(
                    f"Port {self._port} cannot be opened ({problem.strerror}). Remedy: choose another one with --port."
                ) from None


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=FAREWELL)
