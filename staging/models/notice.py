"""Who is told of what, what they were told, and how each message went out."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from monday.fields import PayloadField

from .run import SyncRun


class Way(models.TextChoices):
    EMAIL = "email", "E-mail"
    TEAMS = "teams", "Teams (adaptive card)"
    SLACK = "slack", "Slack"
    WEBHOOK = "webhook", "Webhook (JSON, signed)"


class Passage(models.TextChoices):
    WAITING = "waiting", "Waiting"
    COLLECTED = "collected", "Waiting for the digest"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"


class Channel(models.Model):
    """Where messages go. `address` is a secret: who knows a webhook's address may write there.

    `secret` signs what a plain webhook gets. `events` are `core.events.Event`s. With `digest` they are collected and
    sent together.
    """

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Way.choices)
    address = models.TextField()
    secret = models.CharField(max_length=200, blank=True)
    events = PayloadField(default=list)
    digest = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    class Meta:
        verbose_name = "notification channel"

    def __str__(self) -> str:
        return self.name


class Standing(models.Model):
    """How something stood when it was last told of, so that a state that goes on is not told again.

    `mark` is "" while all is well.
    """

    topic = models.CharField(max_length=160, unique=True)
    mark = models.CharField(max_length=80, blank=True)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.topic


class Notice(models.Model):
    """One piece of news: `news` is `core.events.News`."""

    topic = models.CharField(max_length=160)
    title = models.CharField(max_length=255)
    news = PayloadField()
    run = models.ForeignKey(SyncRun, null=True, on_delete=models.SET_NULL, related_name="notices")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """One message on its way to a channel, or to the addresses in `recipients`. Written down before it leaves.

    `outcome` is what came of the last try, in words without any address.
    """

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, null=True, on_delete=models.CASCADE, related_name="deliveries")
    recipients = PayloadField(default=list)
    state = models.CharField(max_length=10, choices=Passage.choices, default=Passage.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [models.Index(fields=["state", "due_at"], name="delivery_by_state")]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"
