"""One half of an SQLite table, read by a process of its own: this file is its whole program, started by `halves`.

It loads neither Django nor this package, so that it reads within a few hundredths of a second of its start. Its input
is one request; its output are answers, each with its length before it: that its snapshot is taken, then pages, then how
it ended. It ends with the pipe, so it does not outlive whoever asked.
"""

import hashlib
import marshal
import signal
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

FUNCTION = "ordersite_sha256"
PLAIN = 2  # the version of the format that does not look for repeated values, which takes longer than it saves

Request = tuple[str, float, str, tuple[Any, ...], int]
"""The database, seconds to wait for a lock, a statement with its parameters, and how many rows a page has."""

Answer = bool | list[tuple[Any, ...]] | tuple[str, str] | None
"""True once its snapshot is taken, a page, the kind and the text of the error that it ended with, None at the end."""


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for whoever asked, who ends us
    out = sys.stdout.buffer
    try:
        for answer in answers(*marshal.load(sys.stdin.buffer)):  # noqa: S302  whoever started us  # nosec B302
            packed = marshal.dumps(answer, PLAIN)
            out.write(len(packed).to_bytes(8, "big"))
            out.write(packed)
            out.flush()
    except OSError:  # nobody listens any more
        sys.exit(1)


def answers(database: str, seconds: float, statement: str, params: tuple[Any, ...], page: int) -> Iterator[Answer]:
    """All of one request."""
    try:
        connection = sqlite3.connect(database, timeout=seconds, isolation_level=None, uri=True)
        connection.execute("PRAGMA query_only = 1")
        connection.create_function(FUNCTION, 1, sha256, deterministic=True)
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()  # from here on nothing moves for us
        yield True
        cursor = connection.execute(statement, params)
        while rows := cursor.fetchmany(page):
            yield rows
        yield None
    except sqlite3.Error as problem:
        yield type(problem).__name__, str(problem)


def sha256(row: bytes | None) -> str:
    """What a row's fingerprint is made with."""
    return hashlib.sha256(row or b"").hexdigest()


if __name__ == "__main__":
    main()
