"""The row of a run that is asked for now and done later: asked, claimed, cancelled, taken over and ended.

A job carries only the id of such a row. Every change is a conditional update fenced by state or owner, so a message
that is delivered twice, late or never does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from monday.client import Unavailable
from monday.models import Board
from staging import audit
from staging.core.lifecycle import NotAllowed
from staging.core.ports import SourceRefused
from staging.detection.guards import GuardRefused
from staging.models import Batch, SyncRun
from staging.models.run import Kind, RunState
from staging.setup import Interrupted, Progress, Stopped

from .headway import write_down
from .lease import GRACE, LENGTH, LeaseLost, database_now, dead, free_for, new_owner

log = structlog.get_logger(__name__)

ATTEMPTS = 3
"""How often a run may be begun: its process died each time, so it is left for a person."""

ACTIVE = (RunState.QUEUED, RunState.RUNNING)


def ask(
    *,
    kind: Kind,
    mode: str,
    actor: str,
    trigger: str,
    now: datetime,
    subject: str = "",
    attempt: int = 0,
    **fields: Any,
) -> SyncRun:
    """Write down a run that is to be done. Opens a transaction; raises NotAllowed where its subject has one already."""
    run = SyncRun(
        kind=kind,
        mode=mode,
        actor=actor,
        trigger=trigger[:32],
        subject=subject,
        attempt=attempt,
        state=RunState.QUEUED,
        started_at=now,
        **fields,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            tell(run, "run.asked", actor, now, {"kind": str(kind), "mode": mode, "scope": run.scope})
    except IntegrityError:
        raise NotAllowed(busy(subject) or f"{kind.label} was refused. Remedy: ask for it again.") from None
    return run


@contextmanager
def at_once(*, kind: Kind, batch: Batch, mode: str, actor: str, scope: dict[str, Any]) -> Iterator[SyncRun]:
    """A push or an undo that the command line does now: its row, claimed, so that no job works on the same batch."""
    scope = {"batch": batch.pk, **scope}
    with now_on(kind=kind, subject=f"batch:{batch.pk}", board=batch.board, mode=mode, actor=actor, scope=scope) as run:
        yield run


@contextmanager
def now_on(
    *, kind: Kind, subject: str, board: Board | None, mode: str, actor: str, scope: dict[str, Any]
) -> Iterator[SyncRun]:
    """A run that the command line does now: its row, claimed, so that no job works on the same subject.

    The caller ends it with `end`; what breaks out ends it as stopped, refused or failed. Raises NotAllowed where the
    subject has a run already. One whose process died is closed first, as nobody goes on with it but by a new command.
    """
    for former in SyncRun.objects.filter(subject=subject, state=RunState.RUNNING, trigger="cli"):
        if lost(former):
            take_over(former, now=timezone.now())
    with transaction.atomic():  # a run that nobody has claimed would keep the next command out, and no worker comes
        asked = ask(
            kind=kind,
            mode=mode,
            actor=actor,
            trigger="cli",
            subject=subject,
            board=board,
            scope=scope,
            now=timezone.now(),
        )
        run = claim(asked.pk)
    if run is None:
        raise NotAllowed(f"{asked} was cancelled before it began. Remedy: type it again.")
    try:
        yield run
    except Stopped:
        end(run, RunState.STOPPED, now=timezone.now())
        raise
    except Interrupted as interrupted:
        end(run, RunState.STOPPED, now=timezone.now(), error=str(interrupted))
        raise
    except NotAllowed as refused:
        # Whoever typed it reads why; a mail is for what happens while nobody looks.
        end(run, RunState.REFUSED, now=timezone.now(), error=str(refused), mailed_at=timezone.now())
        raise
    except GuardRefused as refused:
        end(run, RunState.REFUSED, now=timezone.now(), error=str(refused))
        raise
    except BaseException as problem:
        known = isinstance(problem, (Unavailable, SourceRefused))
        with suppress(LeaseLost, DatabaseError):
            error = str(problem) if known else "It broke off; the log tells why."
            end(run, RunState.FAILED, now=timezone.now(), error=error)
        raise


def board_subject(mode: str, board: str | None) -> str:
    """The subject of a run that reads a whole board, which need not be known yet when it is asked for."""
    return f"board:{mode}" + (f":{board}"[:40] if board else "")


def works_on(run: SyncRun, board: Board) -> None:
    """Remember which board a claimed run turned out to work on."""
    run.board = board
    SyncRun.objects.filter(pk=run.pk, lease_owner=run.lease_owner).update(board=board)


def renewing(run: SyncRun, progress: Progress) -> Progress:
    """Progress that is written down with the run and renews its lease. It raises LeaseLost."""

    def told(phase: str, done: int, total: int) -> None:
        write_down(run, run.lease_owner, phase, done, total)
        progress(phase, done, total)

    return told


def busy(subject: str) -> str:
    """A sentence where this subject has a run that is waiting or at work, of whatever kind; else ""."""
    held = SyncRun.objects.filter(subject=subject, state__in=ACTIVE).order_by("id").first() if subject else None
    if held is None:
        return ""
    what = f"{held.get_kind_display()} run {held.pk} of {subject.replace(':', ' ')}"
    return f"{what} is under way already. Remedy: wait for it, or cancel it."


def claim(run_id: int) -> SyncRun | None:
    """Take a run for this process, None where there is nothing to take.

    A push, an undo or a refresh whose process died is taken again; a sync is not (see `take_over`).
    """
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is None:
        return None
    now = database_now()
    free = Q(state=RunState.QUEUED)
    if run.kind != Kind.SYNC:
        free |= Q(free_for(run, now), state=RunState.RUNNING)
    elif any(not lost(other) for other in syncs(run.mode).filter(state=RunState.RUNNING).exclude(pk=run.pk)):
        return None  # it waits its turn; the one at work wakes it
    mine = SyncRun.objects.filter(free, pk=run_id, attempt__lt=ATTEMPTS)
    taken: dict[str, Any] = {"lease_owner": new_owner(), "lease_until": now + LENGTH}
    if not run.phase:
        taken["started_at"] = timezone.now()
    if not mine.update(state=RunState.RUNNING, attempt=F("attempt") + 1, **taken):
        return None
    run.refresh_from_db()
    return run


def lost(run: SyncRun) -> bool:
    """Whether the process that had claimed this run is dead, or has been silent for too long."""
    if run.state != RunState.RUNNING:
        return False
    return dead(run.lease_owner) or run.lease_until is None or run.lease_until < database_now() - GRACE


def end(run: SyncRun, state: RunState, *, now: datetime, error: str = "", **fields: Any) -> None:
    """Write down how a claimed run ended. Opens a transaction; raises LeaseLost where another process has it."""
    fields = {"error": error, "finished_at": now, "phase": "", "lease_owner": "", "lease_until": None, **fields}
    with transaction.atomic():
        mine = SyncRun.objects.filter(pk=run.pk, lease_owner=run.lease_owner, state=RunState.RUNNING)
        if not mine.update(state=state, **fields):
            raise LeaseLost(f"{run} was taken over by another process. Remedy: none needed; it goes on there.")
        heads = audit.heads()
        tell(run, "run.ended", run.actor, now, {"state": str(state), "error": error, "heads": heads})
    log.info("run ended", run=run.pk, state=str(state), audit=audit.words(heads))
    run.refresh_from_db()


def put_back(run: SyncRun) -> None:
    """Let a run that has given its worker back be claimed again; a step that ended well is no failed attempt."""
    mine = SyncRun.objects.filter(pk=run.pk, lease_owner=run.lease_owner, state=RunState.RUNNING)
    mine.update(state=RunState.QUEUED, attempt=0, lease_owner="", lease_until=None)


def cancel(run: SyncRun, *, actor: str, now: datetime) -> None:
    """Stop a run: at once where it has not begun, else after the piece in hand. Raises NotAllowed after its end."""
    with transaction.atomic():
        queued = SyncRun.objects.filter(pk=run.pk, state=RunState.QUEUED)
        running = SyncRun.objects.filter(pk=run.pk, state=RunState.RUNNING)
        stopped = queued.update(state=RunState.STOPPED, finished_at=now, cancelled_by=actor)
        if not stopped and not running.update(cancelled_by=actor):
            raise NotAllowed(f"{run} has ended already. Remedy: look at how it ended.")
        tell(run, "run.cancelled", actor, now, {})
    run.refresh_from_db()


def push_cancelled_by(batch: Batch) -> str:
    """Who cancelled the batch's last push, "" where nobody did: no job and no sync sends what a person has stopped."""
    pushes = SyncRun.objects.filter(subject=f"batch:{batch.pk}", kind=Kind.PUSH).order_by("-id")
    return str(pushes.values_list("cancelled_by", flat=True).first() or "")


def take_over(run: SyncRun, *, now: datetime) -> SyncRun | None:
    """Deal with a run whose process died: the run that is to be done now, None where a person must look.

    A push, an undo or a refresh goes on under its own row. The counts of a dead sync stay its own, so it is closed and
    asked for anew; the next detection opens what it had staged. A run of the command line is only closed.
    """
    if run.kind != Kind.SYNC and run.attempt < ATTEMPTS and run.trigger != "cli":
        return run
    with transaction.atomic():
        dead_one = SyncRun.objects.filter(pk=run.pk, state=RunState.RUNNING, lease_owner=run.lease_owner)
        if not dead_one.update(
            state=RunState.FAILED, finished_at=now, error="Its process died.", lease_owner="", lease_until=None
        ):
            return None
        tell(run, "run.died", "policy:sweeper", now, {"attempt": run.attempt})
    if run.kind != Kind.SYNC or run.trigger == "cli" or run.attempt >= ATTEMPTS or run.cancelled_by:
        return None
    again = {"mode": run.mode, "actor": run.actor, "trigger": f"after run {run.pk}", "scope": run.scope}
    return ask(kind=Kind.SYNC, now=now, attempt=run.attempt, **again)


def active_sync(mode: str) -> SyncRun | None:
    """The sync of this mode that is waiting or at work, whoever asked for it."""
    return syncs(mode).order_by("id").first()


def syncs(mode: str) -> QuerySet[SyncRun]:
    """The syncs of this mode that are waiting or at work; dry runs keep nobody waiting."""
    return SyncRun.objects.filter(kind=Kind.SYNC, mode=mode, state__in=ACTIVE, rehearsal=False)


def tell(run: SyncRun, action: str, actor: str, now: datetime, data: dict[str, Any]) -> None:
    """One event in the run's own chain. Requires an open transaction."""
    audit.record(chain=audit.run_chain(run.pk), actor=actor, action=action, subject=f"run:{run.pk}", now=now, data=data)
