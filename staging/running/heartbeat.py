"""Signs of life: a claim is renewed while a single call waits for long, as for the API's quota."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, connections

from staging.models import SyncRun

from .lease import LeaseLost, renew

BEAT = 30.0  # seconds between two signs of life
log = structlog.get_logger(__name__)


@contextmanager
def beating(run: SyncRun) -> Iterator[None]:
    """Renew the run's lease from a thread as long as this lasts; a killed process stops doing so."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(run, run.lease_owner, over), daemon=True, name=f"beat-{run.pk}")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=BEAT)


def _beat(run: SyncRun, owner: str, over: threading.Event) -> None:
    try:
        while not over.wait(BEAT):
            try:
                renew(run, owner)
            except LeaseLost:
                return
            except DatabaseError as problem:
                log.warning("a lease could not be renewed", why=str(problem))
    finally:
        connections.close_all()
