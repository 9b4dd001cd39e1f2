"""The only module that names adapters: it turns settings and a mode into the parts that the use cases work with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone

from mapping.core.targets import expected_structure
from mapping.models import Document, DocumentKind
from mapping.orders_table import INTAKE, alias_of
from mapping.publish import NoMapping, PublishedFamily, ensure_shipped, load_family
from mapping.vetting import Surroundings, tables
from monday import boards
from monday.calls import CallLog
from monday.client import Identity, MondayClient
from monday.connection import ANY_TOKEN, client_at, shared_budget, token_for
from monday.core.addresses import is_local
from monday.core.budget import Budget
from monday.core.structure import BoardStructure
from monday.models import Board, Environment
from monday.sandbox.store import StoreUnusable
from monday.sandbox.transport import ADDRESS, NotSeeded, http_session, sandbox_session, seed
from monday.token import BadToken, Token

from . import audit
from .core.ports import Destination, Target
from .destinations.board import MondayBoard
from .detection.guards import GuardRefused
from .setup import NotConfigured as NotConfigured
from .setup import Setup
from .source import order_table
from .source.sql_table import SqlTable

IN_PROCESS = ADDRESS + "v2"


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """The time in UTC, aware."""
        return timezone.now()

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        time.sleep(seconds)


recorder: Callable[..., object] = partial(audit.record, chain=audit.DECISIONS)
"""The audit, as `mapping.publish` takes it."""


def published(mode: str, board_name: str | None) -> PublishedFamily:
    """The published mappings; on first boot in TEST the shipped documents are published. Raises NotConfigured."""
    if mode == "TEST":
        ensure_shipped(actor="policy:first boot", now=timezone.now(), record=recorder)
    try:
        return load_family(board_name)
    except NoMapping as missing:
        raise NotConfigured(str(missing)) from None


@dataclass(frozen=True, slots=True)
class Connected:
    """A board that answers: the client that speaks to it, what it looks like, and the mappings it is written by."""

    client: MondayClient
    identity: Identity
    mappings: PublishedFamily
    structure: BoardStructure
    board: Board


@contextmanager
def connected(
    *,
    mode: str,
    calls: CallLog,
    board_name: str | None = None,
    allow_sandbox: bool = False,
    new_account: bool = False,
    expected: Board | None = None,
) -> Iterator[Connected]:
    """The board of this mode, without the order table; the connection is given back at the end.

    TEST uses the local board inside this process, or the one at MONDAY_API_URL where that is a loopback address.
    `expected` is the board that it must be. Raises NotConfigured, GuardRefused and Unavailable, each with one sentence.
    """
    address = _address(mode)
    if expected is not None and expected.address != address:
        raise NotConfigured(_elsewhere(expected, address))
    mappings = published(mode, board_name)
    # The board inside this process has no limits to share.
    budget = None if address == IN_PROCESS else shared_budget(address)
    client = _client(mode, address, mappings, calls, budget)
    try:
        identity = client.identity()
        _check_identity(mode, identity, address, allow_sandbox=allow_sandbox)
        _check_version(identity)
        if expected is not None and expected.account_id != identity.account_id:
            raise GuardRefused(_other_account(expected))
        if budget is not None:
            budget.join(client, identity)
        structure = client.board(mappings.family.board.board.id)
        check_account(address, identity, structure.id, new_account=new_account)
        board = boards.know(
            address=address,
            account_id=identity.account_id,
            structure=structure,
            sandbox=identity.sandbox,
            now=timezone.now(),
        )
        yield Connected(client, identity, mappings, structure, board)
    finally:
        client.close()


@contextmanager
def opened(
    *,
    mode: str,
    calls: CallLog,
    board_name: str | None = None,
    allow_sandbox: bool = False,
    new_account: bool = False,
    expected: Board | None = None,
) -> Iterator[Setup]:
    """Everything that a run of this mode works with: the board as `connected` finds it, and the order table.

    Raises NotConfigured, GuardRefused, SourceRefused and Unavailable, each with one sentence.
    """
    with connected(
        mode=mode,
        calls=calls,
        board_name=board_name,
        allow_sandbox=allow_sandbox,
        new_account=new_account,
        expected=expected,
    ) as found:
        _check_intake(mode, found.mappings)
        yield Setup(
            board=found.board,
            mappings=found.mappings,
            source=source(found.mappings),
            structure=found.structure,
            destination=partial(_destination, found.client, found.board, found.mappings),
            clock=SystemClock(),
            settle_seconds=_settle_seconds(found.identity),
        )


@contextmanager
def opened_for(board: Board, *, calls: CallLog, mode: str | None = None) -> Iterator[Setup]:
    """Everything that work on this very board needs: TEST for a local one and PRODUCTION for the real one.

    Raises what `opened` raises, and before anything is asked NotConfigured where the settings name another address.
    """
    local = board.environment == Environment.SANDBOX
    with opened(
        mode=mode or ("TEST" if local else "PRODUCTION"),
        calls=calls,
        board_name=board.board_id,
        allow_sandbox=local,
        expected=board,
    ) as setup:
        yield setup


def under(setup: Setup, mappings: PublishedFamily) -> Setup:
    """The same board and structure with other documents, read from the table that those name. Raises SourceRefused."""
    return replace(setup, mappings=mappings, source=source(mappings))


def in_use(board: Board) -> bool:
    """Whether this is a board that runs work on, as the settings stand; a former address has none."""
    return board.address == _address("TEST" if board.environment == Environment.SANDBOX else "PRODUCTION")


def boards_of(document: Document) -> list[Board]:
    """The boards in use that a document is about: its own, or for a customer's document every mapped one."""
    if document.kind == DocumentKind.BOARD:
        keys = [document.board_key]
    else:
        keys = list(Document.objects.boards().filter(versions__state="published").values_list("board_key", flat=True))
    found = Board.objects.filter(board_id__in=keys[:1000]).order_by("-environment", "id")
    return [board for board in found if in_use(board)]


def surroundings(document: Document | None, text: str) -> Surroundings:
    """What a text is held against while it is typed: local boards as they were read last, the source's columns now."""
    live: dict[str, list[BoardStructure]] = {}
    for board in Board.objects.filter(environment=Environment.SANDBOX).exclude(structure=None).order_by("id"):
        structure = board.known_structure()
        if structure is not None and in_use(board):
            live.setdefault(board.board_id, []).append(structure)
    return Surroundings(live, {table: source_columns(table) for table in tables(document, text)})


def source_columns(table: str) -> tuple[str, ...] | None:
    """The columns of a table in the order source; none where there is no such table, None where it does not answer."""
    try:
        return tuple(column.name for column in order_table.columns(connections[alias_of(table)], table))
    except DatabaseError:
        return None


def source(mappings: PublishedFamily) -> SqlTable:
    """The order table, or the intake where the document names it. Raises SourceRefused."""
    rules = mappings.family.default.source
    return SqlTable(connections[alias_of(rules.table)], rules.table, rules.identity, rules.customer, rules.po_number)


def _check_intake(mode: str, mappings: PublishedFamily) -> None:
    """What people bring by the page is no source of a real board."""
    if mode != "TEST" and alias_of(mappings.family.default.source.table) == "intake":
        remedy = "name the order table under source.table of the board's document, and publish it"
        raise GuardRefused(
            f"{INTAKE} holds lists that people brought, for TEST alone; nothing was sent. Remedy: {remedy}."
        )


def _address(mode: str) -> str:
    """Where the board of this mode answers."""
    return settings.MONDAY_API_URL if is_local(settings.MONDAY_API_URL) or mode != "TEST" else IN_PROCESS


def _client(mode: str, address: str, mappings: PublishedFamily, calls: CallLog, budget: Budget | None) -> MondayClient:
    session = None
    try:
        token = Token(ANY_TOKEN) if address == IN_PROCESS else token_for(address)
        if address == IN_PROCESS:
            session = sandbox_session(settings.SANDBOX_STORE)
        elif is_local(address):
            session = http_session()
        if session is not None:
            seed(session, address, expected_structure(*mappings.family.mappings()), token.reveal())
    except (BadToken, NotSeeded, StoreUnusable) as problem:
        raise NotConfigured(str(problem)) from None
    if not token:
        raise NotConfigured(
            "MONDAY_API_TOKEN is not set. Remedy: set it, or MONDAY_API_TOKEN_FILE, or use --mode TEST."
        )
    return client_at(address, token, budget=budget, session=session, recorder=calls, waits=calls.waits)


def _check_identity(mode: str, identity: Identity, address: str, *, allow_sandbox: bool) -> None:
    if mode == "TEST" and not identity.sandbox:
        raise GuardRefused(
            f"{address} does not answer as a local board, and TEST never contacts another. Nothing was sent."
        )
    if mode == "PRODUCTION" and identity.sandbox and not allow_sandbox:
        raise GuardRefused(
            f"{address} answers as a local board, not as monday.com; nothing was sent. "
            "Remedy: set MONDAY_API_URL to the real address, or say --allow-sandbox."
        )


def _check_version(identity: Identity) -> None:
    """Refuse another version of the API than the one that we know: what it answers may mean something else."""
    answering, known = identity.version, settings.MONDAY_API_VERSION
    if answering is not None and answering.value != known:
        raise GuardRefused(
            f"monday.com answers with version {answering.value} of its API ({answering.kind.replace('_', ' ')}) "
            f"instead of {known}, which this release knows; nothing was sent. "
            "Remedy: take a newer release of Ordersite."
        )


def _elsewhere(board: Board, address: str) -> str:
    if board.address == IN_PROCESS:
        remedy = "unset MONDAY_API_URL, and use TEST"
    else:
        remedy = f"set MONDAY_API_URL to {board.address}" + (" and start it" if is_local(board.address) else "")
    return f"{board} answers at {board.address}, and the settings name {address}; nothing was sent. Remedy: {remedy}."


def _other_account(board: Board) -> str:
    return (
        f"What answers at {board.address} is another account's board than {board} (a reset local board, or another "
        "token); nothing was sent. Remedy: restore the store or the token."
    )


def check_account(address: str, identity: Identity, board_id: str, *, new_account: bool = False) -> None:
    """Refuse the board's id under another account: that is another board, and links made under the first would be lost.

    Raises GuardRefused. `new_account` is a person's word that another one is meant.
    """
    others = Board.objects.filter(address=address, board_id=board_id).exclude(account_id=identity.account_id)
    known = Board.objects.filter(address=address, board_id=board_id, account_id=identity.account_id)
    if others.filter(snapshots__isnull=False).exists() and not known.exists() and not new_account:
        raise GuardRefused(
            f"Board {board_id} belongs to another account than before (a reset local board, or another token); "
            "nothing was done. Remedy: restore the store or the token, or say --new-account to begin anew with it."
        )


def _settle_seconds(identity: Identity) -> float:
    if identity.settle_seconds is not None:
        return identity.settle_seconds
    return float(settings.MONDAY_SETTLE_SECONDS)


def _destination(
    client: MondayClient, board: Board, mappings: PublishedFamily, target: Target, customer: str
) -> Destination:
    family = mappings.family
    mapping = family.mapping(customer) if customer in family.customers else family.default
    labels: dict[str, str] = {rules.to: rules.labels for rules in mapping.columns}
    if mapping.sizes:
        labels[mapping.sizes.size_column] = mapping.labels
    return MondayBoard(client=client, board=board, target=target, now=timezone.now, labels=labels)
