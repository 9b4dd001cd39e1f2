"""A whole board as a table for people: items with their subitems beneath, columns by title; and how often its labels
are used. Both read the board once, page by page, so memory does not grow with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path

from mapping.core.targets import MAX_STATUS_LABELS, alike
from monday.client import MondayClient
from monday.core.columns import Value
from monday.core.operations import Item
from monday.core.structure import BoardStructure, Column
from monday.exports import SheetFull, write

FIXED = ("Item id", "Parent id", "Group", "Name")
LABELLED = ("status", "dropdown")
LARGEST = 500  # items a page, of the API
SUFFIXES = (".csv", ".xlsx")

Progress = Callable[[int], None]
"""Told how many items were read; it may raise to stop."""


class NotExported(Exception):
    """No file was written; the message says why and what to do."""


@dataclass(slots=True)
class Exported:
    """What a file holds: items and subitems that were written, and its columns' titles."""

    titles: tuple[str, ...]
    items: int = 0
    subitems: int = 0


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one column: (text, how often it is used, whether it can be chosen), the most used first.

    `where` is the board's or the subitems board's name. `twins` are those that differ by case, blanks and signs only;
    `limit` is the most that the column may have, None where there is none.
    """

    where: str
    column: Column
    labels: tuple[tuple[str, int | None, bool], ...]
    twins: tuple[tuple[str, ...], ...]
    limit: int | None

    @property
    def room(self) -> int | None:
        """How many more labels the column takes, None where there is no limit."""
        return None if self.limit is None else max(0, self.limit - len(self.column.label_texts()))


def export(client: MondayClient, structure: BoardStructure, path: Path, progress: Progress) -> Exported:
    """Write the board into a CSV or an XLSX file, which appears under its name when it is complete.

    No cell runs as a formula. Raises NotExported, Unavailable, and what `progress` raises.
    """
    above, below = _shown(structure), _shown(structure.subitems)
    done = Exported(_titles(structure, above, below))
    read = client.all_items(structure.id, columns=above, subitem_columns=below, page=LARGEST)
    rows = _rows(_told(read, progress), structure, above, below, done)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            write(file, path.suffix[1:].lower(), chain([done.titles], rows), sheet="Board", fixed="E2")
        partial.replace(path)
    except SheetFull as refused:
        raise NotExported(str(refused)) from None
    except OSError as problem:
        raise NotExported(
            f"{path} cannot be written ({problem.strerror}). Remedy: free space, or name another file with --to."
        ) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return done


def count_labels(
    client: MondayClient | None,
    structure: BoardStructure,
    progress: Progress,
    limits: Mapping[str, int | None],
) -> list[Labels]:
    """The labels of the board's and its subitems' columns; counted where there is a client to read the items by.

    `limits` says by column id how many a mapping lets it come to. Raises Unavailable, and what `progress` raises.
    """
    boards = [structure, *([structure.subitems] if structure.subitems else [])]
    columns = [[column for column in _shown(board) if column.kind in LABELLED] for board in boards]
    used: dict[tuple[int, str], Counter[str]] = {}
    if client is not None and any(columns):
        below = columns[1] if len(columns) > 1 else []
        read = client.all_items(structure.id, columns=columns[0], subitem_columns=below, page=LARGEST)
        for item in _told(read, progress):
            for depth, one in enumerate((item, *item.subitems)):
                for column, value in one.values.items():
                    used.setdefault((min(depth, 1), column), Counter()).update(_labels_of(value))
    return [
        _labels(board, column, used.get((depth, column.id), Counter()), client is not None, limits)
        for depth, board in enumerate(boards)
        for column in columns[depth]
    ]


def _labels(
    board: BoardStructure, column: Column, used: Counter[str], counted: bool, limits: Mapping[str, int | None]
) -> Labels:
    known = {label.text: label.active for label in column.labels}
    known |= {text: False for text in used if text not in known}
    order = sorted(known, key=lambda text: (-used[text], text))
    usual = MAX_STATUS_LABELS if column.kind == "status" else None
    return Labels(
        where=board.name,
        column=column,
        labels=tuple((text, used[text] if counted else None, known[text]) for text in order),
        twins=tuple(alike(column.label_texts())),
        limit=limits.get(column.id) or usual,
    )


def _labels_of(value: Value) -> list[str]:
    if isinstance(value, list):
        return [str(label) for label in value]
    return [value] if isinstance(value, str) and value else []


def _told(items: Iterable[Item], progress: Progress) -> Iterator[Item]:
    for number, item in enumerate(items, start=1):
        progress(number)
        yield item


def _shown(structure: BoardStructure | None) -> list[Column]:
    """The columns that a table has: all but the name, which has its own place, and the list of subitems."""
    columns = structure.columns.values() if structure else ()
    return [column for column in columns if column.kind not in ("name", "subtasks") and not column.archived]


def _titles(structure: BoardStructure, above: Sequence[Column], below: Sequence[Column]) -> tuple[str, ...]:
    """Every column's title; columns that are titled alike are told apart by their ids."""
    plain = [*FIXED, *(c.title for c in above), *(f"Subitem: {c.title}" for c in below)]
    ids = [*("" for _ in FIXED), *(c.id for c in (*above, *below))]
    often = Counter(plain)
    return tuple(
        f"{title} ({id_})" if id_ and often[title] > 1 else title for title, id_ in zip(plain, ids, strict=True)
    )


def _rows(
    items: Iterable[Item], structure: BoardStructure, above: Sequence[Column], below: Sequence[Column], done: Exported
) -> Iterator[list[object]]:
    groups = {group.id: group.title for group in structure.groups}
    empty_above: list[object] = [None] * len(above)
    empty_below: list[object] = [None] * len(below)
    for item in items:
        done.items += 1
        group = groups.get(item.group_id, item.group_id)
        yield [item.id, None, group, item.name, *(_cell(item, column) for column in above), *empty_below]
        for line in item.subitems:
            if line.state == "active":
                done.subitems += 1
                cells = (_cell(line, column) for column in below)
                yield [line.id, item.id, group, line.name, *empty_above, *cells]


def _cell(item: Item, column: Column) -> object:
    """A value as one cell: numbers as numbers, everything else as people read it."""
    value = item.values.get(column.id)
    if column.kind == "numbers" and isinstance(value, str):
        with suppress(InvalidOperation):
            return Decimal(value)
    if isinstance(value, bool):
        return "yes" if value else None
    if isinstance(value, dict):
        parts = list(dict.fromkeys(str(part) for part in value.values() if part))
        return f"{parts[0]} ({parts[1]})" if len(parts) > 1 else parts[0] if parts else None
    return ", ".join(value) if isinstance(value, list) else value or None
