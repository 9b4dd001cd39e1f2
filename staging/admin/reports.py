"""The report of a run: taken home from its page in each form, and sent by mail."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from staging.delivery_jobs import ask
from staging.models import SyncRun
from staging.reports.report_files import FORMS, file_name
from staging.reports.reports_by_mail import record_report
from staging.reports.run_report import run_report


def urls() -> list[URLPattern]:
    """The addresses of a run's report."""
    wrap = admin.site.admin_view
    return [
        path("<int:pk>/report.<str:form>", wrap(report_file), name="staging_syncrun_report"),
        path("<int:pk>/report/mail/", wrap(mail_report), name="staging_syncrun_report_mail"),
    ]


def report_file(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """The report as a file. 403 without the right to see runs."""
    run = _found(request, pk)
    if form not in FORMS:
        raise Http404(f"There is no report as {form}.")
    make, kind = FORMS[form]
    report = run_report(run, now=timezone.now())
    headers = {"Content-Disposition": f'attachment; filename="{file_name(report, form)}"'}
    return HttpResponse(make(report), content_type=kind, headers=headers)


def mail_report(request: HttpRequest, pk: int) -> HttpResponse:
    """POST sends the report to whoever asks, or where they have no address to NOTIFY_TO. 403 as for the file."""
    run = _found(request, pk)
    home = HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[pk]))
    if request.method != "POST":
        return home
    own = str(getattr(request.user, "email", ""))
    recipients = [own] if own else list(settings.NOTIFY_TO)
    if not recipients:
        messages.error(request, "You have no mail address here. Remedy: an administrator enters one under People.")
        return home
    with transaction.atomic():
        ask(record_report(run_report(run, now=timezone.now()), recipients, now=timezone.now()))
    messages.success(request, f"The report is on its way to {', '.join(recipients)}.")
    return home


def _found(request: HttpRequest, pk: int) -> SyncRun:
    if not request.user.has_perm("staging.view_syncrun"):
        raise PermissionDenied
    run = SyncRun.objects.filter(pk=pk, rehearsal=False).select_related("board").first()
    if run is None:
        raise Http404(f"There is no run {pk}.")
    return run
