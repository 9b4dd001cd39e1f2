"""Asking for runs that read a whole board: from a page, and by a schedule. `jobs` does them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from .batches.approvers import why_not_answer
from .core.lifecycle import NotAllowed
from .jobs import send
from .models import Snapshot, SyncRun
from .models.run import Kind
from .running import runs


def ask_adoption(*, mode: str, actor: str, board: str | None, apply: bool, orphans: int | None = None) -> SyncRun:
    """Ask for a board's items to be matched with their records, and with `apply` linked. Raises NotAllowed."""
    return _ask(Kind.ADOPT, mode, actor, "admin", {"board": board, "apply": apply, "expect_orphans": orphans})


def ask_reconciliation(*, mode: str, actor: str, trigger: str, board: str | None = None) -> SyncRun:
    """Ask for a board to be compared with what was last written. Raises NotAllowed where that is under way."""
    return _ask(Kind.RECONCILE, mode, actor, trigger, {"board": board})


def ask_gone(link: Snapshot, *, choice: str, actor: str, item: str = "", reason: str = "") -> SyncRun:
    """Ask for the item of a link to be created anew, or for another to be linked. Raises NotAllowed."""
    if choice == "relink" and (refused := why_not_answer(link, actor)):
        raise NotAllowed(refused)
    mode = "TEST" if link.board.environment == "sandbox" else "PRODUCTION"
    scope = {"board": link.board.board_id, "choice": choice, "link": link.pk, "item": item, "reason": reason}
    subject, now = f"link:{link.pk}", timezone.now()
    run = runs.ask(
        kind=Kind.GONE, mode=mode, actor=actor, trigger="admin", subject=subject, board=link.board, scope=scope, now=now
    )
    send(run)
    return run


def reconcile(mode: str = "TEST", board: str | None = None, **_: Any) -> str:
    """What a schedule calls: compare a board with what was last written to it, unless one is under way."""
    try:
        run = ask_reconciliation(mode=mode, actor="schedule", trigger="schedule", board=board)
    except NotAllowed as busy:
        return str(busy)
    return f"asked for run {run.pk}"


def _ask(kind: Kind, mode: str, actor: str, trigger: str, scope: dict[str, Any]) -> SyncRun:
    subject, now = runs.board_subject(mode, scope["board"]), timezone.now()
    run = runs.ask(kind=kind, mode=mode, actor=actor, trigger=trigger, subject=subject, scope=scope, now=now)
    send(run)
    return run
