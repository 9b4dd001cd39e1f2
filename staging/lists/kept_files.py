"""Files that people take home or bring: private, in one folder, and gone after some days.

On several hosts the folder is one that all of them share (`FILES_DIR`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

PART = ".part"  # of a file that is still being written


def place(name: str) -> Path:
    """Where the file of this name stands or will stand; its folder is made, for this program's user alone.

    Raises OSError.
    """
    folder = Path(settings.FILES_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / Path(name).name


@contextmanager
def written(name: str) -> Iterator[BinaryIO]:
    """A file that stands under its name once it is whole; what breaks off leaves nothing. Raises OSError."""
    path = place(name)
    part = path.with_name(path.name + PART)
    with suppress(FileNotFoundError):
        part.unlink()
    try:
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def old(before: datetime) -> Iterator[tuple[Path, datetime]]:
    """Each file that was last changed before this time, with that time. Raises OSError."""
    folder = Path(settings.FILES_DIR)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if path.is_file() and changed < before:
                yield path, changed


def clean(now: datetime) -> int:
    """Remove the files that are older than KEEP_FILES_DAYS; says how many went."""
    gone = 0
    with suppress(OSError):
        for path, _ in old(now - timedelta(days=settings.KEEP_FILES_DAYS)):
            path.unlink(missing_ok=True)
            gone += 1
    return gone
