"""A process that reads one half of an SQLite table (`apart`), as whoever started it sees it."""

from __future__ import annotations

import marshal
import re
import subprocess  # nosec B404
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self

import django.db
from django.db.backends.base.base import BaseDatabaseWrapper

from staging.core.source_dialects import Statement

from . import apart

Page = list[tuple[Any, ...]]

ROOM = 1 << 20  # bytes that a reader may be ahead in its pipe, where the system lets us say so


class Reader:
    """As a context it ends its process, wherever that stands, and leaves nothing of it.

    Raises OSError where the system starts no process, and the database's Error for what goes wrong in one.
    """

    def __init__(self, connection: BaseDatabaseWrapper, statement: Statement, page: int) -> None:
        given = connection.get_connection_params()
        database, seconds = str(given["database"]), float(given.get("timeout", 5))
        self._request: apart.Request = (database, seconds, _marked(statement.text), statement.params, page)
        self._process = subprocess.Popen(  # noqa: S603  # nosec B603
            # Isolated and without a site: neither the environment nor installed packages have a say in it.
            [sys.executable, "-I", "-S", apart.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pipesize=ROOM,
        )
        assert self._process.stdin and self._process.stdout
        self._asked, self._answers = self._process.stdin, self._process.stdout

    def ask(self) -> None:
        """Let it begin."""
        with self._asked:
            self._asked.write(marshal.dumps(self._request, apart.PLAIN))

    def begun(self) -> None:
        """Return once its snapshot is taken."""
        self._next()

    def pages(self) -> Iterator[Page]:
        """All that it reads."""
        while (page := self._next()) is not None:
            yield page

    def _next(self) -> Any:
        length = self._answers.read(8)
        packed = self._answers.read(int.from_bytes(length, "big"))
        if len(length) < 8 or len(packed) < int.from_bytes(length, "big"):
            raise django.db.OperationalError("a process that read a part of the table was ended by somebody")
        answer = marshal.loads(packed)  # noqa: S302  we started it  # nosec B302
        if isinstance(answer, tuple):
            kind, text = answer
            raise getattr(django.db, kind, django.db.Error)(text)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._asked, self._answers):
            with suppress(OSError):
                pipe.close()


def _marked(text: str) -> str:
    """A statement as SQLite takes it without Django: `?` for each parameter."""
    return re.sub("%[%s]", lambda mark: "?" if mark[0] == "%s" else "%", text)
