"""Demo orders: the same rows for the same number and seed, with the oddities that real order tables have.

`rows` makes them, `load` puts them behind the `orders` connection and remembers what it made, so that running it again
leaves the table alone. `staging.source.demo_changes` changes some of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from . import order_table
from .demo_columns import IDENTITY, TABLE, TOTAL
from .demo_values import (
    CUSTOMERS,
    DESTINATIONS,
    DROPS,
    NOTES,
    POSITION,
    REPEATING,
    SEASONS,
    UNKNOWN,
    Product,
    products,
)

MOST_ROWS: Final = 5_000_000
VERSION: Final = 1  # raise it when the same number and seed give other rows

PRODUCTS_EACH: Final = 90
FIRST_DAY: Final = date(2026, 1, 5)

# Row number modulo 1,000 -> what is odd about the row. The rest are ordinary.
ODD: Final[dict[int, str]] = {
    **dict.fromkeys(range(6, 1_000, 60), "price to be confirmed"),
    **dict.fromkeys(range(11, 1_000, 40), "cancelled"),
    **dict.fromkeys(range(17, 1_000, 250), "wrong total"),
    **dict.fromkeys(range(20, 1_000, 330), "no sizes"),
    **dict.fromkeys(range(33, 1_000, 500), "unknown customer"),
    **dict.fromkeys(range(57, 1_000, 400), "no uuid"),
    458: "same as the row before",
    **dict.fromkeys(range(142, 1_000, 500), "uuid of the row before"),
    **dict.fromkeys(range(4, 1_000, 25), "key of the row before"),
}

(
    _CUSTOMER, _ORDER, _RECEIVED, _ALT_PO, _SEASON, _CUSTOMER_SEASON, _DROP, _MONTH, _PO, _NOTES, _UUID, _TOTAL, _SUM,
    _TYPE, _DESTINATION, _WAREHOUSE, _METHOD, _ETA, _EX_FACTORY, _PRICE, _FREIGHT,
) = (
    POSITION[name] for name in (
        "CUSTOMER NAME", "AAG ORDER NUMBER", "ORDER DATE PO RECEIVED", "CUSTOMER ALT PO", "AAG SEASON",
        "CUSTOMER SEASON", "DROP", "MONTH", "PO NUMBER", "NOTES", IDENTITY, TOTAL, "Sum of TOTAL QTY", "ORDER TYPE",
        "DESTINATION", "DESTINATION WAREHOUSE", "PLANNED DELIVERY METHOD", "ETA CUSTOMER WAREHOUSE DATE",
        "EX FACTORY DATE", "CUSTOMER PRICE", "FREIGHT",
    )
)  # fmt: skip
_DAYS: Final = tuple((FIRST_DAY + timedelta(days=day)).isoformat() for day in range(420))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` did: `kept` where it left a table alone, with the reason in `why`."""

    rows: int
    seed: int
    kept: bool
    why: str = ""


def load(connection: BaseDatabaseWrapper, *, rows: int, seed: int, replace: bool) -> Loaded:
    """Make the demo table in one transaction; until it ends, the old table stands.

    Idempotent: a table made with the same number and seed stays as it is, changes by `--mutate` included, and so does a
    table in the embedded source that holds other orders. Raises order_table.NotOurs for such a table on a server, and
    ValueError for an impossible number of rows.
    """
    if not 1 <= rows <= MOST_ROWS:
        raise ValueError(f"--rows must lie between 1 and {MOST_ROWS:,}, not {rows:,}. Remedy: --rows 5000.")
    made = order_table.demo_mark(connection, TABLE)
    if not replace and made == (rows, seed, VERSION):
        return Loaded(rows, seed, kept=True, why="made by the same number and seed")
    if not replace and made is None and order_table.exists(connection, TABLE):
        if connection.vendor != "sqlite":
            raise order_table.NotOurs(TABLE)
        return Loaded(rows, seed, kept=True, why="it holds orders that are not from the demo")
    with order_table.rewriting(connection, TABLE) as table:
        table.insert(demo_rows(rows, seed))
        table.mark_as_demo(rows, seed, VERSION)
    return Loaded(rows, seed, kept=False)


def demo_rows(number: int, seed: int) -> Iterator[tuple[Any, ...]]:
    """`number` rows in the columns' order, texts as a person types them, dates as ISO text."""
    random = Random(seed)  # noqa: S311  demo data, no secret
    catalogue = catalogues(seed)
    before: list[Any] = []
    for position, (row, customer) in zip(range(number), _lines(random, catalogue), strict=False):
        if position and customer in REPEATING and row[_CUSTOMER] == before[_CUSTOMER] and position % 4:
            _repeat(row, before)
        odd = ODD.get(position % 1_000)
        if odd:
            _make_odd(random, row, odd, before)
        yield tuple(row)
        before = row


def catalogues(seed: int) -> dict[str, list[Product]]:
    """Every customer's products; the same for the same seed."""
    random = Random(f"products {seed}")  # noqa: S311
    return {customer: products(random, customer, PRODUCTS_EACH) for customer in CUSTOMERS}


def new_line(random: Random, product: Product, *, order: str, customer: str) -> list[Any]:
    """One ordinary row: a product in its sizes on an order of its own."""
    row = list(product.row)
    _fill_order(random, row, order, customer)
    _fill_line(random, row, product)
    return row


def _lines(random: Random, catalogue: dict[str, list[Product]]) -> Iterator[tuple[list[Any], str]]:
    """Endless rows, order by order; an order has up to six lines of neighbouring products."""
    names, shares = list(CUSTOMERS), list(CUSTOMERS.values())
    order = 100_000
    while True:
        order += 1
        customer = random.choices(names, shares)[0]
        offered = catalogue[customer]
        head: list[Any] = [None] * len(POSITION)
        _fill_order(random, head, f"AAG{order}", customer)
        first = random.randrange(len(offered))
        for line in range(random.randint(1, 6)):
            product = offered[(first + line) % len(offered)]
            row = list(product.row)
            for position in _HEAD:
                row[position] = head[position]
            _fill_line(random, row, product)
            yield row, customer


_HEAD: Final = (
    _CUSTOMER, _ORDER, _RECEIVED, _ALT_PO, _SEASON, _CUSTOMER_SEASON, _DROP, _MONTH, _PO, _TYPE,
    _DESTINATION, _WAREHOUSE, _METHOD, _ETA, _EX_FACTORY,
)  # fmt: skip


def _fill_order(random: Random, row: list[Any], order: str, customer: str) -> None:
    day = random.randrange(330)
    season = random.choice(SEASONS)
    row[_CUSTOMER], row[_ORDER] = customer, order
    row[_PO] = f"{random.choice(('PO', '45', 'B|'))}{random.randrange(10_000_000):07d}"
    row[_ALT_PO] = f"ALT-{order[-4:]}" if day % 3 == 0 else None
    row[_SEASON], row[_CUSTOMER_SEASON] = season, season if day % 4 else random.choice(("", None))
    row[_DROP] = random.choice(DROPS)
    row[_RECEIVED], row[_EX_FACTORY], row[_ETA] = _DAYS[day], _DAYS[day + 60], _DAYS[day + 88]
    row[_MONTH] = _DAYS[day + 60][:7]
    row[_DESTINATION], row[_WAREHOUSE], row[_METHOD] = random.choice(DESTINATIONS)
    row[_TYPE] = "ACTIVE"


def _fill_line(random: Random, row: list[Any], product: Product) -> None:
    bits = f"{random.getrandbits(128):032X}"
    row[_UUID] = f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-A{bits[17:20]}-{bits[20:]}"
    first = random.randrange(3)
    quantity = random.randrange(5, 120)
    total = 0
    for position in product.sizes[first:]:
        row[position] = quantity
        total += quantity
        quantity = quantity * 2 % 113 + 1
    row[_TOTAL] = row[_SUM] = total
    if quantity % 16 == 0:
        row[_NOTES] = random.choice(NOTES)


def _repeat(row: list[Any], before: list[Any]) -> None:
    """Another delivery of the row before: the same key, sizes and price, a record and a date of its own."""
    own = row[_UUID], row[_ETA]
    row[:] = before
    row[_UUID], row[_ETA] = own


def _make_odd(random: Random, row: list[Any], odd: str, before: list[Any]) -> None:
    if odd == "price to be confirmed":
        row[_PRICE], row[_FREIGHT] = "TBC", "tbc - ask forwarder"
    elif odd == "cancelled":
        row[_TYPE] = "CANCELLED"
    elif odd == "wrong total":
        row[_TOTAL] += 7
    elif odd == "no sizes":
        for position in _SIZES:
            row[position] = None
        row[_TOTAL] = row[_SUM] = 0
    elif odd == "unknown customer":
        row[_CUSTOMER] = random.choice(UNKNOWN)
    elif odd == "no uuid":
        row[_UUID] = None
    elif odd == "same as the row before":
        row[:] = before
    elif odd == "uuid of the row before":
        row[_UUID] = before[_UUID]
    elif odd == "key of the row before":
        _repeat(row, before)


_SIZES: Final = tuple(range(POSITION["XXXS"], _TOTAL))
