"""`adopt_board`: links items that a board already holds to their records, so that no sync creates them again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from monday.management.quiet import QuietCommand
from staging.boards import findings
from staging.boards.adopt import Adopted, adopt
from staging.boards.pairing import as_json, told
from staging.management.board_output import board_options, save_files, whole_number
from staging.management.board_run import board_run
from staging.models import SyncRun
from staging.models.run import Kind

STOPPED = "Stopped. What is linked stays. Remedy: run the same command again to go on."


class Command(QuietCommand):
    help = (
        "Link the items of a board to the records that they stand for, by UUID column, then by business key. "
        "Without --apply it only tells what it would link. Example: adopt_board --mode PRODUCTION --out adoption"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        board_options(parser)
        parser.add_argument(
            "--apply", action="store_true", help="link what is matched; nothing is written to the board"
        )
        parser.add_argument("--out", metavar="DIR", help="write what was found into CSV files there")
        parser.add_argument("--expect-rows", help="the source rightly holds this many rows now")
        parser.add_argument("--expect-orphans", help="this many items rightly have no record")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("expect_rows", "expect_orphans"):
            options[name] = whole_number(name, options[name], least=int(name == "expect_rows"))
        asked = ("apply", "expect_rows", "expect_orphans")
        with board_run(self, Kind.ADOPT, options, asked=asked, stopped=STOPPED) as now:
            done = adopt(
                run=now.run,
                setup=now.setup,
                progress=now.progress,
                apply=options["apply"],
                expect_rows=options["expect_rows"],
                expect_orphans=options["expect_orphans"],
            )
            now.end(as_json(done.counts), done.notes)
        run, files = now.run, save_files(now.run, findings.ADOPT, options["out"])
        self._show(run, done, files, options)
        with suppress(BrokenPipeError):
            self.stdout.flush()

    def _show(self, run: SyncRun, done: Adopted, files: list[Path], options: dict[str, Any]) -> None:
        counts, notes = done.counts, done.notes
        if options["json"]:
            document = {
                "schema_version": 1,
                "run": run.pk,
                "mode": run.mode,
                "apply": options["apply"],
                "counts": as_json(counts),
                "notes": notes,
                "files": [str(path) for path in files],
                "api_calls": run.api.get("calls"),
            }
            self.tell(document)
            return
        word = "Adoption" if options["apply"] else "Adoption, dry run"
        self.stdout.write(f"{word} - run {run.pk} - {run.mode} - {run.board}")
        for sentence in (*told(counts, apply=options["apply"]), *notes):
            self.stdout.write(f"  {sentence}")
        if not options["apply"] and counts.matched:
            self.stdout.write("  Remedy: --apply links what is matched.")
        for path in files:
            self.stdout.write(f"  {path}")
        if not files and (counts.unsure_items or counts.orphaned or counts.unmatched):
            self.stdout.write("  --out DIR writes all of it into files; the admin's page Adoption shows it too.")
