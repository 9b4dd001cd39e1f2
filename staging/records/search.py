"""Finds what a person looks for: orders by order number, PO, style, name, UUID or item id; customers, batches, runs.

Every look-up goes by an index, so it is as quick over years of orders as over a day's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connections, router
from django.db.models import Exists, OuterRef, QuerySet

from mapping.core.texts import fold
from mapping.models import Alias, Customer
from staging.core.terms import parts, term
from staging.models import Batch, Receipt, Seen, Snapshot, StagedOrder, SyncRun, Term

MOST = 50
"""Records that are shown; whoever finds more types more."""
NUMBERED = re.compile(r"(batch|run)\s*#?\s*(\d{1,18})(?:\s+-\s.*)?", re.IGNORECASE)
"""A batch or a run by its number, or by the whole title of its page."""
ITEM = re.compile(r"https?://\S+/pulses/(\d{1,32})(?:[/?#]\S*)?", re.IGNORECASE)
"""The address of an item on monday.com."""
CALLED = re.compile(r"(?:(?:po|order|style|item|uuid)\b(?: number| no\b)?[\s.:#]*|#\s*)(?=\S)", re.IGNORECASE)
"""What people write before a number, though no term begins so."""
BETWEEN = re.compile(r"(?:^|\s+)/(?=\s|$)|\t")
"""Stands between the parts of a key as pages print it, where one may be empty, or as cells of a table are copied."""
LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """One record: its last staged order, the order that the board accepted, the verdict that keeps its row out."""

    board: int
    record: str
    order: StagedOrder | None
    snapshot: Snapshot | None
    seen: Seen | None

    @property
    def name(self) -> str:
        """What people call it: its name on the board, else its business key."""
        if self.order is not None:
            return self.order.label
        if self.snapshot is not None:
            return str(self.snapshot.order.get("name") or self.snapshot.key)
        return self.key or self.record

    @property
    def key(self) -> str:
        """Its business key."""
        known = self.order or self.snapshot or self.seen
        return " / ".join(part for part in parts(known.key) if part) if known else ""

    @property
    def customer(self) -> str:
        """Its customer; for a row that is not used what the source calls it."""
        if self.order is not None:
            return self.order.batch.customer.name
        if self.snapshot is not None:
            return self.snapshot.customer.name
        return self.seen.customer_name if self.seen else ""


@dataclass(slots=True)
class Found:
    """What was found. `sure` is the one record that was meant, where a whole word leads to one record and nothing else;
    `more` says that there are others."""

    records: list[FoundRecord] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)
    batch: Batch | None = None
    run: SyncRun | None = None
    sure: FoundRecord | None = None
    more: bool = False

    def __bool__(self) -> bool:
        return bool(self.records or self.customers or self.batch or self.run)


def find(text: str) -> Found:
    """What these words lead to; whole words come before those that only begin so."""
    return next((found for each in spellings(text) if (found := _find(each))), Found())


def spellings(text: str) -> list[str]:
    """The text, and where it begins as people name a number (`PO 4711`, `#4711`) the number alone, and as one word; of
    an item's address the item's id."""
    plain = text.strip().strip("\"'")
    if address := ITEM.fullmatch(plain):
        return [address[1]]
    if not (called := CALLED.match(plain)):
        return [plain]
    number = plain[called.end() :]
    return [plain, number, *([f"{word[0]}{number}"] if (word := re.match(r"\w+", plain)) else [])]


def _find(text: str) -> Found:
    wanted, found = term(text), Found()
    if not wanted:
        return found
    found.customers = _customers(text)
    if numbered := NUMBERED.fullmatch(wanted):
        number = int(numbered[2])
        if numbered[1].lower() == "batch":
            found.batch = Batch.objects.filter(pk=number).select_related("customer").first()
        else:
            found.run = SyncRun.objects.filter(pk=number).first()
    whole = _records(Term.objects.filter(text=wanted)) + _of_item(wanted)
    pairs = list(dict.fromkeys(whole or _of_key(text)))
    alone = len(pairs) == 1 and not (found.customers or found.batch or found.run)
    if not alone:
        pairs = list(dict.fromkeys(pairs + _records(beginning(Term.objects.all(), wanted))))
    found.more, found.records = len(pairs) > MOST, _pictures(pairs[:MOST])
    if alone and found.records:
        found.sure = found.records[0]
    return found


def beginning(rows: QuerySet[Term], wanted: str) -> QuerySet[Term]:
    """The terms that begin so, by the index of each vendor: SQLite's orders by letters, so a range is one there."""
    if connections[router.db_for_read(Term)].vendor == "sqlite":
        return rows.filter(text__gte=wanted, text__lt=wanted + LAST)
    return rows.filter(text__startswith=wanted)


def known(board: int, record: str) -> FoundRecord | None:
    """One record by its UUID, None where nothing is known of it."""
    (found,) = _pictures([(board, record)])
    return found if found.order or found.snapshot or found.seen else None


def matching(text: str) -> QuerySet[Term]:
    """The terms of a list's search, to narrow its rows by their records."""
    return beginning(Term.objects.all(), term(text))


def _records(rows: QuerySet[Term]) -> list[tuple[int, str]]:
    return list(rows.order_by("text", "pk").values_list("board_id", "record")[: 4 * MOST])


def _of_key(text: str) -> list[tuple[int, str]]:
    """The records of a whole business key as pages print it, its parts with slashes or tabs between."""
    wanted = [part for part in map(term, BETWEEN.split(text)) if part]
    if len(wanted) < 2:
        return []
    rows = Term.objects.filter(text=wanted[0])
    for part in wanted[1:]:
        rows = rows.filter(Exists(Term.objects.filter(text=part, board=OuterRef("board"), record=OuterRef("record"))))
    return _records(rows)


def _of_item(wanted: str) -> list[tuple[int, str]]:
    """The records whose item, or one of whose subitems, has this id on the board."""
    if not wanted.isdecimal():
        return []
    rows: list[tuple[int, str]] = []
    for model in (Snapshot, Receipt):
        rows += model.objects.filter(item_id=wanted).order_by("pk").values_list("board_id", "record")[:MOST]
    return list(dict.fromkeys(rows))


def _customers(text: str) -> list[Customer]:
    """The customers of this name or spelling."""
    ids = set(Alias.objects.filter(folded=fold(text)).values_list("customer_id", flat=True))
    ids |= set(Customer.objects.filter(name__iexact=text.strip()).values_list("pk", flat=True))
    return list(Customer.objects.filter(pk__in=ids).order_by("name"))


def _pictures(pairs: Sequence[tuple[int, str]]) -> list[FoundRecord]:
    """What is known of each record, in the given order, by three queries."""
    ids = {record for _, record in pairs}
    orders = StagedOrder.objects.filter(record__in=ids, board__in={board for board, _ in pairs})
    newest = _newest(orders.order_by("pk").values_list("board_id", "record", "pk"))
    rows = StagedOrder.objects.filter(pk__in=list(newest.values())).select_related("batch__customer")
    last = {(o.board_id, o.record): o for o in rows.defer("before", "after")}
    wanted = {"record__in": ids, "board__in": {board for board, _ in pairs}}
    snapshots = {(s.board_id, s.record): s for s in Snapshot.objects.filter(**wanted).select_related("customer")}
    seen = {(s.board_id, s.record): s for s in Seen.objects.filter(**wanted)}
    return [FoundRecord(*pair, last.get(pair), snapshots.get(pair), seen.get(pair)) for pair in pairs]


def _newest(rows: Iterable[tuple[int, str, int]]) -> dict[tuple[int, str], int]:
    return {(board, record): pk for board, record, pk in rows}
