"""`worker`: the job workers of this host as a service, watched and started anew when they stall."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand

from ordersite import children
from ordersite.cluster import Cluster
from ordersite.supervisor import LOOK

FAREWELL = 45.0  # seconds for the piece in hand; a service manager should wait a little longer


class Command(BaseCommand):
    help = (
        "Work on jobs until stopped, on as many hosts as wanted over one database. Workers that claim no jobs any more "
        "are started anew, which bare qcluster does not do. Example: WORKERS=4 manage.py worker"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        cluster = Cluster(say=self._say)
        with children.Ending() as ending:
            try:
                cluster.start()
                if cluster.child:
                    self._say("Workers started (Ctrl-C ends them after the piece in hand).")
                while not ending.number:
                    time.sleep(LOOK)
                    cluster.look()
            finally:
                children.end([child for child in (cluster.child,) if child], seconds=FAREWELL)
        raise SystemExit(128 + ending.number)

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
