"""The published mappings: can they be read, and do they fit the boards as they were last seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mapping.core.document import parse_board, parse_customer
from mapping.core.family import Family
from mapping.core.problems import Problem
from mapping.core.targets import check
from mapping.models import DocumentKind, Version
from mapping.publish import shipped_files
from mapping.published import load_family, published_boards, published_customers
from monday.core.structure import BoardStructure
from monday.models import Board

from .finding import Finding, Status, ok, problem, warning

NAME = "mapping"
FIRST = "python manage.py publish_mapping FILE publishes your own, sync_orders --mode TEST the shipped ones"
LOOK = "python manage.py sync_orders --dry-run reads it"


def published() -> list[Family]:
    """The families of all published boards, those that can be read. Raises django.db.Error."""
    return [load_family(board.board.id).family for board in published_boards()]


def shipped() -> Family:
    """The shipped documents, which hold until others are published."""
    board_file, *customer_files = shipped_files()
    board, problems = parse_board(board_file.read_text(encoding="utf-8"))
    assert board is not None, problems
    parsed = [parse_customer(path.read_text(encoding="utf-8"))[0] for path in customer_files]
    return Family(board, [customer for customer in parsed if customer is not None])


def readable() -> Iterator[Finding]:
    """Whether every published text can be read by this release."""
    versions = Version.objects.published()
    boards = versions.filter(document__kind=DocumentKind.BOARD).count()
    customers = versions.filter(document__kind=DocumentKind.CUSTOMER).count()
    if not boards:
        yield warning(NAME, "No mapping is published yet.", FIRST)
        return
    lost = boards - len(published_boards()), customers - len(published_customers())
    if any(lost):
        words = f"{lost[0]} board and {lost[1]} customer documents cannot be read by this release."
        yield problem(NAME, words, "Publish corrected texts; check_mapping FILE names the lines.")
        return
    yield ok(NAME, f"{_number(boards, 'board document')} and {_number(customers, 'customer document')} are published.")


def fitting(families: Iterable[Family]) -> Iterator[Finding]:
    """Each family against every board of its id that was ever seen, the local one and the real one."""
    for family in families:
        boards = Board.objects.filter(board_id=family.board.board.id).order_by("environment", "id")
        seen = [(board, structure) for board in boards if (structure := board.known_structure()) is not None]
        if not seen:
            name = family.board.board.name
            yield warning("board", f'"{name}" was not seen yet, so nothing was checked against it.', LOOK)
        for board, structure in seen:
            read = f", as read on {board.read_at:%Y-%m-%d %H:%M} UTC" if board.read_at else ""
            yield against(family, structure, f"{board}{read}")


def against(family: Family, structure: BoardStructure, words: str) -> Finding:
    """What a board would not take of a family's mappings, as one finding: the first problem and how many more."""
    found: dict[Problem, None] = {}
    for mapping in family.mappings():
        found.update(dict.fromkeys(check(mapping, structure, None)))
    errors = [one for one in found if one.severity == "error"]
    if not found:
        return ok("board", f"The mapping fits {words}.")
    first, status = (errors or list(found))[0], Status.PROBLEM if errors else Status.WARNING
    more = f" ({len(found) - 1} more: python manage.py prepare_board)" if len(found) > 1 else ""
    return Finding("board", status, f"{words}: {first.message}{more}.".replace("..", "."), first.remedy)


def _number(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"
