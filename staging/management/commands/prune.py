"""`prune`: removes what is older than the settings say and needed by nothing later, after writing it into files."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from monday.management.quiet import QuietCommand
from staging.console import Console, actor, sentences
from staging.models import SyncRun
from staging.models.run import Kind
from staging.running import runs
from staging.setup import Stopped
from staging.upkeep import care
from staging.upkeep.prune import SUBJECT, Found, foreseen
from staging.upkeep.retention import KINDS, NAMES

SCHEMA_VERSION = 1


class Command(QuietCommand):
    help = (
        "Remove what is older than its kind's age (RETAIN_..._DAYS) and needed by nothing later. Batches with their "
        "receipts, and audit events, are first written into compressed files with checksums in ARCHIVE_DIR. Safe to "
        f"stop, and to run twice. Kinds: {', '.join(NAMES)}. Example: prune --dry-run"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="tell what would go, and remove nothing")
        parser.add_argument("--only", nargs="+", choices=NAMES, metavar="KIND", help="only these kinds")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        kinds = tuple(options["only"] or NAMES)
        if options["dry_run"]:
            self._foresee(kinds, options["json"])
            return
        console = Console(self.stdout, self.stderr, quiet=options["json"] or options["verbosity"] == 0)
        with console.stoppable(signal.SIGINT, signal.SIGTERM), sentences():
            try:
                run = _pruned(kinds, console)
            except Stopped:
                self.stderr.write("Stopped; what went is whole. Remedy: run the same command again to go on.")
                raise SystemExit(console.signal_code) from None
        if options["json"]:
            self._print({"dry_run": False, "run": run.pk, **run.result})
            return
        self.stdout.write(f"Pruning - run {run.pk} - {run.get_state_display().lower()}")
        for note in run.notes:
            self.stdout.write(f"  {note}")

    def _foresee(self, kinds: tuple[str, ...], as_json: bool) -> None:
        try:
            found = foreseen(now=timezone.now(), kinds=kinds)
        except OSError as problem:
            why = f"{problem.filename} cannot be read ({problem.strerror}). Remedy: check this account's rights."
            raise CommandError(why, returncode=1) from None
        if as_json:
            self._print({"dry_run": True, "run": None, "kinds": [one.to_json() for one in found], "files": []})
            return
        self.stdout.write("What a pruning would remove now (nothing was removed):")
        for one in found:
            self.stdout.write(f"  {one.name:<9} {care.sentence(one)}")
        total = sum(one.count for one in found)
        kept = "" if not _archived(found) else f" Batches and audit events are first written to {settings.ARCHIVE_DIR}."
        self.stdout.write(f"{total:,} in all.{kept}")

    def _print(self, document: dict[str, Any]) -> None:
        self.tell({"schema_version": SCHEMA_VERSION, **document})


def _archived(found: list[Found]) -> bool:
    return any(one.count for one in found if one.name in ("batches", "audit"))


def _pruned(kinds: tuple[str, ...], console: Console) -> SyncRun:
    scope = {} if len(kinds) == len(KINDS) else {"kinds": list(kinds)}
    with runs.now_on(kind=Kind.PRUNE, subject=SUBJECT, board=None, mode="", actor=actor(), scope=scope) as run:
        done = care.carry_out(run, runs.renewing(run, console.progress))
        runs.end(run, now=timezone.now(), **done)
    return run
