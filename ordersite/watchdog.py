"""Watches whether jobs are claimed: a worker that was killed in the wrong moment stalls its whole cluster silently.

A canary is a job that only writes down that it was claimed. Where none was for a while and no run shows a sign of life
either, the cluster is stalled: `serve` starts it anew, the front page and `doctor` say so.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django_q.tasks import async_task

from staging.lease import LENGTH, database_now
from staging.models import SyncRun
from staging.models.run import RunState

from .models import WorkerPulse

CANARY = "ordersite.watchdog.claimed"
SILENT = timedelta(seconds=150)  # two canaries a minute apart, and room for a busy moment
FRESH = timedelta(seconds=90)  # a run renews its lease every half minute


def claimed() -> str:
    """The canary: a worker of this host has claimed a job just now."""
    host, now = socket.gethostname()[:64], timezone.now()
    if not WorkerPulse.objects.filter(host=host).update(at=now):
        WorkerPulse.objects.get_or_create(host=host, defaults={"at": now})
    return f"claimed at {now:%H:%M:%S}"


def send_canary() -> None:
    """Put a canary into the queue."""
    async_task(CANARY, task_name="canary", group="canary")


@dataclass(frozen=True, slots=True)
class Workers:
    """Whether jobs are being claimed: `at` is the last canary's time, None where there never was one; `busy` is how
    many runs are at work and show it."""

    at: datetime | None
    busy: int
    alive: bool

    def sentence(self) -> str:
        """What to tell a person, with the remedy where one is needed."""
        if self.alive:
            return f"Workers are alive; {self.busy} at work." if self.busy else "Workers are alive and idle."
        seen = f"since {self.at:%Y-%m-%d %H:%M} UTC" if self.at else "yet"
        return f"No worker has claimed a job {seen}. Remedy: start one with `manage.py serve` or `manage.py qcluster`."


def workers(*, silent: timedelta = SILENT, since: datetime | None = None) -> Workers:
    """How the workers are: alive where a canary was claimed within `silent` (or after `since`), or a run is at work."""
    newest = WorkerPulse.objects.order_by("-at").values_list("at", flat=True).first()
    oldest_fresh = database_now() + LENGTH - FRESH
    busy = SyncRun.objects.filter(state=RunState.RUNNING, lease_until__gt=oldest_fresh).count()
    wanted = since or timezone.now() - silent
    return Workers(newest, busy, bool(busy or (newest is not None and newest >= wanted)))
