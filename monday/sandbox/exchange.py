"""One request and its answer: what every resolver of that request shares."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
import zlib
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from graphql import GraphQLResolveInfo

from .behaviour import Behaviour
from .boards import BoardColumn
from .labels import BoardLabel, by_id
from .refusals import Refusal
from .store import SandboxStore
from .versions import CURRENT

ACTIVITY_KEPT = 10_000  # as far as the original's log goes back


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A fault of one operation: refuse it, skip it (not run, no answer) or hide it (run, no answer)."""

    how: str
    index: int
    refusal: Refusal | None = None


@dataclass(slots=True)
class Exchange:
    """The request's connection, clock and marks. Resolvers find it as `info.context`."""

    store: SandboxStore
    db: sqlite3.Connection
    account_id: str
    behaviour: Behaviour
    plan: str = "none"
    version: str = CURRENT
    token: str = ""
    """Whose request it is: each token is a person of the account, and who edits the pages by hand shows none."""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    latency: float = 0.0
    deadline: float = float("inf")
    field_fault: FieldFault | None = None
    complexity: Callable[[], dict[str, int] | None] = lambda: None
    daily_limit: int | None = None
    reached: int = 0
    mutations: int = 0
    refused: int = 0
    missing: set[str] = field(default_factory=set)
    timed_out: bool = False
    _labels: dict[tuple[int, str, int], BoardLabel | None] = field(default_factory=dict)

    @property
    def user_id(self) -> str:
        """The id of whoever asks."""
        return str(int(self.account_id) + 40_000_000 + zlib.crc32(self.token.encode()) % 1_000_000)

    @property
    def actor(self) -> str:
        """Whoever asks, as the activity names them: by which way, and the id."""
        return f"{'api' if self.token else 'by hand'}#{self.user_id}"

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.behaviour.time_zone)

    def label(self, column: BoardColumn, label_id: int) -> BoardLabel | None:
        """A label by id, remembered for the request, as pages of items show the same labels again and again."""
        key = (column.board_id, column.id, label_id)
        if key not in self._labels:
            self._labels[key] = by_id(self.db, column, label_id)
        return self._labels[key]

    def forget_labels(self) -> None:
        """Called after every write."""
        self._labels.clear()

    def record(self, board_id: int, item_id: int | None, event: str, data: str) -> None:
        """One line of the board's activity, inside the caller's write transaction."""
        cursor = self.db.execute(
            "INSERT INTO activity (board_id, item_id, event, data, actor, at) VALUES (?, ?, ?, ?, ?, ?)",
            (board_id, item_id, event, data, self.actor, self.clock()),
        )
        if cursor.lastrowid and cursor.lastrowid % 500 == 0:
            self.db.execute("DELETE FROM activity WHERE id <= ?", (cursor.lastrowid - ACTIVITY_KEPT,))


Info: TypeAlias = GraphQLResolveInfo[Exchange]


def iso(moment: float | None) -> str | None:
    """Epoch seconds as the API writes times, in UTC."""
    return None if moment is None else dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def of(info: Info) -> Exchange:
    """The exchange a resolver belongs to."""
    return info.context
