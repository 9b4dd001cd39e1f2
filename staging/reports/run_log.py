"""What a run did, line by line: its events, its API calls and the news of it, in the order of time.

The lines of the program's own log go to a file and to stderr, and no database keeps them. What they say of the line's
work stands in the audit and in the list of calls as well, so a run's log is read from there, whichever host worked
on it. A push, an undo or a preview is told with what happened to its batch while it was at work.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from monday.models import ApiCall
from staging import audit
from staging.batches.describe import in_words
from staging.core.words import counted, sentences
from staging.models import AuditChain, AuditEvent, Notice, SyncRun
from staging.models.run import Kind, RunState
from staging.pushing.prepare import PREPARED

PAGE = 100
OF_A_BATCH = (Kind.PUSH, Kind.UNDO, Kind.PREVIEW)
ENDED = "run.ended"


class Level(IntEnum):
    INFO = 0
    WARNING = 1
    ERROR = 2


GRAVE: Mapping[str, Level] = {
    **dict.fromkeys(("order.hold", "order.reject", "order.lose", "order.keep"), Level.WARNING),
    **dict.fromkeys(("batch.need", "batch.pause", "batch.partly_undone", "batch.taken over"), Level.WARNING),
    "run.cancelled": Level.WARNING,
    **dict.fromkeys(("batch.fail", "run.died"), Level.ERROR),
}
"""Events that a person should look at; the others are ordinary. How a run ended is judged by its state."""
ENDS: Mapping[str, Level] = {
    RunState.WITH_ERRORS: Level.WARNING,
    RunState.STOPPED: Level.WARNING,
    RunState.FAILED: Level.ERROR,
    RunState.REFUSED: Level.ERROR,
}
FINE = ("done", "partly")
"""Outcomes of calls that went well enough: what a call did in part is told by its orders."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `source` says where the whole of it stands: an `event` or a `call` by its id, else ""."""

    at: datetime
    level: Level
    text: str
    who: str = ""
    source: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of a log. `position` is where the next one begins, "" where this is the last."""

    lines: list[Line]
    position: str


@dataclass(frozen=True, slots=True)
class _Source:
    rows: QuerySet[Any]
    key: str
    told: Callable[[Any], Line]


def run_log(run: SyncRun, *, least: Level = Level.INFO, after: str = "", newest: bool = False) -> LogPage:
    """A page of the run's log from the lines of at least this level, in the order of time or the newest first.

    `after` is the `position` of the page before. Nothing is counted and nothing is passed over by number: each source
    is read from its own last key on, so the thousandth page takes as long as the first.
    """
    sources, places = _sources(run, least), _places(after)
    readings = [_read(n, source, places[n], newest) for n, source in enumerate(sources)]
    shown: list[Line] = []
    for number, key, line in heapq.merge(*readings, key=lambda found: found[2].at, reverse=newest):
        if len(shown) == PAGE:
            return LogPage(shown, "-".join(str(place) for place in places))
        places[number] = key
        if line.level >= least:
            shown.append(line)
    return LogPage(shown, "")


def _sources(run: SyncRun, least: Level) -> list[_Source]:
    """All that has lines of the run, each in the order of its key."""
    chain = AuditChain.objects.filter(name=audit.run_chain(run.pk)).values_list("pk", flat=True).first()
    calls = ApiCall.objects.filter(correlation=f"run:{run.pk}")
    notices = Notice.objects.filter(run=run)
    return [
        _Source(_grave(AuditEvent.objects.filter(chain=chain or 0), least), "sequence", _event),
        _Source(_grave(_of_its_batch(run), least), "pk", _event),
        _Source(calls.exclude(outcome__in=FINE) if least > Level.INFO else calls, "pk", _call),
        _Source(notices.none() if least > Level.INFO else notices, "pk", _news),
    ]


def _of_its_batch(run: SyncRun) -> QuerySet[AuditEvent]:
    """What happened to the batch of a push, an undo or a preview while it was at work."""
    batch = run.scope.get("batch")
    if run.kind not in OF_A_BATCH or not batch:
        return AuditEvent.objects.none()
    until = run.finished_at or timezone.now()
    return AuditEvent.objects.filter(subject=f"batch:{batch}", at__gte=run.started_at, at__lte=until)


def _grave(events: QuerySet[AuditEvent], least: Level) -> QuerySet[AuditEvent]:
    if least == Level.INFO:
        return events
    return events.filter(action__in=[ENDED, *(action for action, level in GRAVE.items() if level >= least)])


def _read(number: int, source: _Source, place: int, newest: bool) -> Iterator[tuple[int, int, Line]]:
    """The lines of one source from a place on: one page of them and one more, as no page can take more of it."""
    rows = source.rows.order_by(f"-{source.key}" if newest else source.key)
    if place:
        rows = rows.filter(**{f"{source.key}__{'lt' if newest else 'gt'}": place})
    for row in rows[: PAGE + 1]:
        yield number, getattr(row, source.key), source.told(row)


def _places(position: str) -> list[int]:
    """The last key of each source that was shown; from the beginning where the position is none of ours."""
    parts = position.split("-")
    if len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        return [int(part) for part in parts]
    return [0, 0, 0, 0]


def _event(event: AuditEvent) -> Line:
    state = str(event.data.get("state", ""))
    level = ENDS.get(state, Level.INFO) if event.action == ENDED else GRAVE.get(event.action, Level.INFO)
    said = WORDS[event.action](event.data) if event.action in WORDS else in_words(event.action, [event])
    kind, _, number = event.subject.partition(":")
    about = f"Batch {number}: {said.removeprefix('batch ')}" if kind == "batch" else said
    return Line(event.at, level, sentences(about, event.reason), event.actor, "event", event.pk)


def _call(call: ApiCall) -> Line:
    what = f"{call.kind}, {counted(call.operations, 'operation')}" if call.operations else call.kind
    waited = f", after waiting {call.waited:,.1f} s" if call.waited >= 0.1 else ""
    again = ", sent again" if call.retries else ""
    text = f"API call {what}: {call.outcome} in {call.seconds:,.2f} s{waited}{again}"
    return Line(call.at, Level.INFO if call.outcome in FINE else Level.WARNING, text, "", "call", call.pk)


def _news(notice: Notice) -> Line:
    return Line(notice.at, Level.INFO, f"People were told: {notice.title}")


def _made(data: Mapping[str, Any]) -> str:
    groups, labels = data.get("groups") or (), data.get("labels") or {}
    made = [f"group {title}" for title in groups]
    made += [f"label {text} of {column}" for column, texts in labels.items() for text in texts]
    return f"Made on the board: {', '.join(_first(made))}"


def _first(names: Sequence[str], most: int = 20) -> list[str]:
    return [*names[:most], *([f"and {len(names) - most:,} more"] if len(names) > most else [])]


def _asked(data: Mapping[str, Any]) -> str:
    kind = Kind(data["kind"]).label if data.get("kind") in Kind.values else "Run"
    return f"{kind} asked for{', ' + data['mode'] if data.get('mode') else ''}"


def _ended(data: Mapping[str, Any]) -> str:
    state = RunState(data["state"]).label if data.get("state") in RunState.values else "ended"
    return sentences(f"Ended: {state}", data.get("error"))


WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "run.asked": _asked,
    "run.started": lambda data: "Started",
    ENDED: _ended,
    "run.cancelled": lambda data: "Asked to stop after the piece in hand",
    "run.died": lambda data: "Its process died",
    PREPARED: _made,
    "adopted": lambda data: f"{counted(data.get('count', 0), 'item')} linked",
    "rekeyed": lambda data: f"{counted(data.get('count', 0), 'record')} found again under new UUIDs",
    "columns released": lambda data: f"{counted(data.get('orders', 0), 'order')} released from columns not mapped now",
    "list.exported": lambda data: f"List written: {counted(data.get('rows', 0), 'row')}",
    "list.downloaded": lambda data: "The file was taken home",
    "intake.placed": lambda data: f"List put in place: {counted(data.get('rows', 0), 'row')}",
}
"""Events of runs in words; those of batches and orders say themselves what moved."""
