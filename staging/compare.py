"""Level 1 of detection: source fingerprints against what is known -> the records that may have moved.

The source is read once, as identity and fingerprint. Records are compared in partitions of their UUID, each of a
bounded number of rows, so memory does not grow with the table; a table of several partitions is spooled to temporary
files on the way.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, NamedTuple

from monday.models import Board

from .core.identity import Unreadable, canonical, derived
from .models import Seen, Snapshot, StagedOrder
from .models.snapshot import LinkState, Verdict

PARTITION_ROWS = 120_000


class Known(NamedTuple):
    """What is known of a record: the fingerprint it was judged at, and what that judgement counts as."""

    fingerprint: str
    scheme: str
    mapping_key: str
    verdict: str
    linked: bool = False
    """Whether an item on the board is linked to the record: then its absence from the source is a removal."""


@dataclass(slots=True)
class Comparison:
    """What level 1 found. `moved` and `appeared` hold (record, identity as the source spells it), sorted by record."""

    read: int = 0
    quiet: Counter[str] = field(default_factory=Counter)
    moved: list[tuple[str, str]] = field(default_factory=list)
    appeared: list[tuple[str, str]] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    duplicates: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    """Records with a verdict and nothing else, which the source does not hold any more."""


def compare(
    rows: Iterable[tuple[str | None, str]],
    *,
    board: Board,
    expected_rows: int,
    scheme: str,
    mapping_keys: frozenset[str],
    without_identity: Iterable[tuple[str, str]] = (),
    anew: Collection[str] = (),
) -> Comparison:
    """Compare every row's source fingerprint with what is known of its record.

    Records of `anew` count as appeared where they stand in the source, whatever is known of them. `without_identity`
    are (record, fingerprint) of the rows whose UUID is derived from their business key; the rows of `rows` that have
    none are only counted. Reads the database outside any transaction of its own.
    """
    found = Comparison()
    bounds = _bounds(expected_rows)
    with ExitStack() as stack:
        spools = [_Spool(stack, in_memory=len(bounds) == 1) for _ in bounds]
        for record, fingerprint, raw in _canonical(rows, without_identity, found):
            spools[int(record[:2], 16) * len(bounds) // 256].add(record, fingerprint, raw)
        for (low, high), spool in zip(bounds, spools, strict=True):
            _compare_partition(spool, _known(board, low, high), scheme, mapping_keys, found, anew)
    found.moved.sort()
    found.appeared.sort()
    found.vanished.sort()
    return found


def _canonical(
    rows: Iterable[tuple[str | None, str]], without_identity: Iterable[tuple[str, str]], found: Comparison
) -> Iterator[tuple[str, str, str]]:
    for raw, fingerprint in rows:
        found.read += 1
        try:
            record = canonical(raw)
        except Unreadable:
            found.unreadable[derived((str(raw),))] = str(raw)
            continue
        if record is not None:
            yield record, fingerprint, str(raw)
    for record, fingerprint in without_identity:
        yield record, fingerprint, ""


def _bounds(rows: int) -> list[tuple[str, str]]:
    """Ranges of the first two hex digits, so that each partition holds a bounded number of rows."""
    parts = min(256, max(1, -(-rows // PARTITION_ROWS)))
    edges = [-(-256 * part // parts) for part in range(parts + 1)]
    return [(f"{low:02x}", f"{high:02x}" if high < 256 else "g") for low, high in pairwise(edges)]


class _Spool:
    """The rows of one partition: in memory where there is only one, else in a temporary file."""

    def __init__(self, stack: ExitStack, *, in_memory: bool) -> None:
        self._rows: list[tuple[str, str, str]] = []
        self._file: IO[str] | None = (
            None if in_memory else stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115
        )

    def add(self, record: str, fingerprint: str, raw: str) -> None:
        if self._file is None:
            self._rows.append((record, fingerprint, raw))
        else:
            self._file.write(f"{record}\t{fingerprint}\t{raw}\n")

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        if self._file is None:
            yield from self._rows
            return
        self._file.seek(0)
        for line in self._file:
            record, fingerprint, raw = line.rstrip("\n").split("\t", 2)
            yield record, fingerprint, raw


def _known(board: Board, low: str, high: str) -> dict[str, Known]:
    """What is known of the records of one partition: snapshots, then verdicts, then the last word that was staged."""
    known: dict[str, Known] = {}
    snapshots = Snapshot.objects.filter(board=board, record__gte=low, record__lt=high)
    fields = ("record", "source_fingerprint", "scheme", "mapping_key", "state", "withheld")
    for record, fingerprint, scheme, key, state, withheld in snapshots.values_list(*fields).iterator(chunk_size=5000):
        waits = withheld or state == LinkState.GONE
        verdict = "removed" if state == LinkState.REMOVED else "waiting" if waits else "unchanged"
        known[record] = Known(fingerprint, scheme, key, verdict, state == LinkState.LINKED)
    seen = Seen.objects.filter(board=board, record__gte=low, record__lt=high)
    for record, fingerprint, scheme, key, verdict in seen.values_list(
        "record", "source_fingerprint", "scheme", "mapping_key", "verdict"
    ).iterator(chunk_size=5000):
        known[record] = Known(fingerprint, scheme, key, verdict, record in known and known[record].linked)
    staged = StagedOrder.objects.filter(board=board, current=True, record__gte=low, record__lt=high)
    for record, fingerprint, scheme, key, operation in staged.values_list(
        "record", "source_fingerprint", "scheme", "mapping_key", "operation"
    ).iterator(chunk_size=5000):
        known[record] = Known(fingerprint, scheme, key, "removing" if operation == "remove" else "waiting")
    return known


QUIET = {
    "unchanged": "unchanged",
    "waiting": "waiting",
    Verdict.INVALID.value: "invalid",
    Verdict.UNKNOWN_CUSTOMER.value: "invalid",
}
"""What a row counts as when nothing moved since its verdict; other verdicts are always judged again."""


def _compare_partition(
    spool: Iterable[tuple[str, str, str]],
    known: dict[str, Known],
    scheme: str,
    mapping_keys: frozenset[str],
    found: Comparison,
    anew: Collection[str],
) -> None:
    current: dict[str, tuple[str, str]] = {}
    for record, fingerprint, raw in spool:
        if record in current or record in found.duplicates:
            found.duplicates[record] = found.duplicates.get(record, 1) + 1
            continue
        current[record] = (fingerprint, raw)
    for record in found.unreadable:
        known.pop(record, None)
    differing: dict[str, str] = {}
    for record, (fingerprint, raw) in current.items():
        if record in found.duplicates:
            known.pop(record, None)
            continue
        if record in anew:
            known.pop(record, None)
        was = known.get(record)
        if was and was.fingerprint == fingerprint and was.scheme == scheme and was.mapping_key in mapping_keys:
            verdict = QUIET.get(was.verdict)
            if verdict:
                found.quiet[verdict] += 1
                del known[record]
                continue
        differing[record] = raw
    _join(differing, known, found)


def _join(differing: dict[str, str], known: dict[str, Known], found: Comparison) -> None:
    """The outer join on the record, over what moved only: on both sides, appeared, or vanished."""
    if not differing and not known:
        return
    import pandas as pd  # only where something moved: the import costs more than a quiet comparison

    current = pd.DataFrame({"record": list(differing), "raw": list(differing.values())}, dtype="object")
    former = pd.DataFrame({"record": list(known), "verdict": [k.verdict for k in known.values()]}, dtype="object")
    joined = current.merge(former, on="record", how="outer", indicator=True)
    for record, raw, verdict, side in joined[["record", "raw", "verdict", "_merge"]].itertuples(index=False):
        if side == "left_only":
            found.appeared.append((record, raw))
        elif side == "both":
            found.moved.append((record, raw))
        elif verdict in ("unchanged", "waiting"):
            found.vanished.append(record)
        elif verdict in Verdict.values:
            found.forgotten.append(record)
            if known[record].linked:
                found.vanished.append(record)
