"""`demo_page`: the local board, the batches and the runs as one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.template.loader import render_to_string
from django.utils import timezone

from monday.calls import CallLog
from monday.management.quiet import QuietCommand
from staging.console import USAGE, actor, sentences
from staging.reports.page import gather
from staging.wiring import connected

TEMPLATE = "staging/demo_page.html"


class Command(QuietCommand):
    help = (
        "Write the local board with its batches and runs as one HTML file, and print where it lies. "
        "Example: demo_page --out var/demo.html"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", metavar="FILE", type=Path, help="default: demo.html in VAR_DIR")
        parser.add_argument("--board", help="the board's name or id, where several are mapped")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = (options["out"] or settings.VAR_DIR / "demo.html").absolute()
        calls = CallLog(correlation=f"{actor()} demo_page")
        with sentences():
            try:
                with connected(mode="TEST", calls=calls, board_name=options["board"]) as found:
                    page = gather(
                        client=found.client,
                        board=found.board,
                        structure=found.structure,
                        mappings=found.mappings,
                        now=timezone.now(),
                    )
            finally:
                calls.flush()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render_to_string(TEMPLATE, {"page": page}), encoding="utf-8")
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            remedy = "name a file that may be written with --out"
            raise CommandError(f"{path} cannot be written ({reason}). Remedy: {remedy}.", returncode=USAGE) from None
        document = {"schema_version": 1, "board": found.structure.name, "file": str(path)}
        if options["json"]:
            self.tell(document)
        else:
            self.stdout.write(str(path))
