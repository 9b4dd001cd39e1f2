"""Whether the app database was copied lately, wherever whoever copies it puts the files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from ordersite.backups import age

from .finding import Finding, ok, problem, warning

NAME = "backup"
OLD = timedelta(hours=26)  # a day, and two hours for one that took long
REMEDY = "Copy it daily (docs/running.md), and set BACKUP_DIR to the folder of the copies."


def examine() -> Iterator[Finding]:
    """Well with a copy of the last 26 hours. Without BACKUP_DIR nobody knows; that is said where it matters."""
    if not settings.BACKUP_DIR:
        if settings.PRODUCTION:
            yield warning(NAME, "Not checked, as BACKUP_DIR is not set.", REMEDY)
        return
    if not Path(settings.BACKUP_DIR).is_dir():
        yield problem(NAME, f"BACKUP_DIR names {settings.BACKUP_DIR}, which is no folder.", "Create it, or correct it.")
        return
    found = age(Path(settings.BACKUP_DIR), timezone.now())
    if found is None:
        yield problem(NAME, f"There is no copy in {settings.BACKUP_DIR}.", REMEDY)
    elif found > OLD:
        yield problem(NAME, f"The newest copy is {found.total_seconds() / 3600:,.0f} hours old.", REMEDY)
    else:
        yield ok(NAME, f"The newest copy is {found.total_seconds() / 3600:,.0f} hours old.")
