"""Records of which it is not clear which item is theirs: what is staged of them is held for a person."""

from __future__ import annotations

from dataclasses import dataclass

from staging.batches.rows import Judged
from staging.core.causes import Cause
from staging.core.changeset import Rekeyed
from staging.models import BoardFinding, StagedOrder
from staging.models.run import Kind
from staging.setup import Setup

UNCLEAR_WHOSE = (
    "Its UUID is new, and more than one vanished order has its business key. Remedy: give the rows their former UUIDs."
)
NARROWED = (
    "Its UUID is new, and its business key is that of an order which this narrowed run did not see. "
    "Remedy: run the sync without narrowing it."
)
UNSURE = (
    "The adoption could not tell which item of the board is its own. Remedy: look at what it found unsure, settle it "
    "on the board and adopt again; or release the order, which creates another item."
)


@dataclass(frozen=True, slots=True)
class Matched:
    """New UUIDs matched to vanished ones; `why` says why an ambiguous one is held.

    `doubtful` are the records that an earlier run held as ambiguous: they are judged as if nothing was staged of them.
    `unsure` are those of which the last adoption could not say which item is theirs.
    """

    rekeyed: Rekeyed
    doubtful: frozenset[str]
    unsure: frozenset[str]
    why: str

    def doubt(self, judged: Judged) -> str:
        """Why nobody can say which item is the record's, "" where it is clear."""
        if judged.record in self.rekeyed.ambiguous:
            return self.why
        return UNSURE if judged.snapshot is None and judged.record in self.unsure else ""


def held_as_ambiguous(setup: Setup) -> frozenset[str]:
    """The records whose creation an earlier run held for such a doubt."""
    held = StagedOrder.objects.held_for(Cause.AMBIGUOUS)
    mine = held.filter(board=setup.board, current=True, operation="create")
    return frozenset(mine.values_list("record", flat=True).iterator(chunk_size=5000))


def left_unsure(setup: Setup) -> frozenset[str]:
    """The records that the last adoption of this board found no single item for, among several that may be theirs."""
    found = BoardFinding.objects.filter(run__board=setup.board, run__kind=Kind.ADOPT, category="unsure")
    return frozenset(found.exclude(record="").values_list("record", flat=True).iterator(chunk_size=5000))
