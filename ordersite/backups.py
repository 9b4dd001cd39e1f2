"""Copies of the app database: how one is made where it is a file, and how old the newest is wherever it lies."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

PAGES = 2_000  # copied at a time, so that writers come in between


class NoBackup(Exception):
    """No copy was made; the message says why and what to do."""


class OnServer(NoBackup):
    """The app database is none that is copied here."""


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
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        raise NoBackup(
            f"No copy could be made in {folder} ({problem}). Remedy: free space, or another folder."
        ) from None
    return name


def age(folder: Path, now: datetime) -> timedelta | None:
    """How old the newest file of a folder is, None where there is none. A file without a byte is no copy: a dump that
    broke off leaves one. Raises OSError."""
    files = [entry.stat() for entry in folder.iterdir() if entry.is_file() and entry.suffix != ".partial"]
    times = [file.st_mtime for file in files if file.st_size]
    return now - datetime.fromtimestamp(max(times), UTC) if times else None
