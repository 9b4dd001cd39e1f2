"""Detection: which orders are new, changed or gone, staged through a ledger as they are found.

Level 1 (`compare`) finds the records whose row may have moved; only those are read in full, rendered and judged
(`core.verdict`). Memory is bounded by a page of rows. Opens no transaction while the source is read; the ledger
commits page by page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mapping.core.order import Rendered
from staging.batches.rekeying import moves_along
from staging.batches.rows import InTheWay, Judged
from staging.batches.stage import Ledger
from staging.core.causes import Cause
from staging.core.changeset import Rekeyed
from staging.core.counts import Counts
from staging.core.fingerprint import fingerprint, order_of
from staging.core.lifecycle import OrderState
from staging.core.ports import Row, Scope, SourceRefused
from staging.core.verdict import Accepted, Kind, Remembered, judge
from staging.models import Snapshot, StagedOrder
from staging.models.snapshot import LinkState, Verdict
from staging.setup import Progress, Setup, Stopped, whole

from .by_key import Saw, contested, not_gone
from .compare import Comparison, compare
from .doubts import Matched, held_as_ambiguous, left_unsure
from .guards import check_stood_still, lost_while_read, not_there
from .judging import Unusable
from .relink import relink
from .rows import PAGE, Rows, SourceRow

READINGS = 3
"""Of a source in which rows without a UUID come or go while it is read; after that the run is refused."""


@dataclass(slots=True)
class Detected:
    """What a detection found. `unknown_customers` maps spellings of the source to their rows among those judged."""

    counts: Counts
    comparison: Comparison
    unknown_customers: dict[str, int] = field(default_factory=dict)
    unused: set[str] = field(default_factory=set)
    """Records whose rows were judged and cannot be used."""
    missed: list[str] = field(default_factory=list)
    """Names of orders that a full run found to differ although their rows' fingerprints had not moved."""
    lost: str = ""
    """Why removals were not concluded although all of the source was read."""
    kept: int = 0
    """Records that vanished and are not removed, as a row that cannot be used may be theirs."""


def detect(
    *,
    setup: Setup,
    ledger: Ledger,
    scope: Scope,
    full: bool,
    limited: bool,
    expected_rows: int,
    admit: Callable[[int], None],
    progress: Progress,
) -> Detected:
    """Compare, read what moved, judge it and hand it to the ledger; then conclude what vanished.

    `full` renders every row whatever its fingerprint says. Removals are concluded only where the scope is not partial,
    the run not `limited`, and no row was lost since `expected_rows` were counted. `admit` is told how many rows were
    read before anything is done, and raises GuardRefused where they are too few. Raises SourceRefused where the source
    fails; what was staged until then stays a draft.
    """
    doubtful = held_as_ambiguous(setup)
    rows, found = _compared(setup, scope, doubtful, expected_rows, progress, full=full)
    admit(found.read)
    check_stood_still(found.unnamed, rows.unnamed)
    if scope.partial:
        _refuse_doubled(setup, scope, found)
    detected = Detected(Counts(read=found.read), found, lost=lost_while_read(expected_rows, found.read))
    _count_quiet(detected, rows)
    complete = not scope.partial and not limited and not detected.lost
    matched = _match(setup, rows, found, doubtful, partial=scope.partial)
    overtaken = ledger.rekey(matched.rekeyed.pairs)  # they wait for the next run, as they are another's by now
    detected.counts.waiting += len(overtaken)
    moved = sorted(pair for pair in found.moved + found.appeared if pair[0] not in overtaken)
    unheard = frozenset(record for record, _ in found.appeared) - matched.rekeyed.pairs.keys() - doubtful.keys()
    try:
        for done, page in enumerate(rows.pages(moved)):
            # Rows without a UUID come in pages of their own, so that there may be one page more than full ones.
            progress("detect", max(0, min(found.read - len(moved) + done * PAGE, found.read)), found.read)
            _judge_page(setup, rows, ledger, detected, page, matched, unheard)
    except (SourceRefused, Stopped):
        ledger.flush()  # what was judged is counted, so it is kept
        raise
    detected.counts.waiting += rows.missing
    if not scope.partial:
        shown = {**rows.repeated_shown, **rows.side_by_side(found)}
        ledger.duplicates(
            InTheWay(found.duplicates, rows.repeated, found.unreadable, found.unreadable_rows, shown=shown)
        )
    gone, kept = _gone(setup, scope, rows, detected, matched) if complete else ([], set[str]())
    if not scope.partial:
        ledger.lose(kept | matched.rekeyed.kept)
        # What was last seen of an order that stays without a row is what it is known by.
        known = set(found.vanished).difference(gone, matched.rekeyed.pairs.values()) | rows.repeated.keys()
        ledger.forget([record for record in found.forgotten if record not in known])
    detected.counts.removed = ledger.remove(gone) if complete else None
    ledger.close()
    detected.counts.deferred = ledger.deferred
    _take_back(detected.counts, ledger.overtaken)
    return detected


def _compared(
    setup: Setup, scope: Scope, doubtful: Collection[str], expected_rows: int, progress: Progress, *, full: bool
) -> tuple[Rows, Comparison]:
    """The rows against what is known, read again where rows without a UUID came or went in between."""
    for _ in range(READINGS):
        progress("detect", 0, expected_rows)
        rows = Rows(setup, scope)
        found = compare(
            setup.source.fingerprint_pages(scope),
            board=setup.board,
            expected_rows=expected_rows,
            scheme=setup.source.scheme,
            mapping_keys=mapping_keys(setup),
            without_identity=rows.derived_fingerprints(),
            anew=doubtful,
            full=full,
        )
        if found.unnamed == rows.unnamed:
            break
    return rows, found


def _gone(setup: Setup, scope: Scope, rows: Rows, detected: Detected, matched: Matched) -> tuple[list[str], set[str]]:
    """Of the records that vanished, those that the source does not hold in any form, and those that it may hold on a
    row that cannot be used. Asks it; raises SourceRefused."""
    found, rekeyed = detected.comparison, matched.rekeyed
    present = rekeyed.kept | set(rekeyed.pairs.values()) | rows.repeated.keys() | rows.present
    gone = not_there(setup.source, scope, [record for record in found.vanished if record not in present])
    # A declined doubt under a new UUID is one still: the item that may be its own stays.
    unclear = {new for new, former in rekeyed.pairs.items() if former in matched.doubtful}
    kept = not_gone(setup, rows.columns, gone, Saw(found, detected.unused | unclear, rows.repeated))
    detected.kept = len(kept)
    return [record for record in gone if record not in kept], kept


def _take_back(counts: Counts, overtaken: Mapping[str, int]) -> None:
    """Orders that were not staged after all wait: somebody has their records in hand, or had meanwhile."""
    new, gone = overtaken.get("create", 0), overtaken.get("remove", 0)
    changed = overtaken.get("update", 0) + overtaken.get("restore", 0)
    counts.new, counts.changed = counts.new - new, counts.changed - changed
    counts.waiting += new + changed
    counts.removed = counts.removed - gone if counts.removed else counts.removed


def mapping_keys(setup: Setup) -> frozenset[str]:
    """The keys under which a verdict still stands: of every customer, and of rows whose customer is unknown."""
    family = setup.mappings.family
    return frozenset([family.unknown_key, *(family.key(customer) for customer in family.customers)])


def _count_quiet(detected: Detected, rows: Rows) -> None:
    counts, found = detected.counts, detected.comparison
    counts.unchanged = found.quiet["unchanged"]
    counts.waiting = found.quiet["waiting"]
    counts.invalid = found.quiet["invalid"] + found.unreadable_rows.total()
    counts.duplicate = sum(found.duplicates.values()) + rows.repeated_rows


def _refuse_doubled(setup: Setup, scope: Scope, found: Comparison) -> None:
    """A UUID that stands on a second row outside of a narrowed scope is a duplicate here too."""
    asked = {raw: record for record, raw in (*found.moved, *found.appeared) if raw}
    spellings = {spelled(raw): record for raw, record in asked.items() for spelled in (str, str.lower, str.upper)}
    rows = Counter(spellings[raw] for raw, _ in setup.source.fingerprints_of([*spellings], whole(setup)))
    doubled = {record for record, count in rows.items() if count > 1}
    if doubled:
        found.duplicates |= dict.fromkeys(doubled, 1)
        found.moved = [pair for pair in found.moved if pair[0] not in doubled]
        found.appeared = [pair for pair in found.appeared if pair[0] not in doubled]


def _match(setup: Setup, rows: Rows, found: Comparison, held: Mapping[str, set[str]], *, partial: bool) -> Matched:
    """Match records that appeared to records that vanished, inside their business keys.

    A narrowed run does not know what vanished: there every match is only a suspicion, and held.
    """
    rekeyed = relink(
        setup,
        rows,
        appeared=found.appeared,
        unused=[pair for pair in found.moved if pair[0] in found.unused],
        vanished=found.vanished,
        leaving=found.leaving,
        held=held,
        mapping_keys=mapping_keys(setup),
    )
    rows.missing = 0
    unsure = left_unsure(setup)
    if not partial:
        rekeyed = contested(setup, rows.columns, rekeyed, Saw(found, rows.unclaimed, rows.repeated))
    else:
        suspects = rekeyed.ambiguous | rekeyed.pairs.keys()
        rekeyed = Rekeyed({}, suspects, rekeyed.kept | set(rekeyed.pairs.values()))
    return Matched(rekeyed, held.keys(), unsure, partial)


def pages_of(records: Iterable[str]) -> Iterator[list[str]]:
    """The records in pages that one statement can take."""
    listed = list(records)
    for start in range(0, len(listed), PAGE):
        yield listed[start : start + PAGE]


def _judge_page(
    setup: Setup,
    rows: Rows,
    ledger: Ledger,
    detected: Detected,
    page: list[SourceRow],
    matched: Matched,
    unheard: frozenset[str],
) -> None:
    """Judge one page. Of records that are `unheard` of nothing is known, so nothing is asked."""
    records = [source.record for source in page if source.record not in unheard]
    # Staged orders first: what a push settles in between is then still found, as waiting or as accepted.
    former = matched.rekeyed.pairs  # a rehearsal leaves all under their former UUIDs
    wanted = records + [former[record] for record in records if record in former]
    staged = StagedOrder.objects.last_words(setup.board, wanted)
    snapshots = {s.record: s for s in Snapshot.objects.filter(board=setup.board, record__in=wanted)}
    ledger.look(snapshots.values())
    scheme, unknown = setup.source.scheme, setup.mappings.family.unknown_key
    for source in page:
        record = source.record
        snapshot = snapshots.get(record) or snapshots.get(former.get(record, ""))
        heard = record not in unheard
        last = staged.get(record)
        if record in former and (moved := staged.get(former[record])) is not None and moves_along(moved):
            last = moved
        judged = Judged(record, source.fingerprint, scheme, unknown, snapshot, last, heard)
        _judge_row(rows, ledger, detected, judged, source.row, matched, setup)
    ledger.turn_page()


def _judge_row(
    rows: Rows, ledger: Ledger, detected: Detected, judged: Judged, row: Row, matched: Matched, setup: Setup
) -> None:
    found = rows.judge(row)
    if not isinstance(found, Unusable) or found.verdict == Verdict.INVALID:
        judged = judged.under(setup.mappings.family.key(found.customer))
    if isinstance(found, Unusable):
        _see(ledger, detected, judged, found)
        return
    counts = detected.counts
    before = counts.new + counts.changed
    _count_order(ledger, counts, judged, found.customer, found, matched)
    if counts.new + counts.changed > before and judged.record in detected.comparison.asleep:
        detected.missed.append(found.order.name)


def _see(ledger: Ledger, detected: Detected, judged: Judged, found: Unusable) -> None:
    if found.verdict == Verdict.UNKNOWN_CUSTOMER:
        detected.unknown_customers[found.customer] = detected.unknown_customers.get(found.customer, 0) + 1
    detected.counts.invalid += 1
    detected.unused.add(judged.record)
    ledger.see(judged, found.verdict, found.customer, found.key, found.problems, found.words)


def _count_order(
    ledger: Ledger, counts: Counts, judged: Judged, customer: str, rendered: Rendered, matched: Matched
) -> None:
    print_ = fingerprint(rendered.order)
    ledger.free(judged, rendered.order)
    doubt = matched.doubt(judged, customer, rendered.key)
    anew = _staged_elsewhere(judged, customer) or (_held_in_doubt(judged, matched) and not doubt)
    remembered = None if anew else _remembered(judged.last)
    verdict = judge(rendered.order, print_, _accepted(judged.snapshot), remembered)
    if verdict.kind is Kind.UNCHANGED:
        rekey = judged.record in matched.rekeyed.pairs
        counts.rekeyed += rekey
        counts.unchanged += not rekey
        ledger.follow(judged, print_, rendered)
    elif verdict.kind is Kind.WAITING or (judged.last and not judged.replaceable):
        counts.waiting += 1
        ledger.wait(judged, print_, rendered.key, settled=not doubt and matched.settled(judged.record))
    else:
        counts.new += verdict.kind is Kind.NEW
        counts.changed += verdict.kind is Kind.CHANGED
        ledger.stage(judged, customer, rendered, verdict, print_, doubt)


def _held_in_doubt(judged: Judged, matched: Matched) -> bool:
    """Whether the last word is what an earlier run held, and not a decision that came with the record's former UUID.
    Where it was declined it stands, unless it is known by now that no item had to be made."""
    last = judged.last
    if last is None or judged.record not in matched.doubtful:
        return False
    settled = judged.record in matched.rekeyed.pairs and last.cause == Cause.AMBIGUOUS
    return settled or last.state == OrderState.HELD


def _staged_elsewhere(judged: Judged, customer: str) -> bool:
    """Whether what waits stands in the batch of a customer that the row belongs to no more."""
    last = judged.last
    return (
        last is not None and last.state in (OrderState.STAGED, OrderState.HELD) and last.batch.customer.name != customer
    )


def _accepted(snapshot: Snapshot | None) -> Accepted | None:
    if snapshot is None:
        return None
    return Accepted(
        order_of(snapshot.order),
        snapshot.order_fingerprint,
        snapshot.withheld,
        removed=snapshot.state == LinkState.REMOVED,
        left=snapshot.state == LinkState.GONE,
        link_key=snapshot.link_key,
    )


def _remembered(last: StagedOrder | None) -> Remembered | None:
    return Remembered(last.order_fingerprint, last.state, last.operation) if last else None
