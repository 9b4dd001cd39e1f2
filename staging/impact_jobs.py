"""Asking for what publishing a version would change; `jobs` does it."""

from __future__ import annotations

from django.utils import timezone

from mapping.models import Version
from monday.models import Environment

from .jobs import send
from .models import SyncRun
from .models.run import Kind, Mode
from .previews import impact
from .running import runs
from .wiring import boards_of


def ask_impact(version: Version, *, actor: str) -> SyncRun:
    """Ask for what publishing this version would change. Raises NotAllowed where that is being counted already."""
    real = any(board.environment == Environment.PRODUCTION for board in boards_of(version.document))
    now = timezone.now()
    run = runs.ask(
        kind=Kind.IMPACT,
        mode=Mode.PRODUCTION if real else Mode.TEST,
        actor=actor,
        trigger="admin",
        subject=impact.subject(version),
        scope={"version": version.pk},
        mailed_at=now,  # whoever asked watches it on the version's page, so no mail tells how it ended
        now=now,
    )
    send(run)
    return run
