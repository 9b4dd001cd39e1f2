"""The file of a list that a job wrote: handed out to whoever may see that list."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from monday.exports import TYPES
from staging.lists import kept_files
from staging.lists.exports import downloaded, screen_of
from staging.models import SyncRun
from staging.models.run import Kind


def urls() -> list[URLPattern]:
    """The address of a run's file."""
    return [path("<int:pk>/file/", admin.site.admin_view(file), name="staging_syncrun_file")]


def may_take(request: HttpRequest, run: SyncRun) -> bool:
    """Whether this person may see the list that the run wrote."""
    screen = screen_of(str(run.scope.get("list")))
    return screen is not None and bool(screen.has_view_permission(request))


def file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file. 403 without the right to see its list; a file that is gone is said on the run's page."""
    run = SyncRun.objects.filter(pk=pk, kind=Kind.EXPORT).first()
    if run is None:
        if not request.user.has_perm("staging.view_syncrun"):
            raise PermissionDenied
        raise Http404(f"Run {pk} wrote no list.")
    if not may_take(request, run):
        raise PermissionDenied
    name, form = str(run.result.get("file") or ""), str(run.scope.get("format"))
    try:
        opened = kept_files.place(name).open("rb") if name else None
    except OSError:
        opened = None
    if opened is None or form not in TYPES:
        messages.error(request, "The file is not here (any more). Remedy: export the list again.")
        return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[pk]))
    downloaded(run, actor=request.user.get_username())
    called = f"{run.scope['list'].rpartition('.')[2]}-{run.pk}.{form}"
    return FileResponse(opened, as_attachment=True, filename=called, content_type=TYPES[form])
