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
from staging.core.lifecycle import COUNTED, OrderState
from staging.core.words import counted, sentences
from staging.models import AuditEvent, Batch, Snapshot, StagedLine, StagedOrder

from .diff import OrderPicture, orders
from .tally import PAGE, Holding, holdings

__all__ = ["BatchPicture", "Happened", "OrderPicture", "describe", "describe_all", "history", "in_words", "orders"]


@dataclass(frozen=True, slots=True)
class BatchPicture:
    """A batch at a glance. `counts` says how many of its orders count as what, as in `core.lifecycle.COUNTED`;
    `states` how many stand in each state. `changes` and `operations` (how many create, update, remove or restore) leave
    out what stays here: the held and the skipped ones. `holds` is what it holds now, in words; `all_held` is true where
    it is open and nothing of it can be approved."""

    id: int
    customer: str
    state: str
    title: str
    sentence: str
    holds: str
    all_held: bool
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
    held, (lines, lines_held), removals = holdings(ids), _lines(ids), _removals(ids)
    following = _following([batch for batch in batches if batch.state in UNDER_WAY])
    stuck = _stuck([batch for batch in batches if batch.state == "open"])
    return [
        _picture(
            batch,
            held[batch.pk],
            _Details(
                lines.get(batch.pk, NO_LINES),
                lines_held.get(batch.pk, NO_LINES),
                removals.get(batch.pk, ""),
                following.get(batch.pk, 0),
                stuck.get(batch.pk, ()),
            ),
        )
        for batch in batches
    ]


def history(batch: Batch, *, limit: int = 200) -> list[Happened]:
    """What happened to a batch, oldest first: the last `limit` events of it."""
    events = AuditEvent.objects.filter(subject=f"batch:{batch.pk}").order_by("-pk")[:limit]
    told: list[Happened] = []
    for (actor, action, reason), group in groupby(reversed(events), key=lambda e: (e.actor, e.action, e.reason)):
        alike = list(group)  # one event each for many orders reads as one
        told.append(Happened(alike[-1].at, actor, in_words(action, alike), reason))
    return told


# --- the batch ----------------------------------------------------------------------------------------------------
NO_LINES = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Details:
    """What a batch's sentence needs besides its tally: sizes that are new, changed and gone, of what goes out and of
    what is held; the group of what is removed; orders whose sizes follow; and why all of it is held, each reason with
    its orders."""

    lines: tuple[int, int, int]
    lines_held: tuple[int, int, int]
    removed_to: str
    following: int
    stuck: Sequence[tuple[str, int]]


def _picture(batch: Batch, holding: Holding, details: _Details) -> BatchPicture:
    operations = holding.operations
    holds = _holds(holding)
    customer_version = f" and {batch.customer_version}" if batch.customer_version_id else ""
    return BatchPicture(
        id=batch.pk,
        customer=batch.customer.name,
        state=batch.state,
        title=f"Batch {batch.pk} - {batch.customer.name} - {holds}",
        sentence=_told(batch, holding, details),
        holds=holds,
        all_held=bool(details.stuck),
        changes=operations.total(),
        counts=holding.counts,
        states=dict(holding.states),
        operations={name: operations[name] for name in ("create", "update", "remove", "restore")},
        built_from=f"run {batch.run_id}, mapping {batch.board_version}{customer_version}",
        approved_by=batch.approved_by,
        approved_at=batch.approved_at,
        created_at=batch.created_at,
        note=batch.note,
    )


def _holds(holding: Holding) -> str:
    """What a batch holds now: its changes and what of it is held, else what of it is remembered as settled."""
    changes, held = holding.operations.total(), holding.held.total()
    undone = changes == holding.states[OrderState.UNDONE]
    parts = [f"{changes:,} undone" if undone else counted(changes, "change")] if changes else []
    parts += [f"{held:,} held"] if held else []
    parts = parts or [f"{number:,} {SKIPPED[state]}" for state, number in holding.remembered.items()]
    return ", ".join(parts) or f"nothing left of {counted(holding.orders.total(), 'change')}"


def _told(batch: Batch, holding: Holding, details: _Details) -> str:
    """What the batch does, or would do, and what became of the orders that do not take the ordinary way."""
    going, held = holding.operations, holding.held
    would = _sentence(held, details.lines_held, details, would=True) if held else ""
    if details.stuck:
        return sentences(would, _why_stuck(details.stuck), _aside(holding, apart=("held",)))
    if not going:
        return sentences(would or "Nothing of it is left to send.", _aside(holding))
    does = _sentence(going, details.lines, details)
    if batch.state == "open" and held:
        number = held.total()
        does += f"; {number:,} held {'stays' if number == 1 else 'stay'} here"
        return sentences(does, _aside(holding, apart=("held",)))
    return sentences(does, _aside(holding), _pending_sizes(details.following))


def _sentence(operations: Counter[str], lines: tuple[int, int, int], details: _Details, *, would: bool = False) -> str:
    """What these orders of the batch do with these lines, in the order of how much it adds, without its full stop."""
    s = "" if would else "s"
    new, changed, gone = lines
    parts = []
    if operations["create"] or new:
        made = [counted(operations["create"], "item")] if operations["create"] else []
        parts.append(f"create{s} " + " and ".join(made + ([counted(new, "subitem")] if new else [])))
    if operations["update"]:
        sizes = [f"{counted(changed, 'quantity', 'quantities')} changed"] if changed else []
        sizes += [f"{counted(gone, 'size')} taken away"] if gone else []
        parts.append(f"update{s} {counted(operations['update'], 'item')}" + (f" ({', '.join(sizes)})" if sizes else ""))
    if operations["restore"]:
        parts.append(f"bring{s} {counted(operations['restore'], 'item')} back")
    if operations["remove"]:
        number = f"{operations['remove']:,}"
        archived = f"archive{s} {number}, which cannot be taken back"
        parts.append(f"move{s} {number} to {details.removed_to}" if details.removed_to else archived)
    text = ", ".join(parts)
    return f"Would {text}" if would else f"{text[0].upper()}{text[1:]}"


def _why_stuck(reasons: Sequence[tuple[str, int]]) -> str:
    """That nothing can be approved, why, and what to do."""
    number = sum(orders for _, orders in reasons)
    why, most = reasons[0]
    held = "the one order in it is held" if number == 1 else f"all {number:,} orders in it are held"
    because = f": {why}" if most == number else f". {most:,} of them: {why}"
    rest = f"{number - most:,} for other reasons" if most < number else ""
    remedy = "" if "Remedy:" in why else "Remedy: release what may go out, or decline the batch"
    return sentences(f"Nothing of it can be approved, as {held}{because}", rest, remedy)


def _aside(holding: Holding, apart: Iterable[str] = ()) -> str:
    """The orders that do not take the ordinary way, but for those that are told `apart`; "" where all do."""
    counts, states = holding.counts, holding.states
    words = {"held": "held", "rejected": "rejected", "unclear": "without an answer"}
    parts = [f"{counts[name]:,} {word}" for name, word in words.items() if counts[name] and name not in apart]
    parts += [f"{states[name]:,} {word}{_since(holding, name)}" for name, word in SKIPPED.items() if states[name]]
    return f"{'; '.join(parts).capitalize()}." if parts else ""


def _since(holding: Holding, state: str) -> str:
    """What became of settled orders that are not remembered any more."""
    parts = [f"{holding.free[state]:,} free for the next sync"] if holding.free[state] else []
    parts += [f"{holding.anew[state]:,} staged anew since"] if holding.anew[state] else []
    return f" ({', '.join(parts)})" if parts else ""


def _pending_sizes(orders: int) -> str:
    if not orders:
        return ""
    items = "The item of 1 order is" if orders == 1 else f"The items of {orders:,} orders are"
    return f"{items} on the board; sizes follow."


SKIPPED = {
    "superseded": "out of date",
    "declined": "declined",
    "given_up": "given up",
    "undone": "undone",
    "kept": "kept, wholly or in part",
}


def _stuck(batches: Sequence[Batch]) -> dict[int, list[tuple[str, int]]]:
    """Of the batches of which everything is held, why: each reason with its orders, the most frequent first."""
    found: dict[int, list[tuple[str, int]]] = {}
    for page in _pages([batch.pk for batch in batches]):
        held = StagedOrder.objects.filter(batch__in=Batch.objects.all_held().filter(pk__in=page), state=OrderState.HELD)
        rows = held.values_list("batch_id", "reason").annotate(number=Count("id")).order_by("batch_id", "-number")
        for batch, reason, number in rows:
            found.setdefault(batch, []).append((reason or "No reason was given", number))
    return found


Lines = dict[int, tuple[int, int, int]]


def _lines(ids: Sequence[int]) -> tuple[Lines, Lines]:
    """Sizes that are new, changed and gone, of each batch: of what goes out, and of what is held."""
    going: Lines = {}
    held: Lines = {}
    for page in _pages(ids):
        sizes = StagedLine.objects.filter(order__batch__in=page).exclude(order__state__in=sorted(COUNTED["skipped"]))
        rows = sizes.values_list("order__batch_id", "order__state").annotate(
            new=Count("id", filter=Q(before__isnull=True, after__isnull=False)),
            changed=Count("id", filter=Q(before__isnull=False, after__isnull=False)),
            gone=Count("id", filter=Q(before__isnull=False, after__isnull=True)),
        )
        for batch, state, new, changed, gone in rows.order_by():
            of = held if state in COUNTED["held"] else going
            before = of.get(batch, NO_LINES)
            of[batch] = (before[0] + new, before[1] + changed, before[2] + gone)
    return going, held


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


# --- its history --------------------------------------------------------------------------------------------------
def in_words(action: str, events: Sequence[AuditEvent]) -> str:
    """Events in words; the names of actions are made of what moved and how: `batch.approve`, `order.hold`."""
    moved, _, how = action.partition(".")
    to = str(events[-1].data.get("to", "")).replace("_", " ")
    if moved == "order" and to:
        return f"{counted(sum(int(event.data.get('count', 0)) for event in events), 'order')} {to}"
    if action == "order.rule":
        sides = {str(event.data.get("take", "")) for event in events}
        ruled = sum(len(event.data.get("orders") or ()) for event in events)
        return f"conflict of {counted(ruled, 'order')} decided: {', '.join(sorted(sides))}"
    if how == "comment":
        return "comment"
    return f"batch {to or how}" if moved == "batch" else action
