"""A command's run on a whole board: opened, recorded, stoppable, and ended with its counts."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from monday.calls import CallLog
from staging.console import Console, actor, sentences
from staging.models import SyncRun
from staging.models.run import Kind, RunState
from staging.running import runs
from staging.setup import Progress, Setup, Stopped
from staging.wiring import opened


@dataclass(frozen=True)
class BoardRun:
    """The run's row, what it works with, and where it tells how far it is."""

    run: SyncRun
    setup: Setup
    calls: CallLog
    progress: Progress

    def end(self, counts: dict[str, Any], notes: Sequence[str] = ()) -> None:
        """Record what was counted; the run is complete."""
        self.calls.flush()
        now, api = timezone.now(), self.calls.to_json()
        runs.end(self.run, RunState.COMPLETED, now=now, counts=counts, notes=list(notes), api=api)


@contextmanager
def board_run(
    command: BaseCommand, kind: Kind, options: dict[str, Any], *, asked: Sequence[str] = (), stopped: str
) -> Iterator[BoardRun]:
    """Run `kind` on the board that the options name; `asked` are the options that its row remembers beside it.

    A signal ends the command with the sentence `stopped` and the signal's exit code; what refuses, with one sentence.
    """
    console = Console(command.stdout, command.stderr, quiet=options["json"] or options["verbosity"] == 0)
    calls = CallLog(waits=console.waits)
    mode, name = options["mode"], options["board"]
    with (
        console.stoppable(signal.SIGINT, signal.SIGTERM),
        sentences(),
        opened(mode=mode, calls=calls, board_name=name, allow_sandbox=options["allow_sandbox"]) as setup,
    ):
        subject, scope = runs.board_subject(mode, name), {"board": name} | {each: options[each] for each in asked}
        try:
            with runs.now_on(
                kind=kind, subject=subject, board=setup.board, mode=mode, actor=actor(), scope=scope
            ) as run:
                calls.correlation = f"run:{run.pk}"
                yield BoardRun(run, setup, calls, runs.renewing(run, console.progress))
        except Stopped:
            command.stderr.write(stopped)
            raise SystemExit(console.signal_code) from None
