"""The way to monday.com: the token (never shown), the local board's store, and on request the API itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from mapping.core.family import Family
from monday.budgets import SharedBudget, standing
from monday.client import Identity, MondayClient, Unavailable
from monday.connection import client_at, shared_budget, token_for
from monday.core.addresses import is_local
from monday.sandbox.store import SandboxStore, StoreUnusable
from monday.token import BadToken, Token
from staging.detection.guards import GuardRefused
from staging.wiring import check_account

from .finding import Finding, ok, problem, told, warning
from .mappings import against


def token() -> Iterator[Finding]:
    """Whether a token is set and can be one."""
    try:
        known = Token(settings.MONDAY_API_TOKEN)
    except BadToken as odd:
        yield told("token", str(odd))
        return
    if known:
        yield ok("token", "MONDAY_API_TOKEN is set.")
    elif is_local(settings.MONDAY_API_URL):
        yield ok("token", "A local board needs none.")
    else:
        remedy = "Set MONDAY_API_TOKEN_FILE to a file that holds it."
        yield warning("token", "MONDAY_API_TOKEN is not set, so only --mode TEST runs.", remedy)


def local_board() -> Iterator[Finding]:
    """The store of the local board, which TEST writes to."""
    path = Path(settings.SANDBOX_STORE)
    if not path.exists():
        yield ok("local board", "It is made by the first run in TEST.")
        return
    try:
        # Read-only first: opening something else as a store would lay tables out in it.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            file.execute("SELECT value FROM meta WHERE key = 'layout'")
        SandboxStore(path).close()
    except sqlite3.Error as odd:
        remedy = "Name another file in SANDBOX_STORE, or move this one away."
        yield problem("local board", f"{path} is no store of a local board ({odd}).", remedy)
        return
    except StoreUnusable as odd:
        yield told("local board", str(odd))
        return
    yield ok("local board", f"{path} can be used.")


def not_asked() -> Iterator[Finding]:
    """Without --online nothing leaves this machine."""
    yield ok("monday.com", f"Not asked; --online asks {urlsplit(settings.MONDAY_API_URL).hostname}.")


def online(families: Sequence[Family], *, counted: bool = True) -> Iterator[Finding]:
    """Ask the API who we are, which version answers, and whether the boards fit as they stand now. Only reads.

    The calls are taken from the budget that all processes share, unless they cannot be `counted` as the app database
    is not usable.
    """
    try:
        known = token_for(settings.MONDAY_API_URL)
    except BadToken:
        yield warning("monday.com", "Not asked, as the token cannot be one.", "See above.")
        return
    budget = shared_budget(settings.MONDAY_API_URL) if counted else None
    client = client_at(settings.MONDAY_API_URL, known, budget=budget)
    try:
        identity = client.identity()
        yield from _account(client, identity, budget)
        for family in families:
            check_account(settings.MONDAY_API_URL, identity, family.board.board.id)
            structure = client.board(family.board.board.id)
            yield against(family, structure, f'"{structure.name}", as it stands now')
    except (Unavailable, GuardRefused) as refusal:
        yield told("monday.com", str(refusal))
    finally:
        client.close()


def _account(client: MondayClient, identity: Identity, budget: SharedBudget | None) -> Iterator[Finding]:
    if budget is not None:
        budget.belongs_to(identity.account_id)
    answering = client.version()
    if identity.sandbox and settings.PRODUCTION:
        remedy = "Set MONDAY_API_URL to the real address, or leave it unset."
        yield problem("monday.com", f"{settings.MONDAY_API_URL} answers as a local board.", remedy)
    else:
        who = "a local board" if identity.sandbox else f'the account "{identity.account_name}"'
        limit = client.daily_limit()
        if budget is not None:
            budget.learn_daily_limit(limit)
        calls = f", {limit:,} calls a day" if limit else ""
        if limit and budget is not None:
            calls += f", left today {standing(settings.MONDAY_API_URL, identity.account_id).left}"
        yield ok("monday.com", f"{who[0].upper()}{who[1:]} answers (id {identity.account_id}{calls}).")
    if answering.value != settings.MONDAY_API_VERSION:
        words = f"Version {answering.value} answers instead of {settings.MONDAY_API_VERSION}."
        yield warning("API version", words, "Take a newer release of Ordersite.")
    elif answering.kind != "current":
        words = f"Version {answering.value} is {answering.kind.replace('_', ' ')}, not current."
        yield warning("API version", words, "Plan to take a newer release of Ordersite.")
    else:
        yield ok("API version", f"{answering.value} answers and is current.")
