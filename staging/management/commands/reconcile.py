"""`reconcile`: where a board differs from what was last written. It reads only."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from monday.management.quiet import QuietCommand
from staging.boards import findings
from staging.boards.reconcile import Counts, as_json, reconcile, told
from staging.management.board_output import board_options, save_files, whole_number
from staging.management.board_run import board_run
from staging.models import BoardFinding, SyncRun
from staging.models.run import Kind


class Command(QuietCommand):
    help = (
        "Compare a board with what was last written to it: missing, extra, drifted and doubled items. "
        "It reads only. Example: reconcile --mode PRODUCTION --out differences"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        board_options(parser)
        parser.add_argument("--out", metavar="DIR", help="write what differs into CSV files there")
        parser.add_argument("--limit", default=20, help="show at most so many differences of a kind (default 20)")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout, with all differences")

    def handle(self, *args: Any, **options: Any) -> None:
        limit = whole_number("limit", options["limit"])
        stopped = "Stopped. Remedy: run the same command again."
        with board_run(self, Kind.RECONCILE, options, stopped=stopped) as now:
            counts = reconcile(run=now.run, setup=now.setup, progress=now.progress)
            now.end(as_json(counts))
        run, files = now.run, save_files(now.run, findings.RECONCILE, options["out"])
        if options["json"]:
            self.tell(_document(run, counts, files))
        else:
            self._show(run, counts, files, limit or 0)
        with suppress(BrokenPipeError):
            self.stdout.flush()

    def _show(self, run: SyncRun, counts: Counts, files: list[Path], limit: int) -> None:
        self.stdout.write(f"Reconciliation - run {run.pk} - {run.mode} - {run.board}")
        for sentence in told(counts):
            self.stdout.write(f"  {sentence}")
        for category, words in findings.RECONCILE.items():
            rows = findings.found(run, category, limit=limit + 1)
            if not rows:
                continue
            self.stdout.write(f"{words}:")
            for row in rows[:limit]:
                self.stdout.write(f"  {_line(row)}")
            if len(rows) > limit:
                total = run.findings.filter(category=category).count()
                self.stdout.write(f"  ... and {total - limit:,} more. Remedy: --out DIR writes all of them.")
        for path in files:
            self.stdout.write(str(path))


def _line(row: BoardFinding) -> str:
    what = f"{row.item_id}  {row.name}"
    if row.field and not row.why:
        return f"{what}  {row.field}: written {row.written or 'empty'}, board {row.live or 'empty'}"
    return f"{what}  {row.field + ': ' if row.field else ''}{row.why or row.live}"


def _document(run: SyncRun, counts: Counts, files: list[Path]) -> dict[str, Any]:
    found = {
        category: [
            {name: getattr(row, name) for name in findings.COLUMNS if name != "category" and getattr(row, name)}
            for row in findings.every(run, category)
        ]
        for category in findings.RECONCILE
    }
    return {
        "schema_version": 1,
        "run": run.pk,
        "mode": run.mode,
        "counts": as_json(counts),
        "found": found,
        "files": [str(path) for path in files],
        "api_calls": run.api.get("calls"),
    }
