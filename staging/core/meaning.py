"""What every state means to a person, and what to do next; shown wherever the state is."""

from __future__ import annotations

from collections.abc import Mapping

from .words import counted

ALL_HELD = (
    "Nothing was sent, and nothing of it can be approved while all of it is held. The reasons stand below: "
    "release what may go out, or decline the batch."
)
"""Of an open batch of which nothing can be approved: no state of its own, as a release ends it."""

OUT_OF_DATE = (
    "Nothing was sent, and it cannot be approved: its mapping was changed since it was staged. Run the sync again: it "
    "stages anew what the mapping makes otherwise by now. Or decline the batch."
)
"""Of an open batch whose mapping is not the published one any more: no state of its own, as the next sync ends it."""

BATCH: Mapping[str, str] = {
    "draft": "It is still being put together. It can be looked at once its run has staged all of it.",
    "open": "Nothing was sent yet. Look at the changes, then approve or decline them.",
    "approved": "It was approved and is not sent yet. The next sync or scheduled push sends it, and Push does so now. "
    "It can be taken back until then.",
    "pushing": "Its orders are being sent to the board now.",
    "pushed": "Everything that was approved is on the board. It can be undone.",
    "paused": "It was stopped between two pieces. What was sent stays sent; push it to go on with the rest. "
    "Where nobody cancelled its push, the next sync does so by itself.",
    "failed": "An outage stopped it. What was sent stays sent; push it to go on once the cause is gone.",
    "needs_attention": "Some of its orders were refused, held or not answered; the others are on the board. "
    "Look at those below, and settle each.",
    "declined": "Nothing of it went out. It is not staged again until the source moves; Release stages it anew.",
    "superseded": "The source has moved since it was built, and newer batches hold its orders. Nothing is left to do.",
    "undoing": "What it wrote is being put back now.",
    "undone": "Everything that it wrote was put back. It is not staged again until the source moves, or is released.",
    "partly_undone": "A part of what it wrote was put back. Orders that were not ticked stay as they are, "
    "and the reason stands beside each order that was kept.",
}


def partly_undone(*, kept: int, left: int) -> str:
    """What a partly undone batch is, by how many orders its undos kept and how many nobody has ticked for one."""
    if not kept and not left:
        return BATCH["partly_undone"]
    said = ["A part of what it wrote was put back."]
    if left:
        were, them = (
            ("was not ticked and stays as it is", "it")
            if left == 1
            else ("were not ticked and stay as they are", "them")
        )
        said.append(f"{counted(left, 'order')} {were}; an undo can put {them} back too.")
    if kept:
        were, each = ("was", "it") if kept == 1 else ("were", "each")
        said.append(f"{counted(kept, 'order')} {were} kept, wholly or in part: the reason stands beside {each}.")
    return " ".join(said)


ORDER: Mapping[str, str] = {
    "staged": "Waits for its batch's approval.",
    "held": "Kept back, for the reason beside it. Release it, or decide its conflict, on the batch's page.",
    "approved": "Goes out with its batch's next push.",
    "sending": "Is being sent now.",
    "applied": "The board took it, and shows it.",
    "rejected": "The board refused it. Mend the cause, then retry it under Rejected.",
    "unclear": "Sent, and no answer came. It is looked up on the board before anything is sent again.",
    "declined": "Somebody said no. It is not staged again until the source moves, or it is released.",
    "given_up": "Refused, and left as it is. It is staged again once the source moves, or it is released.",
    "superseded": "The source or the mapping has moved since; a newer change of the same order takes its place.",
    "undoing": "What was written of it is being put back now.",
    "undone": "What was written of it was put back. It is staged again once the source moves, or it is released.",
    "kept": "An undo left it, or a part of it, as it stands on the board, for the reason beside it.",
}

BOARD_KEEPS = "It is settled. What stands below as withheld was not written: there the board keeps a value of its own."
"""Of an applied order of which the board keeps a field, by a person's word or by the mapping's policy."""

RUN_SETTLED = (
    "It did its work, but not all of it ended well at once. What did not was settled since: nothing of it is left."
)
"""Of a run that completed with errors of which nothing is left to do."""

RUN: Mapping[str, str] = {
    "queued": "A worker takes it up as soon as one is free.",
    "running": "It is at work.",
    "waiting": "It is done with its work; what it staged waits for a person. Open a batch below to look at it.",
    "completed": "All that it was to do is done.",
    "with_errors": "It did its work, but not all of it ended well. What did not stands below.",
    "failed": "It could not go on. What was sent before that stays sent and is on record; start it again once the "
    "cause below is gone.",
    "refused": "It was stopped on purpose before anything was done, as something looked wrong. The sentence below says "
    "what, and what helps.",
    "stopped": "Somebody cancelled it. What was done before that is kept; start it again to go on.",
}


def removals_unchecked(*, narrowed: bool, broke_off: bool) -> str:
    """Why a sync knows of no removals; `narrowed` where less than all was asked for, `broke_off` where it was stopped
    by somebody, by an outage or by a guard."""
    if narrowed:
        why = ", as only a part of the source was looked at, or at most so many orders were asked for."
    elif broke_off:
        why = ", as the run was stopped before that."
    else:
        why = "; the notes below say why."
    return f"Removals were not checked{why}"
