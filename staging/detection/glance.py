"""The quick answer: did anything move? Counts of a fingerprint comparison, and nothing else.

No run is begun, the board is not asked, nothing is rendered and nothing is written, so it may be asked every minute.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from staging.core.ports import Scope
from staging.setup import Setup

from .by_key import Saw, not_gone
from .columns import drift
from .compare import FOLLOWED, NOT_USED, Comparison, compare
from .detect import mapping_keys
from .guards import GuardRefused, check_rows, check_source
from .rows import Rows

SCHEMA_VERSION = 1
ASKED = 500  # records without a row that are looked for by their business keys


@dataclass(frozen=True, slots=True)
class Glance:
    """Rows of the source, each counted once: read = same + moved + new + unusable. `seconds` is how long it took.

    `same` rows are as they were when they were judged last, whatever the judgement. `moved` ones may have changed in a
    way that no board shows; `incomparable` of them were judged under other columns or another mapping. `unusable` rows
    share a UUID, or have one that is none. `gone` are records without a row, unless one under another UUID or one that
    cannot be used may be theirs (which is asked of a few); None where only some rows were read.
    `drift` says in sentences how the source's columns changed, `refusal` why a run would be refused.
    """

    read: int
    same: int
    moved: int
    new: int
    unusable: int
    gone: int | None
    incomparable: int
    drift: tuple[str, ...]
    refusal: str
    seconds: float

    @property
    def quiet(self) -> bool:
        """Nothing that a run would have to look at."""
        return not (self.moved or self.new or self.gone or self.refusal)

    def to_json(self) -> dict[str, Any]:
        """The answer by name; `schema_version` rises when a name changes its meaning."""
        return {"schema_version": SCHEMA_VERSION, "check": True, "quiet": self.quiet, **asdict(self)}


@dataclass(slots=True)
class _Tally:
    """What `compare` classifies, only counted; what is not there is named, as it may have to be asked for."""

    moved: int = 0
    new: int = 0

    def add(self, differing: dict[str, str], former: dict[str, str], found: Comparison) -> None:
        self.moved += sum(record in former for record in differing)
        self.new += sum(record not in former for record in differing)
        for record, verdict in former.items():
            if record not in differing:
                found.vanished += [record] if verdict in FOLLOWED else []
                found.forgotten += [record] if verdict in NOT_USED else []


def glance(*, setup: Setup, scope: Scope) -> Glance:
    """Compare fingerprints and count. Raises SourceRefused. Opens no transaction."""
    started = time.monotonic()
    present = setup.source.columns
    changes = drift(setup.board, setup.mappings.family, present)
    rows, tally = Rows(setup, scope), _Tally()
    found = compare(
        setup.source.fingerprint_pages(scope),
        board=setup.board,
        expected_rows=setup.source.count(scope),
        scheme=setup.source.scheme,
        mapping_keys=mapping_keys(setup),
        without_identity=rows.derived_fingerprints(),
        classify=tally.add,
    )
    return Glance(
        read=found.read,
        same=found.quiet.total(),
        moved=tally.moved,
        new=tally.new,
        unusable=sum(found.duplicates.values()) + found.unreadable_rows.total() + rows.repeated_rows,
        gone=None if scope.partial else _gone(setup, rows, found),
        incomparable=found.incomparable,
        drift=changes.sentences,
        refusal=_refusal(setup, scope, found.read),
        seconds=round(time.monotonic() - started, 3),
    )


def _gone(setup: Setup, rows: Rows, found: Comparison) -> int:
    """How many of the records without a row are gone. Of many it matters little, and asking would take its time."""
    number = len(found.vanished)
    if number > ASKED:
        return number
    return number - len(not_gone(setup, rows.columns, found.vanished, Saw(found, frozenset(), rows.repeated)))


def _refusal(setup: Setup, scope: Scope, rows: int) -> str:
    """Why a run would not begin now, "" where it would."""
    try:
        check_source(setup.board, setup.mappings.family, setup.source.columns, vouched=False)
        if not scope.partial:
            check_rows(setup.board, rows, expected=None)
    except GuardRefused as refused:
        return str(refused)
    return ""


def sentences(found: Glance) -> list[str]:
    """The answer for a person."""
    parts = [f"{found.same:,} as before"]
    parts += [f"{number:,} {word}" for number, word in ((found.moved, "moved"), (found.new, "new")) if number]
    parts += [f"{found.unusable:,} unusable"] if found.unusable else []
    gone = "removals not checked" if found.gone is None else f"{found.gone:,} gone"
    lines = [f"  {found.read:,} read = {' + '.join(parts)}; {gone}"]
    if found.incomparable:
        lines.append(f"  {found.incomparable:,} of them were judged under other columns or another mapping")
    lines += [f"  {sentence}" for sentence in found.drift]
    if found.refusal:
        return [*lines, f"A run would be refused. {found.refusal}"]
    if found.quiet:
        return [*lines, "Nothing moved."]
    return [*lines, "A run has something to look at. See what it would do: sync_orders --dry-run"]
