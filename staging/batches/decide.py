"""Decisions: approve, withdraw, decline, hold and release, each by a named person or a published policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet, prefetch_related_objects

from mapping.publish import NoMapping, PublishedFamily, load_family
from monday.core.structure import BoardStructure
from staging import audit
from staging.core.causes import Cause
from staging.core.fingerprint import approval_hash, fingerprint, order_of
from staging.core.lifecycle import BATCH, COUNTED, BatchState, NotAllowed, OrderState, allowed
from staging.models import Batch, StagedLine, StagedOrder
from staging.transitions import PAGE, move_batch, move_orders

from .approvers import why_not_answer, why_not_approve
from .check import batch_problems


class OnlyRemovals(NotAllowed):
    """Everything that was to go out takes something off the board, and nobody said that it may."""


OUT_OF_DATE = "its mapping was changed since. Remedy: run the sync again, then approve."
AT_ONCE = 500  # batches that one statement asks for; no page shows more
NOTHING = "It holds nothing that can be approved. Remedy: release what is held first."


def can_approve(batch: Batch) -> bool:
    """Whether a batch has anything that could be approved."""
    return batch.orders.filter(state=OrderState.STAGED).exists()


def approve(
    *,
    batch: Batch,
    mappings: PublishedFamily,
    structure: BoardStructure,
    actor: str,
    now: datetime,
    only: Iterable[int] | None = None,
    removals: bool = True,
    note: str = "",
) -> int:
    """Allow exactly these orders of an open batch to go out, and bind that by a hash. Returns how many.

    `only` holds the ids of the ticked orders, None for all that are staged; the others move to a batch of their own,
    held. Without `removals` nothing goes out that takes something off the board. `structure` is the board as it stands.
    Opens a transaction. Raises NotAllowed where the batch is not open, nothing is ticked, this person may not approve
    it, the board would not take its mapping, or the mapping of an order is not the published one.
    """
    if why := allowed(BATCH, batch.state, "approve"):
        raise NotAllowed(f"Batch {batch.pk}: {why}.")
    problem = next((p for p in batch_problems(batch, mappings, structure) if p.severity == "error"), None)
    if problem is not None:
        raise NotAllowed(f"Batch {batch.pk} cannot be approved: {problem.sentence()}")
    with transaction.atomic():
        if (going := _going(batch, only, removals=removals)) is not None:
            _set_aside(batch, going, actor, now)
        if refused := why_not_approve(batch, mappings, actor):
            raise NotAllowed(f"Batch {batch.pk}: {refused}")
        if stale := why_out_of_date(batch, mappings):
            raise NotAllowed(f"Batch {batch.pk} is out of date: {stale}")
        ticked = StagedOrder.objects.filter(batch=batch, state=OrderState.STAGED)
        ticked.update(ticked=True)
        bound = binding(batch)
        count = move_orders(batch, None, "approve", actor=actor, now=now, reason=note, data={"hash": bound})
        if not count:
            raise NotAllowed(f"Batch {batch.pk}: {NOTHING}")  # somebody held the last of it this very moment
        move_batch(
            batch,
            "approve",
            actor=actor,
            now=now,
            reason=note,
            data={"hash": bound, "orders": count},
            approved_hash=bound,
            approved_by=actor,
            approved_at=now,
            note=note,
        )
    return count


def removing(batch: Batch) -> QuerySet[StagedOrder]:
    """The staged orders that take something off the board: an item, or a size of one. They have a tick of their own."""
    sizes = StagedLine.objects.filter(order__batch=batch, before__isnull=False, after__isnull=True).values("order_id")
    staged = StagedOrder.objects.filter(batch=batch, state=OrderState.STAGED)
    return staged.filter(Q(operation="remove") | Q(pk__in=sizes))


def _going(batch: Batch, only: Iterable[int] | None, *, removals: bool) -> set[int] | None:
    """The orders that an approval of `only` these lets out, None for all that are staged. Raises OnlyRemovals."""
    taking = set() if removals else set(removing(batch).values_list("pk", flat=True))
    if only is None and not taking:
        return None
    staged = set(StagedOrder.objects.filter(batch=batch, state=OrderState.STAGED).values_list("pk", flat=True))
    named = staged if only is None else staged & set(only)
    if named and named <= taking:
        raise OnlyRemovals(
            f"Batch {batch.pk}: all that would go out takes orders or sizes off the board. "
            "Remedy: tick 'take off the board' (--removals in the command line), or tick other orders."
        )
    return named - taking


def binding(batch: Batch) -> str:
    """The hash over everything that was ticked in a batch, from its content, whatever has become of it."""
    ticked = StagedOrder.objects.filter(batch=batch, ticked=True)
    rows = ticked.values_list("link_key", "operation", "before", "after").iterator(chunk_size=500)
    return approval_hash([(key, operation, _print(before), _print(after)) for key, operation, before, after in rows])


def _print(side: dict[str, Any] | None) -> str:
    return fingerprint(order_of(side)) if side else ""


def withdraw(*, batch: Batch, actor: str, now: datetime) -> None:
    """Take an approval back before anything was sent. Opens a transaction. Raises NotAllowed."""
    _check_answers(batch, actor)
    with transaction.atomic():
        move_batch(batch, "withdraw", actor=actor, now=now, approved_hash="", approved_by="", approved_at=None)
        move_orders(batch, None, "withdraw", actor=actor, now=now, ticked=False)


def decline(*, batch: Batch, actor: str, now: datetime, reason: str) -> None:
    """Say no: nothing of it goes out, and it is not staged again until the source moves. Raises NotAllowed."""
    _check_answers(batch, actor)
    with transaction.atomic():
        move_batch(batch, "decline", actor=actor, now=now, reason=reason, note=reason)
        move_orders(batch, None, "decline", actor=actor, now=now, reason=reason)


def _check_answers(batch: Batch, actor: str) -> None:
    if refused := why_not_answer(batch, actor):
        raise NotAllowed(f"Batch {batch.pk}: {refused}")


def comment(*, batch: Batch, actor: str, now: datetime, text: str) -> None:
    """Write a remark into the batch's history; nothing else changes. Opens a transaction. Raises NotAllowed."""
    if not text.strip():
        raise NotAllowed("The comment is empty. Remedy: say it in a few words.")
    with transaction.atomic():
        subject = f"batch:{batch.pk}"
        audit.record(
            chain=audit.DECISIONS, actor=actor, action="batch.comment", subject=subject, now=now, reason=text, data={}
        )


SETTLED = (Cause.TOO_MANY, Cause.AMBIGUOUS)
"""What a release settles: who released it, or that the order is nobody else's."""


def hold(*, batch: Batch, orders: Iterable[int], actor: str, now: datetime, reason: str) -> int:
    """Keep orders of a batch back. Returns how many. Raises NotAllowed without a reason."""
    wanted, staged = list(orders), StagedOrder.objects.filter(batch=batch, state=OrderState.STAGED)
    pages = [staged.filter(pk__in=wanted[start : start + PAGE]) for start in range(0, len(wanted), PAGE)]
    ids = [pk for page in pages for pk in page.values_list("pk", flat=True)]
    return move_orders(batch, ids, "hold", actor=actor, now=now, reason=reason)


def release(*, batch: Batch, orders: Iterable[int], actor: str, now: datetime) -> int:
    """Let held orders go on: in an open batch they may be approved again, else the next sync stages them anew.

    Returns how many. A batch that was pushed keeps exactly what was approved in it, so nothing is added to it again.
    """
    pages, ids = StagedOrder.objects.filter(batch=batch, state=OrderState.HELD), list(orders)
    if batch.state == "open":
        return _release_open(batch, ids, actor, now)
    held = [
        pk
        for start in range(0, len(ids), PAGE)
        for pk in pages.filter(pk__in=ids[start : start + PAGE]).values_list("pk", flat=True)
    ]
    why = f"Released by {actor}; the next sync stages it anew."
    return move_orders(batch, held, "supersede", actor=actor, now=now, reason=why, current=False)


def _release_open(batch: Batch, ids: list[int], actor: str, now: datetime) -> int:
    """Release in an open batch; removals above the cap remember by whom, since somebody else must approve them. Whose
    an order is, is settled by its release."""
    held = StagedOrder.objects.filter(batch=batch, state=OrderState.HELD)
    causes = dict(held.filter(cause__in=SETTLED).values_list("pk", "cause"))
    with transaction.atomic():
        count = 0
        for cause in ("", *SETTLED):
            wanted = [pk for pk in ids if causes.get(pk, "") == cause]
            marked = {"code": cause, "released_by": actor} if cause == Cause.TOO_MANY else None
            fields: dict[str, Any] = {"problem": marked} if cause else {}
            count += move_orders(batch, wanted, "release", actor=actor, now=now, **fields) if wanted else 0
    return count


def current_key(batch: Batch, mappings: PublishedFamily) -> str:
    """The key of the mapping that holds now for this batch's customer, "" where nobody's document names it any more."""
    customer = batch.customer.name
    return mappings.family.key(customer) if customer in mappings.family.customers else ""


def why_out_of_date(batch: Batch, mappings: PublishedFamily, only: Iterable[int] = ()) -> str:
    """Empty where the orders of a batch that wait for approval (of these `only`, where any are given) follow the
    mapping that holds now, else why they cannot be approved, to be read behind "out of date".

    Orders follow a changed mapping in the next sync: those that it renders alike stay, the others are superseded.
    """
    former = _by_mapping([batch]).exclude(mapping_key=current_key(batch, mappings))
    wanted = set(only)
    stale = wanted & set(former.values_list("pk", flat=True)) if wanted else former.exists()
    return OUT_OF_DATE if stale else ""


def out_of_date(batches: Iterable[Batch]) -> set[int]:
    """Of these batches (`AT_ONCE` at most) those of which `why_out_of_date` says something, by their keys;
    asked for all of them at once."""
    waiting = [batch for batch in batches if batch.state == BatchState.OPEN]
    prefetch_related_objects(waiting, "board", "customer")
    of_board: dict[str, list[Batch]] = {}
    for batch in waiting:
        of_board.setdefault(batch.board.board_id, []).append(batch)
    holds: dict[int, str] = {}
    for board, listed in of_board.items():
        with suppress(NoMapping):  # the page of each says so
            mappings = load_family(board)
            holds |= {batch.pk: current_key(batch, mappings) for batch in listed}
    found = _by_mapping(waiting).values_list("batch_id", "mapping_key").distinct() if holds else ()
    return {pk for pk, key in found if key != holds.get(pk, key)}


def waiting_in_vain() -> set[int]:
    """Of the newest `AT_ONCE` batches that wait for approval those that are out of date: the next sync takes them."""
    return out_of_date(Batch.objects.waiting().select_related("board", "customer").order_by("-pk")[:AT_ONCE])


def _by_mapping(batches: Sequence[Batch]) -> QuerySet[StagedOrder]:
    """The orders that wait for approval and follow a mapping, as whatever it says, what is gone leaves the board."""
    return StagedOrder.objects.filter(batch__in=batches, state=OrderState.STAGED).exclude(operation="remove")


def set_aside_since(batch: Batch, newest: int) -> int | None:
    """The batch, made after the `newest` one, that took what an approval did not let out; None where all of it goes."""
    later = Batch.objects.filter(run_id=batch.run_id, customer_id=batch.customer_id, pk__gt=newest)
    pending = later.filter(state=BatchState.OPEN, orders__state__in=sorted(COUNTED["held"]))
    return pending.order_by("-pk").values_list("pk", flat=True).first()


def _set_aside(batch: Batch, ticked: set[int], actor: str, now: datetime) -> None:
    """Move what was not ticked into a batch of its own, held. Requires an open transaction."""
    staged = StagedOrder.objects.filter(batch=batch, state__in=[OrderState.STAGED, OrderState.HELD])
    aside = [pk for pk in staged.values_list("pk", flat=True) if pk not in ticked]
    if not aside:
        return
    still_staged = StagedOrder.objects.filter(batch=batch, state=OrderState.STAGED)
    unticked = [pk for pk in still_staged.values_list("pk", flat=True) if pk not in ticked]
    move_orders(batch, unticked, "hold", actor=actor, now=now, reason=f"Not ticked when batch {batch.pk} was approved.")
    rest = Batch.objects.create(
        run=batch.run,
        board=batch.board,
        customer=batch.customer,
        board_version=batch.board_version,
        customer_version=batch.customer_version,
        mapping_key=batch.mapping_key,
        created_at=now,
    )
    for start in range(0, len(aside), PAGE):
        StagedOrder.objects.filter(pk__in=aside[start : start + PAGE]).update(batch=rest)
    move_batch(rest, "open", actor=actor, now=now, data={"split from": batch.pk, "orders": len(aside)})
