"""What publishing would change: how many orders would be staged again, by customer, told before anybody publishes.

The rows and what is known of them come through a port, since snapshots stand above this app. Reads only; opens no
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from monday.core.structure import BoardStructure

from .core.document import BoardDocument, CustomerDocument
from .core.family import Family
from .core.order import Invalid, Rendered
from .core.render import Renderer
from .published import load_family, published_customers

Row = tuple[Any, ...]
STEP = 500  # rows between two words of progress


class Judge(Protocol):
    """Whoever knows what the board accepted and what is staged: says whether this order would be staged."""

    def __call__(self, record: str, customer: str, rendered: Rendered) -> bool: ...


@dataclass(slots=True)
class CustomerImpact:
    """What would become of one customer's rows; read = staged + unchanged + invalid."""

    read: int = 0
    staged: int = 0
    unchanged: int = 0
    invalid: int = 0


@dataclass(slots=True)
class Impact:
    """What a change of documents would do. `held` are rows whose customer nobody would know any more, by spelling."""

    customers: dict[str, CustomerImpact] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)

    @property
    def staged(self) -> int:
        """Orders that would be staged again."""
        return sum(each.staged for each in self.customers.values())

    @property
    def invalid(self) -> int:
        """Rows that would be refused."""
        return sum(each.invalid for each in self.customers.values())

    def sentence(self) -> str:
        """The impact in one or two sentences, the customers with most orders first."""
        parts = sorted(self.customers.items(), key=lambda item: (-item[1].staged, item[0]))
        named = ", ".join(f"{name} {each.staged:,}" for name, each in parts if each.staged)
        orders = "1 order" if self.staged == 1 else f"{self.staged:,} orders"
        text = f"{orders} would be staged again{': ' if named else ''}{named}."
        if self.invalid:
            text += f" {self.invalid:,} would be invalid."
        if self.held:
            text += f" {sum(self.held.values()):,} would be held, since no document would claim their customer's name."
        return text


def families(document: BoardDocument | CustomerDocument, board_name: str | None = None) -> tuple[Family, Family]:
    """What is published, and how it would stand with this document in its place. Raises NoMapping.

    `board_name` names the board where there are several; a board's document stands for its own board.
    """
    board = document.board.id if isinstance(document, BoardDocument) else board_name
    before = load_family(board).family
    customers = {each.customer: each for each in published_customers()}
    if isinstance(document, BoardDocument):
        return before, Family(document, list(customers.values()))
    return before, Family(before.board, list({**customers, document.customer: document}.values()))


def touched(before: Family, after: Family, spellings: Iterable[str | None]) -> list[str | None]:
    """Those spellings of customers' names in the source whose rows a run would judge again after the change.

    A spelling counts where it belongs to somebody else, where its customer's rows may render differently, and always
    where the board's document looks at other rows.
    """
    if before.board.source != after.board.source:
        return list(spellings)
    return [spelling for spelling in spellings if _key(before, spelling) != _key(after, spelling)]


def _key(family: Family, spelling: str | None) -> str:
    """What decides about the rows of a spelling; all spellings that nobody claims are judged alike."""
    customer = family.customer_of(spelling)
    return "" if customer is None else family.key(customer)


def measure(
    *,
    after: Family,
    columns: Sequence[str],
    structure: BoardStructure | None,
    rows: Iterable[tuple[str, Row]],
    judge: Judge,
    total: int,
    progress: Callable[[int, int], None],
) -> Impact:
    """Count what the rows would become under the family `after`.

    `rows` are (record, row) with cells in the order of `columns`, narrowed to the spellings that `touched` names;
    `total` is their number where it is known. Memory does not grow with rows. Raises ColumnsMissing where the source
    lacks a column, and whatever `progress` raises to stop.
    """
    found = Impact()
    renderers: dict[str, Renderer] = {}
    at = list(columns).index(after.board.source.customer)
    done = 0
    progress(0, total)
    for record, row in rows:
        spelling = None if row[at] is None else str(row[at])
        customer = after.customer_of(spelling)
        if customer is None:
            name = (spelling or "").strip()
            found.held[name] = found.held.get(name, 0) + 1
        else:
            if customer not in renderers:
                renderers[customer] = after.renderer(customer, columns, structure)
            _count(found.customers.setdefault(customer, CustomerImpact()), record, renderers[customer](row), judge)
        done += 1
        if done % STEP == 0:
            progress(done, total)
    progress(done, total)
    return found


def _count(impact: CustomerImpact, record: str, rendered: Rendered | Invalid, judge: Judge) -> None:
    impact.read += 1
    if isinstance(rendered, Invalid):
        impact.invalid += 1
    elif judge(record, rendered.customer, rendered):
        impact.staged += 1
    else:
        impact.unchanged += 1


def affected(before: Family, after: Family) -> Collection[str]:
    """Customers whose rows may render differently, or that come or go, by canonical name."""
    keys = [{name: family.key(name) for name in family.customers} for family in (before, after)]
    return sorted({name for name, _ in keys[0].items() ^ keys[1].items()})
