"""`load_orders FILE`: puts an order list from CSV or XLSX into the order table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error, connections

from mapping.orders_table import alias_of
from mapping.published import NoMapping, load_family
from monday.management.quiet import QuietCommand
from staging.source import upload
from staging.source.demo_columns import TABLE
from staging.source.order_file import FileRefused

MOST_NAMES = 20


class Command(QuietCommand):
    help = (
        "Load orders from a CSV or XLSX file with any of the order table's columns, in any order. "
        "Example: load_orders orders.xlsx --replace"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="a .csv or .xlsx file with headings")
        parser.add_argument("--table", default=TABLE, help=f"the order table (default {TABLE})")
        held = parser.add_mutually_exclusive_group()
        held.add_argument("--replace", action="store_true", help="remove the orders that the table holds first")
        held.add_argument("--append", action="store_true", help="keep the orders that the table holds")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        path, table = options["file"], options["table"]
        if not all(part.strip() for part in table.split(".")):
            raise CommandError(
                f"--table must name a table, not {table!r}. Remedy: leave it out for {TABLE}.", returncode=2
            )
        mode = "replace" if options["replace"] else "append" if options["append"] else "new"
        try:
            done = upload.load_file(connections[alias_of(table)], path, table=table, mode=mode)
        except FileRefused as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        except upload.NotLoaded as refusal:
            raise CommandError("\n  ".join([str(refusal), *refusal.problems]), returncode=2) from refusal
        except Error as problem:
            reason = " ".join(str(problem).split())[:200]
            remedy = "check ORDERS_DATABASE_URL, free space and rights; nothing was loaded"
            raise CommandError(f"The order source cannot be written: {reason}. Remedy: {remedy}.") from problem
        if options["json"]:
            self.tell(_document(path, table, done, self._unknown(done.customers)))
        else:
            self._print(path, table, done)

    def _print(self, path: Path, table: str, done: upload.Uploaded) -> None:
        removed = f" in the place of {done.removed:,}" if done.removed else ""
        made = " (made new)" if done.created else ""
        columns = f"{len(done.used)} columns used" if len(done.used) != 1 else "1 column used"
        self.stdout.write(f"{table}{made}: {_orders(done.rows)} loaded from {path}{removed}, {columns}.")
        for heading, near in done.ignored:
            named = f"the column {heading!r}" if heading else "a column without a heading"
            hint = f" (nearly {near!r})" if near else ""
            self.stdout.write(f"Ignored: {named}{hint} is not one of the table's.")
        unknown = self._unknown(done.customers)
        if unknown is None:
            remedy = "after `python manage.py migrate`, sync_orders names those it does not know"
            self.stdout.write(f"Customers were not checked, as no mapping is published yet: {remedy}.")
        for name, rows in (unknown or [])[:MOST_NAMES]:
            shown = repr(name) if name else "(no name)"
            self.stdout.write(f"Unknown customer {shown}: {_orders(rows)}, held until a customer document names it.")
        if unknown and len(unknown) > MOST_NAMES:
            self.stdout.write(f"... and {len(unknown) - MOST_NAMES:,} more unknown customers.")

    def _unknown(self, customers: Counter[str]) -> list[tuple[str, int]] | None:
        """Names without a customer, most rows first; None where the mapping cannot be asked yet."""
        try:
            family = load_family().family
        except (Error, NoMapping):
            return None
        return [(name, rows) for name, rows in customers.most_common() if family.customer_of(name) is None]


def _document(path: Path, table: str, done: upload.Uploaded, unknown: list[tuple[str, int]] | None) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "file": str(path),
        "table": table,
        "created": done.created,
        "rows": done.rows,
        "removed": done.removed,
        "columns": list(done.used),
        "ignored": [{"heading": heading, "near": near or None} for heading, near in done.ignored],
        # null where no mapping is published yet, so that nobody could be asked
        "unknown_customers": None if unknown is None else dict(unknown),
    }


def _orders(number: int) -> str:
    return "1 order" if number == 1 else f"{number:,} orders"
