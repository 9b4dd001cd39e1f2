"""Customers with their aliases, and the documents that say how their orders reach the board: fields, constraints.

Versions are immutable; publishing is the use case in `mapping.publish`. Customers and aliases follow the published
documents and are never edited beside them.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Customer(models.Model):
    """A customer by its canonical name."""

    name = models.CharField(max_length=200, unique=True)

    def __str__(self) -> str:
        return self.name


class Alias(models.Model):
    """One spelling of a customer's name in the source. `folded` is how spellings are compared; it has one owner."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="aliases")
    text = models.CharField(max_length=200)
    folded = models.CharField(max_length=600, unique=True)  # folding makes up to three letters of one

    class Meta:
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.text


class DocumentKind(models.TextChoices):
    BOARD = "board", "Board"
    CUSTOMER = "customer", "Customer"


class DocumentQuerySet(models.QuerySet["Document"]):
    def boards(self) -> DocumentQuerySet:
        """The documents of boards."""
        return self.filter(kind=DocumentKind.BOARD)

    def for_customers(self) -> DocumentQuerySet:
        """The documents of customers."""
        return self.filter(kind=DocumentKind.CUSTOMER)


class Document(models.Model):
    """What is edited and published: one per board (by its id) and one per customer. `name` is how people call it."""

    kind = models.CharField(max_length=16, choices=DocumentKind.choices)
    name = models.CharField(max_length=255, unique=True)
    board_key = models.CharField(max_length=32, blank=True)
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="documents")

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind=DocumentKind.BOARD, customer__isnull=True) & ~Q(board_key="")
                | Q(kind=DocumentKind.CUSTOMER, customer__isnull=False, board_key=""),
                name="document_is_of_a_board_or_a_customer",
            ),
            models.UniqueConstraint(
                fields=["board_key"], condition=Q(kind=DocumentKind.BOARD), name="one_document_per_board"
            ),
            models.UniqueConstraint(
                fields=["customer"], condition=Q(customer__isnull=False), name="one_document_per_customer"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def holds_orders(board: int) -> bool:
        """Whether orders stand on a board, or are on their way to it. What knows orders answers here."""
        return False


class VersionState(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    RETIRED = "retired", "Retired"


class VersionQuerySet(models.QuerySet["Version"]):
    def published(self) -> VersionQuerySet:
        """The versions that hold now, one per document."""
        return self.filter(state=VersionState.PUBLISHED)


class Version(models.Model):
    """One text of a document, as it was typed. Times are UTC; `author` is the person's name, or `policy:...`."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=150)
    note = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=VersionState.choices, default=VersionState.DRAFT)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "number"], name="version_number_is_unique"),
            models.UniqueConstraint(
                fields=["document"],
                condition=Q(state=VersionState.PUBLISHED),
                name="one_published_version_per_document",
            ),
            models.CheckConstraint(condition=Q(state__in=VersionState.values), name="version_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=VersionState.PUBLISHED) | Q(published_at__isnull=False),
                name="published_version_has_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} version {self.number}"
