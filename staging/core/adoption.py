"""Which item of a board stands for which record: by the UUID column first, then by the business key.

Everything here is a function of its arguments. Both sides are compared in one form: what the board shows, and what a
row would make it show. A guess is never taken: inside one key, equal orders are paired, then one against one; the rest
is left for a person.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from mapping.core.order import Order
from mapping.core.texts import fold

from .changeset import LINK, empty
from .identity import Unreadable, canonical
from .ports import LiveItem, LiveLine

UUID, KEY = "UUID", "business key"


@dataclass(frozen=True, slots=True)
class Reading:
    """How an item or an order of one mapping is read: the columns of its business key, and all that are mapped.

    `key` is empty where a part of the business key is not shown on the board, so that no item can be known by it.
    """

    key: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """What an item and a record are compared by: the business key ("" for none), the whole order, and its cells."""

    key: str
    whole: str = ""
    cells: str = ""


@dataclass(frozen=True, slots=True)
class OnBoard:
    """An item that is not linked yet. `link` is the UUID that it carries, "" for none; `likes` one for each reading."""

    id: str
    link: str
    likes: tuple[Likeness, ...]


@dataclass(frozen=True, slots=True)
class InSource:
    """A record that is not linked yet; `reading` is the place of its customer's reading in an item's `likes`."""

    record: str
    reading: int
    like: Likeness


@dataclass(frozen=True, slots=True)
class Pair:
    """An item and its record; `by` says what linked them."""

    item: str
    record: str
    by: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """Items and records that may belong together, side by side, and why nobody can say how."""

    items: tuple[str, ...]
    records: tuple[str, ...]
    why: str


@dataclass(slots=True)
class Matching:
    """The outcome: each item and each record stands in exactly one of these."""

    pairs: list[Pair] = field(default_factory=list)
    unsure: list[Unsure] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)


def match(items: Iterable[OnBoard], records: Iterable[InSource]) -> Matching:
    """Pair items with records; deterministic, whatever the order of both."""
    on_board = sorted(items, key=lambda item: (len(item.id), item.id))
    in_source = {record.record: record for record in sorted(records, key=lambda record: record.record)}
    found = Matching()
    left = _by_uuid(on_board, in_source, found)
    left = _by_key(left, in_source, found)
    found.orphans = [item.id for item in left]
    found.unmatched = list(in_source)
    return found


def _by_uuid(items: Sequence[OnBoard], records: dict[str, InSource], found: Matching) -> list[OnBoard]:
    """Pair by the UUID that an item carries; takes the records out and returns the items that are left."""
    by_link: dict[str, list[OnBoard]] = defaultdict(list)
    for item in items:
        if item.link:
            by_link[item.link].append(item)
    settled: set[str] = set()
    for link, same in by_link.items():
        record = records.pop(link, None)
        if len(same) > 1:
            ids = tuple(item.id for item in same)
            why = f"{len(ids)} items carry the UUID {link}. Remedy: archive all but one, or empty the column there."
            found.unsure.append(Unsure(ids, (link,) if record else (), why))
            settled.update(ids)
        elif record is not None:
            found.pairs.append(Pair(same[0].id, link, UUID))
            settled.add(same[0].id)
    return [item for item in items if item.id not in settled]


def _by_key(items: Sequence[OnBoard], records: dict[str, InSource], found: Matching) -> list[OnBoard]:
    """Pair inside each business key; takes the records out and returns the items that are left."""
    by_key: dict[str, list[InSource]] = defaultdict(list)
    for record in records.values():
        if record.like.key:
            by_key[record.like.key].append(record)
    groups: dict[str, list[OnBoard]] = defaultdict(list)
    orphans: list[OnBoard] = []
    for item in items:
        key = next((like.key for like in item.likes if like.key in by_key), None)
        if key is None:
            orphans.append(item)
        else:
            groups[key].append(item)
    for key, members in groups.items():
        orphans += _pair_up(members, by_key[key], records, found)
    return orphans


def _pair_up(
    members: list[OnBoard], candidates: list[InSource], records: dict[str, InSource], found: Matching
) -> list[OnBoard]:
    """First equal orders, then equal cells, then one against one. Returns the items that no record is left for."""
    items, rest = list(members), list(candidates)
    for part in ("whole", "cells"):
        waiting = list(items)
        items = []
        for item in waiting:
            twin = next((one for one in rest if _alike(item.likes[one.reading], one.like, part)), None)
            if twin is None:
                items.append(item)
                continue
            rest.remove(twin)
            del records[twin.record]
            found.pairs.append(Pair(item.id, twin.record, KEY))
    if len(items) == 1 and len(rest) == 1:
        found.pairs.append(Pair(items[0].id, rest[0].record, KEY))
        del records[rest[0].record]
        return []
    if not items or not rest:
        return items
    for one in rest:
        del records[one.record]
    why = (
        f"{_count(len(items), 'item')} and {_count(len(rest), 'record')} share one business key, and it cannot be told "
        "which belongs to which. Remedy: write the record's UUID into the item's UUID column, then adopt again."
    )
    found.unsure.append(Unsure(tuple(item.id for item in items), tuple(one.record for one in rest), why))
    return []


def _alike(item: Likeness, record: Likeness, part: str) -> bool:
    return bool(getattr(item, part)) and getattr(item, part) == getattr(record, part)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# --- the common form ----------------------------------------------------------------------------------------------
def link_of(live: LiveItem) -> str:
    """The UUID that an item carries, "" where its column is empty or holds something else."""
    try:
        return canonical(live.link_key) or ""
    except Unreadable:
        return ""


def likeness_of_item(live: LiveItem, reading: Reading) -> Likeness:
    """An item as the board shows it."""
    key = key_of(live.values, reading)
    return _likeness(live.values, key, reading, live.name, live.group, _sizes(live.lines))


def likeness_of_order(order: Order | None, key: str, reading: Reading) -> Likeness:
    """A record as the board would show it, its key read by `key_of`; of a row that gives no order the key alone."""
    if order is None:
        return Likeness(key)
    return _likeness(order.cells, key, reading, order.name, order.group, dict(order.sizes))


def key_of(cells: Mapping[str, Any], reading: Reading) -> str:
    """32 hex digits that name a business key as the board shows it, "" where it is not shown or wholly empty."""
    parts = [_plain(cells.get(column)) for column in reading.key]
    return _digest([reading.key, parts]) if any(parts) else ""


def _likeness(
    cells: Mapping[str, Any], key: str, reading: Reading, name: str, group: str, sizes: Mapping[str, int] | None
) -> Likeness:
    if not key or sizes is None:
        return Likeness(key)
    filled = {column: _plain(cells.get(column)) for column in reading.columns if not empty(cells.get(column))}
    content = [filled, dict(sizes)]
    return Likeness(key, _digest([content, name, group]), _digest(content))


def _plain(value: Any) -> Any:
    """A cell in the form in which two are compared: texts without regard to case, lists without their order."""
    if empty(value):
        return ""
    if isinstance(value, list):
        return sorted(fold(one) for one in value)
    return fold(value) if isinstance(value, str) else value


def _digest(content: Any) -> str:
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _sizes(lines: Iterable[LiveLine]) -> dict[str, int] | None:
    """Quantity by size, None where that cannot be told: a size twice, or a quantity that is no number of pieces."""
    found: dict[str, int] = {}
    for line in lines:
        size, quantity = size_of(line), whole(line.quantity)
        if quantity is None or size in found:
            return None
        if quantity:
            found[size] = quantity
    return found


def size_of(line: LiveLine) -> str:
    """The size that a subitem stands for: what its size column says, else its name."""
    return line.size or line.name.strip()


def whole(quantity: str | None) -> int | None:
    """A quantity as a number of pieces, an empty one as 0; None where it is something else."""
    text = (quantity or "0").strip()
    return int(text) if text.isascii() and text.isdigit() else None


# --- an item as the last seen order -------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Lines:
    """The subitems of an item that stand for sizes: ids and quantities by size; `own` are people's own, never touched.

    `unmarked` is true where one of ours does not carry its key yet. `why` says why nobody can tell them apart.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    quantities: Mapping[str, int] = field(default_factory=dict)
    own: int = 0
    unmarked: bool = False
    why: str = ""


def lines_of(live: LiveItem, link_key: str, sizes: Iterable[str]) -> Lines:
    """The subitems that are the record's sizes: by their key, or where none carries one by the size's name.

    Of an item that has a subitem with its key, those without are people's own: a planner's XL is never taken over.
    A size that stands on two subitems makes the item unclear.
    """
    keyed = [(line.key.removeprefix(f"{link_key}/"), line) for line in live.lines if _is_keyed(line, link_key)]
    chosen = keyed
    if not keyed:
        names = {fold(size): size for size in sizes}
        free = [line for line in live.lines if not line.key]
        chosen = [(names[fold(size_of(line))], line) for line in free if fold(size_of(line)) in names]
    ids: dict[str, str] = {}
    quantities: dict[str, int] = {}
    for size, line in chosen:
        if size in ids:
            remedy = "archive one of them, then adopt again"
            return Lines(why=f"Two subitems of the item stand for the size {size}. Remedy: {remedy}.")
        ids[size] = line.id
        if number := whole(line.quantity):
            quantities[size] = number
    return Lines(ids, quantities, len(live.lines) - len(ids), unmarked=bool(ids) and not keyed)


def _is_keyed(line: LiveLine, link_key: str) -> bool:
    return line.key.lower().startswith(f"{link_key}/")


def last_seen(live: LiveItem, columns: Iterable[str], lines: Lines, *, marked: bool) -> Order:
    """The order that the board shows now: it counts as what was last written.

    Where the item does not carry its link key yet, the order says so, and the first change writes it.
    """
    cells: dict[str, Any] = {
        column: None if empty(live.values.get(column)) else live.values[column] for column in columns
    }
    if not marked:
        cells[LINK] = None
    return Order(name=live.name, group=live.group, cells=cells, sizes=lines.quantities)
