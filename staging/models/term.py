"""The words by which records are looked for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from monday.models import Board


class Term(models.Model):
    """One word that leads to a record: a part of its business key, its name, its UUID, as `core.terms.term` has it.

    Written when an order is staged, a row is refused or an item is adopted. What a record was once called stays.
    """

    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="+", db_index=False)
    record = models.CharField(max_length=36)
    text = models.CharField(max_length=120, db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["board", "record"], name="term_by_record")]

    def __str__(self) -> str:
        return self.text
