"""`sync_orders`: detect, stage, check, approve where a policy may, and push; the whole line in one command."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from monday.calls import CallLog
from staging import notify
from staging.console import REFUSED, USAGE, Console, actor, sentences
from staging.models.run import RunState
from staging.report import document, exit_code, never_begun
from staging.report import sentences as report_sentences
from staging.setup import Setup
from staging.sync import Request, sync
from staging.wiring import NotConfigured, opened


class Command(BaseCommand):
    requires_system_checks = ["settings"]  # the rest looks at screens and models, which a release has checked
    help = (
        "Keep the board equal to the order table. Example: sync_orders --mode TEST --limit 10. "
        "TEST does it all against the local board; "
        "PRODUCTION stops where a person must approve, and pushes what is approved."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mode", choices=["TEST", "PRODUCTION"], default="TEST")
        parser.add_argument("--board", help="the board's name or id, where several are mapped")
        parser.add_argument("--customer", help="only this customer's orders (its name or an alias)")
        parser.add_argument("--po-number", help="only orders with this PO number")
        parser.add_argument("--limit", help="at most so many orders that can be pushed")
        parser.add_argument("--batch-size", default=100, help="orders per push chunk (default 100)")
        parser.add_argument(
            "--sizes",
            choices=["later", "together"],
            help="later: all items first, then their sizes; else as the policy says",
        )
        parser.add_argument("--full", action="store_true", help="render every row, whatever its fingerprint says")
        parser.add_argument("--dry-run", action="store_true", help="the same work, nothing kept and nothing sent")
        parser.add_argument("--expect-rows", help="the source rightly holds this many rows now")
        parser.add_argument("--allow-sandbox", action="store_true", help="let PRODUCTION use a local board")
        parser.add_argument("--new-account", action="store_true", help="begin anew with a board of another account")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
        parser.add_argument(
            "--detailed-exitcode", action="store_true", help="exit code 4 where changes wait for approval"
        )
        parser.add_argument("--no-input", action="store_true", help="never ask (this command never does)")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(self.stdout, self.stderr, quiet=options["json"] or options["verbosity"] == 0)
        calls = CallLog(waits=console.waits)
        try:
            _check_numbers(options)
            with (
                console.stoppable(signal.SIGINT, signal.SIGTERM),
                sentences(),
                opened(
                    mode=options["mode"],
                    calls=calls,
                    board_name=options["board"],
                    allow_sandbox=options["allow_sandbox"],
                    new_account=options["new_account"],
                ) as setup,
            ):
                report = sync(request=_request(options, setup), setup=setup, calls=calls, progress=console.progress)
                if not options["dry_run"]:
                    notify.ended(report.run.pk)
        except (CommandError, DatabaseError) as refused:
            if options["json"]:
                self._tell_refusal(refused, options["mode"], calls)
            raise
        if options["json"]:
            self.stdout.write(json.dumps(document(report, calls), ensure_ascii=False))
        elif options["verbosity"] > 0:
            for sentence in report_sentences(report, setup, calls):
                self.stdout.write(sentence)
        if report.error:
            self.stderr.write(report.error)
        code = console.signal_code if report.stopped else exit_code(report, detailed=options["detailed_exitcode"])
        with suppress(BrokenPipeError):
            self.stdout.flush()
        if code:
            raise SystemExit(code)

    def _tell_refusal(self, refused: CommandError | DatabaseError, mode: str, calls: CallLog) -> None:
        """What reads the JSON document gets one for every end; the sentence goes to stderr as well."""
        if isinstance(refused, CommandError):
            status, error = STATUS.get(refused.returncode, RunState.FAILED), str(refused)
        else:  # its own words may be a statement; the edge of the command line finds the sentence
            status, error = RunState.FAILED, "The app database cannot be used. Remedy: python manage.py doctor"
        self.stdout.write(json.dumps(never_begun(mode, status, error, calls), ensure_ascii=False))


STATUS = {REFUSED: RunState.REFUSED}
MOST = 2**31 - 1
NUMBERS = ("limit", "batch_size", "expect_rows")


def _request(options: dict[str, Any], setup: Setup) -> Request:
    customers = None
    if options["customer"] is not None:
        customers = _spellings(options["customer"], setup)
    return Request(
        mode=options["mode"],
        actor=actor(),
        customers=customers,
        customer_name=options["customer"] or "",
        po_number=options["po_number"],
        limit=options["limit"],
        full=options["full"],
        dry_run=options["dry_run"],
        chunk=options["batch_size"],
        expect_rows=options["expect_rows"],
        sizes=options["sizes"] or "",
    )


def _spellings(name: str, setup: Setup) -> tuple[str, ...]:
    """How the source spells this customer. Raises NotConfigured where nobody has that name, with the nearest one."""
    import difflib

    family = setup.mappings.family
    customer = family.customer_of(name)
    if customer is None:
        near = difflib.get_close_matches(name, family.customers, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(family.customers)[:12])}."
        raise NotConfigured(f"No customer is called {name!r}. {hint}")
    return tuple(raw for raw, _ in setup.source.customers() if raw is not None and family.customer_of(raw) == customer)


def _check_numbers(options: dict[str, Any]) -> None:
    """Counts are whole numbers above 0; raises CommandError with the option's name."""
    for name in NUMBERS:
        given = options[name]
        if given is None:
            continue
        text = str(given).strip()
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST):
            option = name.replace("_", "-")
            raise CommandError(
                f"--{option} must be a whole number above 0, not {given!r}. Remedy: --{option} 10, or leave it out.",
                returncode=USAGE,
            )
        options[name] = int(text)
