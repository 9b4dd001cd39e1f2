"""`check_mapping [FILE ...] [--online | --known]`: every problem of mapping documents, with line, key and remedy.

Without files the published documents are checked. With `--online` they are held against the board as it stands now,
with `--known` against the board as it was read last, which asks nobody.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import Error

from mapping.core.document import (
    BoardDocument,
    CustomerDocument,
    Problem,
    is_customer,
    located,
    parse_board,
    parse_customer,
)
from mapping.core.family import Family, alias_problems
from mapping.core.problems import errors
from mapping.live_check import LiveCheck, live_check
from mapping.management.live import reached
from mapping.orders_table import row_labels, table_columns
from mapping.published import NoMapping, load_family, published_texts
from monday.client import Unavailable
from monday.core.structure import BoardStructure
from monday.management.quiet import QuietCommand
from monday.models import Board
from monday.token import BadToken

LARGEST = 1_000_001  # bytes that are read: one more than a document may have, so that a larger one is refused as such
USAGE, LATER = 2, 1


class Command(QuietCommand):
    help = (
        "Check mapping documents, the published ones where no file is named: prints FILE:line:column path: message - "
        "remedy for every problem. Exit code 0, 2 where a document has an error, 1 where the board cannot be reached. "
        "Example: check_mapping board.yaml --online"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", metavar="FILE", help="a board's or a customer's document (YAML)")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--online", action="store_true", help="also against the live board, which is asked now")
        where.add_argument("--known", action="store_true", help="also against the board as it was read last")
        parser.add_argument("--board", help="the published board document to use, where several are published")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            read = self._read(options)
            against = self._against(read, options) if options["online"] or options["known"] else None
        except (NoMapping, BadToken) as problem:
            raise CommandError(str(problem), returncode=USAGE) from None
        except Unavailable as problem:
            raise CommandError(str(problem), returncode=USAGE if problem.permanent else LATER) from None
        except Error as problem:
            reason = " ".join(str(problem).split())[:200]
            remedy = "run `python manage.py migrate`, and check DATABASE_URL"
            raise CommandError(f"The database cannot be read: {reason}. Remedy: {remedy}.", returncode=USAGE) from None
        failed = any(errors(problems) for problems in read.problems.values())
        if options["json"]:
            self.tell(_as_json(read.problems, failed, against))
        else:
            self._print(read, against)
        if failed:
            raise SystemExit(2)

    def _print(self, read: Documents, against: LiveCheck | None) -> None:
        for name, problems in read.problems.items():
            for problem in problems:
                self.stdout.write(problem.sentence(name))
            if not problems:
                self.stdout.write(f"{name}: no problems")
        if against is None:
            return
        self.stdout.write(against.sentence())
        if against.labels is None:
            self.stdout.write("Labels of the orders were not checked: the order table could not be read.")
        for labels in against.labels or ():
            self.stdout.write(f"  {labels.sentence()}")

    def _read(self, options: dict[str, Any]) -> Documents:
        if options["files"]:
            return read_files([str(name) for name in options["files"]])
        board = load_family(options["board"]).family.board.board.id
        return read_texts({name: text.encode("utf-8", "surrogatepass") for name, text in published_texts(board)})

    def _against(self, read: Documents, options: dict[str, Any]) -> LiveCheck | None:
        """The documents against their board; None where they cannot be read as documents themselves."""
        family = read.family(options["board"])
        if family is None:
            return None
        structure = _asked(family.board) if options["online"] else _known(family.board)
        columns = table_columns(family.board.source.table)
        found = live_check(family, structure, columns, row_labels(family, structure))
        for customer, problems in found.problems.items():
            read.add(customer, problems)
        return found


def _asked(board: BoardDocument) -> BoardStructure:
    """The board as it stands now, remembered for the pages. Raises BadToken and Unavailable."""
    with reached() as live:
        structure = live.structure(board.board.id)
        live.remember(structure)
    return structure


def _known(board: BoardDocument) -> BoardStructure:
    """The board as it was read last, the real one before a local one. Raises NoMapping where it never was."""
    known = Board.objects.filter(board_id=board.board.id, structure__isnull=False)
    for found in known.order_by("environment", "-read_at", "pk")[:1]:  # production comes before sandbox
        structure = found.known_structure()
        if structure is not None:
            return structure
    raise NoMapping(f"The board {board.board.id} was never read. Remedy: check with --online, or run a sync first.")


@dataclass(slots=True)
class Documents:
    """What was read, by file or document: texts, problems, and those that could be read."""

    texts: dict[str, bytes] = field(default_factory=dict)
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    boards: dict[str, BoardDocument] = field(default_factory=dict)
    customers: dict[str, CustomerDocument] = field(default_factory=dict)

    def family(self, board_name: str | None) -> Family | None:
        """The documents that hold together; the published board's where none is among them. Raises NoMapping.

        None where a document that was named cannot be read: then nothing that hangs on it can be checked.
        """
        if any(errors(problems) for problems in self.problems.values()):
            return None
        if len(self.boards) > 1:
            raise NoMapping("More than one board's document is named. Remedy: check one board at a time.")
        board = next(iter(self.boards.values()), None) or load_family(board_name).family.board
        return Family(board, list(self.customers.values()))

    def add(self, customer: str, problems: Iterable[Problem]) -> None:
        """Problems of a customer, of the board's own document where it is "", at their places in its text."""
        named = self.customers if customer else self.boards
        name = next((name for name, each in named.items() if not customer or _customer(each) == customer), None)
        if name is None:
            name = "the published board's document"
            self.problems[name] = (*self.problems.get(name, ()), *problems)
        else:
            found = located(self.texts[name], tuple(problems))
            self.problems[name] = (*self.problems[name], *found)


def _customer(document: BoardDocument | CustomerDocument) -> str:
    return document.customer if isinstance(document, CustomerDocument) else ""


def check_files(names: list[str]) -> dict[str, tuple[Problem, ...]]:
    """The problems of each file; customers' documents are also held against each other."""
    return read_files(names).problems


def read_files(names: list[str]) -> Documents:
    """The documents of these files, each with its problems."""
    texts: dict[str, bytes] = {}
    refused: dict[str, tuple[Problem, ...]] = {}
    for name in names:
        texts[name], refusal = _read(name)
        if refusal is not None:
            refused[name] = (refusal,)
    found = read_texts({name: text for name, text in texts.items() if name not in refused})
    found.problems = {name: refused.get(name) or found.problems[name] for name in names}
    return found


def read_texts(texts: dict[str, bytes]) -> Documents:
    """The documents of these texts, each with its problems; customers' documents are also held against each other."""
    found = Documents(texts)
    by_customer: dict[str, str] = {}
    for name, text in texts.items():
        if not is_customer(text):
            board, found.problems[name] = parse_board(text)
            if board is not None:
                found.boards[name] = board
            continue
        customer, found.problems[name] = parse_customer(text)
        if customer is not None and customer.customer in by_customer:
            message = f"{by_customer[customer.customer]} is a document of {customer.customer} too"
            twice = Problem(0, 0, "customer", message, "Keep one document per customer.")
            found.problems[name] = (*found.problems[name], *located(text, (twice,)))
        elif customer is not None:
            by_customer[customer.customer] = name
            found.customers[name] = customer
    for customer_name, problems in alias_problems(list(found.customers.values())).items():
        name = by_customer[customer_name]
        found.problems[name] = (*found.problems[name], *located(texts[name], problems))
    return found


def _read(name: str) -> tuple[bytes, Problem | None]:
    path = Path(name)
    try:
        with path.open("rb") as file:
            return file.read(LARGEST), None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return b"", Problem(0, 0, "", f"the file cannot be read ({reason})", "Check the path and its rights.")
    except ValueError:
        return b"", Problem(0, 0, "", "this is no file's name", "Check the path.")


def _as_json(found: dict[str, tuple[Problem, ...]], failed: bool, against: LiveCheck | None = None) -> dict[str, Any]:
    files = [{"file": name, "problems": [asdict(problem) for problem in problems]} for name, problems in found.items()]
    document: dict[str, Any] = {"schema_version": 1, "ok": not failed, "files": files}
    if against is not None:
        document["board"] = {
            "name": against.board,
            "items": against.items,
            "limit": against.limit,
            "free": against.free,
            "labels": None if against.labels is None else [asdict(labels) for labels in against.labels],
        }
    return document
