"""What is known of a record under judgement, and how verdicts become rows of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mapping.core.order import CellProblem, Order
from mapping.core.rules import Deletions
from mapping.models import Customer
from monday.core.structure import BoardStructure
from monday.models import Board
from staging.core.causes import Cause
from staging.core.changeset import SIZE, Change, size_differences
from staging.core.fingerprint import fingerprint, order_of, payload
from staging.core.lifecycle import OPEN, ORDER, BatchState, OrderState
from staging.core.terms import parts
from staging.models import Batch, Snapshot, StagedLine, StagedOrder, SyncRun, insert_each, insert_rows
from staging.models.snapshot import LinkState, Verdict
from staging.setup import Setup

PAGE = 500  # rows whose keys one statement asks for
CLOSED = frozenset({"declined", "given_up", "undone", "kept", "applied"})
AT_LEAST = 5  # removals that are never "too many", whatever their share
REPLACEABLE = ORDER["supersede"].sources | CLOSED


@dataclass(frozen=True, slots=True)
class Judged:
    """A record under judgement: its row's fingerprint, and what was known of it; `heard` is false where nothing was."""

    record: str
    source_fingerprint: str
    scheme: str
    mapping_key: str
    snapshot: Snapshot | None
    last: StagedOrder | None
    heard: bool = True

    def under(self, mapping_key: str) -> Judged:
        """The same, judged under a customer's mapping."""
        return Judged(
            self.record, self.source_fingerprint, self.scheme, mapping_key, self.snapshot, self.last, self.heard
        )

    @property
    def lines(self) -> Mapping[str, str]:
        """The subitems of its item that are known, by size."""
        return self.snapshot.lines if self.snapshot else {}

    @property
    def replaceable(self) -> bool:
        """Whether the last word on the record may be replaced: it is not on its way to the board."""
        return self.last is None or self.last.state in REPLACEABLE

    def outlived(self, order_fingerprint: str) -> bool:
        """Whether the last word is a change that nobody asks for any more, where nothing is to be written."""
        last = self.last
        if last is None or last.state not in ORDER["supersede"].sources:
            return False
        return last.operation == "remove" or last.order_fingerprint != order_fingerprint

    def refused(
        self, verdict: Verdict, customer: str, key: tuple[str, ...], problems: Sequence[CellProblem]
    ) -> dict[str, Any]:
        """The fields of the verdict on its row, where that cannot be used."""
        return {
            "record": self.record,
            "customer_name": customer[:255],
            "key": " / ".join(key),
            "verdict": verdict,
            "problems": [told(problem) for problem in problems],
            **self.marks(),
        }

    def marks(self) -> dict[str, str]:
        """What makes the next comparison quiet."""
        return {
            "source_fingerprint": self.source_fingerprint,
            "scheme": self.scheme,
            "mapping_key": self.mapping_key,
        }


@dataclass(frozen=True, slots=True)
class Beside:
    """A row that shares its UUID or business key with others, or whose UUID is none: its key, its customer's name as
    the source spells it, the customer whose row it is (the same spelling where nobody claims it), and its PO."""

    key: str
    spelling: str
    customer: str
    po_number: str

    def __str__(self) -> str:
        return f"{self.key} / {self.spelling or 'no customer'}"


@dataclass(frozen=True, slots=True)
class InTheWay:
    """Rows that stand in each other's way, by record with their number: `same` of one UUID, `repeated` without UUID and
    of one business key. `unreadable` are texts that are no UUID, each with the number of its rows. `shown` names the
    rows, so that they are found, and those of one UUID are seen side by side."""

    same: Mapping[str, int]
    repeated: Mapping[str, int]
    unreadable: Mapping[str, str]
    unreadable_rows: Mapping[str, int]
    shown: Mapping[str, Sequence[Beside]]

    def verdicts(self, identity: str) -> dict[str, dict[str, Any]]:
        """The fields of the verdict on each record."""
        found: dict[str, tuple[Verdict, int, str, str]] = {}
        for record, rows in self.same.items():
            found[record] = (Verdict.DUPLICATE, rows, record, f"The same UUID stands on {rows} rows.")
        for record, rows in self.repeated.items():
            found[record] = (Verdict.DUPLICATE, rows, "", f"{rows} rows have no UUID and share one business key.")
        for record, raw in self.unreadable.items():
            found[record] = (Verdict.INVALID, self.unreadable_rows[record], raw, "This is no UUID.")
        return {record: self._fields(record, identity, *verdict) for record, verdict in found.items()}

    def words(self, record: str) -> set[str]:
        """What the rows behind a record are found by, whichever of them is looked for."""
        shown = self.shown.get(record, ())
        return {word for row in shown for word in (*parts(row.key), row.spelling, row.po_number)}

    def _fields(
        self, record: str, identity: str, verdict: Verdict, rows: int, value: str, reason: str
    ) -> dict[str, Any]:
        shown = self.shown.get(record, ())
        beside = [CellProblem(BESIDE, str(row), "is one of them") for row in shown if record in self.same]
        return {
            "verdict": verdict,
            "rows": rows,
            "problems": [told(problem) for problem in (CellProblem(identity, value, reason), *beside)],
            "key": _one({row.key for row in shown}),
            "customer_name": _one({row.customer for row in shown})[:255],
        }


def _one(names: Set[str]) -> str:
    """The name that all rows share, "" where they differ."""
    return next(iter(names)) if len(names) == 1 else ""


BESIDE = "row"
"""Stands in the place of a column's name where a problem only names one of several rows."""


def key_beside(text: str) -> str:
    """The business key of a row that such a problem names."""
    return text.rpartition(" / ")[0]


def draft(run: SyncRun, setup: Setup, customer: str, now: datetime) -> Batch:
    """A new batch of a customer, stored, with the mapping that it is made by."""
    mappings = setup.mappings
    return Batch.objects.create(
        run=run,
        board=setup.board,
        customer=Customer.objects.get(name=customer),
        state=BatchState.DRAFT,
        board_version_id=mappings.board_version_id,
        customer_version_id=mappings.customer_version_ids.get(customer),
        mapping_key=mappings.family.key(customer),
        created_at=now,
    )


def going(board: Board, records: Sequence[str]) -> tuple[int, int]:
    """How many linked items would go if these records were removed, and how many are linked."""
    pages = [records[start : start + PAGE] for start in range(0, len(records), PAGE)]
    items = Snapshot.objects.filter(board=board, state=LinkState.LINKED)
    total = sum(items.filter(record__in=page).count() for page in pages)
    if not total:
        return 0, 0
    # What earlier runs staged and nobody has sent yet counts too: a slow loss is a loss.
    waiting = StagedOrder.objects.filter(board=board, operation="remove", state__in=sorted(OPEN))
    return total + waiting.exclude(record__in=records[:PAGE]).count(), items.count()


def removal(snapshot: Snapshot, deletions: Deletions, total: int, linked: int) -> dict[str, Any]:
    """The fields of a staged removal; it is held where `total` of the `linked` items would go at once."""
    before = order_of(snapshot.order)
    cap = max(AT_LEAST, int(linked * deletions.at_most))
    hold = ""
    if total > cap:
        hold = f"{total} removals at once are above the cap of {cap}. "
        hold += "Remedy: check the source; then one person releases and another approves them."
    return {
        "operation": "remove",
        "label": before.name[:255],
        "key": snapshot.key,
        "key_hash": snapshot.key_hash,
        **sides(before, replace(before, group=deletions.group) if deletions.action == "move" else None),
        "mapping_key": snapshot.mapping_key,
        "scheme": snapshot.scheme,
        "state": OrderState.HELD if hold else OrderState.STAGED,
        "reason": hold,
        "problem": {"code": Cause.TOO_MANY} if hold else None,
        "cause": Cause.TOO_MANY if hold else "",
    }


def free_places(board: Board, structure: BoardStructure) -> int | None:
    """Items the board still has room for, less the creations that already wait; None where it has no limit."""
    if structure.items_limit is None:
        return None
    waiting = StagedOrder.objects.filter(board=board, operation="create", state__in=sorted(OPEN)).count()
    return structure.items_limit - structure.items_count - waiting


def sides(before: Order | None, after: Order | None, known: tuple[Order, str] | None = None) -> dict[str, Any]:
    """The fields of a staged order that hold what the board shows before and after. `known` is an order with its
    fingerprint, which is not made again where that very order comes after."""
    known_after = known is not None and known[0] is after
    return {
        "before": payload(before) if before else None,
        "after": payload(after) if after else None,
        "before_fingerprint": fingerprint(before) if before else "",
        "after_fingerprint": known[1] if known and known_after else fingerprint(after) if after else "",
    }


def told(problem: CellProblem) -> dict[str, str]:
    """A cell's problem as it is remembered."""
    return {
        "column": problem.column,
        "value": problem.value[:500],
        "reason": problem.reason,
        "owner": problem.owner,
    }


def insert(orders: list[StagedOrder]) -> None:
    """Insert orders and their size lines. Requires an open transaction."""
    for start in range(0, len(orders), PAGE):
        page = orders[start : start + PAGE]
        insert_each(page)
        keys = _keys_of(page)
        lines = (
            (keys[order.record], change.field[len(SIZE) :], change.before, change.after)
            for order in page
            for change in _sizes(order)
        )
        insert_rows(StagedLine, ("order_id", "size", "before", "after"), lines)


def _keys_of(orders: list[StagedOrder]) -> dict[str, int]:
    """The keys that the database gave to these orders, the last words on their records."""
    batches = {order.batch_id for order in orders}
    found = StagedOrder.objects.filter(board_id=orders[0].board_id, record__in=[order.record for order in orders])
    return dict(found.filter(current=True, batch__in=batches).values_list("record", "pk"))


def _sizes(order: StagedOrder) -> tuple[Change, ...]:
    """How the sizes of an order differ; those of a removal are shown as they stand."""
    before, after = (dict(side["sizes"]) if side else None for side in (order.before, order.after))
    return size_differences(before, after if after is not None else before or {})
