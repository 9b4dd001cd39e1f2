"""Everything that stands against a text: in itself, beside the other documents, on the boards, and in the source.

The editor, a preview and publishing ask here, so that none of them is kinder than the other. Boards are taken as they
were read last and source columns as they are given; what is not given is not checked. Opens no transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from monday.core.structure import BoardStructure, Column

from .core import rules
from .core.document import (
    BoardDocument,
    CustomerDocument,
    Problem,
    effective,
    is_customer,
    located,
    parse_board,
    parse_customer,
)
from .core.targets import check, expected_structure
from .models import Customer, Document, DocumentKind
from .publish import publishing_problems
from .published import published_boards, published_customers

LATER = "The local board gets it with the next run; on a real board it must be there."


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a text is held against: local boards by their id, and the source's columns by the name of the table.

    Real boards are asked by `publishing_problems` itself, so that nothing is published past them. A table that is
    absent from `columns` was not asked; one with None does not answer, and an empty one is not there.
    """

    boards: Mapping[str, Sequence[BoardStructure]]
    columns: Mapping[str, Sequence[str] | None]


def vet(*, document: Document | None, text: str, around: Surroundings) -> tuple[Problem, ...]:
    """Every problem of a text, errors first; `document` is None for the text of a document that does not exist yet."""
    document = document or _imagined(text)
    found = list(publishing_problems(document, text))
    parsed = _parsed(document, text)
    if parsed is not None:
        found += _already_there(document)
        found += located(text, (*_around(parsed, around), *_unknown_approvers(parsed)))
    return tuple(sorted(dict.fromkeys(found), key=_order))


def document_of(text: str) -> Document:
    """The document that a text belongs to, an unsaved one where there is none yet; nothing is kept."""
    imagined = _imagined(text)
    return _namesakes(imagined).first() or imagined


def _order(problem: Problem) -> tuple[bool, int, int, str, str]:
    return problem.severity != "error", problem.line, problem.column, problem.path, problem.message


def tables(document: Document | None, text: str) -> tuple[str, ...]:
    """The source tables that this text's columns are looked for in."""
    parsed = _parsed(document or _imagined(text), text)
    if isinstance(parsed, BoardDocument):
        return (parsed.source.table,)
    return tuple(dict.fromkeys(board.source.table for board in published_boards()))


def _imagined(text: str) -> Document:
    """The document that a text without one would belong to; nothing is kept."""
    if not is_customer(text):
        board, _ = parse_board(text)
        return Document(kind=DocumentKind.BOARD, board_key=board.board.id if board else "")
    customer, _ = parse_customer(text)
    return Document(kind=DocumentKind.CUSTOMER, customer=Customer(name=customer.customer if customer else ""))


def _parsed(document: Document, text: str) -> BoardDocument | CustomerDocument | None:
    return parse_board(text)[0] if document.kind == DocumentKind.BOARD else parse_customer(text)[0]


def _already_there(document: Document) -> Iterator[Problem]:
    """A text for a new document must not be that of an existing one: it would be published over it."""
    if document.pk is not None:
        return
    for other in _namesakes(document)[:1]:
        path = "customer" if document.customer is not None else "board.id"
        yield Problem(0, 0, path, f"there is the document {other.name} already", "Open that one and change it there.")


def _namesakes(document: Document) -> QuerySet[Document]:
    """The stored document of the same board or customer."""
    if document.customer is not None:
        return Document.objects.filter(customer__name=document.customer.name).select_related("customer").order_by("pk")
    return Document.objects.filter(kind=DocumentKind.BOARD, board_key=document.board_key).order_by("pk")


def _around(parsed: BoardDocument | CustomerDocument, around: Surroundings) -> Iterator[Problem]:
    if isinstance(parsed, CustomerDocument):
        for board in published_boards():
            own = set(_live(effective(board, None), board.source.table, around))
            for problem in _live(effective(board, parsed), board.source.table, around):
                if problem not in own:
                    yield problem
                elif problem.severity == "error":
                    yield _of_the_board(problem, board)
        return
    own = set(_live(effective(parsed, None), parsed.source.table, around))
    yield from own
    for customer in published_customers():
        for problem in _live(effective(parsed, customer), parsed.source.table, around):
            if problem not in own:
                yield replace(problem, message=f"for {customer.customer}, {problem.message}")


def _unknown_approvers(parsed: BoardDocument | CustomerDocument) -> Iterator[Problem]:
    """Approvers whom nobody here is called: a slip would leave nobody who may approve."""
    approvers = parsed.policy.approvers or ()
    if not approvers:
        return
    people = get_user_model().objects.filter(is_active=True).values_list("username", flat=True)
    known = {name.casefold() for name in (*people, *Group.objects.values_list("name", flat=True))}
    for name in approvers:
        if name.casefold() not in known:
            words = f"nobody signs in as {name!r}, and no role is called so"
            remedy = "Correct the name, or add the person; for somebody at the command line alone it is right."
            yield Problem(0, 0, "policy.approvers", words, remedy, "warning")


def _of_the_board(problem: Problem, board: BoardDocument) -> Problem:
    """What the board's document brings along is told and does not forbid: it is not this text's fault."""
    message = f"the document of {board.board.name}: {problem.path}: {problem.message}"
    return Problem(0, 0, "", message, problem.remedy, "warning")


def _live(mapping: rules.Mapping, table: str, around: Surroundings) -> Iterator[Problem]:
    """What the boards and the source would not take of a mapping; what it says of itself is told elsewhere."""
    known = set(check(mapping, None, None))
    for board in around.boards.get(mapping.board.id, ()):
        yield from _on(board, mapping, known)
    columns = around.columns.get(table, ())
    if table in around.columns and not columns:
        why = "does not answer, so its columns are not checked" if columns is None else f"has no table {table} yet"
        remedy = "Check ORDERS_DATABASE_URL, or load the orders first."
        yield Problem(0, 0, "source.table", f"the order source {why}", remedy, "warning")
    elif columns:
        yield from (problem for problem in check(mapping, None, columns) if problem not in known)


def _on(board: BoardStructure, mapping: rules.Mapping, known: set[Problem]) -> Iterator[Problem]:
    """What a local board would not take; it gets what it lacks with the next run, so that is no error."""
    found = [problem for problem in check(mapping, board, None) if problem not in known]
    later = set(check(mapping, _completed(board, expected_structure(mapping)), None)) if found else set()
    for problem in found:
        gone = problem not in later and problem.severity == "error"
        yield replace(problem, severity="warning", remedy=f"{problem.remedy} {LATER}") if gone else problem


def _completed(structure: BoardStructure, wanted: BoardStructure) -> BoardStructure:
    """The board with the columns that it will be given."""
    lines = structure.subitems
    if lines is not None and wanted.subitems is not None:
        lines = replace(lines, columns={**_active(wanted.subitems.columns.values(), lines), **lines.columns})
    return replace(
        structure,
        columns={**_active(wanted.columns.values(), structure), **structure.columns},
        subitems=lines or wanted.subitems,
    )


def _active(columns: Iterable[Column], on: BoardStructure) -> dict[str, Column]:
    return {column.id: column for column in columns if column.id not in on.columns}
