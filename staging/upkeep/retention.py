"""What may be pruned, kind by kind: which rows are old enough, and which of them something later still needs.

Each kind gives pages of (key, time) in the order of their keys; so counting and removing see the same rows, and memory
stays bounded. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, Max, Model, OuterRef, Q, QuerySet
from django_q.models import Task

from monday.models import ApiCall
from staging.core.lifecycle import OPEN, OrderState
from staging.lists import kept_files
from staging.models import Batch, Delivery, Notice, Receipt, Snapshot, StagedOrder, SyncRun
from staging.models.notice import Passage
from staging.models.receipt import WriteOutcome
from staging.models.run import Kind, RunState

from .cut import FINISHED

PAGE = 1_000  # keys of a page; SQL Server takes 2,100 parameters
RUNS, FOUND = 500, 20  # runs of a page; those that looked at something may have thousands of rows each

Page = list[tuple[Any, datetime]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of one table that may go, in pages of (key, time).

    `pages` takes the time before which they are old, and batches that go first, so that a dry run sees what follows.
    """

    model: type[Model]
    pages: Callable[[datetime, Container[int]], Iterator[Page]]


@dataclass(frozen=True, slots=True)
class Prunable:
    """One kind: its name in settings and results, and what it is in words; `rows` is empty for what has rules of its
    own (see `staging.upkeep.prune`)."""

    name: str
    words: str
    rows: tuple[Rows, ...] = ()


def pages(query: QuerySet[Any], time: str, size: int = PAGE) -> Iterator[Page]:
    """The rows of a query as (key, time), by key."""
    last: Any = None
    while True:
        rest = query if last is None else query.filter(pk__gt=last)
        page = list(rest.order_by("pk").values_list("pk", time)[:size])
        if not page:
            return
        yield page
        last = page[-1][0]


def _older(model: type[Model], time: str) -> Rows:
    return Rows(model, lambda before, gone: pages(model._default_manager.filter(**{f"{time}__lt": before}), time))


# --- runs ---------------------------------------------------------------------------------------------------------
ACTIVE = (RunState.QUEUED, RunState.RUNNING)
OF_A_BATCH = (Kind.PUSH, Kind.UNDO, Kind.PREVIEW)
LOOKING = (Kind.RECONCILE, Kind.PREVIEW, Kind.IMPACT)
"""Kinds of runs that leave rows which say what they found. Adoptions stay: the guard before a first run asks them."""


def runs(*, looking: bool) -> Rows:
    """Ended runs that nothing hangs on: those that looked at something, or all others."""
    return Rows(SyncRun, lambda before, gone: _runs(before, looking, gone))


def _runs(before: datetime, looking: bool, gone: Container[int]) -> Iterator[Page]:
    old = SyncRun.objects.filter(finished_at__lt=before).exclude(state__in=ACTIVE)
    old = old.filter(kind__in=LOOKING) if looking else old.exclude(kind__in=(*LOOKING, Kind.ADOPT))
    needed = _newest_runs()
    for page in pages(old, "finished_at", FOUND if looking else RUNS):
        told = dict(
            SyncRun.objects.filter(pk__in=[pk for pk, _ in page], kind__in=OF_A_BATCH).values_list("pk", "subject")
        )
        there = _batches_there(told.values(), gone)
        staged = Batch.objects.filter(run__in=[pk for pk, _ in page]).values_list("run", "pk")
        needed |= {run for run, batch in staged if batch not in gone}
        yield [(pk, at) for pk, at in page if pk not in needed and told.get(pk) not in there]


def _newest_runs() -> set[int]:
    """The newest run of each kind on each board and subject, and the last that read a board's whole source.

    One that has not ended is none of them: a pruning keeps the last one before itself, as it is foreseen.
    """
    shown = SyncRun.objects.filter(rehearsal=False).exclude(state__in=ACTIVE)
    newest = shown.exclude(kind__in=OF_A_BATCH).values("kind", "mode", "board", "subject").order_by()
    whole = shown.filter(full_rows__isnull=False).values("board").order_by()
    good = shown.filter(kind__in=LOOKING, state=RunState.COMPLETED).exclude(kind=Kind.PREVIEW)
    good_ones = good.values("kind", "mode", "board", "subject").order_by()
    return {row["newest"] for query in (newest, whole, good_ones) for row in query.annotate(newest=Max("pk"))}


def _batches_there(subjects: Iterable[str], gone: Container[int]) -> set[str]:
    numbers = {int(number) for subject in subjects if (number := subject.partition(":")[2]).isdecimal()}
    found = Batch.objects.filter(pk__in=sorted(numbers)).values_list("pk", flat=True)
    return {f"batch:{pk}" for pk in found if pk not in gone}


# --- batches --------------------------------------------------------------------------------------------------------
UNSETTLED = (WriteOutcome.INTENDED, WriteOutcome.SENT, WriteOutcome.UNCLEAR)


def batches(before: datetime) -> QuerySet[Batch]:
    """The batches that are told to their end, moved by nobody since `before`, and superseded in every order.

    An order is superseded where nothing of it reached the board, or where a later one of the same item did. One that
    detection compares with, that a person could release, or that has a receipt without an answer keeps its batch.
    """
    written = Receipt.objects.filter(order=OuterRef("pk"), outcome=WriteOutcome.DONE)
    later = StagedOrder.objects.filter(
        board=OuterRef("board"),
        record=OuterRef("record"),
        link_key=OuterRef("link_key"),
        pk__gt=OuterRef("pk"),
        state=OrderState.APPLIED,
    )
    withheld = Snapshot.objects.filter(board=OuterRef("board"), record=OuterRef("record")).exclude(withheld={})
    needed = StagedOrder.objects.filter(
        Q(state__in=sorted(OPEN)) | Q(current=True) | Q(updated_at__gte=before)
        | (Exists(written) & ~Exists(later)) | Exists(withheld),
        batch=OuterRef("pk"),
    )  # fmt: skip
    unsettled = Receipt.objects.filter(batch=OuterRef("pk"), outcome__in=UNSETTLED)
    busy = Batch.objects.filter(created_at__lt=before, state__in=FINISHED)
    return busy.filter(~Exists(needed), ~Exists(unsettled)).exclude(pk__in=_asked_for())


def _asked_for() -> list[int]:
    """The batches that a run waits for or works on."""
    subjects = SyncRun.objects.filter(state__in=ACTIVE, subject__startswith="batch:").values_list("subject", flat=True)
    return [int(number) for subject in subjects[:RUNS] if (number := subject.partition(":")[2]).isdecimal()]


# --- messages, and files --------------------------------------------------------------------------------------------
def _notices(before: datetime, gone: Container[int]) -> Iterator[Page]:
    going = Delivery.objects.filter(
        notice=OuterRef("pk"), state__in=[Passage.WAITING, Passage.COLLECTED, Passage.SENDING]
    )
    return pages(Notice.objects.filter(~Exists(going), at__lt=before), "at")


def files(before: datetime) -> Iterator[tuple[Path, datetime]]:
    """The mails that the embedded installation wrote as files, and what people took home or brought. Raises OSError."""
    yield from kept_files.old(before)
    folder = Path(settings.EMAIL_FILE_PATH)
    for path in sorted(folder.glob("*.log")) if folder.is_dir() else ():
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if changed < before:
            yield path, changed


KINDS: tuple[Prunable, ...] = (
    Prunable("batches", "batches with their orders, sizes and receipts, superseded in every order"),
    Prunable("findings", "what reconciliations and previews found", (runs(looking=True),)),
    Prunable("runs", "runs that staged nothing, or whose batches were pruned", (runs(looking=False),)),
    Prunable("audit", "audit events"),
    Prunable("api_calls", "API calls", (_older(ApiCall, "at"),)),
    Prunable("notices", "messages sent, with their deliveries", (Rows(Notice, _notices),)),
    Prunable(
        "signins",
        "sign-in attempts",
        tuple(_older(model, "attempt_time") for model in (AccessAttempt, AccessFailureLog, AccessLog)),
    ),
    Prunable("tasks", "results of jobs", (_older(Task, "stopped"),)),
    Prunable("sessions", "expired sessions", (_older(Session, "expire_date"),)),
    Prunable("files", "mails that were written as files, lists that were taken home or brought"),
)
"""In the order in which they are pruned: what hangs on another goes before it."""
NAMES = tuple(kind.name for kind in KINDS)
