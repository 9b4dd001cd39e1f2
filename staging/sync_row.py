"""The row of a sync: what was asked for, how it is begun, closed after a death, and ended with its counts.

A run that died is closed here by the next one, which opens what the dead one had staged; nothing is staged twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from monday.calls import CallLog

from . import audit
from .batches.check import Checked
from .batches.tally import sent_since_begun, staged_by_state
from .core.counts import Counts
from .core.lifecycle import BatchState, NotAllowed, OrderState
from .detection.detect import Detected
from .models import Batch, StagedOrder, SyncRun
from .models.run import Kind, RunState
from .running.lease import GRACE, LENGTH, database_now, dead, new_owner
from .setup import Setup
from .transitions import move_batch

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a person, a schedule or the command line asks for. `expect_rows` is a stated number of source rows.

    `by_person` leaves every approval to a person, also where a policy would do. `sizes` is later, together, or "" where
    the mapping's policy says which. Without `push_now` what is approved
    waits for a push of its own.
    """

    mode: str
    actor: str
    trigger: str = "cli"
    customers: tuple[str, ...] | None = None
    customer_name: str = ""
    po_number: str | None = None
    limit: int | None = None
    full: bool = False
    dry_run: bool = False
    chunk: int = 100
    expect_rows: int | None = None
    by_person: bool = False
    sizes: str = ""
    push_now: bool = True


@dataclass(slots=True)
class Report:
    """How a sync went. `status` is the run's state; `error` a sentence where it failed or was refused; `waits` whether
    anything of the board waits for approval, and `failed` how many batches could not be pushed, whichever run staged
    them."""

    run: SyncRun
    counts: Counts = field(default_factory=Counts)
    detected: Detected | None = None
    checked: Checked | None = None
    batches: list[Batch] = field(default_factory=list)
    rehearsed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    durations: dict[str, float] = field(default_factory=dict)
    approved_by: str = ""
    error: str = ""
    stopped: bool = False
    waits: bool = False
    failed: int = 0
    sent: int = 0
    warnings: list[str] = field(default_factory=list)


def begin(request: Request, setup: Setup, claimed: SyncRun | None) -> SyncRun:
    """The row of this run, running; what died before is closed. Opens short transactions.

    Raises NotAllowed where another sync of the board is running.
    """
    _close_dead(setup, request.actor)
    run = claimed or _row(request)
    run.board, run.started_at = setup.board, setup.clock.now()
    try:
        with transaction.atomic():
            run.save(update_fields=["board", "started_at"] if claimed else None)
            if not request.dry_run:
                _tell(run, "run.started", request.actor, setup, run.scope)
    except IntegrityError:
        raise NotAllowed(f"Another sync of {setup.board} is running. Remedy: wait for it, or stop it.") from None
    return run


def _row(request: Request) -> SyncRun:
    return SyncRun(
        kind=Kind.SYNC,
        mode=request.mode,
        trigger=request.trigger,
        actor=request.actor,
        scope={
            "customer": request.customer_name or None,
            "po_number": request.po_number,
            "limit": request.limit,
            "full": request.full,
            "by_person": request.by_person,
            "sizes": request.sizes or None,
        },
        rehearsal=request.dry_run,
        state=RunState.RUNNING,
        lease_owner=new_owner(),
        lease_until=database_now() + LENGTH,
        attempt=1,
    )


def _close_dead(setup: Setup, actor: str) -> None:
    """Close the runs whose process died, and open the batches that any ended run left as drafts."""
    now = database_now()
    running = SyncRun.objects.filter(board=setup.board, kind=Kind.SYNC, state=RunState.RUNNING)
    for run in running:
        if dead(run.lease_owner) or run.lease_until is None or run.lease_until < now - GRACE:
            with transaction.atomic():
                mine = SyncRun.objects.filter(pk=run.pk, state=RunState.RUNNING, lease_owner=run.lease_owner)
                if run.rehearsal:
                    mine.delete()
                elif mine.update(state=RunState.FAILED, finished_at=setup.clock.now(), error="Its process died."):
                    _tell(run, "run.died", actor, setup, {})
    drafts = Batch.objects.filter(board=setup.board, state=BatchState.DRAFT).exclude(run__state=RunState.RUNNING)
    for batch in drafts:
        action = "open" if batch.orders.exists() else "supersede"
        move_batch(batch, action, actor=actor, now=setup.clock.now(), reason="Its run ended before it was complete.")


def finish(report: Report, request: Request, calls: CallLog, setup: Setup) -> None:
    """Write down how it ended, with its counts; a rehearsal leaves nothing. Opens a short transaction."""
    run = report.run
    calls.flush()
    if request.dry_run:
        run.delete()
        return
    report.batches = list(
        Batch.objects.filter(board=setup.board, pk__in=_touched(report)).select_related("customer").order_by("id")
    )
    report.sent = sent_since_begun(run)
    states = staged_by_state(run)
    if report.detected is None:
        report.counts.know_only_staged(states)
    report.counts.count_staged(states)
    run.counts, run.api, run.error = report.counts.to_json(), calls.to_json(), report.error
    run.durations = {name: round(seconds, 3) for name, seconds in report.durations.items()}
    run.finished_at, run.phase, run.lease_owner, run.lease_until = setup.clock.now(), "", "", None
    run.notes = report.warnings
    with transaction.atomic():
        run.save(update_fields=ENDED)
        heads = audit.heads()
        told = {"state": str(run.state), "counts": run.counts, "heads": heads}
        _tell(run, "run.ended", request.actor, setup, told)
    log.info("run ended", state=str(run.state), audit=audit.words(heads), **calls.to_json())


ENDED = [
    *("state", "counts", "api", "error", "durations", "notes", "full_rows", "scope"),
    *("finished_at", "phase", "lease_owner", "lease_until"),
]


def _touched(report: Report) -> list[int]:
    """This run's batches, and the earlier ones that it pushed."""
    mine = set(Batch.objects.filter(run=report.run).values_list("pk", flat=True))
    pushed = Batch.objects.filter(
        board=report.run.board, receipts__intended_at__gte=report.run.started_at, receipts__undoes__isnull=True
    )
    return sorted(mine | set(pushed.values_list("pk", flat=True).distinct()))


def state_of(report: Report, setup: Setup) -> str:
    """How the run ended: it waits only for what it staged itself; `report.waits` tells of what any run has staged."""
    if report.error:
        return RunState.FAILED
    rejected = StagedOrder.objects.filter(batch__run=report.run, state=OrderState.REJECTED).exists()
    unclear = StagedOrder.objects.filter(board=report.run.board, state=OrderState.UNCLEAR).count()
    if unclear:
        report.warnings.append(
            f"Orders that were sent and not answered: {unclear:,}. Remedy: sync again in {setup.settle_seconds:,.0f} "
            "seconds; they are looked up before anything is sent again."
        )
    if unclear or rejected or report.failed:
        return RunState.WITH_ERRORS
    waiting = StagedOrder.objects.waiting().filter(board=report.run.board)
    report.waits = waiting.exists()
    return RunState.WAITING if waiting.filter(batch__run=report.run).exists() else RunState.COMPLETED


def _tell(run: SyncRun, action: str, actor: str, setup: Setup, data: dict[str, Any]) -> None:
    audit.record(
        chain=audit.run_chain(run.pk),
        actor=actor,
        action=action,
        subject=f"run:{run.pk}",
        now=setup.clock.now(),
        data=data,
    )
