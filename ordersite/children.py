"""Child processes of ours: started on a leash, asked to end, and killed with all they started where they do not."""

from __future__ import annotations

import os
import signal
import subprocess  # nosec B404
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType

from django.conf import settings

# SIGHUP comes when the terminal is closed; Windows has none.
ENDINGS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
AFTER_A_KILL = 20.0  # seconds that the system may take to clear a killed process away

Child = subprocess.Popen[bytes]


def start(*words: str, environment: Mapping[str, str] | None = None, heard: bool = False) -> Child:
    """A child in a group of its own, so that a Ctrl-C reaches it through us and its children can be killed with it.

    Its input is a pipe whose other end only this process holds: it closes when we die, however that happens.
    Where it is `heard`, somebody must read its stderr: see `LastWords`.
    """
    return subprocess.Popen(  # noqa: S603  # nosec B603
        [sys.executable, "-m", "ordersite.leash", *words],
        cwd=settings.BASE_DIR,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE if heard else None,
        start_new_session=os.name == "posix",
    )


def end(children: list[Child], *, seconds: float) -> None:
    """Ask all to end, and kill what has not within `seconds`: workers stop after the piece in hand where they can."""
    for child in children:
        with suppress(OSError):
            child.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
    patience = time.monotonic() + seconds
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=max(0.1, patience - time.monotonic()))
        # What the leader left behind in its group ends with it.
        kill(child)


def kill(child: Child) -> None:
    """Kill it and what it started, at once."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=AFTER_A_KILL)


class LastWords:
    """What a heard child writes to stderr: passed on at once, and its last lines kept."""

    def __init__(self, child: Child, *, lines: int = 12) -> None:
        self._child, self._lines = child, deque[str](maxlen=lines)
        self._reader = threading.Thread(target=self._pass_on, daemon=True, name="last words")
        self._reader.start()

    def told(self) -> str:
        """How the child ended, and below it the last lines that it wrote. To be asked once it has ended."""
        self._reader.join(timeout=2)  # what it started may hold its stderr open still
        code = self._child.poll() or 0
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return "\n".join([how, *(f"  {line}" for line in self._lines)])

    def _pass_on(self) -> None:
        assert self._child.stderr is not None
        with suppress(ValueError, OSError):
            for line in self._child.stderr:
                self._lines.append(line.decode(errors="replace").rstrip())
                with suppress(OSError):
                    os.write(sys.stderr.fileno(), line)


class Ending:
    """Notices that this process is asked to end, within a `with`; `number` is the signal, 0 before it comes."""

    def __init__(self) -> None:
        self.number = 0
        self._former: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Ending:
        self._former = {number: signal.signal(number, self._asked) for number in ENDINGS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
