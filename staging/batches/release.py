"""Releasing what is remembered: a change that was undone, declined or given up may be staged again by the next sync.

What is remembered of an undo stands on the snapshot, per field and value (`withheld`); of the rest it is the staged
order itself, while it is the last word on its record. Nothing is written to the board here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from staging import audit
from staging.core.changeset import differences
from staging.core.fingerprint import order_of
from staging.core.lifecycle import NotAllowed, OrderState
from staging.models import Batch, Snapshot, StagedOrder
from staging.transitions import PAGE

SETTLED = (OrderState.UNDONE, OrderState.KEPT, OrderState.DECLINED, OrderState.GIVEN_UP)
"""States in which an order is remembered without being in anybody's hands."""

BY_FIELD = (OrderState.UNDONE, OrderState.KEPT)
"""Those of which each field is remembered by itself, on the snapshot."""


def remembered(batch: Batch) -> QuerySet[StagedOrder]:
    """The orders of a batch that are undone, kept, declined or given up."""
    return StagedOrder.objects.filter(batch=batch, state__in=SETTLED)


def release_remembered(*, batch: Batch, orders: Iterable[int], actor: str, now: datetime, reason: str = "") -> int:
    """Let the next sync stage these settled orders of a batch again, with all their fields. Returns how many.

    Opens a transaction for each page. Orders in other states stay as they are.
    """
    ids, released = list(orders), 0
    for start in range(0, len(ids), PAGE):
        page = list(remembered(batch).filter(pk__in=ids[start : start + PAGE]).order_by("pk"))
        if page:
            with transaction.atomic():
                fields = {order.pk: _free(order, _asked_for(order)) for order in page}
                StagedOrder.objects.filter(pk__in=list(fields)).update(current=False)
                # Later ones are remembered field by field as well, and keep the row from being looked at.
                keys = [order.link_key for order in page]
                others = StagedOrder.objects.filter(board_id=batch.board_id, link_key__in=keys, state__in=BY_FIELD)
                others.exclude(operation__in=["create", "remove"]).update(current=False)
                _tell(batch, actor, now, reason, fields)
            released += len(page)
    return released


def release_field(*, order: StagedOrder, field: str, actor: str, now: datetime, reason: str = "") -> None:
    """Let the next sync ask for one withheld field of an order's record again. Opens a transaction.

    Raises NotAllowed where the field is not withheld (any more).
    """
    with transaction.atomic():
        if not _free(order, [field]):
            raise NotAllowed(f"{order.label}: this field is not withheld any more. Remedy: look at the order again.")
        mine = StagedOrder.objects.filter(board_id=order.board_id, link_key=order.link_key, state__in=SETTLED)
        mine.exclude(operation__in=["create", "remove"]).update(current=False)
        _tell(order.batch, actor, now, reason, {order.pk: [field]})


def withheld(order: StagedOrder) -> dict[str, Any]:
    """The fields of an order's record that are not staged while the source asks for these values."""
    found = Snapshot.objects.filter(board_id=order.board_id, link_key=order.link_key).first()
    return dict(found.withheld) if found is not None else {}


def _asked_for(order: StagedOrder) -> list[str]:
    if order.after is None:
        return []
    before = order_of(order.before) if order.before else None
    return [change.field for change in differences(before, order_of(order.after))]


def _free(order: StagedOrder, fields: Sequence[str]) -> list[str]:
    """Take fields out of what is withheld; the row is then looked at again, whatever its fingerprint says."""
    snapshot = Snapshot.objects.filter(board_id=order.board_id, link_key=order.link_key).first()
    if snapshot is None:
        return []
    freed = [field for field in fields if field in snapshot.withheld]
    rest = {name: value for name, value in snapshot.withheld.items() if name not in freed}
    same = Snapshot.objects.filter(pk=snapshot.pk, accepted_at=snapshot.accepted_at)
    if not same.update(withheld=rest, mapping_key=""):
        raise NotAllowed(f"{order.label} was written meanwhile. Remedy: look at it again.")
    return freed


def _tell(batch: Batch, actor: str, now: datetime, reason: str, fields: dict[int, list[str]]) -> None:
    audit.record(
        chain=audit.DECISIONS,
        actor=actor,
        action="order.release remembered",
        subject=f"batch:{batch.pk}",
        now=now,
        reason=reason,
        data={"count": len(fields), "orders": {str(pk): names for pk, names in fields.items()}},
    )
