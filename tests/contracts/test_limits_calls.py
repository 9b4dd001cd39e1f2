"""How few calls a push makes and how long its requests take, measured at the board over real HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from monday.models import ApiCall
from monday.sandbox.faults import Fault, FaultScript

from .served_line import served_line

ORDERS, WRITES = 400, 2_000
FEW, LATENCY = 200, 0.15  # seconds an operation takes on a slow board
UNKIND = (
    *("minute_limit", "server_error", "locked", "html", "gateway_before", "gateway_after"),
    *("drop_before", "drop_after", "cut", "field_limit", "missing_alias"),
)


@pytest.mark.django_db
def test_four_hundred_orders_with_their_sizes_take_at_most_thirty_calls(tmp_path: Path) -> None:
    with served_line(tmp_path) as line:
        line.orders(ORDERS)
        line.sync()
        assert line.calls.mutations >= WRITES
        assert line.calls.calls <= 30
        line.check_equal()


@pytest.mark.django_db
def test_on_a_slow_board_requests_stay_below_thirty_seconds_and_none_of_the_time_is_wasted(tmp_path: Path) -> None:
    with served_line(tmp_path, latency=LATENCY) as line:
        line.orders(FEW)
        before = line.clock.seconds()
        line.sync()
        took = line.clock.seconds() - before
        slowest = max(ApiCall.objects.values_list("seconds", flat=True))
        assert 10 < slowest <= 30
        assert took <= FEW * 5 * LATENCY * 1.1
        line.check_equal()


@pytest.mark.django_db
def test_one_fault_in_ten_requests_costs_calls_and_changes_nothing_on_the_board(tmp_path: Path) -> None:
    rate = 0.1 / len(UNKIND)
    with served_line(tmp_path, faults=FaultScript([Fault(kind, rate=rate) for kind in UNKIND], seed=4)) as line:
        line.orders(ORDERS)
        calls = line.load()
        line.check_equal()
        assert calls <= 60
