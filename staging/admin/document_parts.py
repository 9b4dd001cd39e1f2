"""What the screens of documents share: a document or a version by its address, the typed text, a version's pill."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.safestring import SafeString

from mapping.models import Document, Version, VersionState
from monday.screens import pill

from .numbers import DIGITS, number

LONGEST = 1_100_000  # characters that are read of a text: more than a document may have, so that it is refused as such
TONES = {VersionState.DRAFT: "wait", VersionState.PUBLISHED: "good", VersionState.RETIRED: "off"}


def need(request: HttpRequest, *rights: str) -> None:
    """403 for who has none of these rights."""
    if not any(request.user.has_perm(right) for right in rights):
        raise PermissionDenied


def found_document(word: str) -> Document:
    """The document with this id. Raises Http404."""
    document = Document.objects.filter(pk=number(word)).select_related("customer").first()
    if document is None:
        raise Http404(f"There is no document {word[:40]}.")
    return document


def found_version(key: int) -> Version:
    """The version with this id. Raises Http404."""
    versions = Version.objects.select_related("document__customer")
    version = versions.filter(pk=key).first() if key < 10**DIGITS else None
    if version is None:
        raise Http404(f"There is no version {key}.")
    return version


def version_of(document: Document, word: str) -> Version | None:
    """The version with this id where it is one of the document's."""
    return document.versions.filter(pk=number(word)).first()


def published_version(document: Document) -> Version | None:
    """The version that holds, None where there is none."""
    return document.versions.published().first()


def given(request: HttpRequest) -> str:
    """The text as it was typed, with the line ends of files."""
    return request.POST.get("text", "")[:LONGEST].replace("\r\n", "\n")


def version_pill(version: Version) -> SafeString:
    """Whether a version holds."""
    return pill(TONES[VersionState(version.state)], version.get_state_display())
