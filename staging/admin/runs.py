"""Runs: the list with its counts, and the page that watches one while it works."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from monday.models import ApiCall
from monday.screens import ReadOnly
from staging.batches.tally import counts_now
from staging.core.lifecycle import NotAllowed
from staging.models import SyncRun
from staging.models.run import Kind
from staging.running import runs
from staging.running.runs import ACTIVE

from . import adopt, exports, gone, intake, reports, run_log
from .numbers import number
from .pills import batch_pills, run_pill, run_words
from .progress import progress, progress_of
from .run_list import COUNTS, OfCustomer, RunColumns, WithChanges
from .run_picture import batches_of, meaning, orders_of, picture, pushes, trigger
from .start import start_sync


@admin.register(SyncRun)
class RunAdmin(RunColumns, ReadOnly):
    called = "Runs"
    list_display = (
        *("name", "pill", "asked_by", "started", "n_read", "n_unchanged", "n_new", "n_changed", "n_removed"),
        *("n_invalid", "n_applied", "n_rejected", "n_held"),
    )
    list_display_links = ("name",)
    list_filter = ("state", "kind", "mode", OfCustomer, "started_at", WithChanges)
    search_fields = ("=id", "=actor")
    search_help_text = "A run's number, or who asked for it"
    date_hierarchy = None
    change_list_template = "staging/admin/runs.html"
    exported = (
        *("id", "kind", "mode", "trigger", "actor", "state", "error", "subject"),
        *("started_at", "finished_at", *COUNTS),
    )
    ordering = ("-id",)

    def get_urls(self) -> list[URLPattern]:
        """With starting, watching and cancelling."""
        wrap = self.admin_site.admin_view
        return [
            path("start/", wrap(start_sync), name="staging_syncrun_start"),
            path("<int:pk>/progress/", wrap(progress), name="staging_syncrun_progress"),
            path("<int:pk>/live/", wrap(self.live), name="staging_syncrun_live"),
            path("<int:pk>/log/", wrap(self.log), name="staging_syncrun_log"),
            path("<int:pk>/cancel/", wrap(self.cancel), name="staging_syncrun_cancel"),
            *adopt.urls(),
            *reports.urls(),
            *gone.urls(),
            *exports.urls(),
            *intake.urls(),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        return super().get_queryset(request).filter(rehearsal=False)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with the counts of the page's runs as they stand now."""
        listed = super().get_changelist_instance(request)
        rows: list[Any] = list(listed.result_list)
        self.prepare(rows)
        listed.result_list = rows
        return listed

    def prepare(self, rows: list[Any]) -> None:
        """With the counts of these runs as they stand now."""
        counts = counts_now(rows)
        for run in rows:
            run.now = counts.get(run.pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One run: live while it works, afterwards with counts that add up."""
        run = self._found(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            **_live(run, request),
            **_rest(run),
            "title": f"{run.get_kind_display()} run {run.pk}",
            "opts": self.opts,
        }
        return TemplateResponse(request, "staging/admin/run.html", context)

    def live(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of a run's page that is asked for again every two seconds until the run has ended.

        The last answer brings the rest of the page along: loading all of it anew would take the focus away, and what a
        screen reader is told of the end.
        """
        run = self._found(request, str(pk))
        shown = _live(run, request)
        if shown["picture"].active:
            return TemplateResponse(request, "staging/admin/run_live.html", shown)
        return TemplateResponse(request, "staging/admin/run_ended.html", shown | _rest(run) | {"swapped": True})

    def log(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the run did, line by line."""
        run = self._found(request, str(pk))
        context = {
            **self.admin_site.each_context(request),
            **run_log.context(run, request),
            "title": f"Log of run {run.pk}",
            "opts": self.opts,
            "pill": run_pill(run),
            "progress": progress_of(run, request.user),
        }
        return TemplateResponse(request, "staging/admin/run_log.html", context)

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """GET shows what stopping means; POST asks the run to stop. 403 without the right to."""
        run = self._found(request, str(pk))
        if not request.user.has_perm("staging.change_syncrun"):
            raise PermissionDenied
        if request.method != "POST" and run.state not in ACTIVE:
            messages.info(request, f"{run} has ended already; nothing is left to stop.")
            return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[run.pk]))
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": f"Cancel run {run.pk}",
                "run": run,
                "pill": run_pill(run),
                "opts": self.opts,
            }
            return TemplateResponse(request, "staging/admin/cancel_run.html", context)
        try:
            runs.cancel(run, actor=request.user.get_username(), now=timezone.now())
            messages.success(request, f"Run {run.pk} was asked to stop.")
        except NotAllowed as refused:
            messages.error(request, str(refused))
        return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[run.pk]))

    def _found(self, request: HttpRequest, object_id: str) -> SyncRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = SyncRun.objects.filter(pk=number(object_id)).select_related("board").first()
        if run is None:
            raise Http404(f"There is no run {object_id}.")
        return run


def _rest(run: SyncRun) -> dict[str, Any]:
    return {
        "orders": orders_of(run),
        "calls": ApiCall.objects.filter(correlation=f"run:{run.pk}").order_by("-id")[:15],
    }


def _live(run: SyncRun, request: HttpRequest) -> dict[str, Any]:
    batches = batches_of(run)
    stand = batch_pills(batches)
    return {
        "run": run,
        "pill": run_pill(run),
        "stands": run_words(run),
        "trigger": trigger(run),
        "picture": picture(run),
        "batches": [(batch, stand[batch.pk]) for batch in batches],
        "pushes": [(push, run_pill(push)) for push in pushes(run)[:200]],
        "means": meaning(run),
        "progress": progress_of(run, request.user),
        "may_take": bool(run.result.get("file")) and run.kind == Kind.EXPORT and exports.may_take(request, run),
    }
