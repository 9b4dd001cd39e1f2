"""The memory of `Idempotency-Key`: the same key within half an hour gets the first answer again.

Facts: the page on idempotency. The key belongs to a token; what happens with another body is not documented, and here
the first answer is replayed. A request that is still running answers its twin with 409.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from .behaviour import Behaviour
from .refusals import Refusal
from .store import SandboxStore


@dataclass(frozen=True, slots=True)
class Remembered:
    """A kept answer."""

    status: int
    body: bytes


class KeyStore:
    """Keeps answers by key in the sandbox's store."""

    def __init__(
        self, store: SandboxStore, behaviour: Behaviour, clock: Callable[[], float], in_flight_life: float
    ) -> None:
        self._store = store
        self._behaviour = behaviour
        self._clock = clock
        self._in_flight_life = in_flight_life

    def claim(self, db: sqlite3.Connection, token: str, key: str, body: bytes) -> Remembered | str:
        """The kept answer, or the claim to hand to `keep` or `release`; raises Refusal while a twin is running."""
        if not self._behaviour.idempotency_stores:
            return ""
        name, now = hashlib.sha256(f"{token}\n{key}".encode()).hexdigest(), self._clock()
        with self._store.writing(db):
            db.execute("DELETE FROM idempotency WHERE started_at < ?", (now - self._behaviour.idempotency_life,))
            row = db.execute(
                "SELECT finished_at, status, body, started_at, body_hash FROM idempotency WHERE key = ?", (name,)
            ).fetchone()
            other = row is not None and row[4] != hashlib.sha256(body).hexdigest()
            if other and not self._behaviour.idempotency_replays_other_body:
                raise Refusal("IDEMPOTENCY_MISMATCH", "This idempotency key came with another body", status=422)
            if row is not None and row[0] is not None:
                return Remembered(row[1], row[2])
            if row is not None and now - row[3] < self._in_flight_life:
                raise Refusal(
                    "IDEMPOTENCY_CONFLICT",
                    "A request with this idempotency key is still running",
                    status=409,
                    retry_in_seconds=1,
                )
            # Whoever started before was killed: its time to answer is over.
            db.execute(
                "INSERT OR REPLACE INTO idempotency (key, body_hash, started_at) VALUES (?, ?, ?)",
                (name, hashlib.sha256(body).hexdigest(), now),
            )
        return name

    def keep(self, db: sqlite3.Connection, claim: str, status: int, body: bytes, *, refused: bool) -> None:
        """Remembers the answer, if it is small enough and of a kind that is kept."""
        if not claim:
            return
        too_big = len(body) > self._behaviour.idempotency_answer_cap
        if too_big or status != 200 or (refused and not self._behaviour.idempotency_keeps_errors):
            self.release(db, claim)
            return
        with self._store.writing(db):
            db.execute(
                "UPDATE idempotency SET finished_at = ?, status = ?, body = ? WHERE key = ?",
                (self._clock(), status, body, claim),
            )

    def release(self, db: sqlite3.Connection, claim: str) -> None:
        """Forgets a claim whose request was not processed."""
        if claim:
            with self._store.writing(db):
                db.execute("DELETE FROM idempotency WHERE key = ?", (claim,))
