"""A record's whole life: every version that was staged, who decided, what was written and undone, by which call."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Q

from monday.models import ApiCall
from staging.models import Receipt, Seen, Snapshot, StagedOrder

VERSIONS, WRITES = 50, 300
"""At most that many of a record are shown, the newest ones."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write with the API call that carried it (None where its log was pruned), and what took it back."""

    receipt: Receipt
    call: ApiCall | None
    undone_by: tuple[Receipt, ...] = ()


@dataclass(slots=True)
class Version:
    """One staged order of the record with its writes, oldest first."""

    order: StagedOrder
    writes: list[Write] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Life:
    """Versions, newest first; the accepted order; why the row is not used now; whether older ones are left out."""

    versions: list[Version]
    snapshot: Snapshot | None
    seen: Seen | None
    shortened: bool


def life(*, board_id: int, record: str, link_key: str = "") -> Life:
    """What is known of a record, also under the UUIDs that it had before (they share one link key)."""
    snapshot = Snapshot.objects.filter(board=board_id, record=record).select_related("customer").first()
    link_key = link_key or (snapshot.link_key if snapshot else record)
    records = {record, link_key}
    if snapshot is None and link_key != record:
        snapshot = Snapshot.objects.filter(board=board_id, link_key=link_key).select_related("customer").first()
        records |= {snapshot.record} if snapshot else set()
    mine = Q(record__in=sorted(records))
    related = ("batch__customer", "batch__run", "batch__board_version__document", "batch__customer_version__document")
    found = StagedOrder.objects.filter(mine, board=board_id).select_related(*related).defer("before", "after")
    orders = list(found.order_by("-id")[: VERSIONS + 1])
    versions = {order.pk: Version(order) for order in orders[:VERSIONS]}
    receipts = list(Receipt.objects.filter(mine, board=board_id).order_by("-id")[: WRITES + 1])
    for write in _writes(receipts[:WRITES]):
        if version := versions.get(write.receipt.order_id):
            version.writes.append(write)
    return Life(
        list(versions.values()),
        snapshot,
        Seen.objects.filter(board=board_id, record=record).first(),
        len(orders) > VERSIONS or len(receipts) > WRITES,
    )


def _writes(receipts: list[Receipt]) -> list[Write]:
    """Receipts with their calls and what undid them, oldest first; one query for all calls."""
    ids = {receipt.request_id for receipt in receipts if receipt.request_id}
    calls = {call.request_id: call for call in ApiCall.objects.filter(request_id__in=sorted(ids))}
    undone: defaultdict[int, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        if receipt.undoes_id:
            undone[receipt.undoes_id].append(receipt)
    return [Write(receipt, calls.get(receipt.request_id), tuple(undone[receipt.pk])) for receipt in reversed(receipts)]
