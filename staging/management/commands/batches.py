"""`batches`: look at what is staged, decide on it, send it and take it back."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from mapping.core.document import Problem
from mapping.core.problems import did_you_mean
from mapping.core.texts import fold
from mapping.models import Customer
from mapping.published import NoMapping, load_family
from monday.calls import CallLog
from monday.management.quiet import QuietCommand
from monday.models import Board
from staging.batches import describe
from staging.batches.check import batch_problems
from staging.console import FAILED, REFUSED, USAGE, Console, actor, sentences
from staging.core.lifecycle import BatchState, NotAllowed
from staging.detection.guards import GuardRefused
from staging.management import batch_output
from staging.management.batch_actions import ACTIONS, NEED_THE_BOARD, WITH_ERRORS, Told
from staging.models import Batch, StagedOrder
from staging.pushing.outlook import ahead
from staging.running.lease import LeaseLost
from staging.setup import Setup, Stopped
from staging.wiring import opened_for

PRECEDENCE = (USAGE, REFUSED, FAILED, WITH_ERRORS)  # which code a command ends with where several apply
MOST = 500  # batches or orders that one call names
EXAMPLES = {
    "list": "batches list --state open --json",
    "show": "batches show 7 --orders 5",
    "approve": "batches approve 7 --note 'checked with HARBOUR'",
    "withdraw": "batches withdraw 7",
    "decline": "batches decline 7 --reason 'wrong season'",
    "hold": "batches hold 7 --orders 21,22 --reason 'waits for the buyer'",
    "release": "batches release 7 --orders 21,22",
    "push": "batches push 7",
    "undo": "batches undo 7 --preview",
}


class Command(QuietCommand):
    help = (
        "Look at staged changes and decide on them. Examples: batches list --state open; batches show 7; "
        "batches approve 7 --note 'checked with HARBOUR'; batches push 7; batches undo 7. Several ids may be given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        words = "the newest batches, with what they do"
        one = actions.add_parser("list", help=words, description=f"{words}. Example: {EXAMPLES['list']}")
        one.add_argument("--state", choices=[str(state) for state in BatchState])
        one.add_argument("--customer", help="only this customer's (its name or an alias)")
        one.add_argument("--limit", type=_up_to(MOST), default=50, metavar="N", help="default 50")
        one = self._action(actions, "show", "one batch: sentence, check, diff old -> new, history")
        one.add_argument("--orders", type=_up_to(100_000), default=20, metavar="N", help="default 20")
        one = self._action(actions, "approve", "let exactly these orders go out")
        one.add_argument("--only", type=_ids, metavar="ORDER,...", help="only these orders; the rest is held")
        one.add_argument(
            "--removals", action="store_true", help="also take orders and sizes off the board; else those are held"
        )
        one.add_argument("--note", default="")
        self._mode(one)
        self._action(actions, "withdraw", "take an approval back before anything was sent")
        one = self._action(actions, "decline", "none of it goes out; not staged again until the source moves")
        one.add_argument("--reason", required=True)
        one = self._action(actions, "hold", "keep orders back")
        one.add_argument("--orders", type=_ids, required=True, metavar="ORDER,...")
        one.add_argument("--reason", required=True)
        one = self._action(actions, "release", "let held orders be approved, and undone or declined ones staged, again")
        one.add_argument("--orders", type=_ids, required=True, metavar="ORDER,...")
        one.add_argument("--reason", default="")
        one = self._action(actions, "push", "send what is approved to the board")
        one.add_argument("--batch-size", type=_up_to(MOST), default=100, metavar="N")
        self._mode(one)
        one = self._action(actions, "undo", "put back what was written, field by field")
        one.add_argument("--orders", type=_ids, metavar="ORDER,...", help="only these orders")
        one.add_argument("--reason", default="", help="needed with --force and --force-field")
        one.add_argument(
            "--preview", action="store_true", help="only say what would be reversed, kept and not reversed"
        )
        one.add_argument("--force", action="store_true", help="also put back what people edited since")
        one.add_argument("--force-field", action="append", default=[], metavar="FIELD", help="the same for one field")
        one.add_argument("--no-input", action="store_true", help="do not ask, also where somebody sits at the terminal")
        self._mode(one)
        for one in actions.choices.values():
            one.add_argument("--json", action="store_true", help="print one JSON document")
            # Also behind the action, where people type it; else the one before it holds.
            one.add_argument("-v", "--verbosity", type=int, choices=[0, 1, 2, 3], default=argparse.SUPPRESS)

    def _action(self, actions: Any, name: str, words: str) -> Any:
        one = actions.add_parser(name, help=words, description=f"{words}. Example: {EXAMPLES[name]}")
        one.add_argument("ids", nargs="+", type=_id, metavar="ID")
        return one

    def _mode(self, parser: Any) -> None:
        parser.add_argument("--mode", choices=["TEST", "PRODUCTION"], help="by default as the batch's board says")

    def handle(self, *args: Any, **options: Any) -> None:
        codes: set[int] = set()
        if options["action"] == "undo" and not (options["no_input"] or options["json"]) and sys.stdin.isatty():
            options["ask"] = self._ask
        quiet = options["json"] or options["verbosity"] == 0
        self._console = Console(self.stdout, self.stderr, quiet=quiet)
        with self._console.stoppable(signal.SIGINT, signal.SIGTERM), sentences(not_allowed=USAGE):
            if options["action"] == "list":
                self._list(options)
            elif options["action"] == "show":
                self._show(options)
            else:
                codes = self._decide(options)
        with suppress(BrokenPipeError):
            self.stdout.flush()
        code = self._console.signal_code or next((code for code in PRECEDENCE if code in codes), 0)
        if code:
            raise SystemExit(code)

    # --- looking ---------------------------------------------------------------------------------------------------
    def _list(self, options: dict[str, Any]) -> None:
        found = Batch.objects.exclude(state=BatchState.DRAFT)
        if options["state"]:
            found = Batch.objects.filter(state=options["state"])
        if options["customer"]:
            found = found.filter(customer=_customer(options["customer"]))
        pictures = describe.describe_all(list(found.order_by("-pk")[: options["limit"]]))
        if options["json"]:
            self.tell(batch_output.listed(pictures))
        elif pictures:
            self._print(batch_output.table(pictures))
        elif Batch.objects.exists():
            self._print(["No batch matches. Remedy: leave out --state or --customer."])
        else:
            self._print(["There is no batch yet. Remedy: python manage.py sync_orders stages what is new."])

    def _show(self, options: dict[str, Any]) -> None:
        documents = []
        for batch in _batches(options["ids"]):
            picture, checked = describe.describe(batch), _checked(batch)
            orders = describe.orders(batch, limit=options["orders"])
            events = describe.history(batch)
            takes = ahead(batch) if batch.state in ("open", "approved", "pushing") else None
            documents.append(batch_output.paged(picture, checked, orders, events, takes))
            if not options["json"]:
                self._print(batch_output.page(picture, checked, orders, events, takes))
        if options["json"]:
            self.tell(documents[0] if len(documents) == 1 else {"schema_version": 1, "batches": documents})

    # --- deciding --------------------------------------------------------------------------------------------------
    def _decide(self, options: dict[str, Any]) -> set[int]:
        """Do one action to every batch in turn; a refusal of one does not keep the others back."""
        batches = _batches(options["ids"])
        if named := options.get("only") or options.get("orders"):
            _check_orders(named, batches)
        codes, documents = set(), []
        for board, mine in groupby(sorted(batches, key=lambda batch: batch.board_id), key=lambda batch: batch.board):
            with self._opened(board, options) as setup:
                for batch in mine:
                    if self._console.signal_code:
                        break
                    told = self._do(batch, setup, options)
                    codes.add(told.code)
                    batch.refresh_from_db(fields=["state"])
                    about = {"id": batch.pk, "customer": batch.customer.name, "state": batch.state}
                    documents.append({**about, **told.data})
        if options["json"]:
            self.tell({"schema_version": 1, "action": options["action"], "batches": documents})
        return codes

    @contextmanager
    def _opened(self, board: Board, options: dict[str, Any]) -> Iterator[Setup | None]:
        """The board with everything that the action needs, None where it needs nothing."""
        if options["action"] not in NEED_THE_BOARD:
            yield None
            return
        calls = CallLog(correlation=f"{actor()} batches {options['action']}", waits=self._console.waits)
        options["calls"] = calls  # a push or an undo has a run of its own, which they are told of
        try:
            with opened_for(board, calls=calls, mode=options["mode"]) as setup:
                yield setup
        finally:
            calls.flush()

    def _do(self, batch: Batch, setup: Setup | None, options: dict[str, Any]) -> Told:
        try:
            told = ACTIONS[options["action"]](batch, setup, options, self._console.progress)
        except Stopped:
            told = Told([f"Batch {batch.pk}: stopped after the chunk in hand. Remedy: the same again goes on."])
            told.data = {"stopped": True}
        except (NotAllowed, LeaseLost, GuardRefused) as refused:
            code = REFUSED if isinstance(refused, GuardRefused) else USAGE
            if not options["json"]:
                self.stderr.write(str(refused))
            return Told([], {"refused": str(refused)}, code)
        if not options["json"] and options["verbosity"] > 0:
            self._print(told.lines)
        return told

    def _ask(self, lines: list[str]) -> bool:
        """Show what would happen and ask for it; whoever answers anything but yes has nothing done."""
        self._print(lines)
        out = self.stderr if self.quiet else self.stdout  # a question is never hidden
        out.write("Undo this? [y/N] ", ending="")
        out.flush()
        return sys.stdin.readline().strip().casefold() in ("y", "yes")

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)


def _batches(ids: Sequence[int]) -> list[Batch]:
    """The batches with these ids, in this order. Raises CommandError naming those that there are none of."""
    if len(ids) > MOST:
        raise CommandError(f"At most {MOST} batches can be named at once. Remedy: name fewer.", returncode=USAGE)
    found = Batch.objects.select_related("customer", "board").in_bulk(list(ids))
    missing = [str(one) for one in ids if one not in found]
    if missing:
        raise CommandError(f"There is no batch {', '.join(missing)}. Remedy: see batches list.", returncode=USAGE)
    return [found[one] for one in dict.fromkeys(ids)]


def _check_orders(ids: Sequence[int], batches: Sequence[Batch]) -> None:
    """Raises CommandError where a named order is in none of the batches."""
    mine = StagedOrder.objects.filter(batch__in=batches, pk__in=list(ids))
    missing = sorted(set(ids) - set(mine.values_list("pk", flat=True)))
    if missing:
        numbers = ", ".join(str(one) for one in missing)
        shown = " ".join(str(batch.pk) for batch in batches)
        raise CommandError(
            f"No such order there: {numbers}. Remedy: take the #numbers of batches show {shown}.", returncode=USAGE
        )


def _checked(batch: Batch) -> tuple[Problem, ...] | str:
    """What the board, as it was read last, would not take of the batch; or why that cannot be told."""
    structure = batch.board.known_structure()
    if structure is None:
        return "the board was never read. Remedy: run the sync."
    try:
        return batch_problems(batch, load_family(batch.board.board_id), structure)
    except NoMapping as missing:
        return str(missing)


def _customer(name: str) -> Customer:
    """The customer of this name or alias. Raises CommandError with the nearest name."""
    found = Customer.objects.filter(Q(name=name) | Q(aliases__folded=fold(name))).first()
    if found is None:
        names = list(Customer.objects.values_list("name", flat=True))
        remedy = did_you_mean(name, names, "See batches list for the names.")
        raise CommandError(f"No customer is called {name!r}. Remedy: {remedy}", returncode=USAGE)
    return found


def _up_to(most: int) -> Callable[[str], int]:
    """A whole number from 1 to `most`, as an option's value; argparse shows the sentence."""

    def read(word: str) -> int:
        if not word.isascii() or not word.isdigit() or not 0 < int(word[:12]) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {most:,}, not {word!r}")
        return int(word)

    return read


def _id(word: str) -> int:
    if not word.isascii() or not word.isdigit() or not 0 < int(word[:12]) < 2**31:
        raise argparse.ArgumentTypeError(f"must be a number as batches list shows it, not {word!r}")
    return int(word)


def _ids(word: str) -> list[int]:
    ids = [_id(part.strip().removeprefix("#")) for part in word.split(",") if part.strip()]
    if not 0 < len(ids) <= MOST:
        raise argparse.ArgumentTypeError(f"must name 1 to {MOST} orders, such as 12,13")
    return ids
