"""What the board last accepted for a record, and what is known of records that it has not accepted."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from mapping.models import Customer
from monday.fields import PayloadField
from monday.models import Board


class LinkState(models.TextChoices):
    LINKED = "linked", "Linked"
    REMOVED = "removed", "Removed"
    GONE = "gone", "Not followed"


class Verdict(models.TextChoices):
    INVALID = "invalid", "Invalid"
    UNKNOWN_CUSTOMER = "unknown_customer", "Unknown customer"
    DUPLICATE = "duplicate", "Duplicate"
    WAITING = "waiting", "Waiting"
    AMBIGUOUS = "ambiguous", "Ambiguous"


class Snapshot(models.Model):
    """The order that the board accepted for one record.

    `link_key` is what the board's UUID column holds: the record's UUID at the time of first linking, or a spare one
    where that was another order's key; `record` is its UUID now. `lines` maps sizes to subitem ids. `withheld` maps
    fields to values that were undone or that the board keeps. `said` is what the source said last of it, where `key` is
    not its business key any more: key, hash, fingerprint of the order and mapping key (see `batches.said`). `order`
    moves only through a receipt or an audited adoption.
    """

    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="snapshots")
    record = models.CharField(max_length=36)
    link_key = models.CharField(max_length=36, db_index=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="snapshots")
    key = models.TextField(blank=True)
    key_hash = models.CharField(max_length=64, db_index=True)
    source_fingerprint = models.CharField(max_length=64)
    scheme = models.CharField(max_length=40)
    mapping_key = models.CharField(max_length=16)
    order_fingerprint = models.CharField(max_length=64)
    order = PayloadField()
    item_id = models.CharField(max_length=32, db_index=True)
    lines = PayloadField(default=dict)
    withheld = PayloadField(default=dict)
    said = PayloadField(default=list)
    state = models.CharField(max_length=16, choices=LinkState.choices, default=LinkState.LINKED)
    accepted_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["board", "record"], name="one_snapshot_per_record"),
        ]
        indexes: ClassVar = [models.Index(fields=["state"], name="snapshot_by_state")]

    def __str__(self) -> str:
        return f"{self.record} as item {self.item_id}"


class SeenQuerySet(models.QuerySet["Seen"]):
    def unused(self) -> SeenQuerySet:
        """The verdicts on rows that cannot be used."""
        return self.exclude(verdict=Verdict.WAITING)

    def number_of_rows(self) -> int:
        """How many rows of the source these verdicts are about: the one count of rows not used."""
        return int(self.aggregate(number=models.Sum("rows"))["number"] or 0)


class Seen(models.Model):
    """A verdict on a record at a source fingerprint and a mapping, so that a quiet run renders nothing.

    `rows` is how many rows of the source stand behind it: more than one where they share a UUID or a business key.
    """

    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="seen")
    record = models.CharField(max_length=36)
    customer_name = models.CharField(max_length=255, blank=True, db_index=True)
    key = models.TextField(blank=True)
    source_fingerprint = models.CharField(max_length=64)
    scheme = models.CharField(max_length=40)
    mapping_key = models.CharField(max_length=16)
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    problems = PayloadField(default=list)
    at = models.DateTimeField()
    rows = models.PositiveIntegerField(default=1)

    objects = SeenQuerySet.as_manager()

    class Meta:
        verbose_name = "row not used"
        verbose_name_plural = "rows not used"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["board", "record"], name="one_verdict_per_record"),
        ]
        indexes: ClassVar = [models.Index(fields=["board", "verdict"], name="seen_by_verdict")]

    def __str__(self) -> str:
        return f"{self.record}: {self.verdict}"
