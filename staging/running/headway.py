"""How far a run is: written down with its lease, and told as a rate and the time that is left.

Rate and time are those of the step at hand, not of the run: reading a table tells nothing about how quickly a board
takes changes. A step begins anew where its name changes, or its count falls back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from staging.models import SyncRun
from staging.models.run import RunState

from .lease import renew

SURE = 2.0  # seconds, and
EARLY = 20  # of so many parts one must be done, before a rate says anything


@dataclass(frozen=True, slots=True)
class Headway:
    """`rate` is pieces a second and `left` seconds, both None while too little is done to tell."""

    rate: float | None = None
    left: float | None = None


def write_down(run: SyncRun, owner: str, phase: str, done: int, total: int) -> None:
    """Remember how far a run is, and renew its lease. Raises LeaseLost where another process has it."""
    renew(run, owner)
    fields = {"phase": phase, "done": done, "total": total}
    if run.phase_at is None or run.phase != phase or done < run.done:
        fields |= {"phase_at": timezone.now(), "phase_from": done}
    SyncRun.objects.filter(pk=run.pk).update(**fields)
    for name, value in fields.items():
        setattr(run, name, value)


def headway(run: SyncRun, now: datetime) -> Headway:
    """How quickly the step at hand goes on, and how long it probably takes yet."""
    if run.state != RunState.RUNNING or run.phase_at is None:
        return Headway()
    spent, pieces = (now - run.phase_at).total_seconds(), run.done - run.phase_from
    if spent < SURE or pieces <= 0 or pieces * EARLY < run.total - run.phase_from:
        return Headway()
    rate = pieces / spent
    return Headway(rate, max(0, run.total - run.done) / rate if run.total else None)
