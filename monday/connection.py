"""How the settings reach the API: which token opens it, how long it may take, the calls that all processes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings

from .budgets import SharedBudget
from .client import Call, MondayClient
from .core.addresses import is_local
from .core.budget import Budget
from .token import Token

if TYPE_CHECKING:
    import requests

ANY_TOKEN = "sandbox"  # noqa: S105  any word opens a local board  # nosec B105
SLACK = 30  # seconds beyond the longest request after which its sender is taken to be dead


def token_for(address: str) -> Token:
    """The token that the settings hold; a local board opens to any word. Empty where there is none; raises BadToken."""
    return Token(settings.MONDAY_API_TOKEN or (ANY_TOKEN if is_local(address) else ""))


def shared_budget(address: str) -> SharedBudget:
    """The limits of the account at this address, as all processes that share the app database count them."""
    longest = settings.MONDAY_CONNECT_TIMEOUT + settings.MONDAY_READ_TIMEOUT
    return SharedBudget(address=address, reserve=settings.MONDAY_DAILY_RESERVE, life=longest + SLACK)


def client_at(
    address: str,
    token: Token,
    *,
    budget: Budget | None,
    session: requests.Session | None = None,
    recorder: Callable[[Call], None] | None = None,
    waits: Callable[[float], None] | None = None,
) -> MondayClient:
    """A client of the API version and the time-outs of the settings; who asks for it closes it."""
    return MondayClient(
        address=address,
        token=token,
        session=session,
        api_version=settings.MONDAY_API_VERSION,
        connect_timeout=settings.MONDAY_CONNECT_TIMEOUT,
        read_timeout=settings.MONDAY_READ_TIMEOUT,
        recorder=recorder,
        budget=budget,
        waits=waits,
    )
