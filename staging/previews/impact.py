"""A preview: what the next sync would stage if a text were published now, counted by the detection itself.

The detection runs twice over a ledger that keeps nothing: as things stand, and with the text in its place. What the
second stages is what a sync after publishing stages; what only the second stages is due to the text. Reads only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mapping.core.problems import Problem
from mapping.core.render import ColumnsMissing
from mapping.impact import what_holds
from mapping.models import Version
from monday.models import Board
from staging.batches.diff import shown
from staging.core.changeset import SIZE, Change
from staging.detection.detect import Detected, detect
from staging.detection.guards import GuardRefused, check_rows, check_source
from staging.models import SyncRun
from staging.models.run import Kind, RunState
from staging.setup import Progress, Setup, whole

from .foretell import Example, Foretelling, Would

ITEM = {"name": "Name", "group": "Group"}
MOST = 200  # reasons, names and fields that are kept of each
KEPT = timedelta(days=1)  # an older count says too little about today's rows
COUNTED = (RunState.COMPLETED, RunState.WITH_ERRORS)


def subject(version: Version) -> str:
    """What a preview's run is about; there is one at a time."""
    return f"version:{version.pk}"


def latest(version: Version) -> SyncRun | None:
    """The newest preview of this version, however it ended."""
    return SyncRun.objects.filter(kind=Kind.IMPACT, subject=subject(version)).order_by("-id").first()


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a preview may be relied on when its version is published; `why_not` says in a sentence why it may not."""

    run: SyncRun | None
    why_not: str = ""

    @property
    def tried(self) -> bool:
        """Whether it was at least tried to count, and is not being tried now."""
        return self.run is not None and self.run.state not in (RunState.QUEUED, RunState.RUNNING)


def standing(version: Version, now: datetime) -> Standing:
    """The newest preview of this version, and whether it still says what publishing would do."""
    run = latest(version)
    again = "Remedy: count again."
    if run is None:
        return Standing(None, f"Nobody has counted yet what this text would change. {again}")
    if run.state in (RunState.QUEUED, RunState.RUNNING):
        return Standing(run, "It is still being counted what this text would change. Remedy: wait for it.")
    if run.state not in COUNTED or not run.result:
        return Standing(run, f"It could not be counted what this text would change. {run.error or again}")
    if run.result["sha256"] != version.sha256 or run.result["holds"] != what_holds():
        return Standing(run, f"Another document was published since the changes were counted. {again}")
    if run.finished_at is None or run.finished_at < now - KEPT:
        return Standing(run, f"The changes were counted more than a day ago. {again}")
    failed = [board["error"] for board in run.result["boards"] if board.get("error")]
    return Standing(run, f"Not every board was counted: {failed[0]}" if failed else "")


def head(version: Version) -> dict[str, Any]:
    """What a preview's result is bound to: the text, and everything that is published beside it."""
    return {"version": version.pk, "sha256": version.sha256, "holds": what_holds(), "boards": []}


def not_counted(board: Board, why: str) -> dict[str, Any]:
    """The result for a board that could not be looked at."""
    return {"board": board.pk, "name": str(board), "error": why}


def preview(
    *, before: Setup, after: Setup, run: SyncRun, actor: str, problems: tuple[Problem, ...], progress: Progress
) -> dict[str, Any]:
    """What publishing would stage on one board, as JSON-able data.

    `before` and `after` are the same board with the published documents and with the text in its place; `problems`
    are those of the text against the board as it is now. Raises GuardRefused where the next sync would be refused,
    SourceRefused, and whatever `progress` raises to stop. Keeps nothing.
    """
    check_source(after.board, after.mappings.family, after.source.columns, vouched=False)
    now, was = _detected(before, run, actor, None, _renamed(progress, "now"))
    then, found = _detected(after, run, actor, now.would, _renamed(progress, "then"))
    gone = {record: would for record, would in now.would.items() if record not in then.would}
    known = before.mappings.family
    unknown = {n or "": rows for n, rows in found.unknown_customers.items() if known.customer_of(n) is not None}
    return {
        "board": after.board.pk,
        "name": str(after.board),
        "refusal": _rows_refusal(after),
        "read": found.counts.read,
        "staged": len(then.would),
        "because": sum(then.because.values()),
        "gone": len(gone),
        "replaced": then.replaced,
        "invalid": found.counts.invalid,
        "invalid_now": was.counts.invalid,
        "customers": _customers(then, gone),
        "held": _counted(then.held),
        "fields": _counted({_title(field, after): n for field, n in then.fields.items()}),
        "reasons": [[*names, n] for names, n in _sorted(then.reasons)],
        "left_out": [[*names, n] for names, n in _sorted(then.left_out)],
        "labels": [[title, texts[:MOST], twins[:MOST]] for title, texts, twins in then.missing_labels(now.labels)],
        "unknown": dict(sorted(unknown.items(), key=lambda item: -item[1])[:MOST]),
        "examples": [_example(example, after) for example in then.examples],
        "problems": [[p.line, p.path, p.message, p.remedy, p.severity] for p in problems],
    }


def _detected(
    setup: Setup, run: SyncRun, actor: str, anyway: Mapping[str, Would] | None, progress: Progress
) -> tuple[Foretelling, Detected]:
    ledger = Foretelling(anyway=anyway, run=run, setup=setup, actor=actor, now=setup.clock.now(), limit=None)
    scope = whole(setup)
    try:
        found = detect(
            setup=setup,
            ledger=ledger,
            scope=scope,
            full=False,
            limited=False,
            expected_rows=setup.source.count(scope),
            admit=lambda read: None,  # what a sync would refuse for its rows is said beside what it would do
            progress=progress,
        )
    except ColumnsMissing as missing:
        raise GuardRefused(f"The next sync would be refused: {missing}") from None
    return ledger, found


def _rows_refusal(setup: Setup) -> str:
    """The sentence with which the next sync would be refused for the number of its rows; "" where it would not."""
    try:
        check_rows(setup.board, setup.source.count(whole(setup)), expected=None)
    except GuardRefused as refused:
        return str(refused)
    return ""


def _renamed(progress: Progress, phase: str) -> Progress:
    return lambda _, done, total: progress(phase, done, total)


def _customers(then: Foretelling, gone: Mapping[str, Would]) -> list[dict[str, Any]]:
    """One row a customer, those with most orders first."""
    lost: dict[str, int] = {}
    for would in gone.values():
        lost[would.customer] = lost.get(would.customer, 0) + 1
    rows: dict[str, dict[str, Any]] = {}
    for (customer, operation), orders in then.operations.items():
        row = rows.setdefault(customer, {"name": customer, "staged": 0})
        row["staged"] += orders
        row[operation] = orders
    for customer in {*rows, *lost}:
        row = rows.setdefault(customer, {"name": customer, "staged": 0})
        row |= {"because": then.because[customer], "gone": lost.get(customer, 0)}
    return sorted(rows.values(), key=lambda row: (-row["because"], -row["staged"], row["name"]))


def _counted(counter: Mapping[str, int]) -> list[list[Any]]:
    return [[name, number] for name, number in _sorted(counter)]


def _sorted(counter: Mapping[Any, int]) -> list[tuple[Any, int]]:
    """The largest numbers first, and as many as are kept."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:MOST]


def _title(field: str, setup: Setup) -> str:
    if field == "sizes":
        return "Sizes"
    column = setup.structure.columns.get(field)
    return ITEM.get(field) or (column.title if column else field)


def _example(example: Example, setup: Setup) -> dict[str, Any]:
    return {
        "customer": example.customer,
        "operation": example.operation,
        "label": example.label,
        "key": example.key,
        "changes": [_change(change, setup) for change in example.changes[:60]],
    }


def _change(change: Change, setup: Setup) -> list[str | None]:
    size = change.field.removeprefix(SIZE) if change.field.startswith(SIZE) else ""
    return [f"Size {size}" if size else _title(change.field, setup), shown(change.before), shown(change.after)]
