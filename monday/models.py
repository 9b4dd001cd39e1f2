"""What is remembered of monday.com: boards with their structure, their groups, calls, and what is left of limits."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .core.structure import BoardStructure
from .fields import PayloadField


class Environment(models.TextChoices):
    SANDBOX = "sandbox", "Sandbox"
    PRODUCTION = "production", "Production"


class Board(models.Model):
    """One board of one account at one address, so that the sandbox and production never mix."""

    environment = models.CharField(max_length=16, choices=Environment.choices)
    address = models.CharField(max_length=200)
    account_id = models.CharField(max_length=64)
    board_id = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    structure = PayloadField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["address", "account_id", "board_id"], name="board_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.environment})"

    def known_structure(self) -> BoardStructure | None:
        """The structure as it was read last, None before the first reading."""
        return BoardStructure.from_json(self.structure) if self.structure else None


class BoardGroup(models.Model):
    """The group that stands for a rendered title on a board, followed by its id when a person renames it."""

    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="groups")
    title = models.CharField(max_length=255)
    group_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["board", "title"], name="group_title_is_unique_on_its_board"),
        ]

    def __str__(self) -> str:
        return self.title


class Budget(models.Model):
    """What is left of one account's limits, for all processes and hosts together; `monday.budgets` reads and writes it.

    `quota` is a `monday.core.quota.Quota`. It is changed only where `version` still is the one that was read.
    """

    address = models.CharField(max_length=200)
    account_id = models.CharField(max_length=64)
    version = models.BigIntegerField(default=0)
    quota = PayloadField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["address", "account_id"], name="budget_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.address} account {self.account_id}"


class ApiCall(models.Model):
    """One request to the API. `correlation` says on whose behalf (`run:7 batch:12`); times are in seconds."""

    at = models.DateTimeField(db_index=True)
    correlation = models.CharField(max_length=100, blank=True, db_index=True)
    kind = models.CharField(max_length=40, db_index=True)
    operations = models.PositiveIntegerField(default=0)
    status = models.PositiveIntegerField(default=0, db_index=True)
    cost = models.PositiveIntegerField(null=True)
    request_id = models.CharField(max_length=100, blank=True, db_index=True)
    seconds = models.FloatField(default=0)
    waited = models.FloatField(default=0)
    retries = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=100, db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M:%S}"
