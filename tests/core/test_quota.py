"""The budget's rules: windows that fill up again, places, daily calls, sizes."""

import pytest

from monday.core.quota import DaySpent, Measure, Quota, next_day
from monday.core.window import SAFETY, Window

NOON = 20_000 * 86_400.0 + 43_200
POLICY = '"minuteRate";q=1000;w=60, "concurrency";q=2;qu="concurrent-requests", "complexityMinute";q=1000000;w=60'


def told(points, seconds=60, requests=990):
    left = f'"minuteRate";r={requests}, "concurrency";r=1, "complexityMinute";r={points};t={seconds}'
    return {"ratelimit": left, "ratelimit-policy": POLICY}


def knowing(points=1_000_000):
    """A quota that has learned its limits from one request of 10 operations, a minute ago."""
    quota = Quota()
    quota.take(10, NOON - 60)
    quota.learn(Measure(10, 0.5, cost=100_000, headers=told(points)), NOON - 59.5)
    return quota


def test_a_window_ends_a_moment_after_its_length_from_the_first_request_on():
    window = Window(quota=100, length=60)
    window.spend(100, NOON)
    assert window.wait(1, NOON + 1) == pytest.approx(59 + 60 * SAFETY)
    assert window.wait(1, NOON + 60 * (1 + SAFETY)) == 0


def test_whole_seconds_in_an_answer_shorten_a_window_that_began_earlier_but_do_not_lengthen_one():
    quota = knowing(900_000)
    quota.take(90, NOON + 2)
    quota.learn(Measure(90, 1.0, cost=900_000, headers=told(0, seconds=20)), NOON + 3)
    assert quota.take(10, NOON + 4) == pytest.approx(19)


def test_a_window_of_which_nothing_is_used_is_not_running():
    quota = knowing()
    quota.learn(Measure(0, 0.1, headers=told(1_000_000, 60)), NOON)
    quota.take(100, NOON + 50)
    assert quota.take(1, NOON + 100, who="b") == pytest.approx(10 + 60 * SAFETY)


def test_points_that_a_request_did_not_cost_are_given_back():
    quota = knowing(900_000)
    quota.take(100, NOON + 10)
    quota.learn(Measure(100, 1.0, cost=200_000, headers=told(800_000, 59)), NOON + 11)
    assert quota.take(70, NOON + 12) == 0


def test_points_of_a_lost_answer_count_as_spent():
    quota = knowing()
    quota.take(100, NOON + 10)
    quota.learn(Measure(0, 30.0, lost=True), NOON + 40)
    assert quota.take(1, NOON + 41) > 0


def test_a_rest_of_the_window_that_pays_for_next_to_nothing_is_not_worth_a_call():
    quota = knowing()
    quota.take(100, NOON)
    quota.learn(Measure(100, 1.0, cost=990_000, headers=told(10_000, 59)), NOON + 1)
    assert quota.fits(NOON + 2) > 1


def test_a_request_never_costs_more_than_one_request_may():
    quota = Quota(size=500)
    assert 490 <= quota.fits(NOON) < 500


def test_no_more_requests_are_on_their_way_than_there_are_places_and_a_dead_sender_gives_its_place_back():
    quota = knowing()
    assert [quota.take(1, NOON, who=who, life=30) for who in ("a", "b")] == [0, 0]
    assert 0 < quota.take(1, NOON + 1, who="c") <= 1
    quota.learn(Measure(1, 1.0), NOON + 2, who="a")
    assert quota.take(1, NOON + 2, who="c", life=60) == 0
    assert quota.take(1, NOON + 29, who="d") > 0
    assert quota.take(1, NOON + 31, who="d") == 0


def test_several_senders_share_what_a_window_pays_for():
    quota = knowing()
    quota.size = 100
    quota.take(1, NOON, who="a")
    quota.take(1, NOON, who="b")
    assert quota.fits(NOON + 1, who="a") == 100 // 3  # the sender of a minute ago counts still


def test_a_request_that_did_not_leave_is_no_call_and_a_refused_one_is_a_tenth():
    quota = Quota(daily_limit=100)
    quota.take(1, NOON)
    quota.learn(Measure(0, 0.0, unsent=True), NOON)
    assert quota.calls_left(NOON) == 100
    quota.take(1, NOON)
    quota.learn(Measure(1, 0.0, refused_for=0.0), NOON)
    assert quota.calls == pytest.approx(0.1)


def test_when_the_account_says_that_the_day_is_spent_nothing_leaves_until_it_ends():
    quota = Quota()
    quota.take(1, NOON)
    quota.learn(Measure(1, 0.1, refused_for=600.0, day_spent=True), NOON)
    assert quota.calls_left(NOON) == 0
    with pytest.raises(DaySpent) as spent:
        quota.take(1, NOON + 1)
    assert spent.value.until == NOON + 600
    assert quota.take(1, NOON + 600) == 0


def test_the_account_figure_outlives_the_day_and_the_own_count_does_not():
    quota = Quota()
    quota.learn_daily_limit(1_000, NOON)
    quota.take(1, NOON)
    assert (quota.calls_left(NOON), quota.calls_left(next_day(NOON))) == (999, 1_000)


def test_a_speed_that_was_measured_long_ago_is_not_relied_on():
    quota = Quota()
    quota.take(50, NOON)
    quota.learn(Measure(50, 0.5), NOON + 0.5)
    assert quota.fits(NOON + 1) == 100
    quota.take(50, NOON + 3_600)
    assert quota.fits(NOON + 3_600) == 50


def test_a_quota_is_kept_whole_and_an_older_one_is_understood():
    quota = knowing()
    quota.take(1, NOON, who="a")
    assert Quota.from_json(quota.to_json()) == quota
    assert Quota.from_json({}) == Quota()
