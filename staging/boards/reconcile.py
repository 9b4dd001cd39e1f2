"""Reconciling: a board against what was accepted for its items. It reads; neither board nor links are changed.

What a planner edited, archived or copied by hand is named with what was last written, so that it is known before a
change meets it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from staging.batches.diff import ITEM, shown
from staging.core.adoption import link_of
from staging.core.changeset import LINK, SIZE
from staging.core.drift import drift
from staging.core.fingerprint import order_of
from staging.core.ports import LiveItem, LiveLine
from staging.core.words import counted
from staging.models import Snapshot, SyncRun
from staging.models.snapshot import LinkState
from staging.setup import Progress, Setup

from . import findings
from .board_items import EVERYBODY, everything, whole_board
from .findings import Findings

PAGE = 500


@dataclass(slots=True)
class Counts:
    """Every link and every item counts as exactly one thing.

    links = equal + drifted + missing + archived; items = linked + extra + duplicates. `fields` are those that drifted;
    `unmarked` links are adopted ones whose items do not carry their keys yet; `left` orders are not followed any more.
    `copied_subitems` carry the key of one that stands for a size already.
    """

    links: int = 0
    equal: int = 0
    drifted: int = 0
    missing: int = 0
    archived: int = 0
    items: int = 0
    linked: int = 0
    extra: int = 0
    duplicates: int = 0
    fields: int = 0
    unmarked: int = 0
    left: int = 0
    copied_subitems: int = 0

    @property
    def differs(self) -> bool:
        """Whether anything differs from what was accepted."""
        links, items = self.drifted or self.missing or self.archived, self.extra or self.duplicates
        return bool(links or items or self.copied_subitems)

    def problems(self) -> list[str]:
        """Sums that do not hold; empty where all do."""
        links, items = (
            self.equal + self.drifted + self.missing + self.archived,
            self.linked + self.extra + self.duplicates,
        )
        return [f"links {self.links} are not {links}"] * (links != self.links) + [
            f"items {self.items} are not {items}"
        ] * (items != self.items)


@dataclass(slots=True)
class _Reading:
    """What a whole reading of the board remembers of each item: a few texts."""

    linked: set[int] = field(default_factory=set)
    of_link: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    strangers: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """By item id: the UUID that it carries, its name and its group."""
    names: dict[str, str] = field(default_factory=dict)


def reconcile(*, run: SyncRun, setup: Setup, progress: Progress) -> Counts:
    """Compare a board with the accepted orders, and store what differs with the run.

    Opens short transactions, none while the board is waited for. Raises Stopped and Unavailable.
    """
    counts, found, reading = Counts(), findings.begin(run), _Reading()
    titles = _titles(setup)
    total, page = setup.structure.items_count, list[LiveItem]()
    for live in everything(setup):
        counts.items += 1
        page.append(live)
        if len(page) == PAGE:
            progress("board", min(counts.items, total), total)
            _look_at(page, setup, counts, found, reading, titles)
            page = []
    _look_at(page, setup, counts, found, reading, titles)
    _look_for_the_rest(setup, counts, found, reading, titles, progress)
    _strangers(counts, found, reading)
    found.flush()
    findings.keep_only(run)
    return counts


def _look_at(
    page: list[LiveItem],
    setup: Setup,
    counts: Counts,
    found: Findings,
    reading: _Reading,
    titles: dict[str, str],
) -> None:
    by_item = {snapshot.item_id: snapshot for snapshot in _links(setup, [live.id for live in page])}
    for live in page:
        link = link_of(live)
        if link:
            reading.of_link[link].append(live.id)
            reading.names[live.id] = live.name
        snapshot = by_item.get(live.id)
        if snapshot is None:
            reading.strangers[live.id] = (link, live.name, live.group)
            continue
        counts.linked += 1
        if snapshot.state != LinkState.GONE:
            reading.linked.add(snapshot.pk)
            _compare(snapshot, live, counts, found, titles)


def _links(setup: Setup, item_ids: list[str]) -> Iterable[Snapshot]:
    return Snapshot.objects.filter(board=setup.board, item_id__in=item_ids).select_related("customer")


def _compare(snapshot: Snapshot, live: LiveItem, counts: Counts, found: Findings, titles: dict[str, str]) -> None:
    counts.links += 1
    order = order_of(snapshot.order)
    counts.unmarked += LINK in order.cells
    differing = drift(order, snapshot.link_key, live, snapshot.lines)
    counts.drifted += bool(differing)
    counts.equal += not differing
    counts.fields += len(differing)
    _twin_lines(snapshot, live, counts, found)
    for one in differing:
        title = f"Size {one.field[len(SIZE) :]}" if one.field.startswith(SIZE) else titles.get(one.field, one.field)
        found.add(
            "drifted",
            **_of(snapshot, live.name),
            field=title,
            written=shown(one.written) or "",
            live=shown(one.live) or "",
        )


def _twin_lines(snapshot: Snapshot, live: LiveItem, counts: Counts, found: Findings) -> None:
    """Subitems that carry the key of one that stands for a size of the same item already."""
    by_key: dict[str, list[LiveLine]] = defaultdict(list)
    for line in live.lines:
        if line.key.startswith(f"{snapshot.link_key}/"):
            by_key[line.key].append(line)
    for key, lines in by_key.items():
        size = key.removeprefix(f"{snapshot.link_key}/")
        ours = next((line for line in lines if line.id == snapshot.lines.get(size)), lines[0])
        for copy in lines:
            if copy is ours:
                continue
            counts.copied_subitems += 1
            why = (
                f"Subitem {copy.id} ({copy.name}) carries the key of subitem {ours.id}, which stands for the size. "
                f"Remedy: archive subitem {copy.id} on the board."
            )
            found.add("duplicate", **_of(snapshot, live.name), field=f"Size {size}", why=why)


def _look_for_the_rest(
    setup: Setup, counts: Counts, found: Findings, reading: _Reading, titles: dict[str, str], progress: Progress
) -> None:
    """Linked items that no page held: archived, deleted, on another board, or made while the board was read."""
    destination = setup.destination(whole_board(setup), EVERYBODY)
    for snapshots in _unseen(setup, counts, reading):
        progress("board", counts.items, counts.items + len(snapshots))
        live = destination.read([snapshot.item_id for snapshot in snapshots])
        for snapshot in snapshots:
            item = live.get(snapshot.item_id)
            if item is not None and item.state == "active" and item.on_board:
                counts.items += 1
                counts.linked += 1
                _compare(snapshot, item, counts, found, titles)
                continue
            counts.links += 1
            where = "archived" if item is not None and item.state in ("archived", "deleted") else "missing"
            counts.archived += where == "archived"
            counts.missing += where == "missing"
            why = f"It was {item.state}." if where == "archived" and item else "It is on no page of this board."
            found.add(where, **_of(snapshot, str(snapshot.order.get("name", ""))), why=f"{why} {REMEDY}")


REMEDY = "Remedy: gone_items, or the order's page: recreate it, link another item, or stop following the order."


def _unseen(setup: Setup, counts: Counts, reading: _Reading) -> Iterator[list[Snapshot]]:
    """Pages of links whose items were not read."""
    last = 0
    links = Snapshot.objects.filter(board=setup.board).select_related("customer").order_by("pk")
    while page := list(links.filter(pk__gt=last)[:PAGE]):
        last = page[-1].pk
        counts.left += sum(snapshot.state == LinkState.GONE for snapshot in page)
        unseen = [s for s in page if s.pk not in reading.linked and s.state != LinkState.GONE]
        if unseen:
            yield unseen


def _strangers(counts: Counts, found: Findings, reading: _Reading) -> None:
    """Items that no record is linked to; those that carry another item's key stand beside it."""
    twins = {link: ids for link, ids in reading.of_link.items() if len(ids) > 1}
    doubled = set()
    for number, (link, ids) in enumerate(sorted(twins.items()), 1):
        copies = [item for item in ids if item in reading.strangers]
        doubled.update(copies[1:] if len(copies) == len(ids) else copies)
        why = f"{len(ids)} items carry the key {link}. Remedy: archive all but one."
        for item in ids:
            found.add("duplicate", group=number, record=link, item_id=item, name=reading.names[item], why=why)
    counts.duplicates = len(doubled)
    for item, (_, name, group) in reading.strangers.items():
        if item not in doubled:
            counts.extra += 1
            found.add("extra", item_id=item, name=name, live=group)


def _of(snapshot: Snapshot, name: str) -> dict[str, str]:
    return {
        "record": snapshot.record,
        "item_id": snapshot.item_id,
        "name": name,
        "customer": snapshot.customer.name,
        "key": snapshot.key,
    }


def _titles(setup: Setup) -> dict[str, str]:
    return {column.id: column.title for column in setup.structure.columns.values()} | ITEM


def told(counts: Counts) -> Iterable[str]:
    """The counts in sentences, with their sums."""
    c = counts
    yield (
        f"{c.links:,} links = {c.equal:,} equal + {c.drifted:,} drifted ({counted(c.fields, 'field')}) "
        f"+ {c.missing:,} missing + {c.archived:,} archived"
    )
    yield f"{c.items:,} items = {c.linked:,} linked + {c.extra:,} extra + {c.duplicates:,} duplicates"
    yield from remarks(counts)


def remarks(counts: Counts) -> Iterable[str]:
    """What the sums do not tell."""
    c = counts
    if c.unmarked:
        carry = (
            "1 adopted item does not carry its key"
            if c.unmarked == 1
            else f"{c.unmarked:,} adopted items do not carry their keys"
        )
        them = "it" if c.unmarked == 1 else "them"
        yield f"{carry} yet; the next sync stages {them}, but for what was undone or declined."
    if c.copied_subitems:
        carry = "1 subitem carries" if c.copied_subitems == 1 else f"{c.copied_subitems:,} subitems carry"
        yield f"{carry} the key of another subitem of the same item."
    if c.left:
        are = "is" if c.left == 1 else "are"
        yield f"{counted(c.left, 'order')} {are} not followed any more, as a person decided."
    if not c.differs:
        yield "The board shows what was last written."


def sums(counts: Counts) -> list[tuple[str, int, list[tuple[str, int, str]]]]:
    """The sums that must hold: (whole, number, [(part, number, the kind of findings that it counts or "")])."""
    c = counts
    fields = f" in {counted(c.fields, 'field')}" if c.fields else ""
    links = [("equal", c.equal, ""), (f"drifted{fields}", c.drifted, "drifted")]
    links += [("missing", c.missing, "missing"), ("archived", c.archived, "archived")]
    items = [("linked", c.linked, ""), ("extra", c.extra, "extra"), ("duplicates", c.duplicates, "duplicate")]
    copies = [("copied subitems", c.copied_subitems, [("duplicates", c.copied_subitems, "duplicate")])]
    return [("linked orders", c.links, links), ("items", c.items, items), *(copies if c.copied_subitems else [])]


def as_json(counts: Counts) -> dict[str, int]:
    """The counts as a run keeps them."""
    return asdict(counts)
