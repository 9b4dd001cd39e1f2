"""The settings: Django's own system checks and ours, and on a server those for deployment too."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core import checks

from .finding import Finding, Status, ok

NAME = "settings"
ELSEWHERE = {"ordersite.W006"}  # the token has a line of its own
# On a server these open the door: what Django calls a warning is a problem there.
OPEN_DOORS = {
    "security.W009": "Set SECRET_KEY or SECRET_KEY_FILE to a long random text.",
    "security.W018": "Unset DEBUG.",
    "security.W020": "Set ALLOWED_HOSTS to the site's own name.",
    "ordersite.W004": "Set ALLOWED_HOSTS to the site's own name.",
}


def examine() -> Iterator[Finding]:
    """One finding for each message of the system checks."""
    messages = checks.run_checks(include_deployment_checks=settings.PRODUCTION)
    shown = [one for one in messages if one.id not in ELSEWHERE and not one.is_silenced()]
    for message in shown:
        serious = message.level >= checks.ERROR or message.id in OPEN_DOORS
        words = " ".join(str(message.msg).split())
        remedy = OPEN_DOORS.get(message.id or "") or message.hint or "python manage.py check --deploy explains it"
        status = Status.PROBLEM if serious else Status.WARNING
        yield Finding(NAME, status, f"{words} ({message.id})", " ".join(remedy.split()))
    if not shown:
        kind = "a server" if settings.PRODUCTION else "this machine only (PRODUCTION is not set)"
        yield ok(NAME, f"They fit {kind}.")
