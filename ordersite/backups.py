"""Copies of the app database: how one is made where it is a file, and how old the newest is wherever it lies."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

SPACE = "free space, or another folder"
PAGES = 2_000  # copied at a time, so that writers come in between


class NoBackup(Exception):
    """No copy was made; the message says why and what to do."""


class OnServer(NoBackup):
    """The app database is none that is copied here."""


class NoFolder(NoBackup):
    """The folder that was named cannot hold a copy."""


def copy(*, folder: Path, now: datetime, keep: int) -> Path:
    """Copy the SQLite app database into `folder`, whole and consistent while others write, and keep the newest `keep`.

    The file appears under its name only when it is complete. Raises NoBackup.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "sqlite":
        tool = "pg_dump --format=custom" if connection.vendor == "postgresql" else "BACKUP DATABASE"
        raise OnServer(f"The app database is on a server. Remedy: use its own tool ({tool}).")
    name = folder / f"ordersite-{now.astimezone(UTC):%Y%m%d-%H%M%S}.sqlite3"
    partial = name.with_suffix(".partial")
    _prepare(folder, partial)
    try:
        with closing(sqlite3.connect(partial)) as target:
            os.chmod(partial, 0o600)
            connection.ensure_connection()
            connection.connection.backup(target, pages=PAGES)
            if target.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise NoBackup("The copy is damaged. Remedy: run doctor, and look at the disk.")
        partial.replace(name)
        for old in sorted(folder.glob("ordersite-*.sqlite3"))[:-keep]:
            old.unlink()
    except (OSError, sqlite3.Error) as problem:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise NoBackup(f"No copy could be made in {folder} ({_words(problem)}). Remedy: {SPACE}.") from None
    return name


def _prepare(folder: Path, partial: Path) -> None:
    """Make the folder, and the empty file that is to become the copy. Raises NoBackup."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.touch(mode=0o600)
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoBackup(f"No copy could be made in {folder} ({_words(problem)}). Remedy: {SPACE}.") from None
        raise NoFolder(
            f"No copy can be made in {folder} ({_words(problem)}). Remedy: name a folder that may be written with --to."
        ) from None


def _words(problem: OSError | sqlite3.Error) -> str:
    return str((isinstance(problem, OSError) and problem.strerror) or problem)


def age(folder: Path, now: datetime) -> timedelta | None:
    """How old the newest file of a folder is, None where there is none. A file without a byte is no copy: a dump that
    broke off leaves one. Raises OSError."""
    files = [entry.stat() for entry in folder.iterdir() if entry.is_file() and entry.suffix != ".partial"]
    times = [file.st_mtime for file in files if file.st_size]
    return now - datetime.fromtimestamp(max(times), UTC) if times else None
