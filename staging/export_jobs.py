"""Asking for a long list as a file; `jobs` writes it."""

from __future__ import annotations

from django.utils import timezone

from .jobs import send
from .models import SyncRun
from .models.run import Kind
from .running import runs


def ask_export(*, label: str, query: str, form: str, user: int, actor: str) -> SyncRun:
    """Ask for the list `label` under this query as `form`. Raises NotAllowed while the same person's is under way."""
    now = timezone.now()
    run = runs.ask(
        kind=Kind.EXPORT,
        mode="",
        actor=actor,
        trigger="admin",
        subject=f"list:{label[:40]}:{user}",
        scope={"list": label, "query": query, "format": form, "user": user},
        mailed_at=now,  # whoever asked watches its page
        now=now,
    )
    send(run)
    return run
