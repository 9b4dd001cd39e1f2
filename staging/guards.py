"""What must hold before any work is done. Every guard fails closed: it refuses the run with one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings

from mapping.core.family import Family
from mapping.core.rules import size_columns
from mapping.core.targets import source_columns_needed
from monday.models import Board

from .core.ports import SourceColumn
from .models import SyncRun


class GuardRefused(Exception):
    """The run may not go on: exit code 5. The message says what was found, and what to do."""


def check_rows(board: Board, rows: int, *, expected: int | None) -> None:
    """Refuse an empty source, and one that lost more of its rows since the last full run than SOURCE_SHRINKAGE allows.

    `expected` is the number a person stated for this run; a source of exactly that many rows passes.
    Raises GuardRefused.
    """
    if expected is not None:
        if rows != expected:
            raise GuardRefused(f"The source holds {rows:,} rows, not {expected:,} as stated. Nothing was done.")
        return
    if rows == 0:
        raise GuardRefused(
            "The source is empty; nothing was done and nothing is removed. Remedy: check the order table and its load."
        )
    run = _last_full_run(board)
    last = run.full_rows if run else None
    if last and rows < last * (1 - settings.SOURCE_SHRINKAGE / 100):
        raise GuardRefused(
            f"The source holds {rows:,} rows, {last - rows:,} fewer than in the last full run ({last:,}). Nothing was "
            f"done. Remedy: check the load of the order table; if it is right, say so with --expect-rows {rows}."
        )


def check_source(board: Board, family: Family, present: Sequence[SourceColumn], *, vouched: bool) -> None:
    """Refuse a source whose columns are not what the mapping needs, or not what they were in the last full run.

    `vouched` is true where a person stated the number of rows: then other types are taken as they are.
    Raises GuardRefused.
    """
    needed = needed_columns(family)
    check_columns(present, needed)
    check_sizes(board, family, present)
    if not vouched:
        check_types(board, [*needed, *size_names(family, present)], present)


def needed_columns(family: Family) -> set[str]:
    """Every source column that a customer's mapping names."""
    return {column for mapping in family.mappings() for column in source_columns_needed(mapping)}


def shape(family: Family, present: Sequence[SourceColumn]) -> dict[str, Any]:
    """What the next run knows the source's columns by, as it stands in a run's scope."""
    sizes = size_names(family, present)
    return {"size_columns": sizes, "types": column_types([*needed_columns(family), *sizes], present)}


def check_columns(present: Iterable[SourceColumn], needed: Iterable[str]) -> None:
    """Refuse a source that lacks a column which the mapping needs. Raises GuardRefused naming every one."""
    names = {column.name for column in present}
    missing = sorted(set(needed) - names)
    if missing:
        shown = ", ".join(repr(name) for name in missing[:8]) + (f" and {len(missing) - 8} more" if missing[8:] else "")
        raise GuardRefused(
            f"The source lacks {shown}, which the mapping needs; nothing was staged. "
            "Remedy: restore the column, or publish a mapping without it."
        )


def check_sizes(board: Board, family: Family, present: Iterable[SourceColumn]) -> None:
    """Refuse a source that lacks a size column which it had in the last full run: its lines would be emptied.

    Sizes have no names in the mapping, so the last full run is what they are known by. Raises GuardRefused.
    """
    run = _last_full_run(board)
    sizes = family.default.sizes
    names = {column.name for column in present}
    former = run.scope.get("size_columns", []) if run and sizes else []
    missing = [name for name in former if name not in names and sizes and name not in sizes.except_]
    if missing:
        shown = ", ".join(repr(name) for name in missing[:8]) + (f" and {len(missing) - 8} more" if missing[8:] else "")
        raise GuardRefused(
            f"The source lacks the size {shown}, which it had in run {run.pk if run else 0}; nothing was staged. "
            "Remedy: restore the column, or name it under sizes.except in the board's document."
        )


def check_types(board: Board, needed: Iterable[str], present: Iterable[SourceColumn]) -> None:
    """Refuse a source in which a mapped or size column has another type than in the last full run.

    Raises GuardRefused naming each with both types. A person who states the number of rows vouches for the table.
    """
    run = _last_full_run(board)
    former: dict[str, str] = run.scope.get("types", {}) if run else {}
    now = column_types(needed, present)
    moved = [
        f"{name!r} was {former[name]} and is {kind}" for name, kind in now.items() if former.get(name, kind) != kind
    ]
    if moved:
        shown = ", ".join(moved[:5]) + (f" and {len(moved) - 5} more" if moved[5:] else "")
        raise GuardRefused(
            f"Columns of the source changed their type since run {run.pk if run else 0}: {shown}; nothing was staged. "
            "Remedy: restore the type, or if it is right, state the number of rows with --expect-rows."
        )


def column_types(needed: Iterable[str], present: Iterable[SourceColumn]) -> dict[str, str]:
    """The types of the mapped columns and the sizes, by name."""
    wanted = set(needed)
    return {column.name: column.type for column in present if column.name in wanted}


def size_names(family: Family, present: Iterable[SourceColumn]) -> list[str]:
    """The columns of the source that are sizes."""
    sizes = family.default.sizes
    return list(size_columns(sizes, [column.name for column in present])) if sizes else []


def _last_full_run(board: Board) -> SyncRun | None:
    return SyncRun.objects.filter(board=board, full_rows__isnull=False, rehearsal=False).order_by("-id").first()
