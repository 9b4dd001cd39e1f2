"""Every state of a batch and of a staged order, and every way from one to another: the one place.

Model choices, database constraints, admin buttons, the command line and the documentation's table are made from
`BATCH` and `ORDER`. `staging.transitions` carries a transition out; nothing else writes a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .words import in_state, to_be


class BatchState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    APPROVED = "approved"
    PUSHING = "pushing"
    PUSHED = "pushed"
    PAUSED = "paused"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs_attention"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    UNDOING = "undoing"
    UNDONE = "undone"
    PARTLY_UNDONE = "partly_undone"


class OrderState(StrEnum):
    STAGED = "staged"
    HELD = "held"
    APPROVED = "approved"
    SENDING = "sending"
    APPLIED = "applied"
    REJECTED = "rejected"
    UNCLEAR = "unclear"
    DECLINED = "declined"
    GIVEN_UP = "given_up"
    SUPERSEDED = "superseded"
    UNDOING = "undoing"
    UNDONE = "undone"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed move. `by` says who makes it: a person (then it is a button) or the program.

    `right` is the permission a person needs; `reason` is true where words are required.
    """

    sources: frozenset[str]
    target: str
    words: str
    by: str = "program"
    right: str = ""
    reason: bool = False


def _from(*sources: StrEnum) -> frozenset[str]:
    return frozenset(str(source) for source in sources)


B, O = BatchState, OrderState  # noqa: E741  the tables below are read as columns

BATCH: Mapping[str, Transition] = {
    "open": Transition(_from(B.DRAFT), B.OPEN, "staging is complete; the batch can be looked at"),
    "approve": Transition(_from(B.OPEN), B.APPROVED, "exactly the ticked orders may go out", "person", "approve"),
    "withdraw": Transition(_from(B.APPROVED), B.OPEN, "takes an approval back", "person", "approve"),
    "decline": Transition(_from(B.OPEN), B.DECLINED, "none of it goes out", "person", "approve", reason=True),
    "push": Transition(
        _from(B.APPROVED, B.PAUSED, B.FAILED, B.NEEDS_ATTENTION, B.PARTLY_UNDONE),
        B.PUSHING,
        "sends what is approved",
        "person",
        "push",
    ),
    "pause": Transition(_from(B.PUSHING), B.PAUSED, "stops after the chunk in hand; push goes on from there"),
    "finish": Transition(
        _from(B.PUSHING, B.PAUSED, B.FAILED, B.NEEDS_ATTENTION), B.PUSHED, "every approved order is settled"
    ),
    "need": Transition(_from(B.PUSHING), B.NEEDS_ATTENTION, "some orders were rejected, held or are unclear"),
    "fail": Transition(_from(B.PUSHING), B.FAILED, "stopped by an outage; push goes on from there"),
    "supersede": Transition(
        _from(B.DRAFT, B.OPEN, B.APPROVED, B.PAUSED, B.FAILED, B.NEEDS_ATTENTION),
        B.SUPERSEDED,
        "nothing of it is current any more",
    ),
    "undo": Transition(
        _from(B.PUSHED, B.NEEDS_ATTENTION, B.PAUSED, B.FAILED, B.PARTLY_UNDONE, B.UNDOING),
        B.UNDOING,
        "puts back what this batch wrote",
        "person",
        "undo",
    ),
    "undone": Transition(_from(B.UNDOING), B.UNDONE, "everything it wrote was put back"),
    "partly_undone": Transition(
        _from(B.UNDOING), B.PARTLY_UNDONE, "something was not ticked, was kept, or could not be put back"
    ),
}

ORDER: Mapping[str, Transition] = {
    "hold": Transition(
        _from(O.STAGED, O.SENDING), O.HELD, "a person or a guard keeps it back", "person", "stage", reason=True
    ),
    "release": Transition(_from(O.HELD), O.STAGED, "it may be approved again", "person", "stage"),
    "settle": Transition(
        _from(O.HELD), O.APPROVED, "its conflicts are decided; it goes out with the next push", "person", "approve"
    ),
    "approve": Transition(_from(O.STAGED), O.APPROVED, "it goes out with its batch", "person", "approve"),
    "withdraw": Transition(_from(O.APPROVED), O.STAGED, "its approval was taken back", "person", "approve"),
    "decline": Transition(
        _from(O.STAGED, O.HELD),
        O.DECLINED,
        "remembered; not staged again until the source moves",
        "person",
        "approve",
        reason=True,
    ),
    "send": Transition(_from(O.APPROVED), O.SENDING, "claimed by a push"),
    "return": Transition(_from(O.SENDING), O.APPROVED, "claimed, but nothing was sent"),
    "apply": Transition(_from(O.SENDING), O.APPLIED, "the board took it"),
    "reject": Transition(_from(O.SENDING), O.REJECTED, "the board refused it"),
    "lose": Transition(_from(O.SENDING), O.UNCLEAR, "sent, and no answer came"),
    "find": Transition(_from(O.UNCLEAR), O.APPLIED, "looked up; the board shows all of it"),
    "resolve": Transition(_from(O.UNCLEAR), O.APPROVED, "looked up; what is missing is sent"),
    "retry": Transition(_from(O.REJECTED), O.APPROVED, "goes out again with the next push", "person", "stage"),
    "again": Transition(_from(O.REJECTED), O.APPROVED, "its refusal was a passing one; goes out again by itself"),
    "give_up": Transition(_from(O.REJECTED), O.GIVEN_UP, "left as it is", "person", "stage", reason=True),
    "supersede": Transition(
        _from(O.STAGED, O.HELD, O.APPROVED, O.REJECTED), O.SUPERSEDED, "the source or the mapping has moved since"
    ),
    "undo": Transition(
        _from(O.APPLIED, O.KEPT, O.REJECTED, O.APPROVED, O.HELD, O.GIVEN_UP, O.SUPERSEDED),
        O.UNDOING,
        "what was written of it is being put back",
    ),
    "undone": Transition(
        _from(O.UNDOING), O.UNDONE, "put back; not staged again until the source moves or a person releases it"
    ),
    "keep": Transition(_from(O.UNDOING), O.KEPT, "not put back, or not all of it: the reason stands beside it"),
}

OPEN = _from(O.STAGED, O.HELD, O.APPROVED, O.SENDING, O.REJECTED, O.UNCLEAR, O.UNDOING)
"""States of an order that is in somebody's hands: at most one such order per board and record."""

REMEMBERED = OPEN | _from(O.DECLINED, O.GIVEN_UP, O.UNDONE, O.KEPT)
"""States in which exactly the same order is not staged a second time: it counts as waiting."""

COUNTED: Mapping[str, frozenset[str]] = {
    "pending": _from(O.STAGED, O.APPROVED, O.SENDING),
    "applied": _from(O.APPLIED, O.UNDOING, O.UNDONE, O.KEPT),
    "held": _from(O.HELD),
    "rejected": _from(O.REJECTED),
    "skipped": _from(O.SUPERSEDED, O.DECLINED, O.GIVEN_UP),
    "unclear": _from(O.UNCLEAR),
}
"""What a staged order counts as; every state counts as exactly one."""

TAKEN_BACK: Mapping[str, frozenset[str]] = {
    "being_undone": _from(O.UNDOING),
    "undone": _from(O.UNDONE),
    "kept": _from(O.KEPT),
}
"""What became of orders that count as applied, as they were sent, once an undo was at them."""

AS_IT_STANDS: Mapping[str, frozenset[str]] = {
    **{name: states.difference(*TAKEN_BACK.values()) for name, states in COUNTED.items()},
    **TAKEN_BACK,
}
"""What a batch holds now, order by order: as they count, but for the applied ones that an undo was at."""

SHOWN: Mapping[str, frozenset[str]] = {
    **{name: COUNTED[name] for name in ("pending", "held", "rejected", "unclear")},
    "applied": _from(O.APPLIED),
    "undone": _from(O.UNDOING, O.UNDONE, O.KEPT),
    "skipped": COUNTED["skipped"],
}
"""What a person looks for among a batch's orders: as they count, but what was taken back apart from what stands."""


PROBLEMATIC = _from(O.HELD, O.REJECTED, O.UNCLEAR, O.GIVEN_UP)
"""The states of an order in which what a guard or the board said against it still stands."""

REASONED = PROBLEMATIC | _from(O.DECLINED, O.SUPERSEDED, O.KEPT)
"""The states of an order that its reason explains. In the others it is the reason of an earlier one, which is past."""


class NotAllowed(Exception):
    """This move is not possible from the present state; the message is a sentence for a person."""


def allowed(table: Mapping[str, Transition], state: str, action: str) -> str:
    """Empty where `action` may be done in `state`, else the reason why not."""
    transition = table[action]
    if state in transition.sources:
        return ""
    return f"cannot {action.replace('_', ' ')} what {in_state(state)}; it must be {to_be(transition.sources)}"


def table(transitions: Mapping[str, Transition]) -> str:
    """The transitions as a Markdown table, for the documentation."""
    rows = ["| action | from | to | by | meaning |", "|---|---|---|---|---|"]
    for action, t in transitions.items():
        rows.append(f"| {action} | {', '.join(sorted(t.sources))} | {t.target} | {t.by} | {t.words} |")
    return "\n".join(rows)
