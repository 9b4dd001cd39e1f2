"""How the commands of mappings reach the live board: the address and token of the settings, counted with all others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from monday.boards import know
from monday.budgets import standing
from monday.client import Identity, MondayClient
from monday.connection import client_at, shared_budget, token_for
from monday.core.forecast import CallsLeft
from monday.core.structure import BoardStructure
from monday.models import Board
from monday.token import BadToken


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
    token = token_for(settings.MONDAY_API_URL)
    if not token:
        raise BadToken(
            "MONDAY_API_TOKEN is not set. Remedy: set it, or MONDAY_API_TOKEN_FILE, to a token of the account."
        )
    budget = shared_budget(settings.MONDAY_API_URL)
    client = client_at(settings.MONDAY_API_URL, token, budget=budget)
    try:
        identity = client.identity()
        budget.join(client, identity)
        yield Live(client, identity)
    finally:
        client.close()
