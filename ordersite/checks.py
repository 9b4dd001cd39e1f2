"""Django system checks for settings that work and are odd all the same; each says what to do about it.

What cannot work is refused when the settings are read, which imports this module and so registers its checks. They are
shown by `manage.py check` and before every command; the ones marked `deploy` only by `manage.py check --deploy`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from monday.core.addresses import is_local, is_loopback

from . import env

SECRETS = ("SECRET_KEY", "MONDAY_API_TOKEN", "METRICS_TOKEN", "DATABASE_URL", "ORDERS_DATABASE_URL")
SERVER_GIVES_UP = 60  # seconds; a request that the API is still working on then ends with an error


def is_safe_address(address: str) -> bool:
    """True where a token may be sent: over HTTPS, or to this machine; never with a password inside the address."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


@checks.register("settings")
def read_timeout(**_: Any) -> list[checks.CheckMessage]:
    """A shorter time-out than the server's own leaves writes behind of which nobody knows whether they happened."""
    if is_local(settings.MONDAY_API_URL) or settings.MONDAY_READ_TIMEOUT > SERVER_GIVES_UP:
        return []
    return [
        checks.Warning(
            f"MONDAY_READ_TIMEOUT is {settings.MONDAY_READ_TIMEOUT:g} s, and the server works on a request for up to "
            f"{SERVER_GIVES_UP} s.",
            hint=f"Set it above {SERVER_GIVES_UP}, or slow writes end as unclear.",
            id="ordersite.W001",
        )
    ]


@checks.register("settings")
def one_file_for_two(**_: Any) -> list[checks.CheckMessage]:
    """The orders belong to somebody else, so on a file they are never kept beside our tables."""
    ours, theirs = settings.DATABASES["default"], settings.DATABASES["orders"]
    if "sqlite3" not in ours["ENGINE"] or ours["ENGINE"] != theirs["ENGINE"] or ours["NAME"] != theirs["NAME"]:
        return []
    return [
        checks.Warning(
            "DATABASE_URL and ORDERS_DATABASE_URL name the same file.",
            hint="Give the orders a file of their own: reading them would wait for our writes.",
            id="ordersite.W002",
        )
    ]


@checks.register("settings")
def readable_secrets(**_: Any) -> list[checks.CheckMessage]:
    """A secret's file that every account of the machine may read is no secret."""
    return [
        checks.Warning(
            f"{name}_FILE may be read by every account on this machine.",
            hint=f"chmod o-rwx {path}",
            id="ordersite.W003",
        )
        for name in SECRETS
        if (path := env.text(f"{name}_FILE")) and _open_to_others(Path(path))
    ]


@checks.register("settings", deploy=True)
def production_hosts(**_: Any) -> list[checks.CheckMessage]:
    """Any host name at all lets a forged one into links and mails."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [checks.Warning("ALLOWED_HOSTS accepts every host name.", hint="Name the site's own.", id="ordersite.W004")]


@checks.register("settings", deploy=True)
def production_flag(**_: Any) -> list[checks.CheckMessage]:
    """Everything that makes the site safe to put on a network hangs on one flag."""
    found: Sequence[tuple[bool, str, str, str]] = (
        (not settings.PRODUCTION, "PRODUCTION is not set.", "Set PRODUCTION=1 on a server.", "ordersite.W005"),
        (
            not settings.MONDAY_API_TOKEN,
            "MONDAY_API_TOKEN is not set.",
            "Set MONDAY_API_TOKEN_FILE to a file that holds it; without it only --mode TEST runs.",
            "ordersite.W006",
        ),
    )
    return [checks.Warning(text, hint=hint, id=number) for odd, text, hint, number in found if odd]


def _open_to_others(path: Path) -> bool:
    """True where the file grants anything to others; systems without such rights (Windows) never do."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & stat.S_IRWXO)
    except OSError:
        return False
