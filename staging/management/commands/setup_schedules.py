"""`setup_schedules`: the schedules that the product runs by; afterwards they are edited in the admin."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

CANARY = "ordersite.watchdog.claimed"


class Command(BaseCommand):
    help = "Make the schedules that are missing; what was changed in the admin stays as it is, unless --reset."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mode", choices=["TEST", "PRODUCTION"], default="TEST", help="what the syncs run as")
        parser.add_argument("--minutes", type=_minutes, default=15, help="minutes between two syncs (default 15)")
        parser.add_argument("--reset", action="store_true", help="put existing ones back to these times")

    def handle(self, *args: Any, **options: Any) -> None:
        mode, minutes = options["mode"], options["minutes"]
        wanted = [
            (f"sync {mode}", "staging.jobs.start", minutes, f"mode={mode!r}"),
            ("sweep", "staging.jobs.sweep", 1, ""),
            ("canary", CANARY, 1, ""),
            ("digest of notifications", "staging.delivery_jobs.digest", 24 * 60, ""),
            ("refresh boards", "staging.jobs.refresh", 60, ""),
            (f"reconcile {mode}", "staging.board_jobs.reconcile", 24 * 60, f"mode={mode!r}"),
        ]
        for name, function, every, arguments in wanted:
            made = _make(name, function, every, arguments, reset=options["reset"])
            self.stdout.write(f"{name}: every {every} min {made}")


def _make(name: str, function: str, minutes: int, arguments: str, *, reset: bool) -> str:
    fields = {
        "func": function,
        "schedule_type": Schedule.MINUTES,
        "minutes": minutes,
        "kwargs": arguments,
        "repeats": -1,
        "next_run": timezone.now() + timedelta(minutes=minutes),
    }
    with transaction.atomic():
        existing = Schedule.objects.select_for_update().filter(name=name)
        if not existing.exists():
            Schedule.objects.create(name=name, **fields)
            return "made"
        return "reset" if reset and existing.update(**fields) else "is there already, kept as it is"


def _minutes(word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= 10_080:
        raise ArgumentTypeError(f"must be a whole number of minutes up to a week, not {word!r}")
    return int(word)
