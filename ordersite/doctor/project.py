"""The settings: Django's own system checks and ours, and on a server those for deployment too."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core import checks

from .finding import Finding, Status, ok, problem

NAME = "settings"
ELSEWHERE = {"ordersite.W006"}  # the token has a line of its own
# On a server these open the door: what Django calls a warning is a problem there.
OPEN_DOORS = {
    "security.W009": "Set SECRET_KEY or SECRET_KEY_FILE to a long random text.",
    "security.W018": "Unset DEBUG.",
    "security.W020": "Set ALLOWED_HOSTS to the site's own name.",
    "ordersite.W004": "Set ALLOWED_HOSTS to the site's own name.",
}


EXAMPLE = "replace-"  # how the secrets of production.env.example begin, which everybody can read


def examine() -> Iterator[Finding]:
    """One finding for each message of the system checks, and for each secret that is still the example's."""
    messages = checks.run_checks(include_deployment_checks=settings.PRODUCTION)
    shown = [one for one in messages if one.id not in ELSEWHERE and not one.is_silenced()]
    for message in shown:
        serious = message.level >= checks.ERROR or message.id in OPEN_DOORS
        words = " ".join(str(message.msg).split())
        remedy = OPEN_DOORS.get(message.id or "") or message.hint or "python manage.py check --deploy explains it"
        status = Status.PROBLEM if serious else Status.WARNING
        yield Finding(NAME, status, f"{words} ({message.id})", " ".join(remedy.split()))
    left = [name for name, secret in _secrets().items() if str(secret).startswith(EXAMPLE)]
    for name in left:
        words = f"{name} still holds the example's text, which is no secret."
        yield problem(NAME, words, f"Set {name}, or leave it out where it is not needed.")
    if not shown and not left:
        kind = "a server" if settings.PRODUCTION else "this machine only (PRODUCTION is not set)"
        yield ok(NAME, f"They fit {kind}.")


def _secrets() -> dict[str, object]:
    """Those of the example, by the name of their setting; that of SECRET_KEY is refused at every start."""
    databases = {"DATABASE_URL": "default", "ORDERS_DATABASE_URL": "orders", "INTAKE_DATABASE_URL": "intake"}
    return {
        "METRICS_TOKEN": settings.METRICS_TOKEN,
        "MONDAY_API_TOKEN": settings.MONDAY_API_TOKEN,
        "EMAIL_URL": settings.EMAIL_HOST_PASSWORD,
        **{name: settings.DATABASES[alias].get("PASSWORD") for name, alias in databases.items()},
    }
