"""The effective mapping of one customer: the board's document with the customer's over it, every default filled in."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from .schema import (
    BoardDocument,
    BoardEntry,
    ColumnEntry,
    Conflicts,
    ConversionName,
    CustomerDocument,
    DeletionsEntry,
    Empty,
    IncludeEntry,
    LabelsEntry,
    LabelWord,
    Otherwise,
    PolicyEntry,
    SizesEntry,
    Unreadable,
    day_bound,
)


@dataclass(frozen=True, slots=True)
class BoardRules:
    """Which board, and the templates of an order's group and name."""

    id: str
    name: str
    uuid_column: str
    group: str
    item: str


@dataclass(frozen=True, slots=True)
class Include:
    """Rows that belong to the board: `values` of a column, or a window of dates with both ends in it."""

    values: tuple[str, ...] = ()
    after: int | date | None = None
    before: int | date | None = None

    def window(self, today: date) -> tuple[date | None, date | None]:
        """The first and the last day; None where that end is open. Distances count in days from `today`."""
        return _day(self.after, today), _day(self.before, today)


@dataclass(frozen=True, slots=True)
class SourceRules:
    """Which table, and what its columns mean."""

    table: str
    identity: str
    business_key: tuple[str, ...]
    customer: str
    po_number: str
    include: Dict[str, Include] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """How source column `source` reaches board column `to`.

    `as_` is None where the kind of the board's column decides. `values` is matched after trim and without regard to
    case; `otherwise` says what becomes of a filled cell that no entry matches: pass (as it is), leave or reject.
    `labels_at_most` is how many labels the board's column may come to, None where only the board limits them.
    """

    source: str
    to: str
    as_: ConversionName | None
    required: bool
    empty: Empty
    unreadable: Unreadable
    values: Dict[str, str]
    otherwise: Otherwise
    labels: LabelWord
    conflicts: Conflicts
    labels_at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Sizes:
    """Which source columns are sizes, and how a size becomes a line. `total` is None where no column holds the sum."""

    between: tuple[str, str]
    except_: tuple[str, ...]
    total: str | None
    item: str
    size_column: str
    quantity_column: str
    key_column: str
    rename: Dict[str, str]


@dataclass(frozen=True, slots=True)
class Deletions:
    """What happens to an item whose row vanished; `at_most` is a share of the linked items, 0 to 1."""

    action: str
    group: str
    at_most: float


@dataclass(frozen=True, slots=True)
class Automatic:
    """Up to how many orders of which kinds the policy may approve without a person."""

    orders: int
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Who approves: `approve` is person or automatic, `sizes` together or later."""

    approve: str
    automatic_up_to: Automatic | None
    four_eyes: bool
    approvers: tuple[str, ...]
    sizes: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """Everything that holds for one customer's orders on one board. `columns` are in the documents' order."""

    customer: str
    board: BoardRules
    source: SourceRules
    columns: tuple[ColumnRules, ...]
    sizes: Sizes | None
    labels: LabelWord
    conflicts: Conflicts
    deletions: Deletions
    policy: Policy
    labels_at_most: int | None = None

    def column(self, to: str) -> ColumnRules | None:
        """The rules of a board column by its id; None where it is not mapped."""
        return next((rules for rules in self.columns if rules.to == to), None)


def effective(board: BoardDocument, customer: CustomerDocument | None) -> Mapping:
    """The mapping of a customer, or of a customer without rules of its own where `customer` is None."""
    own = customer or CustomerDocument.model_construct(version=1, customer="")
    labels, conflicts = own.labels or board.labels, own.conflicts or board.conflicts
    entries = {**board.columns, **own.columns}
    return Mapping(
        customer=own.customer,
        board=_board(board.board, own),
        source=_source(board, own),
        columns=tuple(_column(name, entry, labels, conflicts) for name, entry in entries.items()),
        sizes=_sizes(board.sizes, own) if board.sizes else None,
        labels=labels.missing,
        conflicts=conflicts,
        deletions=_deletions(board.deletions),
        policy=_policy(board.policy, own.policy),
        labels_at_most=labels.at_most,
    )


def _board(board: BoardEntry, own: CustomerDocument) -> BoardRules:
    group, item = own.board.group or board.group, own.board.item or board.item
    return BoardRules(id=board.id, name=board.name, uuid_column=board.uuid_column, group=group, item=item)


def _source(board: BoardDocument, own: CustomerDocument) -> SourceRules:
    source = board.source
    return SourceRules(
        table=source.table,
        identity=source.identity,
        business_key=own.business_key or source.business_key,
        customer=source.customer,
        po_number=source.po_number,
        include={name: _include(entry) for name, entry in source.include.items()},
    )


def _include(entry: IncludeEntry) -> Include:
    after, before = (day_bound(bound) if bound is not None else None for bound in (entry.after, entry.before))
    return Include(values=entry.values or (), after=after, before=before)


def _column(source: str, entry: ColumnEntry, labels: LabelsEntry, conflicts: Conflicts) -> ColumnRules:
    return ColumnRules(
        source=source,
        to=entry.to,
        as_=entry.as_,
        required=entry.required,
        empty=entry.empty or ("reject" if entry.required else "clear"),
        unreadable=entry.unreadable or ("reject" if entry.required else "leave"),
        values=entry.values or {},
        otherwise=entry.otherwise or "pass",
        labels=(entry.labels or labels).missing,
        conflicts=entry.conflicts or conflicts,
        labels_at_most=(entry.labels or labels).at_most,
    )


def _sizes(sizes: SizesEntry, own: CustomerDocument) -> Sizes:
    return Sizes(
        between=sizes.between,
        except_=sizes.except_,
        total=sizes.total,
        item=sizes.item,
        size_column=sizes.columns.size,
        quantity_column=sizes.columns.quantity,
        key_column=sizes.key_column,
        rename={**sizes.rename, **own.sizes.rename},
    )


def _deletions(entry: DeletionsEntry) -> Deletions:
    return Deletions(action=entry.action, group=entry.group, at_most=entry.at_most)


def _policy(board: PolicyEntry, own: PolicyEntry) -> Policy:
    limits = own.automatic_up_to or board.automatic_up_to
    four_eyes = own.four_eyes if own.four_eyes is not None else board.four_eyes
    return Policy(
        approve=own.approve or board.approve or "person",
        automatic_up_to=Automatic(limits.orders, limits.kinds) if limits else None,
        four_eyes=four_eyes or False,
        approvers=own.approvers if own.approvers is not None else board.approvers or (),
        sizes=own.sizes or board.sizes or "together",
    )


def size_columns(sizes: Sizes, columns: Sequence[str]) -> tuple[str, ...]:
    """The source columns that are sizes, in the table's order; none where an end of the range is missing."""
    first, last = sizes.between
    if first not in columns or last not in columns:
        return ()
    inside = columns[columns.index(first) + 1 : columns.index(last)]
    return tuple(name for name in inside if name not in sizes.except_ and name != sizes.total)


def _day(bound: int | date | None, today: date) -> date | None:
    return today + timedelta(days=bound) if isinstance(bound, int) else bound
