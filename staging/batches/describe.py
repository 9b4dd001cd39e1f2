"""A batch in words: the same picture for the command line, the demo page and the admin; its orders are in `diff`.

Everything is counted by the database, so a batch of ten thousand orders is described as quickly as one of ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db.models import Count, Exists, Min, OuterRef, Q, prefetch_related_objects

from staging.core.fingerprint import order_of
from staging.core.lifecycle import COUNTED
from staging.models import AuditEvent, Batch, Snapshot, StagedLine, StagedOrder

from .diff import OrderPicture, orders

__all__ = ["BatchPicture", "Happened", "OrderPicture", "describe", "describe_all", "history", "orders"]

PAGE = 500


@dataclass(frozen=True, slots=True)
class BatchPicture:
    """A batch at a glance. `counts` says how many of its orders count as what, as in `core.lifecycle.COUNTED`;
    `states` how many stand in each state; `operations` how many of its changes create, update, remove or restore;
    `changes` leaves out the skipped ones."""

    id: int
    customer: str
    state: str
    title: str
    sentence: str
    changes: int
    counts: Mapping[str, int]
    states: Mapping[str, int]
    operations: Mapping[str, int]
    built_from: str
    approved_by: str
    approved_at: datetime | None
    created_at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One event in a batch's life, from the audit."""

    at: datetime
    actor: str
    what: str
    reason: str


def describe(batch: Batch) -> BatchPicture:
    """A batch in words, from a handful of counting queries."""
    return describe_all([batch])[0]


def describe_all(batches: Sequence[Batch]) -> list[BatchPicture]:
    """Many batches in words; the number of queries grows with pages of batches, not with batches or orders."""
    prefetch_related_objects(batches, "customer", "board_version__document", "customer_version__document")
    ids = [batch.pk for batch in batches]
    tallies, lines, removals = _tallies(ids), _lines(ids), _removals(ids)
    following = _following([batch for batch in batches if batch.state in UNDER_WAY])
    return [
        _picture(
            batch,
            tallies.get(batch.pk, Counter()),
            lines.get(batch.pk, (0, 0, 0)),
            removals.get(batch.pk, ""),
            following.get(batch.pk, 0),
        )
        for batch in batches
    ]


def history(batch: Batch, *, limit: int = 200) -> list[Happened]:
    """What happened to a batch, oldest first: the last `limit` events of it."""
    events = AuditEvent.objects.filter(subject=f"batch:{batch.pk}").order_by("-pk")[:limit]
    told: list[Happened] = []
    for (actor, action, reason), group in groupby(reversed(events), key=lambda e: (e.actor, e.action, e.reason)):
        alike = list(group)  # one event each for many orders reads as one
        told.append(Happened(alike[-1].at, actor, _what(action, alike), reason))
    return told


# --- the batch ----------------------------------------------------------------------------------------------------
def _picture(
    batch: Batch, tally: Counter[tuple[str, str]], lines: tuple[int, int, int], removed_to: str, following: int
) -> BatchPicture:
    states: Counter[str] = Counter()
    operations: Counter[str] = Counter()
    for (operation, state), number in tally.items():
        states[state] += number
        if state not in COUNTED["skipped"]:
            operations[operation] += number
    counts = {name: sum(states[state] for state in members) for name, members in COUNTED.items()}
    changes = operations.total()
    customer_version = f" and {batch.customer_version}" if batch.customer_version_id else ""
    return BatchPicture(
        id=batch.pk,
        customer=batch.customer.name,
        state=batch.state,
        title=f"Batch {batch.pk} - {batch.customer.name} - {_number(changes, 'change')}",
        sentence=_sentence(operations, lines, removed_to) + _aside(counts, states) + _pending_sizes(following),
        changes=changes,
        counts=counts,
        states=dict(states),
        operations={name: operations[name] for name in ("create", "update", "remove", "restore")},
        built_from=f"run {batch.run_id}, mapping {batch.board_version}{customer_version}",
        approved_by=batch.approved_by,
        approved_at=batch.approved_at,
        created_at=batch.created_at,
        note=batch.note,
    )


def _sentence(operations: Counter[str], lines: tuple[int, int, int], removed_to: str) -> str:
    """What the batch does, in the order of how much it adds."""
    new, changed, gone = lines
    parts = []
    if operations["create"] or new:
        made = [_number(operations["create"], "item")] if operations["create"] else []
        parts.append("creates " + " and ".join(made + ([_number(new, "subitem")] if new else [])))
    if operations["update"]:
        sizes = [f"{_number(changed, 'quantity', 'quantities')} changed"] if changed else []
        sizes += [f"{_number(gone, 'size')} taken away"] if gone else []
        parts.append(f"updates {_number(operations['update'], 'item')}" + (f" ({', '.join(sizes)})" if sizes else ""))
    if operations["restore"]:
        parts.append(f"brings {_number(operations['restore'], 'item')} back")
    if operations["remove"]:
        number = f"{operations['remove']:,}"
        archived = f"archives {number}, which cannot be taken back"
        parts.append(f"moves {number} to {removed_to}" if removed_to else archived)
    text = ", ".join(parts) or "changes nothing"
    return f"{text[0].upper()}{text[1:]}."


def _aside(counts: Mapping[str, int], states: Counter[str]) -> str:
    """The orders that do not take the ordinary way, "" where all do."""
    words = {"held": "held", "rejected": "rejected", "unclear": "without an answer"}
    parts = [f"{counts[name]:,} {word}" for name, word in words.items() if counts[name]]
    parts += [f"{states[name]:,} {word}" for name, word in SKIPPED.items() if states[name]]
    return f" {'; '.join(parts).capitalize()}." if parts else ""


def _pending_sizes(orders: int) -> str:
    if not orders:
        return ""
    items = "The item of 1 order is" if orders == 1 else f"The items of {orders:,} orders are"
    return f" {items} on the board; sizes follow."


SKIPPED = {
    "superseded": "out of date",
    "declined": "declined",
    "given_up": "given up",
    "undone": "undone",
    "kept": "kept as they are",
}


def _tallies(ids: Sequence[int]) -> dict[int, Counter[tuple[str, str]]]:
    """Orders by (operation, state) of each batch."""
    tallies: dict[int, Counter[tuple[str, str]]] = {}
    for page in _pages(ids):
        rows = StagedOrder.objects.filter(batch__in=page).values_list("batch_id", "operation", "state")
        for batch, operation, state, number in rows.annotate(number=Count("id")).order_by():
            tallies.setdefault(batch, Counter())[operation, state] = number
    return tallies


def _lines(ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Sizes that are new, changed and gone, of each batch's changes."""
    found: dict[int, tuple[int, int, int]] = {}
    for page in _pages(ids):
        sizes = StagedLine.objects.filter(order__batch__in=page).exclude(order__state__in=sorted(COUNTED["skipped"]))
        rows = sizes.values_list("order__batch_id").annotate(
            new=Count("id", filter=Q(before__isnull=True, after__isnull=False)),
            changed=Count("id", filter=Q(before__isnull=False, after__isnull=False)),
            gone=Count("id", filter=Q(before__isnull=False, after__isnull=True)),
        )
        found |= {batch: (new, changed, gone) for batch, new, changed, gone in rows.order_by()}
    return found


UNDER_WAY = ("pushing", "paused", "failed", "needs_attention", "partly_undone")


def _following(batches: Sequence[Batch]) -> dict[int, int]:
    """Orders of each batch whose item is on the board and whose sizes are still to be sent."""
    found: dict[int, int] = {}
    linked = Snapshot.objects.filter(board=OuterRef("board"), record=OuterRef("record"))
    for page in _pages([batch.pk for batch in batches]):
        new = StagedOrder.objects.filter(batch__in=page, state="approved", operation="create").filter(Exists(linked))
        found |= dict(new.values_list("batch_id").annotate(number=Count("id")).order_by())
    return found


def _removals(ids: Sequence[int]) -> dict[int, str]:
    """The group that each batch's removals go to, "" where they are archived; batches without removals are absent.

    All of one batch go the same way, as they share one mapping; so one of each is enough.
    """
    groups: dict[int, str] = {}
    for page in _pages(ids):
        removals = StagedOrder.objects.filter(batch__in=page, operation="remove")
        firsts = removals.values("batch_id").annotate(first=Min("id")).order_by().values_list("first", flat=True)
        for batch, after in StagedOrder.objects.filter(pk__in=list(firsts)).values_list("batch_id", "after"):
            groups[batch] = order_of(after).group if after else ""
    return groups


def _pages(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def _number(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# --- its history --------------------------------------------------------------------------------------------------
def _what(action: str, events: Sequence[AuditEvent]) -> str:
    """Events in words; the names of actions are made of what moved and how: `batch.approve`, `order.hold`."""
    moved, _, how = action.partition(".")
    to = str(events[-1].data.get("to", "")).replace("_", " ")
    if moved == "order" and to:
        return f"{_number(sum(int(event.data.get('count', 0)) for event in events), 'order')} {to}"
    if action == "order.rule":
        sides = {str(event.data.get("take", "")) for event in events}
        ruled = sum(len(event.data.get("orders") or ()) for event in events)
        return f"conflict of {_number(ruled, 'order')} decided: {', '.join(sorted(sides))}"
    if how == "comment":
        return "comment"
    return f"batch {to or how}" if moved == "batch" else action
