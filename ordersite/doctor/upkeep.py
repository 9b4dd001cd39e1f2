"""What runs by itself: schedules that cannot run or are missing, and when the audit was checked last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone
from django_q.models import Schedule

from staging.running import schedules
from staging.upkeep import care

from .finding import Finding, ok, told, warning

SCHEDULES, AUDIT = "schedules", "audit"
SETUP = "python manage.py setup_schedules, with the mode of this installation; it changes none that is there"
CHECK = "python manage.py verify_audit, or the schedule 'check the audit'"
OLD = timedelta(days=8)
LATE = timedelta(hours=1)


def examine_schedules() -> Iterator[Finding]:
    """A schedule that cannot run is a problem, paused or not; one that nobody has run for long, and missing ones where
    there are any at all, are told."""
    now = timezone.now()
    found = schedules.faulty(now)
    for one in found:
        yield told(SCHEDULES, one.sentence())
    if found:
        return
    number = Schedule.objects.count()
    lacking = schedules.missing()
    late = Schedule.objects.exclude(repeats=0).filter(next_run__lt=now - LATE).order_by("next_run").first()
    if late:
        words = f"{schedules.called(late)} was due at {late.next_run:%Y-%m-%d %H:%M} UTC and has not run since."
        yield warning(SCHEDULES, words, "Start the workers: python manage.py worker")
    elif number and lacking:
        names = ", ".join(job.name.lower() for job in lacking)
        yield warning(SCHEDULES, f"Nothing runs by itself for: {names}.", SETUP)
    elif number:
        yield ok(SCHEDULES, f"{number} schedules, and each of them can run.")
    else:
        yield ok(SCHEDULES, "There is no schedule: nothing runs by itself, and commands need none.")


def examine_audit() -> Iterator[Finding]:
    """Whether the last check found the audit whole. It is not read here, as that takes long over years."""
    run, at = care.last_check()
    if run is None or at is None:
        yield ok(AUDIT, "It was not checked by a job yet; verify_audit checks it at any time.")
        return
    if run.result.get("broken"):
        yield told(AUDIT, f"Run {run.pk} of {at:%Y-%m-%d %H:%M} UTC: {run.error}")
    elif timezone.now() - at > OLD:
        yield warning(AUDIT, f"It was checked last at {at:%Y-%m-%d}.", CHECK)
    else:
        yield ok(AUDIT, f"It was whole at {at:%Y-%m-%d %H:%M} UTC.")
