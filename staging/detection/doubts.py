"""Records of which it is not clear which item is theirs: what is staged of them is held for a person."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from staging.batches.rows import Judged
from staging.core.causes import Cause
from staging.core.changeset import Rekeyed
from staging.core.lifecycle import OrderState
from staging.models import BoardFinding, StagedOrder
from staging.models.run import Kind
from staging.setup import Setup, whole

UNCLEAR_WHOSE = (
    "Its UUID is new, and more than one order or row may be the vanished one of its business key. Remedy: correct the "
    "rows of that key that cannot be used, or give the rows their former UUIDs."
)
NARROWED = (
    "Its UUID is new, and its business key is that of an order which this narrowed run did not see. "
    "Remedy: run the sync without narrowing it."
)
UNSURE = (
    "The adoption could not tell which item of the board is its own. Remedy: look at what it found unsure, settle it "
    "on the board and adopt again; or release the order, which creates another item."
)

IN_DOUBT = (OrderState.HELD, OrderState.DECLINED)
"""A creation that was held for such a doubt is in doubt after it was declined as well."""


@dataclass(frozen=True, slots=True)
class LeftUnsure:
    """Records of which the last adoption could not say which item is theirs. `keys` are customer and business key of
    those that the source does not hold any more: a row of such a key may be the same order under a fresh UUID."""

    records: frozenset[str]
    keys: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Matched:
    """New UUIDs matched to vanished ones, in a run that was narrowed where `partial`.

    `doubtful` are the records that an earlier run held as ambiguous: they are judged as if nothing was staged of them.
    """

    rekeyed: Rekeyed
    doubtful: AbstractSet[str]
    unsure: LeftUnsure
    partial: bool

    def settled(self, record: str) -> bool:
        """Whether a record without doubt is no other's item for certain: all rows were seen, and it carries on the
        doubt of no former UUID."""
        return not self.partial and self.rekeyed.pairs.get(record) not in self.doubtful

    def doubt(self, judged: Judged, customer: str, key: tuple[str, ...]) -> str:
        """Why nobody can say which item is the record's, "" where it is clear."""
        if judged.record in self.rekeyed.ambiguous:
            return NARROWED if self.partial else UNCLEAR_WHOSE
        unsure = judged.record in self.unsure.records or (customer, " / ".join(key)) in self.unsure.keys
        return UNSURE if judged.snapshot is None and unsure else ""


def held_as_ambiguous(setup: Setup) -> dict[str, set[str]]:
    """The records whose creation an earlier run held for such a doubt, also where it was declined then; with the hashes
    of the business keys that they were in doubt for."""
    found: dict[str, set[str]] = {}
    mine = StagedOrder.objects.filter(board=setup.board, operation="create", cause=Cause.AMBIGUOUS)
    now = mine.filter(current=True, state__in=IN_DOUBT).values("record")
    for record, key in mine.filter(record__in=now).values_list("record", "key_hash").iterator(chunk_size=5000):
        found.setdefault(record, set()).add(key)
    return found


def left_unsure(setup: Setup) -> LeftUnsure:
    """The records that the last adoption of this board found no single item for, among several that may be theirs.

    Asks the source for them where there are any. Raises SourceRefused.
    """
    found = BoardFinding.objects.filter(run__board=setup.board, run__kind=Kind.ADOPT, category="unsure")
    listed = found.exclude(record="").values_list("record", "customer", "key").iterator(chunk_size=5000)
    unsure = {record: (customer, key) for record, customer, key in listed}
    spelled = {word: record for record in unsure for word in (record, record.upper())}
    asked = setup.source.fingerprints_of(list(spelled), whole(setup)) if spelled else ()
    present = {spelled[raw] for raw, _ in asked if raw in spelled}
    return LeftUnsure(frozenset(unsure), frozenset(unsure[record] for record in unsure if record not in present))
