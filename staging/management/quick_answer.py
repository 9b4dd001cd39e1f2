"""What `sync_orders --check` does. Light to load: it knows neither the client, nor the local board, nor the line."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from types import FrameType
from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.db import Error, connections
from django.utils import timezone

from mapping.orders_table import alias_of
from mapping.published import NoMapping, load_family
from monday.core.structure import BoardStructure
from monday.management.quiet import UNUSABLE
from monday.models import Board, Environment
from staging.core.never_begun import check_document
from staging.core.ports import Destination, Scope, SourceRefused, Target
from staging.detection.glance import glance, sentences
from staging.models import SyncRun
from staging.models.run import Kind
from staging.setup import NotConfigured, Setup, spellings, whole
from staging.source.sql_table import SqlTable

FAILED, USAGE, WAITING, REFUSED = 1, 2, 4, 5  # exit codes
STOPPED = "Stopped by a signal. Remedy: run it again; a check changes nothing."
OTHERS = ("full", "dry_run", "limit", "expect_rows", "new_account")


def answer(options: dict[str, Any], stdout: Any, stderr: Any) -> None:
    """Say how many rows moved. Raises CommandError, and SystemExit where --detailed-exitcode asks for one."""
    try:
        _check_options(options)
        with _ending(options, stdout, stderr):
            setup = _setup(options["mode"], options["board"])
            customers = None if options["customer"] is None else spellings(setup, options["customer"])
            found = glance(setup=setup, scope=_narrowed(setup, customers, options["po_number"]))
    except (NoMapping, NotConfigured, SourceRefused, CommandError) as refused:
        problem = _command_error(refused)
        if options["json"]:
            refusal(options["mode"], str(problem), stdout)
        raise problem from None
    except (Error, KeyboardInterrupt) as broken:  # the edge of the command line has the exit code
        if options["json"]:
            refusal(options["mode"], UNUSABLE if isinstance(broken, Error) else STOPPED, stdout)
        raise
    if options["json"]:
        about = {"mode": options["mode"], "board": str(setup.board), "error": None}
        stdout.write(json.dumps({**found.to_json(), **about}, ensure_ascii=False))
    elif options["verbosity"] > 0:
        who = options["customer"] or "all customers"
        stdout.write(f"Check - {options['mode']} - {who} - {setup.board} - {found.seconds:.1f} s")
        for sentence in sentences(found):
            stdout.write(sentence)
    if options["detailed_exitcode"] and not found.quiet:
        stdout.flush()
        raise SystemExit(REFUSED if found.refusal else WAITING)


@contextmanager
def _ending(options: dict[str, Any], stdout: Any, stderr: Any) -> Iterator[None]:
    """Within this block a signal ends the command at once, with its sentence and its document.

    Not by an exception: one that is raised while SQLite has a row hashed is taken for a fault of the source, and the
    readers' threads would be waited for. Nothing is held that the end of the process does not give back.
    """

    def ended(number: int, frame: FrameType | None) -> NoReturn:
        with suppress(OSError):
            if options["json"]:
                refusal(options["mode"], STOPPED, stdout)
                stdout.flush()
            stderr.write(STOPPED)
            stderr.flush()
        os._exit(128 + number)

    former = {number: signal.signal(number, ended) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def refusal(mode: str | None, sentence: str, stdout: Any) -> None:
    """The document of a check that could not be made; `mode` is None where the options could not be read."""
    stdout.write(json.dumps(check_document(mode, sentence), ensure_ascii=False))


def _check_options(options: dict[str, Any]) -> None:
    given = [name for name in OTHERS if options[name]]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise NotConfigured(f"--check only counts, so {names} means nothing to it. Remedy: leave one of them out.")


def _command_error(refused: Exception) -> CommandError:
    if isinstance(refused, CommandError):
        return refused
    code = USAGE
    if isinstance(refused, SourceRefused):
        code = REFUSED if refused.guard else FAILED
    return CommandError(str(refused), returncode=code)


def _narrowed(setup: Setup, customers: tuple[str, ...] | None, po_number: str | None) -> Scope:
    return replace(whole(setup), customers=customers, po_number=po_number)


def _setup(mode: str, board_name: str | None) -> Setup:
    """What is known of the board that this mode's runs went to, without asking it."""
    mappings = load_family(board_name)
    rules = mappings.family.default.source
    board = _known_board(mode, mappings.family.board.board.id) or Board(pk=0, name="no board yet")
    return Setup(
        board=board,
        mappings=mappings,
        source=SqlTable(
            connections[alias_of(rules.table)], rules.table, rules.identity, rules.customer, rules.po_number
        ),
        structure=board.known_structure() or BoardStructure(id="", name=""),
        destination=_no_destination,
        clock=_Clock(),
        settle_seconds=0.0,
    )


def _known_board(mode: str, board_id: str) -> Board | None:
    environment = Environment.SANDBOX if mode == "TEST" else Environment.PRODUCTION
    boards = Board.objects.filter(board_id=board_id, environment=environment)
    last = SyncRun.objects.filter(kind=Kind.SYNC, mode=mode, board__board_id=board_id).order_by("-id").first()
    return last.board if last else boards.order_by("-id").first()


def _no_destination(target: Target, customer: str) -> Destination:
    raise AssertionError("A check writes nothing.")


class _Clock:
    """This machine's clock."""

    def now(self) -> datetime:
        return timezone.now()

    def sleep(self, seconds: float) -> NoReturn:
        raise AssertionError("A check waits for nothing.")
