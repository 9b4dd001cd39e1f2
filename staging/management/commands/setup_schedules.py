"""`setup_schedules`: the schedules that the product runs by; afterwards they are edited in the admin."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

from monday.management.quiet import QuietCommand
from staging.running.schedules import JOBS, SYNC, Job, Wrong, how_often, next_by_cron, read_words


class Command(QuietCommand):
    help = (
        "Make the schedules that are missing: syncs, pushes, retries, upkeep. What was edited, renamed or paused in "
        "the admin stays as it is, unless --reset. Example: setup_schedules --mode PRODUCTION --minutes 15"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mode", choices=["TEST", "PRODUCTION"], default="TEST", help="what the syncs run as")
        parser.add_argument("--minutes", type=_minutes, default=15, help="minutes between two syncs (default 15)")
        parser.add_argument("--reset", action="store_true", help="put existing ones back to these times")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        told = []
        for job in JOBS:
            when = options["minutes"] if job.path == SYNC else job.when
            name, words = _named(job, options["mode"])
            done = _make(name, job, when, words, reset=options["reset"])
            told.append({"name": name, "when": _said(when), "does": job.does, "outcome": done})
            if not options["json"]:
                self.stdout.write(f"{name}: {_said(when)}, {done}")
        if options["json"]:
            self.tell({"schema_version": 1, "schedules": told})


def _named(job: Job, mode: str) -> tuple[str, str]:
    """What the schedule is called, and with which words it calls its job."""
    former = {
        "staging.delivery_jobs.digest": "digest of notifications",
        "staging.jobs.refresh": "refresh boards",
        "staging.jobs.push_approved": "push approved",
        "staging.jobs.retry_rejected": "retry rejected",
    }
    name = former.get(job.path, job.name.lower())
    return (f"{name} {mode}", f"mode={mode!r}") if "mode" in job.takes else (name, "")


def _make(name: str, job: Job, when: int | str, words: str, *, reset: bool) -> str:
    now = timezone.now()
    by_minutes = isinstance(when, int)
    fields = {
        "func": job.path,
        "schedule_type": Schedule.MINUTES if by_minutes else Schedule.CRON,
        "minutes": when if by_minutes else None,
        "cron": None if by_minutes else when,
        "kwargs": words,
        "repeats": -1,
        "next_run": now + timedelta(minutes=when)
        if isinstance(when, int)
        else next_by_cron(when, timezone.localtime()),
    }
    with transaction.atomic():
        existing = [
            schedule
            for schedule in Schedule.objects.select_for_update().filter(func=job.path).order_by("id")
            if schedule.name == name or _as_whole(schedule) == _as_whole(Schedule(kwargs=words))
        ] or list(Schedule.objects.select_for_update().filter(name=name))
        if not existing:
            Schedule.objects.create(name=name, **fields)
            return "made"
        if not reset:
            return "is there already, kept as it is"
        mine = next((schedule for schedule in existing if schedule.name == name), existing[0])
        Schedule.objects.filter(pk=mine.pk).update(**fields)
        return "reset"


def _as_whole(schedule: Any) -> str | None:
    """The mode that a schedule runs as for everything; None where it is for one customer or cannot be read."""
    try:
        words = read_words(str(schedule.kwargs or ""))
    except Wrong:
        return None
    return None if {"customer", "board"} & set(words) else str(words.get("mode", ""))


def _said(when: int | str) -> str:
    """When it runs, in words."""
    by_minutes = isinstance(when, int)
    return how_often(
        Schedule.MINUTES if by_minutes else Schedule.CRON,
        when if isinstance(when, int) else None,
        None if by_minutes else str(when),
    )


def _minutes(word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= 10_080:
        raise ArgumentTypeError(f"must be a whole number of minutes up to a week, not {word!r}")
    return int(word)
