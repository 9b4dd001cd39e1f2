"""Pruning: what is older than its kind's age, and needed by nothing later, is written to a file and removed.

Small transactions, each with its event in the audit; killed at any instant, the next pruning goes on. One is at work at
a time, as a run of its own whose row says how many of each kind went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Model

from staging import audit
from staging.core.lifecycle import OPEN
from staging.models import Batch, Foreseen, Receipt, StagedLine, StagedOrder, SyncRun
from staging.running.lease import LENGTH, database_now, free_for, let_go, new_owner, renew
from staging.setup import Progress

from . import retention
from .archive import Archive, Closed, seal_left
from .cut import cut, due
from .retention import KINDS, NAMES, Prunable

ORDERS = 200  # of one transaction, with their sizes and receipts
SUBJECT = "audit"
"""Of the runs that prune and that check the audit: neither reads what the other is about to change."""


class Moved(Exception):
    """Somebody worked on a batch meanwhile, so it stays."""


@dataclass(slots=True)
class Found:
    """How much of one kind is to go or went, and between which times; `days` is its age, 0 where it is kept for ever.

    `parts` are the rows that go with it, `notes` what a person should know.
    """

    name: str
    words: str
    days: int
    count: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    parts: dict[str, int] | None = None
    notes: tuple[str, ...] = ()

    def add(self, times: Iterable[datetime], count: int | None = None) -> None:
        """Count rows with these times, or `count` between them."""
        every = list(times)
        self.count += len(every) if count is None else count
        self.oldest = min([*every, *([self.oldest] if self.oldest else [])], default=None)
        self.newest = max([*every, *([self.newest] if self.newest else [])], default=None)

    def to_json(self) -> dict[str, Any]:
        """For the run's row and for scripts; times in ISO 8601, UTC."""
        told = {"name": self.name, "what": self.words, "days": self.days, "count": self.count}
        times = {
            name: at.isoformat() if at else None for name, at in (("oldest", self.oldest), ("newest", self.newest))
        }
        return {**told, **times, "with": self.parts or {}, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning removed, and the files that keep it."""

    kinds: tuple[Found, ...]
    files: tuple[Closed, ...]


def cutoff(kind: str, now: datetime) -> datetime | None:
    """What is older than this may go; None where the kind is kept for ever."""
    days = settings.RETAIN_DAYS[kind]
    return now - timedelta(days=days) if days else None


def foreseen(*, now: datetime, kinds: Sequence[str] = NAMES) -> list[Found]:
    """What a pruning would remove at this moment. Reads in pages, and writes nothing. Raises OSError."""
    found = []
    gone: set[int] = set()
    for kind in _wanted(kinds):
        told = Found(kind.name, kind.words, settings.RETAIN_DAYS[kind.name])
        found.append(told)
        if (before := cutoff(kind.name, now)) is None:
            continue
        for rows in kind.rows:
            for page in rows.pages(before, gone):
                told.add(at for _, at in page)
        if kind.name == "batches":
            gone = _foresee_batches(told, before)
        elif kind.name == "audit":
            for part in due(before):
                old = part.chain.events.filter(sequence__gt=part.chain.cut_length, sequence__lte=part.upto)
                told.add(old.aggregate(a=Min("at"), b=Max("at")).values(), part.events)
        elif kind.name == "files":
            for _, at in retention.files(before):
                told.add([at])
    return found


def prune(
    *, run: SyncRun, actor: str, now: Callable[[], datetime], progress: Progress, kinds: Sequence[str] = NAMES
) -> Pruned:
    """Remove what is old enough, and say what went. `run` is claimed by this process, and its counts grow.

    Opens short transactions. Raises NotArchived where files cannot be written, and what `progress` raises to stop.
    """
    began, folder = now(), Path(settings.ARCHIVE_DIR)
    files = seal_left(folder)
    archive = Archive(folder, f"{began:%Y%m%d-%H%M%S}-run{run.pk}")
    wanted, told = _wanted(kinds), list[Found]()
    try:
        for place, kind in enumerate(wanted):
            found = Found(kind.name, kind.words, settings.RETAIN_DAYS[kind.name])
            told.append(found)
            if (before := cutoff(kind.name, began)) is not None:
                watch = partial(progress, "prune", place, len(wanted))
                _prune_kind(kind, _Work(run, actor, now, archive, found, watch), before)
    finally:
        files += archive.close()
    return Pruned(tuple(told), tuple(files))


def _prune_kind(kind: Prunable, work: _Work, before: datetime) -> None:
    work.watch()
    for rows in kind.rows:
        for page in rows.pages(before, ()):
            work.remove(rows.model, page)
    if kind.name == "batches":
        for page in retention.pages(retention.batches(before), "created_at", 100):
            for pk, at in page:
                work.remove_batch(pk, at, before)
    elif kind.name == "audit":
        work.cut_audit(before)
    elif kind.name == "files":
        work.remove_files(before)


def _wanted(kinds: Sequence[str]) -> list[Prunable]:
    return [kind for kind in KINDS if kind.name in kinds]


def _foresee_batches(told: Found, before: datetime) -> set[int]:
    gone: set[int] = set()
    told.parts = {"orders": 0, "sizes": 0, "receipts": 0}
    for page in retention.pages(retention.batches(before), "created_at", 500):
        told.add(at for _, at in page)
        ids = [pk for pk, _ in page]
        gone.update(ids)
        told.parts["orders"] += StagedOrder.objects.filter(batch__in=ids).count()
        told.parts["sizes"] += StagedLine.objects.filter(order__batch__in=ids).count()
        told.parts["receipts"] += Receipt.objects.filter(batch__in=ids).count()
    return gone


@dataclass(slots=True)
class _Work:
    """One kind being pruned: where it is counted and written, and who does it."""

    run: SyncRun
    actor: str
    now: Callable[[], datetime]
    archive: Archive
    found: Found
    watch: Callable[[], None]

    def remove(self, model: type[Model], page: retention.Page) -> None:
        """Remove the rows of one page with what hangs on them. Opens a transaction."""
        if not page:
            return
        times = [at for _, at in page]
        with transaction.atomic():
            model._default_manager.filter(pk__in=[pk for pk, _ in page]).delete()
            self._tell("retention.removed", times, len(page), {})
        self.found.add(times)
        self._count()

    def remove_batch(self, pk: int, at: datetime, before: datetime) -> None:
        """Write a batch down and remove it, some hundred orders at a time; nobody else may work on it meanwhile."""
        batch, owner = Batch.objects.get(pk=pk), new_owner()
        free = Batch.objects.filter(free_for(batch, database_now()), pk=pk)
        if not free.update(lease_owner=owner, lease_until=database_now() + LENGTH):
            return
        try:
            if not retention.batches(before).filter(pk=pk).exists():
                return
            ids = list(StagedOrder.objects.filter(batch=pk).order_by("id").values_list("pk", flat=True))
            for start in range(0, len(ids), ORDERS):
                renew(batch, owner)
                self._remove_orders(batch, ids[start : start + ORDERS], before)
                self.watch()
            where = self.archive.write("batches", [_as_row("batch", batch)]).to_json()
            with transaction.atomic():
                Batch.objects.filter(pk=pk, lease_owner=owner).delete()
                self._tell("batch.pruned", [at], 1, where, subject=f"batch:{pk}")
            self.found.add([at])
            self._count()
        except Moved:
            return
        finally:
            let_go(batch, owner)

    def _remove_orders(self, batch: Batch, ids: Sequence[int], before: datetime) -> None:
        orders = StagedOrder.objects.filter(pk__in=ids)
        lines, receipts = StagedLine.objects.filter(order__in=ids), Receipt.objects.filter(order__in=ids)
        rows = [("order", orders), ("size", lines), ("receipt", receipts)]
        written = [_as_row(table, row) for table, query in rows for row in query.order_by("pk")]
        where = self.archive.write("batches", written).to_json()
        counts = {"orders": len(ids), "sizes": 0, "receipts": 0}
        with transaction.atomic():
            settled = orders.filter(current=False, updated_at__lt=before).exclude(state__in=sorted(OPEN))
            if settled.count() != len(ids):
                raise Moved
            Foreseen.objects.filter(order__in=ids)._raw_delete(orders.db)
            counts["sizes"] = lines._raw_delete(orders.db)
            # What takes another receipt back goes before it.
            counts["receipts"] = receipts.filter(undoes__isnull=False)._raw_delete(orders.db)
            counts["receipts"] += receipts._raw_delete(orders.db)
            orders._raw_delete(orders.db)
            self._tell("batch.pruned", [], 0, {**counts, **where}, subject=f"batch:{batch.pk}")
        before_it = self.found.parts or dict.fromkeys(counts, 0)
        self.found.parts = {name: before_it[name] + number for name, number in counts.items()}

    def cut_audit(self, before: datetime) -> None:
        """Take the old beginnings of the audit's chains away (see `cut`)."""

        def write(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
            return self.archive.write("audit", rows).to_json()

        for gone in cut(parts=due(before), actor=self.actor, run=self.run.pk, now=self.now, write=write):
            if gone.broken:
                self.found.notes = (*self.found.notes, f"{gone.broken} Remedy: run verify_audit.")
            if gone.oldest and gone.newest:
                self.found.add([gone.oldest, gone.newest], gone.events)
            self._count()
            self.watch()

    def remove_files(self, before: datetime) -> None:
        """Remove the files of one host; another host's are removed by a pruning there."""
        for path, at in retention.files(before):
            with suppress(FileNotFoundError):
                path.unlink()
                self.found.add([at])
        if self.found.count:
            with transaction.atomic():
                self._tell("retention.removed", [], self.found.count, {})
            self._count()

    def _tell(
        self, action: str, times: Sequence[datetime], count: int, data: dict[str, Any], *, subject: str = ""
    ) -> None:
        """The event of one removal, in the chain of what was pruned. Requires an open transaction."""
        between = {"oldest": min(times).isoformat(), "newest": max(times).isoformat()} if times else {}
        data = {"kind": self.found.name, "count": count, **between, **data}
        subject = subject or f"run:{self.run.pk}"
        audit.record(chain=audit.RETENTION, actor=self.actor, action=action, subject=subject, now=self.now(), data=data)

    def _count(self) -> None:
        """Let the run's row say how many went until now, and give a stop its chance."""
        counts = {**self.run.counts, self.found.name: self.found.count}
        SyncRun.objects.filter(pk=self.run.pk).update(counts=counts)
        self.run.counts = counts
        self.watch()


def _as_row(table: str, row: Model) -> dict[str, Any]:
    """A row with every column, for a file."""
    return {"table": table, **{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}}
