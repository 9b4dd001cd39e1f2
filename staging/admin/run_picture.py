"""What a run's page and the list show of a run, counted as it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils import timezone

from monday.screens import seconds
from staging.batches.tally import counts_now, sums
from staging.core.lifecycle import BatchState, OrderState
from staging.core.meaning import RUN, RUN_SETTLED, removals_unchecked
from staging.models import Batch, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.running.runs import ACTIVE


@dataclass(frozen=True, slots=True)
class RunPicture:
    """A run at a glance. `sums` are the counts that must add up: (whole, number, [(part, number)]); `removals_unknown`
    says why nobody looked for removals, which is not the same as that there are none; "" where somebody did."""

    took: str
    sums: list[tuple[str, int, list[tuple[str, int]]]]
    problems: list[str]
    other_counts: list[tuple[str, int]]
    settings: list[tuple[str, str]]
    active: bool
    removals_unknown: str = ""


def picture(run: SyncRun) -> RunPicture:
    """A run as its page shows it. Orders that were pushed since count as what they are now."""
    counts = counts_now([run]).get(run.pk) if run.kind == Kind.SYNC and run.counts else None
    return RunPicture(
        took=took(run),
        sums=sums(counts) if counts else [],
        problems=counts.problems() if counts else [],
        other_counts=[] if run.kind == Kind.SYNC else [(n.replace("_", " "), v) for n, v in run.counts.items() if v],
        settings=_settings(run),
        active=run.state in ACTIVE or pushes(run).filter(state__in=ACTIVE).exists(),
        removals_unknown=_removals_unknown(run) if counts and counts.removed is None else "",
    )


BROKEN_OFF = (RunState.FAILED, RunState.REFUSED, RunState.STOPPED)


def _removals_unknown(run: SyncRun) -> str:
    refused = run.state == RunState.REFUSED  # by a guard, which comes before whatever was asked for
    narrowed = not refused and any(run.scope.get(name) for name in ("customer", "po_number", "limit"))
    return removals_unchecked(narrowed=narrowed, broke_off=run.state in BROKEN_OFF)


AMISS = (OrderState.REJECTED, OrderState.UNCLEAR, OrderState.HELD, OrderState.SENDING, OrderState.APPROVED)
STUCK = (BatchState.FAILED, BatchState.PAUSED, BatchState.NEEDS_ATTENTION, BatchState.PUSHING)


def meaning(run: SyncRun) -> str:
    """What the run's state means now: what had not ended well may be settled since."""
    settled = run.state == RunState.WITH_ERRORS and not run.error and _settled(run)
    return RUN_SETTLED if settled else RUN[run.state]


def _settled(run: SyncRun) -> bool:
    """Whether nothing is left of what did not end well: of a sync in its batches, of a push or undo in the one."""
    if run.kind not in (Kind.SYNC, Kind.PUSH, Kind.UNDO):
        return False
    mine = {"run": run.pk} if run.kind == Kind.SYNC else {"pk": run.scope.get("batch", 0)}
    batches = Batch.objects.filter(**mine)
    amiss = (OrderState.KEPT, OrderState.UNDOING) if run.kind == Kind.UNDO else AMISS
    if StagedOrder.objects.filter(batch__in=batches.values("pk"), state__in=amiss).exists():
        return False
    if run.kind == Kind.SYNC and StagedOrder.objects.filter(board=run.board_id, state=OrderState.UNCLEAR).exists():
        return False  # it looks for the answers to every order of its board
    return not batches.filter(state__in=STUCK).exists()


def pushes(run: SyncRun) -> Any:
    """The pushes that a sync handed over to."""
    return SyncRun.objects.filter(trigger=f"run {run.pk}").order_by("id")


def batches_of(run: SyncRun) -> list[Batch]:
    """The batches that a sync staged, or the one that a push or an undo works on."""
    if run.kind == Kind.SYNC:
        found = Batch.objects.filter(run=run)
    else:
        found = Batch.objects.filter(pk=run.scope.get("batch", 0))
    return list(found.select_related("customer").order_by("id")[:200])


def orders_of(run: SyncRun) -> list[tuple[str, int, str]]:
    """What a sync staged, by the state in which it is now: (its name, how many orders, the query of their list)."""
    if run.kind != Kind.SYNC:
        return []
    rows = StagedOrder.objects.filter(batch__run=run).order_by("state").values_list("state")
    return [
        (state.replace("_", " ").capitalize(), number, f"batch__run={run.pk}&state__exact={state}")
        for state, number in rows.annotate(number=Count("pk"))
    ]


def took(run: SyncRun) -> str:
    """How long it took, or has been taking; "" before it has begun."""
    if run.state == RunState.QUEUED:
        return ""
    return seconds(((run.finished_at or timezone.now()) - run.started_at).total_seconds())


TRIGGERS = {"admin": "Person", "cli": "Command line", "schedule": "Schedule", "sweeper": "Sweeper"}


def trigger(run: SyncRun) -> str:
    """What made it begin: a person in the browser, the command line, a schedule, the sweeper, or another run."""
    return TRIGGERS.get(run.trigger) or run.trigger.capitalize()


WORDS = {
    "customer": "customer",
    "po_number": "PO number",
    "limit": "at most",
    "full": "every row rendered",
    "expect_rows": "stated rows",
    "by_person": "a person approves",
    "board": "board",
    "batch": "batch",
    "version": "version of a document, by its id",
    "reason": "reason",
    "force": "overwrites later edits",
    "kinds": "only these kinds",
    "list": "list",
    "called": "file",
    "query": "filter",
    "format": "as",
}


def _settings(run: SyncRun) -> list[tuple[str, str]]:
    """What was asked for, in words; what was left at its default is left out."""
    return [
        (words, "yes" if (v := run.scope[name]) is True else ", ".join(v) if isinstance(v, list) else str(v))
        for name, words in WORDS.items()
        if run.scope.get(name)
    ]
