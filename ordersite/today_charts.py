"""The charts of the front page: changes by day and kind, what syncs read and how long they took, API calls by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet, Value
from django.utils import timezone

from monday.budgets import Standing, standing
from monday.charts import Chart, chart
from monday.models import ApiCall, Board
from staging.core.lifecycle import COUNTED
from staging.models import StagedOrder, SyncRun
from staging.models.run import Kind, RunState

DAYS = 14
SYNCS = 14
NARROW = 36.0  # of a bar of the charts that stand two in a row
KINDS = ("create", "update", "remove", "restore")
READ = (RunState.WAITING, RunState.COMPLETED, RunState.WITH_ERRORS)
"""How a sync ends that has read the source to its end."""


def charts() -> list[Chart]:
    """The charts in the order of the page."""
    return [changes(), *syncs(), calls()]


def changes() -> Chart:
    """Orders written to boards per day and kind."""
    days, wanted = _days(), sorted(COUNTED["applied"])
    found = StagedOrder.objects.filter(state__in=wanted)
    numbers = _by_day(found, "updated_at", days, "operation")
    rows = [(_word(day), [numbers[at, kind] for kind in KINDS]) for at, day in enumerate(days)]
    series = [f"{kind}d" for kind in KINDS]
    return chart(name="changes", title=f"Changes on the board, last {DAYS} days", head="Day", series=series, rows=rows)


def syncs() -> list[Chart]:
    """What the last syncs read, and how long they took."""
    found = SyncRun.objects.filter(kind=Kind.SYNC, rehearsal=False, state__in=READ).order_by("-id")[:SYNCS]
    runs = list(reversed(found.values_list("id", "counts", "started_at", "finished_at")))
    names = [str(pk) for pk, *_ in runs]
    read: list[Sequence[float | None]] = [[counts.get("read") or 0] for _, counts, *_ in runs]
    took: list[Sequence[float | None]] = [
        [round((end - start).total_seconds(), 1) if end else None] for *_, start, end in runs
    ]
    last = f"the last {len(runs)} syncs" if len(runs) != 1 else "the last sync"
    return [
        chart(
            name="rows",
            title=f"Rows read by {last}, by number of the run",
            head="Run",
            series=["rows"],
            rows=list(zip(names, read, strict=True)),
            step=NARROW,
        ),
        chart(
            name="times",
            title=f"Seconds that {last} took, by number of the run",
            head="Run",
            series=["seconds"],
            rows=list(zip(names, took, strict=True)),
            step=NARROW,
        ),
    ]


def calls() -> Chart:
    """API calls per day, those that were refused apart, against what the account allows a day."""
    days = _days()
    numbers = _by_day(ApiCall.objects.all(), "at", days, "outcome")
    answered, refused = [0] * DAYS, [0] * DAYS
    for (at, outcome), number in numbers.items():
        (answered if outcome in ("done", "partly") else refused)[at] += number
    rows = [(_word(day), [answered[at], refused[at]]) for at, day in enumerate(days)]
    limit, words = _limit()
    return chart(
        name="calls",
        title=f"API calls a day, last {DAYS} days",
        head="Day",
        series=["answered", "refused"],
        rows=rows,
        limit=limit,
        limit_words=words,
    )


def calls_today() -> int:
    """How many API calls were made today, whichever board they were for: what the last bar of `calls` shows."""
    return ApiCall.objects.filter(at__gte=_start(_days()[-1])).count()


def account() -> Standing | None:
    """How the budget stands of the account whose board was read last, None before the first board."""
    environment = "production" if settings.PRODUCTION else "sandbox"
    board = Board.objects.filter(environment=environment).order_by("-read_at", "-id").first()
    return standing(board.address, board.account_id) if board else None


def _limit() -> tuple[float | None, str]:
    """What an account may call a day, as it was told last, in a number and in words."""
    now = account()
    if now is None or now.daily_limit is None:
        return None, "How many calls the account may make a day is not known yet."
    left = "" if now.left.left is None else f", at most {now.left.left:,} left today"
    return float(now.daily_limit), f"The account may make {now.daily_limit:,} calls a day{left}."


def _days() -> list[date]:
    today = timezone.now().date()
    return [today - timedelta(days=DAYS - 1 - at) for at in range(DAYS)]


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _by_day(found: QuerySet[Any], time_of: str, days: Sequence[date], kind: str) -> Counter[tuple[int, str]]:
    """How many were found at each day, by its number, and of each kind, in one query.

    A day is told by its bounds, which an index finds, as cutting a time to its day reads every row.
    """
    each = [
        found.filter(**{f"{time_of}__gte": _start(day), f"{time_of}__lt": _start(day + timedelta(days=1))})
        .order_by()
        .values(kind)
        .annotate(day=Value(at), number=Count("pk"))
        .values_list("day", kind, "number")
        for at, day in enumerate(days)
    ]
    return Counter({(at, of): number for at, of, number in each[0].union(*each[1:], all=True)})


def _word(day: date) -> str:
    return f"{day.day} {day:%b}"
