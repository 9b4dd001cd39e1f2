"""Accepted against current: which records moved, and what of an order differs.

Everything here is a function of its arguments. `differences` is the one comparison of two orders; the preview, the
push plan, the audit and the undo all show what it finds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mapping.core.order import Order

SIZE = "size:"
LINK = "link key"
"""The link key as a field, of items that stood on the board before us: None until a receipt says that it is written.

No column has an id with a blank. An order that does not name it belongs to an item that carries its key."""

MARK = "key:"
"""A subitem's key as a field: `key:` and the size. It is written with the link key, and is no part of an order."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs. `field` is `name`, `group`, a board column's id, or `size:` and the size.

    `known` is false where we never wrote the field, so that what stands on the board is not known to be ours.
    """

    field: str
    before: Any
    after: Any
    known: bool = True


def differences(before: Order | None, after: Order) -> tuple[Change, ...]:
    """What must be written so that a board showing `before` shows `after`; None means there is no item yet.

    Fields that `after` leaves alone, and fields that it does not map any more, are not differences.
    """
    old = before or Order(name="", group="")
    known = before is not None
    changes = [
        Change(field, was, now, known)
        for field, was, now in (("name", old.name, after.name), ("group", old.group, after.group))
        if was != now
    ]
    for column, value in after.cells.items():
        if column not in old.cells:
            if value is not None:
                changes.append(Change(column, None, value, known=False))
        elif not same(old.cells[column], value):
            changes.append(Change(column, old.cells[column], value))
    return (*changes, *size_differences(before.sizes if before else None, after.sizes))


def size_differences(before: Mapping[str, int] | None, after: Mapping[str, int]) -> tuple[Change, ...]:
    """The same for the sizes alone."""
    known, old = before is not None, before or {}
    gone = [size for size in old if size not in after]
    pairs = [(size, old.get(size), after.get(size)) for size in (*after, *gone)]
    return tuple([Change(SIZE + size, was, now, known) for size, was, now in pairs if was != now])


def empty(value: Any) -> bool:
    """Whether a canonical value is an empty cell; a box without its tick and a zero are none."""
    return value is None or value in ("", [], {})


def same(one: Any, other: Any) -> bool:
    """Whether two canonical values show the same on a board; the order of labels in a list does not matter."""
    if isinstance(one, list) and isinstance(other, list):
        return Counter(map(str, one)) == Counter(map(str, other))
    return bool(one == other)


def settled(accepted: Order | None, rendered: Order, withheld: Mapping[str, Any]) -> Order:
    """The order that can be reached: `rendered`, with what it leaves alone and what is withheld taken from `accepted`.

    `withheld` holds, per field, the value that was undone or that the board keeps; once the source asks for another
    value there, the field is free again.
    """
    if accepted is None:
        return replace(rendered, left=()) if rendered.left else rendered
    cells = dict(rendered.cells)
    for column in rendered.left:
        if column in accepted.cells:
            cells[column] = accepted.cells[column]
    order = replace(rendered, cells=cells, left=())
    for field, value in withheld.items():
        if same(field_value(rendered, field), value):
            order = with_field(order, field, field_value(accepted, field), present=has_field(accepted, field))
    return order


def has_field(order: Order, field: str) -> bool:
    """Whether the order says anything about this field."""
    if field in ("name", "group"):
        return True
    return field[len(SIZE) :] in order.sizes if field.startswith(SIZE) else field in order.cells


def field_value(order: Order, field: str) -> Any:
    """The order's value of one field, None where it has none."""
    if field == "name":
        return order.name
    if field == "group":
        return order.group
    return order.sizes.get(field[len(SIZE) :]) if field.startswith(SIZE) else order.cells.get(field)


def with_field(order: Order, field: str, value: Any, *, present: bool = True) -> Order:
    """The order with one field set, or without it where it is not `present`; a size of None is no size."""
    if field == "name":
        return replace(order, name=value)
    if field == "group":
        return replace(order, group=value)
    if field.startswith(SIZE):
        sizes = {size: quantity for size, quantity in order.sizes.items() if size != field[len(SIZE) :]}
        if present and value is not None:
            sizes[field[len(SIZE) :]] = value
        return replace(order, sizes=sizes)
    cells = {column: cell for column, cell in order.cells.items() if column != field}
    if present:
        cells[field] = value
    return replace(order, cells=cells)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that appeared or vanished, as far as matching needs it."""

    record: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """New UUIDs matched to vanished ones (new -> old), and the new ones whose match is ambiguous."""

    pairs: Mapping[str, str]
    ambiguous: frozenset[str]
    kept: frozenset[str]
    """Vanished records that an ambiguous new one may be: they are not removed."""
    supposed: frozenset[str] = frozenset()
    """Of the new UUIDs that are matched: those whose order differs, so that their business key alone speaks for it."""


def match_rekeyed(appeared: Iterable[Candidate], vanished: Iterable[Candidate]) -> Rekeyed:
    """Match new UUIDs to vanished ones inside their business keys: first by equal order, the rest only one against one.

    Who has several keys is one against one only where that is so in all of them.
    """
    groups = list(_of_one_key(appeared, vanished))
    pairs = _match_equal(groups)
    taken = {*pairs, *pairs.values()}
    alone: set[tuple[str, str]] = set()
    ambiguous: set[str] = set()
    kept: set[str] = set()
    for group in groups:
        news, olds = ({c.record for c in side if c.record not in taken} for side in group)
        if len(news) == len(olds) == 1:
            alone.add((news.pop(), olds.pop()))
        elif news and olds:
            ambiguous |= news
            kept |= olds
    times = Counter(record for pair in alone for record in pair)
    for new, old in sorted(alone):
        if times[new] > 1 or times[old] > 1 or new in ambiguous or old in kept:
            ambiguous.add(new)
            kept.add(old)
    supposed = {new: old for new, old in alone if new not in ambiguous}
    return Rekeyed(pairs | supposed, frozenset(ambiguous), frozenset(kept), frozenset(supposed))


def match_equal(appeared: Iterable[Candidate], vanished: Iterable[Candidate]) -> Rekeyed:
    """Match only those of one business key whose orders are equal."""
    return Rekeyed(_match_equal(_of_one_key(appeared, vanished)), frozenset(), frozenset())


def undisputed(
    pairs: Mapping[str, str], appeared: Sequence[Candidate], vanished: Sequence[Candidate]
) -> dict[str, str]:
    """Of these pairs, new -> old, those in which no new record that is in none has a key of the old one, and no old
    that is in none a key of the new one. Whoever falls out of a pair disputes others."""
    left = dict(pairs)
    news, olds = _keys(appeared), _keys(vanished)
    by_new, by_old = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for new, old in left.items():
        for key in news[new]:
            by_new[key].append(new)
        for key in olds[old]:
            by_old[key].append(new)
    paired = set(left.values())
    rivals = [(by_old, key) for new in news.keys() - left.keys() for key in news[new]]
    rivals += [(by_new, key) for old in olds.keys() - paired for key in olds[old]]
    while rivals:
        side, key = rivals.pop()
        for new in side.pop(key, ()):
            if (fallen := left.pop(new, None)) is not None:
                rivals += [(by_old, other) for other in news[new]] + [(by_new, other) for other in olds[fallen]]
    return left


def _keys(candidates: Iterable[Candidate]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        found[candidate.record].add(candidate.key)
    return found


def _of_one_key(
    appeared: Iterable[Candidate], vanished: Iterable[Candidate]
) -> Iterator[tuple[list[Candidate], list[Candidate]]]:
    """What appeared and what vanished with the same business key, for each key that stands on both sides."""
    olds: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in vanished:
        olds[candidate.key].append(candidate)
    news: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in appeared:
        if candidate.key in olds:
            news[candidate.key].append(candidate)
    for key, candidates in news.items():
        yield candidates, olds[key]


def _match_equal(groups: Iterable[tuple[list[Candidate], list[Candidate]]]) -> dict[str, str]:
    """New -> old of equal orders of one business key; equal ones are interchangeable."""
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    for news, olds in groups:
        free: dict[str, list[str]] = defaultdict(list)
        for old in sorted(olds, key=lambda c: c.record, reverse=True):
            free[old.fingerprint].append(old.record)
        for new in sorted(news, key=lambda c: c.record):
            # One whose row cannot be used has no fingerprint, and is equal to none.
            twins = free[new.fingerprint] if new.fingerprint and new.record not in pairs else []
            while twins and twins[-1] in taken:
                twins.pop()
            if twins:
                pairs[new.record] = twins.pop()
                taken.add(pairs[new.record])
    return pairs
