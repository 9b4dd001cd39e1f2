"""From an approved order and what stands on the board to the writes that make them equal; the way back is `undoplan`.

A plan is always made against the live item. That is why a push may be repeated after any crash: what is already there
is accepted without a write, and what is missing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mapping.core.order import Order

from .changeset import LINK, MARK, SIZE, Change, differences, empty, same, with_field
from .ports import LiveItem, LiveLine

EMPTY = Order(name="", group="")
DRIFTED = (
    "Somebody edited on the board what the source changes too. Remedy: on the page of its batch, take the source or "
    "keep the board."
)
STAYS = (
    "Somebody moved the item on the board, and the board's side wins there, so it stays where it is. Remedy: move it "
    "to the group of removed orders or back to its own, then release the order."
)
UNKNOWN = (
    "The item with this order's key shows something else, and it is not known whether we or somebody else wrote it. "
    "Remedy: say which side holds, as of a field that was edited."
)


@dataclass(frozen=True, slots=True)
class Write:
    """One write with what it changes: `before` and `after` map fields to values, for the receipt.

    `kind` is an Intent's kind, or `confirm` where the board already shows `after` and nothing is sent.
    """

    kind: str
    item_id: str = ""
    parent_id: str = ""
    size: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that we want to change and that somebody changed since we wrote it.

    `known` is false where nothing says what we wrote, so that nobody can tell whose value stands there.
    """

    field: str
    written: Any
    wanted: Any
    live: Any
    known: bool = True


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person decided about a conflict: `take` is source or board. It holds for exactly the values they saw."""

    take: str
    written: Any
    wanted: Any
    live: Any

    def fits(self, change: Change, live: Any) -> bool:
        """Whether the three values are still those that the person saw."""
        return shows(self.written, change.before) and shows(self.wanted, change.after) and shows(live, self.live)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with one order: `held` says why nothing may be sent; else writes to the item, then to its lines.

    `kept` maps fields that the board keeps by policy to the value that the source wanted.
    """

    held: str = ""
    conflicts: tuple[Conflict, ...] = ()
    item: tuple[Write, ...] = ()
    lines: tuple[Write, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of an item that a creation finds by its key.

    `sent` maps fields to what we sent last, answered or not; `stood` to what stood there before, where no answer came:
    it may never have arrived. `ours` are fields of which the board says that nobody else wrote them last. `made` says
    that the making of the item is remembered, and so what we ever wrote to it. `lines` are the subitems that we made
    below it, by size: they are ours also where somebody has emptied their keys.
    """

    sent: Mapping[str, Any] = field(default_factory=dict)
    stood: Mapping[str, Any] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()
    made: bool = False
    lines: Mapping[str, str] = field(default_factory=dict)

    def change(self, name: str, wanted: Any) -> Change:
        """A field of the order, as a change of what we sent."""
        return Change(name, self.sent.get(name), wanted, known=name in self.sent)

    def left_alone(self, change: Change, live: Any) -> bool:
        """Whether nobody has to be asked about this field: what we began is completed, and what is ours is changed."""
        untouched = change.field in self.stood and shows(live, self.stood[change.field])
        return empty(live) or untouched or change.field in self.ours or not _drifted(change, live)


def plan_creation(
    after: Order,
    link_key: str,
    found: Sequence[LiveItem],
    past: Past | None = None,
    policies: Mapping[str, str] | None = None,
    rulings: Mapping[str, Ruling] | None = None,
) -> Plan:
    """A creation: the item with its sizes, or what is missing of an item that already carries the link key.

    What such an item shows otherwise than the order, and what is not known to be ours, is a conflict as of a change.
    """
    if len(found) > 1:
        ids = ", ".join(item.id for item in found)
        return Plan(
            held=f"{len(found)} items on the board carry this order's key ({ids}). Remedy: archive all but one."
        )
    if found:
        return _complete(after, link_key, found[0], past or Past(), policies or {}, rulings or {})
    cells = {column: value for column, value in after.cells.items() if value is not None}
    item = Write("create_item", after={"name": after.name, "group": after.group, **cells})
    lines = tuple(
        Write("create_line", size=size, before={SIZE + size: None}, after={SIZE + size: quantity})
        for size, quantity in after.sizes.items()
    )
    return Plan(item=(item,), lines=lines)


def unexplained(after: Order, link_key: str, live: LiveItem, past: Past) -> list[str]:
    """The fields of an item found by its key that show something of which only the board may say whose it is."""
    changes, shown = _beside(after, link_key, live, past)
    return [
        change.field
        for change in changes
        if not change.known
        and not shows(shown[change.field], change.after)
        and not past.left_alone(change, shown[change.field])
    ]


def _complete(
    after: Order,
    link_key: str,
    live: LiveItem,
    past: Past,
    policies: Mapping[str, str],
    rulings: Mapping[str, Ruling],
) -> Plan:
    """An item of an earlier, unclear creation (or of a restored database): link it and write what differs."""
    changes, shown = _beside(after, link_key, live, past)
    changes = [c for c in changes if not _never_ours(c, shown[c.field], past)]
    sorted_out = _sort_out(changes, shown, lambda c: not past.left_alone(c, shown[c.field]), policies, rulings)
    if sorted_out.conflicts:
        conflicts = tuple(replace(one, known=one.field in past.sent) for one in sorted_out.conflicts)
        return Plan(held=DRIFTED if all(one.known for one in conflicts) else UNKNOWN, conflicts=conflicts)
    writes, lines = _writes(live, link_key, after, sorted_out.wanted, shown, past.lines)
    already = {c.field: c.after for c in sorted_out.wanted if shows(shown[c.field], c.after)}
    # What is about to be emptied counts as accepted first, so that it is not forgotten where the answer is lost.
    filled = {c.field: shown[c.field] for c in sorted_out.wanted if empty(c.after) and c.field not in already}
    link = Write("confirm", item_id=live.id, after=already | filled | _standing(sorted_out.kept, past, live))
    return Plan(item=(link, *writes), lines=lines, kept=sorted_out.kept)


def _beside(after: Order, link_key: str, live: LiveItem, past: Past) -> tuple[list[Change], dict[str, Any]]:
    """Every field of an order as a change of what we sent, and what the item shows of it."""
    fields = {change.field: change.after for change in differences(None, after)}
    fields |= dict.fromkeys([*_filled(after, live), *lines_beside(after, link_key, live)])
    changes = [past.change(name, wanted) for name, wanted in fields.items()]
    return changes, {change.field: live_value(live, link_key, change.field, past.lines) for change in changes}


def _never_ours(change: Change, live: Any, past: Past) -> bool:
    """Whether somebody filled a field that the order leaves empty, of an item whose making we remember: that is no
    more a conflict than the same edit of any other item."""
    return not change.known and empty(change.after) and past.made and not past.left_alone(change, live)


def _filled(after: Order, live: LiveItem) -> list[str]:
    """Mapped cells that the order leaves empty and the item does not: the source may have emptied them since."""
    found = ((column, live.values.get(column)) for column, value in after.cells.items() if empty(value))
    return [column for column, value in found if column != LINK and value is not False and not empty(value)]


def lines_beside(order: Order, link_key: str, live: LiveItem) -> list[str]:
    """The sizes of an item's subitems that carry this order's key and a quantity, and that the order does not have.

    A subitem without our key is somebody's own.
    """
    sizes = (line.key.removeprefix(f"{link_key}/") for line in live.lines if line.key.startswith(f"{link_key}/"))
    found = [SIZE + size for size in sizes if size not in order.sizes]
    return [name for name in found if live_value(live, link_key, name, {}) is not None]


def _standing(kept: Iterable[str], past: Past, live: LiveItem) -> dict[str, Any]:
    """What counts as accepted of fields that the board keeps: what we sent, where that is known. No order is without
    a name and a group, so of these what stands there."""
    seen = {"name": live.name, "group": live.group} | dict(past.sent)
    return {name: seen[name] for name in kept if name in seen}


def plan_change(
    before: Order,
    after: Order,
    link_key: str,
    live: LiveItem | None,
    line_ids: Mapping[str, str],
    policies: Mapping[str, str],
    rulings: Mapping[str, Ruling] | None = None,
) -> Plan:
    """A change of an item that we linked. `policies` says per field what wins in a conflict: hold, source or board.

    A person's ruling goes before the policy while it fits the three values.
    """
    if live is None or live.state != "active" or not live.on_board:
        return Plan(held=gone(live))
    changes = differences(before, after)
    shown = {change.field: live_value(live, link_key, change.field, line_ids) for change in changes}
    drifted = {change.field for change in changes if _drifted(change, shown[change.field])}
    sorted_out = _sort_out(changes, shown, lambda change: change.field in drifted, policies, rulings or {})
    if sorted_out.conflicts:
        return Plan(held=DRIFTED, conflicts=tuple(sorted_out.conflicts))
    wanted = sorted_out.wanted
    writes, lines = _writes(live, link_key, after, wanted, shown, line_ids)
    already = {change.field: change.after for change in wanted if shows(shown[change.field], change.after)}
    if already:
        was = {change.field: change.before for change in wanted if change.field in already}
        writes = (Write("confirm", item_id=live.id, before=was, after=already), *writes)
    return Plan(item=writes, lines=lines, kept=sorted_out.kept)


@dataclass(slots=True)
class _SortedOut:
    """Changes that are wanted, fields that the board keeps (with what the source wanted), and conflicts."""

    wanted: list[Change] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


def _sort_out(
    changes: Iterable[Change],
    shown: Mapping[str, Any],
    drifted: Callable[[Change], bool],
    policies: Mapping[str, str],
    rulings: Mapping[str, Ruling],
) -> _SortedOut:
    """Which changes go out, by the policies and rulings where somebody else's value may stand there."""
    result = _SortedOut()
    for change in changes:
        value = shown[change.field]
        if shows(value, change.after) or not drifted(change):
            result.wanted.append(change)
            continue
        policy = _policy(change, value, policies, rulings)
        if policy == "source":
            result.wanted.append(change)
        elif policy == "board":
            result.kept[change.field] = change.after
        else:
            result.conflicts.append(Conflict(change.field, change.before, change.after, value))
    return result


def _policy(change: Change, live: Any, policies: Mapping[str, str], rulings: Mapping[str, Ruling]) -> str:
    ruling = rulings.get(change.field)
    if ruling is not None and ruling.fits(change, live):
        return ruling.take
    return policies.get(change.field, policies.get("", "hold"))


def plan_archive(live: LiveItem | None, before: Order) -> Plan:
    """An archiving removal. The API has no restore; the page says so beforehand."""
    if live is None or live.state != "active" or not live.on_board:
        item = "" if live is None else live.id
        return Plan(item=(Write("confirm", item_id=item, before={"archived": False}, after={"archived": True}),))
    return Plan(item=(Write("archive_item", item_id=live.id, before={"archived": False}, after={"archived": True}),))


def gone(live: LiveItem | None) -> str:
    where = "is no longer on the board" if live is None or live.state == "active" else f"was {live.state} on the board"
    return f"The item {where}. Remedy: recreate it, link another item, or stop following the order."


def _drifted(change: Change, live: Any) -> bool:
    """Whether somebody else wrote this field since: over a field that we never wrote, anything that is not empty."""
    return not shows(live, change.before) if change.known else not empty(live)


def shows(live: Any, value: Any) -> bool:
    return same(live, value) or (empty(live) and empty(value))


def live_value(live: LiveItem, link_key: str, name: str, line_ids: Mapping[str, str]) -> Any:
    if name == "name":
        return live.name
    if name == "group":
        return live.group
    if name == LINK:
        return live.link_key
    if name.startswith(MARK):
        line = line_of(live, link_key, name[len(MARK) :], line_ids)
        return line.key if line else None
    if not name.startswith(SIZE):
        return live.values.get(name)
    line = line_of(live, link_key, name[len(SIZE) :], line_ids)
    return _quantity(line) if line else None


def line_of(live: LiveItem, link_key: str, size: str, line_ids: Mapping[str, str]) -> LiveLine | None:
    """The subitem that is ours for this size: by its key, or by the id that we remember."""
    wanted, known = f"{link_key}/{size}", line_ids.get(size)
    return next((line for line in live.lines if line.key == wanted or (known and line.id == known)), None)


def _quantity(line: LiveLine) -> Any:
    """The quantity as a number of pieces; 0 is what an emptied size shows, so it reads as no quantity."""
    if line.quantity is None or line.quantity == "0":
        return None
    return int(line.quantity) if line.quantity.lstrip("-").isdigit() else line.quantity


def _writes(
    live: LiveItem,
    link_key: str,
    after: Order,
    changes: Iterable[Change],
    shown: Mapping[str, Any],
    line_ids: Mapping[str, str],
) -> tuple[tuple[Write, ...], tuple[Write, ...]]:
    values: dict[str, Any] = {}
    item: list[Write] = []
    lines: list[Write] = []
    for change in changes:
        if change.field.startswith(SIZE):
            size = change.field[len(SIZE) :]
            lines.extend(_line_writes(live, line_of(live, link_key, size, line_ids), size, change))
        elif shows(shown[change.field], change.after):
            continue
        elif change.field == "group":
            item.append(
                Write("move_item", item_id=live.id, before={"group": shown["group"]}, after={"group": after.group})
            )
        else:
            values[change.field] = change.after
    if values:
        was = {name: shown[name] for name in values}
        item.insert(0, Write("change_item", item_id=live.id, before=was, after=values))
    return tuple(item), tuple(lines)


def _line_writes(live: LiveItem, line: LiveLine | None, size: str, change: Change) -> list[Write]:
    name, wanted = SIZE + size, change.after
    if line is None:
        if wanted is None:
            return []
        return [Write("create_line", parent_id=live.id, size=size, before={name: None}, after={name: wanted})]
    shown = _quantity(line)
    if wanted is None and not line.touched:
        return [
            Write(
                "archive_line", item_id=line.id, parent_id=live.id, size=size, before={name: shown}, after={name: None}
            )
        ]
    if shown == wanted:
        return [
            Write("confirm", item_id=line.id, parent_id=live.id, size=size, before={name: shown}, after={name: wanted})
        ]
    return [
        Write("change_line", item_id=line.id, parent_id=live.id, size=size, before={name: shown}, after={name: wanted})
    ]


def accepted(before: Order | None, after: Mapping[str, Any]) -> Order:
    """What the board shows after a write that is done: the fold that moves a snapshot, one receipt at a time."""
    order = before or EMPTY
    for name, value in after.items():
        if name == LINK:
            order = with_field(order, LINK, None, present=empty(value))
        elif name != "archived" and not name.startswith(MARK):
            order = with_field(order, name, value)
    return order
