"""Jobs: the id of a run comes in, one use case is called, and the run's row tells how it went.

The queue is only a trigger. It may deliver a message twice, late or never: `runs.claim` lets one process in, the
sweeper sends a lost message again, and what a killed process left is taken up by the next delivery.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django_q.brokers import get_broker

from monday.calls import CallLog
from monday.client import Unavailable
from monday.models import Board

from .batches.finish import finish_settled
from .batches.retry import AUTOMATIC, retry_all
from .batches.tally import counts_since
from .boards import whole_board
from .core.lifecycle import BATCH, BatchState, NotAllowed, OrderState
from .core.ports import SourceRefused
from .detection.guards import GuardRefused
from .lists import exports, intake
from .models import Batch, StagedOrder, SyncRun
from .models.run import Kind, RunState
from .notices import deliver, notify
from .previews import impacts
from .pushing.prepare import prepare
from .pushing.push import push, sizes_later
from .pushing.recheck import out_of_date
from .running import ending, runs, schedules
from .running.asking import WORK as WORK
from .running.asking import ask_preview as ask_preview
from .running.asking import ask_push as ask_push
from .running.asking import ask_refresh as ask_refresh
from .running.asking import ask_sync as ask_sync
from .running.asking import ask_undo as ask_undo
from .running.asking import look_again, retry_again
from .running.asking import send as send
from .running.headway import write_down
from .running.heartbeat import beating
from .running.lease import LeaseLost, clear_left
from .setup import Progress, Stopped
from .sync import Request, pushable, sync
from .undoing.foresee import choices, remember
from .undoing.undo import undo
from .upkeep import care
from .wiring import NotConfigured, opened, opened_for

SWEEP, START = "staging.jobs.sweep", "staging.jobs.start"
STEP = 300.0  # seconds after which a push or an undo gives its worker back and goes on with the next message
UNCLAIMED = 45.0  # seconds after which a run that nobody has claimed is sent again
MOMENT = 2.0  # seconds that the messages of the sweeper's own minute are given to be taken
REFUSALS = (NotConfigured, GuardRefused, NotAllowed)
log = structlog.get_logger(__name__)


class StepOver(Stopped):
    """This step has had its time; the work goes on in the next one."""


class TurnTaken(Stopped):
    """Another sync of the same board is at work; this one waits until that has ended."""


# --- what the queue calls -----------------------------------------------------------------------------------------
def work(run_id: int) -> str:
    """Do one run, or a step of it; harmless when delivered twice. Returns how it went, for the queue's own list."""
    run = runs.claim(run_id)
    if run is None:
        return _not_claimed(run_id)
    with structlog.contextvars.bound_contextvars(run=run.pk), beating(run):
        try:
            DO[Kind(run.kind)](run)
        except StepOver:
            runs.put_back(run)
            send(run)
            return f"run {run.pk} goes on with the next message"
        except TurnTaken:
            runs.put_back(run)
            return f"run {run.pk} waits for the sync that is at work"
        except LeaseLost as lost:
            return str(lost)
        except BaseException:
            with suppress(LeaseLost, DatabaseError):
                runs.end(run, RunState.FAILED, now=timezone.now(), error="It broke off; the log tells why.")
            _wake(run)
            notify.ended(run.pk)
            raise
    _wake(run)
    notify.ended(run.pk)
    run.refresh_from_db(fields=["state"])
    return f"run {run.pk}: {run.state}"


def start(mode: str = "TEST", **scope: Any) -> str:
    """What a schedule calls: ask for a sync, unless the same is still waiting or at work; another one is waited for."""
    for busy in runs.syncs(mode).order_by("id"):
        if not runs.lost(busy) and {name: value for name, value in busy.scope.items() if value} == scope:
            return f"{busy} of {mode} is still {busy.state}, and is to do the same."
    now = timezone.now()
    run = runs.ask(kind=Kind.SYNC, mode=mode, actor="schedule", trigger="schedule", scope=scope, now=now)
    send(run)
    return f"asked for run {run.pk}"


def _wake(ended: SyncRun) -> None:
    """Send the sync that has waited longest for this one's end."""
    if ended.kind == Kind.SYNC:
        waits = runs.syncs(ended.mode).filter(state=RunState.QUEUED).exclude(pk=ended.pk)
        for run in waits.order_by("id")[:1]:
            send(run)


def refresh(**_: Any) -> str:
    """What a schedule calls: read every known board's structure again."""
    asked = []
    for board in Board.objects.order_by("id"):
        with suppress(NotAllowed):
            asked.append(ask_refresh(board, actor="schedule", trigger="schedule").pk)
    return f"asked for runs {asked}"


def push_approved(mode: str = "TEST", **_: Any) -> str:
    """What a schedule calls: push what is approved and unsent, unless a person has cancelled its last push."""
    asked = []
    approved = StagedOrder.objects.filter(batch=OuterRef("pk"), state=OrderState.APPROVED)
    batches = Batch.objects.filter(Exists(approved), state__in=sorted(BATCH["push"].sources), board__in=_boards(mode))
    for batch in batches.select_related("board").order_by("id"):
        if not runs.push_cancelled_by(batch):
            with suppress(NotAllowed):  # one is under way
                asked.append(ask_push(batch, actor="schedule", trigger="schedule").pk)
    return f"asked for runs {asked}"


def retry_rejected(mode: str = "TEST", **_: Any) -> str:
    """What a schedule calls: let rejected orders go out once more, but those that were refused too often."""
    asked = []
    for batch in retry_all(boards=_boards(mode), now=timezone.now()):
        with suppress(NotAllowed):
            asked.append(ask_push(batch, actor=AUTOMATIC, trigger="schedule").pk)
    return f"asked for runs {asked}"


def _boards(mode: str) -> list[Board]:
    environment = "sandbox" if mode == "TEST" else "production"
    return list(Board.objects.filter(environment=environment).order_by("id"))


def sweep() -> str:
    """What a schedule calls every minute: take up what died, send lost messages again, send mails that are due."""
    now = timezone.now()
    again = recover(late=UNCLAIMED if _all_taken() else None)
    looked = look_again(now)
    tried = retry_again(now)
    paused = schedules.pause_faulty(now)
    finished, cleared = finish_settled(now=now), clear_left()
    told = notify.overdue(now) + notify.quota(now) + deliver.send_due(now)
    said = f"; {' '.join(paused)}" if paused else ""
    said += f"; claims cleared: {cleared}" if cleared else ""
    work = f"sent again: {again}; looked again: {looked}; tried again: {tried}; finished: {finished}"
    return f"{work}; messages: {told}{said}"


def _all_taken() -> bool:
    """Whether no message waits; while one does, a run that nobody has claimed is most likely just behind it. What the
    schedules sent together with the sweep's own message is given a moment to be taken."""
    for _ in range(10):
        if get_broker().queue_size() == 0:
            return True
        time.sleep(MOMENT / 10)
    return False


def recover(*, late: float | None = 0.0) -> list[int]:
    """Take up the runs whose process died, and send those again that nobody has claimed for `late` seconds.

    With None only the former. Returns the runs that were sent; sent twice they do no harm.
    """
    now, again = timezone.now(), []
    for run in SyncRun.objects.filter(state=RunState.RUNNING):
        if runs.lost(run) and (next_run := runs.take_over(run, now=now)) is not None:
            again.append(next_run)
    if late is not None:
        unclaimed = SyncRun.objects.filter(state=RunState.QUEUED, started_at__lt=now - timedelta(seconds=late))
        again += unclaimed.exclude(pk__in=[run.pk for run in again]).order_by("id")[:100]
    for run in again:
        send(run)
    return [run.pk for run in again]


def _not_claimed(run_id: int) -> str:
    run = SyncRun.objects.filter(pk=run_id).first()
    if run is not None and runs.lost(run) and (next_run := runs.take_over(run, now=timezone.now())) is not None:
        send(next_run)
        return f"run {run_id} had died; run {next_run.pk} goes on"
    return f"run {run_id} is not to be done (any more)"


# --- one function per kind of run ---------------------------------------------------------------------------------
def _sync(run: SyncRun) -> None:
    calls = CallLog(correlation=f"run:{run.pk}")
    with _ending(run, calls), opened(mode=run.mode, calls=calls, board_name=run.scope.get("board")) as setup:
        name = run.scope.get("customer") or ""
        family = setup.mappings.family
        spelled = (raw for raw, _ in setup.source.customers() if raw is not None and family.customer_of(raw) == name)
        request = Request(
            mode=run.mode,
            actor=run.actor,
            trigger=run.trigger,
            customers=tuple(spelled) if name else None,
            customer_name=name,
            po_number=run.scope.get("po_number") or None,
            limit=run.scope.get("limit"),
            full=bool(run.scope.get("full")),
            expect_rows=run.scope.get("expect_rows"),
            by_person=bool(run.scope.get("by_person")),
            sizes=run.scope.get("sizes") or "",
            push_now=False,
        )
        try:
            report = sync(request=request, setup=setup, calls=calls, progress=_watch(run), claimed=run)
        except NotAllowed:
            raise TurnTaken from None
        if not report.error and not report.stopped:
            _hand_over(run, pushable(setup.board, customer=name)[0])


def _hand_over(run: SyncRun, batches: list[Batch]) -> None:
    """What is approved goes out in runs of their own, so that customers do not wait for each other."""
    for batch in batches:
        with suppress(NotAllowed):
            ask_push(batch, actor=run.actor, trigger=f"run {run.pk}")


def _push(run: SyncRun) -> None:
    calls = CallLog(correlation=f"run:{run.pk}")
    batch = Batch.objects.select_related("board", "customer").get(pk=run.scope["batch"])
    if _had_finished(run, batch, BatchState.PUSHED, BatchState.SUPERSEDED):
        _end_push(run, batch, calls)
        return
    with _ending(run, calls), opened_for(batch.board, calls=calls) as setup:
        prepare(batches=[batch], setup=setup)
        first = sizes_later(batch, setup) and not run.scope.get("items_sent")
        watch = _watch(run, steps=True)
        done = push(batch=batch, setup=setup, actor=run.actor, chunk=100, progress=watch, items_only=first)
        if first and not done.error and batch.state == BatchState.PAUSED:
            # Its sizes wait behind the messages of other batches, whose items go first.
            run.scope = {**run.scope, "items_sent": True}
            run.save(update_fields=["scope"])
            raise StepOver
        notes = [*run.notes, out_of_date(done.moved)] if done.moved else run.notes
        _end_push(run, batch, calls, error=done.error, notes=notes)


def _end_push(run: SyncRun, batch: Batch, calls: CallLog, *, error: str = "", **fields: Any) -> None:
    counts = counts_since(batch, run.started_at)
    wrong = counts["rejected"] or batch.orders.filter(state=OrderState.UNCLEAR).exists()
    state = RunState.WITH_ERRORS if wrong else RunState.COMPLETED
    _end(run, RunState.FAILED if error else state, calls, error=error, counts=counts, **fields)


def _had_finished(run: SyncRun, batch: Batch, *ends: BatchState) -> bool:
    """Whether the process that died over this run was done with its batch, and only the run's own end is left."""
    return run.attempt > 1 and batch.state in ends


def _undo(run: SyncRun) -> None:
    calls = CallLog(correlation=f"run:{run.pk}")
    batch = Batch.objects.select_related("board", "customer").get(pk=run.scope["batch"])
    if _had_finished(run, batch, BatchState.UNDONE):
        put_back = batch.orders.filter(state=OrderState.UNDONE, updated_at__gte=run.started_at)
        _end(run, RunState.COMPLETED, calls, counts={"undone": put_back.count(), "kept": 0})
        return
    with _ending(run, calls), opened_for(batch.board, calls=calls) as setup:
        preview = SyncRun.objects.filter(pk=run.scope.get("preview")).first()
        ticked = choices(preview) if preview else None
        done = undo(
            batch=batch,
            setup=setup,
            actor=run.actor,
            progress=_watch(run, steps=True),
            reason=run.scope.get("reason", ""),
            only=ticked.only if ticked else None,
            forces=ticked.forces if ticked else None,
            begun=run.started_at,
        )
        kept = [f"{label}: {why}" for label, why in done.kept.items()]
        state = RunState.WITH_ERRORS if kept else RunState.COMPLETED
        counts = {"undone": done.undone, "kept": len(kept)}
        _end(run, RunState.FAILED if done.error else state, calls, error=done.error, counts=counts, notes=kept[:200])


def _preview(run: SyncRun) -> None:
    calls = CallLog(correlation=f"run:{run.pk}")
    batch = Batch.objects.select_related("board", "customer").get(pk=run.scope["batch"])
    with _ending(run, calls), opened_for(batch.board, calls=calls) as setup:
        counts = remember(run=run, batch=batch, setup=setup, progress=_watch(run))
        _end(run, RunState.COMPLETED, calls, counts=counts)


def _refresh(run: SyncRun) -> None:
    calls = CallLog(correlation=f"run:{run.pk}")
    board = run.board
    assert board is not None
    with _ending(run, calls), opened_for(board, calls=calls):
        _end(run, RunState.COMPLETED, calls)


def _whole_board(run: SyncRun) -> None:
    calls = CallLog(correlation=f"run:{run.pk}")
    with _ending(run, calls), opened(mode=run.mode, calls=calls, board_name=run.scope.get("board")) as setup:
        runs.works_on(run, setup.board)
        _end(run, RunState.COMPLETED, calls, **whole_board.carry_out(run, setup, _watch(run)))


def _impact(run: SyncRun) -> None:
    calls = CallLog(correlation=f"run:{run.pk}")
    with _ending(run, calls):
        _end(run, calls=calls, **impacts.over_boards(run, calls, _watch(run)))


ALONE: dict[Kind, Callable[[SyncRun, Progress], dict[str, Any]]] = {
    Kind.PRUNE: care.carry_out,
    Kind.AUDIT: care.carry_out,
    Kind.EXPORT: exports.carry_out,
    Kind.INTAKE: intake.carry_out,
}
"""What asks no board: each says how its row ends."""


def _alone(run: SyncRun) -> None:
    calls = CallLog(correlation=f"run:{run.pk}")
    with _ending(run, calls):
        _end(run, calls=calls, **ALONE[Kind(run.kind)](run, _watch(run)))


DO: dict[Kind, Callable[[SyncRun], None]] = {
    Kind.SYNC: _sync,
    Kind.PUSH: _push,
    Kind.UNDO: _undo,
    Kind.PREVIEW: _preview,
    Kind.REFRESH: _refresh,
    Kind.ADOPT: _whole_board,
    Kind.RECONCILE: _whole_board,
    Kind.GONE: _whole_board,
    Kind.IMPACT: _impact,
    **dict.fromkeys(ALONE, _alone),
}


@contextmanager
def _ending(run: SyncRun, calls: CallLog) -> Iterator[None]:
    """What is expected to stop a run ends it with one sentence."""
    try:
        yield
    except (StepOver, TurnTaken):
        raise
    except Stopped:
        _end(run, RunState.STOPPED, calls)
    except REFUSALS as refused:
        _end(run, RunState.REFUSED, calls, error=str(refused))
    except SourceRefused as refused:
        _end(run, RunState.REFUSED if refused.guard else RunState.FAILED, calls, error=str(refused))
    except Unavailable as outage:
        _end(run, RunState.FAILED, calls, error=str(outage))
    finally:
        calls.flush()


def _end(run: SyncRun, state: RunState, calls: CallLog, **fields: Any) -> None:
    calls.flush()  # whoever sees that it has ended sees all of its calls
    api = {name: round(value + (run.api or {}).get(name, 0), 3) for name, value in calls.to_json().items()}
    runs.end(run, state, now=timezone.now(), api=api, **fields)


# --- signs of life ------------------------------------------------------------------------------------------------
def _watch(run: SyncRun, *, steps: bool = False) -> Progress:
    """Progress of a job: told to the run's row, and the place where it is cancelled or gives its worker back."""
    began, first = time.monotonic(), dict[str, int]()

    def watch(phase: str, done: int, total: int) -> None:
        write_down(run, run.lease_owner, phase, done, total)
        if SyncRun.objects.filter(pk=run.pk).exclude(cancelled_by="").exists():
            raise Stopped
        # A step that has done nothing yet, or has nothing left to do, is not broken off for its time.
        over = first.setdefault(phase, done) < done and time.monotonic() - began > STEP
        if steps and done < total and (over or ending.asked()):
            raise StepOver

    return watch
