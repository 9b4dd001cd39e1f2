"""The installation's figures for Prometheus, read from the app database when they are asked for.

Every process of every host shows the same, so scraping one web host is enough. Names and labels are kept stable: alerts
hang on them. Times are seconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Count, Min, Sum
from django.utils import timezone
from django_q.models import OrmQ
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monday.budgets import standing
from monday.models import Board
from staging.core.lifecycle import BatchState, OrderState
from staging.models import Batch, Seen, StagedOrder, SyncRun
from staging.models.run import Kind, RunState

from .watchdog import workers

ACTIVE = (RunState.QUEUED, RunState.RUNNING)


def exposition() -> tuple[bytes, str]:
    """All figures as text, and its content type. Counting queries over indexed states only; raises DatabaseError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures())
    return generate_latest(registry), CONTENT_TYPE_LATEST


class Figures(Collector):
    """Reads the figures of this moment."""

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering reads no table."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        yield _by_state("ordersite_batches", "Batches by state.", Batch, [str(state) for state in BatchState])
        yield _by_state("ordersite_staged_orders", "Staged orders by state.", StagedOrder, [str(s) for s in OrderState])
        yield _unused()
        yield from _runs()
        yield from _last_sync()
        yield from _calls()
        yield from _jobs()


def _by_state(name: str, words: str, model: type[Batch] | type[StagedOrder], states: list[str]) -> Metric:
    """A number for every state, also where it is 0, so that an alert never looks at nothing."""
    found = dict(model.objects.values_list("state").annotate(n=Count("id")).order_by())
    family = GaugeMetricFamily(name, words, labels=["state"])
    for state in states:
        family.add_metric([state], found.get(state, 0))
    return family


def _unused() -> Metric:
    family = GaugeMetricFamily("ordersite_unused_rows", "Rows of the source that cannot be used.", labels=["verdict"])
    for verdict, number in Seen.objects.values_list("verdict").annotate(n=Sum("rows")).order_by():
        family.add_metric([verdict], number)
    return family


def _runs() -> Iterator[Metric]:
    shown = SyncRun.objects.filter(rehearsal=False)
    family = GaugeMetricFamily("ordersite_runs", "Runs that are kept, by kind and state.", labels=["kind", "state"])
    for kind, state, number in shown.values_list("kind", "state").annotate(n=Count("id")).order_by():
        family.add_metric([kind, state], number)
    yield family
    oldest = shown.filter(state=RunState.QUEUED).aggregate(at=Min("started_at"))["at"]
    waited = max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0
    yield _one("ordersite_oldest_queued_run_seconds", "How long the oldest queued run has waited.", waited)


def _last_sync() -> Iterator[Metric]:
    at = GaugeMetricFamily("ordersite_last_sync_timestamp_seconds", "End of the last sync.", labels=["mode"])
    good = GaugeMetricFamily("ordersite_last_sync_ok", "1 where it ended without errors.", labels=["mode"])
    took = GaugeMetricFamily("ordersite_last_sync_duration_seconds", "Its duration.", labels=["mode"])
    rows = GaugeMetricFamily("ordersite_last_sync_rows", "Its rows by verdict.", labels=["mode", "verdict"])
    for mode in ("TEST", "PRODUCTION"):
        ended = SyncRun.objects.filter(kind=Kind.SYNC, mode=mode, rehearsal=False, finished_at__isnull=False)
        run = ended.exclude(state__in=ACTIVE).order_by("-id").first()
        if run is None or run.finished_at is None:
            continue
        at.add_metric([mode], run.finished_at.timestamp())
        good.add_metric([mode], float(run.state in (RunState.COMPLETED, RunState.WAITING)))
        took.add_metric([mode], (run.finished_at - run.started_at).total_seconds())
        for verdict, number in run.counts.items():
            if isinstance(number, int):
                rows.add_metric([mode, verdict], number)
    yield from (at, good, took, rows)


def _calls() -> Iterator[Metric]:
    """What is left of the accounts' limits; an account whose figure is not known has no line, never a 0."""
    names = ["environment", "account"]
    made = GaugeMetricFamily("ordersite_api_calls_today", "API calls made today, own count.", labels=names)
    left = GaugeMetricFamily("ordersite_api_calls_left", "At most so many are left today.", labels=names)
    until = GaugeMetricFamily(
        "ordersite_api_waits_until_seconds", "No call leaves before; 0 for at once.", labels=names
    )
    accounts = Board.objects.values_list("environment", "address", "account_id").distinct().order_by("environment")
    for environment, address, account in accounts:
        now = standing(address, account)
        made.add_metric([environment, account], now.calls)
        if now.left.left is not None:
            left.add_metric([environment, account], now.left.left)
        until.add_metric([environment, account], _seconds(now.waiting_until))
    yield from (made, left, until)


def _jobs() -> Iterator[Metric]:
    found = workers()
    yield _one("ordersite_workers_alive", "1 while jobs are claimed.", float(found.alive))
    yield _one("ordersite_worker_last_claim_timestamp_seconds", "Last canary that was claimed.", _seconds(found.at))
    yield _one("ordersite_runs_at_work", "Runs that show a sign of life.", found.busy)
    yield _one("ordersite_jobs_waiting", "Messages in the job queue.", OrmQ.objects.count())


def _one(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at is not None else 0.0
