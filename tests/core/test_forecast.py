"""What a push will take, told beforehand."""

import pytest

from monday.core.forecast import CallsLeft, Load, forecast
from monday.core.quota import Quota, next_day
from monday.core.window import Window

MORNING = 20_000 * 86_400.0 + 9 * 3_600
FOUR_HUNDRED = Load(creations=400, lines=1_600)


def paid(**more):
    """An account with ten million points a minute whose board takes 20 ms an operation."""
    return Quota(points=Window(quota=10_000_000), each=0.02, daily_limit=1_000, limit_at=MORNING - 1_200, **more)


def test_nothing_to_write_needs_no_call():
    told = forecast(Load(), Quota(), MORNING)
    assert (told.calls, told.finish) == (0, MORNING)
    assert str(told) == "Nothing would be sent."


def test_look_ups_and_writes_are_counted_as_the_push_makes_them():
    told = forecast(FOUR_HUNDRED, paid(), MORNING)
    assert told.operations == 2_000
    assert 4 + 4 + 4 <= told.calls <= 20
    assert told.finish == pytest.approx(MORNING + 2_000 * 0.02 + 4, abs=61)


def test_the_limit_that_binds_decides_when_it_is_done():
    told = forecast(Load(creations=7_224, lines=36_000), paid(), MORNING)
    minutes = (told.finish - MORNING) / 60
    assert 43.2 <= minutes <= 46


def test_the_sentence_tells_calls_their_share_and_the_time():
    words = str(forecast(FOUR_HUNDRED, paid(), MORNING))
    assert words.startswith("About ") and "for 2,000 operations, " in words
    left = "% of today's (left today: at most 1,000 (own count; account's figure of 08:40))"
    assert f"{left}; about 1 minute, done at about 09:0" in words
    assert "; about 44 minutes, done" in str(forecast(Load(creations=7_224, lines=36_000), paid(), MORNING))
    assert "guessed" not in words
    assert " for 1 operation, " in str(forecast(Load(changes=1), paid(), MORNING))


def test_what_is_not_known_is_said_to_be_so():
    words = str(forecast(Load(changes=3), Quota(), MORNING))
    assert "(left today: not known)" in words and "%" not in words and "at a guessed speed" in words


def test_a_figure_of_another_day_is_dated():
    assert str(CallsLeft(988, MORNING - 86_400, MORNING)) == (
        "at most 988 (own count; account's figure of 03 Oct 09:00)"
    )


def test_calls_that_do_not_suffice_go_on_after_midnight():
    told = forecast(FOUR_HUNDRED, paid(day=20_000, calls=945.0), MORNING, reserve=50)
    assert not told.enough and told.finish > next_day(MORNING)
    assert "the rest goes on after 00:00 UTC" in str(told)


def test_a_reserve_as_large_as_the_limit_lets_nothing_through_and_the_sentence_says_so():
    told = forecast(FOUR_HUNDRED, paid(), MORNING, reserve=1_000)
    assert told.finish is None
    assert "Remedy: lower MONDAY_DAILY_RESERVE" in str(told)


def test_what_is_known_stays_as_it_is():
    quota = paid()
    before = quota.to_json()
    forecast(FOUR_HUNDRED, quota, MORNING)
    assert quota.to_json() == before


def test_every_part_begins_with_its_own_reads_and_its_own_look_up():
    whole = forecast(Load(creations=4, lines=8), paid(), MORNING)
    parts = forecast(Load(creations=4, lines=8, parts=2, opening=3), paid(), MORNING)
    assert parts.operations == whole.operations == 12
    assert parts.calls == 2 * (3 + whole.calls)
    assert forecast(Load(parts=2, opening=3), paid(), MORNING).calls == 0
