"""Records whose UUID stands on no row, looked for by their business keys: a row that nobody can use may be theirs.

A UUID may be lost while its row stays: emptied, misspelled, copied onto another row, or made anew together with a
customer's name that nobody claims. Such a record is not gone, so nothing may be removed for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from django.db.models import QuerySet

from monday.models import Board
from staging.batches.said import said_since
from staging.core.causes import Cause
from staging.core.changeset import Rekeyed
from staging.core.fingerprint import key_values
from staging.core.identity import Unreadable, canonical, derived
from staging.models import Seen, Snapshot, StagedOrder
from staging.models.snapshot import LinkState
from staging.setup import Setup, whole

from .compare import Comparison
from .doubts import IN_DOUBT
from .relink import decided, readers_of

PAGE = 500


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A row that carries a business key which was asked for, named by its hash. `record` is derived from the key where
    the row has no UUID, and "" where it has a text that is none; `told` is the record of a verdict on it."""

    key: str
    record: str
    told: str


@dataclass(frozen=True, slots=True)
class Saw:
    """What this run knows of the rows that it saw: `found` by comparing, `unused` records that it judged and could not
    use, `repeated` records of rows without UUID that share their business key, with the number of their rows."""

    found: Comparison
    unused: AbstractSet[str]
    repeated: Mapping[str, int]


def rows_with(setup: Setup, columns: Sequence[str], keys: Mapping[str, str]) -> tuple[list[KeyRow], set[str]]:
    """The rows that carry one of these business keys (by hash, as they are stored), by whatever definition of a key
    holds or has held; and the hashes of keys that none of them can have given, so that nobody can tell.

    A row may be found by two definitions. Asks the source; raises SourceRefused.
    """
    definitions = list(readers_of(setup, columns))
    lengths = sorted({len(definition) for definition in definitions})
    cut = {hashed: key_values(key, hashed, lengths) for hashed, key in keys.items()}
    hashes = {values: hashed for hashed, values in cut.items() if values}
    rows = []
    for definition in definitions:
        fitting = [values for values in hashes if len(values) == len(definition)]
        for raw, key in setup.source.with_keys(definition, fitting, whole(setup)) if fitting else ():
            rows.append(_row(hashes[key], raw, key))
    return rows, {hashed for hashed, values in cut.items() if not values}


def _row(hashed: str, raw: str | None, key: tuple[str, ...]) -> KeyRow:
    try:
        record = canonical(raw)
    except Unreadable:
        return KeyRow(hashed, "", derived((str(raw),)))
    record = record or derived(key)
    return KeyRow(hashed, record, record)


def not_gone(setup: Setup, columns: Sequence[str], vanished: Collection[str], saw: Saw) -> set[str]:
    """Of records that vanished and that something is remembered of, those whose business key stands on a row that
    cannot be used, or cannot be asked for. Asks the source where there are any; raises SourceRefused."""
    linked = Snapshot.objects.filter(board=setup.board, state=LinkState.LINKED)
    lost = list(_remembered(setup, list(vanished), linked))
    if not lost:
        return set()
    rows, unasked = rows_with(setup, columns, {hashed: key for _, key, hashed in lost})
    keys = unasked | {row.key for row in _unusable(setup.board, rows, saw)}
    return {record for record, _, hashed in lost if hashed in keys}


def contested(setup: Setup, columns: Sequence[str], rekeyed: Rekeyed, saw: Saw) -> Rekeyed:
    """The matches, without those for which the business key alone speaks and a row speaks against it that cannot be
    used and may be the vanished order's as well: they are ambiguous. One that stood there as it does before the order
    lost its row is not. Asks the source where there are any; raises SourceRefused."""
    supposed = {old: new for new, old in rekeyed.pairs.items() if new in rekeyed.supposed}
    if not supposed:
        return rekeyed
    olds = list(_remembered(setup, list(supposed), Snapshot.objects.filter(board=setup.board)))
    rows, _ = rows_with(setup, columns, {hashed: key for _, key, hashed in olds})
    unusable = _unusable(setup.board, rows, saw)
    any_, new = {row.key for row in unusable}, {row.key for row in _new(setup.board, unusable, saw)}
    lost = set[str]()
    for page in _pages(sorted(supposed)):
        links_ = Snapshot.objects.filter(board=setup.board, record__in=page, source_fingerprint="")
        lost |= set(links_.values_list("record", flat=True))
    kept = {old for old, _, hashed in olds if hashed in (any_ if old in lost else new)}
    unclear = {supposed[old] for old in kept}
    return Rekeyed(
        {new: old for new, old in rekeyed.pairs.items() if new not in unclear},
        rekeyed.ambiguous | unclear,
        rekeyed.kept | kept,
        rekeyed.supposed - unclear,
    )


def _remembered(setup: Setup, vanished: list[str], links: QuerySet[Snapshot]) -> Iterator[tuple[str, str, str]]:
    """Record and business key, as text and hash, of each with one of these links or a decision that must be kept; also
    by the key that the source gave it since."""
    records = set()
    for query in (decided(setup.board, "create", "restore"), links):
        for page in _pages(vanished):
            for record, key, hashed in query.filter(record__in=page).values_list("record", "key", "key_hash"):
                records.add(record)
                yield record, key, hashed
    for said in said_since(setup.board, sorted(records)):
        yield said.record, said.key, said.hashed


def _unusable(board: Board, rows: Sequence[KeyRow], saw: Saw) -> list[KeyRow]:
    """The rows that cannot be used and may be another record's than their own UUID says.

    A row that cannot be used and has a link of its own with this very key is no other record's; unless its UUID stands
    on several rows, of which only one can be its own.
    """
    doubled = saw.found.duplicates.keys() | saw.repeated.keys()
    records = {row.record for row in rows if row.record} - doubled
    moved = {record for record, _ in (*saw.found.moved, *saw.found.appeared)}
    unused = (records & saw.unused) | _verdicts(board, records - moved)
    unheard = records - unused - moved
    unheard -= known(board, unheard)  # the others came while this run was reading
    own = links(board, unused)
    return [
        row
        for row in rows
        if not row.record
        or row.record in doubled
        or row.record in unheard
        or (row.record in unused and own.get(row.record) != row.key)
    ]


def _new(board: Board, rows: Sequence[KeyRow], saw: Saw) -> list[KeyRow]:
    """Of rows that cannot be used, those that no earlier run has seen, or not as many of them."""
    known: dict[str, int] = {}
    for page in _pages(sorted({row.told for row in rows})):
        seen = Seen.objects.unused().filter(board=board, record__in=page)
        known.update(seen.values_list("record", "rows"))
    times = {**saw.found.unreadable_rows, **saw.found.duplicates, **saw.repeated}
    return [row for row in rows if known.get(row.told) != times.get(row.told, 1)]


def links(board: Board, records: Collection[str]) -> dict[str, str]:
    """The hash of the business key of each record that has a link."""
    found: dict[str, str] = {}
    for page in _pages(sorted(records)):
        found.update(Snapshot.objects.filter(board=board, record__in=page).values_list("record", "key_hash"))
    return found


def known(board: Board, records: Collection[str]) -> set[str]:
    """The records that have a link, or a staged order that is no creation of which nobody can say whose it is."""
    found = set(links(board, records))
    for page in _pages(sorted(records)):
        staged = StagedOrder.objects.filter(board=board, record__in=page, current=True)
        staged = staged.exclude(state__in=IN_DOUBT, cause=Cause.AMBIGUOUS)
        found.update(staged.values_list("record", flat=True))
    return found


def _verdicts(board: Board, records: Collection[str]) -> set[str]:
    """Those that an earlier run could not use, and which did not move since."""
    found: set[str] = set()
    for page in _pages(sorted(records)):
        found.update(Seen.objects.unused().filter(board=board, record__in=page).values_list("record", flat=True))
    return found


def _pages(records: Sequence[str]) -> Iterator[Sequence[str]]:
    return (records[start : start + PAGE] for start in range(0, len(records), PAGE))
