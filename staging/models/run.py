"""One execution of detection, push or undo, with its claim, its progress and its counts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from monday.fields import PayloadField
from monday.models import Board


class Mode(models.TextChoices):
    TEST = "TEST", "Test"
    PRODUCTION = "PRODUCTION", "Production"


class Kind(models.TextChoices):
    SYNC = "sync", "Sync"
    PUSH = "push", "Push"
    UNDO = "undo", "Undo"
    PREVIEW = "preview", "Undo preview"
    REFRESH = "refresh", "Board refresh"
    ADOPT = "adopt", "Adoption"
    RECONCILE = "reconcile", "Reconciliation"
    GONE = "gone", "Gone item"
    IMPACT = "impact", "Mapping preview"
    PRUNE = "prune", "Pruning"
    AUDIT = "audit", "Audit check"
    EXPORT = "export", "Export"
    INTAKE = "intake", "Order list"


class RunState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting for approval"
    COMPLETED = "completed", "Completed"
    WITH_ERRORS = "with_errors", "Completed with errors"
    FAILED = "failed", "Failed"
    REFUSED = "refused", "Refused by a guard"
    STOPPED = "stopped", "Stopped"


class SyncRun(models.Model):
    """A run. `counts` is `core.counts.Counts`; times are UTC, durations seconds; `lease_until` is the database's.

    `subject` names what a push, an undo, a refresh or a preview works on (`batch:12`, `board:3`, `version:4`): it has
    one run at a time. `result` is what a mapping's preview (`staging.previews.impact`) or a
    pruning (`staging.upkeep.prune`) found.
    `mode` is "" for what concerns no board.
    `cancelled_by` is who asked it to stop, which it does after the piece in hand. `started_at` is when it was asked
    for, until it starts. `mailed_at` is set before a mail about its end leaves, so that there is one.
    """

    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SYNC)
    board = models.ForeignKey(Board, null=True, on_delete=models.PROTECT, related_name="runs")
    mode = models.CharField(max_length=16, choices=Mode.choices)
    subject = models.CharField(max_length=60, blank=True, db_index=True)
    trigger = models.CharField(max_length=32)
    actor = models.CharField(max_length=150)
    scope = PayloadField(default=dict)
    rehearsal = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.QUEUED)
    phase = models.CharField(max_length=32, blank=True)
    phase_at = models.DateTimeField(null=True, help_text="When the step at hand began.")
    phase_from = models.PositiveIntegerField(default=0, help_text="What was done of it then.")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    counts = PayloadField(default=dict)
    api = PayloadField(default=dict)
    durations = PayloadField(default=dict)
    notes = PayloadField(default=list)
    result = PayloadField(default=dict)
    error = models.TextField(blank=True)
    full_rows = models.PositiveIntegerField(null=True, help_text="Rows read, where the run read the whole source.")
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    cancelled_by = models.CharField(max_length=150, blank=True)
    mailed_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "run"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["board"],
                condition=models.Q(kind="sync", state="running"),
                name="one_active_detection_per_board",
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=models.Q(state__in=["queued", "running"], subject__gt=""),
                name="one_active_run_per_subject",
            ),
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"
