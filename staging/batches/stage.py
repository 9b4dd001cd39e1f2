"""Staging: writes what detection finds as batches per customer, page by page.

The ledger buffers a page of verdicts and commits it in one short transaction, never while the source is waited for.
A `Rehearsal` takes the same calls and keeps nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from mapping.core.order import CellProblem, Order, Rendered
from staging import audit
from staging.core.causes import Cause
from staging.core.fingerprint import key_hash
from staging.core.lifecycle import ORDER, BatchState, OrderState
from staging.core.marks import keys_to_write
from staging.core.terms import parts, terms
from staging.core.verdict import Verdict as Judgement
from staging.models import Batch, Seen, Snapshot, StagedOrder, SyncRun, fresh, insert_each, update_each
from staging.models.snapshot import LinkState, Verdict
from staging.records import terms as names
from staging.setup import Setup
from staging.transitions import move_batch, move_orders

from . import rekeying
from .keys import give_keys
from .letting_go import accept, release_columns, still_withheld
from .meanwhile import Standing, in_hand, moved, standing
from .rows import CLOSED, PAGE, REPLACEABLE, InTheWay, Judged, draft, free_places, going, insert, removal, sides, told
from .said import heard, said

ENOUGH = 10 * PAGE  # orders and verdicts that are kept in memory before they are committed
WENT_BACK = "The source went back to what the board shows."


class Ledger:
    """Takes the verdicts of one run. `limit` is how many orders that can be pushed may be staged, None for all."""

    def __init__(self, *, run: SyncRun, setup: Setup, actor: str, now: datetime, limit: int | None) -> None:
        self.run, self.setup, self.actor, self.now = run, setup, actor, now
        self.deferred = 0
        self.overtaken: Counter[str] = Counter()
        """Operation -> orders that were not staged after all, as somebody moved their record meanwhile."""
        self._left = limit
        self._places = free_places(setup.board, setup.structure)
        self._batches: dict[str, Batch] = {}
        self._touched: set[int] = set()
        self._orders: list[StagedOrder] = []
        self._seen: list[Seen] = []
        self._words: dict[str, set[str]] = {}
        self._judged: list[str] = []
        self._stood: dict[str, Standing] = {}
        self._snapshots: list[Snapshot] = []
        self._said: list[Snapshot] = []
        self._accepted: list[tuple[Snapshot, str]] = []
        self._marked: list[StagedOrder] = []
        self._settled: list[int] = []
        self._superseded: dict[Batch, list[int]] = {}
        self._closed: list[int] = []
        self._released = 0
        rules = setup.mappings.family
        self._named_by = [c.to for c in rules.default.columns if c.source == rules.board.source.po_number]
        self._named = names.any_known(setup.board.pk)  # before this run, which stages a record once
        self.seconds = 0.0
        """Time spent committing pages."""

    # --- what detection says -------------------------------------------------------------------------------------
    def look(self, snapshots: Iterable[Snapshot]) -> None:
        """The links that the next records are judged by, as they stand."""
        self._stood.update((snapshot.record, standing(snapshot)) for snapshot in snapshots)

    def follow(self, judged: Judged, order_fingerprint: str, rendered: Rendered) -> None:
        """Nothing to write: the snapshot follows the source's marks; what was staged before is out of date."""
        self._judged.append(judged.record)
        snapshot = judged.snapshot
        self._replace(judged, WENT_BACK)
        if snapshot is None:
            return
        self._mark_snapshot(judged, rendered.key, order_fingerprint)
        was = snapshot.order_fingerprint
        released = release_columns(snapshot, rendered.order)
        self._released += released
        if not snapshot.withheld:
            snapshot.order_fingerprint = order_fingerprint
        if released or snapshot.order_fingerprint != was:
            self._accepted.append((snapshot, was))

    def free(self, judged: Judged, rendered: Order) -> None:
        """What was undone or kept stays withheld only as long as the source asks for the same value."""
        snapshot = judged.snapshot
        if snapshot is None or not snapshot.withheld:
            return
        withheld = still_withheld(snapshot, rendered)
        if len(withheld) < len(snapshot.withheld):
            snapshot.withheld = withheld
            self._accepted.append((snapshot, snapshot.order_fingerprint))

    def wait(self, judged: Judged, order_fingerprint: str, key: tuple[str, ...], *, settled: bool = False) -> None:
        """Already in somebody's hands; the marks and the key follow where exactly this order is what was staged.
        `settled` says that whose it is was not clear when it was decided, and is now."""
        self._judged.append(judged.record)
        last = judged.last
        if outlived := judged.outlived(order_fingerprint):  # all that is left is withheld
            self._replace(judged, WENT_BACK)
        if last is None or outlived:
            self._mark_snapshot(judged, key, order_fingerprint)
            return
        self._said += heard(judged, key, order_fingerprint)
        if last.order_fingerprint == order_fingerprint:
            for name, value in {**judged.marks(), "key": " / ".join(key), "key_hash": key_hash(key)}.items():
                setattr(last, name, value)
            if settled:
                self._settled.append(last.pk)
            self._marked.append(last)

    def see(
        self,
        judged: Judged,
        verdict: Verdict,
        customer: str,
        key: tuple[str, ...],
        problems: Sequence[CellProblem],
        words: Iterable[str] = (),
    ) -> None:
        """A row that cannot be staged, with the reasons; remembered so that it is not rendered again, and found by its
        key and these words."""
        self._heard(judged)
        self._said += heard(judged, key)
        self._words[judged.record] = set(words)
        self._replace(judged, "The row cannot be used any more: " + "; ".join(p.reason for p in problems)[:500])
        told_of = judged.refused(verdict, customer, key, problems)
        self._seen.append(fresh(Seen, board=self.setup.board, at=self.now, **told_of))

    def stage(
        self,
        judged: Judged,
        customer: str,
        rendered: Rendered,
        verdict: Judgement,
        order_fingerprint: str,
        ambiguous: str,
    ) -> None:
        """A new or changed order, staged in its customer's batch or deferred by the limit; `ambiguous` says why it is
        not clear whose order it is."""
        self._heard(judged)
        self._said += heard(judged, rendered.key, order_fingerprint)
        self._replace(judged, "The source moved on.")  # also where it is deferred: the old form must not go out
        hold = ambiguous or self._full(verdict.operation)
        if not hold and self._left is not None:
            if self._left <= 0:
                self.deferred += 1
                return
            self._left -= 1
        assert verdict.after is not None
        self._orders.append(
            fresh(
                StagedOrder,
                **self._place(customer, judged.record, judged.snapshot),
                operation=verdict.operation,
                label=verdict.after.name[:255],
                key=" / ".join(rendered.key),
                key_hash=key_hash(rendered.key),
                **sides(verdict.before, verdict.after, (rendered.order, order_fingerprint)),
                order_fingerprint=order_fingerprint,
                warnings=[told(problem) for problem in rendered.problems],
                subitem_keys=keys_to_write(verdict.before, verdict.after, judged.lines),
                state=OrderState.HELD if hold else OrderState.STAGED,
                reason=hold,
                problem={"code": Cause.AMBIGUOUS} if ambiguous else None,
                cause=Cause.AMBIGUOUS if ambiguous else "",
                **judged.marks(),
            )
        )

    def remove(self, records: Iterable[str]) -> int:
        """Records that are gone from a source that was read whole: staged for removal. Returns how many."""
        listed = list(records)
        total, linked = going(self.setup.board, listed)
        removed = 0
        for start in range(0, len(listed), PAGE):
            removed += self._remove_page(listed[start : start + PAGE], total, linked)
            self.flush()
        return removed

    def duplicates(self, rows: InTheWay) -> None:
        """Rows that stand in each other's way, remembered so that a person finds them; known ones write nothing."""
        verdicts = rows.verdicts(self.setup.mappings.family.board.source.identity)
        seen = Seen.objects.filter(board=self.setup.board).filter(Q(verdict=Verdict.DUPLICATE) | Q(mapping_key=""))
        names = ("problems", "rows", "key", "customer_name")
        known = {record: told for record, *told in seen.values_list("record", *names)}
        fresh = [r for r, verdict in verdicts.items() if known.pop(r, None) != [verdict[name] for name in names]]
        self.flush()  # a row may carry the very UUID that is derived for others
        for record in fresh:
            self._judged.append(record)
            self._seen.append(Seen(board=self.setup.board, record=record, at=self.now, **verdicts[record]))
            self._words[record] = rows.words(record)
        for start in range(0, len(fresh), PAGE):
            staged = StagedOrder.objects.filter(
                board=self.setup.board, record__in=fresh[start : start + PAGE], current=True
            )
            for order in staged.filter(state__in=sorted(ORDER["supersede"].sources)).select_related("batch"):
                self._drop(order, "Its UUID stands on more than one row.")
        self._judged.extend(known)
        self.flush()

    def forget(self, records: Sequence[str]) -> None:
        """Verdicts on rows that the source does not hold any more."""
        self._judged.extend(records)
        self.flush()

    def lose(self, records: Iterable[str]) -> None:
        """Links of which nobody can say where their row is: nothing of it counts as seen from now on."""
        rekeying.lose(self.setup.board, sorted(records))

    def rekey(self, pairs: Mapping[str, str]) -> set[str]:
        """Records that carry a new UUID (new -> old): what is known of them follows, but for what was taken in hand
        meanwhile. Returns the new UUIDs of those."""
        items, refused = list(pairs.items()), set[str]()
        for start in range(0, len(items), PAGE):
            with transaction.atomic():
                page = rekeying.free(self.setup.board, dict(items[start : start + PAGE]))
                refused |= dict(items[start : start + PAGE]).keys() - page.keys()
                count = rekeying.links(self.setup.board, page)
                for order in rekeying.left_behind(self.setup.board, page):
                    self._drop(order, "The record has a new UUID.")
                self._commit_replaced()
                rekeying.orders(self.setup.board, page)
                self._record("rekeyed", {"count": count, "new_to_old": page})
        return refused

    def close(self) -> None:
        """The last page is in: open the batches that hold something, and drop those that do not."""
        self.flush()
        if self._released:
            with transaction.atomic():
                self._record("columns released", {"orders": self._released})
        for batch in self._batches.values():
            if not (count := batch.orders.count()):
                batch.delete()
                continue
            move_batch(batch, "open", actor=self.actor, now=self.now, data={"orders": count})
        for batch in Batch.objects.filter(pk__in=sorted(self._touched)):
            self._supersede_empty(batch)

    # --- one page in one transaction ---------------------------------------------------------------------------------
    def turn_page(self) -> None:
        """Commit once enough was said: the larger the transaction, the fewer times an index's pages are written."""
        if len(self._orders) + len(self._judged) + len(self._seen) >= ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Commit what was said since the last flush. Opens a transaction."""
        if not (self._judged or self._seen or self._orders or self._superseded or self._closed or self._accepted):
            return
        started = time.monotonic()
        with transaction.atomic():
            for start in range(0, len(self._judged), PAGE):
                Seen.objects.filter(board=self.setup.board, record__in=self._judged[start : start + PAGE]).delete()
            insert_each(self._seen)
            self._commit_replaced()
            if self._named or Snapshot.objects.filter(board=self.setup.board).exists():  # else nothing could be known
                self._leave_out()
                give_keys(self.setup.board, [order for order in self._orders if order.operation == "create"])
            words = self._words
            unused = {one.record: terms(parts(one.key), one.record, *words[one.record]) for one in self._seen}
            names.remember(self.setup.board.pk, unused | names.of_orders(self._orders, self._named_by), ask=self._named)
            update_each(self._snapshots, (*FOLLOWED, "said"))
            update_each(self._said, ["said"])
            accept(self._accepted)
            names.remember(self.setup.board.pk, names.of_orders(self._marked, self._named_by))
            update_each(self._marked, FOLLOWED)
            rekeying.settle(self._settled)
            insert(self._orders)
        self._forget_page()
        self.seconds += time.monotonic() - started

    def _forget_page(self) -> None:
        links = (self._stood, self._snapshots, self._said, self._accepted)
        for buffer in (*links, self._judged, self._seen, self._words, self._orders, self._marked, self._settled):
            buffer.clear()

    def _leave_out(self) -> None:
        """What somebody moved since it was judged is left as it is: the next run judges it anew."""
        orders = [order.record for order in self._orders]
        links = [snapshot.record for snapshot in (*self._snapshots, *(one for one, _ in self._accepted))]
        judged = {record: self._stood.get(record) for record in (*orders, *links)}
        if gone := moved(self.setup.board, judged) | in_hand(self.setup.board, orders):
            self.overtaken.update(order.operation for order in self._orders if order.record in gone)
            self._orders = [order for order in self._orders if order.record not in gone]
            self._snapshots = [snapshot for snapshot in self._snapshots if snapshot.record not in gone]
            self._accepted = [(one, was) for one, was in self._accepted if one.record not in gone]

    def _commit_replaced(self) -> None:
        for start in range(0, len(self._closed), PAGE):
            closed = StagedOrder.objects.filter(pk__in=self._closed[start : start + PAGE], state__in=sorted(CLOSED))
            closed.update(current=False)
        self._closed.clear()
        for batch, ids in self._superseded.items():
            move_orders(
                batch,
                ids,
                "supersede",
                actor=self.actor,
                now=self.now,
                reason=f"Found out of date by run {self.run.pk}.",
                current=False,
            )
            self._touched.add(batch.pk)
        self._superseded.clear()

    def _heard(self, judged: Judged) -> None:
        """What was known of the record is replaced, if anything was."""
        if judged.heard:
            self._judged.append(judged.record)

    def _replace(self, judged: Judged, why: str) -> None:
        if judged.last is not None:
            self._drop(judged.last, why)

    def _drop(self, last: StagedOrder, why: str) -> None:
        if last.state in CLOSED:
            self._closed.append(last.pk)
        elif last.state in ORDER["supersede"].sources:
            self._superseded.setdefault(last.batch, []).append(last.pk)

    def _mark_snapshot(self, judged: Judged, key: tuple[str, ...], order_fingerprint: str) -> None:
        snapshot = judged.snapshot
        if snapshot is None:
            return
        for name, value in judged.marks().items():
            setattr(snapshot, name, value)
        snapshot.key, snapshot.key_hash = " / ".join(key), key_hash(key)
        snapshot.said = said(judged, snapshot, key, order_fingerprint)
        self._snapshots.append(snapshot)

    def _place(self, customer: str, record: str, snapshot: Snapshot | None) -> dict[str, Any]:
        return {
            "batch": self._batch(customer),
            "board": self.setup.board,
            "record": record,
            "link_key": snapshot.link_key if snapshot else record,
            "updated_at": self.now,
        }

    def _batch(self, customer: str) -> Batch:
        if customer not in self._batches:
            self._batches[customer] = draft(self.run, self.setup, customer, self.now)
        return self._batches[customer]

    def _full(self, operation: str) -> str:
        if operation != "create" or self._places is None:
            return ""
        self._places -= 1
        if self._places >= 0:
            return ""
        most = self.setup.structure.items_limit
        return f"The board is full: it holds at most {most:,} items. Remedy: make room or narrow `include`."

    def _remove_page(self, records: list[str], total: int, linked: int) -> int:
        staged = StagedOrder.objects.last_words(self.setup.board, records)
        snapshots = Snapshot.objects.filter(board=self.setup.board, record__in=records, state=LinkState.LINKED)
        by_record = {s.record: s for s in snapshots.select_related("customer").order_by("record")}
        self.look(by_record.values())
        for record in records:
            last = staged.get(record)
            if last is not None and last.operation != "remove" and last.state not in ("sending", "unclear", "undoing"):
                self._drop(last, "The record is gone from the source.")
        free = [s for r, s in by_record.items() if r not in staged or staged[r].state in REPLACEABLE]
        # A removal that is in somebody's hands already, or was declined or undone, is not staged a second time.
        removing = {record for record, last in staged.items() if last.operation == "remove"}
        return sum(self._stage_removal(snapshot, total, linked) for snapshot in free if snapshot.record not in removing)

    def _stage_removal(self, snapshot: Snapshot, total: int, linked: int) -> int:
        family = self.setup.mappings.family
        customer = snapshot.customer.name
        deletions = (family.mapping(customer) if customer in family.customers else family.default).deletions
        if deletions.action == "keep":
            return 0
        place = self._place(customer, snapshot.record, snapshot)
        self._orders.append(StagedOrder(**place, **removal(snapshot, deletions, total, linked)))
        return 1

    def _supersede_empty(self, batch: Batch) -> None:
        alive = batch.orders.exclude(state=OrderState.SUPERSEDED)
        if batch.state in (BatchState.OPEN, BatchState.APPROVED) and not alive.exists():
            move_batch(batch, "supersede", actor=self.actor, now=self.now, reason="Nothing of it is current any more.")

    def _record(self, action: str, data: dict[str, Any]) -> None:
        chain, subject = audit.run_chain(self.run.pk), f"run:{self.run.pk}"
        audit.record(chain=chain, actor=self.actor, action=action, subject=subject, now=self.now, data=data)


FOLLOWED = ("source_fingerprint", "scheme", "mapping_key", "key", "key_hash")
