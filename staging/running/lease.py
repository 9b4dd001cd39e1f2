"""Leases on the database's clock: at most one process works on a batch or a run, and a dead one is taken over.

All processes compare against the clock of the database they share, so a host whose own clock is wrong neither steals
a lease nor keeps one.
"""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from django.db.models import Q

from monday.clock import database_now as database_now
from staging.core.lifecycle import BatchState
from staging.models import Batch, SyncRun

LENGTH = timedelta(seconds=300)
GRACE = timedelta(seconds=90)  # a lease is taken over only this long after it ran out
BOOT, NUMBERS = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


class LeaseLost(Exception):
    """Another process has taken the work over; this one stops at once and writes nothing more."""


def here() -> str:
    """Where a process's number means that process alone: this machine since its start, or this container on it.

    A host's name does not say so: containers may share one, each with numbers of its own, and the long names of several
    hosts begin alike.
    """
    name = socket.gethostname()
    told = [name]
    with suppress(OSError):  # there is no such folder but on Linux
        told += [BOOT.read_text("ascii"), os.readlink(NUMBERS)]
    return f"{name[:16]}-{sha256(' '.join(told).encode()).hexdigest()[:12]}"


def new_owner() -> str:
    """A name for this process's claim: where it runs, and something that no other claim has."""
    return f"{here()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def dead(owner: str) -> bool:
    """Whether the process that made this claim ran here and is there no more."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != here() or not pid.isdigit() or os.name == "nt":
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

    A process that dies between its last write and `let_go` leaves one on a batch that nobody has to claim again. What
    is being pushed or undone has somebody who will: until then its claim stays with a process that may only be slow.
    """
    now, cleared = database_now(), 0
    resting = Batch.objects.exclude(state__in=[BatchState.PUSHING, BatchState.UNDOING])
    for batch in resting.exclude(lease_owner="").only("pk", "lease_owner"):
        mine = resting.filter(free_for(batch, now), pk=batch.pk, lease_owner=batch.lease_owner)
        cleared += mine.update(lease_owner="", lease_until=None)
    return cleared
