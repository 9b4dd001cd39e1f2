"""One chunk of approved orders to the board: claim, look, plan, commit the intents, send, settle.

No transaction is open while the board is waited for. Whatever happens in between, the receipts tell how far it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.db import transaction
from django.db.models import F

from mapping.core.document import Mapping as CustomerMapping
from mapping.core.order import LineShape
from mapping.core.templates import line_name
from monday.boards import absent_titles, follow_remade
from monday.core.operations import Outcome
from staging.core.causes import Cause
from staging.core.changeset import LINK, MARK, SIZE
from staging.core.fingerprint import order_of
from staging.core.marks import with_marks
from staging.core.ports import Destination, Intent, Journal, LiveItem, Target
from staging.core.pushplan import STAYS, Conflict, Past, Plan, Ruling, Write, plan_archive, plan_change, plan_creation
from staging.core.pushplan import gone as why_gone
from staging.core.words import put_away
from staging.models import Batch, Receipt, Snapshot, StagedOrder
from staging.models.receipt import WriteOutcome
from staging.running.lease import LeaseLost
from staging.setup import Setup
from staging.transitions import PAGE, move_orders

from .journal import ReceiptJournal, abandon, intend
from .past import pasts
from .settle import Attempt, Settled, settle
from .standing import (
    TAKEN,
    belongs,
    doubtful,
    linked_elsewhere,
    of_another,
    overtaken,
    stands,
    unanswered_lines,
    with_linked,
)

CREATIONS = ("create_item", "create_line")


@dataclass(slots=True)
class Work:
    """One order on its way: what is planned, and the receipts committed for it."""

    order: StagedOrder
    snapshot: Snapshot | None
    plan: Plan
    receipts: list[Receipt] = field(default_factory=list)
    item_id: str = ""
    gone: bool = False

    @property
    def refused(self) -> bool:
        """Whether the item itself could not be written, so that its lines must wait."""
        return any(receipt.outcome != "done" for receipt in self.receipts)


class Sender:
    """Sends chunks of one batch. `before_each` is called before every request; it renews the lease and may raise."""

    def __init__(
        self,
        *,
        batch: Batch,
        setup: Setup,
        destination: Destination,
        mapping: CustomerMapping,
        lines: LineShape | None,
        actor: str,
        before_each: Callable[[], None],
    ) -> None:
        self.batch, self.setup, self.destination, self.mapping = batch, setup, destination, mapping
        self.lines, self.actor, self._before_each = lines, actor, before_each
        self.moved: list[str] = []
        """Names of the orders that were out of date when they were to be sent."""

    def send(self, ids: Sequence[int], *, items_only: bool = False) -> Settled:
        """Push these approved orders and settle them; with `items_only` those with sizes are approved again afterwards,
        and their sizes go out when they are sent the next time.

        Raises Unavailable and LeaseLost after settling what was sent.
        """
        now = self.setup.clock.now()
        move_orders(self.batch, ids, "send", actor=self.actor, now=now, attempts=F("attempts") + 1)
        orders = list(
            StagedOrder.objects.filter(batch=self.batch, state="sending", pk__in=list(ids)[:PAGE])
            .select_related("batch")
            .order_by("id")
        )
        works: list[Work] = []
        try:
            works = self._plan(orders)
            held = self._hold(works)
            works = [work for work in works if not work.plan.held]
            self._prepare(works)
            self._send_items(works)
            if not items_only:
                self._send_lines(works)
        except LeaseLost:
            raise  # the chunk belongs to another process now, which settles it from the receipts
        except BaseException:
            recover(self.batch, [order.pk for order in orders], actor=self.actor, setup=self.setup)
            raise
        self._before_each()
        done = self._settle(works, items_only=items_only)
        done.held = held
        return done

    # --- look and plan ---------------------------------------------------------------------------------------------
    def _plan(self, orders: Sequence[StagedOrder]) -> list[Work]:
        snapshots = {
            s.record: s
            for s in Snapshot.objects.filter(board=self.setup.board, record__in=[order.record for order in orders])
        }
        orders = self._left_of(orders, {o.pk: overtaken(o, snapshots.get(o.record)) for o in orders})
        creations = [o for o in orders if o.operation == "create"]
        items = [snapshots[o.record].item_id for o in orders if o.record in snapshots]
        live = self.destination.read(items) if items else {}
        found = self.destination.find([o.link_key for o in creations]) if creations else {}
        found |= with_linked(creations, found, snapshots, live)
        links = linked_elsewhere(self.setup.board, found)
        another = {o.pk: link for o in creations if (link := of_another(o, found.get(o.link_key, []), links))}
        taken = {o.pk: TAKEN for o in creations if o.pk in another and another[o.pk].link_key == o.link_key}
        orders = self._left_of(orders, taken)
        known = pasts(
            {o.link_key: order_of(o.after) for o in creations if o.after},
            found,
            board=self.setup.board,
            destination=self.destination,
            lines=self.lines,
        )
        policies = {"": self.mapping.conflicts, **self._column_policies()}
        standing = {item.id: item for items in found.values() for item in items} | live
        unanswered = unanswered_lines(orders)
        works = []
        for order in orders:
            snapshot = snapshots.get(order.record)
            gone = snapshot is not None and not stands(live.get(snapshot.item_id))
            if order.pk in another:
                plan = Plan(held=belongs(another[order.pk]))
            elif order.operation == "create" and snapshot is not None and gone:
                plan = Plan(held=why_gone(live.get(snapshot.item_id)))
            elif order.operation == "create":
                plan = _creation(order, found.get(order.link_key, []), known.get(order.link_key), policies)
            else:
                snapshot = snapshots[order.record]
                plan = _change(order, snapshot, live.get(snapshot.item_id), policies)
            lost = unanswered.get(order.pk, ())
            if why := self._archived_group(plan) or doubtful(plan, standing, order.link_key, lost):
                plan = Plan(held=why)
            works.append(Work(order, snapshot, plan, item_id=snapshot.item_id if snapshot else "", gone=gone))
        return works

    def _left_of(self, orders: Sequence[StagedOrder], stale: Mapping[int, str]) -> list[StagedOrder]:
        """The orders without those that are out of date, each for its reason; these are superseded."""
        now = self.setup.clock.now()
        for why in sorted({why for why in stale.values() if why}):
            ids = [pk for pk, reason in stale.items() if reason == why]
            with transaction.atomic():
                move_orders(self.batch, ids, "return", actor=self.actor, now=now)
                move_orders(self.batch, ids, "supersede", actor=self.actor, now=now, reason=why, current=False)
        self.moved += [order.label for order in orders if stale.get(order.pk)]
        return [order for order in orders if not stale.get(order.pk)]

    def _archived_group(self, plan: Plan) -> str:
        """Why nothing may go to the group that the plan names, "" where it may: a person has put the group away."""
        titles = {write.after["group"] for write in plan.item if write.kind in ("create_item", "move_item")}
        if titles & self._absent and titles & self._put_away:
            return put_away(min(titles), then="release the order")
        return ""

    @cached_property
    def _absent(self) -> frozenset[str]:
        """Titles whose group the board did not show when it was read last."""
        return absent_titles(self.setup.board, self.setup.board.known_structure() or self.setup.structure)

    @cached_property
    def _put_away(self) -> frozenset[str]:
        """The same of the board as it stands: another process, or a person, may have made a group since."""
        structure = self.destination.structure(fresh=True)
        follow_remade(self.setup.board, structure)
        return absent_titles(self.setup.board, structure)

    def _column_policies(self) -> dict[str, str]:
        return {rule.to: rule.conflicts for rule in self.mapping.columns if rule.conflicts}

    def _hold(self, works: Iterable[Work]) -> int:
        held = [work for work in works if work.plan.held]
        for work in held:
            conflicts = [_conflict(conflict) for conflict in work.plan.conflicts]
            move_orders(
                self.batch,
                [work.order.pk],
                "hold",
                actor=self.actor,
                now=self.setup.clock.now(),
                reason=work.plan.held,
                problem={"conflicts": conflicts} if conflicts else {"code": Cause.GONE} if work.gone else None,
            )
        return len(held)

    def _prepare(self, works: Iterable[Work]) -> None:
        """Make the groups exist that this chunk needs; its labels are made by the requests where they are missing."""
        writes = [write for work in works for write in work.plan.item]
        groups = {write.after["group"] for write in writes if write.kind in ("create_item", "move_item")}
        if groups:
            self.destination.ensure_groups(sorted(groups))

    # --- send ------------------------------------------------------------------------------------------------------
    def _send_items(self, works: Sequence[Work]) -> None:
        self._send([(work, write) for work in works for write in work.plan.item])
        for work in works:
            made = next(
                (r for r in work.receipts if r.kind in ("create_item", "confirm") and r.outcome == "done"), None
            )
            work.item_id = made.item_id if made else work.item_id

    def _send_lines(self, works: Sequence[Work]) -> None:
        self._send(
            [
                (work, replace(write, parent_id=write.parent_id or work.item_id))
                for work in works
                if not work.refused
                for write in work.plan.lines
            ]
        )

    def _send(self, writes: Sequence[tuple[Work, Write]]) -> dict[int, Outcome]:
        """Commit the intents, then send creations and other writes apart."""
        if not writes:
            return {}
        receipts = intend(self.batch, [(work.order, write) for work, write in writes], now=self.setup.clock.now())
        for (work, _), receipt in zip(writes, receipts, strict=True):
            work.receipts.append(receipt)
        intents = [
            intent_of(receipt.pk, write, work.order.link_key, self.batch_target_uuid, self.lines)
            for (work, write), receipt in zip(writes, receipts, strict=True)
            if write.kind != "confirm"
        ]
        journal: Journal = ReceiptJournal(receipts, clock=self.setup.clock.now, before_each=self._before_each)
        return self.destination.write(intents, journal) if intents else {}

    @property
    def batch_target_uuid(self) -> str:
        """The board's column that holds the link key, "" where the board has none."""
        return self.mapping.board.uuid_column

    # --- settle ----------------------------------------------------------------------------------------------------
    def _settle(self, works: Iterable[Work], *, items_only: bool) -> Settled:
        attempts = [
            Attempt(
                work.order,
                work.receipts,
                work.snapshot,
                work.plan.kept,
                finished=not (items_only and work.plan.lines),
            )
            for work in works
        ]
        return settle(self.batch, attempts, actor=self.actor, now=self.setup.clock.now())


def sender_of(batch: Batch, setup: Setup, actor: str, before_each: Callable[[], None]) -> Sender:
    """The sender of a batch, by the published mapping of its customer."""
    family, customer = setup.mappings.family, batch.customer.name
    mapping = family.mapping(customer) if customer in family.customers else family.default
    target = target_of(setup, customer)
    return Sender(
        batch=batch,
        setup=setup,
        destination=setup.destination(target, customer),
        mapping=mapping,
        lines=target.lines,
        actor=actor,
        before_each=before_each,
    )


def target_of(setup: Setup, customer: str) -> Target:
    """Where this customer's orders go on the board."""
    family = setup.mappings.family
    mapping = family.mapping(customer) if customer in family.customers else family.default
    lines = family.line_shape(customer) if customer in family.customers else None
    return Target(mapping.board.uuid_column, tuple(rules.to for rules in mapping.columns), lines)


def recover(batch: Batch, ids: Sequence[int], *, actor: str, setup: Setup) -> Settled:
    """Settle orders that are still `sending` by their receipts alone, as after an outage or the death of a process.

    None of them ends as applied here but an archiving, which is one write: of others, what is missing is found by
    planning again against the live board.
    """
    with transaction.atomic():
        abandon(list(ids))
        attempts = []
        for start in range(0, len(ids), PAGE):
            page = StagedOrder.objects.filter(batch=batch, state="sending", pk__in=list(ids[start : start + PAGE]))
            for order in page.select_related("batch").order_by("id"):
                receipts = list(order.receipts.filter(attempt=order.attempts, undoes__isnull=True).order_by("id"))
                snapshot = Snapshot.objects.filter(board_id=order.board_id, record=order.record).first()
                archived = any(r.after.get("archived") and r.outcome == WriteOutcome.DONE for r in receipts)
                attempts.append(Attempt(order, receipts, snapshot, finished=archived))
        return settle(batch, attempts, actor=actor, now=setup.clock.now())


def _creation(order: StagedOrder, found: Sequence[LiveItem], past: Past | None, policies: Mapping[str, str]) -> Plan:
    assert order.after is not None
    if past and "group" in past.sent and policies[""] == "hold":
        policies = {"group": "board", **policies}  # as of a change: an item that people moved stays
    rulings = {name: Ruling(**ruling) for name, ruling in order.rulings.items()}
    return plan_creation(order_of(order.after), order.link_key, found, past, policies, rulings)


def _change(order: StagedOrder, snapshot: Snapshot, live: LiveItem | None, policies: Mapping[str, str]) -> Plan:
    before = order_of(snapshot.order)
    if order.after is None:
        return plan_archive(live, before)
    rulings = {name: Ruling(**ruling) for name, ruling in order.rulings.items()}
    if order.operation == "update" and policies[""] == "hold":
        policies = {"group": "board", **policies}  # an item that people moved stays where they put it
    plan = plan_change(before, order_of(order.after), order.link_key, live, snapshot.lines, policies, rulings)
    if order.operation == "remove" and "group" in plan.kept:
        return Plan(held=STAYS)  # else it would count as removed
    return with_marks(plan, live, order.link_key, snapshot.lines)


def _conflict(conflict: Conflict) -> dict[str, Any]:
    return {
        "field": conflict.field,
        "written": conflict.written,
        "wanted": conflict.wanted,
        "live": conflict.live,
        **({} if conflict.known else {"known": False}),
    }


def intent_of(receipt: int, write: Write, link_key: str, uuid_column: str, lines: LineShape | None) -> Intent:
    """A planned write as an intent for the destination."""
    if write.kind == "mark_line":
        key = str(write.after[MARK + write.size] or "")
        return Intent(receipt, write.kind, item_id=write.item_id, values={"key": key or None})
    if write.size and lines is not None:
        quantity = write.after.get(SIZE + write.size)
        values = {"size": write.size, "quantity": str(quantity or 0), "key": f"{link_key}/{write.size}"}
        name = line_name(lines.name, write.size, quantity or 0)
        return Intent(receipt, write.kind, item_id=write.item_id, parent=write.parent_id, name=name, values=values)
    values = {column: value for column, value in write.after.items() if column not in ("name", "group", "archived")}
    if LINK in values:
        values[uuid_column] = values.pop(LINK)
    if write.kind == "create_item" and uuid_column:
        values[uuid_column] = link_key
    return Intent(
        receipt,
        write.kind,
        item_id=write.item_id,
        name=str(write.after.get("name", "")),
        group=str(write.after.get("group", "")),
        values=values,
    )
