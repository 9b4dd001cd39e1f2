"""Applied equals approved: before a push, the source is compared again with what each approved order was built on.

An order stays as it was approved while its row renders to exactly that order. What has moved on is superseded and
named, never sent in its old form; the next sync stages it anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from mapping.core.order import Rendered
from staging.batches.decide import current_key
from staging.core.fingerprint import fingerprint
from staging.core.identity import Unreadable, canonical
from staging.core.lifecycle import OrderState
from staging.core.ports import Scope
from staging.detection.by_key import known, rows_with
from staging.detection.guards import GuardRefused, check_rows
from staging.detection.rows import Rows, SourceRow
from staging.models import Batch, StagedOrder
from staging.setup import Setup, whole
from staging.transitions import move_orders

BACK = "Its row is in the source again."
BACK_BY_KEY = "A row with its business key is in the source, and may be its own under another UUID."
GONE = "Its row is no longer in the source."
MOVED = "The source or the mapping has moved since it was approved."
TWICE = "Its UUID stands on more than one row by now."
PAGE = 500  # orders whose keys one statement asks for
DERIVED = 5  # the version of the UUIDs that stand for rows without one

Standing = dict[str, list[tuple[str, str]]]
"""By record: the identity as the source spells it ("" for a derived one) and the fingerprint of each of its rows."""


@dataclass(frozen=True, slots=True)
class Approved:
    """An order that may go out, as far as the comparison needs it."""

    pk: int
    record: str
    label: str
    operation: str
    marks: tuple[str, str, str]
    order_fingerprint: str


def supersede_moved(*, batch: Batch, setup: Setup, actor: str) -> list[str]:
    """Supersede the approved orders of a batch that are out of date; returns their names.

    Reads the source outside any transaction, then opens a short one for each reason. Raises SourceRefused, and
    GuardRefused where the source is empty or lost so many rows that it may be half loaded; then nothing was changed.
    """
    approved = list(_approved(batch))
    stale = _stale(batch, approved, setup)
    absent = GONE in stale.values() or any(one.operation == "remove" and one.pk not in stale for one in approved)
    if absent:  # a table that is being loaded anew lacks rows that nobody took out
        _check_load(batch, setup)
    reasons: dict[str, list[int]] = defaultdict(list)
    for pk, why in stale.items():
        reasons[why].append(pk)
    for why, ids in reasons.items():
        move_orders(batch, ids, "supersede", actor=actor, now=setup.clock.now(), reason=why, current=False)
    return [order.label for order in approved if order.pk in stale]


def _check_load(batch: Batch, setup: Setup) -> None:
    """Raises GuardRefused where a sync would not take the source as it stands."""
    try:
        check_rows(setup.board, setup.source.count(whole(setup)), expected=None)
    except GuardRefused as refused:
        raise GuardRefused(f"Batch {batch.pk} waits until a sync takes the source as it is. {refused}") from None


def out_of_date(labels: Sequence[str]) -> str:
    """The sentence that names the orders which were superseded, "" where there are none."""
    if not labels:
        return ""
    more = f" and {len(labels) - 5:,} more" if len(labels) > 5 else ""
    orders = "1 order" if len(labels) == 1 else f"{len(labels):,} orders"
    return f"{orders} changed since this batch was built: {', '.join(labels[:5])}{more}. Remedy: run the sync again."


def _approved(batch: Batch) -> Iterator[Approved]:
    orders = StagedOrder.objects.filter(batch=batch, state=OrderState.APPROVED).order_by("id")
    fields = ("pk", "record", "label", "operation", "source_fingerprint", "scheme", "mapping_key", "order_fingerprint")
    for pk, record, label, operation, print_, scheme, key, order_print in orders.values_list(*fields).iterator():
        yield Approved(pk, record, label, operation, (print_, scheme, key), order_print)


def _stale(batch: Batch, approved: Sequence[Approved], setup: Setup) -> dict[int, str]:
    """Why each order that is out of date is so, by its key."""
    scope = whole(setup)
    rows = Rows(setup, scope)
    standing = _standing(setup, rows, scope, [order.record for order in approved])
    marks = (setup.source.scheme, current_key(batch, setup.mappings))
    stale: dict[int, str] = {}
    doubtful: dict[str, Approved] = {}
    for order in approved:
        found = standing.get(order.record, [])
        if order.operation == "remove":
            if found:
                stale[order.pk] = BACK
        elif len(found) != 1:
            stale[order.pk] = TWICE if found else GONE
        elif order.marks != (found[0][1], *marks):
            doubtful[order.record] = order
    removals = [order for order in approved if order.operation == "remove" and order.pk not in stale]
    return stale | _maybe_back(setup, rows, removals) | _differing(batch, rows, doubtful, standing)


def _maybe_back(setup: Setup, rows: Rows, removals: Sequence[Approved]) -> dict[int, str]:
    """Of removals whose UUID stands on no row, those whose business key stands on one that is nobody else's, or of
    which nobody can say how their key is found: their row may be back under another UUID, or without one."""
    keys = _keys(removals)
    if not keys:
        return {}
    found, unasked = rows_with(setup, rows.columns, dict(keys.values()))
    others = known(setup.board, {row.record for row in found} - {order.record for order in removals})
    standing = _standing(setup, rows, whole(setup), sorted(others))
    own = {record for record, places in standing.items() if len(places) == 1}  # a UUID on two rows says nothing
    free = unasked | {row.key for row in found if row.record not in own}
    return {pk: BACK_BY_KEY for pk, (hashed, _) in keys.items() if hashed in free}


def _keys(removals: Sequence[Approved]) -> dict[int, tuple[str, str]]:
    """Hash and text of the business key of each, by its key here."""
    found: dict[int, tuple[str, str]] = {}
    for start in range(0, len(removals), PAGE):
        page = StagedOrder.objects.filter(pk__in=[order.pk for order in removals[start : start + PAGE]])
        found.update((pk, (hashed, key)) for pk, hashed, key in page.values_list("pk", "key_hash", "key"))
    return found


def _differing(batch: Batch, rows: Rows, doubtful: dict[str, Approved], standing: Standing) -> dict[int, str]:
    """Of orders whose row or mapping moved, those that would be rendered differently now."""
    same: set[str] = set()
    moved = sorted((record, standing[record][0][0]) for record in doubtful)
    for page in rows.pages(moved) if moved else ():
        same |= {source.record for source in page if _renders_alike(batch, rows, source, doubtful[source.record])}
    return {order.pk: MOVED for record, order in doubtful.items() if record not in same}


def _renders_alike(batch: Batch, rows: Rows, source: SourceRow, order: Approved) -> bool:
    customer = rows.customer_of(source.row)
    if customer is None or customer != batch.customer.name:
        return False
    rendered = rows.render(source.row, customer)
    return isinstance(rendered, Rendered) and fingerprint(rendered.order) == order.order_fingerprint


def _standing(setup: Setup, rows: Rows, scope: Scope, records: Sequence[str]) -> Standing:
    """Where these records stand in the source now; absent ones are absent.

    Most sources spell identities in one case. Records that are found in neither are looked for among the rows without
    identity, and then among all rows, so that an odd spelling is not taken for a row that is gone.
    """
    found: Standing = {}
    for spelled in (str.lower, str.upper):
        left = {spelled(record): record for record in records if record not in found}
        if left:
            _gather(found, ((left[raw], raw, print_) for raw, print_ in setup.source.fingerprints_of([*left], scope)))
    left_derived = {record for record in records if record not in found and UUID(record).version == DERIVED}
    if left_derived:
        derived = ((record, "", print_) for record, print_ in rows.derived_fingerprints() if record in left_derived)
        _gather(found, derived)
    missing = {record for record in records if record not in found}
    if missing:
        _gather(found, (one for one in _all(setup, scope) if one[0] in missing))
    return found


def _gather(found: Standing, rows: Iterable[tuple[str, str, str]]) -> None:
    for record, raw, print_ in rows:
        found.setdefault(record, []).append((raw, print_))


def _all(setup: Setup, scope: Scope) -> Iterator[tuple[str, str, str]]:
    """Every row of the source that has an identity: (record, identity as spelled, fingerprint)."""
    for raw, print_ in setup.source.fingerprints(scope):
        try:
            record = canonical(raw)
        except Unreadable:
            continue
        if record is not None:
            yield record, str(raw), print_
