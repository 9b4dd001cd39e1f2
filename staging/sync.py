"""One sync: detect, stage, check, approve where a policy may, push what is approved; and the report of it.

This use case puts the others in order; `sync_row` keeps the run's row.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import structlog
from django.db import InterfaceError, OperationalError, connection

from monday.calls import CallLog
from monday.client import Unavailable
from monday.models import Board

from .batches.check import check
from .batches.decide import approve, removing
from .batches.finish import finish_settled
from .batches.rehearse import Rehearsal
from .batches.retry import retry_due
from .batches.stage import Ledger
from .boards.strangers import check_strangers
from .core.lifecycle import BATCH, BatchState, NotAllowed, OrderState
from .core.ports import Scope, SourceRefused
from .detection.columns import drift, shape
from .detection.detect import Detected, detect
from .detection.guards import GuardRefused, check_rows, check_source, mass_change
from .models import Batch, SyncRun
from .models.run import RunState
from .pushing.prepare import prepare
from .pushing.push import Pushed, push, sizes_later
from .pushing.recheck import out_of_date
from .pushing.resolve import resolve
from .running import runs
from .running.headway import write_down
from .running.lease import LeaseLost
from .setup import Interrupted, Progress, Setup, Stopped, whole
from .sync_row import Report as Report
from .sync_row import Request as Request
from .sync_row import begin, finish, state_of

log = structlog.get_logger(__name__)


def sync(
    *, request: Request, setup: Setup, calls: CallLog, progress: Progress, claimed: SyncRun | None = None
) -> Report:
    """Run one sync to its end and say how it went; outages, guards and stops end up in the report.

    `claimed` is the row of a run that was asked for earlier and whose lease the caller holds. Opens short
    transactions. Raises NotAllowed where another detection of this board is running, and LeaseLost.
    """
    run = begin(request, setup, claimed)
    owner = run.lease_owner
    report = Report(run)
    calls.correlation = f"run:{run.pk}"
    started = time.monotonic()

    def step(phase: str, done: int, total: int) -> None:
        write_down(run, owner, phase, done, total)
        progress(phase, done, total)

    with structlog.contextvars.bound_contextvars(run=run.pk):
        try:
            _work(request, setup, report, step)
            report.run.state = state_of(report, setup)
        except Stopped:
            report.stopped, report.run.state = True, RunState.STOPPED
        except GuardRefused as refused:
            report.error, report.run.state = str(refused), RunState.REFUSED
        except SourceRefused as refused:
            report.error = str(refused)
            report.run.state = RunState.REFUSED if refused.guard else RunState.FAILED
        except Unavailable as outage:
            report.error, report.run.state = str(outage), RunState.FAILED
        except LeaseLost as lost:
            if not SyncRun.objects.filter(pk=run.pk, lease_owner=owner, state=RunState.RUNNING).exists():
                calls.flush()
                raise  # whoever took the run over writes its end
            report.error, report.run.state = str(lost), RunState.FAILED  # a batch was taken from it, not the run
        except Interrupted as interrupted:
            report.error, report.run.state = str(interrupted), RunState.STOPPED
            _end(report, request, calls, setup, started)
            raise
        except BaseException:
            report.error, report.run.state = "It broke off before its end; the log tells why.", RunState.FAILED
            _end(report, request, calls, setup, started)
            raise
        _end(report, request, calls, setup, started)
    return report


def _end(report: Report, request: Request, calls: CallLog, setup: Setup, started: float) -> None:
    report.durations["total"] = time.monotonic() - started
    try:
        finish(report, request, calls, setup)
    except (OperationalError, InterfaceError):
        # A connection that broke off answers nothing any more; a new one may.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        if SyncRun.objects.filter(pk=report.run.pk, state=RunState.RUNNING).exists():
            finish(report, request, calls, setup)


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
            admit=partial(_check_rows, request, setup, scope),
            progress=progress,
        )
    report.durations["stage"] = ledger.seconds
    report.durations["detect"] -= ledger.seconds
    report.counts = report.detected.counts
    report.warnings += _missed(report.detected)
    report.warnings += _nothing_read(report)
    report.warnings += [report.detected.lost] if report.detected.lost and not scope.partial else []
    report.warnings += _kept(report.detected)
    if not scope.partial and request.limit is None and not report.detected.lost:
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
    finish_settled(now=setup.clock.now(), board=setup.board)


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


def _kept(detected: Detected) -> list[str]:
    """The orders that are not removed although no row has their UUID, and why."""
    if not detected.kept:
        return []
    orders = "1 order stays" if detected.kept == 1 else f"{detected.kept:,} orders stay"
    return [
        f"{orders} on the board though no row has the UUID, as a row that cannot be used may be theirs. "
        "Remedy: correct those rows (unused_rows lists them); the next sync follows or removes the orders."
    ]


def _nothing_read(report: Report) -> list[str]:
    """That nothing was read, where only a customer's rows or those of a PO number were asked for."""
    customer, po_number = report.run.scope.get("customer"), report.run.scope.get("po_number")
    if report.counts.read or not (customer or po_number):
        return []
    whose = f"No row of {customer}" if customer else "No row"
    what = f" has the PO number {po_number}" if po_number else " is in the order table"
    return [f"{whose}{what}, so there was nothing to do. Remedy: look how the source spells it."]


def scope_of(request: Request, setup: Setup) -> Scope:
    """The rows that this request looks at: the mapping's `include`, narrowed by what was asked for."""
    return replace(whole(setup), customers=request.customers, po_number=request.po_number)


def _guard(request: Request, setup: Setup, scope: Scope, rows: int) -> None:
    vouched = request.expect_rows is not None
    check_source(setup.board, setup.mappings.family, setup.source.columns, vouched=vouched)
    _check_rows(request, setup, scope, rows)
    check_strangers(setup, request.mode)


def _check_rows(request: Request, setup: Setup, scope: Scope, rows: int) -> None:
    if scope.partial and not rows:  # as the source has none of it, or as its table is being loaded
        rows = setup.source.count(whole(setup))
    elif scope.partial:
        return
    check_rows(setup.board, rows, expected=request.expect_rows)


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
    if staged.count() > limits.orders or staged.exclude(operation__in=sorted(limits.kinds)).exists():
        return ""
    if removing(batch).exists():  # of an item or of a size: always a person's own approval
        return ""
    return f"policy:{batch.customer_version_id or batch.board_version_id}"


def _push(request: Request, setup: Setup, report: Report, progress: Progress) -> None:
    named = setup.mappings.family.customer_of(request.customer_name) or ""
    batches, waiting = pushable(setup.board, customer=named)
    report.warnings += waiting
    prepare(batches=batches, setup=setup)
    # Items of all customers go before any of their sizes, where those come later.
    first = [batch for batch in batches if sizes_later(batch, setup)] if len(batches) > 1 else []
    for batch, items_only in [*((one, True) for one in first), *((one, False) for one in batches)]:
        if batch in first and not items_only and not batch.orders.filter(state__in=TO_SEND).exists():
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
    report.failed = sum(batch.state == BatchState.FAILED for batch in batches)


TO_SEND = [OrderState.APPROVED, OrderState.SENDING, OrderState.UNCLEAR]


def pushable(board: Board, *, customer: str = "") -> tuple[list[Batch], list[str]]:
    """Batches of a board (of one customer, if named) with something approved or unclear left to do, the oldest first.

    One that is being pushed belongs to them even where nothing is left: its pusher may have died before it said so.
    One whose push a person has cancelled does not; a sentence about each of those comes second.
    """
    states = sorted(BATCH["push"].sources | {BatchState.PUSHING})
    found = Batch.objects.filter(board=board, state__in=states).select_related("customer", "board").order_by("id")
    batches, waiting = list[Batch](), list[str]()
    for batch in found.filter(customer__name=customer) if customer else found:
        if batch.state == BatchState.PUSHING:
            batches.append(batch)
        elif batch.orders.filter(state__in=TO_SEND).exists():
            if who := runs.push_cancelled_by(batch):
                waiting.append(f"Batch {batch.pk} waits, as {who} cancelled its push. Remedy: push it, or decline it.")
            else:
                batches.append(batch)
    return batches, waiting


def _open_batches(board: Board) -> list[Batch]:
    return list(Batch.objects.filter(board=board, state=BatchState.OPEN).select_related("customer").order_by("id"))


@contextmanager
def _timed(report: Report, name: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        report.durations[name] = time.monotonic() - started
