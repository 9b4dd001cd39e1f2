"""Conflicts: a field that we want to change and that somebody edited on the board. A person rules which side wins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from mapping.publish import NoMapping, load_family
from staging import audit
from staging.core.causes import Cause
from staging.core.changeset import same
from staging.core.lifecycle import BATCH, NotAllowed, OrderState
from staging.core.words import in_state
from staging.models import Batch, StagedOrder
from staging.transitions import move_orders

from .approvers import why_not_approve

SIDES = {"source": "take the source", "board": "keep the board"}
AT_ONCE = 2_000  # orders of one batch that are ruled on in one transaction; the rest is ruled on next


def in_conflict(batch: Batch, field: str = "") -> list[StagedOrder]:
    """The held orders of a batch that have a conflict (in this field) on which nobody has ruled yet, by id."""
    held = StagedOrder.objects.held_for(Cause.CONFLICT).filter(batch=batch, ticked=True)
    found = held.defer("before", "after").order_by("id")[: AT_ONCE * 5]
    return [order for order in found if any(not field or one["field"] == field for one in undecided(order))][:AT_ONCE]


def undecided(order: StagedOrder) -> list[dict[str, Any]]:
    """The conflicts of an order that nobody has ruled on: field, and the values written, wanted and live."""
    return [one for one in _conflicts(order) if not _ruled(order, one)]


def what_is_seen(orders: Iterable[StagedOrder], field: str) -> str:
    """A hash over the three values of this field in these orders; a ruling binds to it."""
    seen = [[order.pk, one] for order in orders for one in _conflicts(order) if one["field"] == field]
    return hashlib.sha256(json.dumps(seen, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def rule(
    *, batch: Batch, orders: Sequence[StagedOrder], field: str, take: str, seen: str, actor: str, now: datetime
) -> tuple[int, int]:
    """Decide a field in conflict for these orders: `take` is source or board, `seen` is `what_is_seen` of the page.

    Orders whose last conflict this was go out with the batch's next push. A value that moves on the board before
    then makes the ruling void, and the order is held again. Opens a transaction. Returns how many orders were ruled
    on and how many of them go on. Raises NotAllowed where the batch cannot be pushed, a value is not the one that was
    seen, or somebody else was first.
    """
    if take not in SIDES:
        raise NotAllowed("A conflict is decided for the source or for the board. Remedy: choose one of them.")
    if batch.state not in BATCH["push"].sources:
        raise NotAllowed(f"Batch {batch.pk} {in_state(batch.state)} and cannot be pushed. Remedy: run a sync.")
    try:
        mappings = load_family(batch.board.board_id)
    except NoMapping as missing:
        raise NotAllowed(f"Batch {batch.pk}: {missing}") from None
    if refused := why_not_approve(batch, mappings, actor):
        raise NotAllowed(f"Batch {batch.pk}: {refused}")
    if not orders or what_is_seen(orders, field) != seen:
        raise NotAllowed(f"Batch {batch.pk} has changed since the page was shown. Remedy: look at it again.")
    why = f"Its conflict was decided by {actor}: {SIDES[take]}."
    done = [_rule_on(order, field, take) for order in orders]
    ready = [order.pk for order, _ in done if not undecided(order)]
    with transaction.atomic():
        for order, before in done:
            moved = StagedOrder.objects.filter(
                pk=order.pk, batch=batch, state=OrderState.HELD, updated_at=before, ticked=True
            ).update(rulings=order.rulings, updated_at=now)
            if not moved:
                raise NotAllowed(f"{order.label} was moved meanwhile. Remedy: look at it again.")
        audit.record(
            chain=audit.DECISIONS,
            actor=actor,
            action="order.rule",
            subject=f"batch:{batch.pk}",
            now=now,
            data={"field": field, "take": take, "orders": {str(o.pk): o.rulings[field] for o, _ in done}},
        )
        went_on = move_orders(batch, ready, "settle", actor=actor, now=now, reason=why, problem=None) if ready else 0
    return len(done), went_on


def _rule_on(order: StagedOrder, field: str, take: str) -> tuple[StagedOrder, datetime]:
    conflict = next((one for one in undecided(order) if one["field"] == field), None)
    if conflict is None:
        raise NotAllowed(f"{order.label} has no open conflict in this field. Remedy: look at it again.")
    values = {name: conflict[name] for name in ("written", "wanted", "live")}
    order.rulings = {**order.rulings, field: {"take": take, **values}}
    return order, order.updated_at


def _conflicts(order: StagedOrder) -> list[dict[str, Any]]:
    return list((order.problem or {}).get("conflicts") or ())


def _ruled(order: StagedOrder, conflict: dict[str, Any]) -> bool:
    ruling = order.rulings.get(conflict["field"])
    return ruling is not None and all(same(ruling[name], conflict[name]) for name in ("written", "wanted", "live"))
