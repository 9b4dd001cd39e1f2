"""A row as the board should show it, or why it cannot be shown.

Plain values that rendering makes and staging remembers; cell values are the canonical ones of `monday.core.columns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monday.core.columns import Value


@dataclass(frozen=True, slots=True)
class CellProblem:
    """A cell that could not be used as it stands. `owner` says whose job it is: source or mapping."""

    column: str
    value: str
    reason: str
    owner: str = "source"


@dataclass(frozen=True, slots=True)
class Order:
    """One order as the board should show it.

    `cells` maps board column ids to canonical values, None meaning "empty on the board".
    `left` names the board columns that this order must not touch (unreadable cell, or empty with `empty: keep`);
    they are absent from `cells`. `sizes` maps each size to its quantity (> 0), in the table's order.
    """

    name: str
    group: str
    cells: Mapping[str, Value] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row that became an order; `problems` lists the cells that were left out of it.

    `key` is the business key's values, trimmed, in the document's order.
    """

    customer: str
    key: tuple[str, ...]
    order: Order
    problems: tuple[CellProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Invalid:
    """A row that was refused before sending, with every reason at once."""

    customer: str
    key: tuple[str, ...]
    problems: tuple[CellProblem, ...]


@dataclass(frozen=True, slots=True)
class LineShape:
    """How a size becomes a subitem: the template of its name and the subitems board's column ids."""

    name: str
    size_column: str
    quantity_column: str
    key_column: str
