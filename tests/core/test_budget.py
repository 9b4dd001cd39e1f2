"""Limits as a plan: how long to wait and how much fits."""

import json

import pytest

from monday.core.answers import Reply, Verdict, read_reply
from monday.core.budget import DaySpent, LocalBudget, Measure, Policy, allowances, next_day, policies
from monday.line import Line

NOON = 20_000 * 86_400.0 + 43_200
HEADERS = {
    "ratelimit": '"minuteRate";r=2, "concurrency";r=39, "complexityMinute";r=90000;t=20',
    "ratelimit-policy": '"minuteRate";q=1000;w=60, "complexityMinute";q=1000000;w=60;qu="content-bytes"',
}


def told(**headers):
    return Measure(0, 0.1, headers={**HEADERS, **headers})


def test_the_headers_are_read():
    left = allowances(HEADERS)
    assert (left["minuteRate"].left, left["minuteRate"].reset) == (2, None)
    assert (left["complexityMinute"].left, left["complexityMinute"].reset) == (90_000, 20)
    assert policies(HEADERS)["complexityMinute"] == Policy(1_000_000, 60)
    assert allowances({}) == {}
    assert allowances({"ratelimit": "nonsense;;r=x,"}) == {}


def test_a_new_budget_lets_fifty_operations_go_at_once():
    budget = LocalBudget()
    assert budget.fits(NOON) == 50
    assert budget.take(50, NOON) == 0


def test_requests_grow_with_measured_time_and_never_beyond_thirty_seconds():
    budget = LocalBudget()
    budget.learn(Measure(50, 7.5), NOON)
    assert budget.fits(NOON) == 100
    budget.learn(Measure(100, 15.0), NOON)
    assert budget.fits(NOON) == 166  # 150 ms each: 25 seconds
    budget.learn(Measure(166, 50.0), NOON)
    assert budget.fits(NOON) < 100


def test_a_request_that_was_not_full_proves_nothing():
    budget = LocalBudget()
    budget.learn(Measure(3, 0.01), NOON)
    assert budget.fits(NOON) == 50


def test_a_request_that_was_too_heavy_halves_the_next_for_good():
    budget = LocalBudget()
    budget.too_heavy(50)
    budget.learn(Measure(25, 0.1), NOON)
    assert budget.fits(NOON) == 25


def test_a_lost_answer_makes_the_next_request_smaller():
    budget = LocalBudget()
    budget.learn(Measure(0, 75.0, lost=True), NOON)
    assert budget.fits(NOON) == 25


def test_only_what_the_points_left_can_pay_goes_out_and_then_it_waits_for_the_window():
    budget = LocalBudget()
    budget.learn(told(), NOON)
    assert budget.fits(NOON) == 9
    assert budget.take(9, NOON) == 0
    assert budget.take(1, NOON + 5) == 15
    assert budget.take(1, NOON + 20) == 0


def test_the_last_request_of_the_minute_is_not_passed():
    budget = LocalBudget()
    budget.learn(told(), NOON)
    assert [budget.take(0, NOON) for _ in range(3)] == [0, 0, 60]


def test_a_refusal_holds_everything_for_as_long_as_it_says():
    budget = LocalBudget()
    budget.learn(Measure(50, 0.1, refused_for=15.0), NOON)
    assert budget.take(1, NOON + 5) == 10
    assert budget.take(1, NOON + 15) == 0


def test_the_real_cost_replaces_the_guess():
    budget = LocalBudget()
    budget.learn(Measure(50, 0.1, cost=50 * 1000, headers=HEADERS), NOON)
    assert budget.fits(NOON) == 90


def test_the_reserve_of_daily_calls_is_never_spent():
    budget = LocalBudget(daily_limit=12, reserve=10)
    assert [budget.take(1, NOON), budget.take(1, NOON)] == [0, 0]
    with pytest.raises(DaySpent) as spent:
        budget.take(1, NOON)
    assert spent.value.until == next_day(NOON) == NOON + 43_200


def test_a_new_day_brings_new_calls():
    budget = LocalBudget(daily_limit=1)
    assert budget.take(1, NOON) == 0
    with pytest.raises(DaySpent):
        budget.take(1, NOON)
    assert budget.take(1, next_day(NOON) + 1) == 0


@pytest.mark.parametrize(
    ("header", "inside", "wait"), [("1", 0.3, 0.3), ("7", 3, 7), ("2", 2, 2), ("60", None, 60), (None, 12.5, 12.5)]
)
def test_where_two_words_for_one_wait_agree_the_finer_one_counts(header, inside, wait):
    said = {"code": "COMPLEXITY_BUDGET_EXHAUSTED", **({} if inside is None else {"retry_in_seconds": inside})}
    body = json.dumps({"errors": [{"message": "no", "extensions": said}]}).encode()
    assert read_reply(429, {"Retry-After": header} if header else {}, body).wait == wait


class Kept:
    """A budget that only notes what it is told."""

    def __init__(self):
        self.measures = []

    def take(self, operations, now):
        return 0.0

    def fits(self, now):
        return 1

    def learn(self, measure, now):
        self.measures.append(measure)

    def too_heavy(self, operations):
        raise AssertionError


def line(budget, send):
    return Line(send, recorder=None, budget=budget, sleep=lambda seconds: None, clock=lambda: NOON)


def test_a_request_that_somebody_stopped_before_it_left_gives_its_place_back():
    budget = Kept()

    def lost():
        raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError):
        line(budget, lambda *_: Reply()).exchange("write", b"", operations=3, before=lost)
    assert budget.measures == [Measure(0, 0.0, unsent=True)]


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.SPENT, Measure(0, 0.0, headers={}, refused_for=43_200.0, day_spent=True)),
        (Verdict.UNSENT, Measure(0, 0.0, headers={}, unsent=True)),
        (Verdict.BROKEN, Measure(0, 0.0, headers={}, lost=True)),
        (Verdict.ANSWERED, Measure(3, 0.0, headers={})),
    ],
)
def test_the_budget_is_told_how_every_request_went(verdict, expected):
    budget = Kept()
    line(budget, lambda *_: Reply(verdict=verdict)).exchange("write", b"", operations=3)
    assert budget.measures == [expected]
