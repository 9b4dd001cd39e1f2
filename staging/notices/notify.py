"""What people are told of: a run that failed, one that left orders behind, batches that wait, a quota that is used up.

Everything is told once per change of state: what goes on being so is not told again, and that it has ended is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from monday.budgets import standing
from monday.models import Board
from monday.token import redact
from staging import audit
from staging.batches.describe import describe_all
from staging.core.events import Event, News
from staging.core.words import counted
from staging.models import Batch, Channel, SyncRun
from staging.models.notice import Standing
from staging.models.run import Kind, RunState

from . import deliver

WORTH_A_MAIL = (RunState.FAILED, RunState.REFUSED, RunState.WITH_ERRORS, RunState.WAITING)
BAD = {RunState.FAILED: Event.FAILED, RunState.REFUSED: Event.REFUSED, RunState.WITH_ERRORS: Event.ERRORS}
GOOD = (RunState.COMPLETED, RunState.WAITING)
DUE = timedelta(days=1)  # an older end is no news
LISTED = 50  # batches that one message names
LONG_WAIT = timedelta(minutes=10)  # for the account's limits; a shorter one is no news
QUOTA = "the day's calls are used up"


def ended(run_id: int) -> bool:
    """Tell how a run ended, once, where that is news; true where a message arrived.

    It is written down in one transaction with the mark on the run, and sent after it. A mail server or a webhook that
    does not answer is logged, tried again by the sweeper, and never fails the run.
    """
    channels = deliver.anybody()
    if not channels and not deliver.mail_to():
        return False
    ends = SyncRun.objects.filter(pk=run_id, state__in=(*BAD, *GOOD), mailed_at__isnull=True, rehearsal=False)
    run = ends.first()
    if run is None:
        return False
    now = timezone.now()
    with transaction.atomic():
        if not SyncRun.objects.filter(pk=run_id, mailed_at__isnull=True).update(mailed_at=now):
            return False
        waiting = _waiting(run, now)
        due = _tell(run, _events(run, waiting, now), waiting, channels, now)
    return deliver.send(due) > 0


def overdue(now: datetime) -> int:
    """Tell of runs that ended without a message because their process died. Returns how many arrived."""
    ends = SyncRun.objects.filter(state__in=WORTH_A_MAIL, mailed_at__isnull=True, finished_at__gte=now - DUE)
    return sum(ended(pk) for pk in ends.order_by("id").values_list("pk", flat=True)[:50])


def quota(now: datetime) -> int:
    """Tell where an account takes no more calls for a while, and when it does again. Returns how many arrived."""
    channels = deliver.anybody()
    if not channels and not deliver.mail_to():
        return 0
    due: list[int] = []
    accounts = Board.objects.values_list("address", "account_id", "environment").distinct().order_by("address")
    for address, account, environment in accounts:
        stands = standing(address, account)
        until = stands.waiting_until
        used_up = stands.left.left == 0 or (until is not None and until > datetime.now(UTC) + LONG_WAIT)
        topic = f"quota:{environment}:{account}"
        with transaction.atomic():
            before = _moved(topic, QUOTA if used_up else "", now)
            if before is None or not (used_up or before):
                continue
            event = Event.QUOTA if used_up else Event.RECOVERED
            resumes = f" Runs go on by themselves at {until:%H:%M} UTC." if until else ""
            lines = (
                f"{stands.calls:,} calls were made today by Ordersite.{resumes}"
                if used_up
                else "Runs that waited for it go on by themselves.",
            )
            word = "Quota exhausted" if used_up else "Recovered"
            title = f"{word} - monday.com takes {'no more' if used_up else ''} calls of account {account}"
            news = News((event,), " ".join(title.split()), lines, (_home(),), now.isoformat(timespec="seconds"))
            due += _record(news, topic, channels, now, None)
    return deliver.send(due)


def _events(run: SyncRun, waiting: Sequence[Batch], now: datetime) -> tuple[Event, ...]:
    """What is news of this end, the gravest first; empty where nothing has changed. Requires an open transaction."""
    events = []
    bad = BAD.get(RunState(run.state))
    # Whoever asked first has been told already.
    if not (bad and run.trigger == "sweeper") and not (not bad and _older(run)):
        before = _moved(_topic(run), _mark(run) if bad else "", now)
        if bad and before is not None:
            events += [bad, *([Event.REJECTED] if run.counts.get("rejected") else [])]
        elif before and before.startswith((RunState.FAILED, RunState.REFUSED)):
            events.append(Event.RECOVERED)
    return (*events, Event.WAITING) if waiting else tuple(events)


def _tell(
    run: SyncRun, events: tuple[Event, ...], waiting: Sequence[Batch], channels: Sequence[Channel], now: datetime
) -> list[int]:
    """Write down one message for all who are told the same; the ids of what is due now."""
    told: dict[tuple[Event, ...], list[Channel]] = {}
    for channel in channels:
        if heard := _heard(events, channel):
            told.setdefault(heard, []).append(channel)
    recipients = deliver.mail_to()
    if recipients and events:
        told.setdefault(events, [])
    due: list[int] = []
    for heard, group in told.items():
        news, mails = _news(run, heard, waiting, now), recipients if heard == events else ()
        due += deliver.record(news, topic=_topic(run), now=now, channels=group, recipients=mails, run=run)
    return due


def _heard(events: tuple[Event, ...], channel: Channel) -> tuple[Event, ...]:
    """What a channel is told of these events: all of them where it asked for one that went wrong, else its own."""
    mine = tuple(event for event in events if event in channel.events)
    return events if set(mine) - {Event.RECOVERED, Event.WAITING} else mine


def _news(run: SyncRun, events: tuple[Event, ...], waiting: Sequence[Batch], now: datetime) -> News:
    """The message about these events of a run's end."""
    title, lines = wording(run, waiting)
    if events == (Event.WAITING,):
        title = f"{RunState.WAITING.label} - {_found(run, waiting)}"
    elif events == (Event.RECOVERED,):
        title = f"Recovered - {what(run)}"
    elif events[0] == Event.RECOVERED:
        title = f"Recovered, and waiting for approval - {_found(run, waiting)}"
    links = (_home(), ("The run", _address("syncrun", run.pk)))
    return News(events, title, tuple(redact(line) for line in lines), links, now.isoformat(timespec="seconds"))


def _record(news: News, topic: str, channels: Sequence[Channel], now: datetime, run: SyncRun | None) -> list[int]:
    told = [channel for channel in channels if set(channel.events) & set(news.events)]
    recipients = deliver.mail_to()
    if not told and not recipients:
        return []
    return deliver.record(news, topic=topic, now=now, channels=told, recipients=recipients, run=run)


def _topic(run: SyncRun) -> str:
    """What a run's end says something about: the same words for the same work."""
    if run.kind != Kind.SYNC:
        return f"{run.kind}:{run.mode}:{run.subject}"
    asked = [str(run.scope.get(name) or "") for name in ("board", "customer", "po_number")]
    return f"sync:{run.mode}:{':'.join(asked)}"[:160]


def _mark(run: SyncRun) -> str:
    """How bad it is, so that the same again is the same: numbers in a sentence move without meaning another cause."""
    if run.state == RunState.WITH_ERRORS:
        if run.kind == Kind.SYNC and run.counts.get("rejected"):
            return f"{run.state}:run {run.pk}"  # each sync counts what it has staged itself
        return f"{run.state}:{run.counts.get('rejected', 0)}:{run.counts.get('kept', 0)}"
    cause = run.error if run.kind == Kind.AUDIT else re.sub(r"\d+", "", run.error)  # another chain is another cause
    return f"{run.state}:{hashlib.sha256(cause.encode()).hexdigest()[:16]}"


def _older(run: SyncRun) -> bool:
    """Whether something that ended later was told already: then a good end told late is no recovery from that."""
    at = run.finished_at
    return at is not None and Standing.objects.filter(topic=_topic(run), since__gt=at).exists()


def _moved(topic: str, mark: str, now: datetime) -> str | None:
    """Remember how this stands now: the mark before ("" where all was well), None where it stood so already."""
    row = Standing.objects.filter(topic=topic).first()
    if row is None:
        try:
            with transaction.atomic():
                Standing.objects.create(topic=topic, mark=mark, since=now)
        except IntegrityError:
            return None  # somebody else is telling it at this moment
        return "" if mark else None
    if row.mark == mark:
        return None
    moved = Standing.objects.filter(topic=topic, mark=row.mark).update(mark=mark, since=now)
    return row.mark if moved else None


def _waiting(run: SyncRun, now: datetime) -> list[Batch]:
    """The batches of a sync's board that wait for approval and that nobody was told of; they are marked as told.

    Also those of a sync whose process died: the one after it opens them, and may end as completed.
    """
    if run.kind != Kind.SYNC or run.board_id is None or run.state not in (*BAD, *GOOD):
        return []
    untold = Batch.objects.waiting().filter(board=run.board_id, told_at__isnull=True)
    batches = untold.select_related("customer").order_by("id")
    return [
        batch for batch in list(batches) if Batch.objects.filter(pk=batch.pk, told_at__isnull=True).update(told_at=now)
    ]


def what(run: SyncRun) -> str:
    """A run in a few words: "Sync run 7", "Push of batch 12 - HARBOUR"."""
    if run.kind in (Kind.PUSH, Kind.UNDO):
        batch = Batch.objects.select_related("customer").get(pk=run.scope["batch"])
        return f"{run.get_kind_display()} of batch {batch.pk} - {batch.customer.name}"
    return f"{run.get_kind_display()} run {run.pk}"


def wording(run: SyncRun, waiting: Sequence[Batch] = ()) -> tuple[str, list[str]]:
    """Title and paragraphs about a run; `waiting` are the batches that they are the first to name."""
    named, state = what(run), RunState(run.state)
    lines = [run.error] if run.error else []
    if run.kind in (Kind.PUSH, Kind.UNDO):
        lines += [_address("batch", run.scope["batch"])]
    if waiting and state in GOOD:
        named, state = _found(run, waiting), RunState.WAITING
    if waiting:
        lines += [f"{counted(len(waiting), 'batch waits', 'batches wait')} for approval:"]
    lines += [
        f"Batch {one.id} - {one.customer}: {one.holds} {_address('batch', one.id)}"
        for one in describe_all(waiting[:LISTED])
    ]
    if len(waiting) > LISTED:
        lines += [f"and {len(waiting) - LISTED:,} more: {settings.SITE_URL}{reverse('admin:staging_batch_changelist')}"]
    counts = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in run.counts.items() if number)
    lines += [f"{counts}."] if counts else []
    lines += [str(note) for note in run.notes[:20]]
    return f"{state.label} - {named}", [*lines, audit.words(audit.heads())]


def _found(run: SyncRun, waiting: Sequence[Batch]) -> str:
    """How many batches wait, and whose: "2 batches of run 7"."""
    whose = "of" if run.state == RunState.WAITING else "found by"
    return f"{counted(len(waiting), 'batch', 'batches')} {whose} run {run.pk}"


def _home() -> tuple[str, str]:
    return "Today", f"{settings.SITE_URL}{reverse('admin:index')}"


def _address(model: str, pk: int) -> str:
    return f"{settings.SITE_URL}{reverse(f'admin:staging_{model}_change', args=[pk])}"
