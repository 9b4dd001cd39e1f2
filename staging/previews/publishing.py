"""Publishing a kept version, after somebody has seen what it changes: the way of the editor.

What fails later is refused here with its line: the text is held against the boards and the source once more.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from mapping.core.problems import errors
from mapping.drafts import publish_draft
from mapping.models import Document, Version, VersionState
from mapping.publish import NotPublishable, Recorder, revert
from mapping.vetting import Surroundings, vet

from .impact import standing


class NotSeen(Exception):
    """Nobody knows, or the page did not show, what publishing changes; the message says why. Nothing was written."""


def publish_version(
    *,
    version: Version,
    actor: str,
    note: str,
    now: datetime,
    record: Recorder,
    around: Surroundings,
    shown_run: int | None,
    unseen: bool,
) -> Version:
    """Make the text of a draft, or of an older version, the one that holds; returns the version that now does.

    `shown_run` is the preview that the page showed. `unseen` is the person's word that it may be published though the
    changes could not be counted; it counts only where that was tried.
    Opens a transaction. Raises NotPublishable, NotSeen, and NotADraft where the draft was published or replaced since.
    """
    with transaction.atomic():
        # Everything that is published locks these rows, so what is found here still holds when it is written.
        list(Document.objects.select_for_update().order_by("pk").values_list("pk", flat=True))
        problems = errors(vet(document=version.document, text=version.text, around=around))
        if problems:
            raise NotPublishable(problems)
        found = standing(version, now)
        if found.why_not and not (unseen and found.tried):
            raise NotSeen(found.why_not)
        if not found.why_not and found.run is not None and found.run.pk != shown_run and not unseen:
            raise NotSeen(
                "The changes were counted anew since this page was shown. Remedy: look at them, then publish."
            )
        if version.state == VersionState.DRAFT:
            return publish_draft(version=version, actor=actor, note=note, now=now, record=record)
        return revert(version=version, actor=actor, note=note, now=now, record=record)
