"""The ground on which the line is tortured: an installation in a folder, a served board, and real processes.

Everything runs in processes of its own that are forked from one which has Django loaded and no connection open, so
that a thousand of them cost seconds and not an hour of start-up. The board is served over HTTP by such a process too.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

OURS = (
    *("DATABASE_URL", "DEBUG", "LOG_FILE", "LOG_LEVEL", "MONDAY_API_TOKEN", "MONDAY_API_URL", "NOTIFY_TO"),
    *("MONDAY_SETTLE_SECONDS", "ORDERS_DATABASE_URL", "ORDERSITE_TESTING", "PRODUCTION", "SANDBOX_STORE", "VAR_DIR"),
)
SETTLE = 0.3  # seconds that the served board may still work on a request whose answer was lost
HURRY = 25.0  # how many times faster the client's own pauses pass
FILES = ("app.sqlite3", "app.sqlite3-wal", "app.sqlite3-shm", "orders.sqlite3", "board.sqlite3", "board.sqlite3-wal")
BROKE = 99
BEFOREHAND = (
    *("pandas", "django.urls", "staging.jobs", "staging.management.commands.sync_orders", "tests.faults.truth"),
    *("monday.sandbox.server", "monday.sandbox.app", "ordersite.urls", "ordersite.commandline"),
)
"""What processes would otherwise load one by one after each fork."""


def begin(folder: Path, *, database: str = "") -> None:
    """Load Django for an installation in this folder. Once per process, before anything of the project is imported."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name in OURS:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ.update(
        VAR_DIR=str(folder),
        DJANGO_SETTINGS_MODULE="ordersite.settings",
        MONDAY_API_URL=f"http://127.0.0.1:{port}/v2",
        LOG_LEVEL="ERROR",
    )
    if database:
        os.environ["DATABASE_URL"] = database
    import django

    django.setup()
    for loaded in BEFOREHAND:
        import_module(loaded)
    from monday.client import MondayClient

    pauses = MondayClient.__init__.__kwdefaults__
    assert pauses is not None
    pauses["sleep"] = lambda seconds: time.sleep(seconds / HURRY)


class Ground:
    """One installation. `blind` takes the look-up before creations away from every process, to show what it is for."""

    def __init__(self, folder: Path, *, blind: bool = False) -> None:
        self.folder, self.blind = folder, blind
        self.port = int(os.environ["MONDAY_API_URL"].rsplit(":", 1)[1].split("/")[0])
        self._board = 0
        self.log = folder / "out.log"

    # --- processes ---------------------------------------------------------------------------------------------------
    def fork(self, work: Callable[[], int | None]) -> int:
        """Begin some work in a process of its own; gives its id."""
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        code: Any = BROKE
        try:
            self._quietly()
            code = work() or 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else BROKE
        except BaseException:  # noqa: BLE001  the end of a process of its own
            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _quietly(self) -> None:
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def wait(self, child: int, seconds: float | None = None) -> int | None:
        """How a process ended: its exit code, -9 where it was killed; None where it is at work after that long."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            done, status = os.waitpid(child, 0 if until is None else os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if until is not None and time.monotonic() >= until:
                return None
            time.sleep(0.002)

    def kill(self, child: int) -> int:
        """End a process without a chance to say goodbye."""
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        code = self.wait(child)
        assert code is not None
        return code

    def run(self, work: Callable[[], int | None]) -> int:
        """Do some work in a process of its own, to its end; gives its exit code."""
        code = self.wait(self.fork(work))
        assert code is not None
        return code

    def ask(self, question: Callable[[], Any]) -> Any:
        """What a question answers in a process of its own."""
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)

        def write() -> int:
            answer.write_text(json.dumps(question(), default=str), encoding="utf-8")
            return 0

        code = self.run(write)
        assert code == 0, f"the question ended with {code}:\n{self.said()}"
        return json.loads(answer.read_text(encoding="utf-8"))

    def manage(self, *words: str) -> int:
        """One command line in a process of its own; gives its exit code."""
        return self.run(lambda: self.line(*words))

    def line(self, *words: str) -> int:
        """One command line, in this process."""
        from ordersite.commandline import run

        if self.blind:
            from staging.destinations.board import MondayBoard

            MondayBoard.find = lambda self, link_keys: {}  # type: ignore[method-assign]
        return run(["manage.py", *words])

    def said(self) -> str:
        """The last of what the processes said."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-6000:] if self.log.exists() else ""

    # --- the board ---------------------------------------------------------------------------------------------------
    def serve(self, faults: Sequence[Any] = (), seed: int = 0) -> None:
        """Serve the board from now on with these faults, instead of how it was served before."""
        self.close()
        self._board = self.fork(lambda: self._serve(faults, seed))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError(f"the board is not served:\n{self.said()}")

    def _serve(self, faults: Sequence[Any], seed: int) -> int:
        from monday.sandbox.app import SandboxApp
        from monday.sandbox.faults import FaultScript
        from monday.sandbox.server import serve
        from monday.sandbox.store import SandboxStore

        store = SandboxStore(self.folder / "board.sqlite3")
        serve(SandboxApp(store, faults=FaultScript(tuple(faults), seed), settle_seconds=SETTLE), "127.0.0.1", self.port)
        return 0

    def close(self) -> None:
        """Serve no longer."""
        if self._board:
            self.kill(self._board)
            self._board = 0

    # --- as it stood -------------------------------------------------------------------------------------------------
    def keep(self, name: str) -> None:
        """Remember every file as it stands, under this name. Nobody may be at work."""
        kept = self.folder / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for file in FILES:
            if (self.folder / file).exists():
                shutil.copy(self.folder / file, kept / file)

    def back(self, name: str) -> None:
        """Every file as it was kept."""
        for file in (*FILES, "board.sqlite3-shm"):
            (self.folder / file).unlink(missing_ok=True)
        for file in (self.folder / name).iterdir():
            shutil.copy(file, self.folder / file.name)
