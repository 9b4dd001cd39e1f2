"""A whole installation in a folder: databases, a local board over HTTP, and real processes that may be killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

TOP = Path(__file__).resolve().parents[2]
SERVER = {"host": "127.0.0.1", "port": 5432, "user": "postgres"}


class Installation:
    """Every command runs in a process of its own, with the settings of this folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        self.env = {**kept, "VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "ordersite.settings", **settings}
        self._children: list[subprocess.Popen[bytes]] = []

    def manage(self, *words: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=TOP, env=self.env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def command(self, *words: str) -> int:
        """A command that may end otherwise than well; returns its exit code."""
        done = subprocess.run([sys.executable, "manage.py", *words], cwd=TOP, env=self.env, capture_output=True)
        return done.returncode

    def ask(self, code: str) -> Any:
        """What a piece of Python answers in a process of its own: the value of `answer` as JSON."""
        return json.loads(self.manage("shell", "--verbosity", "0", "-c", _script(code)).strip().splitlines()[-1])

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A process of its own group that goes on until it is stopped."""
        with (self.folder / "out.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "manage.py", *words],
                cwd=TOP,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        return child

    def number(self, query: str, *, board: bool = False) -> int:
        """One number from the app's database or the local board's, asked without a process of its own; 0 where there
        is none."""
        if board:
            with closing(sqlite3.connect(self.folder / "sandbox.sqlite3", timeout=5)) as file:
                row = file.execute(query).fetchone()
        elif address := self.env.get("DATABASE_URL"):
            import psycopg

            with psycopg.connect(address) as server:
                row = server.execute(query.encode()).fetchone()
        else:
            with closing(sqlite3.connect(self.folder / "app.sqlite3", timeout=5)) as file:
                row = file.execute(query).fetchone()
        return int(row[0]) if row else 0

    def working(self, code: str) -> subprocess.Popen[bytes]:
        """A process that does a piece of Python."""
        return self.start("shell", "--verbosity", "0", "-c", textwrap.dedent(code))

    def board(self, latency_ms: int, faults: str = "behaviour: {server_timeout: 1}\n") -> None:
        """Serve the local board over HTTP, so that it lives on when a worker is killed."""
        port = free_port()
        self.env["MONDAY_API_URL"] = f"http://127.0.0.1:{port}/v2"
        behaviour = self.folder / "behaviour.yaml"
        behaviour.write_text(faults, encoding="utf-8")
        self.start("monday_sandbox", "--port", str(port), "--latency-ms", str(latency_ms), "--faults", str(behaviour))
        until(lambda: _listens(port))

    def stop(self) -> None:
        """End what is left: asked first, since some have children in groups of their own, and killed then."""
        for child in self._children:
            with suppress(ProcessLookupError):
                child.send_signal(signal.SIGINT)
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=30)
            kill(child)

    def log(self) -> str:
        """What the processes said."""
        return (self.folder / "out.log").read_text(encoding="utf-8", errors="replace")[-4000:]


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started, without a chance to say goodbye."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(timeout=20)


def until(true: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Wait for something; fails where it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing happened within {seconds:g} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _script(code: str) -> str:
    return f"import json\n{textwrap.dedent(code)}\nprint(json.dumps(answer, default=str))"


def postgres_answers() -> bool:
    """Whether a server that lets us in runs on this machine."""
    import psycopg

    try:
        psycopg.connect(**SERVER, dbname="postgres", connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


@contextmanager
def postgres_database() -> Iterator[str]:
    """The address of a new database, which is dropped at the end."""
    import psycopg

    name = f"ordersite_jobs_{uuid4().hex[:10]}"
    with psycopg.connect(**SERVER, dbname="postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"postgres://{SERVER['user']}@{SERVER['host']}:{SERVER['port']}/{name}"
    finally:
        with psycopg.connect(**SERVER, dbname="postgres", autocommit=True) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
