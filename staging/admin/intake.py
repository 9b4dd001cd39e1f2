"""Order lists that people bring: read by a job, shown as what they would change, put in place once confirmed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from mapping.orders_table import INTAKE
from staging.core.lifecycle import NotAllowed
from staging.intake_jobs import ask_placing, ask_reading
from staging.lists.intake import MOST_BYTES, check_confirmable, usable
from staging.lists.list_rules import boards_of_intake
from staging.models import SyncRun
from staging.models.run import Kind

from .pills import run_pill
from .progress import progress_of

RIGHT = "staging.add_syncrun"
RECENT = 10


class ListForm(forms.Form):
    """The file; what it holds is judged by the job that reads it."""

    file = forms.FileField(
        label="File",
        max_length=200,
        help_text=f"CSV or XLSX, at most {MOST_BYTES // 1_000_000} MB: one heading row, then one order a row. "
        "Of an XLSX file the first sheet is read, and of its formulas the values that were saved with them.",
    )


def urls() -> list[URLPattern]:
    """The addresses of the intake."""
    wrap = admin.site.admin_view
    return [
        path("lists/", wrap(bring), name="staging_intake"),
        path("lists/<int:pk>/", wrap(preview), name="staging_intake_list"),
    ]


def bring(request: HttpRequest) -> HttpResponse:
    """GET asks for a file and shows the latest lists; POST keeps the file and asks for it to be read. 403 without
    the right to start runs."""
    _check(request)
    form = ListForm()
    if request.method == "POST":
        form = ListForm(request.POST, request.FILES)
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                run = ask_reading(called=file.name, pieces=file.chunks(), actor=request.user.get_username())
            except NotAllowed as refused:
                form.add_error("file", str(refused))
            else:
                return HttpResponseRedirect(reverse("admin:staging_intake_list", args=[run.pk]))
    lists = SyncRun.objects.filter(kind=Kind.INTAKE).order_by("-id")[:RECENT]
    context = _context(request, "Bring an order list", form=form, lists=[(run, run_pill(run)) for run in lists])
    return TemplateResponse(request, "staging/admin/intake.html", context)


def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows how far the reading is, then what the list would change, or how it was put in place; POST confirms."""
    _check(request)
    run = SyncRun.objects.filter(pk=pk, kind=Kind.INTAKE).first()
    if run is None:
        raise Http404(f"There is no list {pk}.")
    if request.method == "POST":
        try:
            placed = ask_placing(run, actor=request.user.get_username())
        except NotAllowed as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(reverse("admin:staging_intake_list", args=[pk]))
        return HttpResponseRedirect(reverse("admin:staging_intake_list", args=[placed.pk]))
    placing = "confirms" in run.scope
    context = _context(
        request,
        f"{'Putting in place' if placing else 'List'}: {run.scope.get('called', '')}",
        run=run,
        pill=run_pill(run),
        progress=progress_of(run, request.user),
        placing=placing,
        boards=boards_of_intake() if placing else [],
        why_not="" if placing else _why_not(run),
        **_numbers(run),
    )
    return TemplateResponse(request, "staging/admin/intake_list.html", context)


def _numbers(run: SyncRun) -> dict[str, int]:
    """How many rows a list that was read puts in place, and of the invalid ones how many those are."""
    invalid = run.counts.get("invalid", 0)
    # Of a list read by an earlier release none of them goes in place, nor of one that cannot be put there at all.
    kept_out = run.counts.get("kept_out", invalid) if usable(run) else invalid
    return {"taken": run.counts.get("rows", 0) - kept_out, "kept_out": kept_out, "unused": invalid - kept_out}


def _why_not(run: SyncRun) -> str:
    try:
        check_confirmable(run)
    except NotAllowed as refused:
        return str(refused)
    return ""


def _context(request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    shared = {**admin.site.each_context(request), "title": title, "opts": SyncRun._meta, "intake": INTAKE}
    return shared | more


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
