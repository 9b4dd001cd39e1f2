"""Messages that leave later: what a page asks for, and the digests of a schedule. The queue's message is an id."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from .core.events import Event, News
from .models import Channel
from .notices import deliver

DELIVER = "staging.delivery_jobs.deliver_one"


def trial(channel: Channel, *, actor: str) -> int:
    """Write down a test message to a channel and ask for it to be sent now. Opens a transaction; returns its id."""
    now = timezone.now()
    lines = (f"{actor} asked for this test of the channel {channel.name}. Nothing has happened.",)
    news = News((Event.TEST,), "Test message from Ordersite", lines, (), now.isoformat(timespec="seconds"))
    with transaction.atomic():
        # A test of a digest's channel does not wait for the digest.
        at_once = Channel(pk=channel.pk, digest=False)
        (pk,) = deliver.record(news, topic=f"test:{channel.pk}", now=now, channels=[at_once])
        ask(pk)
    return pk


def ask(pk: int) -> None:
    """Put a message into the queue once the transaction at hand commits; the sweeper sends it should that be lost."""
    transaction.on_commit(partial(async_task, DELIVER, pk, task_name=f"delivery-{pk}", group="delivery"))


def deliver_one(pk: int) -> str:
    """What the queue calls: send one message, unless that was done already."""
    return "sent" if deliver.send([pk]) else "not sent; the delivery log tells why"


def digest(**_: Any) -> str:
    """What a schedule calls: send every channel's digest."""
    return f"digests: {deliver.send_digests(timezone.now())}"
