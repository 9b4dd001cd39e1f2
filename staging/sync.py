"""One sync: detect, stage, check, approve where a policy may, push what is approved; and the report of it.

This use case puts the others in order and keeps the run's row: its claim, phase, counts and end. A run that died is
closed here by the next one, which opens what the dead one had staged; nothing is staged twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from monday.calls import CallLog
from monday.client import Unavailable
from monday.models import Board

from . import audit
from .check import Checked, check
from .columns import drift, shape
from .core.counts import Counts
from .core.lifecycle import BATCH, BatchState, NotAllowed, OrderState
from .core.ports import Scope, SourceRefused
from .decide import approve
from .detect import Detected, detect
from .guards import GuardRefused, check_rows, check_source, mass_change
from .lease import GRACE, LENGTH, LeaseLost, database_now, dead, new_owner, renew
from .models import Batch, StagedOrder, SyncRun
from .models.run import Kind, RunState
from .prepare import prepare
from .push import Pushed, push, sizes_later
from .recheck import out_of_date
from .rehearse import Rehearsal
from .resolve import resolve
from .retry import retry_due
from .setup import Progress, Setup, Stopped, whole
from .stage import Ledger
from .strangers import check_strangers
from .tally import sent_since_begun, staged_by_state
from .transitions import move_batch

SCHEMA_VERSION = 1
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
    """How a sync went. `status` is the run's state; `error` a sentence where it failed or was refused."""

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
    sent: int = 0
    warnings: list[str] = field(default_factory=list)


def sync(
    *, request: Request, setup: Setup, calls: CallLog, progress: Progress, claimed: SyncRun | None = None
) -> Report:
    """Run one sync to its end and say how it went; outages, guards and stops end up in the report.

    `claimed` is the row of a run that was asked for earlier and whose lease the caller holds. Opens short
    transactions. Raises NotAllowed where another detection of this board is running, and LeaseLost.
    """
    run = _begin(request, setup, claimed)
    owner = run.lease_owner
    report = Report(run)
    calls.correlation = f"run:{run.pk}"
    started = time.monotonic()

    def step(phase: str, done: int, total: int) -> None:
        renew(run, owner)
        SyncRun.objects.filter(pk=run.pk).update(phase=phase, done=done, total=total)
        progress(phase, done, total)

    with structlog.contextvars.bound_contextvars(run=run.pk):
        try:
            _work(request, setup, report, step)
            report.run.state = _state(report, setup)
        except Stopped:
            report.stopped, report.run.state = True, RunState.STOPPED
        except GuardRefused as refused:
            report.error, report.run.state = str(refused), RunState.REFUSED
        except SourceRefused as refused:
            report.error = str(refused)
            report.run.state = RunState.REFUSED if refused.guard else RunState.FAILED
        except Unavailable as outage:
            report.error, report.run.state = str(outage), RunState.FAILED
        except LeaseLost:
            calls.flush()
            raise  # whoever took the run over writes its end
        except BaseException:
            report.error, report.run.state = "It broke off before its end; the log tells why.", RunState.FAILED
            _end(report, request, calls, setup, started)
            raise
        _end(report, request, calls, setup, started)
    return report


def _end(report: Report, request: Request, calls: CallLog, setup: Setup, started: float) -> None:
    report.durations["total"] = time.monotonic() - started
    _finish(report, request, calls, setup)


def _work(request: Request, setup: Setup, report: Report, progress: Progress) -> None:
    scope = scope_of(request, setup)
    with _timed(report, "detect"):
        rows = setup.source.count(scope)
        _guard(request, setup, scope, rows)
        report.warnings += drift(setup.board, setup.mappings.family, setup.source.columns).sentences
        if not request.dry_run:
            resolve(setup=setup, actor=request.actor)
        ledger = (Rehearsal if request.dry_run else Ledger)(
            run=report.run, setup=setup, actor=request.actor, now=setup.clock.now(), limit=request.limit
        )
        report.detected = detect(
            setup=setup,
            ledger=ledger,
            scope=scope,
            full=request.full,
            limited=request.limit is not None,
            expected_rows=rows,
            progress=progress,
        )
    report.durations["stage"] = ledger.seconds
    report.durations["detect"] -= ledger.seconds
    report.counts = report.detected.counts
    report.warnings += _missed(report.detected)
    if not scope.partial and request.limit is None:
        report.run.full_rows = report.counts.read
        report.run.scope = {**report.run.scope, **shape(setup.mappings.family, setup.source.columns)}
    if isinstance(ledger, Rehearsal):
        report.rehearsed = ledger.staged
        report.counts.count_staged(ledger.by_state())
        return
    opened = _open_batches(setup.board)
    with _timed(report, "check"):
        report.checked = check(batches=opened, setup=setup, actor=request.actor)
    _approve(request, setup, report, opened)
    retry_due(board=setup.board, now=setup.clock.now())
    if request.push_now:
        with _timed(report, "push"):
            _push(request, setup, report, progress)


def _missed(detected: Detected) -> list[str]:
    """Of a full run: the orders that had changed while their rows' fingerprints had not."""
    names = detected.missed
    if not names:
        return []
    more = f" and {len(names) - 5:,} more" if names[5:] else ""
    orders = "1 order has" if len(names) == 1 else f"{len(names):,} orders have"
    return [
        f"{orders} changed although the fingerprint of the row had not: {', '.join(names[:5])}{more}. "
        "Remedy: approve them as usual, and report this, as no ordinary run would have found them."
    ]


def scope_of(request: Request, setup: Setup) -> Scope:
    """The rows that this request looks at: the mapping's `include`, narrowed by what was asked for."""
    return replace(whole(setup), customers=request.customers, po_number=request.po_number)


def _guard(request: Request, setup: Setup, scope: Scope, rows: int) -> None:
    vouched = request.expect_rows is not None
    check_source(setup.board, setup.mappings.family, setup.source.columns, vouched=vouched)
    if not scope.partial:
        check_rows(setup.board, rows, expected=request.expect_rows)
    check_strangers(setup, request.mode)


def _approve(request: Request, setup: Setup, report: Report, batches: Sequence[Batch]) -> None:
    """What a policy may approve without a person: everything on a sandbox board in TEST, else what was published."""
    by_test = request.mode == "TEST" and setup.sandbox
    landslide = "" if by_test else mass_change(setup.board, report.counts.changed)
    if landslide:
        report.warnings.append(landslide)
    for batch in () if request.by_person or landslide else batches:
        by = _policy(request, setup, batch)
        if not by or not batch.orders.filter(state=OrderState.STAGED).exists():
            continue
        now, structure = setup.clock.now(), setup.structure
        try:
            approve(batch=batch, mappings=setup.mappings, structure=structure, actor=by, now=now)
        except NotAllowed as refused:
            report.warnings.append(f"{refused} It stays open.")
            continue
        report.approved_by = by


def _policy(request: Request, setup: Setup, batch: Batch) -> str:
    """The policy that may approve this batch, "" where a person must: also if that was asked for by an earlier run."""
    if batch.run.scope.get("by_person"):
        return ""
    if request.mode == "TEST" and setup.sandbox:
        return "policy:test"
    family, name = setup.mappings.family, batch.customer.name
    policy = family.mapping(name).policy if name in family.customers else family.default.policy
    limits = policy.automatic_up_to
    if policy.approve != "automatic" or limits is None:
        return ""
    staged = batch.orders.filter(state=OrderState.STAGED)
    kinds = set(limits.kinds) - {"remove"}  # a removal always has a person's own approval
    if staged.count() > limits.orders or staged.exclude(operation__in=sorted(kinds)).exists():
        return ""
    return f"policy:{batch.customer_version_id or batch.board_version_id}"


def _push(request: Request, setup: Setup, report: Report, progress: Progress) -> None:
    batches = pushable(setup.board)
    prepare(batches=batches, setup=setup)
    # Items of all customers go before any of their sizes, where those come later.
    first = [batch for batch in batches if sizes_later(batch, setup)] if len(batches) > 1 else []
    for batch, items_only in [*((one, True) for one in first), *((one, False) for one in batches)]:
        if batch in first and not items_only and not batch.orders.filter(state__in=TODO).exists():
            continue
        with structlog.contextvars.bound_contextvars(batch=batch.pk, customer=batch.customer.name):
            try:
                done: Pushed = push(
                    batch=batch,
                    setup=setup,
                    actor=request.actor,
                    chunk=request.chunk,
                    progress=progress,
                    recheck=batch.run_id != report.run.pk,
                    items_only=items_only,
                )
            except GuardRefused as refused:
                report.warnings.append(str(refused))
                continue
            except NotAllowed as busy:
                report.warnings.append(str(busy))
                continue
        if done.moved:
            report.warnings.append(f"Batch {batch.pk}: {out_of_date(done.moved)}")
        if done.error and done.alone:
            report.warnings.append(f"Batch {batch.pk}: {done.error}")
        elif done.error:
            report.error = done.error
            break


TODO = [OrderState.APPROVED, OrderState.SENDING, OrderState.UNCLEAR]


def pushable(board: Board) -> list[Batch]:
    """Batches of a board with something approved or unclear left to do, the oldest first.

    One that is being pushed belongs to them even where nothing is left: its pusher may have died before it said so.
    """
    states = sorted(BATCH["push"].sources | {BatchState.PUSHING})
    found = Batch.objects.filter(board=board, state__in=states).select_related("customer", "board").order_by("id")
    return [b for b in found if b.state == BatchState.PUSHING or b.orders.filter(state__in=TODO).exists()]


def _open_batches(board: Board) -> list[Batch]:
    return list(Batch.objects.filter(board=board, state=BatchState.OPEN).select_related("customer").order_by("id"))


# --- the run's own row --------------------------------------------------------------------------------------------
def _begin(request: Request, setup: Setup, claimed: SyncRun | None) -> SyncRun:
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


def _finish(report: Report, request: Request, calls: CallLog, setup: Setup) -> None:
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


def _state(report: Report, setup: Setup) -> str:
    """How the run ended; changes that wait for a person are said even where an earlier run has staged them."""
    if report.error:
        return RunState.FAILED
    mine = Batch.objects.filter(run=report.run)
    rejected = StagedOrder.objects.filter(batch__run=report.run, state=OrderState.REJECTED).exists()
    unclear = StagedOrder.objects.filter(board=report.run.board, state=OrderState.UNCLEAR).count()
    if unclear:
        report.warnings.append(
            f"Orders that were sent and not answered: {unclear:,}. Remedy: sync again in {setup.settle_seconds:,.0f} "
            "seconds; they are looked up before anything is sent again."
        )
    if unclear or rejected or mine.filter(state=BatchState.FAILED).exists():
        return RunState.WITH_ERRORS
    waiting = StagedOrder.objects.filter(
        board=report.run.board, batch__state=BatchState.OPEN, state=OrderState.STAGED
    ).exists()
    return RunState.WAITING if waiting else RunState.COMPLETED


def _tell(run: SyncRun, action: str, actor: str, setup: Setup, data: dict[str, Any]) -> None:
    audit.record(
        chain=audit.run_chain(run.pk),
        actor=actor,
        action=action,
        subject=f"run:{run.pk}",
        now=setup.clock.now(),
        data=data,
    )


@contextmanager
def _timed(report: Report, name: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        report.durations[name] = time.monotonic() - started
