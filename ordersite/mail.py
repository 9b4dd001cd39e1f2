"""The mail server from one address, as EMAIL_URL gives it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BACKENDS = {
    "smtp": "django.core.mail.backends.smtp.EmailBackend",
    "smtps": "django.core.mail.backends.smtp.EmailBackend",
    "file": "django.core.mail.backends.filebased.EmailBackend",
    "console": "django.core.mail.backends.console.EmailBackend",
}
PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in: `tls` from the first byte (smtps), `starttls` where a password goes over smtp."""

    backend: str
    host: str
    port: int
    user: str
    password: str
    tls: bool
    starttls: bool


def mail_server(address: str) -> MailServer:
    """The server at `smtp://user:password@host:587`, `smtps://...`, `file:` or `console:`.

    Raises ImproperlyConfigured for an address that cannot be read, without showing it.
    """
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise ImproperlyConfigured(_remedy()) from None
    if parts.scheme not in BACKENDS or (parts.scheme in PORTS and not parts.hostname):
        raise ImproperlyConfigured(_remedy())
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    starttls = parts.scheme == "smtp" and bool(password)
    return MailServer(
        BACKENDS[parts.scheme], parts.hostname or "", port, user, password, parts.scheme == "smtps", starttls
    )


def _remedy() -> str:
    return (
        "EMAIL_URL cannot be read. "
        "Remedy: smtp://user:password@host:587, smtps://user:password@host:465, file: or console:."
    )
