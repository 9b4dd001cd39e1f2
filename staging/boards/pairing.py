"""Both sides of an adoption: every item of a board and every record of the source, and which belongs to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from mapping.core.order import Rendered
from mapping.core.render import shown_key
from mapping.core.rules import size_columns
from mapping.core.texts import raw_text
from staging.core.adoption import (
    KEY,
    UUID,
    InSource,
    Matching,
    OnBoard,
    Pair,
    Reading,
    Unsure,
    key_of,
    last_seen,
    likeness_of_item,
    likeness_of_order,
    lines_of,
    link_of,
    match,
)
from staging.core.fingerprint import fingerprint, key_hash, payload
from staging.core.ports import Row
from staging.core.words import counted
from staging.detection.compare import compare
from staging.detection.rows import Rows, SourceRow
from staging.models import Snapshot
from staging.setup import Progress, Setup, whole

from .board_items import Spool, everything
from .findings import Findings

PAGE = 500


@dataclass(slots=True)
class Counts:
    """Every item and every record counts as exactly one thing.

    items = linked + matched + unsure_items + orphaned; records = linked_records + matched + unsure_records + unmatched
    + unusable. `matched` = by_uuid + by_key. Unusable are rows that share one UUID, or belong to no known customer.
    """

    items: int = 0
    linked: int = 0
    by_uuid: int = 0
    by_key: int = 0
    unsure_items: int = 0
    orphaned: int = 0
    records: int = 0
    linked_records: int = 0
    unsure_records: int = 0
    unmatched: int = 0
    unusable: int = 0
    own_subitems: int = 0
    unmarked: int = 0
    adopted: int = 0

    @property
    def matched(self) -> int:
        return self.by_uuid + self.by_key

    def problems(self) -> list[str]:
        """Sums that do not hold; empty where all do."""
        items = self.linked + self.matched + self.unsure_items + self.orphaned
        records = self.linked_records + self.matched + self.unsure_records + self.unmatched + self.unusable
        return [f"items {self.items} are not {items}"] * (items != self.items) + [
            f"records {self.records} are not {records}"
        ] * (records != self.records)


@dataclass(frozen=True, slots=True)
class Known:
    """A record that an item may stand for, as far as linking needs it. `sizes` are those that it has."""

    customer: str
    key: tuple[str, ...]
    name: str
    reading: int
    sizes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """One link that is to be made; `marked` is true where item and subitems carry their keys already."""

    pair: Pair
    known: Known
    link_key: str
    marked: bool


class Pairing:
    """Reads both sides, and says which item is whose; everything that it finds becomes a finding.

    Holds a few texts for each item and each record that may match; the items themselves are kept in `spool`.
    """

    def __init__(self, setup: Setup, found: Findings, spool: Spool, progress: Progress) -> None:
        self.setup, self.found, self.progress, self._spool = setup, found, progress, spool
        self.counts, self.notes = Counts(), list[str]()
        self._shown_keys: dict[str, Callable[[Row], dict[str, object]]] = {}
        self._readings, self._reading_of = _readings(setup)
        self._items: list[OnBoard] = []
        self._links: set[str] = set()
        self._keys: set[str] = set()
        self._records: list[InSource] = []
        self._known: dict[str, Known] = {}
        linked = Snapshot.objects.filter(board=setup.board).values_list("item_id", "link_key")
        self._linked_items = dict(linked.iterator(chunk_size=5000))
        self._item_of_link = {link: item for item, link in self._linked_items.items()}

    def read_board(self) -> None:
        """Every item that is not linked yet, by UUID and by key."""
        counts, total = self.counts, self.setup.structure.items_count
        for live in everything(self.setup):
            counts.items += 1
            if counts.items % PAGE == 0:
                self.progress("board", min(counts.items, total), total)
            link = link_of(live)
            if live.id in self._linked_items:
                counts.linked += 1
            elif link in self._item_of_link:
                self._twin_of_linked(live.id, live.name, link)
            else:
                likes = tuple(likeness_of_item(live, reading) for reading in self._readings)
                self._items.append(OnBoard(live.id, link, likes))
                self._links.add(link)
                self._keys |= {like.key for like in likes}
                self._spool.put(live)
        self._links.discard("")
        self._keys.discard("")

    def _twin_of_linked(self, item_id: str, name: str, link: str) -> None:
        other = self._item_of_link[link]
        why = f"It carries the key of item {other}, which is linked. Remedy: archive one of them."
        self.counts.unsure_items += 1
        self.found.add("unsure", item_id=item_id, name=name, why=why)

    def read_source(self, expected: int) -> None:
        """Every record that is not linked yet, and which of them an item may stand for."""
        setup, counts = self.setup, self.counts
        rows = Rows(setup, whole(setup))
        compared = compare(
            setup.source.fingerprint_pages(whole(setup)),
            board=setup.board,
            expected_rows=expected,
            scheme=setup.source.scheme,
            mapping_keys=frozenset(),
            without_identity=rows.derived_fingerprints(),
        )
        counts.records = compared.read
        counts.unusable = sum(compared.duplicates.values()) + compared.unreadable_rows.total() + rows.repeated_rows
        present = sorted(compared.moved + compared.appeared)
        unknown: Counter[str] = Counter()
        for done, page in enumerate(rows.pages(present)):
            self.progress("source", done * PAGE, len(present))
            self._take(rows, page, unknown)
        counts.unusable += rows.missing + unknown.total()
        if unknown:
            names = ", ".join(repr(name) for name, _ in unknown.most_common(5))
            self.notes.append(
                f"Of no known customer ({names}): {counted(unknown.total(), 'row')}, whose items could not be looked "
                "for. Remedy: publish their names, and adopt again before the next sync."
            )

    def _take(self, rows: Rows, page: Sequence[SourceRow], unknown: Counter[str]) -> None:
        taken = set(
            Snapshot.objects.filter(board=self.setup.board, record__in=[source.record for source in page]).values_list(
                "record", flat=True
            )
        )
        for source in page:
            customer = rows.customer_of(source.row)
            if source.record in taken:
                self.counts.linked_records += 1
            elif customer is None:
                unknown[str(source.row[rows.customer_at] or "")] += 1
            else:
                self._take_record(rows, source, customer)

    def _take_record(self, rows: Rows, source: SourceRow, customer: str) -> None:
        rendered = rows.render(source.row, customer)
        order = rendered.order if isinstance(rendered, Rendered) else None
        place = self._reading_of[customer]
        key = key_of(self._shown_key(rows, customer)(source.row), self._readings[place])
        like = likeness_of_order(order, key, self._readings[place])
        if source.record in self._links or like.key in self._keys:
            name = order.name if order else ""
            sizes = tuple(order.sizes) if order else self._filled_sizes(customer, rows.columns, source.row)
            self._records.append(InSource(source.record, place, like))
            self._known[source.record] = Known(customer, rendered.key, name, place, sizes)
        else:
            self._unmatched(source.record, order.name if order else "", customer, rendered.key)

    def _unmatched(self, record: str, name: str, customer: str, key: tuple[str, ...]) -> None:
        self.counts.unmatched += 1
        self.found.add("unmatched", record=record, name=name, customer=customer, key=" / ".join(key))

    def _shown_key(self, rows: Rows, customer: str) -> Callable[[Row], dict[str, object]]:
        if customer not in self._shown_keys:
            family = self.setup.mappings.family
            self._shown_keys[customer] = family.shown_key(customer, rows.columns, self.setup.structure)
        return self._shown_keys[customer]

    def _filled_sizes(self, customer: str, columns: Sequence[str], row: Row) -> tuple[str, ...]:
        """The sizes of a row that gives no order: those whose cells are filled, whatever stands there."""
        sizes = self.setup.mappings.family.mapping(customer).sizes
        if sizes is None:
            return ()
        filled = [
            name for name in size_columns(sizes, columns) if raw_text(row[columns.index(name)]).strip() not in ("", "0")
        ]
        return tuple(dict.fromkeys(sizes.rename.get(name, name) for name in filled))

    def links(self) -> list[Link]:
        """What is certain. Everything else is told as a finding, and so is this."""
        matching = match(self._items, self._records)
        made = []
        for pair in matching.pairs:
            link = self._link(pair)
            if isinstance(link, Link):
                made.append(link)
            else:
                matching.unsure.append(link)
        self._tell(matching)
        self.found.flush()
        return made

    def snapshot(self, link: Link) -> Snapshot:
        """The link as it is stored. It bears no mark of the source, so the next sync compares the record with it."""
        live, known = self._spool.get(link.pair.item), link.known
        lines = lines_of(live, link.link_key, known.sizes)
        order = last_seen(live, self._readings[known.reading].columns, lines, marked=link.marked)
        return Snapshot(
            board=self.setup.board,
            record=link.pair.record,
            link_key=link.link_key,
            key=" / ".join(known.key),
            key_hash=key_hash(known.key),
            source_fingerprint="",
            scheme="",
            mapping_key=self.setup.mappings.family.key(known.customer),
            order=payload(order),
            order_fingerprint=fingerprint(order),
            item_id=link.pair.item,
            lines=dict(lines.ids),
            accepted_at=self.setup.clock.now(),
        )

    def _link(self, pair: Pair) -> Link | Unsure:
        live, known = self._spool.get(pair.item), self._known[pair.record]
        link_key = link_of(live) or pair.record
        if link_key in self._item_of_link:
            why = (
                f"Its key is that of item {self._item_of_link[link_key]}, which is linked. Remedy: archive one of them."
            )
            return Unsure((pair.item,), (pair.record,), why)
        lines = lines_of(live, link_key, known.sizes)
        if lines.why:
            return Unsure((pair.item,), (pair.record,), lines.why)
        marked = live.link_key == link_key and not lines.unmarked
        self.counts.by_uuid += pair.by == UUID
        self.counts.by_key += pair.by == KEY
        self.counts.own_subitems += lines.own
        self.counts.unmarked += not marked
        own = f"; {lines.own} subitems are people's own and stay as they are" if lines.own else ""
        self.found.add(
            "matched", **_of(pair.record, known) | {"name": live.name}, item_id=pair.item, why=f"by {pair.by}{own}"
        )
        return Link(pair, known, link_key, marked)

    def _tell(self, matching: Matching) -> None:
        for number, unsure in enumerate(matching.unsure, 1):
            self.counts.unsure_items += len(unsure.items)
            self.counts.unsure_records += len(unsure.records)
            for item in unsure.items:
                self.found.add("unsure", group=number, item_id=item, name=self._spool.get(item).name, why=unsure.why)
            for record in unsure.records:
                self.found.add("unsure", **_of(record, self._known[record]), group=number, why=unsure.why)
        for item in matching.orphans:
            self.counts.orphaned += 1
            live = self._spool.get(item)
            self.found.add("orphaned", item_id=item, name=live.name, live=live.group)
        for record in matching.unmatched:
            known = self._known[record]
            self._unmatched(record, known.name, known.customer, known.key)


def _of(record: str, known: Known) -> dict[str, str]:
    return {"record": record, "name": known.name, "customer": known.customer, "key": " / ".join(known.key)}


def _readings(setup: Setup) -> tuple[list[Reading], dict[str, int]]:
    """Each way of reading an item once, and the place of each customer's."""
    family, places, of = setup.mappings.family, dict[Reading, int](), dict[str, int]()
    for customer in family.customers:
        mapping = family.mapping(customer)
        reading = Reading(shown_key(mapping), tuple(sorted(rules.to for rules in mapping.columns)))
        of[customer] = places.setdefault(reading, len(places))
    return list(places), of


def told(counts: Counts, *, apply: bool) -> Iterable[str]:
    """The counts in sentences, with their sums."""
    c = counts
    yield (
        f"{c.items:,} items = {c.linked:,} linked before + {c.matched:,} matched ({c.by_uuid:,} by UUID, {c.by_key:,} "
        f"by business key) + {c.unsure_items:,} unsure + {c.orphaned:,} orphaned"
    )
    yield (
        f"{c.records:,} records = {c.linked_records:,} linked before + {c.matched:,} matched + {c.unsure_records:,} "
        f"unsure + {c.unmatched:,} unmatched + {c.unusable:,} unusable"
    )
    if c.own_subitems:
        yield f"{c.own_subitems:,} subitems stand for no size of their order; they are people's own and never touched."
    if apply:
        yield f"Adopted: {c.adopted:,}. The next sync stages what differs, and the keys that {c.unmarked:,} items lack."
    else:
        yield "Nothing was linked."


def as_json(counts: Counts) -> dict[str, int]:
    """The counts as a run keeps them."""
    return {**asdict(counts), "matched": counts.matched}
