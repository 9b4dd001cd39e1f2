"""What a run counts, and the sums that must hold; the same numbers stand in list, page, mail and command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from .lifecycle import COUNTED, TAKEN_BACK


@dataclass(slots=True)
class Counts:
    """Rows and orders of one run. `removed` is None where it was not checked (a narrowed or limited run)."""

    read: int = 0
    unchanged: int = 0
    new: int = 0
    changed: int = 0
    waiting: int = 0
    rekeyed: int = 0
    invalid: int = 0
    duplicate: int = 0
    removed: int | None = 0
    deferred: int = 0
    staged: int = 0
    pending: int = 0
    applied: int = 0
    created: int = 0
    updated: int = 0
    removed_from_board: int = 0
    restored: int = 0
    held: int = 0
    rejected: int = 0
    skipped: int = 0
    unclear: int = 0

    def problems(self) -> list[str]:
        """The sums that do not hold, as sentences; empty where every row is accounted for."""
        sums = [
            (
                "read = unchanged + new + changed + waiting + rekeyed + invalid + duplicate",
                self.read,
                self.unchanged + self.new + self.changed + self.waiting + self.rekeyed + self.invalid + self.duplicate,
            ),
            (
                "new + changed + removed = staged + deferred",
                self.new + self.changed + (self.removed or 0),
                self.staged + self.deferred,
            ),
            (
                "staged = pending + applied + held + rejected + skipped + unclear",
                self.staged,
                self.pending + self.applied + self.held + self.rejected + self.skipped + self.unclear,
            ),
            (
                "applied = created + updated + removed_from_board + restored",
                self.applied,
                self.created + self.updated + self.removed_from_board + self.restored,
            ),
        ]
        return [f"{words}: {left} is not {right}" for words, left, right in sums if left != right]

    def count_staged(self, by_state: Mapping[tuple[str, str], int]) -> None:
        """Take over how many staged orders stand in each (operation, state)."""
        self.staged = sum(by_state.values())
        for name, states in COUNTED.items():
            setattr(self, name, sum(n for (_, state), n in by_state.items() if state in states))
        applied = COUNTED["applied"]
        for name, operation in APPLIED_AS.items():
            setattr(self, name, sum(n for (op, state), n in by_state.items() if op == operation and state in applied))

    def know_only_staged(self, by_state: Mapping[tuple[str, str], int]) -> None:
        """For a detection that broke off: the rows that were staged until then are all that is known of it."""
        of = {name: sum(n for (op, _), n in by_state.items() if op == name) for name in APPLIED_AS.values()}
        self.new, self.changed = of["create"], of["update"] + of["restore"]
        self.read, self.removed = self.new + self.changed, of["remove"] or None

    def to_json(self) -> dict[str, int | None]:
        """The counts by name, `removed` as null where it was not checked."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, int | None]) -> Self:
        """The counts that `to_json` pictured; names this version does not know are passed over."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})  # type: ignore[arg-type]


@dataclass(slots=True)
class CountsNow(Counts):
    """The counts of a run with its orders as they stand now: of the applied ones, what became of them by undos since.

    A run's own row never has these, as it ends before anything of it can be undone.
    """

    being_undone: int = 0
    undone: int = 0
    kept: int = 0

    def count_staged(self, by_state: Mapping[tuple[str, str], int]) -> None:
        """Take over how many staged orders stand in each (operation, state)."""
        Counts.count_staged(self, by_state)
        for name, states in TAKEN_BACK.items():
            setattr(self, name, sum(n for (_, state), n in by_state.items() if state in states))

    @property
    def still_applied(self) -> int:
        """The applied ones that no undo was at."""
        return self.applied - self.being_undone - self.undone - self.kept


APPLIED_AS = {"created": "create", "updated": "update", "removed_from_board": "remove", "restored": "restore"}
