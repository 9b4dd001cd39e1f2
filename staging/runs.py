"""The row of a run that is asked for now and done later: asked, claimed, cancelled, taken over and ended.

A job carries only the id of such a row. Every change is a conditional update fenced by state or owner, so a message
that is delivered twice, late or never does no harm.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from . import audit
from .core.lifecycle import NotAllowed
from .lease import GRACE, LENGTH, LeaseLost, database_now, dead, free_for, new_owner
from .models import SyncRun
from .models.run import Kind, RunState

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
        raise NotAllowed(
            f"A {kind.label.lower()} of {subject.replace(':', ' ')} is under way already. "
            "Remedy: wait for it, or cancel it."
        ) from None
    return run


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
        tell(run, "run.ended", run.actor, now, {"state": str(state), "error": error})
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


def take_over(run: SyncRun, *, now: datetime) -> SyncRun | None:
    """Deal with a run whose process died: the run that is to be done now, None where a person must look.

    A push, an undo or a refresh goes on under its own row. The counts of a dead sync stay its own, so it is closed and
    asked for anew; the next detection opens what it had staged. A sync of the command line is only closed.
    """
    if run.kind != Kind.SYNC and run.attempt < ATTEMPTS:
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
    return SyncRun.objects.filter(kind=Kind.SYNC, mode=mode, state__in=ACTIVE).order_by("id").first()


def tell(run: SyncRun, action: str, actor: str, now: datetime, data: dict[str, Any]) -> None:
    """One event in the run's own chain. Requires an open transaction."""
    audit.record(chain=audit.run_chain(run.pk), actor=actor, action=action, subject=f"run:{run.pk}", now=now, data=data)
