"""`doctor`: everything that this installation stands on, one line each, with the remedy."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from monday.management.quiet import QuietCommand
from ordersite.doctor.examination import examine
from ordersite.doctor.finding import Finding, Status
from ordersite.redaction import Redactor

SCHEMA_VERSION = 1


class Command(QuietCommand):
    help = (
        "Look at databases, migrations, the order source, mappings, the token, disk and settings, and say what is "
        "wrong with the remedy. Writes nothing. Exit code 1 where there is a problem, 0 otherwise. "
        "Example: doctor --online"
    )
    # What these would refuse is what this command reports.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--online", action="store_true", help="also ask monday.com: account, version, boards")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        redactor = Redactor((settings.MONDAY_API_TOKEN, settings.SECRET_KEY, *_passwords()))
        checks = [
            Finding(found.name, found.status, redactor.text(found.message), redactor.text(found.remedy))
            for found in examine(online=options["online"])
        ]
        if options["json"]:
            document = {"schema_version": SCHEMA_VERSION, "checks": [asdict(found) for found in checks]}
            self.tell(document)
        else:
            self._print(checks)
        if any(found.status is Status.PROBLEM for found in checks):
            raise SystemExit(1)

    def _print(self, checks: list[Finding]) -> None:
        width = max(len(found.name) for found in checks)
        for found in checks:
            self.stdout.write(f"{found.status:<8} {found.name:<{width}}  {found.message}")
            if found.remedy:
                self.stdout.write(f"{'':<9}{'':<{width}}  Remedy: {found.remedy}")
        counts = Counter(found.status for found in checks)
        problems, warnings = counts[Status.PROBLEM], counts[Status.WARNING]
        self.stdout.write(f"{counts[Status.OK]} ok, {_number(warnings, 'warning')}, {_number(problems, 'problem')}.")


def _passwords() -> list[str]:
    return [str(entry.get("PASSWORD") or "") for entry in settings.DATABASES.values()]


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
