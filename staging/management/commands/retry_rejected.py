"""`retry_rejected`: orders that the board refused may go out again, or are given up."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from mapping.models import Customer
from monday.management.quiet import QuietCommand
from staging.batches.retry import give_up, retry
from staging.console import USAGE, actor
from staging.core.lifecycle import NotAllowed, OrderState
from staging.core.words import counted
from staging.models import Batch, StagedOrder


class Command(QuietCommand):
    help = (
        "Let rejected orders go out again with the next push of their batches, or give them up with a reason. "
        "Example: retry_rejected --code ColumnValueException"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", help="only what was refused with this code")
        parser.add_argument("--customer", help="only this customer's orders")
        parser.add_argument("--order", action="append", metavar="ID", help="only this staged order; repeatable")
        parser.add_argument("--all", action="store_true", help="every rejected order")
        parser.add_argument("--list", action="store_true", help="only show the queue, with the next attempts")
        parser.add_argument("--give-up", metavar="REASON", help="leave them as they are until the source moves")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        narrowed = bool(options["code"] or options["customer"] or options["order"])
        if bool(options["all"]) == narrowed and not (options["list"] and not options["all"]):
            remedy = "give --code, --customer or --order, or --all alone"
            raise CommandError(f"Say which. Remedy: {remedy}; --list shows the queue.", returncode=USAGE)
        if options["give_up"] is not None and not options["give_up"].strip():
            raise CommandError("Giving up needs a reason. Remedy: --give-up 'why'.", returncode=USAGE)
        if options["customer"] and not Customer.objects.filter(name=options["customer"]).exists():
            raise CommandError(
                f"No customer is called {options['customer']!r}. Remedy: see batches list.", returncode=USAGE
            )
        orders = [_number(word) for word in options["order"] or ()]
        found = chosen(options["code"] or "", options["customer"] or "", orders)
        if options["list"]:
            self._list(found, as_json=options["json"])
            return
        done, refused = self._carry_out(found, options["give_up"])
        word = "given up" if options["give_up"] else "to go out again"
        if options["json"]:
            document = {"schema_version": 1, "done": word, "orders": done, "refused": refused}
            self.tell(document)
        else:
            for batch, number in done.items():
                after = "" if options["give_up"] else f" Next: batches push {batch}"
                self.stdout.write(f"Batch {batch}: {counted(number, 'order')} {word}.{after}")
            if not found:
                self.stdout.write("No order is rejected like that.")
            for sentence in refused:
                self.stderr.write(sentence)
        if refused:
            raise SystemExit(USAGE)

    def _list(self, found: dict[int, list[int]], *, as_json: bool) -> None:
        listed = [one for orders in found.values() for one in queue(orders)]
        if as_json:
            document = {"schema_version": 1, "rejected": listed}
            self.tell(document)
            return
        for one in listed:
            again = f"again {one['next']:%Y-%m-%d %H:%M} UTC" if one["next"] else "waits for a person"
            when = f"{one['first']:%Y-%m-%d %H:%M} to {one['last']:%Y-%m-%d %H:%M} UTC" if one["last"] else "not known"
            times = counted(one["failures"], "refusal")
            self.stdout.write(
                f"{one['order']}  {one['label']} - {one['customer']}: {one['code']}; {times}, {when}; {again}"
            )
        if not listed:
            self.stdout.write("No order is rejected like that.")

    def _carry_out(self, found: dict[int, list[int]], reason: str | None) -> tuple[dict[int, int], list[str]]:
        """Batch by batch; a refusal of one does not keep the others back."""
        done: dict[int, int] = {}
        refused: list[str] = []
        for pk, orders in found.items():
            batch, now = Batch.objects.get(pk=pk), timezone.now()
            try:
                if reason:
                    done[pk] = give_up(batch=batch, orders=orders, actor=actor(), now=now, reason=reason)
                else:
                    done[pk] = retry(batch=batch, orders=orders, actor=actor(), now=now)
            except NotAllowed as problem:
                refused.append(str(problem))
        return done, refused


def _number(word: str | int) -> int:
    """The number of a staged order. Raises CommandError for any other word."""
    text = str(word).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise CommandError(
            f"--order must be the number of a staged order, not {word!r}. Remedy: retry_rejected --list names them.",
            returncode=USAGE,
        )
    return int(text)


def queue(orders: list[int]) -> list[dict[str, Any]]:
    """What a person wants to know of rejected orders, one by one."""
    listed = []
    for start in range(0, len(orders), 500):
        page = StagedOrder.objects.filter(pk__in=orders[start : start + 500]).select_related("batch__customer")
        for order in page.defer("before", "after").order_by("id"):
            problem = order.problem or {}
            one = {"order": order.pk, "batch": order.batch_id, "label": order.label}
            one |= {"customer": order.batch.customer.name, "code": str(problem.get("code") or "unknown")}
            one |= {"reason": order.reason, "failures": max(1, order.failures)}
            listed.append(
                {
                    **one,
                    "first": order.first_failed_at or order.failed_at,
                    "last": order.failed_at,
                    "next": order.retry_at,
                }
            )
    return listed


def chosen(code: str, customer: str, orders: Collection[int] = ()) -> dict[int, list[int]]:
    """The rejected orders of this code and customer ("" for any), of these where any is named, by batch."""
    rejected = StagedOrder.objects.filter(state=OrderState.REJECTED).order_by("id")
    if customer:
        rejected = rejected.filter(batch__customer__name=customer)
    rows: Iterable[tuple[int, int, Any]] = rejected.values_list("batch_id", "pk", "problem").iterator(chunk_size=500)
    found: dict[int, list[int]] = {}
    for batch, pk, problem in rows:
        if orders and pk not in orders:
            continue
        if not code or str((problem or {}).get("code") or "unknown") == code:
            found.setdefault(batch, []).append(pk)
    return found
