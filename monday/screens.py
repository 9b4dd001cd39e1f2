"""How admin screens show things: pills, moments, lists that stay quick on large tables, and their export.

A pill is a word with an icon and a colour, so that it is understood without the colour. Nothing here carries a style
attribute or a script: the pages' policy forbids both.
"""

from __future__ import annotations

import io
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .exports import TYPES, lines, resource_of, write

ICONS = {
    "good": "✓",
    "bad": "✕",
    "warn": "!",
    "busy": "↻",
    "wait": "◔",
    "off": "–",
    "back": "↩",
    "add": "+",
    "edit": "✎",
    "take": "−",
}
COUNTED = 10_000  # rows beyond which a list says "more than"


def pill(tone: str, word: str) -> SafeString:
    """A word with its icon; `tone` is one of ICONS."""
    return format_html(
        '<span class="pill pill-{}"><span class="pill-icon" aria-hidden="true">{}</span>{}</span>',
        tone,
        ICONS[tone],
        word,
    )


def moment(at: datetime | None) -> SafeString:
    """A time as people say it, with the exact one on hover; a dash where there is none."""
    if at is None:
        return format_html('<span class="quiet">{}</span>', "-")
    at = at.astimezone(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}", naturaltime(at)
    )


def seconds(value: float | None) -> str:
    """A duration: "0.4 s", "2 min 5 s", "1 h 3 min"."""
    if value is None:
        return "-"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def link(url: str, text: object) -> SafeString:
    """A link; both parts are escaped."""
    return format_html('<a href="{}">{}</a>', url, text)


class QuickPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than COUNTED rows, since counting a large table takes longer than showing a page of it."""

    @cached_property
    def count(self) -> int:
        """The number of rows, COUNTED + 1 where there are more."""
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by().values("pk")[: COUNTED + 1].count()
        return len(rows)

    def page(self, number: Any) -> Any:
        """A page by the keys of its rows: whatever is sorted to find them is narrow, and only they are read whole."""
        shown = super().page(number)
        if isinstance(shown.object_list, QuerySet) and isinstance(self.object_list, QuerySet):
            keys = list(shown.object_list.values_list("pk", flat=True))
            shown.object_list = self.object_list.filter(pk__in=keys)
        return shown


class Occurring(admin.AllValuesFieldListFilter):
    """A filter by the values that occur in an indexed column, found by steps along its index and not by reading all."""

    MOST = 60

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: type[Model], model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        name = field_path
        values: list[Any] = []
        rows = model._default_manager.order_by(name).values_list(name, flat=True)
        found = list(rows[:1])
        while found and len(values) < self.MOST:
            values += found
            found = list(rows.filter(**{f"{name}__gt": values[-1]})[:1])
        self.lookup_choices = values  # type: ignore[assignment]


class Listed(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that stays quick, and may be exported as CSV or XLSX with the filters that are set.

    `called` is the list's title; `exported` names the columns of the export, none where it is empty: fields of the
    model (also of what it points to) or methods of the screen.
    """

    called = ""

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = QuickPaginator
    exported: tuple[str, ...] = ()
    change_list_template = "monday/list.html"

    def get_urls(self) -> list[URLPattern]:
        """The addresses of this screen, with its export."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with the links of its export."""
        shown = {
            "title": self.called or str(self.opts.verbose_name_plural).capitalize(),
            "export_formats": list(TYPES) if self.exported else [],
            **(extra_context or {}),
        }
        return super().changelist_view(request, shown)

    def export(self, request: HttpRequest) -> HttpResponse:
        """The list as a file, with the filters of the page that asked for it; a long list is offered as a job.

        POST asks for that job. 403 without the right to see the list.
        """
        if not self.exported or not self.has_view_permission(request):
            raise PermissionDenied
        query = request.GET.copy()
        form = str(query.pop("format", ["csv"])[-1])
        if form not in TYPES:
            sentence = f"There is no such export. Remedy: ask for {' or '.join(TYPES)}, by the links above the list."
            context = {**self.admin_site.each_context(request), "title": "This cannot be shown", "sentence": sentence}
            return render(request, "monday/refused.html", context, status=400)
        try:
            rows = self.export_rows(request, query)
            long = rows.order_by().values("pk")[: settings.EXPORT_ROWS + 1].count() > settings.EXPORT_ROWS
        except (IncorrectLookupParameters, DisallowedModelAdminLookup):
            messages.error(
                request, "The filter in the address cannot be read. Remedy: filter the list, then export it."
            )
            return HttpResponseRedirect("../")
        site: Any = self.admin_site
        if long and request.method == "POST":
            return HttpResponseRedirect(site.long_list(request, self.opts.label_lower, query.urlencode(), form))
        if long:
            return self._offer(request, query, form)
        file = io.BytesIO()
        written = write(file, form, lines(self, rows))
        site.list_taken(request, self.opts.label_lower, query.urlencode(), form, written)
        name = f"{self.opts.model_name}-{timezone.now():%Y%m%d-%H%M}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(file.getvalue(), content_type=TYPES[form], headers=headers)

    def export_rows(self, request: HttpRequest, query: QueryDict) -> QuerySet[Any]:
        """The rows that the list shows under this query. Raises what a list raises for a filter it cannot read."""
        request.GET = query  # type: ignore[assignment]
        return self.get_changelist_instance(request).get_queryset(request).order_by("-pk")

    def _offer(self, request: HttpRequest, query: QueryDict, form: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Export as a job",
            "list_title": self.called or str(self.opts.verbose_name_plural).capitalize(),
            "opts": self.opts,
            "most": settings.EXPORT_ROWS,
            "form": form,
            "query": query.urlencode(),
        }
        return TemplateResponse(request, "monday/export.html", context)

    def export_resource(self) -> Any:
        """What makes the rows of an export."""
        return resource_of(self)

    def prepare(self, rows: list[Any]) -> None:
        """What the columns of these rows need, asked for all of them at once; called by page of an export."""


class ReadOnly(Listed):
    """A list of what happened: nobody adds, changes or deletes here. `one` is what a single record is called."""

    change_form_template = "monday/record.html"
    one = ""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One record, named by its list."""
        title = self.one or str(self.opts.verbose_name).capitalize()
        shown = {"title": title, "list_title": self.called, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, shown)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Nothing is changed here, so the stock history would say that there is none: the record's page tells it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect("../change/")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
