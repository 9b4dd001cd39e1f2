"""`check_mapping FILE ...`: every problem of mapping documents, with its line, key and remedy."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from mapping.core.document import CustomerDocument, Problem, is_customer, located, parse_board, parse_customer
from mapping.core.family import alias_problems
from mapping.core.problems import errors

LARGEST = 1_000_001  # bytes that are read: one more than a document may have, so that a larger one is refused as such


class Command(BaseCommand):
    help = (
        "Check mapping documents: prints FILE:line:column path: message - remedy for every problem; exit code 0 or 2."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="a board's or a customer's document (YAML)")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        found = check_files([str(name) for name in options["files"]])
        failed = any(errors(problems) for problems in found.values())
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(found, failed), ensure_ascii=False, indent=2))
        else:
            for name, problems in found.items():
                for problem in problems:
                    self.stdout.write(problem.sentence(name))
                if not problems:
                    self.stdout.write(f"{name}: no problems")
        if failed:
            raise SystemExit(2)


def check_files(names: list[str]) -> dict[str, tuple[Problem, ...]]:
    """The problems of each file; customers' documents are also held against each other."""
    found: dict[str, tuple[Problem, ...]] = {}
    customers: dict[str, tuple[str, CustomerDocument]] = {}
    for name in names:
        text, refusal = _read(name)
        if refusal is not None:
            found[name] = (refusal,)
        elif is_customer(text):
            document, found[name] = parse_customer(text)
            if document is not None and document.customer in customers:
                message = f"{customers[document.customer][0]} is a document of {document.customer} too"
                twice = Problem(0, 0, "customer", message, "Keep one document per customer.")
                found[name] = (*found[name], *located(text, (twice,)))
            elif document is not None:
                customers[document.customer] = (name, document)
        else:
            found[name] = parse_board(text)[1]
    clashes = alias_problems([document for _, document in customers.values()])
    for customer, problems in clashes.items():
        name = customers[customer][0]
        found[name] = (*found[name], *located(_read(name)[0], problems))
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


def _as_json(found: dict[str, tuple[Problem, ...]], failed: bool) -> dict[str, Any]:
    files = [{"file": name, "problems": [asdict(problem) for problem in problems]} for name, problems in found.items()]
    return {"schema_version": 1, "ok": not failed, "files": files}
