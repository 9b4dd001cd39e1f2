"""An order comes back under a UUID that nobody knows: it gets its former item back, and what was said of it holds."""

from __future__ import annotations

import pytest

from staging.batches import decide
from tests.core.mapping_samples import BOARD
from tests.world import World, uuid


@pytest.mark.parametrize("archived", [False, True])
def test_an_order_that_had_gone_comes_back_under_a_fresh_uuid(six: World, archived: bool) -> None:
    if archived:
        six.publish(BOARD + "deletions: {action: archive}\n")
    rows = six.drop(1)
    six.sync()
    rows[0]["record_uuid"] = uuid(301)
    six.source.orders += rows
    counts = six.sync().counts
    assert (counts.new, counts.changed) == ((1, 0) if archived else (0, 1))
    assert len(six.shown()) == 6
    six.sync()
    six.check_equal()


def test_an_order_whose_removal_waits_comes_back_under_a_fresh_uuid(six: World) -> None:
    rows = six.drop(1)
    six.stage()
    rows[0]["record_uuid"] = uuid(301)
    six.source.orders += rows
    counts = six.sync().counts
    assert (counts.rekeyed, counts.new) == (1, 0)
    six.sync()
    six.check_equal()


def test_two_new_rows_of_one_business_key_are_no_order_that_comes_back(six: World) -> None:
    six.drop(1)
    six.sync()
    for number in (301, 302):
        six.add(number, ORDER="A1", PO="P1", PRICE=str(number))
    counts = six.sync().counts
    assert (counts.new, counts.changed) == (2, 0)
    assert six.item(1).group == "Removed"


def test_what_matches_a_linked_order_is_not_one_that_had_gone(six: World) -> None:
    """Of one business key a row has gone, and another one gets a fresh UUID."""
    six.add(7, ORDER="A1", PO="P1", PRICE="77")
    six.sync()
    six.drop(1)
    six.sync()
    six.row(7)["record_uuid"] = uuid(301)
    counts = six.sync().counts
    assert (counts.rekeyed, counts.new, counts.changed) == (1, 0, 0)
    assert six.item(1).group == "Removed"


def narrowed(world: World) -> None:
    """The first order gets a fresh UUID, of which a narrowed run cannot say whose it is."""
    world.row(1)["record_uuid"] = uuid(301)
    world.sync(customers=("HARBOUR (AU)",), customer_name="HARBOUR (AU)")
    assert world.state(301) == "held"


def test_an_order_without_an_answer_is_matched_though_a_narrowed_run_held_its_new_uuid(six: World) -> None:
    six.settle_seconds = 90
    six.change(1, PRICE="12")
    six.wire.lose("change_multiple", times=9, answered=True)
    six.sync()
    six.wire.calm()
    narrowed(six)
    report = six.sync()
    assert (report.error, report.counts.rekeyed + report.counts.waiting, report.counts.new) == ("", 1, 0)
    assert six.state(301) == "superseded"
    six.clock.sleep(600)
    for _ in range(2):
        six.sync()
    six.check_equal()


def test_a_decision_survives_a_narrowed_run_that_held_the_new_uuid(six: World) -> None:
    six.change(1, PRICE="12")
    six.stage()
    decide.decline(batch=six.batch(), actor="ben", now=six.clock.now(), reason="not agreed")
    narrowed(six)
    for _ in range(2):
        report = six.sync()
        assert (report.counts.staged, report.counts.waiting) == (0, 1)
    assert six.item(1).cells["numeric_price"] == "10.5"
