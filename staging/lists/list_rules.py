"""What the documents say of the rows of an order list: what tells them apart, and which of them a sync could not use.

It is the judgement of the sync itself (`detection.judging`), by the documents and the board that it would go by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mapping.core.family import Family
from mapping.core.order import CellProblem
from mapping.core.render import missing_columns
from mapping.core.targets import expected_structure
from mapping.models import Document
from mapping.orders_table import alias_of
from mapping.published import NoMapping, load_family
from monday.core.structure import BoardStructure
from monday.models import Board, Environment
from staging.core.identity import Unreadable, canonical
from staging.core.ports import Row
from staging.detection.judging import RowJudge, Unusable

UNKNOWN = "No board's mapping is published yet, so totals and customers are judged by the first sync."


@dataclass(slots=True)
class ListRules:
    """Rules for rows whose cells stand in the order of `columns`; `document` names what they are judged by.

    `why_not` says why only cells and keys are judged, "" where totals and customers are, too.
    """

    columns: Sequence[str]
    document: str = ""
    why_not: str = ""
    definition: tuple[str, ...] = ()
    identity: str = ""
    rows: RowJudge | None = field(default=None)

    def key_of(self, texts: Row) -> tuple[str, ...]:
        """The business key of a row given as texts, by its customer's document; empty where none is defined."""
        if self.rows is not None:
            return self.rows.key_of(texts)
        at = [self.columns.index(name) for name in self.definition if name in self.columns]
        return tuple(str(texts[place]).strip() for place in at)

    def key_columns(self, texts: Row) -> tuple[str, ...]:
        """The columns of that key."""
        return self.rows.key_definition(texts) if self.rows is not None else self.definition

    def problems(self, row: Row) -> Sequence[CellProblem]:
        """Why a sync could not use this row as the database holds it; empty where it could."""
        if self.rows is None:
            return ()
        try:
            canonical(row[self.columns.index(self.identity)])
        except Unreadable:
            value = str(row[self.columns.index(self.identity)])
            return (CellProblem(self.identity, value, "This is no UUID."),)
        found = self.rows.judge(row)
        return found.problems if isinstance(found, Unusable) else ()


def rules_for(columns: Sequence[str]) -> ListRules:
    """The rules of the board that reads the intake, else of any published board, for a table with these columns."""
    for document in _documents():
        try:
            family = load_family(document.board_key).family
        except NoMapping:
            continue
        return _rules(document, family, columns)
    return ListRules(columns, why_not=UNKNOWN)


def boards_of_intake() -> list[Document]:
    """The boards whose published document reads the intake."""
    found = []
    for document in _published():
        try:
            table = load_family(document.board_key).family.default.source.table
        except NoMapping:
            continue
        if alias_of(table) == "intake":
            found.append(document)
    return found


def _published() -> list[Document]:
    return list(Document.objects.boards().filter(versions__state="published").distinct().order_by("name"))


def _documents() -> Iterator[Document]:
    yield from boards_of_intake()
    yield from _published()


def _rules(document: Document, family: Family, columns: Sequence[str]) -> ListRules:
    source = family.default.source
    rules = ListRules(columns, document.name, definition=tuple(source.business_key), identity=source.identity)
    missing = [one for mapping in (family.default, *family.mappings()) for one in missing_columns(mapping, columns)]
    if missing:
        rules.why_not = f"Totals and customers are not judged: {missing[0].message}. Remedy: {missing[0].remedy}"
    else:
        rules.rows = RowJudge(family, columns, _structure(document, family))
    return rules


def _structure(document: Document, family: Family) -> BoardStructure:
    """The local board as it was read last; before the first sync, as that sync would make it."""
    boards = Board.objects.filter(board_id=document.board_key, environment=Environment.SANDBOX).order_by("-id")
    known = next((board.known_structure() for board in boards[:1]), None)
    return known or expected_structure(*family.mappings())
