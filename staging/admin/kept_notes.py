"""What a person wrote beside a decision that was refused: kept by the server until that decision is taken.

Whoever has to look again, or to run a sync first, then finds it in its field.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest

from staging.models import Batch

from .decisions import WORDS

KEY = "notes"
MOST = 20  # notes that are kept for one person; the one left alone longest goes first
UNWRITTEN = ("withdraw", "push", "release")
"""Actions whose confirm page asks for no words."""


def keep_note(request: HttpRequest, action: str, batch: Batch, text: str) -> str:
    """Remember what the person wrote for a decision on the batch that was refused. A sentence that says so, to stand
    behind the reason; "" where there is nothing to remember."""
    if not text or action in UNWRITTEN:
        return ""
    kept = _kept(request)
    kept.pop(_name(action, batch), None)
    kept[_name(action, batch)] = text
    request.session[KEY] = dict(list(kept.items())[-MOST:])
    return f' What you wrote is kept: it stands in its field when you open "{WORDS[action][0]}" again.'


def forget_note(request: HttpRequest, action: str, batch: Batch) -> None:
    """The decision was taken, so that nothing has to be written again."""
    kept = _kept(request)
    if kept.pop(_name(action, batch), None):
        request.session[KEY] = kept


def kept_note(request: HttpRequest, action: str, batches: Iterable[Batch]) -> str:
    """What the person wrote when this decision on one of these batches was refused, else ""."""
    kept = _kept(request)
    return next((text for batch in batches if (text := kept.get(_name(action, batch)))), "")


def _kept(request: HttpRequest) -> dict[str, str]:
    return dict(request.session.get(KEY, {}))


def _name(action: str, batch: Batch) -> str:
    return f"{action} {batch.pk}"
