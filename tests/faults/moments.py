"""The moments at which a process may die: before and after every commit of the app's database and every request.

Installed by the harness into the process it has forked; the product knows nothing of it. Death is SIGKILL, so nothing
is caught, flushed or rolled back by anybody but the database and the kernel.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
from typing import Any

import requests
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

WRITES = ("INSERT", "UPDATE", "DELETE")


class Moments:
    """Counts the moments of one process, where the harness can read the count, and dies at the `at`-th (0: never)."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 16)
        self.at = 0

    def forget(self, at: int) -> None:
        """Begin to count anew; the process that is forked next dies at its `at`-th moment."""
        self.at = at
        self._write(0, 0)

    def here(self, kind: int) -> None:
        """One moment: of a commit (0) or of a request (1)."""
        counted = [self.commits, self.requests]
        counted[kind] += 1
        self._write(*counted)
        if self.at and sum(counted) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    @property
    def commits(self) -> int:
        return int(struct.unpack("qq", self._shared[:])[0])

    @property
    def requests(self) -> int:
        return int(struct.unpack("qq", self._shared[:])[1])

    @property
    def total(self) -> int:
        return self.commits + self.requests

    def _write(self, commits: int, requested: int) -> None:
        self._shared[:] = struct.pack("qq", commits, requested)


def install(moments: Moments) -> None:
    """From now on this process passes its moments. Meant for a process that was forked for one run."""
    commit, send = BaseDatabaseWrapper._commit, requests.Session.send

    def watched_commit(self: BaseDatabaseWrapper) -> Any:
        if self.alias != "default":
            return commit(self)
        moments.here(0)
        done = commit(self)
        moments.here(0)
        return done

    def watched_send(self: requests.Session, *args: Any, **kwargs: Any) -> requests.Response:
        moments.here(1)
        answer = send(self, *args, **kwargs)
        moments.here(1)
        return answer

    def watched_statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Outside of a transaction every writing statement is a commit of its own."""
        alone = not context["connection"].in_atomic_block and sql.lstrip()[:6].upper() in WRITES
        if not alone:
            return execute(sql, params, many, context)
        moments.here(0)
        done = execute(sql, params, many, context)
        moments.here(0)
        return done

    BaseDatabaseWrapper._commit = watched_commit  # type: ignore[method-assign]
    requests.Session.send = watched_send  # type: ignore[method-assign]
    connections["default"].execute_wrappers.append(watched_statement)
