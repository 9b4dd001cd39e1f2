"""Whether anybody is told of what needs a person, and whether what they are told leads back here."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from staging.core.words import counted
from staging.models import Channel

from .finding import Finding, ok, warning

NAME = "notifications"
LOOPBACK = ("localhost", "127.0.0.1", "::1", None)
PATIENCE = 5.0  # seconds for the mail server to take a connection


def examine(*, online: bool) -> Iterator[Finding]:
    """One line where all is well, else a warning for each thing that is missing; `online` also calls the mail server.

    An installation that is no server's is not asked for a site's name: its mails are read where it runs.
    """
    channels = Channel.objects.filter(active=True).count()
    mails = bool(settings.NOTIFY_TO) or Channel.objects.filter(active=True, kind="email").exists()
    if not settings.NOTIFY_TO and not channels:
        words = "Nobody is told when a run fails, is refused or waits for an approval."
        remedy = "Set NOTIFY_TO and EMAIL_URL, or make a channel under Notifications and press its test."
        yield warning(NAME, words, remedy) if settings.PRODUCTION else ok(NAME, words)
        return
    odd = [
        warning(NAME, f"NOTIFY_TO names {text!r}, which is no address.", "Write addresses, parted by commas.")
        for text in settings.NOTIFY_TO
        if not _is_address(text)
    ]
    if settings.PRODUCTION and urlsplit(settings.SITE_URL).hostname in LOOPBACK:
        words = f"The links in what is sent lead to {settings.SITE_URL}, which nobody else can open."
        odd.append(warning(NAME, words, "Set SITE_URL to the address by which people open these pages."))
    if mails and online and settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        odd += _mail_server(settings.EMAIL_HOST, settings.EMAIL_PORT)
    yield from odd
    if not odd:
        told = f"{counted(len(settings.NOTIFY_TO), 'address', 'addresses')} and {counted(channels, 'channel')}"
        yield ok(NAME, f"What needs a person is told to {told}.")


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _mail_server(host: str, port: int) -> Iterator[Finding]:
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except OSError as refused:
        words = f"The mail server at {host}:{port} takes no connection ({refused.strerror or type(refused).__name__})."
        yield warning(NAME, words, "Check EMAIL_URL, and that this machine may reach that server.")
