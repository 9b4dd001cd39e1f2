"""The budget that all processes share: one row per account, changed by whoever comes, on the database's clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import close_old_connections, connection

from monday.budgets import LIMIT_AGE, SharedBudget, forecast_for, standing
from monday.calls import CallLog
from monday.client import MondayClient, Unavailable
from monday.core.budget import DaySpent, Measure
from monday.core.forecast import Load
from monday.core.quota import next_day
from monday.models import Board, Budget
from monday.sandbox.limits import Limits
from monday.token import Token
from staging.wiring import connected
from tests.contracts.sandbox_world import BOARD
from tests.contracts.sandbox_world import world as served_world

HERE = "http://board.example/v2"
NOON = 20_000 * 86_400.0 + 43_200
HEADERS = {
    "ratelimit": '"minuteRate";r=900, "concurrency";r=1, "complexityMinute";r=900000;t=60',
    "ratelimit-policy": '"minuteRate";q=1000;w=60, "concurrency";q=2, "complexityMinute";q=1000000;w=60',
}


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def joined(db: None, clock: Hand) -> Callable[..., SharedBudget]:
    def make(account: str = "7", **settings: Any) -> SharedBudget:
        budget = SharedBudget(address=HERE, clock=clock, **settings)
        budget.belongs_to(account)
        return budget

    return make


def quota() -> dict[str, Any]:
    kept = Budget.objects.get().quota
    assert isinstance(kept, dict)
    return kept


def test_two_clients_spend_the_same_minute(joined: Callable[..., SharedBudget], clock: Hand) -> None:
    first, second = joined(), joined()
    assert first.take(10, 0) == 0
    first.learn(Measure(10, 0.5, cost=100_000, headers=HEADERS), 0)
    assert second.take(60, 0) == 0
    assert first.take(40, 0) > 50
    clock.at += 61.5
    assert first.take(40, 0) == 0


def test_places_are_shared_and_those_of_a_dead_process_come_back(
    joined: Callable[..., SharedBudget], clock: Hand
) -> None:
    first, second, third = joined(life=100), joined(life=100), joined(life=100)
    first.take(1, 0)
    first.learn(Measure(1, 0.1, headers=HEADERS), 0)
    assert [first.take(1, 0), second.take(1, 0)] == [0, 0]
    assert third.take(1, 0) > 0
    assert standing(HERE, "7").in_flight == 0  # by the database's own clock both died long ago
    second.learn(Measure(1, 0.1), 0)
    assert third.take(1, 0) == 0
    clock.at += 101
    assert second.take(1, 0) == 0


def test_what_one_is_told_holds_for_all(joined: Callable[..., SharedBudget], clock: Hand) -> None:
    first, second = joined(), joined()
    first.take(50, 0)
    first.learn(Measure(50, 0.1, refused_for=15.0), 0)
    assert second.take(1, 0) == 15
    first.too_heavy(50)
    assert second.fits(0) == 25


def test_the_reserve_of_daily_calls_is_kept_by_all_together(joined: Callable[..., SharedBudget], clock: Hand) -> None:
    first, second = joined(reserve=8), joined(reserve=8)
    first.learn_daily_limit(10)
    assert [first.take(1, 0), second.take(1, 0)] == [0, 0]
    for budget in (first, second):
        with pytest.raises(DaySpent) as spent:
            budget.take(1, 0)
        assert spent.value.until == next_day(NOON)
    clock.at = next_day(NOON)
    assert first.take(1, 0) == 0


def test_the_hosts_own_clock_is_not_used(joined: Callable[..., SharedBudget]) -> None:
    first, second = joined(), joined()
    first.take(1, 0)
    first.learn(Measure(1, 0.1, refused_for=15.0), 0)
    assert second.take(1, 10**12) == 15


def test_calls_before_the_account_is_known_are_counted_there(db: None, clock: Hand) -> None:
    budget = SharedBudget(address=HERE, clock=clock)
    assert budget.take(0, 0) == 0
    budget.learn(Measure(0, 0.1), 0)
    assert not Budget.objects.exists()
    budget.belongs_to("7")
    assert quota()["calls"] == 1


def test_the_only_account_of_an_address_is_taken_for_granted_so_that_its_reserve_holds_from_the_first_call(
    joined: Callable[..., SharedBudget], clock: Hand
) -> None:
    joined().learn_daily_limit(50)
    early = SharedBudget(address=HERE, reserve=50, clock=clock)
    with pytest.raises(DaySpent):
        early.take(0, 0)


def test_accounts_have_budgets_of_their_own(joined: Callable[..., SharedBudget]) -> None:
    joined("7").learn(Measure(1, 0.1, refused_for=60.0), 0)
    assert joined("8").take(1, 0) == 0
    assert Budget.objects.count() == 2


def test_the_account_figure_is_asked_for_again_after_half_a_day(
    joined: Callable[..., SharedBudget], clock: Hand
) -> None:
    budget = joined()
    assert budget.limit_is_old()
    budget.learn_daily_limit(None)
    assert not budget.limit_is_old()
    clock.at += LIMIT_AGE + 1
    assert budget.limit_is_old()


def test_a_change_that_somebody_else_made_meanwhile_is_not_overwritten(
    joined: Callable[..., SharedBudget], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = joined(), joined()
    behind = iter([True])

    def interrupted() -> float:
        if next(behind, False):
            second.take(1, 0)
        return NOON

    monkeypatch.setattr(first, "_clock", interrupted)
    assert first.take(1, 0) == 0
    assert quota()["calls"] == 2


def test_no_transaction_is_opened_and_a_wait_is_not_written_down_again_and_again(
    joined: Callable[..., SharedBudget], django_assert_num_queries: Any
) -> None:
    budget = joined()
    budget.take(1, 0)
    budget.learn(Measure(1, 0.1, refused_for=60.0), 0)
    budget.take(1, 0)
    version = Budget.objects.get().version
    with django_assert_num_queries(1):
        assert budget.take(1, 0) == 60
    assert Budget.objects.get().version == version


def test_how_it_stands_and_a_forecast_are_told_without_a_client(db: None) -> None:
    assert str(standing(HERE, "7").left) == "not known"
    budget = SharedBudget(address=HERE)
    budget.belongs_to("7")
    budget.learn_daily_limit(1_000)
    budget.take(5, 0)
    now = standing(HERE, "7")
    assert (now.calls, now.in_flight, now.waiting_until) == (1, 1, None)
    assert str(now.left).startswith("at most 999 (own count; account's figure of ")
    budget.learn(Measure(5, 0.1, refused_for=30.0), 0)
    assert standing(HERE, "7").waiting_until is not None
    board = Board(address=HERE, account_id="7", board_id="1")
    told = forecast_for(board, Load(creations=10, lines=20), reserve=50)
    assert told.operations == 30 and told.left.left == 999


def test_a_client_keeps_to_a_reserve_that_another_used_up(db: None, tmp_path: Path) -> None:
    with served_world(tmp_path, limits=Limits(daily_calls=100)) as board:
        clients = []
        for _ in range(2):
            budget = SharedBudget(address=f"{board.address}/v2", reserve=93)
            client = MondayClient(address=f"{board.address}/v2", token=Token("t"), budget=budget)
            budget.belongs_to(client.identity().account_id)
            budget.learn_daily_limit(client.daily_limit())
            clients.append(client)
        assert clients[0].board(BOARD)
        with pytest.raises(Unavailable, match=r"Today's monday\.com calls are used up but for the reserve"):
            for _ in range(3):
                clients[1].version()
        for client in clients:
            client.close()


def test_a_board_that_is_served_has_the_shared_budget_and_the_one_inside_this_process_none(
    db: None, tmp_path: Path, settings: Any
) -> None:
    with connected(mode="TEST", calls=CallLog()):
        assert not Budget.objects.exists()
    with served_world(tmp_path, plan="standard") as board:
        settings.MONDAY_API_URL = f"{board.address}/v2"
        for _ in range(2):
            calls = CallLog()
            with connected(mode="TEST", calls=calls) as found:
                account = found.identity.account_id
    now = standing(settings.MONDAY_API_URL, account)
    assert now.left.left == 1_000 - now.calls and now.in_flight == 0
    assert now.calls == 2 * calls.calls + 1  # the account's figure is asked for once


@pytest.mark.django_db(transaction=True)
def test_many_at_once_count_every_call() -> None:
    SharedBudget(address=HERE).belongs_to("7")
    done: list[str] = []

    def work() -> None:
        try:
            budget = SharedBudget(address=HERE)
            budget.belongs_to("7")
            for _ in range(10):
                while budget.take(1, 0) > 0:
                    pass
                budget.learn(Measure(1, 0.0, headers=HEADERS), 0)
            done.append("all")
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
    assert quota()["calls"] == 40
    assert quota()["holds"] == {}
