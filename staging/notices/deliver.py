"""Sends what is to be told: each message is written down first, sent outside of any transaction, and settled.

A message that gets no answer is tried again by the sweeper, later each time. One whose process died while it was being
sent may have arrived; it is sent again, under the same name.
"""

from __future__ import annotations

import json
import smtplib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.utils import timezone

from monday.token import redact
from staging.core.events import News, as_slack, as_teams, as_text, digest
from staging.models import Channel, Delivery, Notice, SyncRun
from staging.models.notice import Passage, Way

from . import webhook
from .webhook import Posted

LATER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
SILENT = timedelta(minutes=5)  # after which whoever was sending a message must be dead
AT_ONCE = 20  # messages that one sweep sends: none may wait for all of them
COLLECTED = 200  # messages of one digest
LONG = 120  # characters of a mail's subject
log = structlog.get_logger(__name__)


def record(
    news: News,
    *,
    topic: str,
    now: datetime,
    channels: Iterable[Channel] = (),
    recipients: Sequence[str] = (),
    run: SyncRun | None = None,
) -> list[int]:
    """Write down what is to be sent, to whom; the ids of what is due now. Requires an open transaction.

    `channels` get what they asked for, a digest's later; `recipients` are addresses that get a mail at once.
    """
    notice = Notice.objects.create(topic=topic[:160], title=news.title[:255], news=news.to_json(), run=run, at=now)
    due = []
    if recipients:
        due.append(Delivery.objects.create(notice=notice, recipients=list(recipients), due_at=now).pk)
    for channel in channels:
        state = Passage.COLLECTED if channel.digest else Passage.WAITING
        made = Delivery.objects.create(notice=notice, channel=channel, state=state, due_at=now)
        due += [] if channel.digest else [made.pk]
    return due


def send(ids: Iterable[int]) -> int:
    """Send these, unless somebody else does. Returns how many arrived; what failed is tried again later."""
    return sum(_send_one(pk) for pk in ids)


def send_due(now: datetime) -> int:
    """Send what waits, and what a dead process left in the middle. Returns how many arrived."""
    dead = Delivery.objects.filter(state=Passage.SENDING, began_at__lt=now - SILENT)
    dead.update(state=Passage.WAITING, outcome="its process died while it was being sent; it may have arrived")
    waiting = Delivery.objects.filter(state=Passage.WAITING, due_at__lte=now).order_by("due_at", "id")
    return send(list(waiting.values_list("pk", flat=True)[:AT_ONCE]))


def send_digests(now: datetime) -> int:
    """Send to every channel what was collected for it, as one message. Returns how many arrived."""
    arrived = 0
    for channel in Channel.objects.filter(active=True).order_by("id"):
        mine = Delivery.objects.filter(channel=channel, state=Passage.COLLECTED)
        ids = list(mine.order_by("id").values_list("pk", flat=True)[:COLLECTED])
        if not ids or mine.filter(pk__in=ids).update(**_begun(now)) != len(ids):
            continue
        found = Delivery.objects.filter(pk__in=ids).select_related("notice").order_by("id")
        news = digest([News.from_json(one.notice.news) for one in found], now.isoformat(timespec="seconds"))
        posted = _hand_over(channel, [], news, f"digest-{ids[0]}-{ids[-1]}")
        for delivery in found:
            _settle(delivery, posted, back=Passage.COLLECTED)
        arrived += posted.ok
    return arrived


def _send_one(pk: int) -> bool:
    claimed = Delivery.objects.filter(pk=pk, state=Passage.WAITING).update(**_begun(timezone.now()))
    if not claimed:
        return False
    delivery = Delivery.objects.select_related("notice", "channel").get(pk=pk)
    posted = _hand_over(delivery.channel, delivery.recipients, News.from_json(delivery.notice.news), str(pk))
    _settle(delivery, posted, back=Passage.WAITING)
    return posted.ok


def _begun(now: datetime) -> dict[str, object]:
    return {"state": Passage.SENDING, "attempts": F("attempts") + 1, "began_at": now}


def _hand_over(channel: Channel | None, recipients: Sequence[str], news: News, name: str) -> Posted:
    if channel is None:
        return _mail(list(recipients), news)
    if not channel.active:
        return Posted(False, False, "the channel is switched off")
    if channel.kind == Way.EMAIL:
        return _mail([one for one in channel.address.replace(",", " ").split() if one], news)
    shape = {Way.TEAMS: as_teams, Way.SLACK: as_slack, Way.WEBHOOK: News.to_json}[Way(channel.kind)]
    body = json.dumps(shape(news), ensure_ascii=False).encode()
    secret = channel.secret if channel.kind == Way.WEBHOOK else ""
    return webhook.post(channel.address, body, delivery=name, secret=secret)


def _mail(recipients: list[str], news: News) -> Posted:
    subject = " ".join(news.title.split())[:LONG]
    try:
        EmailMessage(f"[Ordersite] {subject}", as_text(news), to=recipients).send()
    except (OSError, smtplib.SMTPException, ValueError) as problem:
        log.warning("a mail could not be sent", why=redact(str(problem)))
        return Posted(False, True, f"the mail server did not take it ({type(problem).__name__})")
    return Posted(True, False, f"handed to the mail server for {len(recipients)}")


def _settle(delivery: Delivery, posted: Posted, *, back: Passage) -> None:
    """Write down how it went; what may work later waits for its next try."""
    now, tried = timezone.now(), delivery.attempts
    fields: dict[str, object] = {"outcome": posted.words[:255], "ended_at": now}
    if posted.ok:
        fields["state"] = Passage.SENT
    elif posted.again and tried <= len(LATER):
        fields |= {"state": back, "due_at": now + LATER[tried - 1]}
    else:
        fields["state"] = Passage.FAILED
    Delivery.objects.filter(pk=delivery.pk, state=Passage.SENDING).update(**fields)
    if not posted.ok:
        log.warning("a message could not be sent", delivery=delivery.pk, why=posted.words)


def anybody() -> list[Channel]:
    """The channels that are switched on."""
    return list(Channel.objects.filter(active=True).order_by("id"))


def mail_to() -> list[str]:
    """The addresses of NOTIFY_TO, which get every kind of news at once."""
    return list(settings.NOTIFY_TO)
