"""`board_export`: a whole board as a CSV or XLSX file, items with their subitems beneath."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from monday.calls import CallLog
from monday.management.quiet import QuietCommand
from staging.boards.board_table import SUFFIXES, Exported, NotExported, export
from staging.console import FAILED, USAGE, Console, sentences
from staging.core.words import counted
from staging.management.board_output import board_options
from staging.setup import Stopped
from staging.wiring import Connected, connected


class Command(QuietCommand):
    help = (
        "Write a whole board into a file: a row for each item, its subitems beneath, columns by title. It reads only. "
        "Example: board_export 'Customer Master Schedule' --to board.xlsx"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        board_options(parser, named=False)
        parser.add_argument("--to", required=True, type=Path, metavar="FILE", help="a file that ends in .csv or .xlsx")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["to"]
        if path.suffix.lower() not in SUFFIXES:
            raise CommandError(f"{path} ends in neither .csv nor .xlsx. Remedy: --to board.csv", returncode=USAGE)
        if not path.absolute().parent.is_dir():
            raise CommandError(f"There is no folder {path.absolute().parent}. Remedy: make it first.", returncode=USAGE)
        console = Console(self.stdout, self.stderr, quiet=options["json"] or options["verbosity"] == 0)
        calls = CallLog(correlation="board_export", waits=console.waits)
        with (
            console.stoppable(signal.SIGINT, signal.SIGTERM),
            sentences(),
            connected(
                mode=options["mode"], calls=calls, board_name=options["board"], allow_sandbox=options["allow_sandbox"]
            ) as found,
        ):
            done = self._export(found, path, console, calls)
        self._tell(found, path, done, options, calls)

    def _export(self, found: Connected, path: Path, console: Console, calls: CallLog) -> Exported:
        total = found.structure.items_count
        try:
            return export(found.client, found.structure, path, lambda at: console.progress("read", at, max(total, at)))
        except NotExported as refused:
            raise CommandError(str(refused), returncode=FAILED) from None
        except Stopped:
            self.stderr.write("Stopped; no file was written. Remedy: run the same command again.")
            raise SystemExit(console.signal_code) from None
        finally:
            calls.flush()

    def _tell(self, found: Connected, path: Path, done: Exported, options: dict[str, Any], calls: CallLog) -> None:
        if options["json"]:
            document = {
                "schema_version": 1,
                "board": found.structure.name,
                "board_id": found.structure.id,
                "mode": options["mode"],
                "file": str(path),
                "items": done.items,
                "subitems": done.subitems,
                "columns": list(done.titles),
                "api_calls": calls.calls,
            }
            self.tell(document)
            return
        what = f"{counted(done.items, 'item')} and {counted(done.subitems, 'subitem')} of {found.board}"
        self.stdout.write(f"{path}: {what}, {len(done.titles)} columns; {counted(calls.calls, 'API call')}.")
