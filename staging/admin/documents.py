"""Mapping documents: the list, and the addresses of the screens on which they are edited, looked at and published."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from mapping.models import Document, Version, VersionState
from monday.screens import ReadOnly, moment

from . import document_compare, document_editor, document_typing, document_version


@admin.register(Document)
class DocumentAdmin(ReadOnly):
    called = "Mapping documents"
    list_display = ("name", "kind", "customer", "version", "published", "drafts")
    list_filter = ("kind",)
    list_select_related = ("customer",)
    search_fields = ("name",)
    exported = ("id", "kind", "name", "board_key", "customer__name")
    change_list_template = "staging/admin/documents.html"
    ordering = ("kind", "name")

    def get_urls(self) -> list[URLPattern]:
        """With a new customer's document, what the editor asks for while somebody types, and one version."""
        wrap = self.admin_site.admin_view
        page = "version/<int:pk>/"
        return [
            path("new/", wrap(document_editor.new), name="mapping_document_new"),
            path("check/", wrap(document_typing.check_text), name="mapping_document_check"),
            path("words/", wrap(document_typing.words), name="mapping_document_words"),
            path("try/", wrap(document_typing.try_text), name="mapping_document_try"),
            path("<int:pk>/compare/", wrap(document_compare.compare), name="mapping_document_compare"),
            path(page, wrap(document_version.look), name="mapping_version_page"),
            path(f"{page}preview/", wrap(document_version.live), name="mapping_version_preview"),
            path(f"{page}count/", wrap(document_version.count), name="mapping_version_count"),
            path(f"{page}cancel/", wrap(document_version.cancel), name="mapping_version_cancel"),
            path(f"{page}discard/", wrap(document_version.discard), name="mapping_version_discard"),
            path(f"{page}publish/", wrap(document_version.publish), name="mapping_version_publish"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("versions")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The editor of one document, and its history."""
        return document_editor.edit(request, object_id)

    @admin.display(description="Published version")
    def version(self, document: Document) -> str:
        held = _published(document)
        return f"version {held.number} by {held.author}" if held else "none"

    @admin.display(description="Since")
    def published(self, document: Document) -> SafeString:
        held = _published(document)
        return moment(held.published_at if held else None)

    @admin.display(description="Drafts")
    def drafts(self, document: Document) -> str:
        held = [v for v in document.versions.all() if v.state == VersionState.DRAFT]
        return ", ".join(sorted({version.author for version in held}))


def _published(document: Document) -> Version | None:
    return next((version for version in document.versions.all() if version.state == VersionState.PUBLISHED), None)
