"""Publishing a text after somebody has seen what it changes: the way of the editor, and that of a file.

What fails later is refused here with its line: the text is held against the boards and the source once more.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from mapping.core.problems import errors
from mapping.drafts import publish_draft
from mapping.impact import what_holds
from mapping.models import Document, Version, VersionState
from mapping.publish import NotPublishable, Recorder, digest, publish_text, revert
from mapping.vetting import Surroundings, document_of, vet

from .impact import standing

RIGHT, RIGHT_NEW = "mapping.change_document", "mapping.add_document"
"""Who may publish, and who may publish the first version of a document."""


class Overtaken(Exception):
    """Another version holds than the one that the text was made from; the message names it. Nothing was written."""


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
        _alone()
        _vetted(version.document, version.text, around)
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


def publish_file(
    *,
    text: str,
    base: int | None,
    holds: str,
    actor: str,
    note: str,
    now: datetime,
    record: Recorder,
    around: Surroundings,
) -> Version:
    """Make a file's text the version that holds; returns that version.

    `base` is the number of the version that the file was made from, None for the first of a document. `holds` is what
    was published when the changes were counted (`mapping.impact.what_holds`).
    Opens a transaction. Raises NotPublishable, Overtaken, and NotSeen where something was published since.
    """
    with transaction.atomic():
        _alone()
        document = document_of(text)
        check_base(document, text, base)
        _vetted(document, text, around)
        if holds != what_holds():
            raise NotSeen("Another document was published meanwhile. Remedy: publish again, to see what changes now.")
        return publish_text(text=text, actor=actor, note=note, now=now, record=record)


def check_base(document: Document, text: str, base: int | None) -> Version | None:
    """The version that holds, which this text may take the place of; None where there is none.

    Raises Overtaken where it is another one than `base`, unless it has this very text.
    """
    held = document.versions.published().first() if document.pk else None
    if held is None:
        if base is not None:
            raise Overtaken(f"No version of it holds, so the file was not made from version {base}. Leave out --base.")
        return None
    if base is None and held.sha256 != digest(text):
        raise Overtaken(f"{_told(held)}. Remedy: where the file was made from that one, say --base {held.number}.")
    if base not in (None, held.number) and held.sha256 != digest(text):
        raise Overtaken(
            f"The file was made from version {base}, and {_told(held)} since. Remedy: take over what that changed, "
            f"then say --base {held.number}."
        )
    return held


def _told(held: Version) -> str:
    return f"{held} by {held.author} holds"


def _alone() -> None:
    """Everything that is published locks these rows, so what is found now still holds when it is written."""
    list(Document.objects.select_for_update().order_by("pk").values_list("pk", flat=True))


def _vetted(document: Document, text: str, around: Surroundings) -> None:
    """Raises NotPublishable where an error stands against the text."""
    problems = errors(vet(document=document if document.pk else None, text=text, around=around))
    if problems:
        raise NotPublishable(problems)
