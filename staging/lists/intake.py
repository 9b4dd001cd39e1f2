"""An order list that a person brings: read and compared by one run, put in place by another once it is confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error, connections, transaction
from django.utils import timezone

from staging.core.lifecycle import NotAllowed
from staging.core.words import alike
from staging.models import SyncRun
from staging.models.run import Kind, RunState
from staging.running.runs import tell
from staging.setup import Progress
from staging.source import intake
from staging.source.order_file import FileRefused

from . import kept_files
from .list_rules import ListRules, rules_for

SUBJECT = "intake"
"""Of every run about the intake: one list at a time is read or put in place."""
MOST_BYTES = 100_000_000
COUNTS = ("rows", "new", "changed", "unchanged", "invalid", "kept_out", "gone")
GONE = "The list cannot be put in place any more. Remedy: bring the file again."
MOVED = "Another list was put in place since this one was compared. Remedy: bring the file again."


def carry_out(run: SyncRun, progress: Progress) -> dict[str, Any]:
    """Read a list, or put a read one in place; how the row ends. Raises NotAllowed, and what `progress` raises."""
    try:
        return _place(run, progress) if "confirms" in run.scope else _read(run, progress)
    except Error as problem:
        reason = " ".join(str(problem).split())[:200]
        remedy = "check INTAKE_DATABASE_URL, free space and rights; the intake stands as it stood"
        raise NotAllowed(f"The intake cannot be used: {reason}. Remedy: {remedy}.") from problem


def last_placed() -> int:
    """The run that put the intake's list in place, 0 where there was none."""
    last = _last()
    return last.pk if last else 0


def _last() -> SyncRun | None:
    placed = SyncRun.objects.filter(kind=Kind.INTAKE, state=RunState.COMPLETED, counts__isnull=False)
    return next((run for run in placed.order_by("-id")[:200] if "confirms" in run.scope), None)


def usable(found: SyncRun) -> int:
    """The rows of a list that was read which a sync could use: without any the list is not put in place."""
    return sum(found.counts.get(name, 0) for name in ("new", "changed", "unchanged"))


def check_confirmable(found: SyncRun | None) -> SyncRun:
    """The list that may be put in place. Raises NotAllowed with the reason where it may not."""
    if found is None or found.kind != Kind.INTAKE or found.state != RunState.COMPLETED or "file" not in found.scope:
        raise NotAllowed(GONE)
    last = _last()
    if last is not None and last.scope["confirms"] == found.pk:
        raise NotAllowed(f"This list is in place since {last.finished_at or last.started_at:%Y-%m-%d %H:%M} UTC.")
    if found.result.get("after") != (last.pk if last else 0):
        raise NotAllowed(MOVED)
    if not usable(found):
        raise NotAllowed("No row of the list can be used. Remedy: correct the file and bring it again.")
    if intake.waiting_ids(connections["intake"]).count(found.pk) == 0:
        raise NotAllowed(GONE)
    return found


def _read(run: SyncRun, progress: Progress) -> dict[str, Any]:
    _clean()
    path = kept_files.place(run.scope["file"])
    made: list[ListRules] = []

    def rules(columns: Sequence[str]) -> ListRules:
        made.append(rules_for(columns))
        return made[-1]

    try:
        found = intake.read(connections["intake"], path, list_id=run.pk, rules_for=rules, watch=progress)
    except FileRefused as refused:
        intake.drop(connections["intake"], run.pk)
        path.unlink(missing_ok=True)
        raise NotAllowed(_named(str(refused), path, run.scope["called"])) from None
    path.unlink(missing_ok=True)
    counts = {name: getattr(found, name) for name in COUNTS}
    reasons = alike((column, why, rows) for (column, why), rows in found.reasons.items())
    told = {"reasons": reasons[: intake.MOST_REASONS], "after": last_placed()}
    told |= {"by": made[-1].document, "unjudged": made[-1].why_not}
    result = asdict(found) | told
    return {"state": RunState.COMPLETED, "counts": counts, "result": result}


def _place(run: SyncRun, progress: Progress) -> dict[str, Any]:
    confirmed = SyncRun.objects.filter(pk=run.scope["confirms"]).first()
    if confirmed is None or confirmed.result.get("after") != last_placed():
        raise NotAllowed(MOVED if confirmed else GONE)
    rows = intake.put_in_place(connections["intake"], confirmed.pk, watch=progress)
    with transaction.atomic():
        told = {"list": confirmed.scope["called"], "rows": rows, "read by": confirmed.pk}
        tell(run, "intake.placed", run.actor, timezone.now(), told)
    return {"state": RunState.COMPLETED, "counts": {"rows": rows}}


def _clean() -> None:
    """Remove the tables and files of lists that nobody confirmed for days."""
    kept_files.clean(timezone.now())
    before = timezone.now() - timedelta(days=settings.KEEP_FILES_DAYS)
    waiting = intake.waiting_ids(connections["intake"])
    young = set(SyncRun.objects.filter(kind=Kind.INTAKE, started_at__gte=before).values_list("pk", flat=True))
    for list_id in waiting:
        if list_id not in young:
            intake.drop(connections["intake"], list_id)


def _named(sentence: str, path: Path, called: str) -> str:
    """The sentence about the file as its owner calls it."""
    return sentence.replace(str(path), called)
