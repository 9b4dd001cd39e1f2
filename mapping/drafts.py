"""Drafts: texts that are kept and do not hold yet. A version is never edited; a newer draft retires the older one.

Every function that writes opens its own transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from .core.problems import Problem, errors
from .models import Document, Version, VersionState
from .publish import NotPublishable, Recorder, digest, document_for, publish, publishing_problems

__all__ = [
    "NotADraft",
    "Refused",
    "Saved",
    "discard_draft",
    "draft_problems",
    "open_drafts",
    "publish_draft",
    "publish_drafts",
    "save_draft",
    "save_draft_text",
]


class NotADraft(Exception):
    """The version is no draft any more: it was published or replaced. Remedy: open the document's newest draft."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a text: `version` holds it, and `new` is False where that version had been there before."""

    version: Version
    new: bool

    @property
    def holds(self) -> bool:
        """Whether the text is the one that is published."""
        return bool(self.version.state == VersionState.PUBLISHED)


def open_drafts(document: Document) -> list[Version]:
    """The document's drafts, the newest first."""
    return list(document.versions.filter(state=VersionState.DRAFT).order_by("-number"))


def save_draft(*, document: Document, text: str, actor: str, note: str, now: datetime) -> Saved:
    """Keep a text as the document's draft; the author's older draft is retired. Opens a transaction.

    Any text can be kept, sound or not. Saving the text that holds, or that is the newest draft, makes nothing new.
    """
    with transaction.atomic():
        # The lock lets one author in at a time, so that numbers cannot cross.
        list(Document.objects.select_for_update().filter(pk=document.pk).values_list("pk", flat=True))
        sha256 = digest(text)
        drafts = open_drafts(document)
        current = document.versions.published().first()
        for known in (*drafts[:1], *([current] if current else [])):
            if known.sha256 == sha256:
                return Saved(known, new=False)
        older = [draft.pk for draft in drafts if draft.author == actor]
        document.versions.filter(pk__in=older[:500], state=VersionState.DRAFT).update(state=VersionState.RETIRED)
        highest = document.versions.aggregate(highest=Max("number"))["highest"] or 0
        version = Version.objects.create(
            document=document,
            number=highest + 1,
            text=text,
            sha256=sha256,
            author=actor,
            note=note,
            state=VersionState.DRAFT,
            created_at=now,
        )
    return Saved(version, new=True)


def save_draft_text(*, text: str, actor: str, note: str, now: datetime) -> Saved:
    """Keep a sound text as the draft of the document that it belongs to, made where it is new. Opens a transaction.

    Raises NotPublishable where the text cannot be read as a document; then nothing is left behind.
    """
    with transaction.atomic():
        return save_draft(document=document_for(text), text=text, actor=actor, note=note, now=now)


def draft_problems(version: Version) -> tuple[Problem, ...]:
    """Everything that stands against publishing a draft now, warnings included."""
    return publishing_problems(version.document, version.text)


def publish_draft(*, version: Version, actor: str, note: str, now: datetime, record: Recorder) -> Version:
    """Make a draft's text the version that holds. Opens a transaction; the event of `record` commits with it.

    The draft itself is retired, so that its author stays readable beside the publisher's. Raises NotADraft, and
    NotPublishable where the text has an error or claims an alias of another customer; then nothing was written.
    """
    with transaction.atomic():
        _retire(version)
        reason = note or f"draft {version.number} by {version.author}: {version.note}".rstrip(": ")
        return publish(document=version.document, text=version.text, actor=actor, note=reason, now=now, record=record)


def discard_draft(*, version: Version) -> None:
    """Retire a draft that nobody wants; its text stays readable. Raises NotADraft."""
    _retire(version)


def _retire(version: Version) -> None:
    """Take the draft out of the open ones, once. Raises NotADraft."""
    drafts = Version.objects.filter(pk=version.pk, state=VersionState.DRAFT)
    if not drafts.update(state=VersionState.RETIRED):
        raise NotADraft(f"{version} is no draft any more. Remedy: open the document's newest draft.")


@dataclass(frozen=True, slots=True)
class Refused:
    """A draft that could not be published, with the reasons."""

    version: Version
    problems: tuple[Problem, ...]


def publish_drafts(
    *, versions: Sequence[Version], actor: str, now: datetime, record: Recorder
) -> tuple[Mapping[int, Version], tuple[Refused, ...]]:
    """Publish several drafts, each in a transaction of its own: by draft id what was published, and what was refused.

    A draft that another one of them must precede (an alias that moves on) is tried again after the others.
    """
    published: dict[int, Version] = {}
    waiting, refused = list(versions), tuple[Refused, ...]()
    while waiting:
        again: list[Refused] = []
        for version in waiting:
            try:
                published[version.pk] = publish_draft(version=version, actor=actor, note="", now=now, record=record)
            except NotPublishable as refusal:
                again.append(Refused(version, errors(refusal.problems)))
        refused = tuple(again)
        if len(again) == len(waiting):
            break
        waiting = [each.version for each in again]
    return published, refused
