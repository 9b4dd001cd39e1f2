"""Asking for a run: its row, and once that is committed a message with the row's id. `jobs` does what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from monday.models import Board
from staging.batches.approvers import why_not_answer
from staging.batches.retry import AUTOMATIC, retry_due
from staging.core.lifecycle import BATCH, NotAllowed, OrderState
from staging.models import Batch, SyncRun
from staging.models.run import Kind

from . import runs

WORK = "staging.jobs.work"
LATE = 120.0  # seconds after which an unclear order is looked up
LOOKS = 10  # pushes a day that are asked for on behalf of a batch with unclear orders


def send(run: SyncRun) -> None:
    """Put a run's message into the queue once the transaction at hand commits."""
    transaction.on_commit(partial(async_task, WORK, run.pk, task_name=f"{run.kind}-run-{run.pk}", group=run.kind))


def ask_sync(*, mode: str, actor: str, trigger: str, scope: dict[str, Any]) -> SyncRun:
    """Ask for a sync. Raises NotAllowed while one of this mode is waiting or at work."""
    if (busy := runs.active_sync(mode)) is not None and not runs.lost(busy):
        raise NotAllowed(f"{busy} of {mode} is still {busy.state}. Remedy: wait for it, or cancel it.")
    run = runs.ask(kind=Kind.SYNC, mode=mode, actor=actor, trigger=trigger, scope=scope, now=timezone.now())
    send(run)
    return run


def ask_push(batch: Batch, *, actor: str, trigger: str) -> SyncRun:
    """Ask for a push of what is approved in a batch. Raises NotAllowed where one is under way."""
    return _ask_about(Kind.PUSH, batch.board, f"batch:{batch.pk}", actor, trigger, {"batch": batch.pk})


def ask_undo(batch: Batch, *, actor: str, trigger: str, reason: str = "", preview: SyncRun | None = None) -> SyncRun:
    """Ask for an undo of what a batch wrote, of a `preview` exactly what is ticked on it. Raises NotAllowed."""
    if refused := why_not_answer(batch, actor):
        raise NotAllowed(f"Batch {batch.pk}: {refused}")
    scope = {"batch": batch.pk, "reason": reason, "preview": preview.pk if preview else None}
    return _ask_about(Kind.UNDO, batch.board, f"batch:{batch.pk}", actor, trigger, scope)


def ask_preview(batch: Batch, *, actor: str, trigger: str, orders: Sequence[int] = ()) -> SyncRun:
    """Ask for what an undo of the batch (of these orders) would do, read from the live board. Raises NotAllowed."""
    scope = {"batch": batch.pk, "orders": list(orders) or None}
    return _ask_about(Kind.PREVIEW, batch.board, f"batch:{batch.pk}", actor, trigger, scope)


def ask_refresh(board: Board, *, actor: str, trigger: str) -> SyncRun:
    """Ask for a board's columns, labels and groups to be read again. Raises NotAllowed where that is under way."""
    return _ask_about(Kind.REFRESH, board, f"board:{board.pk}", actor, trigger, {})


def _ask_about(kind: Kind, board: Board, subject: str, actor: str, trigger: str, scope: dict[str, Any]) -> SyncRun:
    mode = "TEST" if board.environment == "sandbox" else "PRODUCTION"
    now = timezone.now()
    run = runs.ask(
        kind=kind, mode=mode, actor=actor, trigger=trigger, subject=subject, board=board, scope=scope, now=now
    )
    send(run)
    return run


def look_again(now: datetime) -> list[int]:
    """Push batches on that hold orders without an answer, once the board must be done with them; a few times a day."""
    batches = Batch.objects.filter(state__in=sorted(BATCH["push"].sources), orders__state=OrderState.UNCLEAR)
    asked = []
    for batch in batches.select_related("board").distinct().order_by("id")[:50]:
        mine = SyncRun.objects.filter(subject=f"batch:{batch.pk}", kind=Kind.PUSH)
        lately = mine.filter(finished_at__gte=now - timedelta(seconds=LATE)).exists()
        tried = mine.filter(trigger="sweeper", started_at__gte=now - timedelta(days=1)).count()
        if not lately and tried < LOOKS:
            with suppress(NotAllowed):
                asked.append(ask_push(batch, actor="policy:sweeper", trigger="sweeper").pk)
    return asked


def retry_again(now: datetime) -> list[int]:
    """Push on the batches of which rejected orders are due to go out again by themselves."""
    asked = []
    for batch in retry_due(board=None, now=now):
        with suppress(NotAllowed):  # a push that is under way takes them along
            asked.append(ask_push(batch, actor=AUTOMATIC, trigger="sweeper").pk)
    return asked
