"""Counts at the cursor what a database hands over, and at the pipe what a reader in a process of its own does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from staging.source.reader import Reader


class Fetched:
    """Counts what comes from a connection, its copies, and processes that read its file."""

    def __init__(self) -> None:
        self.letters = self.statements = 0

    def watch(self, connection: Any) -> Callable[[], None]:
        """Count from here on; what comes back ends it."""
        counted, kind = self, type(connection)
        make, read = kind.create_cursor, Reader.pages

        def create_cursor(own: Any, name: Any = None) -> Any:
            cursor = make(own, name)
            return Counted(cursor, counted) if own.alias == connection.alias else cursor

        def pages(own: Reader) -> Any:
            counted.statements += 1
            return map(counted.seen, read(own))

        def end() -> None:
            kind.create_cursor, Reader.pages = make, read  # type: ignore[method-assign]

        kind.create_cursor, Reader.pages = create_cursor, pages  # type: ignore[method-assign]
        return end

    def seen(self, rows: Any) -> Any:
        self.letters += sum(len(v) if isinstance(v, str | bytes) else 8 for row in rows for v in row)
        return rows


class Counted:
    """A driver's cursor whose rows are counted as they are fetched: letters of texts, eight for anything else."""

    def __init__(self, cursor: Any, counted: Fetched) -> None:
        self._cursor, self._counted = cursor, counted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Any:
        return iter(self._cursor)

    def execute(self, *arguments: Any) -> Any:
        self._counted.statements += 1
        return self._cursor.execute(*arguments)

    def fetchmany(self, size: int) -> Any:
        return self._counted.seen(self._cursor.fetchmany(size))

    def fetchall(self) -> Any:
        return self._counted.seen(self._cursor.fetchall())
