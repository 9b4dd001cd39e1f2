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
    """Whether working files can be written."""
    path = Path(settings.VAR_DIR)
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as refused:
        why = refused.strerror or type(refused).__name__
        yield problem(
            "working folder", f"{path} cannot be written ({why}).", "Give this account the right, or set VAR_DIR."
        )
        return
    yield ok("working folder", f"{path} can be written.")


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
