"""An order comes back under a UUID that nobody knows: it gets its former item back, and what was said of it holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from staging.batches import decide
from staging.boards import gone
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


def left_staged(world: World) -> None:
    world.stage()


def left_approved(world: World) -> None:
    world.stage()
    world.approve()


def held(world: World) -> None:
    world.stage()
    decide.hold(
        batch=world.batch(), orders=[world.order(1).pk], actor="ben", now=world.clock.now(), reason="look first"
    )


def held_as_edited(world: World) -> None:
    world.move(1, "Orders")
    world.edit(1, long_text_notes="a planner's own words")
    world.sync()
    assert world.state(1) == "held"


def held_as_gone(world: World) -> None:
    world.archive(1)
    world.sync()
    assert world.state(1) == "held"


def invalid(world: World) -> None:
    world.change(1, TOTAL=99)
    assert world.sync().counts.invalid == 1
    world.change(1)


def of_nobody(world: World) -> None:
    world.change(1, CUSTOMER="HARBOR")
    assert world.sync().counts.invalid == 1
    world.change(1, CUSTOMER="HARBOUR (AU)")


RETURNS = (left_staged, left_approved, held, held_as_edited, held_as_gone, invalid, of_nobody)


@pytest.mark.parametrize("reload", [False, True], ids=["alone", "all"])
@pytest.mark.parametrize("come_back", RETURNS)
def test_a_removed_order_that_is_back_keeps_its_item_under_a_fresh_uuid(
    six: World, come_back: Callable[[World], None], reload: bool
) -> None:
    """Its row had come back and waited, or could not be used, when its UUID or every row's changed."""
    rows = six.drop(1)
    six.sync()
    six.source.orders += rows
    items = {item.id for items in six.shown().values() for item in items}
    come_back(six)
    for number, row in enumerate(six.source.orders if reload else rows):
        row["record_uuid"] = uuid(301 + number)
    counts = six.sync().counts
    assert (counts.new, counts.removed, counts.rekeyed) == (0, 0, 5 * reload)
    assert {item.id for items in six.shown().values() for item in items} <= items
    if come_back is held:
        assert six.state(306 if reload else 301) == "held", "what a person holds stays held"
    elif come_back not in (held_as_edited, held_as_gone):
        six.check_equal()


@pytest.mark.parametrize("undone", [False, True])
def test_a_declined_or_undone_return_stays_so_under_a_fresh_uuid(six: World, undone: bool) -> None:
    """The same decision is not asked for again, whatever the row is called."""
    rows = six.drop(1)
    six.sync()
    six.source.orders += rows
    if undone:
        six.sync()
        six.undo(reason="not any more")
    else:
        six.stage()
        decide.decline(batch=six.batch(), actor="ben", now=six.clock.now(), reason="not any more")
    aside = six.shown()
    rows[0]["record_uuid"] = uuid(301)
    counts = six.sync().counts
    assert (counts.staged, counts.waiting) == (0, 1)
    assert six.shown() == aside and six.item(1).group == "Removed"


def test_an_order_that_nobody_follows_stays_so_when_its_bad_row_is_put_right_under_a_fresh_uuid(six: World) -> None:
    gone.stop(link=six.snapshot(1), actor="ben", now=six.clock.now(), reason="the planner does it")
    six.change(1, TOTAL=99)
    assert six.sync().counts.invalid == 1
    six.change(1)
    six.row(1)["record_uuid"] = uuid(301)
    counts = six.sync().counts
    assert (counts.staged, counts.waiting) == (0, 1) and len(six.shown()) == 6


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
