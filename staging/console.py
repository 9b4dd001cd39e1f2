"""What a command shows while it works: one live line a step on a terminal, a line every tenth elsewhere.

Nothing here needs Unicode, so that no console crashes over a character. A signal ends the work after the chunk in
hand; a second one ends it at once.
"""

from __future__ import annotations

import getpass
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

from django.core.management.base import CommandError
from django.db import Error

from monday.client import Unavailable
from monday.management.stopping import STOPPED

from .core.lifecycle import NotAllowed
from .core.ports import SourceRefused
from .detection.guards import GuardRefused
from .pushing.outlook import SHORT, waiting_words
from .running.lease import LeaseLost
from .setup import Interrupted, Stopped
from .wiring import NotConfigured

USAGE, FAILED, REFUSED = 2, 1, 5  # exit codes


class Console:
    """Progress for people on stderr; silent where `quiet`."""

    def __init__(self, out: Any, err: Any, *, quiet: bool) -> None:
        self._err, self._quiet = err, quiet
        self._live = not quiet and sys.stderr.isatty()
        self._tenths: dict[str, int] = {}
        self.signal_code = 0
        self._at_once = False

    def progress(self, phase: str, done: int, total: int) -> None:
        """Show how far a step is. Raises Stopped where a signal came since."""
        if self.signal_code:
            raise Stopped
        if self._quiet or not total:
            return
        tenth = done * 10 // total
        if self._live:
            bar = "#" * tenth + "." * (10 - tenth)
            self._err.write(f"\r  {phase:<8} {bar} {done:,}/{total:,}", ending="\r" if done >= total else "")
            self._err.flush()
        elif tenth > self._tenths.get(phase, 0) and done < total:
            self._tenths[phase] = tenth
            self._err.write(f"  {phase} {tenth * 10} % ({done:,} of {total:,})")

    def waits(self, seconds: float) -> None:
        """Say until when the account's limits are waited for, where that is long enough to be read."""
        if not self._quiet and seconds >= SHORT:
            self._err.write(f"  {waiting_words(datetime.now(UTC) + timedelta(seconds=seconds))}")

    @contextmanager
    def stoppable(self, *signals: signal.Signals) -> Iterator[None]:
        """Within this block a signal asks for an orderly end; the former handlers come back afterwards.

        What stops the work after it, such as a database that does not answer while its driver keeps the signal waiting,
        is told as the signal. Raises CommandError then.
        """
        former = {number: signal.signal(number, self._asked) for number in signals}
        try:
            yield
        except Exception as problem:
            if not self._is_of_the_signal(problem):
                raise
            raise CommandError(STOPPED, returncode=self.signal_code) from None
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _is_of_the_signal(self, problem: Exception) -> bool:
        """Whether this is told as the signal that came: an outage, or what a driver made of the second one."""
        if isinstance(problem, CommandError):
            return bool(self.signal_code) and problem.returncode < 128
        return bool(self.signal_code) and (self._at_once or isinstance(problem, Error))

    def _asked(self, number: int, frame: FrameType | None) -> None:
        code = 128 + number
        if self.signal_code:
            self._at_once = True
            raise Interrupted(code)
        self.signal_code = code
        if not self._quiet:
            self._err.write("Stopping after the chunk in hand. (Again to stop at once; nothing is lost either way.)")


def actor() -> str:
    """Who works at this command line, as the audit names them: `cli:` and the account on this machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in some containers
        name = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return f"cli:{name}"[:150]


@contextmanager
def sentences(*, not_allowed: int = REFUSED) -> Iterator[None]:
    """Within this block, what is expected to stop a command ends it with one sentence and its exit code.

    `not_allowed` is the code for a move that is not possible now, as while another run is at it.
    """
    try:
        yield
    except NotConfigured as problem:
        raise CommandError(str(problem), returncode=USAGE) from None
    except GuardRefused as problem:
        raise CommandError(str(problem), returncode=REFUSED) from None
    except SourceRefused as problem:
        raise CommandError(str(problem), returncode=REFUSED if problem.guard else FAILED) from None
    except NotAllowed as problem:
        raise CommandError(str(problem), returncode=not_allowed) from None
    except (Unavailable, LeaseLost) as problem:
        raise CommandError(str(problem), returncode=FAILED) from None
    except Interrupted as stopped:
        raise CommandError(str(stopped), returncode=stopped.code) from None
