"""This host's cluster of workers, watched: one that ended or claims no canary is started anew.

A cluster that claims nothing is stalled, which nothing but killing it mends: its children share a lock that a dead one
holds for ever. So does the one that writes down results: without it every message would be handed out again and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from staging import jobs
from staging.running import schedules

from . import children, commandline, watchdog
from .models import WorkerPulse

CANARY_EVERY = 10.0  # seconds
SCHEDULES_EVERY = 15.0  # between two looks for a schedule that would stop all others
CANARY_LOOK = 2.0  # between two looks for the claim of one that was sent
PATIENCE = timedelta(seconds=30)  # from a canary's sending to its claim
# Where other hosts take canaries from the same queue, ours may miss some by chance: of thirty and more, not all.
PATIENCE_BESIDE_OTHERS = timedelta(minutes=5)
LONGEST_PAUSE = 60.0  # seconds between two looks for an app database that does not answer
UNWRITTEN = 4  # canaries in a row that were claimed here and have no result; another host may have taken one or two


class Cluster:
    """The cluster of this host. `say` shows a sentence to the person, `environment` is added to the workers' own."""

    def __init__(self, *, say: Callable[[str], None], environment: Mapping[str, str] | None = None) -> None:
        self.child: children.Child | None = None
        self._say, self._environment = say, environment
        self._asked_at: datetime | None = None
        self._canary = ""
        self._unwritten: list[str] = []
        self._answered_at = timezone.now()
        self._next_canary = self._next_schedules = self._next_start = self._pause = 0.0

    def start(self) -> None:
        """Start the workers, which would end at once without the app database: until it answers `look` tries again,
        ever more rarely, and `child` is None."""
        self.child = None
        if problem := unusable():
            self._pause = min(LONGEST_PAUSE, 2 * self._pause or 1.0)
            self._next_start = time.monotonic() + self._pause
            self._say(f"No workers yet. {problem} Trying again in {self._pause:.0f} s.")
            return
        self.child = children.start("manage", "qcluster", "--verbosity", "0", environment=self._environment)
        self._answered_at = timezone.now()
        if self._pause:
            self._say("The app database answers; the workers are started.")
            self._pause = 0.0

    def look(self) -> None:
        """Start the workers anew where they ended or are stalled. To be called every half second or so."""
        if self.child is None:
            if time.monotonic() >= self._next_start:
                self._start_again()
            return
        if self.child.poll() is not None:
            self._say("The workers ended; they are started again.")
            self.restart()
            return
        if time.monotonic() >= self._next_canary:
            self._next_canary = time.monotonic() + CANARY_LOOK
            try:
                self._look_at_canary()
                self._look_at_schedules()
            except DatabaseError as problem:
                self._say(f"The app database cannot be asked ({problem}); trying again.")
            finally:
                connections.close_all()

    def _look_at_schedules(self) -> None:
        """Pause those that the queue cannot count: the sweeper, which does so too, is started by a schedule itself."""
        if time.monotonic() >= self._next_schedules:
            self._next_schedules = time.monotonic() + SCHEDULES_EVERY
            for sentence in schedules.pause_faulty(timezone.now()):
                self._say(sentence)

    def _look_at_canary(self) -> None:
        """Send one every while; where this host claims none and no run of it shows a sign of life, start anew."""
        now = timezone.now()
        if self._asked_at is None:
            self._asked_at = now
            self._canary = watchdog.send_canary()
        elif watchdog.works_here(since=self._asked_at):
            if watchdog.claimed_here(since=self._asked_at):
                self._look_at_results()
            self._asked_at, self._answered_at = None, now
            self._next_canary = time.monotonic() + CANARY_EVERY
        elif watchdog.workers(since=self._asked_at).alive:
            # Another host claimed it. Ours had no chance to show itself this time.
            self._asked_at, self._next_canary = None, time.monotonic() + CANARY_EVERY
            if now - self._answered_at > PATIENCE_BESIDE_OTHERS:
                self._stalled("The workers of this host claim no jobs, others do; they are stopped and started again.")
        elif now - self._asked_at > PATIENCE:
            self._stalled("The workers claim no jobs; they are stopped and started again.")

    def _look_at_results(self) -> None:
        """Start anew where no canary that was claimed lately has a result. The newest's may be on its way."""
        written = len(watchdog.without_result(self._unwritten)) < len(self._unwritten)
        self._unwritten = [self._canary] if written else [*self._unwritten, self._canary]
        if len(self._unwritten) > UNWRITTEN:
            self._stalled("The workers write no results down; they are stopped and started again.")

    def _stalled(self, sentence: str) -> None:
        self._say(sentence)
        self.restart()

    def restart(self) -> None:
        """Kill the workers with all they started, start new ones, and send again what the dead had taken out."""
        assert self.child is not None
        children.kill(self.child)
        self._asked_at, self._unwritten = None, []
        self._start_again()

    def _start_again(self) -> None:
        self.start()
        if self.child is not None:
            with suppress(DatabaseError):
                jobs.recover()


def unusable() -> str:
    """Why no worker could work with the app database, as a sentence with its remedy; "" where it takes what is
    written."""
    try:
        with transaction.atomic():
            WorkerPulse.objects.create(host="?")
            transaction.set_rollback(True)
    except DatabaseError as problem:
        sentence, _ = commandline.explain(problem)
        return sentence or f"The app database cannot be used ({problem}). Remedy: python manage.py doctor."
    finally:
        connections.close_all()
    return ""
