"""What an undo would do to each order: its receipts against the live item and against what later batches wrote.

The preview of an undo and the undo itself come from here, so that what is shown is what is done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from mapping.published import NoMapping, load_pinned
from monday.boards import absent_titles, follow_remade
from monday.core.columns import Value
from staging.core.changeset import LINK, MARK, SIZE
from staging.core.fingerprint import order_of
from staging.core.lifecycle import OrderState
from staging.core.ports import Destination, LiveItem, Target
from staging.core.undoplan import (
    NO_FORCE,
    Done,
    Force,
    Reversal,
    attributed,
    left_of,
    plan_recreation,
    plan_undo,
    untouched,
)
from staging.models import Batch, Receipt, Snapshot, StagedOrder
from staging.setup import Setup

AT_WORK = "Batch {batch} is writing this order now. Remedy: wait for it, then undo again."
CHUNK = 100  # orders per look at the board
ON_ITS_WAY = (OrderState.SENDING, OrderState.UNCLEAR, OrderState.UNDOING)
WRITTEN_IN_PART = (
    *(OrderState.REJECTED, OrderState.APPROVED, OrderState.HELD, OrderState.GIVEN_UP),
    OrderState.SUPERSEDED,
)


@dataclass(slots=True)
class Reversing:
    """One order being put back: the plan, and the receipts of the undo by the receipt that they take back.

    `earlier` are receipts of an undo that was cut off before they reached the snapshot. `typed` is what people had
    typed on an archived item, which is made anew without it. `blocked` says why the order cannot be touched now.
    """

    order: StagedOrder
    snapshot: Snapshot | None
    plan: list[Reversal]
    earlier: list[Receipt] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    typed: Mapping[str, Value] = field(default_factory=dict)
    blocked: str = ""

    @property
    def anew(self) -> bool:
        """Whether the order is an item that was archived, and is made anew."""
        return self.order.operation == "remove" and self.order.after is None


def undoable(batch: Batch) -> QuerySet[StagedOrder]:
    """Orders with something to put back: applied ones, whatever was written in part, and those begun."""
    written = Receipt.objects.filter(batch=batch, outcome="done", undoes__isnull=True).values("order_id")
    orders = Q(state__in=[OrderState.APPLIED, OrderState.KEPT, OrderState.UNDOING])
    return batch.orders.filter(orders | Q(state__in=WRITTEN_IN_PART, pk__in=written))


def destination_of(batch: Batch, setup: Setup) -> Destination:
    """The board as the batch wrote it: by the mapping that it has pinned, also where that is not published any more."""
    return setup.destination(target_then(batch, setup), batch.customer.name)


def target_then(batch: Batch, setup: Setup) -> Target:
    """Where the batch's orders went, under the mapping that it has pinned."""
    name = batch.customer.name
    versions = {name: batch.customer_version_id} if batch.customer_version_id else {}
    try:
        family = load_pinned(batch.board_version_id, versions).family
    except NoMapping:
        family = setup.mappings.family
    known = name in family.customers
    mapping = family.mapping(name) if known else family.default
    lines = family.line_shape(name) if known else None
    return Target(mapping.board.uuid_column, tuple(rules.to for rules in mapping.columns), lines)


def reversals(
    orders: Sequence[StagedOrder],
    setup: Setup,
    destination: Destination,
    *,
    force_of: Callable[[int], Force] = lambda pk: NO_FORCE,
) -> list[Reversing]:
    """Plan the way back of each order against the board as it stands. Reads the board; opens short transactions where a
    person has made a group anew."""
    history = _History(orders, setup)
    works = [history.work(order) for order in orders]
    live = _read(works, history, destination)
    archived = [work.order.link_key for work in works if work.anew]
    found = destination.find(archived) if archived else {}
    away = _put_away(works, history, destination, setup)
    columns = destination.structure().columns
    for work in works:
        if work.blocked:
            continue
        done, item = history.left(work.order.pk), live.get(history.item_id(work))
        later = history.owners(work.order)
        if history.another_item(work) and not (work.anew and later):
            work.plan = untouched(done, item)
        elif work.anew:
            work.typed = item.people if item is not None else {}
            work.plan = _recreation(work, done, found.get(work.order.link_key, []), later, away)
        elif not any(receipt.after.get("archived") for receipt in work.earlier):  # its lines went with it
            absent = {n for d in done for n in d.after if _is_column(n) and n not in columns}
            work.plan = plan_undo(
                done,
                item,
                work.order.link_key,
                dict(work.snapshot.lines) if work.snapshot else {},
                force=force_of(work.order.pk),
                later=later,
                absent=absent,
                away=away,
            )
    return works


def _read(works: Sequence[Reversing], history: _History, destination: Destination) -> dict[str, LiveItem]:
    """The live items, with all that people wrote into and below them: items and lines may be archived, or made anew
    without it."""
    ids = sorted({history.item_id(work) for work in works} - {""})
    return destination.read(ids, people=True) if ids else {}


def _put_away(works: Sequence[Reversing], history: _History, destination: Destination, setup: Setup) -> frozenset[str]:
    """Titles whose group a person has archived or deleted. Asked of the board as it stands, where anything goes to a
    group: what is remembered of the board may be as old as the last sync."""
    if not any(w.anew or "group" in d.before for w in works for d in history.left(w.order.pk)):
        return frozenset()
    structure = destination.structure(fresh=True)
    follow_remade(setup.board, structure)
    return absent_titles(setup.board, structure)


def _recreation(
    work: Reversing, done: Sequence[Done], found: Sequence[LiveItem], later: Mapping[str, int], away: frozenset[str]
) -> list[Reversal]:
    archived = next((one for one in done if one.after.get("archived")), None)
    if archived is None or not work.order.before:
        return []
    return plan_recreation(archived, order_of(work.order.before), work.order.link_key, found, later, away)


def _accepted(found: Done, state: str) -> bool:
    return bool(found.before) and "archived" not in found.after and state != OrderState.KEPT


def _is_column(name: str) -> bool:
    return name not in ("name", "group", "archived", LINK) and not name.startswith((SIZE, MARK))


class _History:
    """What was written for these orders' items, by them and by later batches, loaded at once.

    Orders are found by their link key, which stays the same where a record's UUID has changed since.
    """

    def __init__(self, orders: Sequence[StagedOrder], setup: Setup) -> None:
        keys = sorted({order.link_key for order in orders})
        mine = StagedOrder.objects.filter(board=setup.board, link_key__in=keys, pk__gte=min(o.pk for o in orders))
        self._later: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for pk, key, batch, state in mine.order_by("pk").values_list("pk", "link_key", "batch_id", "state"):
            self._later[key].append((pk, batch, state))
        snapshots = Snapshot.objects.filter(board=setup.board, link_key__in=keys)
        self._snapshots = {snapshot.link_key: snapshot for snapshot in snapshots}
        self._at_work = being_written(orders)
        self._receipts: dict[int, list[Receipt]] = defaultdict(list)
        ids = sorted({pk for listed in self._later.values() for pk, _, _ in listed})
        for start in range(0, len(ids), 500):
            for receipt in Receipt.objects.filter(order_id__in=ids[start : start + 500]).order_by("id"):
                self._receipts[receipt.order_id].append(receipt)

    def work(self, order: StagedOrder) -> Reversing:
        """The order with its snapshot, and what an undo that was cut off has written already."""
        begun = [
            receipt
            for receipt in self._receipts[order.pk]
            if receipt.undoes_id and receipt.outcome == "done" and receipt.intended_at >= order.updated_at
        ]
        earlier = begun if order.state == OrderState.UNDOING else []
        return Reversing(order, self._snapshots.get(order.link_key), [], earlier, blocked=self._blocked(order))

    def left(self, pk: int) -> list[Done]:
        """The order's writes that the board has and that no answered undo has taken back yet, oldest first."""
        back: dict[int, set[str]] = defaultdict(set)
        forth: dict[str, list[Done]] = {"done": [], "unclear": []}
        for r in self._receipts[pk]:
            if r.undoes_id is not None and r.outcome == "done":
                back[r.undoes_id].update(r.after)
            elif r.undoes_id is None and r.outcome in forth:
                forth[r.outcome].append(Done(r.pk, r.kind, r.item_id, r.parent_id, r.size, r.before, r.after))
        all_of_it = attributed(forth["done"], forth["unclear"])
        rest = (left_of(done, back[done.receipt]) for done in all_of_it)
        return [done for done in rest if done is not None]

    def item_id(self, work: Reversing) -> str:
        """The item that the order is about, "" where none is known."""
        if work.snapshot is not None:
            return work.snapshot.item_id
        return next((d.parent_id if d.size else d.item_id for d in self.left(work.order.pk)), "")

    def another_item(self, work: Reversing) -> bool:
        """Whether a person has linked an item to the record since that this order never wrote to.

        One that an undo has made anew for an archived item goes on as the item that it stands for.
        """
        own = {d.parent_id if d.size else d.item_id for d in self.left(work.order.pk)} - {""}
        for pk, _, _ in self._later[work.order.link_key]:
            if pk >= work.order.pk:
                own |= self._made_anew(pk)
        return work.snapshot is not None and bool(own) and work.snapshot.item_id not in own

    def _made_anew(self, pk: int) -> set[str]:
        """The items that undoing this order made for the one that it had archived. What else an undo writes goes to the
        item of its day, which a person may have linked."""
        archivings = {r.pk for r in self._receipts[pk] if r.undoes_id is None and "archived" in r.after}
        answered = (r for r in self._receipts[pk] if r.undoes_id in archivings and r.outcome == "done" and not r.size)
        return {r.item_id for r in answered}

    def owners(self, order: StagedOrder) -> dict[str, int]:
        """Fields that a later batch has written and not taken back, with that batch; or found written, and accepted.

        Of an order that was undone nothing is left, though the item that it archived stays so: another was made for it.
        What was found written is nobody's once its undo was tried, which has nothing to put back.
        """
        return {
            name: batch
            for pk, batch, state in self._later[order.link_key]
            if pk > order.pk and state != OrderState.UNDONE
            for done in self.left(pk)
            if done.kind != "confirm" or _accepted(done, state)
            for name in done.after
        }

    def _blocked(self, order: StagedOrder) -> str:
        batch = self._at_work.get(order.link_key)
        return AT_WORK.format(batch=batch) if batch and order.state != OrderState.UNDOING else ""


def being_written(orders: Sequence[StagedOrder]) -> dict[str, int]:
    """By link key the batch that is sending, or putting back, another order of the same item now."""
    mine = {order.pk for order in orders}
    others = StagedOrder.objects.filter(
        board=orders[0].board_id, link_key__in=[order.link_key for order in orders], state__in=ON_ITS_WAY
    )
    return {key: batch for pk, key, batch in others.values_list("pk", "link_key", "batch_id") if pk not in mine}


def later_waiting(order: StagedOrder, sources: Iterable[str]) -> QuerySet[StagedOrder, Any]:
    """Other changes of this item that still wait: they were built on what is undone now."""
    mine = StagedOrder.objects.filter(board_id=order.board_id, link_key=order.link_key, state__in=sorted(sources))
    return mine.exclude(pk=order.pk)
