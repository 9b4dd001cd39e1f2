"""The sandbox's memory: one SQLite file that several processes and threads may use at once."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monday.core.structure import BoardStructure

from . import seeding
from .tables import CONTENT, LATER, PASSING, SCHEMA

BUSY_SECONDS = 30.0
LAYOUT = 2  # the number of the tables' layout; an older one is completed, a newer one refused


class StoreUnusable(Exception):
    """The store's file cannot be used; the message is one sentence with the remedy."""


class SandboxStore:
    """Opens one sandbox store, or creates it with an account id of its own.

    Every write is one short IMMEDIATE transaction, so several processes see one API. Raises StoreUnusable where
    the file cannot be opened or is something else.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._idle: list[sqlite3.Connection] = []
        self._pool_lock = threading.Lock()
        self._write_lock = threading.RLock()
        self._form_key = ""
        try:
            with self.connection() as db:
                self._lay_out(db)
        except (sqlite3.Error, OSError) as problem:
            self.close()
            raise StoreUnusable(
                f"The sandbox's store {self.path} cannot be used ({problem}). "
                "Remedy: check the folder and its rights and the free space, or name another file."
            ) from None

    def _lay_out(self, db: sqlite3.Connection) -> None:
        # Only the first process writes here; the later ones find the account and leave the file alone.
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            found = db.execute("SELECT value FROM meta WHERE key = 'layout'").fetchone()
            if found == (LAYOUT,):
                return
            if found is None or not isinstance(found[0], int) or found[0] > LAYOUT:
                raise sqlite3.DatabaseError("it was made by another version")
        with self.writing(db):
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            db.execute("UPDATE meta SET value = ? WHERE key = 'layout'", (LAYOUT,))
            db.executemany(
                "INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)",
                [
                    ("layout", LAYOUT),
                    ("account_id", _fresh_account()),
                    ("last_id", 10_000_000_000 + secrets.randbelow(8_000_000_000)),
                ],
            )

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for the block, taken from a pool and given back."""
        with self._pool_lock:
            db = self._idle.pop() if self._idle else None
        db = db or self._connect()
        try:
            yield db
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            with self._pool_lock:
                self._idle.append(db)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _use_wal(db)
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA cache_size = -65536")
        except sqlite3.Error:
            db.close()
            raise
        return db

    @contextmanager
    def writing(self, db: sqlite3.Connection) -> Iterator[None]:
        """One IMMEDIATE transaction: kept whole where the block ends, gone where it raises."""
        # Threads of this process queue on a lock, which is fair and quick; SQLite's own waiting polls.
        with self._write_lock:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @property
    def account_id(self) -> str:
        """The account's id: random, the same as long as the store is not reset."""
        with self.connection() as db:
            return str(db.execute("SELECT value FROM meta WHERE key = 'account_id'").fetchone()[0])

    @property
    def form_key(self) -> str:
        """The word that the pages' forms send back; the same for all processes that serve this store."""
        if not self._form_key:
            with self.connection() as db:
                find = "SELECT value FROM meta WHERE key = 'form_key'"
                row = db.execute(find).fetchone()
                if row is None:
                    with self.writing(db):
                        made = ("form_key", secrets.token_urlsafe(24))
                        db.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", made)
                    row = db.execute(find).fetchone()
                self._form_key = str(row[0])
        return self._form_key

    def seed(self, structure: BoardStructure) -> None:
        """Sets up a board with exactly the ids of `structure`; what exists already is completed and never reset."""
        with self.connection() as db, self.writing(db):
            seeding.seed(db, structure)

    def reset(self) -> None:
        """Empties the store. It becomes another account, and no id that was given out is given out again."""
        with self.connection() as db, self.writing(db):
            for table in CONTENT + PASSING:
                db.execute(f"DELETE FROM {table}")
            db.execute("DELETE FROM sqlite_sequence WHERE name = 'requests'")
            db.execute("UPDATE meta SET value = ? WHERE key = 'account_id'", (_fresh_account(),))

    def snapshot(self, path: str | Path) -> None:
        """Copies the store into a file of its own, replacing it; others may go on writing meanwhile.

        Raises StoreUnusable where the file cannot be written.
        """
        target = Path(path)
        made = target.with_name(target.name + ".part")
        try:
            made.unlink(missing_ok=True)
            with self.connection() as db:
                db.execute("VACUUM INTO ?", (str(made),))
            made.replace(target)
        except (sqlite3.Error, OSError) as problem:
            raise StoreUnusable(
                f"{path} cannot be written ({problem}). Remedy: check the folder, its rights and the free space."
            ) from None

    def restore(self, path: str | Path) -> None:
        """Puts boards, items and account back as `snapshot` kept them; ids given out since stay used.

        Raises StoreUnusable where the file is no snapshot of a sandbox.
        """
        if not Path(path).is_file():
            raise StoreUnusable(
                f"The snapshot {path} does not exist. Remedy: name a file that a snapshot was written to."
            )
        try:
            with self.connection() as db, _attached(db, path), self.writing(db):
                _copy_back(db)
        except sqlite3.Error as problem:
            raise StoreUnusable(
                f"{path} is no snapshot of a sandbox ({problem}). Remedy: name a file that a snapshot was written to."
            ) from None

    def close(self) -> None:
        """Closes the connections that are not in use; the store may be used again afterwards."""
        with self._pool_lock:
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()


@contextmanager
def _attached(db: sqlite3.Connection, path: str | Path) -> Iterator[None]:
    db.execute("ATTACH ? AS kept", (str(path),))
    try:
        yield
    finally:
        db.execute("DETACH kept")


def _copy_back(db: sqlite3.Connection) -> None:
    for table in PASSING:
        db.execute(f"DELETE FROM {table}")
    known = {row[0] for row in db.execute("SELECT name FROM kept.sqlite_master WHERE type = 'table'")}
    for table in CONTENT:
        db.execute(f"DELETE FROM {table}")
        if table in known or table not in LATER:  # a snapshot of an earlier layout holds none of the later tables
            db.execute(f"INSERT INTO {table} SELECT * FROM kept.{table}")
    db.execute(
        "UPDATE meta SET value = (SELECT value FROM kept.meta WHERE key = 'account_id') WHERE key = 'account_id'"
    )
    db.execute(
        "UPDATE meta SET value = max(value, (SELECT value FROM kept.meta WHERE key = 'last_id')) WHERE key = 'last_id'"
    )


def _use_wal(db: sqlite3.Connection) -> None:
    # Two processes that open a new file at once meet here, and SQLite does not wait in this one place.
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _fresh_account() -> str:
    return str(10_000_000 + secrets.randbelow(90_000_000))
