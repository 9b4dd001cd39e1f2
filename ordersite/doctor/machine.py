"""This machine: the folder for working files, and the room on its disks."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from .finding import Finding, ok, problem, warning

MEGABYTE = 1024 * 1024
TOO_LITTLE, SCARCE = 200 * MEGABYTE, 1024 * MEGABYTE


def folder() -> Iterator[Finding]:
    """Whether working files can be written, and those that are handed out or kept for years, where they will stand."""
    name, path = "working folder", Path(settings.VAR_DIR)
    if why := _why_not_written(path):
        yield problem(name, f"{path} cannot be written ({why}).", "Give this account the right, or set VAR_DIR.")
    else:
        yield ok(name, f"{path} can be written.")
    for setting in ("FILES_DIR", "ARCHIVE_DIR"):
        path = Path(getattr(settings, setting))
        # It is made with the first file in it.
        there = next(one for one in (path, *path.absolute().parents) if one.exists())
        if there != Path(settings.VAR_DIR) and (why := _why_not_written(there)):
            words = f"{path}, which {setting} names, cannot be written ({why})."
            yield problem(name, words, f"Give this account the right, or set {setting}.")


def _why_not_written(path: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=path):
            return ""
    except OSError as refused:
        return refused.strerror or type(refused).__name__


def disk() -> Iterator[Finding]:
    """Free room where working files lie, and where a large comparison keeps its temporary ones."""
    places = {"disk": Path(settings.VAR_DIR), "temporary disk": Path(tempfile.gettempdir())}
    if places["disk"].stat().st_dev == places["temporary disk"].stat().st_dev:
        del places["temporary disk"]
    for name, path in places.items():
        free = shutil.disk_usage(path).free
        words = f"{free / MEGABYTE:,.0f} MB are free at {path}."
        if free >= SCARCE:
            yield ok(name, words)
        else:
            make = problem if free < TOO_LITTLE else warning
            yield make(name, words, "Free some space before the next run.")
