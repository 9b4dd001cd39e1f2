"""Mails about runs that need a person: one that failed, one that left orders behind, one whose batches wait."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from . import audit
from .core.lifecycle import BatchState, OrderState
from .core.words import counted
from .models import Batch, StagedOrder, SyncRun
from .models.run import Kind, RunState

WORTH_A_MAIL = (RunState.FAILED, RunState.REFUSED, RunState.WITH_ERRORS, RunState.WAITING)
DUE = timedelta(days=1)  # an older end is no news
LISTED = 50  # batches that one mail names
log = structlog.get_logger(__name__)


def ended(run_id: int) -> bool:
    """Send the mail about how a run ended, once, where it is worth one; true where it left.

    A batch that waits for approval is told of once: a later run that only finds it still waiting sends nothing. A mail
    server that does not answer is logged and never fails the run.
    """
    if not settings.NOTIFY_TO:
        return False
    ends = SyncRun.objects.filter(pk=run_id, state__in=WORTH_A_MAIL, mailed_at__isnull=True)
    run = ends.exclude(trigger="sweeper").first()  # whoever asked first has had a mail already
    # Marked before it leaves: two processes send one mail, and a mail is lost rather than sent twice.
    if run is None or not SyncRun.objects.filter(pk=run_id, mailed_at__isnull=True).update(mailed_at=timezone.now()):
        return False
    waiting = _waiting(run)
    if run.state == RunState.WAITING and not waiting:
        return False
    subject, body = wording(run, waiting)
    try:
        EmailMessage(f"[Ordersite] {subject}", body, to=settings.NOTIFY_TO).send()
    except (OSError, smtplib.SMTPException) as problem:
        log.warning("a mail could not be sent", run=run_id, why=str(problem))
        return False
    return True


def _waiting(run: SyncRun) -> list[Batch]:
    """The batches of a sync's board that wait for approval and that no mail has named yet; they are marked as told."""
    if run.kind != Kind.SYNC or run.board_id is None or run.rehearsal:
        return []
    untold = Batch.objects.filter(board=run.board_id, state=BatchState.OPEN, told_at__isnull=True)
    staged = StagedOrder.objects.filter(batch__state=BatchState.OPEN, state=OrderState.STAGED)
    batches = untold.filter(pk__in=staged.values("batch")).select_related("customer").order_by("id")
    now = timezone.now()
    return [
        batch for batch in list(batches) if Batch.objects.filter(pk=batch.pk, told_at__isnull=True).update(told_at=now)
    ]


def overdue(now: datetime) -> int:
    """Send the mails of runs that ended without one because their process died. Returns how many left."""
    ends = SyncRun.objects.filter(state__in=WORTH_A_MAIL, mailed_at__isnull=True, finished_at__gte=now - DUE)
    return sum(ended(pk) for pk in ends.values_list("pk", flat=True)[:50])


def wording(run: SyncRun, waiting: Sequence[Batch] = ()) -> tuple[str, str]:
    """Subject and body of the mail about a run; `waiting` are the batches that it is the first to name."""
    what = f"{run.get_kind_display()} run {run.pk}"
    lines = [run.error] if run.error else []
    if run.kind in (Kind.PUSH, Kind.UNDO):
        batch = Batch.objects.select_related("customer").get(pk=run.scope["batch"])
        what = f"{run.get_kind_display()} of batch {batch.pk} - {batch.customer.name}"
        lines += [_link("batch", batch.pk)]
    if run.state == RunState.WAITING:
        what = f"{counted(len(waiting), 'batch', 'batches')} of run {run.pk}"
    elif waiting:
        lines += [f"{counted(len(waiting), 'batch waits', 'batches wait')} for approval:"]
    lines += [
        f"Batch {b.pk} - {b.customer.name}: {counted(b.orders.count(), 'change')} {_link('batch', b.pk)}"
        for b in waiting[:LISTED]
    ]
    if len(waiting) > LISTED:
        lines += [f"and {len(waiting) - LISTED:,} more: {settings.SITE_URL}{reverse('admin:staging_batch_changelist')}"]
    counts = ", ".join(f"{number:,} {name}" for name, number in run.counts.items() if number)
    lines += [f"{counts}."] if counts else []
    lines += [*run.notes[:20], _link("syncrun", run.pk), audit.words(audit.heads())]
    return f"{run.get_state_display()} - {what}", "\n\n".join(line for line in lines if line)


def _link(model: str, pk: int) -> str:
    return f"{settings.SITE_URL}{reverse(f'admin:staging_{model}_change', args=[pk])}"
