"""A staged order as a diff: every field and size old -> new, in texts, with what kept it back.

What differs comes from `core.changeset.differences`, the comparison that the push plan is made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import prefetch_related_objects

from mapping.published import NoMapping, load_pinned
from monday.core.columns import Value
from staging.core.causes import Cause
from staging.core.changeset import LINK, SIZE, differences
from staging.core.fingerprint import order_of
from staging.core.lifecycle import PROBLEMATIC, REASONED
from staging.core.words import sentences
from staging.models import Batch, StagedOrder

from .conflicts import SIDES, in_conflict, undecided

ITEM = {"name": "Name", "group": "Group", LINK: "Link key"}
SIZES = (SIZE, "Any size")
NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field old -> new, as texts; None is an empty cell. `source` is the source column that it is filled from."""

    field: str
    title: str
    before: str | None
    after: str | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class SizeChange:
    """One size with its quantity before and after, None where the size is not there."""

    size: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that somebody changed since we wrote it: what we last wrote, what the source says, what stands there.

    `written` is NOT_KNOWN where nothing says what we wrote.
    `decided` is what a person chose for exactly these values: source, board, or "" where nobody has yet.
    """

    field: str
    title: str
    written: str | None
    wanted: str | None
    live: str | None
    decided: str = ""

    @property
    def ruling(self) -> str:
        """What was chosen, as its button says it; "" where nothing was."""
        return SIDES.get(self.decided, "")


@dataclass(frozen=True, slots=True)
class OrderPicture:
    """One staged order. `problem` is the board's refusal with its remedy, `warnings` the cells that were left out.

    Refusal, conflicts and reason are there while they hold; an applied order has none of an earlier attempt.
    """

    id: int
    record: str
    label: str
    key: str
    operation: str
    state: str
    reason: str
    problem: str
    fields: tuple[FieldChange, ...]
    sizes: tuple[SizeChange, ...]
    conflicts: tuple[FieldConflict, ...]
    warnings: tuple[str, ...]


def orders(
    batch: Batch,
    *,
    after_id: int = 0,
    limit: int = 50,
    states: Iterable[str] | None = None,
    operations: Iterable[str] | None = None,
) -> list[OrderPicture]:
    """One page of a batch's orders with their diffs, by id; the last one's id is the next page's `after_id`.

    `states` and `operations` narrow it, None meaning all.
    """
    found = StagedOrder.objects.filter(batch=batch, pk__gt=after_id)
    if states is not None:
        found = found.filter(state__in=list(states))
    if operations is not None:
        found = found.filter(operation__in=list(operations))
    titles = _Titles(batch)
    return [_order(order, titles) for order in found.order_by("pk")[:limit]]


def orders_of(batch: Batch, ids: Sequence[int]) -> list[OrderPicture]:
    """These orders of a batch (a page of them, as many as a statement takes) with their diffs, by id."""
    titles = _Titles(batch)
    return [_order(order, titles) for order in StagedOrder.objects.filter(batch=batch, pk__in=ids).order_by("pk")]


def fields_of(batch: Batch) -> list[tuple[str, str]]:
    """Every field that an order of this batch can change, with what people call it, by title."""
    titles = _Titles(batch)
    names = [*titles.mapped(), "group", "name"]
    return [*sorted(((name, titles.title(name)) for name in names), key=lambda pair: pair[1].casefold()), SIZES]


def shown(value: Value | int) -> str | None:
    """A canonical value as a person reads it, None where it is empty."""
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        words = [str(part) for part in value.values() if part]
        return " - ".join(dict.fromkeys(words)) or None
    return str(value)


class _Titles:
    """What people call a field: the board's title, else the source column that fills it, else its id."""

    def __init__(self, batch: Batch) -> None:
        structure = batch.board.known_structure()
        self._board = {column.id: column.title for column in structure.columns.values()} if structure else {}
        self._source = _sources(batch)

    def title(self, field: str) -> str:
        return ITEM.get(field) or self._board.get(field) or self._source.get(field) or field

    def source(self, field: str) -> str:
        return self._source.get(field, "")

    def mapped(self) -> list[str]:
        return list(self._source)


def _sources(batch: Batch) -> dict[str, str]:
    """Source column by board column, under the mapping that the batch has pinned."""
    name = batch.customer.name
    versions = {name: batch.customer_version_id} if batch.customer_version_id else {}
    try:
        family = load_pinned(batch.board_version_id, versions).family
    except NoMapping:
        return {}
    mapping = family.mapping(name) if name in family.customers else family.default
    return {rules.to: rules.source for rules in mapping.columns}


def _order(order: StagedOrder, titles: _Titles) -> OrderPicture:
    fields, sizes = _changes(order, titles)
    problem = (order.problem or {}) if order.state in PROBLEMATIC else {}
    return OrderPicture(
        id=order.pk,
        record=order.record,
        label=order.label,
        key=order.key,
        operation=order.operation,
        state=order.state,
        reason=reason_of(order),
        problem=sentences(problem.get("message"), problem.get("remedy")),
        fields=fields,
        sizes=sizes,
        conflicts=tuple(_conflict(conflict, titles, order) for conflict in problem.get("conflicts") or ()),
        warnings=tuple(_warning(cell) for cell in order.warnings),
    )


def reason_of(order: StagedOrder) -> str:
    """Why an order stands as it does; "" where its reason is that of an earlier state."""
    return str(order.reason) if order.state in REASONED else ""


def _changes(order: StagedOrder, titles: _Titles) -> tuple[tuple[FieldChange, ...], tuple[SizeChange, ...]]:
    before = order_of(order.before) if order.before else None
    if order.after is None:
        return (FieldChange("archived", "Item", "on the board", "archived"),), ()
    fields, sizes = [], []
    for change in differences(before, order_of(order.after)):
        if change.field.startswith(SIZE):
            sizes.append(SizeChange(change.field[len(SIZE) :], change.before, change.after))
        else:
            was, now = shown(change.before), shown(change.after)
            name = change.field
            fields.append(FieldChange(name, titles.title(name), was, now, titles.source(name)))
    return tuple(fields), tuple(sizes)


def _conflict(conflict: Mapping[str, Any], titles: _Titles, order: StagedOrder) -> FieldConflict:
    name = str(conflict["field"])
    title = _title(name, titles)
    values = (last_written(conflict), shown(conflict["wanted"]), shown(conflict["live"]))
    still_open = any(one["field"] == name for one in undecided(order))
    return FieldConflict(name, title, *values, decided="" if still_open else str(order.rulings[name]["take"]))


def last_written(conflict: Mapping[str, Any]) -> str | None:
    """What we wrote last of a field in conflict, in words."""
    return shown(conflict["written"]) if conflict.get("known", True) else NOT_KNOWN


def _title(name: str, titles: _Titles) -> str:
    return f"Size {name[len(SIZE) :]}" if name.startswith(SIZE) else titles.title(name)


def field_titles(batch: Batch) -> Callable[[str], str]:
    """What people call the fields of a batch: a function from a field's name to its title."""
    titles = _Titles(batch)
    return lambda name: _title(name, titles)


def conflict_title(batch: Batch, name: str) -> str:
    """What people call a field in conflict."""
    return _title(name, _Titles(batch))


def open_conflicts(batch: Batch) -> list[tuple[str, str, int]]:
    """Per field in conflict on which somebody must rule: its id, its title, in how many orders."""
    found = Counter(str(one["field"]) for order in in_conflict(batch) for one in undecided(order))
    titles = _Titles(batch) if found else None
    return [(name, _title(name, titles), number) for name, number in sorted(found.items()) if titles]


def edited(orders: Iterable[StagedOrder]) -> dict[int, str]:
    """By the key of each of these orders that is in conflict, the values between which somebody must choose."""
    held = [order for order in orders if order.cause == Cause.CONFLICT and undecided(order)]
    prefetch_related_objects(held, "batch__board")
    found, titles = dict[int, str](), dict[int, _Titles]()
    for order in held:
        if order.batch_id not in titles:
            titles[order.batch_id] = _Titles(order.batch)
        values = [_conflict(one, titles[order.batch_id], order) for one in undecided(order)]
        found[order.pk] = "; ".join(
            f"{one.title}: the board has {one.live or 'nothing'}, the source asks for {one.wanted or 'nothing'}, "
            f"last written {one.written or 'nothing'}"
            for one in values
        )
    return found


def _warning(cell: Mapping[str, Any]) -> str:
    return f"{cell['column']}: {str(cell['value'])!r} was left out - {cell['reason']}"
