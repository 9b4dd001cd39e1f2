"""`unused_rows`: the rows of the source that cannot be used, each with column, value, reason and whose job it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from monday.management.quiet import QuietCommand
from monday.models import Board
from staging.core.words import counted
from staging.management.board_output import whole_number
from staging.reports.unused import Unused, reasons, unused
from staging.reports.unused_files import write_all

TOLD = ("column", "value", "reason", "owner")


class Command(QuietCommand):
    help = "List the rows that the last syncs could not use, and why. Example: unused_rows --customer HARBOUR"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--board", help="the board's name or id, where there are several")
        parser.add_argument("--customer", default="", help="only this customer's rows, by its name")
        parser.add_argument("--limit", default=100, metavar="N", help="show at most so many (default 100)")
        parser.add_argument("--out", type=Path, metavar="DIR", help="write an XLSX file per customer into this folder")
        parser.add_argument("--json", action="store_true", help="print one JSON document with all of them")

    def handle(self, *args: Any, **options: Any) -> None:
        limit = whole_number("limit", options["limit"], least=1) or 0
        board = self._board(options["board"])
        if options["out"] is not None:
            self._write(board, options["out"], options["customer"], as_json=options["json"])
            return
        if options["json"]:
            listed = [_picture(row) for row in unused(board, customer=options["customer"])]
            self.tell({"schema_version": 1, "board": board.name, "rows": listed})
            return
        shown = rows = 0
        for row in unused(board, customer=options["customer"]):
            shown, rows = shown + 1, rows + row.rows
            if shown <= limit:
                self._show(row)
        if shown > limit:
            self.stdout.write(f"... and {shown - limit:,} more. Remedy: --limit {shown}, or --json.")
        if not shown:
            self.stdout.write(f"Every row of {board} that the last syncs read can be used.")
            return
        self.stdout.write(f"{counted(rows, 'row is', 'rows are')} not used:")
        for reason, count in reasons(board)[:12]:
            self.stdout.write(f"  {count:>6,} x {reason}")

    def _write(self, board: Board, folder: Path, customer: str, *, as_json: bool) -> None:
        try:
            written = write_all(board, folder, customer=customer)
        except OSError as problem:
            why = f"{folder} cannot be written ({problem.strerror}). Remedy: name another folder with --out."
            raise CommandError(why, returncode=2) from None
        if as_json:
            files = [{"file": str(path), "rows": rows} for path, rows in written]
            self.tell({"schema_version": 1, "board": board.name, "files": files})
            return
        for path, rows in written:
            self.stdout.write(f"{path}: {counted(rows, 'row')}")
        if not written:
            self.stdout.write("Every row can be used; no file was written.")

    def _show(self, row: Unused) -> None:
        several = f"  {row.rows:,} rows" if row.rows > 1 else ""
        verdict = row.verdict.replace("_", " ")
        self.stdout.write(f"{row.record}  {verdict}{several}  {row.customer or '-'}  {row.key or '-'}")
        for column, value, reason, owner in row.problems:
            cell = f"{column} = {value!r}: " if column else ""
            self.stdout.write(f"    {cell}{reason} (to be put right in the {owner})")

    def _board(self, wanted: str | None) -> Board:
        boards = list(Board.objects.order_by("-id"))
        found = [board for board in boards if not wanted or wanted in (board.name, board.board_id)]
        if not found:
            known = f"Known: {', '.join(sorted({b.name for b in boards}))}." if boards else "Run sync_orders first."
            raise CommandError(f"No board is called {wanted or 'anything yet'}. Remedy: {known}", returncode=2)
        return found[0]


def _picture(row: Unused) -> dict[str, Any]:
    return {
        "record": row.record,
        "verdict": row.verdict,
        "rows": row.rows,
        "customer": row.customer or None,
        "key": row.key or None,
        "problems": [
            dict(zip(("column", "value", "reason", "owner"), problem, strict=True)) for problem in row.problems
        ],
    }
