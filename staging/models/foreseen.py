"""What a preview of an undo found, and what a person ticked on it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from monday.fields import PayloadField

from .batch import StagedOrder
from .run import SyncRun


class Part(models.TextChoices):
    BACK = "back", "Will be reversed"
    KEPT = "kept", "Will be kept, because somebody edited it since"
    CANNOT = "cannot", "Cannot be reversed"


class Foreseen(models.Model):
    """One part of one order in a preview of an undo. `fields` are `staging.undoing.foresee.Seen`, as plain data.

    `chosen` is false where a person unticked the order; `forced` names the fields whose later edits they want
    overwritten, while these show what was seen.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="foreseen")
    order = models.ForeignKey(StagedOrder, on_delete=models.CASCADE, related_name="+")
    part = models.CharField(max_length=8, choices=Part.choices)
    fields = PayloadField(default=list)
    why = models.TextField(blank=True)
    chosen = models.BooleanField(default=True)
    forced = PayloadField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "order", "part"], name="one_row_per_part_of_an_order"),
        ]
        indexes: ClassVar = [models.Index(fields=["run", "part"], name="foreseen_by_part")]

    def __str__(self) -> str:
        return f"{self.part}: order {self.order_id}"
