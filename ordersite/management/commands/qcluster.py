"""`qcluster`: the queue's own, whose workers give a long push back when they are asked to end."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from django.core.management.base import CommandError
from django_q.management.commands import qcluster

from staging.running import ending


class Command(qcluster.Command):  # type: ignore[misc]
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            super().handle(*args, **options)
        except RuntimeError as failed:  # its guard ended at once; what it said of that stands above
            raise CommandError(f"{failed}. Remedy: python manage.py doctor", returncode=1) from None
        for number in (signal.SIGINT, signal.SIGTERM):
            _announce(number)


def _announce(number: signal.Signals) -> None:
    """Tell the workers of a signal before the cluster waits for them, which takes as long as the job in hand."""
    cluster = signal.getsignal(number)

    def asked(received: int, frame: FrameType | None) -> None:
        ending.ask()
        if callable(cluster):
            cluster(received, frame)

    signal.signal(number, asked)
