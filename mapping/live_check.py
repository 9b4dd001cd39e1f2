"""Documents against a board as it stands: what it would not take, its free places, and the labels it lacks.

The same for a board that was asked just now and for one as it was read last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from monday.core.structure import BoardStructure

from .core.family import Family
from .core.problems import Problem
from .core.targets import check, label_plan, labelled

__all__ = ["LabelsFound", "LiveCheck", "live_check"]


@dataclass(frozen=True, slots=True)
class LabelsFound:
    """The labels of one column: how many are there, which the source brings beside them, and their namesakes.

    `missing_are` says what becomes of missing ones: create, require or inline. `limit` is None where there is none.
    """

    title: str
    there: int
    missing: tuple[str, ...]
    missing_are: str
    limit: int | None
    twins: tuple[tuple[str, str], ...]

    def sentence(self) -> str:
        """One line, as `CUSTOMER STYLE: 3 labels, 2 missing (create), at most 40`."""
        parts = [f"{self.there:,} {'label' if self.there == 1 else 'labels'}"]
        parts.append(f"{len(self.missing):,} missing ({self.missing_are})")
        if self.limit is not None:
            parts.append(f"at most {self.limit:,}")
        if self.twins:
            parts.append(f"{len(self.twins):,} nearly alike")
        return f"{self.title}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """What a board says to a family of documents. Problems are by customer, those of the board's own under "".

    `free` is how many items it has room for, None where it names no limit. `labels` is None where the order table
    could not be read.
    """

    board: str
    items: int
    limit: int | None
    problems: Mapping[str, tuple[Problem, ...]]
    labels: tuple[LabelsFound, ...] | None

    @property
    def free(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.items)

    def sentence(self) -> str:
        """The board in one line, with its free places."""
        if self.limit is None:
            return f"{self.board}: {self.items:,} items; how many it takes is not known."
        return f"{self.board}: {self.items:,} of {self.limit:,} items, {self.free:,} places free."


def live_check(
    family: Family,
    structure: BoardStructure,
    columns: Collection[str] | None,
    labels: Mapping[str, Collection[str]] | None,
) -> LiveCheck:
    """Hold every mapping of a family against a board; `columns` are the source's, `labels` what its rows bring."""
    source = None if columns is None else tuple(columns)
    problems = {"": check(family.default, structure, source, labels)}
    for name in family.customers:
        own = check(family.mapping(name), structure, source, labels)
        problems[name] = tuple(problem for problem in own if problem not in problems[""])
    found = None if labels is None else tuple(_labels(family, structure, labels).values())
    return LiveCheck(structure.name, structure.items_count, structure.items_limit, problems, found)


def _labels(family: Family, structure: BoardStructure, labels: Mapping[str, Collection[str]]) -> dict[str, LabelsFound]:
    found: dict[str, LabelsFound] = {}
    for mapping in (family.default, *family.mappings()):
        for to, rules in labelled(mapping, structure).items():
            if to not in found:
                plan = label_plan(rules.column, sorted(labels.get(to, ())))
                there = len(rules.column.label_texts())
                twins = (*plan.twins, *plan.near)
                found[to] = LabelsFound(rules.column.title, there, plan.missing, rules.missing, rules.limit, twins)
    return found
