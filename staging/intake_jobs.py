"""Asking for an order list to be read, and for a read one to be put in place; `jobs` does both."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from django.utils import timezone

from .core.lifecycle import NotAllowed
from .jobs import send
from .lists import kept_files
from .lists.intake import MOST_BYTES, SUBJECT, check_confirmable
from .models import SyncRun
from .models.run import Kind
from .running import runs


def ask_reading(*, called: str, pieces: Iterable[bytes], actor: str) -> SyncRun:
    """Keep a list that a person brought, and ask for it to be read. `called` is its name there.

    Raises NotAllowed: a file that is too large or cannot be kept, and while another list is at work.
    """
    if busy := runs.busy(SUBJECT):
        raise NotAllowed(busy)
    name, size = f"list-{uuid4().hex}", 0
    try:
        with kept_files.written(name) as file:
            for piece in pieces:
                size += len(piece)
                if size > MOST_BYTES:
                    raise NotAllowed(f"The file has more than {MOST_BYTES // 1_000_000} MB. Remedy: split the list.")
                file.write(piece)
    except OSError as problem:
        raise NotAllowed(
            f"The file cannot be kept ({problem.strerror}). Remedy: check free space and rights of FILES_DIR."
        ) from None
    return _ask({"file": name, "called": called[:200]}, actor)


def ask_placing(found: SyncRun | None, *, actor: str) -> SyncRun:
    """Ask for a list that was read to take the intake's place. Raises NotAllowed with the reason."""
    confirmed = check_confirmable(found)
    return _ask({"confirms": confirmed.pk, "called": confirmed.scope["called"]}, actor)


def _ask(scope: dict[str, object], actor: str) -> SyncRun:
    now = timezone.now()
    run = runs.ask(
        kind=Kind.INTAKE,
        mode="",
        actor=actor,
        trigger="admin",
        subject=SUBJECT,
        scope=scope,
        mailed_at=now,  # whoever asked watches its page
        now=now,
    )
    send(run)
    return run
