"""Watches whether jobs are claimed: a worker that was killed in the wrong moment stalls its whole cluster silently.

A canary is a job that only writes down that it was claimed. Where none was for a while and no run shows a sign of life
either, the cluster is stalled: `serve` starts it anew, the front page and `doctor` say so.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min
from django.utils import timezone
from django_q.models import Task
from django_q.tasks import async_task

from staging.models import SyncRun
from staging.models.run import RunState
from staging.running.lease import LENGTH, database_now, dead, here

from .models import WorkerPulse

CANARY = "ordersite.watchdog.claimed"
SILENT = timedelta(seconds=150)  # two canaries a minute apart, and room for a busy moment
UNCLAIMED = timedelta(seconds=30)  # a canary that waits longer, while no run is at work, has no worker to claim it
FRESH = timedelta(seconds=90)  # a run renews its lease every half minute


def claimed() -> str:
    """The canary: a worker of this host has claimed a job just now."""
    host, now = socket.gethostname()[:64], timezone.now()
    if not WorkerPulse.objects.filter(host=host).update(at=now):
        WorkerPulse.objects.get_or_create(host=host, defaults={"at": now})
    WorkerPulse.objects.filter(asked_at__lte=now).update(asked_at=None)
    return f"claimed at {now:%H:%M:%S}"


def send_canary() -> str:
    """Put a canary into the queue, and write down since when one waits there. Returns the message's id."""
    host, now = socket.gethostname()[:64], timezone.now()
    WorkerPulse.objects.get_or_create(host=host)
    WorkerPulse.objects.filter(host=host, asked_at__isnull=True).update(asked_at=now)
    return str(async_task(CANARY, task_name="canary", group="canary"))


def without_result(canaries: list[str]) -> list[str]:
    """Those of these messages whose result was not written down."""
    written = set(Task.objects.filter(pk__in=canaries).values_list("pk", flat=True))
    return [name for name in canaries if name not in written]


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
        return f"No worker has claimed a job {seen}. Remedy: start one with `manage.py serve` or `manage.py worker`."


def workers(*, silent: timedelta = SILENT, since: datetime | None = None) -> Workers:
    """How the workers are: alive where a canary was claimed within `silent` (or after `since`) and none waits for long,
    or where a run is at work."""
    pulses = WorkerPulse.objects.aggregate(at=Max("at"), asked_at=Min("asked_at"))
    newest, asked = pulses["at"], pulses["asked_at"]
    oldest_fresh, now = database_now() + LENGTH - FRESH, timezone.now()
    running = SyncRun.objects.filter(state=RunState.RUNNING, lease_until__gt=oldest_fresh).exclude(trigger="cli")
    busy = sum(not dead(owner) for owner in running.values_list("lease_owner", flat=True))
    heard = newest is not None and newest >= (since or now - silent)
    ignored = asked is not None and asked < now - UNCLAIMED
    return Workers(newest, busy, bool(busy or (heard and not ignored)))


def claimed_here(*, since: datetime) -> bool:
    """Whether a worker of this very host has claimed a canary after `since`."""
    return WorkerPulse.objects.filter(host=socket.gethostname()[:64], at__gte=since).exists()


def works_here(*, since: datetime) -> bool:
    """Whether a worker of this very host has claimed a canary after `since`, or a run is at work here."""
    if claimed_here(since=since):
        return True
    running = SyncRun.objects.filter(state=RunState.RUNNING, lease_until__gt=database_now() + LENGTH - FRESH)
    owners = running.exclude(trigger="cli").values_list("lease_owner", flat=True)
    return any(owner.startswith(f"{here()}:") and not dead(owner) for owner in owners)
