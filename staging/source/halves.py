"""Two readers of one table, which see it as it stood at one moment and take little more than half the time of one.

PostgreSQL works outside of this process, so two connections with a thread each are enough. SQLite works inside of it,
under Python's lock, and there each reader is a process of its own (`apart`).
Both must see the same moment: rows of a table that is loaded anew between them would be missed, and taken for removed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any

from django.db import Error, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as Sqlite

from staging.core.source_dialects import Statement

from .reader import Page, Reader

Read = Callable[[], Iterator[Page]]
"""The pages of one half."""

PAGE = 2_000  # rows
WAITING = 24  # pages that are read ahead
ATTEMPTS = 3  # to begin both readers with no change in between


def possible(connection: BaseDatabaseWrapper) -> bool:
    """Whether a second connection would see what this one sees, and has a processor to work on."""
    if connection.vendor not in BEGUN or (os.cpu_count() or 1) < 2:
        return False
    if connection.in_atomic_block or not connection.get_autocommit():
        return False  # what an open transaction has written is seen by its own connection alone
    return not isinstance(connection, Sqlite) or bool(sys.executable and not connection.is_in_memory_db())


@contextmanager
def begun(connection: BaseDatabaseWrapper, statements: Sequence[Statement]) -> Iterator[list[Read] | None]:
    """A reader for each statement, all of which see one moment; None where the table is written without a pause, or
    no reader can be had. They end with the context."""
    with ExitStack() as stack:
        yield next((reads for _ in range(ATTEMPTS) if (reads := _begin(connection, statements, stack))), None)


def _begin(connection: BaseDatabaseWrapper, statements: Sequence[Statement], stack: ExitStack) -> list[Read] | None:
    with ExitStack() as attempt:
        try:
            found = BEGUN[connection.vendor](connection, statements, attempt)
        except (
            Error,
            OSError,
        ):  # a standby hands out no snapshots, a system no processes: one reader says what is wrong
            return None
        if found:
            stack.enter_context(attempt.pop_all())
        return found


def _sqlite(connection: BaseDatabaseWrapper, statements: Sequence[Statement], stack: ExitStack) -> list[Read] | None:
    """A reader sees the file as it was when it first read; the counter tells whether somebody has written meanwhile."""
    with closing(connection.copy()) as witness:  # what ours reads at the moment would hold its counter
        before = _ask(witness, "PRAGMA data_version")
        readers = [stack.enter_context(Reader(connection, statement, PAGE)) for statement in statements]
        for reader in readers:
            reader.ask()
        for reader in readers:
            reader.begun()
        return [reader.pages for reader in readers] if before == _ask(witness, "PRAGMA data_version") else None


def _postgresql(
    connection: BaseDatabaseWrapper, statements: Sequence[Statement], stack: ExitStack
) -> list[Read] | None:
    """The second reader takes over the snapshot of the first one."""
    snapshot, reads = "", list[Read]()
    for statement in statements:
        own = connection.copy()
        own.inc_thread_sharing()
        stack.callback(own.close)
        own.set_autocommit(False)
        _ask(own, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        if snapshot:
            _ask(own, f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        else:
            [[snapshot]] = _ask(own, "SELECT pg_export_snapshot()")
        reads.append(partial(_streamed, own, statement))
    return reads


BEGUN: dict[str, Callable[[BaseDatabaseWrapper, Sequence[Statement], ExitStack], list[Read] | None]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


def _streamed(connection: BaseDatabaseWrapper, statement: Statement) -> Iterator[Page]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(*statement.raw)
        while rows := cursor.fetchmany(PAGE):
            yield rows


def _ask(connection: BaseDatabaseWrapper, statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def together(reads: Sequence[Read]) -> Iterator[Page]:
    """The pages of all readers as they come. Raises the database's Error of whichever reader fails first."""
    pages: Queue[Page | Error | None] = Queue(WAITING)
    stopped = Event()
    threads = [Thread(target=_read, args=(read, pages, stopped), daemon=True) for read in reads]
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


def _read(read: Read, pages: Queue[Page | Error | None], stopped: Event) -> None:
    end: Error | None = OperationalError("one of two readers broke off")  # unless it is known how it ended
    try:
        for page in read():
            pages.put(page)
            if stopped.is_set():
                break
        end = None
    except Error as problem:
        end = problem
    finally:
        pages.put(end)
