"""The report of a sync, from the one source of counts: as sentences for people and as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from monday.calls import CallLog
from staging.batches.tally import batch_counts
from staging.core.never_begun import PHASES, SCHEMA_VERSION
from staging.core.words import counted
from staging.models import Batch
from staging.models.run import RunState
from staging.pushing.outlook import Missing, forecast
from staging.setup import Setup
from staging.sync import Report

from .unused import reasons, unknown_customers

READ = ("unchanged", "new", "changed", "waiting", "rekeyed", "invalid", "duplicate")
STATUS = {
    RunState.COMPLETED: "Completed",
    RunState.WITH_ERRORS: "Completed with errors",
    RunState.WAITING: "Waiting for approval",
    RunState.FAILED: "Failed",
    RunState.REFUSED: "Refused by a guard",
    RunState.STOPPED: "Stopped",
}


def document(report: Report, calls: CallLog) -> dict[str, Any]:
    """The run as JSON-able data; `schema_version` rises when a name changes its meaning."""
    run = report.run
    seconds = {name: round(report.durations.get(name, 0.0), 3) for name in PHASES}
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.pk,
        "mode": run.mode,
        "dry_run": run.rehearsal,
        "status": str(run.state),
        "error": report.error or None,
        "counts": report.counts.to_json(),
        "batches": [
            {"id": b.pk, "run": b.run_id, "customer": b.customer.name, "state": b.state, "counts": batch_counts(b)}
            for b in report.batches
        ],
        "would_stage": [
            {"customer": customer, "operation": operation, "state": state, "orders": orders}
            for (customer, operation, state), orders in sorted(report.rehearsed.items())
        ],
        "unknown_customers": _all_unknown(report),
        "label_twins": [
            {"column": column, "new": new, "existing": old}
            for column, new, old in (report.checked.twins if report.checked else ())
        ],
        "warnings": report.warnings,
        "api": calls.to_json(),
        "duration_s": seconds,
    }


def exit_code(report: Report, *, detailed: bool) -> int:
    """The documented exit code of a run that was not stopped by a signal; the first that applies of 5, 1, 3, 4, 0."""
    state = report.run.state
    if state == RunState.REFUSED:
        return 5
    if state == RunState.FAILED:
        return 1
    if state == RunState.WITH_ERRORS:
        return 3
    return 4 if detailed and report.waits else 0


def sentences(report: Report, setup: Setup, calls: CallLog) -> Iterator[str]:
    """The run for a person: a line per step, the sums, and how it ended."""
    run, counts = report.run, report.counts
    scope = run.scope["customer"] or "all customers"
    yield f"Sync run {run.pk or '(rehearsal)'} - {run.mode} - {scope} - {setup.board}"
    if report.detected:
        parts = " + ".join(f"{getattr(counts, name):,} {name}" for name in READ if getattr(counts, name)) or "0"
        removed = "removals not checked" if counts.removed is None else f"{counts.removed:,} removed"
        yield _line("detect", f"{counts.read:,} read = {parts}; {removed}", report.durations.get("detect"))
        yield from _staged(report)
        yield from _unused(report)
    if report.checked:
        found = report.checked
        yield _line(
            "check",
            f'board "{setup.structure.name}": {found.blocked:,} blocked, {_number(len(found.warnings), "warning")}, '
            f"{_number(found.label_count, 'label')} to create",
            report.durations.get("check"),
        )
        yield from (f"           {problem.sentence()}" for problem in (*found.errors, *found.warnings)[:5])
        yield from _twins(report)
    if counts.staged and "push" in report.durations:
        words = f"{counted(counts.applied, 'order')}; {counted(calls.calls, 'API call')}"
        yield _line("push", words, report.durations["push"])
    yield from _ahead(report)
    yield from (f"  note     {warning}" for warning in report.warnings)
    yield _ending(report)


def _staged(report: Report) -> Iterator[str]:
    counts = report.counts
    if report.rehearsed:
        total = sum(report.rehearsed.values())
        yield _line(
            "stage", f"would stage {total:,} orders for {len({c for c, _, _ in report.rehearsed})} customers", None
        )
        for (customer, operation, state), orders in sorted(report.rehearsed.items()):
            yield f"           {customer}: {orders:,} to {operation} ({state})"
        return
    new = counts.new + counts.changed + (counts.removed or 0)
    own = [batch for batch in report.batches if batch.run_id == report.run.pk]
    deferred = f" + {counts.deferred:,} deferred by --limit = {new:,}" if counts.deferred else ""
    held = f", {counts.held:,} of them held" if counts.held else ""
    words = f"{counts.staged:,} staged in {_number(len(own), 'batch')}{held}{deferred}"
    yield _line("stage", words, report.durations.get("stage"))


def _all_unknown(report: Report) -> dict[str, int]:
    """Unknown customers of the whole board, also those that an earlier run has judged."""
    found = dict(report.detected.unknown_customers) if report.detected else {}
    return found | (unknown_customers(report.run.board) if report.run.board else {})


def _unused(report: Report) -> Iterator[str]:
    """Why rows are not used; the reasons stay on the list until their rows are put right."""
    if not (report.counts.invalid or report.counts.duplicate) or report.run.board is None or report.run.rehearsal:
        return
    why = reasons(report.run.board)
    for reason, rows in why[:3]:
        yield f"           not used: {rows:,} x {reason}"
    unknown = {name: rows for name, rows in _all_unknown(report).items() if name.strip()}
    if unknown:
        shown = ", ".join(f"{name!r} ({rows:,})" for name, rows in [*unknown.items()][:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        yield f"           unknown customers: {shown}{more}. Remedy: add an alias to a customer document."
    if why:
        yield "           each row with its reason: python manage.py unused_rows"


def _ahead(report: Report) -> Iterator[str]:
    """What a push of the batches that wait for approval would take."""
    if report.run.state == RunState.WAITING:
        checked = report.checked
        missing = Missing(len(checked.groups), len(checked.labels)) if checked else Missing()
        told = forecast([batch for batch in report.batches if batch.state == "open"], missing=missing)
        if told is not None:
            yield f"  ahead    A push: {told}"


def _twins(report: Report) -> Iterator[str]:
    for column, new, old in (report.checked.twins if report.checked else [])[:5]:
        words = f"the label {new!r} is new, and {old!r} differs from it by case alone"
        yield f"           {column}: {words}. Remedy: map one to the other."


def _number(count: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def _line(step: str, words: str, seconds: float | None) -> str:
    timed = f"{seconds:.1f} s" if seconds is not None else ""
    return f"  {step:<8} {words:<78} {timed}".rstrip()


def _ending(report: Report) -> str:
    run, counts = report.run, report.counts
    status = STATUS.get(RunState(run.state), str(run.state))
    if run.rehearsal:
        return "Completed: a dry run; nothing was kept and nothing was sent."
    if run.state in (RunState.FAILED, RunState.REFUSED, RunState.STOPPED):
        of = f" of {counts.staged:,}" if counts.staged >= report.sent else ""
        sent = f"{report.sent:,}{of} orders were sent" if report.sent else "nothing was sent"
        return f"{status} - {sent}."
    words = (
        f"{counts.created:,} created, {counts.updated:,} updated, {counts.removed_from_board:,} removed, "
        f"{counts.restored:,} restored, {counts.rejected:,} rejected"
    )
    waiting = f" {counts.pending:,} orders wait for approval." if counts.pending else ""
    by = f" Approved by {report.approved_by}." if report.approved_by else ""
    earlier = [batch for batch in report.batches if batch.run_id != run.pk]
    also = f" Also pushed: {', '.join(_earlier(batch) for batch in earlier)}." if earlier else ""
    return f"{status}: {words}.{waiting}{by}{also}"


def _earlier(batch: Batch) -> str:
    return f"batch {batch.pk} ({batch_counts(batch)['applied']:,} applied)"
