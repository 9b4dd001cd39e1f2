"""`load_demo_orders`: a deterministic order table to try things on, and a day's worth of changes to it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error, connections

from monday.management.quiet import QuietCommand
from staging.source import demo, demo_changes, order_table
from staging.source.demo_columns import TABLE


class Command(QuietCommand):
    help = (
        "Make a demo order table behind the `orders` connection (268 columns, the oddities of real tables), "
        "the same rows for the same --rows and --seed. Again with the same numbers: leaves it alone. "
        "Example: load_demo_orders --mutate changed=30,new=20,deleted=10"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, help="how many orders (default 5000)")
        parser.add_argument("--seed", type=int, default=1, help="another seed gives other orders (default 1)")
        parser.add_argument("--replace", action="store_true", help="make it anew, whatever the table holds")
        parser.add_argument("--mutate", metavar="changed=30,new=20,deleted=10", help="change the table that is there")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["mutate"]
        try:
            plan = demo_changes.parse(wanted) if wanted is not None else None
            loaded = self._load(options) if plan is None or options["rows"] is not None or options["replace"] else None
            changes = demo_changes.mutate(connections["orders"], plan) if plan is not None else []
        except (ValueError, order_table.NotOurs, demo_changes.NotPossible) as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        except Error as problem:
            reason = " ".join(str(problem).split())[:200]
            remedy = "check ORDERS_DATABASE_URL, free space and rights; the table stands as it stood"
            raise CommandError(f"The order source cannot be written: {reason}. Remedy: {remedy}.") from problem
        if options["json"]:
            self._print_json(loaded, changes)
        else:
            self._print(loaded, changes)

    def _load(self, options: dict[str, Any]) -> demo.Loaded:
        rows = 5000 if options["rows"] is None else options["rows"]
        if abs(options["seed"]) > 2**31 - 1:
            raise ValueError("--seed is too large. Remedy: a number below 2,147,483,648.")
        return demo.load(connections["orders"], rows=rows, seed=options["seed"], replace=options["replace"])

    def _print(self, loaded: demo.Loaded | None, changes: list[demo_changes.Change]) -> None:
        if loaded and loaded.kept:
            self.stdout.write(f"{TABLE} stays as it is: {loaded.why}. (--replace makes it anew.)")
        elif loaded:
            self.stdout.write(f"{TABLE}: {loaded.rows:,} demo orders made (seed {loaded.seed}).")
        for change in changes:
            self.stdout.write(f"{change.kind:<8} {change.order:<14} {change.record}  {change.what}")
        if changes:
            kinds = [(kind, sum(change.kind == kind for change in changes)) for kind in ("changed", "new", "deleted")]
            self.stdout.write(", ".join(f"{number:,} {kind}" for kind, number in kinds) + ".")

    def _print_json(self, loaded: demo.Loaded | None, changes: list[demo_changes.Change]) -> None:
        document = {
            "schema_version": 1,
            "table": TABLE,
            "rows": loaded.rows if loaded else None,
            "seed": loaded.seed if loaded else None,
            "status": "changed" if loaded is None else "kept" if loaded.kept else "made",
            "reason": loaded.why if loaded else "",
            "changes": [
                {"kind": change.kind, "order": change.order, "record": change.record, "what": change.what}
                for change in changes
            ],
        }
        self.tell(document)
