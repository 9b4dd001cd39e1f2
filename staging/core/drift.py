"""Drift: what of an item differs from the order that was accepted for it. A function of its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mapping.core.order import Order

from .changeset import LINK, SIZE, empty, same
from .ports import LiveItem
from .pushplan import lines_beside, live_value


@dataclass(frozen=True, slots=True)
class Drift:
    """One field that shows something else than was last written; `field` as in `changeset`."""

    field: str
    written: Any
    live: Any


def drift(accepted: Order, link_key: str, live: LiveItem, line_ids: Mapping[str, str]) -> list[Drift]:
    """Every field of an accepted order that the item does not show; fields of people's own are not looked at."""
    found = []
    fields = dict(_fields(accepted, link_key, line_ids))
    beside = dict.fromkeys(lines_beside(accepted, link_key, live))  # sizes with our key that no order has
    for name, written in {**fields, **beside}.items():
        shown = live_value(live, link_key, name, line_ids)
        if not same(shown, written) and not (empty(shown) and empty(written)):
            found.append(Drift(name, written, shown))
    return found


def _fields(accepted: Order, link_key: str, line_ids: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    yield "name", accepted.name
    yield "group", accepted.group
    # An adopted item that does not carry its key yet says so in its order.
    yield LINK, accepted.cells.get(LINK, link_key)
    yield from ((column, value) for column, value in accepted.cells.items() if column != LINK)
    for size in dict.fromkeys([*accepted.sizes, *line_ids]):
        yield SIZE + size, accepted.sizes.get(size)
