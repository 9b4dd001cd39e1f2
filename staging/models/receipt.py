"""Proof of one write."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from monday.fields import PayloadField
from monday.models import Board

from .batch import Batch, StagedOrder


class WriteOutcome(models.TextChoices):
    INTENDED = "intended", "Intended"
    SENT = "sent", "Sent"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    UNCLEAR = "unclear", "Unclear"
    DROPPED = "dropped", "Never sent"


class Receipt(models.Model):
    """One write to the board: committed as intended before the request leaves, and settled by the answer.

    `before` and `after` map fields (as in `staging.core.changeset`) to values. `undoes` names the receipt that this
    one takes back.
    """

    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="receipts")
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="receipts")
    order = models.ForeignKey(StagedOrder, on_delete=models.PROTECT, related_name="receipts")
    record = models.CharField(max_length=36, db_index=True)
    attempt = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=20, db_index=True)
    size = models.CharField(max_length=100, blank=True)
    item_id = models.CharField(max_length=32, blank=True, db_index=True)
    parent_id = models.CharField(max_length=32, blank=True)
    before = PayloadField(default=dict)
    after = PayloadField(default=dict)
    outcome = models.CharField(max_length=10, choices=WriteOutcome.choices, default=WriteOutcome.INTENDED)
    idempotency_key = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=100, blank=True, db_index=True)
    problem = PayloadField(null=True)
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    intended_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["batch", "outcome"], name="receipt_by_batch"),
            models.Index(fields=["outcome"], name="receipt_by_outcome"),
        ]

    def __str__(self) -> str:
        return f"Receipt {self.pk}: {self.kind} {self.outcome}"
