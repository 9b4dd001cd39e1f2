"""`sync_report RUN`: what one run did, as text on the terminal or as text, HTML and CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from staging.deliver import send
from staging.models import SyncRun
from staging.models.run import Kind
from staging.report_files import FORMS, as_text, file_name
from staging.reports_by_mail import record_report
from staging.run_report import RunReport, run_report

USAGE = 2


class Command(BaseCommand):
    help = (
        "The report of a run, also of one that failed: counts, a line per customer, errors by code, what is not done "
        "and why. Example: sync_report last --out reports"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", metavar="RUN", help="a run's number, or `last` for the newest sync")
        parser.add_argument("--out", type=Path, metavar="DIR", help="write text, HTML and CSV into this folder")
        parser.add_argument("--mail", action="append", default=[], metavar="ADDRESS", help="send it there, too")

    def handle(self, *args: Any, **options: Any) -> None:
        report = run_report(_found(options["run"]), now=timezone.now())
        if options["out"] is None and not options["mail"]:
            self.stdout.write(as_text(report), ending="")
        if options["out"] is not None:
            files = {file_name(report, end): make(report) for end, (make, _) in FORMS.items()}
            for path in _written(options["out"], files):
                self.stdout.write(str(path))
        if options["mail"]:
            self._mail(report, options["mail"])

    def _mail(self, report: RunReport, recipients: list[str]) -> None:
        if not send([record_report(report, recipients, now=timezone.now())]):
            remedy = "the list of messages tells why; the sweeper tries again"
            raise CommandError(f"The mail server did not take it. Remedy: {remedy}.", returncode=1)
        self.stdout.write(f"sent to {', '.join(recipients)}")


def _found(wanted: str) -> SyncRun:
    shown = SyncRun.objects.filter(rehearsal=False).select_related("board")
    if wanted == "last":
        run = shown.filter(kind=Kind.SYNC).order_by("-id").first()
    else:
        known = wanted.isascii() and wanted.isdigit() and len(wanted) < 19
        run = shown.filter(pk=int(wanted)).first() if known else None
    if run is None:
        remedy = "`last`, or a number of the list of runs"
        raise CommandError(f"There is no run {wanted!r}. Remedy: {remedy}.", returncode=USAGE)
    return run


def _written(folder: Path, files: dict[str, str]) -> list[Path]:
    """The files, written. Raises CommandError where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
    except OSError as problem:
        why = f"{folder} cannot be written ({problem.strerror}). Remedy: name another folder with --out."
        raise CommandError(why, returncode=USAGE) from None
    return [folder / name for name in files]
