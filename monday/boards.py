"""The use cases on boards: know one, read its structure again, and make groups exist once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from django.db import IntegrityError, transaction

from .core.operations import CreateGroup, Done, Operation, Outcome, Refused
from .core.structure import BoardStructure
from .models import Board, BoardGroup, Environment


class GroupFailed(Exception):
    """A group could not be made or found; only the customer that needs it is stopped."""


class Reader(Protocol):
    """What reading a structure needs of the client."""

    def board(self, board_id: str) -> BoardStructure: ...


class Writer(Reader, Protocol):
    """What making a group needs of the client."""

    def write(
        self, operations: Sequence[Operation], *, board: BoardStructure, tokens: Sequence[str], journal: _NoJournal
    ) -> list[Outcome]: ...


class _NoJournal:
    """A group's creation is found again by its title, so it needs no receipt."""

    def sending(self, indices: Sequence[int], key: str) -> None:
        """Nothing to write down."""

    def answered(self, outcomes: object) -> None:
        """Nothing to write down."""


def know(*, address: str, account_id: str, structure: BoardStructure, sandbox: bool, now: datetime) -> Board:
    """The board's row, made at first sight; its structure is taken over. Opens a transaction."""
    with transaction.atomic():
        board, _ = Board.objects.get_or_create(
            address=address,
            account_id=account_id,
            board_id=structure.id,
            defaults={
                "environment": Environment.SANDBOX if sandbox else Environment.PRODUCTION,
                "name": structure.name[:255],
            },
        )
        _store(board, structure, now)
    return board


def refresh(*, board: Board, client: Reader, now: datetime) -> BoardStructure:
    """Read the structure from the board and remember it. Raises Unavailable."""
    structure = client.board(board.board_id)
    _store(board, structure, now)
    return structure


def count_created(board: Board, items: int) -> None:
    """Remember that the board holds more items (or fewer), so that its free places are known without asking."""
    structure = board.known_structure()
    if structure is not None and items:
        board.structure = replace(structure, items_count=max(0, structure.items_count + items)).to_json()
        board.save(update_fields=["structure"])


def _store(board: Board, structure: BoardStructure, now: datetime) -> None:
    board.structure, board.read_at, board.name = structure.to_json(), now, structure.name[:255]
    board.save(update_fields=["structure", "read_at", "name"])


def titles(board: Board) -> dict[str, str]:
    """Title by group id: the board's own titles, with those that we rendered over them."""
    structure = board.known_structure()
    shown = {group.id: group.title for group in structure.groups} if structure else {}
    return shown | dict(BoardGroup.objects.filter(board=board).exclude(group_id="").values_list("group_id", "title"))


def absent_titles(board: Board, structure: BoardStructure) -> frozenset[str]:
    """Titles that we rendered and whose group is archived or gone in this structure, whatever it was called there."""
    active = {group.id for group in structure.groups if not group.archived}
    known = BoardGroup.objects.filter(board=board).exclude(group_id="").values_list("group_id", "title")
    return frozenset(title for group_id, title in known if group_id not in active)


def follow_remade(board: Board, structure: BoardStructure) -> None:
    """Where a group of ours is put away and a person made one of its title, that one stands for the title from now on.

    Opens a short transaction for each.
    """
    active = {group.id for group in structure.groups if not group.archived}
    for known in BoardGroup.objects.filter(board=board).exclude(group_id=""):
        if known.group_id not in active and (remade := _existing(board, structure, known.title)):
            BoardGroup.objects.filter(pk=known.pk, group_id=known.group_id).update(group_id=remade)


def ensure_groups(*, board: Board, client: Writer, titles: Sequence[str], now: datetime) -> dict[str, str]:
    """Group id for each title. A missing group is looked for on the board, and then created once.

    Opens short transactions, none while the board is waited for. Raises GroupFailed and Unavailable.
    """
    known = dict(
        BoardGroup.objects.filter(board=board, title__in=list(titles))
        .exclude(group_id="")
        .values_list("title", "group_id")
    )
    missing = [title for title in dict.fromkeys(titles) if title not in known]
    if not missing:
        return known
    structure = refresh(board=board, client=client, now=now)
    found = {title: _existing(board, structure, title) for title in missing}
    absent = [title for title, group_id in found.items() if not group_id]
    if absent:
        found |= _create(board, client, structure, absent, now)
        refresh(board=board, client=client, now=now)
    for title, group_id in found.items():
        BoardGroup.objects.filter(pk=_row(board, title, now).pk).update(group_id=group_id, created_at=now)
    return known | found


def _existing(board: Board, structure: BoardStructure, title: str) -> str:
    """The group that has this title and stands for no other: one that people gave it stays that of its own orders."""
    taken = set(BoardGroup.objects.filter(board=board).exclude(title=title).values_list("group_id", flat=True))
    named = (group for group in structure.groups if group.title == title and not group.archived)
    return next((group.id for group in named if group.id not in taken), "")


def _create(
    board: Board, client: Writer, structure: BoardStructure, titles: Sequence[str], now: datetime
) -> dict[str, str]:
    """Make these groups in one request; one without an answer is looked for again before it counts as failed.

    All who want a group at the same time ask for it by the same words, so that the board makes it once; after a refusal
    they are other words, or the board would repeat what it said.
    """
    operations = [CreateGroup(structure.id, title) for title in titles]
    tokens = [f"group:{title}:{_row(board, title, now).created_at.isoformat()}" for title in titles]
    outcomes = client.write(operations, board=structure, tokens=tokens, journal=_NoJournal())
    made = {title: outcome.id for title, outcome in zip(titles, outcomes, strict=True) if isinstance(outcome, Done)}
    if len(made) == len(titles):
        return made
    again = client.board(structure.id)
    for title, outcome in zip(titles, outcomes, strict=True):
        found = made.get(title) or _existing(board, again, title)
        if not found:
            why = outcome.message if isinstance(outcome, Refused) else "no answer came"
            if isinstance(outcome, Refused):
                BoardGroup.objects.filter(board=board, title=title, group_id="").delete()
            raise GroupFailed(f"The group {title!r} could not be made on the board: {why}")
        made[title] = found
    return made


def _row(board: Board, title: str, now: datetime) -> BoardGroup:
    """The row of exactly this title, whose `created_at` says since when the group is asked for; made where it lacks.

    Raises GroupFailed where a title that differs by case alone has a row and the database takes both for one.
    """
    rows = BoardGroup.objects.filter(board=board, title=title)
    try:
        with transaction.atomic():
            exact = next((row for row in rows if row.title == title), None)
            return exact or BoardGroup.objects.create(board=board, title=title, group_id="", created_at=now)
    except IntegrityError:
        if (made := next((row for row in rows.all() if row.title == title), None)) is not None:
            return made  # by another process, just now
        raise GroupFailed(
            f"The group {title!r} is like another one but for capitals, which this app database does not tell apart. "
            "Remedy: give both the same spelling in the source or the mapping."
        ) from None
