"""From an approved order and what stands on the board to the writes that make them equal; and back, for an undo.

A plan is always made against the live item. That is why a push may be repeated after any crash: what is already there
is accepted without a write, and what is missing is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mapping.core.order import Order

from .changeset import LINK, MARK, SIZE, Change, differences, empty, same, with_field
from .ports import LiveItem, LiveLine

EMPTY = Order(name="", group="")


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
    """A field that we want to change and that somebody changed since we wrote it."""

    field: str
    written: Any
    wanted: Any
    live: Any


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person decided about a conflict: `take` is source or board. It holds for exactly the values they saw."""

    take: str
    written: Any
    wanted: Any
    live: Any

    def fits(self, change: Change, live: Any) -> bool:
        """Whether the three values are still those that the person saw."""
        return _shows(self.written, change.before) and _shows(self.wanted, change.after) and _shows(live, self.live)


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


def plan_creation(after: Order, link_key: str, found: Sequence[LiveItem]) -> Plan:
    """A creation: the item with its sizes, or what is missing of an item that already carries the link key."""
    if len(found) > 1:
        ids = ", ".join(item.id for item in found)
        return Plan(
            held=f"{len(found)} items on the board carry this order's key ({ids}). Remedy: archive all but one."
        )
    if found:
        return _complete(after, link_key, found[0])
    cells = {column: value for column, value in after.cells.items() if value is not None}
    item = Write("create_item", after={"name": after.name, "group": after.group, **cells})
    lines = tuple(
        Write("create_line", size=size, before={SIZE + size: None}, after={SIZE + size: quantity})
        for size, quantity in after.sizes.items()
    )
    return Plan(item=(item,), lines=lines)


def _complete(after: Order, link_key: str, live: LiveItem) -> Plan:
    """An item of an earlier, unclear creation (or of a restored database): link it and write what differs."""
    changes = differences(None, after)
    shown = {change.field: live_value(live, link_key, change.field, {}) for change in changes}
    writes, lines = _writes(live, link_key, after, changes, shown, {})
    already = {change.field: change.after for change in changes if _shows(shown[change.field], change.after)}
    link = Write("confirm", item_id=live.id, after=already)
    return Plan(item=(link, *writes), lines=lines)


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
        return Plan(held=_gone(live))
    changes = differences(before, after)
    shown = {change.field: live_value(live, link_key, change.field, line_ids) for change in changes}
    conflicts, wanted, kept = [], [], {}
    for change in changes:
        value = shown[change.field]
        if (
            _shows(value, change.after)
            or not _drifted(change, value)
            or (policy := _policy(change, value, policies, rulings or {})) == "source"
        ):
            wanted.append(change)
        elif policy == "board":
            kept[change.field] = change.after
        else:
            conflicts.append(Conflict(change.field, change.before, change.after, value))
    if conflicts:
        return Plan(held="The board differs from what was last written here.", conflicts=tuple(conflicts))
    writes, lines = _writes(live, link_key, after, wanted, shown, line_ids)
    already = {change.field: change.after for change in wanted if _shows(shown[change.field], change.after)}
    if already:
        was = {change.field: change.before for change in wanted if change.field in already}
        writes = (Write("confirm", item_id=live.id, before=was, after=already), *writes)
    return Plan(item=writes, lines=lines, kept=kept)


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


def _gone(live: LiveItem | None) -> str:
    where = "is no longer on the board" if live is None or live.state == "active" else f"was {live.state} on the board"
    return f"The item {where}. Remedy: recreate it, link another item, or stop following the order."


def _drifted(change: Change, live: Any) -> bool:
    """Whether somebody else wrote this field since: over a field that we never wrote, anything that is not empty."""
    return not _shows(live, change.before) if change.known else not empty(live)


def _shows(live: Any, value: Any) -> bool:
    return same(live, value) or (empty(live) and empty(value))


def live_value(live: LiveItem, link_key: str, name: str, line_ids: Mapping[str, str]) -> Any:
    if name == "name":
        return live.name
    if name == "group":
        return live.group
    if name == LINK:
        return live.link_key
    if name.startswith(MARK):
        line = _line(live, link_key, name[len(MARK) :], line_ids)
        return line.key if line else None
    if not name.startswith(SIZE):
        return live.values.get(name)
    line = _line(live, link_key, name[len(SIZE) :], line_ids)
    return _quantity(line) if line else None


def _line(live: LiveItem, link_key: str, size: str, line_ids: Mapping[str, str]) -> LiveLine | None:
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
            lines.extend(_line_writes(live, _line(live, link_key, size, line_ids), size, change))
        elif _shows(shown[change.field], change.after):
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


@dataclass(frozen=True, slots=True)
class Done:
    """A receipt that was answered with yes, as far as an undo needs it."""

    receipt: int
    kind: str
    item_id: str
    parent_id: str
    size: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reversal:
    """How one receipt is taken back: the write, or why it is kept."""

    receipt: int
    write: Write | None
    kept: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


def attributed(done: Sequence[Done], lost: Sequence[Done]) -> list[Done]:
    """The answered receipts, with those lost ones that the board showed when it was looked up: they were ours too.

    `lost` were sent and never answered. Without them an undo would leave on the board what it does not know of.
    """
    found: dict[tuple[str, frozenset[str]], Done] = {}
    for receipt in lost:
        confirming = [d for d in done if d.kind == "confirm" and d.receipt > receipt.receipt and _confirms(d, receipt)]
        if confirming:
            same_line = next((d for d in confirming if d.size == receipt.size), confirming[0])
            ours = replace(receipt, item_id=receipt.item_id or same_line.item_id)
            found.setdefault((receipt.kind, frozenset(receipt.after)), ours)
    return sorted((*done, *found.values()), key=lambda d: d.receipt)


def _confirms(seen: Done, lost: Done) -> bool:
    if lost.kind == "create_item":
        return not seen.size
    return all(name in seen.after and same(seen.after[name], value) for name, value in lost.after.items())


def plan_undo(
    done: Sequence[Done],
    live: LiveItem | None,
    link_key: str,
    known_lines: Mapping[str, str] | None = None,
    *,
    force: bool = False,
) -> list[Reversal]:
    """Take an order's receipts back, the last one first; fields that somebody edited since are kept and listed.

    `known_lines` maps sizes to the subitems that are ours by now: a line that was taken away and put back has a new id.
    `force` puts them back too. What the board already shows as it was is confirmed without a write, so that an undo
    that was cut off can be planned again. An item that is gone from the board cannot be put back.
    """
    created = next((d for d in done if d.kind == "create_item"), None)
    if live is None or live.state != "active" or not live.on_board:
        if created is not None and (live is None or live.state != "active"):
            return [Reversal(created.receipt, _archiving("confirm", created.item_id))]
        return [Reversal(d.receipt, None, why=_gone(live)) for d in reversed(done)]
    line_ids = {d.size: d.item_id for d in done if d.size} | dict(known_lines or {})
    if created is not None:
        return _undo_creation(done, created, live, link_key, line_ids, force=force)
    return [_reverse(d, live, link_key, line_ids, force=force) for d in reversed(done) if d.kind != "confirm"]


def _archiving(kind: str, item_id: str) -> Write:
    return Write(kind, item_id=item_id, before={"archived": False}, after={"archived": True})


def _undo_creation(
    done: Sequence[Done],
    created: Done,
    live: LiveItem,
    link_key: str,
    line_ids: Mapping[str, str],
    *,
    force: bool,
) -> list[Reversal]:
    """A created item is archived with its lines, unless somebody has written into it."""
    wrote: dict[str, Any] = {}
    for receipt in done:
        wrote.update(receipt.after)
    edited = {
        name: now
        for name, value in wrote.items()
        if not _shows(now := live_value(live, link_key, name, line_ids), value)
    }
    foreign = [line.name for line in live.lines if line.touched or line.id not in line_ids.values()]
    if (edited or foreign) and not force:
        why = "Somebody has written into this item since it was created."
        return [
            Reversal(created.receipt, None, kept={**edited, **{f"subitem {name}": "" for name in foreign}}, why=why)
        ]
    return [Reversal(created.receipt, _archiving("archive_item", live.id))]


def _reverse(done: Done, live: LiveItem, link_key: str, line_ids: Mapping[str, str], *, force: bool) -> Reversal:
    shown = {name: live_value(live, link_key, name, line_ids) for name in done.after}
    ours = {name for name, value in done.after.items() if force or _shows(shown[name], value)}
    back = {
        name: value
        for name, value in done.before.items()
        if name in done.after and (name in ours or _shows(shown[name], value))
    }
    kept = {name: value for name, value in shown.items() if name not in back and name in done.before}
    why = "Somebody has edited it since." if kept else ""
    if not back:
        return Reversal(done.receipt, None, kept, why)
    line = _line(live, link_key, done.size, line_ids) if done.size else None
    already = all(_shows(shown[name], value) for name, value in back.items())
    kind = _kind_back(done, line, already=already, force=force)
    write = Write(
        kind,
        item_id=line.id if line else "" if kind == "create_line" else done.item_id,
        parent_id=live.id if done.size else done.parent_id,
        size=done.size,
        before={name: shown[name] for name in back},
        after=back,
    )
    return Reversal(done.receipt, write, kept, why)


def _kind_back(done: Done, line: LiveLine | None, *, already: bool, force: bool) -> str:
    """How a write is taken back. A subitem into which people have written is emptied instead of archived."""
    if already:
        return "confirm"
    if done.kind == "create_line":
        return "archive_line" if line is None or force or not line.touched else "change_line"
    if done.kind == "archive_line":
        return "create_line" if line is None else "change_line"
    return done.kind
