"""The report of a run on its way to somebody's mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from staging.core.events import Event, News
from staging.notices import deliver

from .report_files import as_text
from .run_report import RunReport, summary


def record_report(report: RunReport, recipients: Sequence[str], *, now: datetime) -> int:
    """Write down a mail with this report; the id of the message that is to be sent. Opens a transaction."""
    page = f"{settings.SITE_URL}{reverse('admin:staging_syncrun_change', args=[report.run.pk])}"
    links = (("The run, and this report as HTML and CSV", page),)
    news = News((Event.REPORT,), summary(report), (as_text(report),), links, now.isoformat(timespec="seconds"))
    with transaction.atomic():
        topic = f"report:{report.run.pk}"
        (pk,) = deliver.record(news, topic=topic, now=now, recipients=recipients, run=report.run)
    return pk
