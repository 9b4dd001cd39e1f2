"""Reading an order list that a person brings: `python -m tests.bench.bench_intake [--rows 20000] [--json]`.

A CSV and an XLSX file of all 268 columns are read, compared with as many orders that the intake holds, and judged by
the shipped documents; the CSV is read without judging too. Seconds are the processor's. It is a job, which has half an
hour; the bound is what a person waits for without going away.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.own import installation

BOUND = 60.0  # seconds of the processor for the XLSX file of 20,000 rows, which is the slower one
SHARE = 1.5  # of the same reading without judging
MEMORY = 600  # MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installation() as folder:
        figures = measured(folder, options.rows)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<34} {value:>12,}")
    quick = figures["XLSX, s"] <= BOUND * options.rows / 20_000
    return 0 if quick and figures["judged / not judged"] <= SHARE and figures["memory, MB"] <= MEMORY else 1


def measured(folder: Path, rows: int) -> dict[str, Any]:
    """Make both files, put the list in place, and read each against it."""
    from django.db import connections
    from django.utils import timezone

    from mapping.publish import ensure_shipped
    from staging.lists.list_rules import ListRules, rules_for
    from staging.setup import silent
    from staging.source import intake
    from staging.wiring import recorder

    ensure_shipped(actor="bench", now=timezone.now(), record=recorder)
    connection = connections["intake"]
    made = files(folder, rows)

    def read(path: Path, rules: Any) -> tuple[float, Any]:
        began = time.process_time()
        found = intake.read(connection, path, list_id=1, rules_for=rules, watch=silent)
        return round(time.process_time() - began, 1), found

    read(made["CSV"], rules_for)
    intake.put_in_place(connection, 1, watch=silent)
    plain, _ = read(made["CSV"], lambda columns: ListRules(columns, definition=("AAG ORDER NUMBER",)))
    judged, found = read(made["CSV"], rules_for)
    slow, _ = read(made["XLSX"], rules_for)
    figures: dict[str, Any] = {"rows": found.rows, "invalid": found.invalid, "kept out": found.kept_out}
    figures |= {"CSV, MB": round(made["CSV"].stat().st_size / 1e6, 1), "CSV without judging, s": plain}
    figures |= {"CSV, s": judged, "judged / not judged": round(judged / plain, 2), "XLSX, s": slow}
    figures["memory, MB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return figures


def files(folder: Path, rows: int) -> dict[str, Path]:
    """The demo's orders as a CSV and as an XLSX file."""
    from openpyxl import Workbook

    from staging.source.demo import demo_rows
    from staging.source.demo_columns import COLUMNS

    made = {"CSV": folder / "list.csv", "XLSX": folder / "list.xlsx"}
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    with made["CSV"].open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        for line in ([name for name, _ in COLUMNS], *demo_rows(rows, 1)):
            lines.writerow(line)
            sheet.append(list(line))
    book.save(made["XLSX"])
    return made


if __name__ == "__main__":
    sys.exit(main())
