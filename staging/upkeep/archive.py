"""Files that keep what was pruned: rows as JSON, one a line, compressed, each file with its checksum beside it.

A file is a row of whole gzip members, one per piece that was removed, so that everything up to a kill can be read: what
was cut off in the middle was not removed, and stands in a later file again.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

BLOCK = 1 << 20  # bytes read at a time
SUFFIX = ".jsonl.gz"


class NotArchived(Exception):
    """Nothing was written down, so nothing may be removed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Where one piece stands: the file's name, how many lines it has, and the SHA-256 of its bytes in the file."""

    file: str
    lines: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """For the audit."""
        return {"file": self.file, "lines": self.lines, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Closed:
    """A finished file: its path, and its SHA-256, which also stands in the file `NAME.sha256` beside it."""

    path: Path
    sha256: str


class Archive:
    """The files of one pruning in a folder, named by its beginning and the run; one file per kind of rows."""

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder, self._stem = folder, stem
        self._written: dict[str, int] = {}

    def write(self, kind: str, rows: Iterable[dict[str, Any]]) -> Piece:
        """Add these rows to the kind's file and wait until the disk has them. Raises NotArchived."""
        lines = [orjson.dumps(row) for row in rows]
        member = gzip.compress(b"".join(line + b"\n" for line in lines), compresslevel=6, mtime=0)
        path = self._folder / f"{kind}-{self._stem}{SUFFIX}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with open(path, "ab", opener=_private) as file:
                file.write(member)
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise NotArchived(
                f"{path} cannot be written ({problem.strerror}); nothing of it was removed. Remedy: free space, or "
                "name another folder with ARCHIVE_DIR."
            ) from None
        self._written[path.name] = self._written.get(path.name, 0) + len(lines)
        return Piece(path.name, len(lines), hashlib.sha256(member).hexdigest())

    def close(self) -> list[Closed]:
        """Write the checksum beside every file of this archive. Raises NotArchived."""
        return [_seal(self._folder / name) for name in sorted(self._written)]


def seal_left(folder: Path) -> list[Closed]:
    """Finish the files that a dead process left without a checksum: what it had not written whole is cut off.

    Only while no other pruning is at work. Raises NotArchived.
    """
    if not folder.is_dir():
        return []
    left = [path for path in sorted(folder.glob(f"*{SUFFIX}")) if not _checksum_of(path).exists()]
    sealed = []
    for path in left:
        try:
            whole = whole_bytes(path)
            if whole < path.stat().st_size:
                os.truncate(path, whole)
        except OSError as problem:
            raise NotArchived(
                f"{path} cannot be finished ({problem.strerror}). Remedy: check the folder's rights."
            ) from None
        sealed.append(_seal(path))
    return sealed


def whole_bytes(path: Path) -> int:
    """How many bytes of a file are whole gzip members. Raises OSError."""
    good, read = 0, zlib.decompressobj(wbits=31)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            while block:
                try:
                    read.decompress(block)
                except zlib.error:
                    return good
                if not read.eof:
                    break
                block = read.unused_data
                good = file.tell() - len(block)
                read = zlib.decompressobj(wbits=31)
    return good


def _seal(path: Path) -> Closed:
    try:
        whole = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                whole.update(block)
        with open(_checksum_of(path), "w", encoding="ascii", opener=_private) as beside:
            beside.write(f"{whole.hexdigest()}  {path.name}\n")
    except OSError as problem:
        raise NotArchived(f"{path} cannot be finished ({problem.strerror}). Remedy: free space.") from None
    return Closed(path, whole.hexdigest())


def _checksum_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
