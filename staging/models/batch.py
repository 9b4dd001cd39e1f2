"""The staged changes of one customer in one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.db import models

from mapping.models import Customer, Version
from monday.fields import PayloadField
from monday.models import Board
from staging.core.causes import LONGEST, Cause
from staging.core.lifecycle import BATCH, OPEN, BatchState, OrderState

from .run import SyncRun

PUSHABLE = sorted(BATCH["push"].sources)


def _choices(states: type[BatchState] | type[OrderState]) -> list[tuple[str, str]]:
    return [(str(state), str(state).replace("_", " ").capitalize()) for state in states]


class Operation(models.TextChoices):
    CREATE = "create", "Create"
    UPDATE = "update", "Update"
    REMOVE = "remove", "Remove"
    RESTORE = "restore", "Restore"


class BatchQuerySet(models.QuerySet["Batch"]):
    def waiting(self) -> BatchQuerySet:
        """Those that wait for approval: open ones that hold something that can be approved."""
        return self.filter(models.Exists(_orders_in(OrderState.STAGED)), state=BatchState.OPEN)

    def all_held(self) -> BatchQuerySet:
        """Open ones of which nothing can be approved, as all that is left of them is held."""
        held = models.Exists(_orders_in(OrderState.HELD))
        return self.filter(held, ~models.Exists(_orders_in(OrderState.STAGED)), state=BatchState.OPEN)

    def approved_unsent(self) -> BatchQuerySet:
        """Those that hold approved orders which no push is sending: it has yet to begin, or was stopped."""
        return self.filter(models.Exists(_orders_in(OrderState.APPROVED)), state__in=PUSHABLE)


def _orders_in(state: OrderState) -> models.QuerySet[StagedOrder]:
    return StagedOrder.objects.filter(batch=models.OuterRef("pk"), state=state)


class Batch(models.Model):
    """What one person approves at once. Pins the mapping versions that its orders were rendered with."""

    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="batches")
    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="batches")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="batches")
    state = models.CharField(max_length=20, choices=_choices(BatchState), default=BatchState.DRAFT, db_index=True)
    board_version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    customer_version = models.ForeignKey(Version, null=True, on_delete=models.PROTECT, related_name="+")
    mapping_key = models.CharField(max_length=16)
    approved_hash = models.CharField(max_length=64, blank=True)
    approved_by = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, help_text="When a mail said that it waits for approval.")

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        # What a person needs for the transitions of `core.lifecycle`, by their `right`.
        permissions: ClassVar = [
            ("stage_batch", "Can hold, release, retry and give up orders"),
            ("approve_batch", "Can approve, withdraw and decline batches"),
            ("push_batch", "Can push approved batches"),
            ("undo_batch", "Can undo what batches wrote"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "customer"], condition=models.Q(state="draft"), name="one_draft_per_run_and_customer"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[str(state) for state in BatchState]), name="batch_state_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk}"


class StagedOrderQuerySet(models.QuerySet["StagedOrder"]):
    def last_words(self, board: Board, records: Sequence[str]) -> dict[str, StagedOrder]:
        """The last word on each of these records (as many as a statement takes): what is in somebody's hands goes
        before what was decided, as an order that is being undone does before a later one that was declined."""
        found = self.filter(board=board, record__in=records, current=True).select_related("batch__customer")
        return {order.record: order for order in sorted(found, key=lambda order: (order.state in OPEN, order.pk))}

    def waiting(self) -> StagedOrderQuerySet:
        """Those that wait for the approval of their batch."""
        return self.filter(state=OrderState.STAGED, batch__state=BatchState.OPEN)

    def approved_unsent(self) -> StagedOrderQuerySet:
        """Those that a push of their batch would send, and none is sending."""
        return self.filter(state=OrderState.APPROVED, batch__state__in=PUSHABLE)

    def held_for(self, cause: Cause) -> StagedOrderQuerySet:
        """Those that are held for this cause."""
        return self.filter(state=OrderState.HELD, cause=cause)

    def given_up(self) -> StagedOrderQuerySet:
        """Those that the board refused and a person left so, as long as nothing newer is known of their records."""
        return self.filter(state=OrderState.GIVEN_UP, current=True)

    def kept_back(self) -> StagedOrderQuerySet:
        """Those that are held or without an answer, but for those in conflict: each of both counts once."""
        stuck = self.filter(state__in=(OrderState.HELD, OrderState.UNCLEAR))
        return stuck.exclude(state=OrderState.HELD, cause=Cause.CONFLICT)


class StagedOrder(models.Model):
    """One record's change. `before` and `after` are orders (`core.fingerprint.payload`), null where there is none.

    `order_fingerprint` names the order as rendered from the source; `before_fingerprint` and `after_fingerprint` name
    the payloads here. `warnings` lists the cells that were left out. `current` is true while this is the last word on
    its record: detection compares the source with it instead of with the snapshot. `ticked` is true once a person (or
    a policy) approved exactly this. `rulings` maps fields in conflict to what a person decided: `core.pushplan.Ruling`.
    `cause` is the word that its problem stands for (`core.causes`), by which held orders are counted and found.
    `failures` counts refusals in a row, from `first_failed_at` to `failed_at`; `retry_at` is when it goes out again by
    itself.
    """

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="orders", db_index=False)
    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="staged_orders", db_index=False)
    record = models.CharField(max_length=36)
    link_key = models.CharField(max_length=36)
    operation = models.CharField(max_length=10, choices=Operation.choices)
    label = models.CharField(max_length=255)
    key = models.TextField(blank=True)
    key_hash = models.CharField(max_length=64)
    before = PayloadField(null=True)
    after = PayloadField(null=True)
    before_fingerprint = models.CharField(max_length=64, blank=True)
    after_fingerprint = models.CharField(max_length=64, blank=True)
    order_fingerprint = models.CharField(max_length=64, blank=True)
    source_fingerprint = models.CharField(max_length=64, blank=True)
    scheme = models.CharField(max_length=40, blank=True)
    mapping_key = models.CharField(max_length=16, blank=True)
    warnings = PayloadField(default=list)
    state = models.CharField(max_length=16, choices=_choices(OrderState), default=OrderState.STAGED)
    current = models.BooleanField(default=True)
    ticked = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    problem = PayloadField(null=True)
    rulings = PayloadField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    subitem_keys = models.PositiveIntegerField(default=0, help_text="Subitems that get their key with it.")
    failures = models.PositiveIntegerField(default=0)
    first_failed_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()
    cause = models.CharField(max_length=LONGEST, blank=True, default="")

    objects = StagedOrderQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["board", "record"],
                condition=models.Q(state__in=sorted(OPEN)),
                name="one_open_staged_order_per_record",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[str(state) for state in OrderState]), name="order_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["batch", "state", "operation"], name="staged_by_batch"),
            models.Index(fields=["board", "record"], name="staged_by_record"),
            models.Index(fields=["state", "updated_at", "operation"], name="staged_by_state_and_time"),
            models.Index(fields=["updated_at"], name="staged_by_time"),
            models.Index(fields=["board", "record"], condition=models.Q(current=True), name="staged_last_word"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.label}"


class StagedLine(models.Model):
    """One size of a staged order: its quantity before and after, null where the size is not there."""

    order = models.ForeignKey(StagedOrder, on_delete=models.CASCADE, related_name="size_lines", db_index=False)
    size = models.CharField(max_length=100)
    before = models.IntegerField(null=True)
    after = models.IntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "size"], name="one_line_per_size"),
        ]

    def __str__(self) -> str:
        return f"{self.size}: {self.before} -> {self.after}"
