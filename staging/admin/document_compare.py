"""Two versions of a document side by side: what was typed, and what it means."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from mapping.diffs import between
from mapping.models import Document, Version

from .document_parts import found_document, need, published_version, version_of, version_pill

LINES = 4_000  # of the table; a longer one is cut, and the texts are there to be read


def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Any two versions of a document; without `from` the one that held before `to`, without `to` the one that holds."""
    need(request, "mapping.view_document")
    document = found_document(str(pk))
    after = _chosen(request, document, "to") or published_version(document)
    if after is None:
        raise Http404("Nothing of this document was published yet.")
    before = _chosen(request, document, "from") or held_before(after)
    versions = document.versions.order_by("-number")[:200]
    context = {
        **admin.site.each_context(request),
        "title": f"{document.name}: {f'{_named(before)} and ' if before else ''}version {after.number}",
        "opts": Document._meta,
        "document": document,
        "before": before,
        "after": after,
        "pills": [version_pill(version) for version in (before, after) if version],
        "versions": versions,
        "home": reverse("admin:mapping_document_change", args=[document.pk]),
        **side_by_side(before, after),
    }
    return TemplateResponse(request, "staging/admin/compare.html", context)


def side_by_side(before: Version | None, after: Version) -> dict[str, Any]:
    """What the page of two versions shows of their difference."""
    difference = between(before, after)
    rows = difference.excerpt()
    return {
        "difference": difference,
        "rows": rows[:LINES],
        "cut": len(rows) > LINES,
        "settings": (difference.settings or ())[:LINES],
        "old": {"name": _named(before), "text": before.text if before else ""},
        "new": {"name": _named(after), "text": after.text},
    }


def held_before(version: Version) -> Version | None:
    """The version that held when this one was published or begun; None for the first."""
    older = version.document.versions.filter(number__lt=version.number, published_at__isnull=False)
    return older.order_by("-number").first()


def _chosen(request: HttpRequest, document: Document, name: str) -> Version | None:
    number = request.GET.get(name, "")
    version = version_of(document, number)
    if number and version is None:
        raise Http404(f"{document.name} has no version with the id {number[:40]}.")
    return version


def _named(version: Version | None) -> str:
    return f"version {version.number}" if version else "nothing"
