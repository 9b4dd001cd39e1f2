"""Deciding on batches: which buttons there are, why one may not be pressed, and what each does.

Everything follows from `staging.core.lifecycle`: an action that a person makes is a button, its `right` is the
permission, its sources say when. The check that counts is made where the change is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from mapping.publish import NoMapping, load_family
from staging import jobs
from staging.batches.approvers import why_not_answer, why_not_approve
from staging.batches.decide import (
    NOTHING,
    approve,
    can_approve,
    decline,
    hold,
    release,
    removing,
    set_aside_since,
    why_out_of_date,
    withdraw,
)
from staging.batches.describe import BatchPicture
from staging.batches.release import SETTLED, release_remembered
from staging.core.fingerprint import approval_hash
from staging.core.lifecycle import BATCH, NotAllowed, OrderState, Transition, allowed
from staging.core.words import counted
from staging.models import Batch, StagedOrder, SyncRun
from staging.running import runs
from staging.running.runs import ACTIVE
from staging.undoing.undo import can_undo

Person = AbstractUser | AnonymousUser

WORDS = {
    "approve": ("Approve", "These changes may go out to the board, exactly as they are shown."),
    "withdraw": ("Withdraw approval", "The approval is taken back; the batch waits for approval again."),
    "decline": ("Decline", "Nothing of it goes out. It is not staged again until the source moves."),
    "push": ("Push", "What is approved and not yet sent goes out to the board."),
    "undo": ("Undo", "What it wrote is put back, field by field. What somebody edited since is kept and listed."),
    "hold": ("Hold", "The ticked orders are kept back; the rest can be approved without them."),
    "release": (
        "Release",
        "What is held may be approved again. What was undone, declined or given up is staged again by the next sync.",
    ),
}
ON_ORDERS = {"hold": "stage", "release": "stage"}
"""Actions on ticked orders of one batch, with the right that each needs."""
ANSWERS = ("withdraw", "decline", "undo")
"""Actions of whoever answers for the customer, where the policy names somebody."""


@dataclass(frozen=True, slots=True)
class Button:
    """One action on a batch; `why_not` is empty where this person may press it now."""

    action: str
    label: str
    words: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person filled in on the confirm page. `shown` is the hash of what stood there, per batch."""

    action: str
    reason: str = ""
    orders: tuple[int, ...] = ()
    removals: bool = True
    push_after: bool = False
    shown: dict[int, str] = field(default_factory=dict)


class NothingDone(NotAllowed):
    """What was asked for concerns none of the orders, so that nothing was changed; the message says why."""


def person_actions() -> dict[str, Transition]:
    """The batch's actions that people make."""
    return {action: move for action, move in BATCH.items() if move.by == "person"}


def right_of(action: str) -> str:
    """The permission that an action needs, as Django names it."""
    return f"staging.{ON_ORDERS.get(action) or BATCH[action].right}_batch"


def may(person: Person, action: str) -> bool:
    """Whether this person's role has the right that the action needs."""
    return person.has_perm(right_of(action))


def buttons(batch: Batch, person: Person) -> list[Button]:
    """Every action on a batch, in the order of its life, each with the reason why it may not be done."""
    return [Button(action, *WORDS[action], why_not(batch, person, action)) for action in person_actions()]


def why_not(batch: Batch, person: Person, action: str, ticked: Sequence[int] = ()) -> str:
    """Empty where this person may do it now (an approval: of the `ticked` orders, where any are given), else a
    sentence."""
    if not may(person, action):
        return f"Your role may not {action} batches. Remedy: ask somebody with the right to."
    if busy := active_run(batch):
        return f"{busy.get_kind_display()} run {busy.pk} is under way. Remedy: wait for it, or cancel it."
    if reason := allowed(BATCH, batch.state, action):
        return f"One {reason}."
    if action == "undo" and not can_undo(batch):
        return "It wrote nothing that could be put back."
    if action == "approve" and not can_approve(batch):
        return NOTHING
    if action == "approve":
        return _why_not_approve(batch, person, ticked)
    if action in ANSWERS:
        return why_not_answer(batch, person.get_username())
    return _nothing_to_push(batch) if action == "push" else ""


def why_not_this_person(batch: Batch, person: Person) -> str:
    """Empty where this person is one who may let changes of the batch go out, else a sentence."""
    try:
        return why_not_approve(batch, load_family(batch.board.board_id), person.get_username())
    except NoMapping as missing:
        return str(missing)


def _why_not_approve(batch: Batch, person: Person, ticked: Sequence[int]) -> str:
    """Empty where this person may let these changes go out and they follow the mapping that holds, else a sentence."""
    try:
        mappings = load_family(batch.board.board_id)
    except NoMapping as missing:
        return str(missing)
    if refused := why_not_approve(batch, mappings, person.get_username()):
        return refused
    stale = why_out_of_date(batch, mappings, ticked)
    return f"It is out of date: {stale}" if stale else ""


def _nothing_to_push(batch: Batch) -> str:
    """A sentence where a push of the batch would have nothing to send, else empty."""
    return "" if batch.orders.filter(state__in=SENDABLE).exists() else "Nothing in it is approved and unsent."


SENDABLE = [OrderState.APPROVED, OrderState.SENDING, OrderState.UNCLEAR]


def active_run(batch: Batch) -> SyncRun | None:
    """The push or undo of this batch that is waiting or at work."""
    return SyncRun.objects.filter(subject=f"batch:{batch.pk}", state__in=ACTIVE).order_by("id").first()


def what_is_shown(batch: Batch) -> str:
    """The hash of everything that an approval would let out; a page that shows something else is out of date."""
    staged = StagedOrder.objects.filter(batch=batch, state=OrderState.STAGED)
    return approval_hash(
        list(staged.values_list("link_key", "operation", "before_fingerprint", "after_fingerprint").iterator())
    )


def affected(batch: Batch, action: str, ticked: Sequence[int]) -> list[int]:
    """Of the ticked orders those to which the action does something, as they stand now."""
    wanted, states = set(ticked), AFFECTS[action]
    found = StagedOrder.objects.filter(batch=batch, state__in=states).order_by("pk").values_list("pk", flat=True)
    return [pk for pk in found if pk in wanted]


AFFECTS = {
    "approve": [OrderState.STAGED],
    "hold": [OrderState.STAGED],
    "release": [OrderState.HELD, *SETTLED],
}


def going(batch: Batch, ticked: Sequence[int]) -> str:
    """Exactly how many of how many orders an approval of the ticked ones lets out, and what becomes of the others."""
    go, of = affected(batch, "approve", ticked), batch.orders.filter(state=OrderState.STAGED).count()
    words = f"{len(go):,} of {counted(of, 'order')} {'goes' if len(go) == 1 else 'go'} out."
    if stay := of - len(go):
        words += f" {stay:,} {'is' if stay == 1 else 'are'} not ticked: held, in a batch of their own."
    if gone := len(set(go) & set(removing(batch).values_list("pk", flat=True))):
        words += f" {gone:,} of these take something off the board, and go with the tick below alone."
    if idle := len(ticked) - len(go):
        words += f" {counted(idle, 'ticked order')} cannot be approved now and {'stays' if idle == 1 else 'stay'} so."
    return words


def consequence(action: str, batch: Batch, picture: BatchPicture, ticked: Sequence[int] = ()) -> str:
    """What will happen to this batch, in one sentence with its numbers."""
    if action in ON_ORDERS:
        of = counted(batch.orders.count(), "order")
        return f"{len(affected(batch, action, ticked)):,} of {of}: {WORDS[action][1]}"
    if action == "approve" and ticked:
        return going(batch, ticked)
    if action == "decline":
        return f"Declines all of it: {picture.holds}."
    if action in ("approve", "withdraw"):
        return picture.sentence
    if action == "push":
        return f"Sends what is approved of: {picture.sentence}"
    orders = counted(picture.counts["applied"], "order")
    return f"Puts back {orders}: what was created is archived, what was changed gets its former values."


def carry_out(batch: Batch, decision: Decision, person: Person) -> tuple[str, SyncRun | None]:
    """Do what a person decided about one batch; returns a sentence, and the run that it started.

    Raises NotAllowed with a sentence, also while a push or an undo of the batch waits or is at work. The caller has
    checked the person's right.
    """
    if busy := runs.busy(f"batch:{batch.pk}"):
        raise NotAllowed(busy)
    return DO[decision.action](batch, decision, person.get_username())


def _approve(batch: Batch, decision: Decision, actor: str) -> tuple[str, SyncRun | None]:
    structure = batch.board.known_structure()
    if structure is None:
        raise NotAllowed("The board has not been read yet. Remedy: refresh the board, then approve.")
    try:
        mappings = load_family(batch.board.board_id)
    except NoMapping as missing:
        raise NotAllowed(str(missing)) from None
    newest = Batch.objects.latest("pk").pk
    with transaction.atomic():
        if decision.shown.get(batch.pk) != what_is_shown(batch):
            raise NotAllowed(f"Batch {batch.pk} has changed since the page was shown. Remedy: look at it again.")
        count = approve(
            batch=batch,
            mappings=mappings,
            structure=structure,
            actor=actor,
            now=timezone.now(),
            only=decision.orders or None,
            removals=decision.removals,
            note=decision.reason,
        )
    said = f"Batch {batch.pk}: {counted(count, 'order')} approved."
    if rest := set_aside_since(batch, newest):
        said += f" The others wait, held, in batch {rest}."
    if not decision.push_after:
        return said, None
    return f"{said} The push is on its way.", jobs.ask_push(batch, actor=actor, trigger="admin")


def _withdraw(batch: Batch, decision: Decision, actor: str) -> tuple[str, SyncRun | None]:
    withdraw(batch=batch, actor=actor, now=timezone.now())
    return f"Batch {batch.pk}: the approval is taken back.", None


def _decline(batch: Batch, decision: Decision, actor: str) -> tuple[str, SyncRun | None]:
    decline(batch=batch, actor=actor, now=timezone.now(), reason=decision.reason)
    return f"Batch {batch.pk} is declined.", None


def _push(batch: Batch, decision: Decision, actor: str) -> tuple[str, SyncRun | None]:
    if reason := allowed(BATCH, batch.state, "push"):
        raise NotAllowed(f"Batch {batch.pk}: {reason}.")
    if nothing := _nothing_to_push(batch):
        raise NotAllowed(f"Batch {batch.pk}: {nothing}")
    return f"Batch {batch.pk}: the push is on its way.", jobs.ask_push(batch, actor=actor, trigger="admin")


def _undo(batch: Batch, decision: Decision, actor: str) -> tuple[str, SyncRun | None]:
    if reason := allowed(BATCH, batch.state, "undo"):
        raise NotAllowed(f"Batch {batch.pk}: {reason}.")
    if not can_undo(batch):
        raise NotAllowed(f"Batch {batch.pk} wrote nothing that could be put back.")
    run = jobs.ask_undo(batch, actor=actor, trigger="admin", reason=decision.reason)
    return f"Batch {batch.pk}: the undo is on its way.", run


def _hold(batch: Batch, decision: Decision, actor: str) -> tuple[str, SyncRun | None]:
    count = hold(batch=batch, orders=decision.orders, actor=actor, now=timezone.now(), reason=decision.reason)
    if not count:
        raise NothingDone(f"Batch {batch.pk}: no order was held, as none of the ticked ones waits for approval.")
    return f"Batch {batch.pk}: {counted(count, 'order')} held.", None


def _release(batch: Batch, decision: Decision, actor: str) -> tuple[str, SyncRun | None]:
    now, ids = timezone.now(), decision.orders
    count = release(batch=batch, orders=ids, actor=actor, now=now)
    later = release_remembered(batch=batch, orders=ids, actor=actor, now=now, reason=decision.reason)
    count += later
    if not count:
        raise NothingDone(
            f"Batch {batch.pk}: no order was released, as none of the ticked ones is held, and none is remembered as "
            "undone, declined or given up."
        )
    said = " The next sync stages what was settled already." if later else ""
    return f"Batch {batch.pk}: {counted(count, 'order')} released.{said}", None


DO: dict[str, Callable[[Batch, Decision, str], tuple[str, Any]]] = {
    "approve": _approve,
    "withdraw": _withdraw,
    "decline": _decline,
    "push": _push,
    "undo": _undo,
    "hold": _hold,
    "release": _release,
}
