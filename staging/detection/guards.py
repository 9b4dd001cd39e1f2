"""What must hold before any work is done. Every guard fails closed: it refuses the run with one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.conf import settings

from mapping.core.family import Family
from monday.models import Board
from staging.core.identity import canonical
from staging.core.ports import OrderSource, Scope, SourceColumn
from staging.core.words import counted
from staging.models import Snapshot
from staging.models.snapshot import LinkState

from .columns import column_types, last_full_run, listed, meaning, needed_columns, renamed, size_names

MASS, AT_LEAST = 0.30, 50  # share of the linked orders, and their number, that may change at once without a person


class GuardRefused(Exception):
    """The run may not go on: exit code 5. The message says what was found, and what to do."""


def check_rows(board: Board, rows: int, *, expected: int | None) -> None:
    """Refuse an empty source, and one that lost more of its rows since the last full run than SOURCE_SHRINKAGE allows.

    `expected` is the number a person stated for this run; a source of exactly that many rows passes.
    Raises GuardRefused.
    """
    if expected is not None:
        if rows != expected:
            raise GuardRefused(
                f"The source holds {counted(rows, 'row')}, not {expected:,} as stated. Nothing was done. "
                f"Remedy: look at its load; where it is right, {_vouch(rows)}"
            )
        return
    if rows == 0:
        raise GuardRefused(
            "The source is empty; nothing was done and nothing is removed. Remedy: check the order table and its load."
        )
    run = last_full_run(board)
    last = run.full_rows if run else None
    if last and rows < last * (1 - settings.SOURCE_SHRINKAGE / 100):
        raise GuardRefused(
            f"The source holds {counted(rows, 'row')}, {last - rows:,} fewer than in the last full run ({last:,}). "
            "Nothing was done. Remedy: check the load of the order table; if it is right, "
            f"{_vouch(rows)}"
        )


def _vouch(rows: int | None = None) -> str:
    """How a person says that the table is right, by the page or by the command; `rows` is what it holds, if known."""
    number = "the number of rows" if rows is None else str(rows)
    word = "N" if rows is None else rows
    return f"enter {number} as Expected rows on the page that starts a sync, or give the command --expect-rows {word}."


def check_stood_still(unnamed: int, met: int) -> None:
    """Refuse a source that was written between the two passes over its rows: no sum of it would hold.

    `unnamed` rows had no UUID when all were read, `met` when those without one were. Raises GuardRefused.
    """
    if unnamed != met:
        raise GuardRefused(
            f"The source was written while it was read: {unnamed:,} rows had no UUID, then {met:,}. Nothing was done. "
            "Remedy: run the sync again when the load of the order table has ended."
        )


def lost_while_read(counted: int, read: int) -> str:
    """Why nothing may be taken for removed: rows were gone before they were read. "" where none was."""
    if read >= counted:
        return ""
    return (
        f"The source lost {counted - read:,} of {counted:,} rows while it was read, so removals were not checked. "
        "Remedy: run the sync again when the load of the order table has ended."
    )


def not_there(source: OrderSource, scope: Scope, records: Sequence[str]) -> list[str]:
    """Of these records, those whose UUID the source does not hold now that it is asked for each by name."""
    spelled = [word for record in records for word in (record, record.upper())]
    held = {canonical(raw) for raw, _ in source.fingerprints_of(spelled, scope)} if spelled else set()
    return [record for record in records if record not in held]


def check_source(board: Board, family: Family, present: Sequence[SourceColumn], *, vouched: bool) -> None:
    """Refuse a source whose columns are not what the mapping needs, or not what they were in the last full run.

    `vouched` is true where a person stated the number of rows: then other types are taken as they are.
    Raises GuardRefused.
    """
    needed = needed_columns(family)
    check_columns(board, family, present, needed)
    check_sizes(board, family, present)
    if not vouched:
        check_types(board, family, [*needed, *size_names(family, present)], present)


def check_columns(board: Board, family: Family, present: Sequence[SourceColumn], needed: Iterable[str]) -> None:
    """Refuse a source that lacks a column which the mapping needs. Raises GuardRefused naming every one."""
    names = {column.name for column in present}
    missing = sorted(set(needed) - names)
    if missing:
        told = []
        for name in missing:
            became = renamed(name, board, present)
            told.append(f"{name!r} ({meaning(family, name)}" + (f"; was it renamed to {became!r}?)" if became else ")"))
        raise GuardRefused(
            f"The source lacks {listed(told)}, which the mapping needs; nothing was staged. "
            "Remedy: restore the column, or publish a mapping without it."
        )


def check_sizes(board: Board, family: Family, present: Iterable[SourceColumn]) -> None:
    """Refuse a source that lacks a size column which it had in the last full run: its lines would be emptied.

    Sizes have no names in the mapping, so the last full run is what they are known by. Raises GuardRefused.
    """
    run = last_full_run(board)
    sizes = family.default.sizes
    names = {column.name for column in present}
    former = run.scope.get("size_columns", []) if run and sizes else []
    missing = [name for name in former if name not in names and sizes and name not in sizes.except_]
    if missing:
        shown = listed(map(repr, missing))
        raise GuardRefused(
            f"The source lacks the size {shown}, which it had in run {run.pk if run else 0}; nothing was staged. "
            "Remedy: restore the column, or name it under sizes.except in the board's document."
        )


def check_types(board: Board, family: Family, needed: Iterable[str], present: Sequence[SourceColumn]) -> None:
    """Refuse a source in which a mapped or size column has another type than in the last full run.

    Raises GuardRefused naming each with both types. A person who states the number of rows vouches for the table.
    """
    run = last_full_run(board)
    former: dict[str, str] = run.scope.get("types", {}) if run else {}
    now = column_types(needed, present)
    sizes = size_names(family, present)
    moved = [
        f"{name!r} was {former[name]} and is {kind} ({meaning(family, name, sizes)})"
        for name, kind in now.items()
        if former.get(name, kind) != kind
    ]
    if moved:
        raise GuardRefused(
            f"Columns of the source changed their type since run {run.pk if run else 0}: {listed(moved)}; nothing was "
            f"staged. Remedy: restore the type, or if it is right, {_vouch()}"
        )


def mass_change(board: Board, changed: int) -> str:
    """Why what changed waits for a person whatever a policy would approve; "" where it need not."""
    if changed <= AT_LEAST:
        return ""
    linked = Snapshot.objects.filter(board=board, state=LinkState.LINKED).count()
    if changed <= linked * MASS:
        return ""
    return (
        f"{changed:,} of {linked:,} linked orders changed at once, more than {MASS:.0%}: they wait for a person. "
        "Remedy: look at a batch; approve them if the table is right, decline them if its load went wrong."
    )
