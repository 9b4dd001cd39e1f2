"""Signs of life of the workers."""

from __future__ import annotations

from django.db import models


class WorkerPulse(models.Model):
    """When a worker of this host last claimed a canary: a job that does nothing else than say so."""

    host = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.host} at {self.at:%Y-%m-%d %H:%M:%S}"
