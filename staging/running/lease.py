"""Leases on the database's clock: at most one process works on a batch or a run, and a dead one is taken over.

All processes compare against the clock of the database they share, so a host whose own clock is wrong neither steals
a lease nor keeps one.
"""

from __future__ import annotations

import os
import socket
import uuid
from datetime import datetime, timedelta

from django.db.models import Q

from monday.clock import database_now as database_now
from staging.models import Batch, SyncRun

LENGTH = timedelta(seconds=300)
GRACE = timedelta(seconds=90)  # a lease is taken over only this long after it ran out


class LeaseLost(Exception):
    """Another process has taken the work over; this one stops at once and writes nothing more."""


def new_owner() -> str:
    """A name for this process's claim: where it runs, and something that no other claim has."""
    return f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def dead(owner: str) -> bool:
    """Whether the process that made this claim ran on this machine and is there no more."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname()[:24] or not pid.isdigit() or os.name == "nt":
        return False  # on Windows a signal of 0 is Ctrl-C
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def free_for(held: Batch | SyncRun, now: datetime) -> Q:
    """Whether the row may be claimed, as a condition: unclaimed, or of a process that is dead for long enough.

    A process of this machine that is there no more need not be waited for.
    """
    free = Q(lease_owner="") | Q(lease_until__lt=now - GRACE)
    return free | Q(lease_owner=held.lease_owner) if dead(held.lease_owner) else free


def renew(held: Batch | SyncRun, owner: str) -> None:
    """Extend a lease, fenced by its owner. Raises LeaseLost where another process holds it by now."""
    until = database_now() + LENGTH
    if not type(held).objects.filter(pk=held.pk, lease_owner=owner).update(lease_until=until):
        raise LeaseLost(f"{held} was taken over by another process. Remedy: none needed; it goes on there.")


def let_go(held: Batch | SyncRun, owner: str) -> None:
    """Give a lease back; nothing happens where it is held by another."""
    type(held).objects.filter(pk=held.pk, lease_owner=owner).update(lease_owner="", lease_until=None)


def clear_left() -> int:
    """Clear the claims on batches that no living process holds; returns how many.

    A process that dies between its last write and `let_go` leaves one on a batch that nobody has to claim again.
    """
    now, cleared = database_now(), 0
    for batch in Batch.objects.exclude(lease_owner="").only("pk", "lease_owner"):
        mine = Batch.objects.filter(free_for(batch, now), pk=batch.pk, lease_owner=batch.lease_owner)
        cleared += mine.update(lease_owner="", lease_until=None)
    return cleared
