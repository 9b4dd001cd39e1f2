"""Level 1 of detection: source fingerprints against what is known -> the records that may have moved.

The source is read once, as identity and fingerprint, page by page against what is known; a page that holds nothing but
quiet rows costs a few built-in calls. Records are compared in partitions of their UUID, each of a bounded number of
rows, so memory does not grow with the table; a table of several partitions is spooled to temporary files on the way.
"""

from __future__ import annotations

import marshal
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain, compress, islice, repeat, starmap
from operator import and_, is_, is_not, ne, not_, or_
from typing import IO, Any, NamedTuple

from django.db.models import Case, Q, QuerySet, Value, When

from monday.models import Board
from staging.core.identity import Unreadable, canonical, canonical_page, derived
from staging.models import Seen, Snapshot, StagedOrder
from staging.models.snapshot import LinkState, Verdict

PARTITION_ROWS = 120_000
CHUNK = 2_000  # rows of what is known, fetched at a time
PLAIN = 2  # the version of marshal's format that does not look for repeated values
LAST = "g"
"""After all UUIDs, by their first hex digit."""
LOOKED_UP = 500  # records that one statement names


Columns = Sequence[Sequence[str]]
"""Rows of a page, column by column."""


class Page(NamedTuple):
    """Rows of one partition: records, their fingerprints, and their identities as the source spells them."""

    records: Sequence[str]
    fingerprints: Sequence[str]
    raws: Sequence[str]


@dataclass(slots=True)
class Comparison:
    """What level 1 found. `moved` and `appeared` hold (record, identity as the source spells it), sorted by record."""

    read: int = 0
    unnamed: int = 0
    """Of the rows that were read: those without a UUID."""
    quiet: Counter[str] = field(default_factory=Counter)
    moved: list[tuple[str, str]] = field(default_factory=list)
    appeared: list[tuple[str, str]] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)
    """Records whose removal was carried out, or is in somebody's hands, and which the source does not hold again."""
    duplicates: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    unreadable_rows: Counter[str] = field(default_factory=Counter)
    incomparable: int = 0
    """Of those that moved: judged under another scheme or mapping, so that their fingerprints say nothing."""
    forgotten: list[str] = field(default_factory=list)
    """Records with a verdict and nothing else, which the source does not hold any more."""
    unused: set[str] = field(default_factory=set)
    """Of those that moved: records whose rows could not be used until now."""
    asleep: set[str] = field(default_factory=set)
    """Of a full run: records that moved by no fingerprint, and are rendered all the same."""


def compare(
    pages: Iterable[Sequence[tuple[str | None, str]]],
    *,
    board: Board,
    expected_rows: int,
    scheme: str,
    mapping_keys: frozenset[str],
    without_identity: Iterable[tuple[str, str]] = (),
    anew: Collection[str] = (),
    full: bool = False,
    classify: Classify | None = None,
) -> Comparison:
    """Compare every row's source fingerprint with what is known of its record.

    Records of `anew` count as appeared where they stand in the source, whatever is known of them. `without_identity`
    are (record, fingerprint) of the rows whose UUID is derived from their business key; the rows of `pages` that have
    none are only counted. `full` lets every known record count as moved, and remembers which of them had not. Reads
    the database outside any transaction of its own.
    """
    found = Comparison()
    ends = _ends(expected_rows)
    pages = iter(pages)
    begun = list(islice(pages, 1))  # from here on the source reads ahead, while we ask for the rest and what is known
    stream = chain(_of_their_own(without_identity), _canonical(chain(begun, pages), found))
    with ExitStack() as stack:
        tables = [_columns(rows) for rows in _words(board, scheme, mapping_keys)]
        for part, *words in zip(*(_parted(pages, ends, stack) for pages in (stream, *tables)), strict=True):
            _compare_partition(
                starmap(Page, part), _Known().read(words), found, anew, full=full, classify=classify or joined
            )
    _forget_linked(board, found)
    found.moved.sort()
    found.appeared.sort()
    found.vanished.sort()
    return found


def _canonical(pages: Iterable[Sequence[tuple[str | None, str]]], found: Comparison) -> Iterator[Page]:
    for page in pages:
        found.read += len(page)
        named = [row for row in page if row[0] is not None]
        found.unnamed += len(page) - len(named)
        if not named:
            continue
        raws, fingerprints = zip(*named, strict=True)
        records = canonical_page(raws)
        yield _one_by_one(named, found) if records is None else Page(records, fingerprints, raws)


def _of_their_own(without_identity: Iterable[tuple[str, str]]) -> Iterator[Page]:
    """The rows whose UUID is derived, as one page."""
    if rows := list(without_identity):
        yield Page([record for record, _ in rows], [print_ for _, print_ in rows], [""] * len(rows))


def _one_by_one(rows: Sequence[tuple[str | None, str]], found: Comparison) -> Page:
    """A page in which an identity is spelled in its own way, is empty, or is none."""
    page = Page([], [], [])
    for raw, fingerprint in rows:
        try:
            record = canonical(raw)
        except Unreadable:
            record = derived((str(raw),))
            found.unreadable[record] = str(raw)
            found.unreadable_rows[record] += 1
            continue
        if record is None:
            found.unnamed += 1
            continue
        for values, value in zip(page, (record, fingerprint, str(raw)), strict=True):
            values.append(value)  # type: ignore[attr-defined]  # they are lists, as they were made above
    return page


def _ends(rows: int) -> list[str]:
    """Where each partition ends, by the first two hex digits, so that each holds a bounded number of rows."""
    parts = min(256, max(1, -(-rows // PARTITION_ROWS)))
    return [*(f"{-(-256 * part // parts):02x}" for part in range(1, parts)), LAST]


def _parted(pages: Iterable[Columns], ends: Sequence[str], stack: ExitStack) -> Iterator[Iterable[Columns]]:
    """The pages of each partition. The rows of several go by way of temporary files, as they were read: what lies in
    a table by time of its making is read several times as fast from end to end as by ranges of its records."""
    if len(ends) == 1:
        return iter([pages])
    files = [stack.enter_context(tempfile.TemporaryFile()) for _ in ends]  # noqa: SIM115
    for page in pages:
        rows, at = sorted(zip(*page, strict=True)), 0
        for end, file in zip(ends, files, strict=True):
            upto = bisect_left(rows, (end,), at)
            if upto > at:
                packed = marshal.dumps(rows[at:upto], PLAIN)
                file.write(len(packed).to_bytes(8, "big") + packed)
            at = upto
    return map(_reread, files)


def _reread(file: IO[bytes]) -> Iterator[Columns]:
    file.seek(0)
    while length := file.read(8):
        rows = marshal.loads(file.read(int.from_bytes(length, "big")))  # noqa: S302  written above  # nosec B302
        yield list(zip(*rows, strict=True))


UNUSABLE = (Verdict.INVALID, Verdict.UNKNOWN_CUSTOMER)
FOLLOWED = ("unchanged", "waiting")
"""What is known of a record whose absence from the source is a removal."""
LEAVING = ("removed", "removing")
NOT_USED = ("invalid", "duplicate")


class _Known:
    """What is known of the records of one partition, each once.

    `quiet` maps what a row counts as, when nothing moved since its verdict, to fingerprints by record; `other` maps
    records to a verdict that is always judged again, or was given under another scheme or mapping.
    """

    def __init__(self) -> None:
        self.quiet: dict[str, dict[str, str]] = {"unchanged": {}, "waiting": {}, "invalid": {}}
        self.other: dict[str, str] = {}

    def read(self, tables: Iterable[Iterable[Columns]]) -> _Known:
        """Snapshots, then verdicts, then the last word that was staged: the later one on a record holds."""
        for pages in tables:
            quiet: dict[str, dict[str, str]] = {word: {} for word in self.quiet}
            other: dict[str, str] = {}
            for records, fingerprints, words in pages:
                if words[0] in quiet and words.count(words[0]) == len(words):
                    quiet[words[0]].update(zip(records, fingerprints, strict=True))
                    continue
                for record, fingerprint, word in zip(records, fingerprints, words, strict=True):
                    if word in quiet:
                        quiet[word][record] = fingerprint
                    else:
                        other[record] = word.removeprefix(ANEW)
            for earlier in (*self.quiet.values(), self.other):
                for later in (*quiet.values(), other):
                    for record in earlier.keys() & later.keys() if earlier and later else ():
                        del earlier[record]
            for word, fresh in quiet.items():
                self.quiet[word] = {**self.quiet[word], **fresh} if self.quiet[word] else fresh
            self.other |= other
        return self

    def verdict(self, record: str) -> str:
        """What is known of a record, "" where nothing is."""
        return self.other.get(record) or next((word for word, quiet in self.quiet.items() if record in quiet), "")

    def take(self, records: Collection[str]) -> dict[str, str]:
        """Leave these records out from here on; says what was known of them."""
        taken = {record: verdict for record in records if (verdict := self.verdict(record))}
        for listed in (*self.quiet.values(), self.other):
            for record in taken:
                listed.pop(record, None)
        return taken

    def is_quiet(self, record: str) -> bool:
        """Whether a fingerprint of the record is known that says something."""
        return any(record in quiet for quiet in self.quiet.values())


def _columns(rows: QuerySet[Any, Any]) -> Iterator[Columns]:
    """Records, fingerprints and words of a page at a time: the pages as they are fetched, not row by row."""
    compiler = rows.query.get_compiler(rows.db)
    for page in compiler.execute_sql(chunked_fetch=True, chunk_size=CHUNK):
        yield list(zip(*page, strict=True))


def _words(board: Board, scheme: str, mapping_keys: frozenset[str]) -> Iterator[QuerySet[Any, Any]]:
    """Where something is known of records: record, fingerprint, and what the row counts as while it has that one.

    One pass over each table, and no payload parsed.
    """
    keys = sorted(mapping_keys)
    same = Q(scheme=scheme) & reduce(
        or_, (Q(mapping_key__in=keys[at : at + 500]) for at in range(0, len(keys), 500)), Q()
    )
    if not keys:
        same = Q(pk=None)
    plain, removed = Q(state=LinkState.LINKED, withheld={}), Q(state=LinkState.REMOVED)
    within = Q(board=board, record__lt=LAST)
    # As they lie in the table, which takes a third of the time of jumping through it.
    snapshots = Snapshot.objects.filter(board=board).order_by("pk")
    for queryset, words in (
        # What most rows are comes first, as each case costs every row that is none.
        (snapshots, ((plain, "unchanged"), (removed, "removed"), (Q(), "waiting"))),
        (Seen.objects.filter(within), ((Q(verdict__in=UNUSABLE), "invalid"), (Q(), "duplicate"))),
        (
            StagedOrder.objects.filter(within, current=True),
            ((Q(operation="remove"), "removing"), (Q(), "waiting")),
        ),
    ):
        cases = [
            When(test & comparable, then=Value(prefix + word)) if test or comparable else Value(prefix + word)
            for test, word in words
            for comparable, prefix in ((same, ""), (Q(), ANEW))
        ]
        *whens, default = cases
        yield queryset.values_list("record", "source_fingerprint", Case(*whens, default=default))


ANEW = "?"
"""Before a word that was given under another scheme or mapping: its fingerprint says nothing."""


def _compare_partition(
    pages: Iterable[Page], known: _Known, found: Comparison, anew: Collection[str], *, full: bool, classify: Classify
) -> None:
    forced = known.take(anew) if anew else {}
    unmet = {word: quiet.copy() for word, quiet in known.quiet.items() if quiet}
    differing: dict[str, str] = {}
    for page in pages:
        for word, quiet in unmet.items():
            page = _strangers(page, word, quiet, differing, found, full=full)
        for record, raw in zip(page.records, page.raws, strict=True):
            if record in found.duplicates:
                found.duplicates[record] += 1
            elif record in differing or known.is_quiet(record):
                found.duplicates[record] = 2
                if differing.pop(record, None) is None:
                    found.quiet[known.verdict(record)] -= 1  # its first row was counted already, and is taken back
                found.asleep.discard(record)
            else:
                differing[record] = raw
    present = differing.keys() | found.duplicates.keys() | found.unreadable.keys()
    former = {record: verdict for record in differing if (verdict := known.verdict(record))}
    found.incomparable += sum(known.other.get(record, "") in known.quiet for record in former)
    former |= {record: verdict for record, verdict in (known.other | forced).items() if record not in present}
    for word, quiet in unmet.items():
        former |= dict.fromkeys(quiet.keys() - found.unreadable.keys(), word)
    if differing or former:
        classify(differing, former, found)


def _strangers(
    page: Page, word: str, unmet: dict[str, str], differing: dict[str, str], found: Comparison, *, full: bool
) -> Page:
    """The rows of a page whose record is not, or not any more, among those that no row was met for; the others are
    counted, or found to differ. Without a line of Python for each, as most are quiet."""
    was = list(map(unmet.pop, page.records, repeat(None)))
    differs = list(map(ne, was, page.fingerprints))
    strange = was.count(None)
    if full:
        found.asleep.update(compress(page.records, map(not_, differs)))
    else:
        found.quiet[word] += differs.count(False)
    if full or differs.count(True) > strange:
        met = map(is_not, was, repeat(None))
        moved = met if full else map(and_, met, differs)
        differing.update(compress(zip(page.records, page.raws, strict=True), moved))
    return _kept(page, list(map(is_, was, repeat(None)))) if strange else Page((), (), ())


def _kept(page: Page, wanted: Sequence[bool]) -> Page:
    return Page(*(list(compress(values, wanted)) for values in page))


def joined(differing: dict[str, str], former: dict[str, str], found: Comparison) -> None:
    """The outer join on the record, over what moved only: on both sides, appeared, or vanished."""
    for record, raw, verdict, side in _sides(differing, former):
        if side == "left_only":
            found.appeared.append((record, raw))
        elif side == "both":
            found.moved.append((record, raw))
            if verdict in NOT_USED:
                found.unused.add(record)
        elif verdict in FOLLOWED:
            found.vanished.append(record)
        elif verdict in LEAVING:
            found.leaving.append(record)
        elif verdict in NOT_USED:
            found.forgotten.append(record)


def _sides(differing: dict[str, str], former: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Record, identity, what was known of it, and on which side it stands. Where one side is empty nothing is joined:
    to load what joins takes longer than a quiet comparison, and 30 MB."""
    if not former:
        yield from ((record, raw, "", "left_only") for record, raw in differing.items())
    elif not differing:
        yield from ((record, "", verdict, "right_only") for record, verdict in former.items())
    else:
        import pandas as pd

        now = pd.DataFrame({"record": list(differing), "raw": list(differing.values())}, dtype="object")
        was = pd.DataFrame({"record": list(former), "verdict": list(former.values())}, dtype="object")
        both = now.merge(was, on="record", how="outer", indicator=True)
        yield from both[["record", "raw", "verdict", "_merge"]].itertuples(index=False, name=None)


Classify = Callable[[dict[str, str], dict[str, str], Comparison], None]


def _forget_linked(board: Board, found: Comparison) -> None:
    """A record with a verdict may have an item as well: then its absence is a removal too, unless that was made before,
    and another UUID may be the same order."""
    for start in range(0, len(found.forgotten), LOOKED_UP):
        page = found.forgotten[start : start + LOOKED_UP]
        found.vanished += Snapshot.objects.filter(board=board, record__in=page).values_list("record", flat=True)
