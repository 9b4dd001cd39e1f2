"""The report of one run, from the one source of counts: what a person reads afterwards, also of a run that failed.

Orders of a sync count as what they are now, a push or an undo counts what it did; the same stands on the run's page.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, QuerySet
from django.utils import timezone

from monday.core.errors import fault_of
from staging.batches.tally import counts_now, sums
from staging.core.counts import CountsNow
from staging.core.lifecycle import AS_IT_STANDS, COUNTED, BatchState, OrderState
from staging.core.words import counted
from staging.models import AuditEvent, Batch, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.pushing.prepare import PREPARED

from .unused import reasons

MOST_REASONS = 50
OPERATIONS = {"create": "created", "update": "updated", "remove": "removed", "restore": "restored"}


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """One customer of a run: `changes` by what they do, and the orders by what became of them, as in
    `AS_IT_STANDS`."""

    customer: str
    batches: tuple[int, ...]
    total: int
    counts: dict[str, int]
    applied_as: dict[str, int]


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """A refusal of the board: how often, an example, what helps, and whose job it is."""

    code: str
    orders: int
    example: str
    meaning: str
    remedy: str
    owner: str


@dataclass(frozen=True, slots=True)
class PendingLine:
    """Orders that are not done, and why."""

    state: str
    why: str
    orders: int


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything that a report says. `sums` are (whole, number, [(part, number)]); `facts` and `api` pairs of words.

    `whose` stands above `customers`: a push or an undo has counted what it did itself, and they show its whole batch.
    """

    run: SyncRun
    title: str
    ending: str
    made_at: datetime
    facts: list[tuple[str, str]]
    sums: list[tuple[str, int, list[tuple[str, int]]]]
    problems: list[str]
    customers: list[CustomerLine]
    whose: str
    errors: list[ErrorLine]
    pending: list[PendingLine]
    unused: list[tuple[str, int]]
    groups: list[str] = field(default_factory=list)
    labels: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def run_report(run: SyncRun, *, now: datetime) -> RunReport:
    """Put the report of a run together; reads the database alone and writes nothing."""
    orders = _orders(run)
    counts = counts_now([run]).get(run.pk)
    groups, labels = _made(run)
    return RunReport(
        run=run,
        title=f"{run.get_kind_display()} run {run.pk}",
        ending=_ending(run, orders),
        made_at=now,
        facts=[*_facts(run), *([("Removals", "not checked")] if counts and counts.removed is None else [])],
        sums=sums(counts) if counts else [(name, number, []) for name, number in run.counts.items() if number],
        problems=counts.problems() if counts else [],
        customers=_customers(orders),
        whose="Customers" if run.kind == Kind.SYNC else "The whole batch, as it stands now",
        errors=_errors(orders),
        pending=_pending(orders),
        unused=reasons(run.board)[:MOST_REASONS] if counts and run.board and _has_read(run, counts) else [],
        groups=groups,
        labels=labels,
        notes=[str(note) for note in run.notes],
    )


def _orders(run: SyncRun) -> QuerySet[StagedOrder]:
    """The orders of a sync, or of the batch that a push or an undo works on."""
    if run.kind == Kind.SYNC:
        return StagedOrder.objects.filter(batch__run=run)
    return StagedOrder.objects.filter(batch=run.scope.get("batch") or 0)


def _ending(run: SyncRun, orders: QuerySet[StagedOrder]) -> str:
    """How it ended in one sentence; a failure says how much of it went out."""
    state = str(run.get_state_display())
    if not run.mode:  # it concerns no board, so nothing was to be sent
        return f"{state}. {run.error}".strip()
    if run.state not in (RunState.FAILED, RunState.REFUSED, RunState.STOPPED):
        return f"{state}."
    return f"{state} - {_how_far(run, orders)}." + (f" {run.error}" if run.error else "")


def _how_far(run: SyncRun, orders: QuerySet[StagedOrder]) -> str:
    """How much of it went out, or came back."""
    if run.kind == Kind.UNDO:
        done, what = orders.filter(state=OrderState.UNDONE, updated_at__gte=run.started_at).count(), "put back"
    else:
        done, what = orders.filter(state__in=sorted(COUNTED["applied"])).count(), "sent"
    return f"{done:,} of {orders.count():,} {what}" if done else f"nothing was {what}"


def _has_read(run: SyncRun, counts: CountsNow) -> bool:
    """Whether the run has looked at rows itself: what is known of rows else is of the syncs before it."""
    return run.state != RunState.REFUSED and counts.read > 0


def _facts(run: SyncRun) -> list[tuple[str, str]]:
    facts = [("Mode", str(run.mode))] if run.mode else []
    facts += [("Asked for by", f"{run.actor} ({run.trigger})")]
    facts += [("Board", str(run.board))] if run.board else []
    asked = {"customer": "Customer", "po_number": "PO number", "limit": "At most", "batch": "Batch"}
    facts += [(words, str(run.scope[name])) for name, words in asked.items() if run.scope.get(name)]
    facts.append(("Started", f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC"))
    if run.finished_at:
        facts.append(("Took", f"{(run.finished_at - run.started_at).total_seconds():,.1f} s"))
    if run.api:
        waited = f", {run.api.get('waited_s', 0):,.0f} s waited" if run.api.get("waited_s") else ""
        facts.append(("API calls", f"{run.api.get('calls', 0):,} with {run.api.get('mutations', 0):,} writes{waited}"))
    return facts


def _customers(orders: QuerySet[StagedOrder]) -> list[CustomerLine]:
    found: dict[str, Counter[tuple[str, str]]] = {}
    batches: dict[str, set[int]] = {}
    rows = orders.values_list("batch__customer__name", "batch_id", "operation", "state").annotate(number=Count("id"))
    for customer, batch, operation, state, number in rows.order_by():
        found.setdefault(customer, Counter())[operation, state] += number
        batches.setdefault(customer, set()).add(batch)
    return [_customer(name, sorted(batches[name]), found[name]) for name in sorted(found)]


def _customer(name: str, batches: list[int], states: Counter[tuple[str, str]]) -> CustomerLine:
    counts = {what: sum(n for (_, state), n in states.items() if state in of) for what, of in AS_IT_STANDS.items()}
    applied = COUNTED["applied"]
    as_what = {
        words: sum(n for (done, state), n in states.items() if done == operation and state in applied)
        for operation, words in OPERATIONS.items()
    }
    return CustomerLine(name, tuple(batches), sum(states.values()), counts, as_what)


def _errors(orders: QuerySet[StagedOrder]) -> list[ErrorLine]:
    """Rejected orders by code, the most frequent first."""
    number: Counter[str] = Counter()
    example: dict[str, tuple[str, str]] = {}
    rejected = orders.filter(state=OrderState.REJECTED).order_by("id").values_list("problem", "reason", "label")
    for problem, reason, label in rejected.iterator(chunk_size=2000):
        told = problem if isinstance(problem, dict) else {}
        code = str(told.get("code") or "Unknown")
        number[code] += 1
        example.setdefault(code, (label, str(told.get("message") or reason)))
    lines = []
    for code, many in number.most_common():
        label, message = example[code]
        fault = fault_of(code, message)
        words = f"{label}: {message}" if message else label
        lines.append(ErrorLine(code, many, words, fault.meaning, fault.remedy, fault.owner))
    return lines


def _pending(orders: QuerySet[StagedOrder]) -> list[PendingLine]:
    """What is neither on the board nor done with: what waits, is held, or has no answer; the most frequent first."""
    number: Counter[tuple[str, str]] = Counter()
    states = sorted(COUNTED["pending"] | COUNTED["held"] | COUNTED["unclear"])
    rows = orders.filter(state__in=states).values_list("state", "reason", "batch_id", "batch__state")
    for state, reason, batch, stands, many in rows.annotate(number=Count("id")).order_by():
        number[_counts_as(state), reason or _why(state, batch, stands)] += many
    return [PendingLine(state, why, many) for (state, why), many in number.most_common(MOST_REASONS)]


def _counts_as(state: str) -> str:
    return next(name for name, of in COUNTED.items() if state in of)


def _why(state: str, batch: int, stands: str) -> str:
    if state == OrderState.STAGED:
        return (
            f"waits for approval in batch {batch}" if stands == BatchState.OPEN else f"is not ticked in batch {batch}"
        )
    if state == OrderState.UNCLEAR:
        return f"was sent in batch {batch} without an answer; it is looked up before anything is sent again"
    return f"approved in batch {batch}; the next push sends it"


def _made(run: SyncRun) -> tuple[list[str], list[tuple[str, str]]]:
    """Groups, and (column, label), that were made on the board for this run's batches beforehand."""
    if run.kind not in (Kind.SYNC, Kind.PUSH):
        return [], []  # the others prepare nothing, though a batch of theirs is prepared before and after them
    chains = [f"run:{run.pk}"]
    if run.kind == Kind.PUSH:
        staged_by = Batch.objects.filter(pk=run.scope.get("batch") or 0).values_list("run_id", flat=True)
        chains = [f"run:{pk}" for pk in staged_by]
    events = AuditEvent.objects.filter(action=PREPARED, chain__name__in=chains)
    if run.kind == Kind.PUSH:
        events = events.filter(at__range=(run.started_at, run.finished_at or timezone.now()))
    groups: list[str] = []
    labels: list[tuple[str, str]] = []
    for data in events.order_by("id").values_list("data", flat=True)[:200]:
        groups += data.get("groups", [])
        labels += [(column, text) for column, texts in data.get("labels", {}).items() for text in texts]
    return sorted(set(groups)), sorted(set(labels))


def summary(report: RunReport) -> str:
    """The report in one sentence."""
    customers = counted(len(report.customers), "customer")
    return f"{report.title} - {report.ending.partition('.')[0]} - {customers}"
