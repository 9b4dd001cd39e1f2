"""`board_labels`: the labels of a board's columns, how often each is used, and how many more there is room for."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import CommandError, CommandParser

from mapping.core.family import Family
from mapping.core.targets import labelled
from monday.calls import CallLog
from monday.core.structure import BoardStructure
from monday.management.quiet import QuietCommand
from staging.boards.board_table import Labels, count_labels
from staging.console import USAGE, Console, sentences
from staging.core.words import counted
from staging.management.board_output import board_options
from staging.setup import Stopped
from staging.wiring import connected


class Command(QuietCommand):
    help = (
        "List the labels of a board's status and dropdown columns with their use, those that are nearly alike, and how "
        "many more each column takes. It reads only. Example: board_labels 'Customer Master Schedule' --column SIZE"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        board_options(parser, named=False)
        parser.add_argument("--column", metavar="TITLE", help="only this column, by its title or id")
        parser.add_argument("--no-counts", action="store_true", help="do not read the items to count (one API call)")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(self.stdout, self.stderr, quiet=options["json"] or options["verbosity"] == 0)
        calls = CallLog(correlation="board_labels", waits=console.waits)
        with (
            console.stoppable(signal.SIGINT, signal.SIGTERM),
            sentences(),
            connected(
                mode=options["mode"], calls=calls, board_name=options["board"], allow_sandbox=options["allow_sandbox"]
            ) as at,
        ):
            total, client = at.structure.items_count, None if options["no_counts"] else at.client
            limits = _limits(at.mappings.family, at.structure)
            wanted = (options["column"] or "").strip().casefold()
            try:
                _check_column(wanted, count_labels(None, at.structure, lambda done: None, limits), at.structure)
                found = count_labels(
                    client, at.structure, lambda done: console.progress("read", done, max(total, done)), limits
                )
            except Stopped:
                self.stderr.write("Stopped. Remedy: run the same command again, or --no-counts.")
                raise SystemExit(console.signal_code) from None
            finally:
                calls.flush()
        shown = [one for one in found if _is_wanted(wanted, one)]
        if options["json"]:
            document = {
                "schema_version": 1,
                "board": at.structure.name,
                "board_id": at.structure.id,
                "mode": options["mode"],
                "columns": [_as_json(one) for one in shown],
                "api_calls": calls.calls,
            }
            self.tell(document)
            return
        for one in shown:
            self._show(one)
        if not shown:
            self.stdout.write(f"{at.board} has no column with labels.")

    def _show(self, one: Labels) -> None:
        room = "" if one.room is None else f", room for {one.room:,} more (at most {one.limit:,})"
        near = f", {counted(len(one.twins), 'group')} nearly alike" if one.twins else ""
        there = counted(len(one.column.label_texts()), "label")
        self.stdout.write(f"{one.where} / {one.column.title} ({one.column.kind}): {there}{room}{near}")
        twins = {text: [other for other in group if other != text] for group in one.twins for text in group}
        for text, used, active in one.labels:
            number = "" if used is None else f"{used:>7,} x "
            marks = [*([] if active else ["cannot be chosen any more"])]
            marks += [f"nearly like {', '.join(map(repr, twins[text]))}"] if text in twins else []
            noted = f"  ({'; '.join(marks)})" if marks else ""
            self.stdout.write(f"  {number}{text}{noted}")


def _is_wanted(wanted: str, one: Labels) -> bool:
    return wanted in ("", one.column.title.casefold(), one.column.id.casefold())


def _check_column(wanted: str, there: list[Labels], structure: BoardStructure) -> None:
    """Raises CommandError where none of these columns is the wanted one; "" stands for all of them."""
    if wanted and not any(_is_wanted(wanted, one) for one in there):
        titles = ", ".join(one.column.title for one in there)
        remedy = f"one of {titles}" if titles else "leave --column out; no column has labels"
        raise CommandError(f"{structure.name} has no such column with labels. Remedy: {remedy}.", returncode=USAGE)


def _limits(family: Family, structure: BoardStructure) -> dict[str, int | None]:
    """How many labels the mappings let each column come to, by its id; the least of several."""
    found: dict[str, int | None] = {}
    for mapping in (family.default, *family.mappings()):
        for column, rules in labelled(mapping, structure).items():
            limits = [limit for limit in (found.get(column), rules.limit) if limit is not None]
            found[column] = min(limits, default=None)
    return found


def _as_json(one: Labels) -> dict[str, Any]:
    return {
        "board": one.where,
        "column": one.column.title,
        "column_id": one.column.id,
        "kind": one.column.kind,
        "limit": one.limit,
        "room": one.room,
        "labels": [{"text": text, "used": used, "active": active} for text, used, active in one.labels],
        "nearly_alike": [list(group) for group in one.twins],
    }
