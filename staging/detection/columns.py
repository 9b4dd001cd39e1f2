"""How the source's columns changed since the last full run, and what that means for the mapping.

A column that a mapping needs and that is gone or has another type stops a run (`guards`); every other change is said
once, in a sentence for whoever looks after the order table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mapping.core.family import Family
from mapping.core.rules import size_columns
from mapping.core.targets import source_columns_needed
from monday.models import Board
from staging.core.ports import SourceColumn
from staging.models import SyncRun

SHOWN = 8  # columns that one sentence names


@dataclass(frozen=True, slots=True)
class Change:
    """One column that was added (`was` is ""), removed (`now` is ""), or has another type."""

    name: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Drift:
    """The columns that changed since run `run`, None before the first full one; `sentences` are for a person."""

    run: int | None
    changes: tuple[Change, ...] = ()
    sentences: tuple[str, ...] = ()


def drift(board: Board, family: Family, present: Sequence[SourceColumn]) -> Drift:
    """What is different about the columns since the last full run of this board."""
    run = last_full_run(board)
    former: dict[str, str] = run.scope.get("columns", {}) if run else {}
    if run is None or not former:
        return Drift(run.pk if run else None)
    now = {column.name: column.type for column in present}
    names = [*former, *(name for name in now if name not in former)]
    changes = [Change(name, former.get(name, ""), now.get(name, "")) for name in names]
    changes = [change for change in changes if change.was != change.now]
    if not changes:
        return Drift(run.pk)
    sizes, needed = set(size_names(family, present)), needed_columns(family)
    told = [sentence for kind in (_added, _removed, _retyped) if (sentence := kind(changes, family, sizes, needed))]
    told.append("Every row is rendered once more, as fingerprints over other columns cannot be compared.")
    return Drift(run.pk, tuple(changes), tuple(told))


def _added(changes: Iterable[Change], family: Family, sizes: set[str], needed: set[str]) -> str:
    added = [change for change in changes if not change.was]
    as_sizes = [change.name for change in added if change.name in sizes]
    others = [f"{change.name!r} ({change.now})" for change in added if change.name not in sizes]
    told = []
    if as_sizes:
        told.append(
            f"The source has the new column {listed(map(repr, as_sizes))} between the sizes: it is read as a size. "
            "If it is none, name it under sizes.except in the board's document."
        )
    if others:
        told.append(
            f"The source has the new column {listed(others)}: nothing of it goes to the board until a document maps it."
        )
    return " ".join(told)


def _removed(changes: Iterable[Change], family: Family, sizes: set[str], needed: set[str]) -> str:
    gone = [f"{change.name!r}" for change in changes if not change.now and change.name not in needed]
    if not gone:
        return ""
    return f"The source lost the column {listed(gone)}: no document maps it, so the board does not change."


def _retyped(changes: Iterable[Change], family: Family, sizes: set[str], needed: set[str]) -> str:
    told = [
        f"{change.name!r} was {change.was} and is {change.now} ({meaning(family, change.name, sizes)})"
        for change in changes
        if change.was and change.now
    ]
    return f"The source gave another type to {listed(told)}." if told else ""


def meaning(family: Family, name: str, sizes: Iterable[str] = ()) -> str:
    """What a source column is to the mapping, in a few words."""
    targets: dict[str, None] = {}
    for mapping in family.mappings():
        targets |= dict.fromkeys(rules.to for rules in mapping.columns if rules.source == name)
    if targets:
        return f"it goes to {listed(targets)}"
    if name in needed_columns(family):
        return "names, keys or totals are made of it"
    return "it is a size" if name in set(sizes) else "no document maps it"


def renamed(missing: str, board: Board, present: Sequence[SourceColumn]) -> str:
    """The column that a missing one may have become: new since the last full run, and called almost alike."""
    run = last_full_run(board)
    former = run.scope.get("columns", {}) if run else {}
    fresh = {column.name.casefold(): column.name for column in present if column.name not in former}
    near = difflib.get_close_matches(missing.casefold(), fresh, n=1, cutoff=0.6)
    return fresh[near[0]] if near else ""


def needed_columns(family: Family) -> set[str]:
    """Every source column that a customer's mapping names."""
    return {column for mapping in family.mappings() for column in source_columns_needed(mapping)}


def shape(family: Family, present: Sequence[SourceColumn]) -> dict[str, Any]:
    """What the next run knows the source's columns by, as it stands in a run's scope."""
    sizes = size_names(family, present)
    columns = {column.name: column.type for column in present}
    types = column_types([*needed_columns(family), *sizes], present)
    return {"size_columns": sizes, "types": types, "columns": columns}


def column_types(needed: Iterable[str], present: Iterable[SourceColumn]) -> dict[str, str]:
    """The types of the mapped columns and the sizes, by name."""
    wanted = set(needed)
    return {column.name: column.type for column in present if column.name in wanted}


def size_names(family: Family, present: Iterable[SourceColumn]) -> list[str]:
    """The columns of the source that are sizes."""
    sizes = family.default.sizes
    return list(size_columns(sizes, [column.name for column in present])) if sizes else []


def last_full_run(board: Board) -> SyncRun | None:
    """The run that the next ones are measured by."""
    return SyncRun.objects.filter(board=board, full_rows__isnull=False, rehearsal=False).order_by("-id").first()


def listed(words: Iterable[str]) -> str:
    """The first few of them, and how many more there are."""
    every = list(words)
    return ", ".join(every[:SHOWN]) + (f" and {len(every) - SHOWN} more" if every[SHOWN:] else "")
