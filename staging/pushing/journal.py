"""Receipts: every write is committed as an intent, as sent when it leaves, and settled by its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from monday.core.operations import Done, Outcome, Refused, Unclear
from staging.core.pushplan import Write
from staging.models import Batch, Receipt, StagedOrder, update_each
from staging.models.receipt import WriteOutcome

PAGE = 500


def intend(
    batch: Batch, writes: Sequence[tuple[StagedOrder, Write]], *, now: datetime, undoes: Mapping[int, int] | None = None
) -> list[Receipt]:
    """Commit a receipt for each write; what the board already shows is done at once. Opens a transaction.

    `undoes` maps the position of a write to the receipt that it takes back.
    """
    receipts = [
        Receipt(
            board_id=batch.board_id,
            batch=batch,
            order=order,
            record=order.record,
            attempt=order.attempts,
            kind=write.kind,
            size=write.size,
            item_id=write.item_id,
            parent_id=write.parent_id,
            before=dict(write.before),
            after=dict(write.after),
            outcome=WriteOutcome.DONE if write.kind == "confirm" else WriteOutcome.INTENDED,
            undoes_id=(undoes or {}).get(position),
            intended_at=now,
            answered_at=now if write.kind == "confirm" else None,
        )
        for position, (order, write) in enumerate(writes)
    ]
    with transaction.atomic():
        Receipt.objects.bulk_create(receipts, batch_size=100)
    return receipts


class ReceiptJournal:
    """The journal of one push or undo. `before_each` renews the lease, and raises to stop the request.

    Every call commits before it returns; none is made inside a transaction.
    """

    def __init__(self, receipts: Sequence[Receipt], *, clock: Callable[[], datetime], before_each: Callable[[], None]):
        self._receipts = {receipt.pk: receipt for receipt in receipts}
        self._clock, self._before_each = clock, before_each

    def sending(self, receipts: Sequence[int], key: str) -> None:
        """These receipts leave now in one request with this idempotency key."""
        self._before_each()
        now = self._clock()
        for pk in receipts:
            receipt = self._receipts[pk]
            receipt.outcome, receipt.sent_at, receipt.idempotency_key = WriteOutcome.SENT, now, key
        with transaction.atomic():
            for start in range(0, len(receipts), PAGE):
                Receipt.objects.filter(pk__in=list(receipts[start : start + PAGE])).update(
                    outcome=WriteOutcome.SENT, sent_at=now, idempotency_key=key
                )

    def answered(self, outcomes: Mapping[int, Outcome]) -> None:
        """What became of receipts that were sent."""
        now = self._clock()
        answered = [self._settle(self._receipts[pk], outcome, now) for pk, outcome in outcomes.items()]
        with transaction.atomic():
            update_each(answered, ["outcome", "item_id", "request_id", "problem", "answered_at"])

    @staticmethod
    def _settle(receipt: Receipt, outcome: Outcome, now: datetime) -> Receipt:
        receipt.request_id = outcome.request_id[:100]
        if isinstance(outcome, Done):
            receipt.outcome, receipt.answered_at = WriteOutcome.DONE, now
            receipt.item_id = receipt.item_id or outcome.id
        elif isinstance(outcome, Refused):
            receipt.outcome, receipt.answered_at, receipt.problem = WriteOutcome.REFUSED, now, asdict(outcome)
        elif isinstance(outcome, Unclear):
            receipt.outcome, receipt.problem = WriteOutcome.UNCLEAR, asdict(outcome)
        return receipt


def abandon(orders: Sequence[int]) -> None:
    """What a dead process left behind: intents that never left are dropped, and what was sent is unclear."""
    for start in range(0, len(orders), PAGE):
        mine = Receipt.objects.filter(order_id__in=list(orders[start : start + PAGE]))
        mine.filter(outcome=WriteOutcome.INTENDED).update(outcome=WriteOutcome.DROPPED)
        mine.filter(outcome=WriteOutcome.SENT).update(outcome=WriteOutcome.UNCLEAR)
