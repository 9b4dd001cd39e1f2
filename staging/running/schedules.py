"""What may run by itself: the jobs that a schedule can call, what each does in words, and when it runs unless somebody
says otherwise. Rows that the queue could not count are found here, and paused before they stop all the others.

The queue counts all schedules in one transaction: one row with a bad expression, and none of them runs any more.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from croniter import CroniterError, croniter
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django_q.models import Schedule

from staging import audit
from staging.core.events import Event, News
from staging.notices import deliver

WATCHDOG = "policy:watchdog"
LONGEST = 10_080  # minutes of a schedule by minutes: a week; the queue has words for what is rarer
OLDEST = timedelta(days=366)
"""How long ago a schedule's next run may lie. The queue counts from there to now one run at a time, inside a
transaction, and all workers wait for it."""
LATEST = timedelta(days=3660)
WORDS: Mapping[str, type] = {
    "mode": str,
    "customer": str,
    "limit": int,
    "board": str,
    "full": bool,
    "by_person": bool,
}
"""What may stand under *With*, and of which type each value is."""
REMEDY = "Remedy: open it under Schedules, correct it and set Repeats to -1, or delete it."


@dataclass(frozen=True, slots=True)
class Job:
    """One job: the path of its function, its name, what it does, the words that it takes, and when it runs.

    `when` is minutes, or a cron expression in UTC.
    """

    path: str
    name: str
    does: str
    takes: frozenset[str] = frozenset()
    when: int | str = 60


SYNC = "staging.jobs.start"
JOBS: tuple[Job, ...] = (
    Job(
        SYNC,
        "Sync",
        "compares the order table with what is known, stages what differs, and sends what may go out",
        frozenset(WORDS),
        15,
    ),
    Job(
        "staging.jobs.push_approved",
        "Push approved batches",
        "sends what is approved and was not sent: also where a push failed or paused, but not what a person cancelled",
        frozenset({"mode"}),
        10,
    ),
    Job(
        "staging.jobs.retry_rejected",
        "Retry rejected orders",
        "lets every rejected order go out once more, until it was refused ten times in a row",
        frozenset({"mode"}),
        "0 5 * * *",
    ),
    Job(
        "staging.jobs.sweep",
        "Sweep",
        "takes up what died, sends lost messages again, and tries passing refusals anew",
        when=1,
    ),
    Job("ordersite.watchdog.claimed", "Canary", "shows that workers claim jobs", when=1),
    Job("staging.jobs.refresh", "Read all boards again", "reads columns, labels and groups of every known board"),
    Job(
        "staging.board_jobs.reconcile",
        "Reconcile",
        "compares a whole board with what was last written to it; it reads only",
        frozenset({"mode", "board"}),
        "0 4 * * *",
    ),
    Job(
        "staging.delivery_jobs.digest",
        "Digest of notifications",
        "sends what channels with a digest have collected",
        when="0 7 * * *",
    ),
    Job(
        "staging.care_jobs.prune",
        "Prune",
        "removes what is older than the settings say, and needed by nothing",
        when="30 2 * * *",
    ),
    Job(
        "staging.care_jobs.check_audit",
        "Check the audit",
        "reads the audit from its beginning; a chain that somebody touched is told of once",
        when="30 3 * * *",
    ),
)
BY_PATH: Mapping[str, Job] = {job.path: job for job in JOBS}


class Wrong(Exception):
    """Words or an expression that no schedule can run with; the message is a sentence with its remedy."""


def read_words(text: str) -> dict[str, Any]:
    """The values that stand under *With*: plain ones, of known names. Raises Wrong."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        values = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError, TypeError):
        raise Wrong("Write name=value, with commas between: mode='TEST', limit=100.") from None
    for name, value in values.items():
        if name not in WORDS or type(value) is not WORDS[name]:
            raise Wrong(f"{name}={value!r} is not known. Remedy: use {', '.join(WORDS)}, with a fitting value.")
    if call.args or values.get("mode", "TEST") not in ("TEST", "PRODUCTION"):
        raise Wrong("mode is 'TEST' or 'PRODUCTION'.")
    return values


def next_by_cron(expression: str, after: datetime) -> datetime:
    """When a cron expression says so next. Raises Wrong.

    Five fields only: with seconds it would run all the time, and with years it ends one day, which stops all others.
    """
    if not expression.strip():
        raise Wrong("A cron schedule needs its expression. Remedy: 0 6 * * 1-5, for instance.")
    fields = len(expression.split())
    if fields != 5 and not expression.startswith("@"):
        raise Wrong(f"This has {fields} fields, and a cron expression has five. Remedy: 0 6 * * 1-5, for instance.")
    try:
        found: datetime = croniter(expression, after).get_next(datetime)
    except (CroniterError, ValueError, TypeError, KeyError):
        raise Wrong("This says no time that ever comes. Remedy: 0 6 * * 1-5, for instance.") from None
    return found


def how_often(schedule_type: str, minutes: int | None, cron: str | None) -> str:
    """When a schedule by minutes or by cron runs, in words; "" for others. A daily one by its hour."""
    if schedule_type == Schedule.MINUTES:
        return f"every {minutes} min"
    fields = (cron or "").split() if schedule_type == Schedule.CRON else []
    if len(fields) == 5 and fields[2:] == ["*", "*", "*"] and fields[0].isdecimal() and fields[1].isdecimal():
        return f"daily at {int(fields[1]):02}:{int(fields[0]):02} UTC"
    return str(cron or "") if fields else ""


def called(schedule: Any) -> str:
    """A schedule as people call it: by its name, else by its job's."""
    job = BY_PATH.get(str(schedule.func))
    return str(schedule.name or (job.name if job else f"Schedule {schedule.pk}"))


def fault(schedule: Any, now: datetime) -> str:
    """Why the queue could not run this row, as part of a sentence; "" where it can."""
    job = BY_PATH.get(str(schedule.func))
    if job is None:
        return f"it calls {str(schedule.func)!r}, which is no job of this version"
    return _fault_of_times(schedule, now) or _fault_of_words(schedule, job)


def _fault_of_times(schedule: Any, now: datetime) -> str:
    if str(schedule.schedule_type) not in dict(Schedule.TYPE):
        return f"its type {str(schedule.schedule_type)!r} is not known"
    if schedule.schedule_type == Schedule.CRON:
        try:
            next_by_cron(str(schedule.cron or ""), timezone.localtime(now))
        except Wrong as wrong:
            return f"its expression is {str(schedule.cron or '')!r}. {_without_remedy(wrong)}"
        return ""
    if schedule.schedule_type == Schedule.MINUTES and not 0 < (schedule.minutes or 1) <= 60 * LONGEST:
        return f"it is to run every {schedule.minutes} minutes"
    if schedule.next_run and schedule.next_run < now - OLDEST:
        return f"its next run was in {schedule.next_run.year}, too long ago to count from"
    return ""


def _fault_of_words(schedule: Any, job: Job) -> str:
    try:
        given = _stored_words(str(schedule.kwargs or ""))
    except Wrong as wrong:
        return f"under With stands {str(schedule.kwargs)!r}. {_without_remedy(wrong)}"
    if odd := sorted(set(given) - job.takes):
        return f"its job takes no {', '.join(odd)}"
    try:
        ast.literal_eval(str(schedule.args or "()"))
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError):
        return f"its positional values {str(schedule.args)!r} cannot be read"
    return ""


def _without_remedy(wrong: Wrong) -> str:
    return str(wrong).partition(" Remedy:")[0].rstrip(".")


def _stored_words(text: str) -> dict[str, Any]:
    """As the queue reads them: a dictionary, or names with values."""
    try:
        whole = ast.literal_eval(text.strip() or "{}")
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError):
        return read_words(text)
    if not isinstance(whole, dict) or any(not str(name).isidentifier() for name in whole):
        raise Wrong("Write name=value, with commas between")
    return read_words(", ".join(f"{name}={value!r}" for name, value in whole.items()))


@dataclass(frozen=True, slots=True)
class Faulty:
    """A schedule that cannot run: which, why, and whether it is paused, so that it stops no other."""

    name: str
    why: str
    paused: bool

    def sentence(self) -> str:
        """For a person, with the remedy."""
        holds = "It is paused." if self.paused else "While it stands like that, no schedule runs."
        return f"The schedule {self.name!r} cannot run: {self.why}. {holds} {REMEDY}"


def faulty(now: datetime) -> list[Faulty]:
    """Every schedule that cannot run. Reads a few rows and changes nothing."""
    found = [(schedule, fault(schedule, now)) for schedule in Schedule.objects.order_by("id")]
    return [Faulty(called(schedule), why, schedule.repeats == 0) for schedule, why in found if why]


def pause_faulty(now: datetime) -> list[str]:
    """Pause the schedules that cannot run, so that the others go on; says which, as sentences.

    Opens a short transaction for each, with its event in the audit and a message to whoever is told of refusals.
    """
    paused = []
    for schedule in Schedule.objects.exclude(repeats=0).order_by("id"):
        if not (why := fault(schedule, now)):
            continue
        told = Faulty(called(schedule), why, True).sentence()
        with transaction.atomic():
            if not Schedule.objects.filter(pk=schedule.pk, repeats=schedule.repeats).update(repeats=0):
                continue
            audit.record(
                chain=audit.DECISIONS,
                actor=WATCHDOG,
                action="schedule.paused",
                subject=f"schedule:{schedule.pk}",
                now=now,
                reason=told,
                data={"func": str(schedule.func), "repeats": schedule.repeats},
            )
            _tell(schedule, told, now)
        paused.append(told)
    return paused


def _tell(schedule: Any, sentence: str, now: datetime) -> None:
    """Write the message down; the sweeper sends it. Requires an open transaction."""
    address = f"{settings.SITE_URL}{reverse('admin:django_q_schedule_change', args=[schedule.pk])}"
    title = f"Schedule paused - {called(schedule)}"
    news = News((Event.REFUSED,), title, (sentence,), (("The schedule", address),), now.isoformat(timespec="seconds"))
    channels = [channel for channel in deliver.anybody() if Event.REFUSED in channel.events]
    if channels or deliver.mail_to():
        deliver.record(news, topic=f"schedule:{schedule.pk}", now=now, channels=channels, recipients=deliver.mail_to())


def next_of(job: str, mode: str, now: datetime) -> datetime | None:
    """When the queue does this job for a mode by itself next, None where no schedule that can run does."""
    due = Schedule.objects.filter(func=job, next_run__isnull=False).exclude(repeats=0).order_by("next_run")
    sound = (one for one in due if not fault(one, now))
    return next((one.next_run for one in sound if _stored_words(one.kwargs or "").get("mode", "TEST") == mode), None)


def missing() -> list[Job]:
    """The jobs that no schedule calls."""
    there = set(Schedule.objects.values_list("func", flat=True))
    return [job for job in JOBS if job.path not in there]
