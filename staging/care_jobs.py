"""Asking for what keeps an installation well: by a schedule, a page or a command. `jobs` does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from .core.lifecycle import NotAllowed
from .jobs import send
from .models import SyncRun
from .models.run import Kind
from .running import runs
from .upkeep.prune import SUBJECT


def ask_care(kind: Kind, *, actor: str, trigger: str, kinds: Sequence[str] = ()) -> SyncRun:
    """Ask for a pruning (of `kinds`, all where none are named) or a check of the audit. Raises NotAllowed."""
    scope = {"kinds": list(kinds)} if kinds else {}
    run = runs.ask(kind=kind, mode="", actor=actor, trigger=trigger, subject=SUBJECT, scope=scope, now=timezone.now())
    send(run)
    return run


def prune(**_: Any) -> str:
    """What a schedule calls: remove what is older than the settings say."""
    return _asked(Kind.PRUNE)


def check_audit(**_: Any) -> str:
    """What a schedule calls: read the audit from its beginning."""
    return _asked(Kind.AUDIT)


def _asked(kind: Kind) -> str:
    try:
        return f"asked for run {ask_care(kind, actor='schedule', trigger='schedule').pk}"
    except NotAllowed as busy:
        return str(busy)
