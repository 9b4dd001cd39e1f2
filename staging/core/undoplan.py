"""From an order's receipts and the live item to the writes that take them back, the last one first.

A field that somebody edited since, or that a later batch has written, stays as it is and is named with what it was,
what was written and what stands there now. The preview of an undo and the undo itself are made from this one plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mapping.core.order import Order

from .changeset import empty, same
from .ports import LiveItem, LiveLine
from .pushplan import Write, gone, line_of, live_value, plan_creation, shows
from .words import put_away

ITEM = "item"
"""The field of a `Stays` that stands for a whole item: a created one is archived or kept as one piece."""

EDITED = "Somebody has edited it since."
LINKED = "It stood on the board before this batch, which linked it. Remedy: archive it there where it is not wanted."
STANDS = (
    "An item with this order's key stands on the board and shows something else. Remedy: archive it there, then undo "
    "again; or leave it as the order's item."
)
ANOTHER = "Another item stands for this order by now. Remedy: change it, or the former one, by hand on the board."
WRITTEN_INTO = "Somebody has written into this item since it was created."
STOOD = (
    "It stood on the board before this batch, which found it there and wrote nothing. Remedy: put the source right, or "
    "change it on the board."
)
AGAIN = "undo again"
NO_COLUMN = "The board has no such column any more. Remedy: none; the column is gone with its values."


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
class Stays:
    """A field that an undo leaves: what it was before the batch, what the batch wrote, what stands there now.

    `forcible` is true where a person may have it overwritten all the same.
    """

    field: str
    before: Any
    written: Any
    live: Any
    why: str
    forcible: bool = False


@dataclass(frozen=True, slots=True)
class Reversal:
    """How one receipt is taken back: the write, and what of it stays; `why` says why where anything stays."""

    receipt: int
    write: Write | None
    stays: tuple[Stays, ...] = ()
    why: str = ""

    @property
    def kept(self) -> dict[str, Any]:
        """The fields that stay, with what stands there."""
        return {one.field: one.live for one in self.stays}


@dataclass(frozen=True, slots=True)
class Force:
    """Which later edits of people are overwritten: all, these fields, or these while they show what was seen."""

    everything: bool = False
    fields: frozenset[str] = frozenset()
    seen: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.everything or bool(self.fields) or bool(self.seen)

    def covers(self, name: str, live: Any) -> bool:
        """Whether the field, which shows `live` now, is to be overwritten."""
        return self.everything or name in self.fields or (name in self.seen and shows(self.seen[name], live))


NO_FORCE = Force()


def attributed(done: Sequence[Done], lost: Sequence[Done]) -> list[Done]:
    """The answered receipts, with those lost ones that the board showed when it was looked up: they were ours too.

    `lost` were sent and never answered. Without them an undo would leave on the board what it does not know of. What a
    look-up found of our own writes is theirs alone: it did not stand there before them.
    """
    found: dict[tuple[str, frozenset[str]], Done] = {}
    for receipt in lost:
        confirming = [d for d in done if d.kind == "confirm" and d.receipt > receipt.receipt and _confirms(d, receipt)]
        if confirming:
            same_line = next((d for d in confirming if d.size == receipt.size), confirming[0])
            ours = replace(receipt, item_id=receipt.item_id or same_line.item_id)
            found.setdefault((receipt.kind, frozenset(receipt.after)), ours)
    wrote = {name for d in (*done, *found.values()) if d.kind != "confirm" for name in d.after}
    stood = (left_of(d, wrote) if d.kind == "confirm" and d.before else d for d in done)
    return sorted((*(d for d in stood if d is not None), *found.values()), key=lambda d: d.receipt)


def _confirms(seen: Done, lost: Done) -> bool:
    if lost.kind == "create_item":
        return not seen.size
    return all(name in seen.after and same(seen.after[name], value) for name, value in lost.after.items())


def left_of(done: Done, back: Iterable[str]) -> Done | None:
    """What of a receipt is still to be taken back, once these fields were; None where nothing is.

    An archiving stays whole: whether all of its item was made anew, only the board can tell.
    """
    fields = set(back)
    if not fields or "archived" in done.after:
        return done
    rest = {} if "archived" in fields else {n: value for n, value in done.after.items() if n not in fields}
    before = {name: value for name, value in done.before.items() if name in rest}
    return replace(done, before=before, after=rest) if rest else None


def plan_undo(
    done: Sequence[Done],
    live: LiveItem | None,
    link_key: str,
    known_lines: Mapping[str, str] | None = None,
    *,
    force: Force | bool = NO_FORCE,
    later: Mapping[str, int] | None = None,
    absent: Iterable[str] = (),
    away: Iterable[str] = (),
) -> list[Reversal]:
    """Take an order's receipts back, the last one first; what may not be taken back stays and is named.

    `known_lines` maps sizes to the subitems that are ours by now: a line that was taken away and put back has a new id.
    `force` says which later edits of people are overwritten. `later` maps fields that a later batch has written to that
    batch; they stay whatever is forced. `absent` are columns that the board has no more, `away` groups that a person
    has put away. What the board already shows as it was is confirmed without a write, so that an undo that was cut off
    can be planned again.
    """
    forced = Force(everything=force) if isinstance(force, bool) else force
    owned = later or {}
    created = next((d for d in done if d.kind == "create_item"), None)
    if live is None or live.state != "active" or not live.on_board:
        why = _owner(owned["archived"]) if "archived" in owned else gone(live)
        if created is not None and "archived" not in owned and (live is None or live.state != "active"):
            return [Reversal(created.receipt, _archiving("confirm", live.id if live else created.item_id))]
        return [_nothing_back(d, why) for d in reversed(done) if _fields(d)]
    line_ids = {d.size: d.item_id for d in done if d.size} | dict(known_lines or {})
    if created is not None:
        if owned:
            why = _owner(max(owned.values()))
            return [Reversal(created.receipt, None, (Stays(ITEM, None, live.name, live.name, why),), why)]
        return _undo_creation(done, created, live, link_key, line_ids, forced)
    handled: dict[str, Any] = {}
    plan = _Plan(live, link_key, line_ids, forced, owned, frozenset(absent), frozenset(away))
    steps = [plan.reverse(d, handled) for d in reversed(done)]
    return [*(step for step in steps if step is not None), *_linked(done, live)]


def plan_recreation(
    archived: Done,
    before: Order,
    link_key: str,
    found: Sequence[LiveItem],
    later: Mapping[str, int] | None = None,
    away: Iterable[str] = (),
) -> list[Reversal]:
    """An item that a removal archived is made anew as it was, or completed where an undo that was cut off made it.

    Where a `later` batch has made the order's item anew, that is the order's item by now. No item is made in a group
    that is put `away`.
    """
    plan = plan_creation(before, link_key, found)
    why = _owner(max(later.values())) if later else STANDS if plan.conflicts else plan.held
    if not why and not found and before.group in away:
        why = put_away(before.group, then=AGAIN)
    if why:
        return [Reversal(archived.receipt, None, (), why)]
    return [Reversal(archived.receipt, write) for write in (*plan.item, *plan.lines)]


def untouched(done: Sequence[Done], live: LiveItem | None) -> list[Reversal]:
    """Nothing is taken back, since the record's item is another one than the order wrote to."""
    if created := next((d for d in done if d.kind == "create_item"), None):
        name = live.name if live else None
        return [Reversal(created.receipt, None, (Stays(ITEM, None, name, name, ANOTHER),), ANOTHER)]
    return [_nothing_back(d, ANOTHER) for d in reversed(done) if _fields(d)]


def _linked(done: Sequence[Done], live: LiveItem) -> list[Reversal]:
    """An item that a creation found by its key is not the batch's to archive; only the link of one changes nothing
    that was there before."""
    link = next((d for d in done if d.kind == "confirm" and not d.size and d.after and not d.before), None)
    return [Reversal(link.receipt, None, (Stays(ITEM, None, live.name, live.name, LINKED),), LINKED)] if link else []


def _owner(batch: int) -> str:
    return f"Batch {batch} has written it since. Remedy: undo that batch first."


def _fields(done: Done) -> list[str]:
    """The fields that a receipt is about: what it wrote, or what it found written that had been accepted otherwise."""
    if done.kind != "confirm":
        return list(done.after)
    was = {name: value for name, value in done.before.items() if name != "archived"}
    return [name for name, value in done.after.items() if name in was and not shows(was[name], value)]


def _nothing_back(done: Done, why: str) -> Reversal:
    stays = tuple(Stays(name, done.before.get(name), done.after[name], None, why) for name in _fields(done))
    return Reversal(done.receipt, None, stays, why)


def _archiving(kind: str, item_id: str) -> Write:
    return Write(kind, item_id=item_id, before={"archived": False}, after={"archived": True})


def _undo_creation(
    done: Sequence[Done],
    created: Done,
    live: LiveItem,
    link_key: str,
    line_ids: Mapping[str, str],
    force: Force,
) -> list[Reversal]:
    """A created item is archived with its lines, unless somebody has written into it: also into cells of their own."""
    wrote: dict[str, Any] = {}
    for receipt in done:
        wrote.update(receipt.after)
    shown = {name: live_value(live, link_key, name, line_ids) for name in wrote}
    stays = [
        Stays(name, None, value, shown[name], EDITED) for name, value in wrote.items() if not shows(shown[name], value)
    ]
    # Also a cell that is ours to fill, and that the order left empty: what stands there is somebody's.
    filled = {name: value for name, value in live.values.items() if name not in wrote and not empty(value)}
    stays += [Stays(name, None, None, value, EDITED) for name, value in (*filled.items(), *live.people.items())]
    stays += [
        Stays(f"subitem {line.name}", None, None, ", ".join(f"{t}: {v}" for t, v in line.people.items()), EDITED)
        for line in live.lines
        if line.touched or line.id not in line_ids.values()
    ]
    seen = sorted(f"{one.field}: {one.live}" for one in stays)
    if stays and not force.covers(ITEM, seen):
        whole = Stays(ITEM, None, live.name, seen, WRITTEN_INTO, forcible=True)
        return [Reversal(created.receipt, None, (whole, *stays), WRITTEN_INTO)]
    return [Reversal(created.receipt, _archiving("archive_item", live.id))]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the reversals of one order are made against."""

    live: LiveItem
    link_key: str
    line_ids: Mapping[str, str]
    force: Force
    later: Mapping[str, int]
    absent: frozenset[str]
    away: frozenset[str]

    def reverse(self, done: Done, handled: dict[str, Any]) -> Reversal | None:
        """One receipt's way back; `handled` holds what newer receipts of this order have set their fields to.

        None where nothing of it was changed, or a newer receipt has settled all of it: somebody had edited the field
        between the two.
        """
        back, stays = dict[str, Any](), list[Stays]()
        now: dict[str, Any] = {}
        for name in _fields(done):
            if name not in done.before:
                continue
            now[name] = handled.get(name, live_value(self.live, self.link_key, name, self.line_ids))
            before, written = done.before[name], done.after[name]
            if name in handled and not shows(now[name], written):
                continue
            if why := self._why_not(done, name, now[name]):
                stays.append(Stays(name, before, written, now[name], why, forcible=why == EDITED))
                handled[name] = now[name]
            else:
                back[name] = handled[name] = before
        why = " ".join(dict.fromkeys(one.why for one in stays))
        if not back:
            return Reversal(done.receipt, None, tuple(stays), why) if stays else None
        return Reversal(done.receipt, self._write(done, back, now), tuple(stays), why)

    def _why_not(self, done: Done, name: str, now: Any) -> str:
        written, before = done.after[name], done.before[name]
        if done.kind == "confirm" and (name in self.later or not shows(now, before)):
            return STOOD
        if name in self.later:
            return _owner(self.later[name])
        if name in self.absent:
            return NO_COLUMN
        if shows(now, before):
            return ""
        if not shows(now, written) and not self.force.covers(name, now):
            return EDITED
        return put_away(before, then=AGAIN) if name == "group" and before in self.away else ""

    def _write(self, done: Done, back: Mapping[str, Any], now: Mapping[str, Any]) -> Write:
        line = line_of(self.live, self.link_key, done.size, self.line_ids) if done.size else None
        already = all(shows(now[name], value) for name, value in back.items())
        kind = _kind_back(done, line, already=already)
        return Write(
            kind,
            item_id=self._target(done, line, kind),
            parent_id=self.live.id if done.size else done.parent_id,
            size=done.size,
            before={name: now[name] for name in back},
            after=back,
        )

    def _target(self, done: Done, line: LiveLine | None, kind: str) -> str:
        """What is written to: the item as it stands, which may have been made anew since, or its subitem."""
        if not done.size:
            return self.live.id
        return line.id if line else "" if kind == "create_line" else done.item_id


def _kind_back(done: Done, line: LiveLine | None, *, already: bool) -> str:
    """How a write is taken back. A subitem into which people have written is emptied instead of archived."""
    if already:
        return "confirm"
    if done.kind == "create_line":
        return "archive_line" if line is None or not line.touched else "change_line"
    if done.kind in ("archive_line", "change_line"):
        return "create_line" if line is None else "change_line"
    return done.kind
