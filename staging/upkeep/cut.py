"""Takes the beginnings of old audit chains away, so that the rest can still be proved.

What goes is written down first. In one transaction then the events go, the chain remembers how many there were and the
hash of the last one (its anchor), and an event in the chain of what was pruned says the same: who did it, when, and in
which file the events stand. `audit.verify` reads on from an anchor, and believes none that no such event tells of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet

from staging import audit
from staging.core.lifecycle import OPEN, BatchState
from staging.models import AuditChain, AuditEvent, Batch, StagedOrder, SyncRun
from staging.models.run import RunState

EVENTS = 500  # of one transaction, more only where one chain is pruned on
CHAINS = 200  # of one transaction
PAGE = 500  # keys per statement
FINISHED = (
    *(BatchState.PUSHED, BatchState.DECLINED, BatchState.SUPERSEDED, BatchState.UNDONE),
    *(BatchState.PARTLY_UNDONE, BatchState.NEEDS_ATTENTION, BatchState.FAILED),
)
"""States of a batch with which nobody is occupied, unless one of its orders is."""

Write = Callable[[Iterable[dict[str, Any]]], dict[str, Any]]
"""Writes rows down for good and says where, as JSON-able data."""


@dataclass(frozen=True, slots=True)
class Due:
    """The beginning of a chain that may go: the events after `chain.cut_length`, up to and with `upto`."""

    chain: AuditChain
    upto: int

    @property
    def events(self) -> int:
        return self.upto - self.chain.cut_length


@dataclass(frozen=True, slots=True)
class Cut:
    """What one transaction took away; `broken` says of a chain why nothing of it was."""

    events: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    broken: str = ""


def due(before: datetime) -> Iterator[Due]:
    """The beginnings that are older than `before` and of nothing unfinished, chain by chain. Reads in pages."""
    last = 0
    while page := list(_old_chains(before, last)):
        chains = AuditChain.objects.in_bulk(page)
        for pk in page:
            chain = chains.get(pk)
            upto = _upto(chain, before) if chain else 0
            if chain is not None and upto > chain.cut_length:
                yield Due(chain, upto)
        last = page[-1]


@dataclass(slots=True)
class Pruning:
    """What one run took away: by whom, when last, how many events between which times, and the files that keep them."""

    run: str
    by: str
    at: datetime
    events: int
    oldest: str
    newest: str
    files: tuple[str, ...]


def history() -> list[Pruning]:
    """Every pruning of the audit, the newest last, as the chain of what was pruned tells it."""
    found: dict[str, Pruning] = {}
    told = AuditEvent.objects.filter(chain__name=audit.RETENTION, action=audit.CUT).order_by("sequence")
    for event in told.iterator(chunk_size=PAGE):
        data = event.data
        between = (str(data["oldest"]), str(data["newest"]))
        one = found.setdefault(event.subject, Pruning(event.subject, event.actor, event.at, 0, *between, ()))
        one.at, one.events = event.at, one.events + int(data["events"])
        one.oldest, one.newest = min(one.oldest, between[0]), max(one.newest, between[1])
        one.files = tuple(dict.fromkeys([*one.files, str(data.get("file", ""))]))
    return list(found.values())


def unfinished() -> QuerySet[Batch]:
    """The batches with which somebody is or will be occupied: by their state, or by that of one of their orders."""
    opened = StagedOrder.objects.filter(batch=OuterRef("pk"), state__in=sorted(OPEN))
    return Batch.objects.filter(~Q(state__in=FINISHED) | Exists(opened))


def cut(*, parts: Iterable[Due], actor: str, run: int, now: Callable[[], datetime], write: Write) -> Iterator[Cut]:
    """Take these beginnings away, a transaction for every few hundred events; says after each what went.

    Opens transactions. A chain that does not stand as it was written is left whole, since it is evidence.
    """
    together: list[Due] = []
    for part in parts:
        if part.events > EVENTS:
            yield from _cut_long(part, actor, run, now, write)
            continue
        together.append(part)
        if len(together) >= CHAINS or sum(one.events for one in together) >= EVENTS:
            yield from _cut_together(together, actor, run, now, write)
            together = []
    yield from _cut_together(together, actor, run, now, write)


def _cut_long(part: Due, actor: str, run: int, now: Callable[[], datetime], write: Write) -> Iterator[Cut]:
    """A long beginning goes piece by piece, each from where the one before it ended."""
    at = -1
    while (chain := AuditChain.objects.filter(pk=part.chain.pk).first()) is not None:
        if chain.cut_length >= part.upto or chain.cut_length <= at:
            return
        at = chain.cut_length
        yield from _cut_together([Due(chain, min(at + EVENTS, part.upto))], actor, run, now, write)


def _cut_together(
    parts: Sequence[Due], actor: str, run: int, now: Callable[[], datetime], write: Write
) -> Iterator[Cut]:
    sound: list[tuple[Due, list[AuditEvent]]] = []
    for part in parts:
        events, broken = _events(part)
        if broken:
            yield Cut(broken=broken)
        elif events:
            sound.append((part, events))
    every = [event for _, events in sound for event in events]
    if not every:
        return
    where = write(_as_row(event, part.chain.name) for part, events in sound for event in events)
    times = [event.at for event in every]
    with transaction.atomic():
        gone = [_take(part, events) for part, events in sound if _still(part)]
        taken = sum(count for _, _, count in gone)
        if not gone:
            return
        audit.record(
            chain=audit.RETENTION,
            actor=actor,
            action=audit.CUT,
            subject=f"run:{run}",
            now=now(),
            data={
                "chains": {name: anchor for name, anchor, _ in gone},
                "events": taken,
                "oldest": min(times).isoformat(),
                "newest": max(times).isoformat(),
                **where,
            },
        )
    yield Cut(taken, min(times), max(times))


def _events(part: Due) -> tuple[list[AuditEvent], str]:
    """The events of a beginning, or a sentence about the first that is not as it was written."""
    chain, previous, found = part.chain, part.chain.cut_hash, []
    for sequence, (_, event) in enumerate(audit.events(chain, upto=part.upto), start=chain.cut_length + 1):
        wrong = audit.fault(event, chain.name, sequence, previous)
        if wrong or event is None:
            return [], f"Chain {chain.name} is broken at event {sequence}: {wrong}. Nothing of it was pruned."
        found.append(event)
        previous = event.hash
    return found, ""


def _still(part: Due) -> bool:
    """Whether nobody has pruned this chain meanwhile. Locks it; requires an open transaction."""
    locked = AuditChain.objects.select_for_update().filter(pk=part.chain.pk, cut_length=part.chain.cut_length)
    return locked.first() is not None


def _take(part: Due, events: Sequence[AuditEvent]) -> tuple[str, tuple[int, str], int]:
    """Take the events away and set the anchor; the row of a chain that nobody can go on with goes too."""
    ids = [event.pk for event in events]
    for start in range(0, len(ids), PAGE):
        AuditEvent.objects.filter(pk__in=ids[start : start + PAGE])._raw_delete(AuditEvent.objects.db)
    chain, last = part.chain, events[-1]
    mine = AuditChain.objects.filter(pk=chain.pk)
    mine.update(cut_length=last.sequence, cut_hash=last.hash)
    if _is_over(chain.name):
        mine.filter(length=last.sequence).delete()
    return chain.name, (last.sequence, last.hash), len(events)


def _is_over(name: str) -> bool:
    """Whether a chain is that of a run that was pruned itself, so that nothing is ever added to it."""
    number = _run_of(name)
    return number is not None and not SyncRun.objects.filter(pk=number).exists()


def _run_of(name: str) -> int | None:
    kind, _, number = name.partition(":")
    return int(number) if kind == "run" and number.isdecimal() else None


def _old_chains(before: datetime, after: int) -> Any:
    old = AuditEvent.objects.filter(at__lt=before, chain_id__gt=after).exclude(chain__name=audit.RETENTION)
    return old.order_by("chain_id").values_list("chain_id", flat=True).distinct()[:PAGE]


def _upto(chain: AuditChain, before: datetime) -> int:
    """The last event of the beginning that may go: all before it are old, and of nothing unfinished."""
    number = _run_of(chain.name)
    if number is not None and _at_work(number):
        return 0
    young = chain.events.filter(at__gte=before).aggregate(first=Min("sequence"))["first"]
    upto = int(young - 1 if young else chain.events.aggregate(last=Max("sequence"))["last"] or 0)
    return upto if number is not None else min([upto, *_first_of_unfinished(chain, upto)])


def _at_work(run: int) -> bool:
    if SyncRun.objects.filter(pk=run, state__in=[RunState.QUEUED, RunState.RUNNING]).exists():
        return True
    return unfinished().filter(run=run).exists()


def _first_of_unfinished(chain: AuditChain, upto: int) -> Iterator[int]:
    """Where the events about each page of unfinished batches begin, one place before."""
    last = 0
    while page := list(unfinished().filter(pk__gt=last).order_by("id").values_list("pk", flat=True)[:PAGE]):
        subjects = [f"batch:{pk}" for pk in page]
        first = chain.events.filter(subject__in=subjects, sequence__lte=upto).aggregate(at=Min("sequence"))["at"]
        if first:
            yield first - 1
        last = page[-1]


def _as_row(event: AuditEvent, chain: str) -> dict[str, Any]:
    """An event with everything that its hash says, so that the file alone can be checked."""
    return {
        "id": event.pk,
        "chain": chain,
        "sequence": event.sequence,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "reason": event.reason,
        "data": event.data,
        "previous_hash": event.previous_hash,
        "hash": event.hash,
    }
