"""What happened, append-only, each event bound to the one before it in its chain."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from monday.fields import PayloadField


class AuditChain(models.Model):
    """The head of one chain: `run:7` for a run, `decisions` for what people decide.

    Of its beginning, `cut_length` events were pruned; the last had the hash `cut_hash` (see `staging.upkeep.cut`).
    """

    name = models.CharField(max_length=40, unique=True)
    length = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)
    cut_length = models.PositiveIntegerField(default=0)
    cut_hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.name


class AuditEvent(models.Model):
    """One event. `hash` is SHA-256 over everything here and the hash of the event before it."""

    chain = models.ForeignKey(AuditChain, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=150, db_index=True)
    action = models.CharField(max_length=40, db_index=True)
    subject = models.CharField(max_length=60, db_index=True)
    reason = models.TextField(blank=True)
    data = PayloadField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain", "sequence"], name="one_event_per_place_in_a_chain"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
