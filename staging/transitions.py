"""The only writer of a state: a conditional UPDATE and an audit event in one transaction.

A move succeeds only from a state that `staging.core.lifecycle` allows, whatever the caller believed the state to be;
so two processes that want the same move find that one of them was first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from . import audit
from .core.causes import cause_of
from .core.lifecycle import BATCH, ORDER, NotAllowed, allowed
from .models import Batch, StagedOrder, SyncRun
from .models.run import RunState

PAGE = 500  # keys per statement: SQL Server takes 2,100 parameters


def move_batch(
    batch: Batch,
    action: str,
    *,
    actor: str,
    now: datetime,
    reason: str = "",
    data: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Carry out one transition of a batch and set `fields` with it.

    Opens a transaction. Raises NotAllowed where the batch is (by now) in another state, or a needed reason is missing.
    """
    move = BATCH[action]
    if move.reason and not reason.strip():
        raise NotAllowed(f"{action.replace('_', ' ').capitalize()} needs a reason. Remedy: say why in a few words.")
    with transaction.atomic():
        before = Batch.objects.filter(pk=batch.pk).values_list("state", flat=True).first()
        moved = Batch.objects.filter(pk=batch.pk, state__in=sorted(move.sources)).update(state=move.target, **fields)
        if not moved:
            batch.refresh_from_db(fields=["state"])
            raise NotAllowed(f"Batch {batch.pk}: {allowed(BATCH, batch.state, action) or 'it was moved meanwhile'}.")
        audit.record(
            chain=_chain(move.by, batch.run_id),
            actor=actor,
            action=f"batch.{action}",
            subject=f"batch:{batch.pk}",
            now=now,
            reason=reason,
            data={"from": before, "to": move.target, **(data or {})},
        )
        _wait_of_run(batch.run_id, action)
    batch.state = move.target
    for name, value in fields.items():
        setattr(batch, name, value)


def _wait_of_run(run_id: int, action: str) -> None:
    """A sync waits for approval while a batch of its own does, and has completed once none does any more."""
    runs = SyncRun.objects.filter(pk=run_id)
    if action == "withdraw":
        runs.filter(state=RunState.COMPLETED).update(state=RunState.WAITING)
    elif not _waits(run_id):
        runs.filter(state=RunState.WAITING).update(state=RunState.COMPLETED)


def _waits(run_id: int) -> bool:
    return StagedOrder.objects.waiting().filter(batch__run=run_id).exists()


def move_orders(
    batch: Batch,
    orders: Iterable[int] | None,
    action: str,
    *,
    actor: str,
    now: datetime,
    reason: str = "",
    data: dict[str, Any] | None = None,
    **fields: Any,
) -> int:
    """Carry out one transition of many orders of a batch (all that may make it where `orders` is None).

    Opens a transaction. Returns how many moved: those in another state stay as they are. Raises NotAllowed where a
    needed reason is missing.
    """
    move = ORDER[action]
    if move.reason and not reason.strip():
        raise NotAllowed(f"{action.replace('_', ' ').capitalize()} needs a reason. Remedy: say why in a few words.")
    ids = None if orders is None else list(orders)
    stored = {"reason": reason[:2000], **fields} if reason else fields
    if "problem" in fields:
        stored = {**stored, "cause": cause_of(fields["problem"])}
    with transaction.atomic():
        before = _states(batch, ids, move.sources)
        moved: int = sum(
            page.update(state=move.target, updated_at=now, **stored) for page in _pages(batch, ids, move.sources)
        )
        if moved:
            audit.record(
                chain=_chain(move.by, batch.run_id),
                actor=actor,
                action=f"order.{action}",
                subject=f"batch:{batch.pk}",
                now=now,
                reason=reason,
                data={
                    "from": before,
                    "to": move.target,
                    "count": moved,
                    "orders": ids if ids and len(ids) <= PAGE else None,
                    **(data or {}),
                },
            )
    return moved


def _states(batch: Batch, ids: Sequence[int] | None, sources: frozenset[str]) -> str | dict[str, int]:
    """The state that the orders move from: counted, where there are several that they may come from."""
    if len(sources) == 1:
        return next(iter(sources))
    found: Counter[str] = Counter()
    for page in _pages(batch, ids, sources):
        found.update(page.values_list("state", flat=True))
    return next(iter(found)) if len(found) == 1 else dict(sorted(found.items()))


def _pages(batch: Batch, ids: Sequence[int] | None, sources: frozenset[str]) -> Iterable[Any]:
    base = StagedOrder.objects.filter(batch=batch, state__in=sorted(sources))
    if ids is None:
        return [base]
    return [base.filter(pk__in=ids[start : start + PAGE]) for start in range(0, len(ids), PAGE)]


def _chain(by: str, run_id: int) -> str:
    return audit.DECISIONS if by == "person" else audit.run_chain(run_id)
