"""What a push of batches will take, told beforehand; and whether the account's limits are waited for now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, Sum

from monday.budgets import forecast_for, standing
from monday.core.forecast import Forecast, Load
from monday.models import Board
from staging.batches.lacking import GROUP, Lack, lacks_of
from staging.core.lifecycle import OrderState
from staging.models import Batch, StagedLine, StagedOrder

UNSENT = (OrderState.STAGED, OrderState.APPROVED, OrderState.SENDING, OrderState.UNCLEAR)
OPENING = 3  # reads of a push before its first order: whose token it is, the board, and the board of its sizes
PAGE = 500
SHORT = 2.0  # seconds; a shorter wait is over before anybody has read of it


def load_of(batches: Sequence[Batch], only: Sequence[int] | None = None) -> Load:
    """What these batches (of them `only` these orders) would write if all that is staged or approved went out.

    Held orders are left alone. New groups and labels are not in it, as they stand in the orders' payloads.
    """
    orders, lines = dict.fromkeys(("create", "update", "remove", "restore"), 0), [0, 0, 0]
    ids = [batch.pk for batch in batches]
    named = "batch__in" if only is None else "pk__in"
    wanted = ids if only is None else list(only)
    for page in (wanted[start : start + PAGE] for start in range(0, len(wanted), PAGE)):
        rows = StagedOrder.objects.filter(**{named: page}, state__in=UNSENT).values_list("operation")
        for operation, number, keys in rows.annotate(number=Count("id"), keys=Sum("subitem_keys")).order_by():
            orders[operation] += number
            lines[2] += keys
        sizes = StagedLine.objects.filter(**{f"order__{named}": page}, order__state__in=UNSENT)
        found = sizes.exclude(order__operation="remove").aggregate(
            new=Count("id", filter=Q(before__isnull=True, after__isnull=False)),
            changed=Count("id", filter=Q(before__isnull=False)),
        )
        lines[0] += found["new"]
        lines[1] += found["changed"]
    return Load(
        creations=orders["create"],
        lines=lines[0],
        changes=orders["update"] + orders["restore"],
        line_changes=lines[1] + lines[2],
        moves=orders["remove"] + orders["restore"],
        parts=max(1, len(ids)),
        opening=OPENING,
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """What is made before the first order goes out: so many groups, and labels in so many columns."""

    groups: int = 0
    labelled: int = 0

    @classmethod
    def of(cls, lacks: Iterable[Lack]) -> Missing:
        """The same of what a batch lacks."""
        columns = Counter(lack.column for lack in lacks)
        groups = columns.pop(GROUP, 0)
        return cls(groups, len(columns))


def forecast(
    batches: Sequence[Batch], only: Sequence[int] | None = None, missing: Missing = Missing()
) -> Forecast | None:
    """Calls, their share of today's and the time of a push of batches of one board; None where nothing is to be sent.

    `only` are orders of theirs that alone go out; `missing` is what is made for them first.
    `str()` of it is the sentence to show. Reads the shared budget; asks nobody and writes nothing.
    """
    load = load_of(batches, only) if batches else Load()
    if not any((load.creations, load.lines, load.changes, load.line_changes, load.moves)):
        return None
    load = replace(load, groups=missing.groups, labelled=missing.labelled)
    return forecast_for(batches[0].board, load, reserve=settings.MONDAY_DAILY_RESERVE)


def ahead(batch: Batch, only: Sequence[int] | None = None) -> Forecast | None:
    """`forecast` of one batch with what its board lacks by now, as it was read last."""
    return forecast([batch], only, Missing.of(lacks_of(batch)))


def waiting_words(until: datetime) -> str:
    """The state of whoever waits for the account's limits, until `until` (UTC)."""
    return f"Waiting for monday.com quota - resumes {until:%H:%M} UTC"


def waiting(board: Board) -> str:
    """The same for the limits of this board's account as they stand now, "" where a request may leave."""
    now = standing(board.address, board.account_id)
    if now.waiting_until is None or now.waiting_until < datetime.now(UTC) + timedelta(seconds=SHORT):
        return ""
    return waiting_words(now.waiting_until)
