"""`sync_orders`: detect, stage, check, approve where a policy may, and push; the whole line in one command.

Only the options stand here, so that `--check` loads none of what the whole line needs.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandParser

from monday.management.quiet import QuietCommand
from staging.core.never_begun import without_options


class Command(QuietCommand):
    requires_system_checks = ["settings"]  # the rest looks at screens and models, which a release has checked
    help = (
        "Keep the board equal to the order table. Example: sync_orders --mode TEST --limit 10. "
        "TEST does it all against the local board; "
        "PRODUCTION stops where a person must approve, and pushes what is approved."
    )

    def refuse(self, sentence: str) -> None:
        """The document of a command line that could not be read; every other end has one of its own."""
        self.tell(without_options(self.words, sentence))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mode", choices=["TEST", "PRODUCTION"], default="TEST")
        parser.add_argument("--board", help="the board's name or id, where several are mapped")
        parser.add_argument("--customer", help="only this customer's orders (its name or an alias)")
        parser.add_argument("--po-number", type=_filled, help="only orders with this PO number")
        parser.add_argument("--limit", help="at most so many orders that can be pushed")
        parser.add_argument("--batch-size", default=100, help="orders per push chunk (default 100)")
        parser.add_argument(
            "--sizes",
            choices=["later", "together"],
            help="later: all items first, then their sizes; else as the policy says",
        )
        parser.add_argument("--check", action="store_true", help="only say how many rows moved since they were judged")
        parser.add_argument("--full", action="store_true", help="render every row, whatever its fingerprint says")
        parser.add_argument("--dry-run", action="store_true", help="the same work, nothing kept and nothing sent")
        parser.add_argument("--expect-rows", help="the source rightly holds this many rows now")
        parser.add_argument("--allow-sandbox", action="store_true", help="let PRODUCTION use a local board")
        parser.add_argument("--new-account", action="store_true", help="begin anew with a board of another account")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
        parser.add_argument(
            "--detailed-exitcode",
            action="store_true",
            help="exit code 4 where changes wait for approval; with --check, where rows moved",
        )
        parser.add_argument("--no-input", action="store_true", help="never ask (this command never does)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            from staging.management.quick_answer import answer
        else:
            from staging.management.whole_line import answer
        self.told = True  # by whichever of the two answers, however it ends
        answer(options, self.stdout, self.stderr)


def _filled(word: str) -> str:
    """An empty word comes from a variable that is not set, and would match nothing without saying so."""
    if not word.strip():
        raise ArgumentTypeError("must not be empty; leave it out for all orders")
    return word
