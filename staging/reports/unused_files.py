"""Rows of the source that cannot be used, as one workbook per customer, to send to whoever owns the source.

A line per problem: business key, UUID, column, value, reason, and whose job it is. Written row by row, so that memory
does not grow with the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from openpyxl import Workbook

from monday.core.spreadsheets import for_xlsx
from monday.models import Board
from staging.batches.rows import BESIDE, key_beside

from .unused import Unused, by_spelling, unused

HEADINGS = ("Business key", "UUID", "Verdict", "Column", "Value", "Reason", "To be put right in the")
WIDTHS = (34, 38, 16, 26, 26, 60, 22)
MOST_LINES = 500_000  # of one file; a sheet holds 1,048,576
UNSAFE = re.compile(r"[^\w.-]+")


def workbook(board: Board, customer: str) -> bytes:
    """One customer's rows as an XLSX file; "" is the rows without a name. No cell runs as a formula."""
    made = Workbook(write_only=True)
    sheet = made.create_sheet("Rows not used")
    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCDEFG", WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.append(HEADINGS)
    lines = 0
    for row in unused(board, customer=customer):
        if row.customer != customer:
            continue  # asked for the rows without a name, the list holds all
        for line in _lines(row):
            lines += 1
            if lines <= MOST_LINES:
                sheet.append([for_xlsx(cell) for cell in line])
    if lines > MOST_LINES:
        sheet.append([f"... and {lines - MOST_LINES:,} more lines. Put these right first."])
    file = BytesIO()
    made.save(file)
    return file.getvalue()


def write_all(board: Board, folder: Path, *, customer: str = "") -> list[tuple[Path, int]]:
    """A file per customer in this folder, made where it is missing: each path with its rows. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(name, rows) for name, rows in by_spelling(board) if not customer or name == customer]
    taken: set[str] = set()
    written = []
    for name, rows in wanted:
        path = folder / file_name(name, taken)
        path.write_bytes(workbook(board, name))
        written.append((path, rows))
    return written


def file_name(customer: str, taken: set[str]) -> str:
    """A file's name for this customer that no other has; it goes into `taken`."""
    stem = UNSAFE.sub("-", customer).strip("-.")[:80] or "no-name"
    name, number = f"rows-not-used-{stem}.xlsx", 1
    while name.casefold() in taken:
        number += 1
        name = f"rows-not-used-{stem}-{number}.xlsx"
    taken.add(name.casefold())
    return name


def _lines(row: Unused) -> Iterator[tuple[str, ...]]:
    verdict = row.verdict.replace("_", " ")
    problems = row.problems or (("", "", verdict, "source"),)
    beside = {value: key_beside(value) for column, value, *_ in problems if column == BESIDE}
    key = row.key or "; ".join(sorted(set(beside.values())))  # rows of one UUID may have several
    for column, value, *why in problems:
        yield (beside[value] if column == BESIDE else key, row.record, verdict, column, value, *why)
