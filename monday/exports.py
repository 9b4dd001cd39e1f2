"""Lists as CSV and XLSX files, written row by row, so that memory does not grow with the list.

Rows are read in pages, each from where the last one ended: the last page costs what the first did. No cell of a file
runs as a formula.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import IO, Any, Final

from django.db.models import Model, QuerySet
from import_export.fields import Field
from import_export.resources import ModelResource
from openpyxl import Workbook

from .core.spreadsheets import for_xlsx, shielded

PAGE: Final = 500  # rows that are read at once
SHEET: Final = 1_048_575  # rows that a sheet holds below its headings
TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PLAIN: Final = (str, bool, int, float, Decimal)


class SheetFull(Exception):
    """The list has more rows than a sheet holds; the message is one sentence with the remedy."""

    def __init__(self) -> None:
        super().__init__(f"An XLSX sheet holds {SHEET:,} rows. Remedy: take the list as CSV, or filter it first.")


def resource_of(screen: Any) -> ModelResource:
    """The exporter of a screen's `exported` columns, in this order."""
    model, names = screen.model, screen.exported
    known = {field.name for field in model._meta.get_fields()}
    computed = [name for name in names if name not in known and "__" not in name]
    meta = type("Meta", (), {"model": model, "fields": names, "export_order": names})
    body: dict[str, Any] = {"Meta": meta}
    for name in names:
        if "__" in name:
            # The number of another row stands in this one, and asks nothing.
            number = re.sub("__id$", "_id", name)
            body[name] = Field(attribute=number, column_name=_heading(name))
    for name in computed:
        body[name] = Field(column_name=name)
        body[f"dehydrate_{name}"] = _told_by(getattr(screen, name))
    return type(f"{model.__name__}Resource", (ModelResource,), body)()


def _heading(name: str) -> str:
    """What a column of another table is called: `batch__customer__name` is the customer, `run__id` the run."""
    return name.removesuffix("__id").removesuffix("__name").rpartition("__")[2]


def lines(screen: Any, rows: QuerySet[Any]) -> Iterator[list[object]]:
    """The headings, then a list of cells per row, the newest row first."""
    resource = screen.export_resource()
    yield list(resource.get_export_headers())
    for page in pages(rows):
        screen.prepare(page)
        for row in page:
            yield [_cell(cell) for cell in resource.export_resource(row, force_native_type=True)]


def pages(rows: QuerySet[Any]) -> Iterator[list[Model]]:
    """The rows in pages, by falling key."""
    rows = rows.order_by("-pk")
    page = list(rows[:PAGE])
    while page:
        yield page
        page = list(rows.filter(pk__lt=page[-1].pk)[:PAGE]) if len(page) == PAGE else []


def write(
    file: IO[bytes],
    form: str,
    cells: Iterator[Sequence[object]],
    told: Callable[[int], None] | None = None,
    *,
    sheet: str = "List",
    fixed: str = "A2",
) -> int:
    """Write the lines into the file as CSV or XLSX; says how many rows stand below the headings.

    `told` is called with the number of rows written, every PAGE rows, and may raise to stop. An XLSX file has one
    `sheet`, and what is above and left of the cell `fixed` stays in sight. Raises SheetFull.
    """
    told = told or (lambda rows: None)
    return _write_xlsx(file, cells, told, sheet, fixed) if form == "xlsx" else _write_csv(file, cells, told)


def _write_csv(file: IO[bytes], cells: Iterator[Sequence[object]], told: Callable[[int], None]) -> int:
    rows = -1
    file.write(codecs.BOM_UTF8)  # or spreadsheets take it for the letters of their own country
    while chunk := list(islice(cells, PAGE)):
        text = io.StringIO(newline="")
        csv.writer(text).writerows(["" if cell is None else shielded(cell) for cell in line] for line in chunk)
        file.write(text.getvalue().encode("utf-8", "replace"))
        rows += len(chunk)
        told(rows)
    return rows


def _write_xlsx(
    file: IO[bytes], cells: Iterator[Sequence[object]], told: Callable[[int], None], name: str, fixed: str
) -> int:
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(name)
    sheet.freeze_panes = fixed
    rows = -1
    try:
        for line in cells:
            rows += 1
            if rows > SHEET:
                raise SheetFull
            sheet.append([for_xlsx(cell) for cell in line])
            if rows and rows % PAGE == 0:
                told(rows)
        told(rows)
    except BaseException:
        sheet.close()  # its rows wait in a file of their own
        raise
    book.save(file)
    return rows


def _cell(value: object) -> object:
    """The cell as a file takes it: a number and a time stay what they are, so that a sheet can add and sort them."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(microsecond=0)
    return "" if value is None else value if isinstance(value, PLAIN) else str(value)


def _told_by(method: Callable[[Any], object]) -> Callable[[Any, Any], object]:
    return lambda _, row: method(row)
