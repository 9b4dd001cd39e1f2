"""Who signed in, who signed out and who tried to: as audit events."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone


@receiver(user_logged_in)
def signed_in(sender: object, request: HttpRequest | None, user: Any, **_: Any) -> None:
    """A person is in. Opens a transaction."""
    _tell("login", user.get_username(), request)


@receiver(user_logged_out)
def signed_out(sender: object, request: HttpRequest | None, user: Any, **_: Any) -> None:
    """A person is out; a session that ran out has no person any more. Opens a transaction."""
    if user is not None:
        _tell("logout", user.get_username(), request)


@receiver(user_login_failed)
def refused(sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Somebody was not let in. The name is what was typed; the password is nowhere. Opens a transaction."""
    _tell("login.failed", str(credentials.get("username") or ""), request)


def _tell(action: str, name: str, request: HttpRequest | None) -> None:
    from staging import audit

    from .lockout import address

    shown = name.replace("\x00", "")[:100] or "nobody"
    with transaction.atomic():
        audit.record(
            chain=audit.DECISIONS,
            actor=shown,
            action=action,
            subject=f"person:{shown}"[:60],
            now=timezone.now(),
            data={"address": address(request) if request is not None else ""},
        )
