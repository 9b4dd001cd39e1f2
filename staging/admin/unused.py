"""Rows that are not used, by customer: a workbook each, for whoever owns the source."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.http import content_disposition_header

from monday.models import Board
from staging.models import Seen
from staging.reports.unused import by_spelling
from staging.reports.unused_files import file_name, workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST = 20_000  # rows of a file that a page makes; larger ones are made by the command


def urls() -> list[URLPattern]:
    """The addresses of the page and its files."""
    wrap = admin.site.admin_view
    return [
        path("files/", wrap(files), name="staging_seen_files"),
        path("files/<int:board>.xlsx", wrap(file), name="staging_seen_file"),
    ]


def files(request: HttpRequest) -> HttpResponse:
    """Every customer with its rows and its file. 403 without the right to see them."""
    _check(request)
    boards = [(board, by_spelling(board)) for board in Board.objects.order_by("-id")]
    context = {
        **admin.site.each_context(request),
        "title": "Rows not used, by customer",
        "trail_title": "Rows not used",
        "opts": Seen._meta,
        "boards": [(board, found) for board, found in boards if found],
        "most": MOST,
    }
    return TemplateResponse(request, "staging/admin/unused_files.html", context)


def file(request: HttpRequest, board: int) -> HttpResponse:
    """One customer's rows as XLSX; `customer` is its name as the source spells it."""
    _check(request)
    found = Board.objects.filter(pk=board).first()
    name = request.GET.get("customer", "")
    rows = dict(by_spelling(found)).get(name, 0) if found else 0
    if found is None or not rows:
        raise Http404("There are no such rows.")
    if rows > MOST:
        words = f"{rows:,} rows are too many for a page. Remedy: python manage.py unused_rows --out DIR"
        return HttpResponse(words, status=400, content_type="text/plain; charset=utf-8")
    headers = {"Content-Disposition": content_disposition_header(True, file_name(name, set())) or "attachment"}
    return HttpResponse(workbook(found, name), content_type=XLSX, headers=headers)


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("staging.view_seen"):
        raise PermissionDenied
