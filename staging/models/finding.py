"""What an adoption or a reconciliation found, row by row, for pages and files."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .run import SyncRun


class BoardFinding(models.Model):
    """One finding of a run that read a board. `category` is `staging.boards.findings.ADOPT`'s or `RECONCILE`'s.

    `group` is the same for findings that belong side by side. `written` is what was last written to `field`, `live`
    what the board shows.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="findings")
    category = models.CharField(max_length=20)
    group = models.PositiveIntegerField(default=0)
    record = models.CharField(max_length=36, blank=True)
    item_id = models.CharField(max_length=32, blank=True)
    name = models.CharField(max_length=255, blank=True)
    customer = models.CharField(max_length=255, blank=True)
    key = models.TextField(blank=True)
    field = models.CharField(max_length=255, blank=True)
    written = models.TextField(blank=True)
    live = models.TextField(blank=True)
    why = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["run", "category"], name="finding_by_category")]

    def __str__(self) -> str:
        return f"{self.category}: {self.name or self.record or self.item_id}"
