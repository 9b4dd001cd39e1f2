"""Signs of life of the workers."""

from __future__ import annotations

from django.db import models


class WorkerPulse(models.Model):
    """When a worker of this host last claimed a canary: a job that does nothing else than say so.

    `asked_at` is when this host sent the oldest canary that nobody has claimed yet. `at` is null until the first claim.
    """

    host = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.host} at {self.at:%Y-%m-%d %H:%M:%S}" if self.at else self.host
