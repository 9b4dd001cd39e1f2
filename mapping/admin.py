"""Customers and the spellings of their names: they follow the published documents and are edited there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monday.screens import ReadOnly, link

from .models import Alias, Customer


@admin.register(Customer)
class CustomerAdmin(ReadOnly):
    list_display = ("name", "spellings", "document")
    search_fields = ("name", "aliases__text")
    search_help_text = "A name or one of its spellings"
    fields = readonly_fields = ("name", "spellings", "document")
    exported = ("id", "name")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("aliases", "documents")

    @admin.display(description="Spellings in the source")
    def spellings(self, customer: Customer) -> SafeString:
        texts = sorted(alias.text for alias in customer.aliases.all())
        return format_html(
            '<span class="chips">{}</span>', format_html_join("", '<span class="chip">{}</span>', ((t,) for t in texts))
        )

    @admin.display(description="Mapping")
    def document(self, customer: Customer) -> SafeString | str:
        found = next(iter(customer.documents.all()), None)
        return link(reverse("admin:mapping_document_change", args=[found.pk]), found.name) if found else "-"


@admin.register(Alias)
class AliasAdmin(ReadOnly):
    called = "Spellings of customers"
    list_display = ("text", "customer")
    list_select_related = ("customer",)
    search_fields = ("text", "customer__name")
    exported = ("id", "text", "customer__name")
    ordering = ("text",)
