"""The report of a run as a text, as one HTML file that needs nothing else, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any

from django.template.loader import render_to_string

from monday.core.spreadsheets import shielded
from staging.core.lifecycle import AS_IT_STANDS

from .run_report import RunReport

WORDS = {what: what.replace("_", " ") for what in AS_IT_STANDS}
MARK = "\N{BYTE ORDER MARK}"  # without it a spreadsheet program takes UTF-8 for something else


def as_text(report: RunReport) -> str:
    """The report for a mail and a terminal."""
    return "\n".join(_lines(report)) + "\n"


def as_html(report: RunReport) -> str:
    """The report as a page of its own, which prints, loads nothing and runs nothing."""
    return render_to_string("staging/run_report.html", {"report": report, "words": list(WORDS.values())})


def as_csv(report: RunReport) -> str:
    """The report as rows of (section, what, detail, number), for a spreadsheet; no cell runs as a formula."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in [("section", "what", "detail", "number"), *_rows(report)]:
        writer.writerow([shielded(cell) for cell in row])
    return MARK + text.getvalue()


FORMS: Mapping[str, tuple[Callable[[RunReport], str], str]] = {
    "txt": (as_text, "text/plain; charset=utf-8"),
    "html": (as_html, "text/html; charset=utf-8"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
}
"""Every form by the ending of its file, with its content type."""


def file_name(report: RunReport, ending: str) -> str:
    return f"run-{report.run.pk}-report.{ending}"


def _rows(report: RunReport) -> Iterator[tuple[Any, ...]]:
    yield ("summary", report.title, report.ending, "")
    yield from (("summary", words, value, "") for words, value in report.facts)
    for whole, number, parts in report.sums:
        yield ("counts", whole, "", number)
        yield from (("counts", whole, part, n) for part, n in parts)
    for line in report.customers:
        yield ("customers", line.customer, "staged", line.total)
        yield from (("customers", line.customer, WORDS[what], n) for what, n in line.counts.items() if n)
        yield from (("customers", line.customer, what, n) for what, n in line.applied_as.items() if n)
    for error in report.errors:
        yield ("errors", error.code, f"{error.example} - {error.remedy} ({error.owner})", error.orders)
    yield from (("pending", line.state, line.why, line.orders) for line in report.pending)
    yield from (("rows not used", "", reason, rows) for reason, rows in report.unused)
    yield from (("groups made", title, "", "") for title in report.groups)
    yield from (("labels made", column, label, "") for column, label in report.labels)
    yield from (("notes", "", note, "") for note in (*report.notes, *report.problems))


def _lines(report: RunReport) -> Iterator[str]:
    yield f"{report.title}: {report.ending}"
    yield ""
    yield from (f"  {words + ':':<14} {value}" for words, value in report.facts)
    yield from _section("Counts", (_sum(*line) for line in report.sums))
    yield from _section(report.whose, map(_customer, report.customers))
    yield from _section(
        "Rejected by the board",
        (
            f"{error.orders:,} x {error.code}: {error.meaning} {error.remedy} ({error.owner}) Example: {error.example}"
            for error in report.errors
        ),
    )
    yield from _section("Not done", (f"{line.orders:,} {line.state}: {line.why}" for line in report.pending))
    yield from _section(
        "Rows of the source that cannot be used", (f"{rows:,} x {reason}" for reason, rows in report.unused)
    )
    yield from _section("Groups made", iter(report.groups))
    yield from _section("Labels made", (f"{column}: {label}" for column, label in report.labels))
    yield from _section("Notes", iter((*report.notes, *report.problems)))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", title, *(f"  {line}" for line in found))


def _sum(whole: str, number: int, parts: list[tuple[str, int]]) -> str:
    shown = " + ".join(f"{n:,} {part}" for part, n in parts)
    return f"{number:,} {whole}" + (f" = {shown}" if shown else "")


def _customer(line: Any) -> str:
    became = ", ".join(f"{number:,} {WORDS[what]}" for what, number in line.counts.items() if number)
    done = ", ".join(f"{number:,} {what}" for what, number in line.applied_as.items() if number)
    return f"{line.customer}: {line.total:,} staged; {became}" + (f" ({done})" if done else "")
