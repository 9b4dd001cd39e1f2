"""Rows of the source that are not used: which they are, and why; the same list for every screen and command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Sum

from mapping.core.texts import fold
from mapping.models import Alias, Customer
from monday.models import Board
from staging.batches.rows import BESIDE
from staging.core.words import alike
from staging.models import Seen
from staging.models.snapshot import Verdict

PAGE = 500


@dataclass(frozen=True, slots=True)
class Unused:
    """A record of which no row can be used. `problems` are (column, value, reason, owner); `key` is its business key;
    `rows` how many rows of the source share it."""

    record: str
    verdict: str
    customer: str
    key: str
    problems: tuple[tuple[str, str, str, str], ...]
    rows: int


def unused(board: Board, *, customer: str = "") -> Iterator[Unused]:
    """Every record of which the last runs could use no row, by UUID, read in pages."""
    last = ""
    rows = Seen.objects.unused().filter(board=board)
    rows = rows.filter(customer_name=customer) if customer else rows
    while page := list(rows.filter(record__gt=last).order_by("record")[:PAGE]):
        for seen in page:
            problems = tuple((p["column"], p["value"], p["reason"], p["owner"]) for p in seen.problems or ())
            yield Unused(seen.record, seen.verdict, seen.customer_name, seen.key, problems, seen.rows)
        last = page[-1].record


def reasons(board: Board) -> list[tuple[str, int]]:
    """Why rows are not used, each reason with its number of rows, the most frequent first."""
    return alike(
        (column, reason, row.rows)
        for row in unused(board)
        for column, reason in {(column, reason) for column, _, reason, _ in row.problems if column != BESIDE}
    )


def by_spelling(board: Board) -> list[tuple[str, int]]:
    """Each customer with rows that cannot be used, as the source spells it, and their number; by name."""
    rows = Seen.objects.unused().filter(board=board).values_list("customer_name")
    return [(name, number) for name, number in rows.annotate(number=Sum("rows")).order_by("customer_name")]


def of_customer(board: Board, customer: Customer) -> list[tuple[str, int]]:
    """The spellings under which rows of this customer cannot be used, each with its number of rows; by name."""
    own = {fold(customer.name), *customer.aliases.values_list("folded", flat=True)}
    return [(name, rows) for name, rows in by_spelling(board) if fold(name) in own]


def unknown_customers(board: Board) -> dict[str, int]:
    """Spellings that no customer document claims, each with its number of rows, the most frequent first.

    One that was claimed since its rows were judged is none any more.
    """
    names = Seen.objects.filter(board=board, verdict=Verdict.UNKNOWN_CUSTOMER).values_list("customer_name", flat=True)
    claimed = {
        *Alias.objects.values_list("folded", flat=True),
        *map(fold, Customer.objects.values_list("name", flat=True)),
    }
    found = Counter(names.iterator(chunk_size=5000)).most_common()
    return {name: rows for name, rows in found if fold(name) not in claimed}
