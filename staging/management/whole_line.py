"""What `sync_orders` does without `--check`: the whole line, and the report of it."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError
from django.db import Error

from monday.calls import CallLog
from monday.management.quiet import UNUSABLE
from staging.console import REFUSED, USAGE, Console, actor, sentences
from staging.core.never_begun import run_document
from staging.models.run import RunState
from staging.notices import notify
from staging.reports.report import document, exit_code
from staging.reports.report import sentences as report_sentences
from staging.setup import Setup, spellings
from staging.sync import Request, sync
from staging.wiring import opened


def answer(options: dict[str, Any], stdout: Any, stderr: Any) -> None:
    """Run the line with the options of `sync_orders`, and say how it went. Raises SystemExit with the exit code."""
    console = Console(stdout, stderr, quiet=options["json"] or options["verbosity"] == 0)
    calls = CallLog(waits=console.waits)
    try:
        check_numbers(options)
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
    except (CommandError, Error, SystemExit, KeyboardInterrupt) as refused:
        if options["json"]:
            _tell_refusal(stdout, refused, options, calls)
        raise
    if options["json"]:
        stdout.write(json.dumps(document(report, calls), ensure_ascii=False))
    elif options["verbosity"] > 0:
        for sentence in report_sentences(report, setup, calls):
            stdout.write(sentence)
    if report.error:
        stderr.write(report.error)
    code = console.signal_code if report.stopped else exit_code(report, detailed=options["detailed_exitcode"])
    with suppress(BrokenPipeError):
        stdout.flush()
    if code:
        raise SystemExit(code)


def _tell_refusal(stdout: Any, refused: BaseException, options: dict[str, Any], calls: CallLog) -> None:
    """What reads the JSON document gets one for every end; the sentence goes to stderr as well."""
    if isinstance(refused, CommandError):
        status, error = STATUS.get(refused.returncode, RunState.FAILED), str(refused)
    elif isinstance(refused, SystemExit | KeyboardInterrupt):
        status, error = RunState.STOPPED, STOPPED
    else:  # its own words may be a statement; the edge of the command line finds the sentence
        status, error = RunState.FAILED, UNUSABLE
    # A run that has begun works on its own behalf; of a rehearsal no row is kept.
    begun = "" if options["dry_run"] else calls.correlation.removeprefix("run:")
    told = run_document(
        options["mode"],
        status,
        error,
        dry_run=options["dry_run"],
        run_id=int(begun) if begun else None,
        api=calls.to_json(),
    )
    stdout.write(json.dumps(told, ensure_ascii=False))


STOPPED = "Stopped at once by a signal. Remedy: run it again to go on; nothing is lost."
STATUS = {
    REFUSED: RunState.REFUSED,
    **{128 + number: RunState.STOPPED for number in (signal.SIGINT, signal.SIGTERM)},
}


def _request(options: dict[str, Any], setup: Setup) -> Request:
    customers = None
    if options["customer"] is not None:
        customers = spellings(setup, options["customer"])
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


MOST = 2**31 - 1
NUMBERS = ("limit", "batch_size", "expect_rows")


def check_numbers(options: dict[str, Any]) -> None:
    """Counts are whole numbers above 0; raises CommandError with the option's name."""
    for name in NUMBERS:
        given = options[name]
        if given is None:
            continue
        text = str(given).strip()
        if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) <= MOST):
            option = name.replace("_", "-")
            raise CommandError(
                f"--{option} must be a whole number above 0, not {given!r}. Remedy: --{option} 10, or leave it out.",
                returncode=USAGE,
            )
        options[name] = int(text)
