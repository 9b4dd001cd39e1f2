"""The board that a family of mappings expects, for seeding a local board with the same ids."""

from __future__ import annotations

from collections.abc import Iterable

from monday.core.structure import BoardStructure, Column, Group, Label

from .family import kind_for
from .rules import ColumnRules, Mapping, Sizes

ITEMS_LIMIT = 10_000
EMPTY_STATUS_LABEL = 5  # the id that a status column keeps for its empty label


def expected_structure(*mappings: Mapping) -> BoardStructure:
    """A board on which every one of these mappings fits: titles are the source columns' names, kinds are guessed.

    All mappings must be of one board; where two map a column, the first names it. The subitems board's id is the
    board's plus one. Labels are those that a column which requires them is mapped to.
    """
    first = mappings[0]
    columns = [Column("name", "Name", "name"), Column("subtasks", "Subitems", "subtasks")]
    for mapping in mappings:
        columns += [_column(rules) for rules in mapping.columns]
    columns.append(Column(first.board.uuid_column, "Record UUID", "text"))
    sizes = next((mapping.sizes for mapping in mappings if mapping.sizes), None)
    return BoardStructure(
        id=first.board.id,
        name=first.board.name,
        columns=_by_id(columns),
        groups=(Group("topics", "Orders"),),
        subitems=_subitems(first, sizes),
        items_limit=ITEMS_LIMIT,
    )


def _subitems(mapping: Mapping, sizes: Sizes | None) -> BoardStructure:
    columns = [Column("name", "Name", "name")]
    if sizes:
        columns += [
            Column(sizes.size_column, "Size", _kind_of_size(sizes)),
            Column(sizes.quantity_column, "Order Qty", "numbers"),
            Column(sizes.key_column, "Size Key", "text"),
        ]
    name = f"Subitems of {mapping.board.name}"
    return BoardStructure(
        id=str(int(mapping.board.id) + 1),
        name=name,
        columns=_by_id(columns),
        groups=(Group("topics", "Subitems"),),
    )


def _kind_of_size(sizes: Sizes) -> str:
    starts = (("dropdown", "dropdown"), ("color", "status"), ("status", "status"))
    return next((kind for start, kind in starts if sizes.size_column.startswith(start)), "text")


def _column(rules: ColumnRules) -> Column:
    kind = kind_for(rules, None)
    wanted = dict.fromkeys(target for target in rules.values.values() if target)
    if kind not in ("status", "dropdown") or rules.labels != "require":
        return Column(rules.to, rules.source, kind)
    ids = (number for number in range(1, len(wanted) + 2) if kind == "dropdown" or number != EMPTY_STATUS_LABEL)
    labels = tuple(Label(number, text) for number, text in zip(ids, wanted, strict=False))
    return Column(rules.to, rules.source, kind, labels)


def _by_id(columns: Iterable[Column]) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for column in columns:
        found.setdefault(column.id, column)
    return found
