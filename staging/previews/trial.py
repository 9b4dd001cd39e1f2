"""A text tried on one order: what its row would become with the text in its place, beside what it becomes now.

Reads the source and what is known of the record; keeps nothing and asks no board.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mapping.core.family import Family
from mapping.core.order import CellProblem, Order
from monday.core.structure import BoardStructure
from monday.models import Board
from staging.batches.diff import shown
from staging.core.fingerprint import fingerprint, order_of
from staging.core.identity import Unreadable, canonical, derived
from staging.core.ports import OrderSource, Row, Scope
from staging.core.verdict import Accepted, Remembered, judge
from staging.detection.judging import RowJudge, Unusable
from staging.models import Snapshot, StagedOrder
from staging.models.snapshot import LinkState, Verdict

MOST = 20  # rows offered for one search
VERDICTS = {
    "unchanged": "The board shows exactly this already: nothing would be staged.",
    "waiting": "Exactly this is staged or was decided already: nothing more would be staged.",
    "create": "It is not on the board yet: it would be staged to be created.",
    "update": "It would be staged to be updated on the board.",
    "restore": "It would be staged to be put back among the orders.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A row that was searched for; `pick` names it among the rows of the same search."""

    pick: str
    key: str
    spelling: str
    record: str


@dataclass(frozen=True, slots=True)
class Line:
    """One field: the source's cell, and what becomes of it now and with the text. None stands for an empty field."""

    title: str
    source: str
    cell: str
    now: str | None
    then: str | None
    now_note: str = ""
    then_note: str = ""

    @property
    def differs(self) -> bool:
        """Whether the text changes this field."""
        return (self.now, self.now_note) != (self.then, self.then_note)


@dataclass(frozen=True, slots=True)
class Side:
    """What a row becomes under one family; `order` is None where it cannot be used, and `problems` say why."""

    customer: str
    order: Order | None
    problems: tuple[CellProblem, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One row under both families. `verdict` says in a sentence what a sync would do with it under the text."""

    key: str
    record: str
    now: Side
    then: Side
    lines: tuple[Line, ...]
    sizes: tuple[Line, ...]
    verdict: str
    board: str


def search(source: OrderSource, family: Family, text: str) -> list[tuple[Found, Row]]:
    """Rows by UUID, or by how an order number, another key, a PO number or the customer's name begins.

    Raises SourceRefused.
    """
    wanted = text.strip()
    if not wanted:
        return []
    rows: list[tuple[str | None, str, Row]] = []
    with suppress(Unreadable):
        record = canonical(wanted)
        spelled = [record or wanted, (record or wanted).upper(), wanted]
        rows = list(source.rows(list(dict.fromkeys(spelled)), Scope()))
    rules = family.default.source
    if not rows:
        rows = source.search([*rules.business_key, rules.po_number, rules.customer], wanted, MOST)
    if not rows:
        rows = _of_customer(source, family, wanted)
    columns = [column.name for column in source.columns]
    return [(_found(family, columns, *row), row[2]) for row in rows]


def _of_customer(source: OrderSource, family: Family, wanted: str) -> list[tuple[str | None, str, Row]]:
    """Rows of a customer by its canonical name, which the source may never spell so."""
    name = family.customer_of(wanted)
    spelled = [raw for raw, _ in source.customers() if raw and family.customer_of(raw) == name and name]
    return source.search([family.default.source.customer], spelled[0], MOST) if spelled else []


def _found(family: Family, columns: Sequence[str], raw: str | None, print_: str, row: Row) -> Found:
    spelling = _text(row, columns, family.board.source.customer)
    key = family.business_key(family.customer_of(spelling), columns)(row)
    try:
        record = canonical(raw) or derived(key)
    except Unreadable:
        record = str(raw)
    return Found(print_[:16] + record, " / ".join(key), spelling, record)


def try_on(*, before: Family, after: Family, source: OrderSource, found: Found, row: Row, board: Board | None) -> Trial:
    """The row under both families. Raises ColumnsMissing where the source lacks a column that the text names."""
    structure = board.known_structure() if board is not None else None
    columns = [column.name for column in source.columns]
    now, then = (_side(family, columns, structure, row) for family in (before, after))
    lines = _lines(before, after, columns, structure, row, now, then)
    return Trial(
        key=found.key,
        record=found.record,
        now=now,
        then=then,
        lines=tuple(sorted(lines, key=lambda line: not line.differs)),
        sizes=tuple(_sizes(now, then)),
        verdict=_verdict(then, found.record, board),
        board=str(board) if board is not None else "",
    )


def _side(family: Family, columns: Sequence[str], structure: BoardStructure | None, row: Row) -> Side:
    found = RowJudge(family, columns, structure).judge(row)
    if isinstance(found, Unusable):
        known = found.verdict == Verdict.INVALID
        return Side(found.customer if known else "", None, found.problems)
    return Side(found.customer, found.order, found.problems)


def _lines(
    before: Family,
    after: Family,
    columns: Sequence[str],
    structure: BoardStructure | None,
    row: Row,
    now: Side,
    then: Side,
) -> Iterator[Line]:
    one, other = now.order, then.order
    yield Line("Group", "", "", one.group if one else None, other.group if other else None)
    yield Line("Item", "", "", one.name if one else None, other.name if other else None)
    sources: dict[str, str] = {}
    for family, side in ((before, now), (after, then)):
        mapping = family.mapping(side.customer) if side.customer else family.default
        sources |= {rules.to: rules.source for rules in mapping.columns}
    for to, name in sources.items():
        column = structure.columns.get(to) if structure else None
        cells = [_cell(side, to, name) for side in (now, then)]
        title = column.title if column else to
        yield Line(title, name, _text(row, columns, name), cells[0][0], cells[1][0], cells[0][1], cells[1][1])


def _cell(side: Side, to: str, source: str) -> tuple[str | None, str]:
    """What an order shows in a column, and a note where it shows nothing for a reason."""
    reason = next((problem.reason for problem in side.problems if problem.column == source), "")
    if side.order is None:
        return None, reason or "not used"
    if to in side.order.cells:
        return shown(side.order.cells[to]), ""
    if to in side.order.left:
        return None, reason or "left as it stands on the board"
    return None, "not mapped"


def _sizes(now: Side, then: Side) -> Iterator[Line]:
    one, other = (dict(side.order.sizes) if side.order else {} for side in (now, then))
    for size in dict.fromkeys([*other, *one]):
        yield Line(size, "", "", shown(one.get(size)), shown(other.get(size)))


def _verdict(then: Side, record: str, board: Board | None) -> str:
    if then.order is None:
        return "The row cannot be used with this text, and nothing of it would be sent."
    if board is None:
        return "No board was read yet, so what a sync would do is not known."
    snapshot = Snapshot.objects.filter(board=board, record=record).first()
    last = StagedOrder.objects.filter(board=board, record=record, current=True).first()
    accepted = None
    if snapshot is not None:
        removed = snapshot.state == LinkState.REMOVED
        accepted = Accepted(order_of(snapshot.order), snapshot.order_fingerprint, snapshot.withheld, removed=removed)
    remembered = Remembered(last.order_fingerprint, last.state, last.operation) if last else None
    verdict = judge(then.order, fingerprint(then.order), accepted, remembered)
    return VERDICTS[verdict.operation or str(verdict.kind)]


def _text(row: Row, columns: Sequence[str], name: str) -> str:
    value: Any = row[columns.index(name)] if name in columns else None
    return "" if value is None else str(value)
