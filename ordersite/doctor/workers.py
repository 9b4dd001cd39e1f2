"""The job workers: whether any of them claims jobs, as the front page shows it too."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from ordersite.watchdog import workers

from .finding import Finding, Status, ok, told

NAME = "workers"
HERE = "python manage.py serve, where the admin's jobs and schedules are wanted; commands need no worker"
NEVER = "python manage.py setup_schedules, and python manage.py worker as a service; commands need no worker"
AGAIN = "Start python manage.py serve, or end it and start it again where it runs"
ON_A_SERVER = "Restart the service that runs python manage.py worker"


def examine() -> Iterator[Finding]:
    """Well while jobs are claimed. Workers that fell silent are a problem; that there never was one is a warning."""
    found = workers()
    if found.alive:
        yield ok(NAME, found.sentence())
        return
    message = told(NAME, found.sentence()).message
    if found.at is None:
        yield Finding(NAME, Status.WARNING, message, NEVER if settings.PRODUCTION else HERE)
    else:
        yield Finding(NAME, Status.PROBLEM, message, ON_A_SERVER if settings.PRODUCTION else AGAIN)
