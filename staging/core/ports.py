"""What the use cases need from the world: a source to read, a destination to write, a clock.

Adapters implement these; `staging.wiring` is the only module that chooses one. Use cases and tests depend on this
module alone, so every test double is held to the same contract as the real thing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from mapping.core.order import LineShape
from monday.core.columns import Value
from monday.core.operations import Outcome
from monday.core.structure import BoardStructure

Row = tuple[Any, ...]


class SourceRefused(Exception):
    """The source cannot be read as it should be; the message is one sentence for a person, with the remedy.

    `guard` is true where the source answered but is not what it must be (a missing column, an empty table):
    the command ends with exit code 5. Otherwise it failed (unreachable, broken off): exit code 1.
    """

    def __init__(self, message: str, *, guard: bool = False) -> None:
        super().__init__(message)
        self.guard = guard


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of the source; `type` is text, int, decimal, float, date, datetime, bool, uuid or binary."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One narrowing of the source, run inside the database: `column` is one of `values`, or lies in a window of dates.

    `after` and `before` are inclusive; a NULL never satisfies a condition.
    """

    column: str
    values: tuple[str, ...] = ()
    after: date | None = None
    before: date | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a run looks at. `customers` are raw names as the source spells them; None means all."""

    customers: tuple[str, ...] | None = None
    po_number: str | None = None
    include: tuple[Condition, ...] = ()

    @property
    def partial(self) -> bool:
        """True where rows outside this scope exist that belong to the board: nothing may be concluded from absence."""
        return self.customers is not None or self.po_number is not None


class OrderSource(Protocol):
    """A table of orders. Rows come as tuples in the order of `columns`.

    No method holds a write transaction, and every method may raise `SourceRefused`. Identities are the source's own
    spelling of a record's UUID; `staging.core.identity` makes them canonical.
    """

    columns: tuple[SourceColumn, ...]
    scheme: str
    """Names vendor, version and tracked columns of the source fingerprint: two schemes cannot be compared."""

    def count(self, scope: Scope) -> int:
        """Rows in scope."""

    def customers(self) -> list[tuple[str | None, int]]:
        """Every spelling of a customer's name with its number of rows."""

    def fingerprints(self, scope: Scope) -> Iterator[tuple[str | None, str]]:
        """Identity and source fingerprint (64 hex digits) of every row in scope, in no particular order.

        Computed inside the database; memory does not grow with rows."""

    def fingerprint_pages(self, scope: Scope) -> Iterator[Sequence[tuple[str | None, str]]]:
        """The same in pages, for many rows: each row once, as they all stood at one moment. Exhaust or close it."""

    def rows(self, identities: Sequence[str], scope: Scope) -> Iterator[tuple[str, str, Row]]:
        """Identity, source fingerprint and full row of these records (any number; read in pages)."""

    def fingerprints_of(self, identities: Sequence[str], scope: Scope) -> Iterator[tuple[str, str]]:
        """Identity and source fingerprint of these records as they stand now (any number; read in pages)."""

    def rows_without_identity(self, scope: Scope) -> Iterator[tuple[str, Row]]:
        """Source fingerprint and full row of the rows whose UUID is missing."""

    def search(self, columns: Sequence[str], text: str, most: int) -> list[tuple[str | None, str, Row]]:
        """Identity, source fingerprint and full row of at most `most` rows in which one of these columns begins with
        the text, blanks around it and case aside; in no particular order. Columns that there are not find nothing."""

    def repeated_keys(
        self, keys: Collection[tuple[str, ...]], scope: Scope
    ) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
        """By each of these keys, which are names of columns: the business keys (trimmed texts, missing as "") on more
        than one row in scope, whose first value stands on a row without identity."""

    def with_keys(
        self, columns: tuple[str, ...], keys: Collection[tuple[str, ...]], scope: Scope
    ) -> Iterator[tuple[str | None, tuple[str, ...]]]:
        """Identity (None where missing) and business key of every row in scope whose values in these columns, trimmed
        texts with missing ones as "", are one of these keys (any number; read in pages)."""


@dataclass(frozen=True, slots=True)
class LiveLine:
    """A subitem as it stands: its size key (`link key/size`, "" where the column is empty), size and quantity."""

    id: str
    name: str
    key: str
    size: str
    quantity: str | None
    touched: bool = False
    """True where a cell that people or other systems own is filled, or somebody wrote below it."""
    people: Mapping[str, Value] = field(default_factory=dict)
    """Those cells by their columns' titles."""


@dataclass(frozen=True, slots=True)
class LiveItem:
    """An item as it stands on the board. `values` hold the mapped columns in canonical form.

    `people` holds the filled cells that we do not map, by their columns' titles, and the updates that were written
    below it, where they were asked for; of an item that is not active also those of its subitems.
    """

    id: str
    link_key: str
    state: str
    on_board: bool
    name: str
    group_id: str
    group: str
    values: Mapping[str, Value] = field(default_factory=dict)
    lines: tuple[LiveLine, ...] = ()
    people: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intent:
    """One write that was decided and committed as receipt `receipt` before it leaves.

    `kind` is create_item, change_item, move_item, archive_item, create_line, change_line, mark_line or archive_line.
    `parent` is the item's id for lines; `values` are canonical; `group` is a group's title.
    """

    receipt: int
    kind: str
    item_id: str = ""
    parent: str = ""
    name: str = ""
    group: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)


class Journal(Protocol):
    """Where a destination writes down what leaves and what comes back. Each call commits before it returns."""

    def sending(self, receipts: Sequence[int], key: str) -> None:
        """These receipts leave now in one request with this idempotency key. Raises to stop the request."""

    def answered(self, outcomes: Mapping[int, Outcome]) -> None:
        """What became of receipts that were sent."""


class Destination(Protocol):
    """A board. Every method may raise `monday.client.Unavailable` (nothing was written, later may be better)."""

    def structure(self, *, fresh: bool = False) -> BoardStructure:
        """Columns, labels, groups and limits; read again from the board where `fresh`."""

    def find(self, link_keys: Sequence[str]) -> dict[str, list[LiveItem]]:
        """Active items by link key, many keys a call; absent keys are absent from the answer."""

    def read(self, item_ids: Sequence[str], *, people: bool = False) -> dict[str, LiveItem]:
        """Items by id with their lines, archived and deleted ones included; unknown ids are absent.

        With `people` also the cells that we do not map and what people wrote below items and lines, which makes the
        answer wider.
        """

    def edits(self, ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """By item or line: the columns whose last change was by others than us, as the board itself tells; items of
        which it does not tell all since we made them are absent. Asked for rarely: it costs a call for few items."""

    def everything(self) -> Iterator[LiveItem]:
        """Every active item of the board with its lines, each once, page by page."""

    def ensure_groups(self, titles: Sequence[str]) -> dict[str, str]:
        """Group id for each title; a missing group is created once, after a look-up."""

    def ensure_labels(self, labels: Mapping[str, Sequence[str]]) -> None:
        """Make these labels exist, by column id (columns of the subitems board included)."""

    def write(self, intents: Sequence[Intent], journal: Journal) -> dict[int, Outcome]:
        """Send the intents and say what became of each. Creations and other writes never share a request."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, aware."""

    def sleep(self, seconds: float) -> None:
        """Wait that long."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where orders of one batch go: the mapped columns by id and the shape of the lines."""

    uuid_column: str
    columns: tuple[str, ...]
    lines: LineShape | None
