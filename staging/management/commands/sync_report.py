"""`sync_report RUN`: what one run did, as text on the terminal or as text, HTML and CSV files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email
from django.utils import timezone

from monday.management.quiet import QuietCommand
from staging.models import SyncRun
from staging.models.run import Kind
from staging.notices.deliver import send
from staging.reports.report_files import FORMS, as_text, file_name
from staging.reports.reports_by_mail import record_report
from staging.reports.run_report import RunReport, run_report

USAGE = 2


class Command(QuietCommand):
    help = (
        "The report of a run, also of one that failed: counts, a line per customer, errors by code, what is not done "
        "and why. Example: sync_report last --out reports"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", metavar="RUN", help="a run's number, or `last` for the newest sync")
        parser.add_argument("--out", type=Path, metavar="DIR", help="write text, HTML and CSV into this folder")
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        parser.add_argument("--mail", action="append", default=[], metavar="ADDRESS", help="send it there, too")

    def handle(self, *args: Any, **options: Any) -> None:
        for address in options["mail"]:
            _check_address(address)
        report = run_report(_found(options["run"]), now=timezone.now())
        paths = []
        if options["out"] is not None:
            paths = _written(options["out"], {file_name(report, end): make(report) for end, (make, _) in FORMS.items()})
        if options["mail"]:
            self._mail(report, options["mail"])
        if options["json"]:
            told = {"files": [str(path) for path in paths], "mailed_to": options["mail"]}
            self.tell({**_document(report), **told})
        elif not paths and not options["mail"]:
            self.stdout.write(as_text(report), ending="")
        else:
            for line in (*map(str, paths), *([f"sent to {', '.join(options['mail'])}"] if options["mail"] else [])):
                self.stdout.write(line)

    def _mail(self, report: RunReport, recipients: list[str]) -> None:
        if not send([record_report(report, recipients, now=timezone.now())]):
            remedy = "the list of messages tells why; the sweeper tries again"
            raise CommandError(f"The mail server did not take it. Remedy: {remedy}.", returncode=1)


def _document(report: RunReport) -> dict[str, Any]:
    """What the report says, as data."""
    run = report.run
    return {
        "schema_version": 1,
        "run": run.pk,
        "kind": run.kind,
        "state": run.state,
        "ending": report.ending,
        "facts": dict(report.facts),
        "sums": [{"whole": whole, "number": number, "parts": dict(parts)} for whole, number, parts in report.sums],
        "customers": [asdict(line) for line in report.customers],
        "errors": [asdict(line) for line in report.errors],
        "pending": [asdict(line) for line in report.pending],
        "unused": [{"reason": reason, "rows": rows} for reason, rows in report.unused],
        "groups": report.groups,
        "labels": [list(label) for label in report.labels],
        "notes": report.notes,
    }


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


def _check_address(text: str) -> None:
    try:
        validate_email(text)
    except ValidationError:
        why = f"--mail {text!r} is no address. Remedy: --mail name@company.example"
        raise CommandError(why, returncode=USAGE) from None


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
