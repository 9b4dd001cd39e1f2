"""How the commands of mappings reach the live board: the address and token of the settings, counted with all others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from monday.boards import know
from monday.budgets import SharedBudget, standing
from monday.client import Identity, MondayClient
from monday.core.forecast import CallsLeft
from monday.core.structure import BoardStructure
from monday.models import Board
from monday.token import BadToken, Token

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Live:
    """A client that answers, and whose account it works for."""

    client: MondayClient
    identity: Identity

    def structure(self, board_id: str) -> BoardStructure:
        """The board as it stands. Raises `monday.client.Unavailable`."""
        return self.client.board(board_id)

    def remember(self, structure: BoardStructure) -> Board:
        """Keep what was read, for pages that ask nobody. Opens a transaction."""
        return know(
            address=settings.MONDAY_API_URL,
            account_id=self.identity.account_id,
            structure=structure,
            sandbox=self.identity.sandbox,
            now=timezone.now(),
        )

    def calls_left(self) -> CallsLeft:
        """What is left of the account's calls of today."""
        return standing(settings.MONDAY_API_URL, self.identity.account_id).left


@contextmanager
def reached() -> Iterator[Live]:
    """The board's API as the settings name it. Raises BadToken and `monday.client.Unavailable`."""
    local = urlsplit(settings.MONDAY_API_URL).hostname in LOOPBACK
    token = Token(settings.MONDAY_API_TOKEN or ("sandbox" if local else ""))  # any word opens a local board
    if not token:
        raise BadToken(
            "MONDAY_API_TOKEN is not set. Remedy: set it, or MONDAY_API_TOKEN_FILE, to a token of the account."
        )
    patience = settings.MONDAY_CONNECT_TIMEOUT + settings.MONDAY_READ_TIMEOUT
    budget = SharedBudget(address=settings.MONDAY_API_URL, reserve=settings.MONDAY_DAILY_RESERVE, life=patience + 30)
    client = MondayClient(
        address=settings.MONDAY_API_URL,
        token=token,
        api_version=settings.MONDAY_API_VERSION,
        connect_timeout=settings.MONDAY_CONNECT_TIMEOUT,
        read_timeout=settings.MONDAY_READ_TIMEOUT,
        budget=budget,
    )
    try:
        identity = client.identity()
        budget.join(client, identity)
        yield Live(client, identity)
    finally:
        client.close()
