"""Two readers of one table, each with a connection and a thread of its own, which see it as it stood at one moment.

Databases do their part of the work outside of Python's lock, so two readers take little more than half the time of one.
Both must see the same moment: rows of a table that is loaded anew between them would be missed, and taken for removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as Sqlite

Page = list[tuple[Any, ...]]
Read = Callable[[BaseDatabaseWrapper], Iterator[Page]]
"""Pages that a connection gives."""

WAITING = 24  # pages that are read ahead
ATTEMPTS = 3  # to begin both readers with no change in between


def possible(connection: BaseDatabaseWrapper) -> bool:
    """Whether a second connection would see what this one sees, and has a processor to work on."""
    if connection.vendor not in BEGUN or (os.cpu_count() or 1) < 2:
        return False
    if connection.in_atomic_block or not connection.get_autocommit():
        return False  # what an open transaction has written is seen by its own connection alone
    return not (isinstance(connection, Sqlite) and connection.is_in_memory_db())


@contextmanager
def two(connection: BaseDatabaseWrapper) -> Iterator[tuple[BaseDatabaseWrapper, BaseDatabaseWrapper] | None]:
    """Two further connections that see one moment; None where the table is written without a pause."""
    with ExitStack() as stack:
        yield next((pair for _ in range(ATTEMPTS) if (pair := _pair(connection, stack))), None)


def _pair(connection: BaseDatabaseWrapper, stack: ExitStack) -> tuple[BaseDatabaseWrapper, BaseDatabaseWrapper] | None:
    one, other = connection.copy(), connection.copy()
    for own in (one, other):
        own.inc_thread_sharing()
        stack.callback(own.close)
    try:
        return (one, other) if BEGUN[connection.vendor](connection, one, other) else None
    except Error:  # a standby hands out no snapshots; whether the table can be read at all is seen by one reader
        return None


def _sqlite(connection: BaseDatabaseWrapper, one: BaseDatabaseWrapper, other: BaseDatabaseWrapper) -> bool:
    """A reader sees the file as it was when it first read; the counter tells whether somebody has written meanwhile."""
    before = _ask(connection, "PRAGMA data_version")
    for own in (one, other):
        _ask(own, "BEGIN")
        _ask(own, "SELECT COUNT(*) FROM sqlite_master")
    return before == _ask(connection, "PRAGMA data_version")


def _postgresql(connection: BaseDatabaseWrapper, one: BaseDatabaseWrapper, other: BaseDatabaseWrapper) -> bool:
    """The second reader takes over the snapshot of the first one."""
    for own in (one, other):
        own.set_autocommit(False)
        _ask(own, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    [[snapshot]] = _ask(one, "SELECT pg_export_snapshot()")
    _ask(other, f"SET TRANSACTION SNAPSHOT '{snapshot}'")
    return True


BEGUN: dict[str, Callable[[BaseDatabaseWrapper, BaseDatabaseWrapper, BaseDatabaseWrapper], bool]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


def _ask(connection: BaseDatabaseWrapper, statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def together(connections: Sequence[BaseDatabaseWrapper], reads: Sequence[Read]) -> Iterator[Page]:
    """The pages of all readers as they come. Raises the database's Error of whichever reader fails first."""
    pages: Queue[Page | Error | None] = Queue(WAITING)
    stopped = Event()
    threads = [
        Thread(target=_read, args=(connection, read, pages, stopped), daemon=True)
        for connection, read in zip(connections, reads, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        ended = 0
        while ended < len(threads):
            page = pages.get()
            if isinstance(page, Error):
                raise page
            if page is None:
                ended += 1
            else:
                yield page
    finally:
        stopped.set()
        while any(thread.is_alive() for thread in threads):
            with suppress(Empty):  # a reader that waits for room sees that nobody reads any more
                pages.get(timeout=0.01)


def _read(connection: BaseDatabaseWrapper, read: Read, pages: Queue[Page | Error | None], stopped: Event) -> None:
    try:
        for page in read(connection):
            pages.put(page)
            if stopped.is_set():
                break
        pages.put(None)
    except Error as problem:
        pages.put(problem)
