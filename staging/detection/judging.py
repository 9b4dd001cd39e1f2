"""A row by itself: whose it is, what its order is, or why it cannot be used; one judgement for syncs and previews."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mapping.core.family import ColumnsMissing, Family, KeyReader
from mapping.core.order import CellProblem, Invalid, Rendered
from mapping.core.texts import key_text
from monday.core.structure import BoardStructure
from staging.core.ports import Row
from staging.models.snapshot import Verdict


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that cannot be used: `customer` is its canonical name, or where nobody claims it what the row says; `words`
    is what it is found by beside its key."""

    verdict: Verdict
    customer: str
    key: tuple[str, ...]
    problems: tuple[CellProblem, ...]
    words: tuple[str, ...] = ()


class RowJudge:
    """Judges rows whose cells stand in the order of `columns`; not to be shared between threads.

    Its methods raise ColumnsMissing where the source lacks a column that a customer's mapping needs.
    """

    def __init__(self, family: Family, columns: Sequence[str], structure: BoardStructure | None) -> None:
        self._family, self._structure = family, structure
        self.columns = list(columns)
        self.customer_at = self.columns.index(family.board.source.customer)
        po_number = family.board.source.po_number
        self._po_at = self.columns.index(po_number) if po_number in self.columns else None
        self._keys: dict[str | None, KeyReader] = {}
        self._renderers: dict[str, Callable[[Row], Rendered | Invalid]] = {}

    def judge(self, row: Row) -> Rendered | Unusable:
        """The order that a row becomes, or every reason why there is none."""
        customer = self.customer_of(row)
        if customer is None:
            return self._unclaimed(row)
        rendered = self.render(row, customer)
        if isinstance(rendered, Invalid):
            return Unusable(Verdict.INVALID, customer, rendered.key, rendered.problems, (self.po_of(row),))
        return rendered

    def customer_of(self, row: Row) -> str | None:
        """The customer that a row belongs to, None where no document claims its name."""
        raw = row[self.customer_at]
        return self._family.customer_of(None if raw is None else str(raw))

    def render(self, row: Row, customer: str) -> Rendered | Invalid:
        """The row as its customer's mapping renders it; each renderer is compiled once."""
        if customer not in self._renderers:
            self._renderers[customer] = self._family.renderer(customer, self.columns, self._structure)
        return self._renderers[customer](row)

    def key_of(self, row: Row) -> tuple[str, ...]:
        """The business key of a row, by its customer's document."""
        customer = self.customer_of(row)
        if customer not in self._keys:
            self._keys[customer] = self._family.business_key(customer, self.columns)
        return self._keys[customer](row)

    def po_of(self, row: Row) -> str:
        """The PO number of a row, "" where there is none."""
        return "" if self._po_at is None else key_text(row[self._po_at])

    def key_definition(self, row: Row) -> tuple[str, ...]:
        """The columns of that key."""
        customer = self.customer_of(row)
        return tuple((self._family.mapping(customer) if customer else self._family.default).source.business_key)

    def _unclaimed(self, row: Row) -> Unusable:
        """A row whose customer nobody knows is held for a person, not guessed."""
        raw = row[self.customer_at]
        name = "" if raw is None else str(raw)
        reason = f"No customer document claims the name {name!r}." if name.strip() else "The row names no customer."
        problem = CellProblem(self.columns[self.customer_at], name, reason, owner="mapping")
        key: tuple[str, ...] = ()
        with suppress(ColumnsMissing):  # by the board's own definition, whose columns no customer may need
            key = self.key_of(row)
        return Unusable(Verdict.UNKNOWN_CUSTOMER, name, key, (problem,), (name, self.po_of(row)))
