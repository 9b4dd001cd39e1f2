"""The pills of runs, batches and orders: one table from state to tone for each."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.safestring import SafeString

from monday.screens import pill
from staging.batches.decide import AT_ONCE, out_of_date
from staging.core.lifecycle import BatchState as B
from staging.core.lifecycle import OrderState as O
from staging.models import Batch, StagedOrder, SyncRun
from staging.models.batch import Operation
from staging.models.receipt import WriteOutcome as W
from staging.models.run import RunState as R
from staging.models.snapshot import LinkState

RUNS = {
    R.QUEUED: "wait",
    R.RUNNING: "busy",
    R.WAITING: "wait",
    R.COMPLETED: "good",
    R.WITH_ERRORS: "warn",
    R.FAILED: "bad",
    R.REFUSED: "bad",
    R.STOPPED: "off",
}
BATCHES = {
    B.DRAFT: "busy",
    B.OPEN: "wait",
    B.APPROVED: "good",
    B.PUSHING: "busy",
    B.PUSHED: "good",
    B.PAUSED: "warn",
    B.FAILED: "bad",
    B.NEEDS_ATTENTION: "warn",
    B.DECLINED: "off",
    B.SUPERSEDED: "off",
    B.UNDOING: "busy",
    B.UNDONE: "back",
    B.PARTLY_UNDONE: "warn",
}
ORDERS = {
    O.STAGED: "wait",
    O.HELD: "warn",
    O.APPROVED: "good",
    O.SENDING: "busy",
    O.APPLIED: "good",
    O.REJECTED: "bad",
    O.UNCLEAR: "warn",
    O.DECLINED: "off",
    O.GIVEN_UP: "off",
    O.SUPERSEDED: "off",
    O.UNDOING: "busy",
    O.UNDONE: "back",
    O.KEPT: "warn",
}
WORDS = {B.OPEN: "Waiting for approval"}
WRITES = {
    W.INTENDED: "wait",
    W.SENT: "busy",
    W.DONE: "good",
    W.REFUSED: "bad",
    W.UNCLEAR: "warn",
    W.DROPPED: "off",
}
LINKS = {LinkState.LINKED: "good", LinkState.REMOVED: "off", LinkState.GONE: "bad"}
OPERATIONS = {
    Operation.CREATE: "add",
    Operation.UPDATE: "edit",
    Operation.REMOVE: "take",
    Operation.RESTORE: "back",
}


def run_words(run: SyncRun) -> str:
    """How a run stands, as its pill says it; one that was asked to stop and has not yet says so."""
    return "Stopping" if _stopping(run) else str(run.get_state_display())


def run_pill(run: SyncRun) -> SafeString:
    """How a run stands."""
    return pill("warn" if _stopping(run) else RUNS[R(run.state)], run_words(run))


def _stopping(run: SyncRun) -> bool:
    return bool(run.cancelled_by) and run.state == R.RUNNING


def batch_pill(batch: Batch, *, all_held: bool = False, stale: bool = False) -> SafeString:
    """How a batch stands. `all_held` says that it is open and nothing of it can be approved, `stale` that its approval
    would be refused, as its mapping was changed since."""
    if all_held:
        return pill("warn", "All held")
    if stale:
        return pill("warn", "Out of date")
    state = B(batch.state)
    return pill(BATCHES[state], WORDS.get(state) or batch.get_state_display())


def batch_pills(batches: Iterable[Batch]) -> dict[int, SafeString]:
    """How each of these batches stands, by its key; asked for all of them at once."""
    listed = {batch.pk: batch for batch in batches}
    asked = list(listed)[:AT_ONCE]
    stuck = set(Batch.objects.all_held().filter(pk__in=asked).values_list("pk", flat=True))
    stale = out_of_date([listed[pk] for pk in asked])
    return {pk: batch_pill(batch, all_held=pk in stuck, stale=pk in stale) for pk, batch in listed.items()}


def order_pill(order: StagedOrder) -> SafeString:
    """How a staged order stands."""
    return pill(ORDERS[O(order.state)], order.get_state_display())


def state_pill(state: str) -> SafeString:
    """How a staged order in this state stands, where only its state is at hand."""
    return pill(ORDERS[O(state)], state.replace("_", " ").capitalize())


def operation_word(operation: str) -> SafeString:
    """What a staged order does to the board."""
    return pill(OPERATIONS[Operation(operation)], Operation(operation).label)
