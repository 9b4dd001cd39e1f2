"""What the commands that read a whole board share: their options and their files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.core.management.base import CommandError, CommandParser

from staging.boards.findings import lines
from staging.console import USAGE
from staging.models import SyncRun

MOST = 2**31 - 1


def board_options(parser: CommandParser, *, named: bool = True) -> None:
    """The options that say which board is meant; `named` takes it as --board, else as the first word."""
    if named:
        parser.add_argument("--board", help="the board's name or id, where several are mapped")
    else:
        parser.add_argument("board", nargs="?", metavar="BOARD", help="its name or id; not needed where one is mapped")
    parser.add_argument("--mode", choices=["TEST", "PRODUCTION"], default="TEST", help="which board (default TEST)")
    parser.add_argument("--allow-sandbox", action="store_true", help="let PRODUCTION use a local board")


def whole_number(option: str, given: str | int | None, *, least: int = 0) -> int | None:
    """An option that is a count; None where it was left out. Raises CommandError with the option's name."""
    if given is None:
        return None
    text = str(given).strip()
    if not (text.isascii() and text.isdigit() and least <= int(text) <= MOST):
        name = option.replace("_", "-")
        raise CommandError(
            f"--{name} must be a whole number from {least} up, not {given!r}. Remedy: --{name} 10, or leave it out.",
            returncode=USAGE,
        )
    return int(text)


def save_files(run: SyncRun, categories: Iterable[str], folder: str | None) -> list[Path]:
    """Write each category of a run's findings into a CSV file of its own; the files, none without a folder.

    Raises CommandError where the folder cannot be written.
    """
    if not folder:
        return []
    paths = []
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for category in categories:
            path = Path(folder) / f"{category}.csv"
            # With a byte order mark, so that spreadsheets read it as Unicode.
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                file.writelines(lines(run, category))
            paths.append(path)
    except OSError as problem:
        raise CommandError(
            f"The files cannot be written to {folder} ({problem.strerror}). Remedy: name another folder.",
            returncode=USAGE,
        ) from None
    return paths
