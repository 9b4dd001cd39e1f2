"""One source cell -> one canonical board value, by a table per column that fills itself as values come by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monday.core.columns import KINDS, Value

from .conversions import Conversion, Unreadable, conversion_for, integer, text
from .order import CellProblem
from .rules import ColumnRules
from .texts import fold, raw_text

REMEMBERED = 8192  # values per column; beyond it a value is converted each time
LONGEST_REMEMBERED = 80  # characters
MAX_QUANTITY = 10**12  # more is no quantity, and would not fit into 64 bits once summed


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell that gives no value: left alone on the board without a word, left with a note, or forbidding the order."""

    problem: CellProblem | None = None
    forbids: bool = False


KEEP = Fault()
Cell = Value | Fault


class Table(dict[Any, Cell]):
    """Finished cells by raw value, asked as `table[value]`; a value that comes by for the first time is made.

    Only texts are remembered, since 1, 1.0 and True are one key to a dict.
    """

    __slots__ = ("make",)

    def __init__(self, make: Callable[[str], Cell]) -> None:
        super().__init__()
        self.make = make
        self[None] = make("")

    def __missing__(self, value: Any) -> Cell:
        cell = self.make(raw_text(value))
        if type(value) is str and len(value) <= LONGEST_REMEMBERED and len(self) < REMEMBERED:
            self[value] = cell
        return cell


def cell_table(rules: ColumnRules, kind: str) -> Table:
    """The table from raw source values to cells of the board's column, whose kind is given."""
    convert = conversion_for(kind, rules.as_)
    if convert is None:
        reason = f"cannot be shown: {rules.to} is of the kind {kind}, which takes no {rules.as_ or 'value'}"
        convert = _refusing(reason)
    owner = "source" if conversion_for(kind, rules.as_) else "mapping"
    limited = _within(convert, KINDS[kind].max_length if kind in KINDS else None)
    translate = _translation(rules)

    def make(raw: str) -> Cell:
        try:
            value = limited(translate(raw))
        except _NoEntry:
            return Fault(
                CellProblem(rules.source, raw[:200], "stands not among the mapping's values", "mapping"),
                rules.otherwise == "reject",
            )
        except Unreadable as reason:
            return Fault(CellProblem(rules.source, raw[:200], str(reason), owner), rules.unreadable == "reject")
        return _empty(rules, raw) if value is None else value

    return Table(make)


class _NoEntry(Exception):
    """A filled cell that `values` does not list, where `otherwise` does not let it pass."""


def _empty(rules: ColumnRules, raw: str) -> Cell:
    if rules.empty == "reject":
        return Fault(CellProblem(rules.source, raw[:200], "is empty, and the mapping requires it"), forbids=True)
    return KEEP if rules.empty == "keep" else None


def _translation(rules: ColumnRules) -> Callable[[str], str]:
    """The cell's text by way of `values`; texts that it does not list pass or raise _NoEntry."""
    if not rules.values:
        return lambda raw: raw
    table = {fold(source): target for source, target in rules.values.items()}
    passes = rules.otherwise == "pass"

    def translate(raw: str) -> str:
        folded = fold(raw)
        if folded in table:
            return table[folded]
        if passes or not folded:
            return raw
        raise _NoEntry

    return translate


def _within(convert: Conversion, most: int | None) -> Conversion:
    """The conversion with the column's limit: a longer text is unreadable, never cut."""
    if most is None:
        return convert

    def limited(raw: str) -> Value:
        value = convert(raw)
        if isinstance(value, str) and len(value) > most:
            raise Unreadable(f"has {len(value)} characters, and the board takes at most {most}")
        return value

    return limited


def _refusing(reason: str) -> Conversion:
    def refuse(raw: str) -> Value:
        if text(raw) is None:
            return None
        raise Unreadable(reason)

    return refuse


def whole_number(value: Any) -> int | None:
    """The quantity in a cell, 0 where it is empty; None where the cell holds no whole number."""
    if value is None:
        return 0
    if type(value) is not int:
        if isinstance(value, bool):
            return None
        try:
            found = integer(raw_text(value))
        except Unreadable:
            return None
        value = int(found) if isinstance(found, str) else 0
    return value if abs(value) <= MAX_QUANTITY else None
