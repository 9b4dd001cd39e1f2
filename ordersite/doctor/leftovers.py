"""What dead processes left lying: it is picked up by the next run, and this says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from staging.core.lifecycle import BatchState, OrderState
from staging.models import Batch, StagedOrder, SyncRun
from staging.models.run import RunState
from staging.running.lease import GRACE, database_now, dead

from .finding import Finding, ok, warning

NAME = "leftovers"
SYNC = "python manage.py sync_orders (with the mode and board of that run) goes on"
WORKERS = "python manage.py serve, or python manage.py worker on a server"
PATIENCE = timedelta(minutes=10)  # a busy worker takes a message later; nobody at all takes it never
MOST = 100  # rows of each kind that are looked at


def examine() -> Iterator[Finding]:
    """Dead runs and batches, queued runs that nobody takes, forgotten drafts, and orders without an answer."""
    found = [*_runs(), *_queued(), *_batches(), *_drafts(), *_unclear()]
    yield from found or [ok(NAME, "No dead run, no forgotten draft, nothing unclear.")]


def _runs() -> Iterator[Finding]:
    for run in SyncRun.objects.filter(state=RunState.RUNNING).order_by("id")[:MOST]:
        if _is_dead(run):
            yield warning(NAME, f"Run {run.pk} says that it is running, and its process is gone.", SYNC)


def _queued() -> Iterator[Finding]:
    waiting = SyncRun.objects.filter(state=RunState.QUEUED, started_at__lt=database_now() - PATIENCE).count()
    if waiting:
        yield warning(NAME, f"{_number(waiting, 'run')} queued, and no worker takes them up.", WORKERS)


def _batches() -> Iterator[Finding]:
    at_work = Batch.objects.filter(state__in=[BatchState.PUSHING, BatchState.UNDOING]).order_by("id")
    for batch in at_work[:MOST]:
        if _is_dead(batch):
            undoing = batch.state == BatchState.UNDOING
            doing, command = (
                ("undone", f"batches undo {batch.pk}") if undoing else ("pushed", f"batches push {batch.pk}")
            )
            words = f"Batch {batch.pk} was being {doing} by a process that is gone."
            yield warning(NAME, words, f"python manage.py {command} goes on from there")


def _drafts() -> Iterator[Finding]:
    drafts = Batch.objects.filter(state=BatchState.DRAFT).exclude(run__state=RunState.RUNNING).count()
    if drafts:
        yield warning(NAME, f"{_number(drafts, 'batch', 'batches')} left as drafts by a run that ended early.", SYNC)


def _unclear() -> Iterator[Finding]:
    unclear = StagedOrder.objects.filter(state=OrderState.UNCLEAR).count()
    if unclear:
        words = f"{_number(unclear, 'order')} sent without an answer; the next push looks before it sends again."
        yield warning(NAME, words, SYNC)


def _is_dead(held: SyncRun | Batch) -> bool:
    """A lease that nobody holds, that ran out, or whose process ran on this machine and is there no more."""
    if not held.lease_owner or dead(held.lease_owner):
        return True
    return held.lease_until is not None and held.lease_until < database_now() - GRACE


def _number(count: int, noun: str, plural: str = "") -> str:
    return f"1 {noun} was" if count == 1 else f"{count:,} {plural or noun + 's'} were"
