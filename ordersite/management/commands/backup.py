"""`backup`: a consistent copy of the embedded app database, also while the site works."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from monday.management.quiet import QuietCommand
from ordersite.backups import NoBackup, NoFolder, OnServer, copy


class Command(QuietCommand):
    help = (
        "Copy the app database into a folder while the site works, and keep the newest copies. For SQLite; on a server "
        "use its own tool. Example: backup --to /var/backups/ordersite --keep 14"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where copies are kept")
        parser.add_argument("--keep", type=_number, default=14, help="how many copies stay (default 14)")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = copy(folder=options["to"], now=timezone.now(), keep=options["keep"])
        except NoBackup as refused:
            code = 2 if isinstance(refused, OnServer | NoFolder) else 1  # a usage error, or a disk that refuses
            raise CommandError(str(refused), returncode=code) from None
        size = made.stat().st_size
        document = {"schema_version": 1, "file": str(made), "bytes": size}
        if options["json"]:
            self.tell(document)
        else:
            self.stdout.write(f"{made} ({size / 1e6:,.1f} MB)")


def _number(word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= 10_000:
        raise ArgumentTypeError(f"must be a whole number from 1, not {word!r}")
    return int(word)
