"""Mapping documents: edited as text, with problems at their lines; published with a note, and put back."""

from __future__ import annotations

import difflib
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mapping.core.document import Problem, is_customer, parse_board, parse_customer
from mapping.core.problems import errors
from mapping.models import Document, DocumentKind, Version, VersionState
from mapping.publish import AlreadyThere, NotPublishable, publish, publish_new, publishing_problems, revert
from monday.screens import ReadOnly, link, moment, pill
from staging.models import Snapshot, StagedOrder
from staging.wiring import recorder

LONGEST = 200_000  # characters of a document; a longer text is no mapping
TONES = {VersionState.DRAFT: "wait", VersionState.PUBLISHED: "good", VersionState.RETIRED: "off"}
NEW = """version: 1
customer: NEW CUSTOMER
aliases: []
"""


@admin.register(Document)
class DocumentAdmin(ReadOnly):
    called = "Mapping documents"
    list_display = ("name", "kind", "customer", "version", "published")
    list_filter = ("kind",)
    list_select_related = ("customer",)
    search_fields = ("name",)
    exported = ("id", "kind", "name", "board_key", "customer__name")
    change_list_template = "staging/admin/documents.html"
    ordering = ("kind", "name")

    def get_urls(self) -> list[URLPattern]:
        """With checking a text, a new customer's document, one version, and going back to it."""
        wrap = self.admin_site.admin_view
        return [
            path("new/", wrap(self.new), name="mapping_document_new"),
            path("check/", wrap(self.check_text), name="mapping_document_check"),
            path("version/<int:pk>/", wrap(self.version_view), name="mapping_version_page"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("versions")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The editor of one document, and its history. POST publishes the text."""
        document = _found(object_id)
        if not self.has_view_permission(request, document):
            raise PermissionDenied
        if request.method != "POST":
            return self._editor(request, document, _text(document), ())
        _need(request, "mapping.change_document")
        text, note = _given(request), request.POST.get("note", "").strip()[:2000]
        try:
            actor, now = request.user.get_username(), timezone.now()
            version = publish(document=document, text=text, actor=actor, note=note, now=now, record=recorder)
        except NotPublishable as refused:
            messages.error(request, "The text was not published: it has errors. Remedy: see the lines named below.")
            return self._editor(request, document, text, refused.problems)
        messages.success(request, f"{version} is published.")
        return HttpResponseRedirect(request.path)

    def new(self, request: HttpRequest) -> HttpResponse:
        """The editor of a document that does not exist yet; POST publishes it."""
        _need(request, "mapping.add_document")
        if request.method != "POST":
            return self._editor(request, None, NEW, ())
        text, note = _given(request), request.POST.get("note", "").strip()[:2000]
        try:
            actor, now = request.user.get_username(), timezone.now()
            version = publish_new(text=text, actor=actor, note=note, now=now, record=recorder)
        except AlreadyThere as there:
            page = reverse("admin:mapping_document_change", args=[there.document.pk])
            words = "{} Nothing was published. Remedy: edit {}."
            messages.error(request, format_html(words, str(there), link(page, there.document.name)))
            return self._editor(request, None, text, ())
        except NotPublishable as refused:
            return self._editor(request, None, text, refused.problems)
        messages.success(request, f"{version} is published.")
        return HttpResponseRedirect(reverse("admin:mapping_document_change", args=[version.document_id]))

    def check_text(self, request: HttpRequest) -> HttpResponse:
        """The problems of a text while it is typed, as a part of the page."""
        _need(request, "mapping.change_document")
        number, text = request.POST.get("document", ""), _given(request)
        document = _found(number) if number else None
        context = {"problems": _problems(document, text), "checked": True}
        return TemplateResponse(request, "staging/admin/problems.html", context)

    def version_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One version against the published one; POST publishes its text again."""
        version = Version.objects.filter(pk=pk).select_related("document__customer").first()
        if version is None:
            raise Http404(f"There is no version {pk}.")
        if not self.has_view_permission(request, version.document):
            raise PermissionDenied
        home = reverse("admin:mapping_document_change", args=[version.document_id])
        if request.method == "POST":
            _need(request, "mapping.change_document")
            return self._revert(request, version, home)
        context = {
            **self.admin_site.each_context(request),
            "title": str(version),
            "opts": self.opts,
            "version": version,
            "pill": version_pill(version),
            "diff": _diff(version.text, _text(version.document)),
            "may_publish": request.user.has_perm("mapping.change_document") and version.state != "published",
            "home": home,
        }
        return TemplateResponse(request, "staging/admin/version.html", context)

    def _revert(self, request: HttpRequest, version: Version, home: str) -> HttpResponse:
        note = request.POST.get("note", "").strip()[:2000]
        try:
            actor, now = request.user.get_username(), timezone.now()
            made = revert(version=version, actor=actor, note=note, now=now, record=recorder)
        except NotPublishable as refused:
            messages.error(request, f"It cannot be published any more: {refused}")
        else:
            messages.success(request, f"{made} holds now; its text is that of version {version.number}.")
        return HttpResponseRedirect(home)

    def _editor(
        self, request: HttpRequest, document: Document | None, text: str, found: tuple[Problem, ...]
    ) -> HttpResponse:
        history = list(document.versions.order_by("-number")[:50]) if document else []
        context = {
            **self.admin_site.each_context(request),
            "title": document.name if document else "New customer document",
            "opts": self.opts,
            "document": document,
            "text": text,
            "problems": found or _problems(document, text),
            "checked": bool(found),
            "reach": _reach(document) if document else "",
            "may_publish": request.user.has_perm("mapping.change_document"),
            "history": [(version, version_pill(version)) for version in history],
        }
        return TemplateResponse(request, "staging/admin/document.html", context)

    @admin.display(description="Published version")
    def version(self, document: Document) -> str:
        held = _published(document)
        return f"version {held.number} by {held.author}" if held else "none"

    @admin.display(description="Since")
    def published(self, document: Document) -> SafeString:
        held = _published(document)
        return moment(held.published_at if held else None)


def version_pill(version: Version) -> SafeString:
    """Whether a version holds."""
    return pill(TONES[VersionState(version.state)], version.get_state_display())


def _need(request: HttpRequest, right: str) -> None:
    if not request.user.has_perm(right):
        raise PermissionDenied


def _found(object_id: str) -> Document:
    known = object_id.isascii() and object_id.isdigit() and len(object_id) < 19
    document = Document.objects.filter(pk=object_id).select_related("customer").first() if known else None
    if document is None:
        raise Http404(f"There is no document {object_id}.")
    return document


def _given(request: HttpRequest) -> str:
    return request.POST.get("text", "")[:LONGEST].replace("\r\n", "\n")


def _published(document: Document) -> Version | None:
    return next((version for version in document.versions.all() if version.state == VersionState.PUBLISHED), None)


def _text(document: Document) -> str:
    held = _published(document)
    return held.text if held else ""


def _problems(document: Document | None, text: str) -> tuple[Problem, ...]:
    """Everything that stands against publishing, errors first."""
    if document is not None:
        found = publishing_problems(document, text)
    else:
        _, found = parse_customer(text) if is_customer(text) else parse_board(text)
    return (*errors(found), *(problem for problem in found if problem.severity == "warning"))


def _reach(document: Document) -> str:
    """How many orders a change of this document is rendered anew for, in one sentence."""
    linked, waiting = Snapshot.objects.all(), StagedOrder.objects.filter(state__in=["staged", "approved"])
    if document.kind == DocumentKind.CUSTOMER:
        linked = linked.filter(customer=document.customer)
        waiting = waiting.filter(batch__customer=document.customer)
    return (
        f"After publishing, the next sync renders {linked.count():,} linked orders again and stages those that differ; "
        f"{waiting.count():,} that wait or are approved are checked against it before anything goes out."
    )


def _diff(old: str, new: str) -> list[tuple[str, str]]:
    """(kind, line) of this version against the one that holds; kinds are same, gone, new and place."""
    kinds = {"-": "gone", "+": "new", "@": "place"}
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3))[2:]
    return [(kinds.get(line[:1], "same"), line) for line in lines]
