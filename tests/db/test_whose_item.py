"""Whose item is it, where UUIDs were lost or made anew at a moment when something else was under way.

No row may take the item of another one that stands, none is made a second item, and none loses its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from staging.batches import decide
from staging.boards import gone
from staging.core.identity import derived
from staging.models import Snapshot, StagedOrder
from tests.core.mapping_samples import BOARD, HARBOUR
from tests.world import World, uuid


@pytest.fixture
def six(world: World) -> World:
    """Six linked orders, of which any number may leave the board at once."""
    world.publish(BOARD + "deletions: {action: move, at_most: 100%}\n")
    for number in range(1, 7):
        world.add(number)
    world.sync()
    return world


def reload(world: World) -> None:
    for number, row in enumerate(world.source.orders):
        row["record_uuid"] = uuid(300 + number)


def decline(world: World) -> None:
    decide.decline(batch=world.batch(), actor="ben", now=world.clock.now(), reason="not so")


def hold(world: World) -> None:
    orders = [world.order(1).pk]
    decide.hold(batch=world.batch(), orders=orders, actor="ben", now=world.clock.now(), reason="later")


def once_while_writing(world: World, act: Callable[[], Any], word: str = "") -> list[int]:
    """`act` comes in the middle of the first write, of one that holds the word; says whether it has come."""
    done: list[int] = []

    def before(sent: Any) -> None:
        if sent.writes and sent.holds(word) and not done:
            done.append(1)
            act()

    world.wire.before = before
    return done


# --- a business key that the source changed, and that no item shows yet ----------------------------------------------
@pytest.mark.parametrize("decision", [lambda world: None, decline, hold], ids=["waiting", "declined", "held"])
def test_a_reload_finds_an_order_whose_new_business_key_waits_or_was_decided(
    six: World, decision: Callable[[World], None]
) -> None:
    six.change(1, ORDER="A99")
    six.stage()
    decision(six)
    state = six.state(1)
    reload(six)
    dry, counts = six.stage(dry_run=True).counts, six.stage().counts
    assert (counts.new, counts.removed, counts.changed) == (0, 0, 1 if state == "staged" else 0)
    assert (dry.new, dry.removed, dry.changed, dry.waiting) == (0, 0, counts.changed, counts.waiting)
    assert Snapshot.objects.get(record=uuid(300)).link_key == uuid(1)
    assert six.state(300) == state


@pytest.mark.parametrize("then", ["right again", "still wrong", "emptied"])
def test_a_reload_finds_an_order_whose_new_business_key_stood_on_a_row_that_could_not_be_used(
    six: World, then: str
) -> None:
    six.change(1, ORDER="A99", TOTAL=99)
    assert six.sync().counts.invalid == 1
    row = six.row(1)
    row["record_uuid"] = None if then == "emptied" else uuid(301)
    row["TOTAL"] = 3 if then == "right again" else 99
    counts = six.stage().counts
    assert (counts.new, counts.removed) == (0, 0)


# --- two rows of one business key ------------------------------------------------------------------------------------
def test_declining_what_nobody_can_tell_apart_takes_no_item_away(six: World) -> None:
    six.row(1).update(record_uuid=uuid(301), PRICE="77")
    six.add(302, ORDER="A1", PRICE="88")
    assert six.stage().counts.held == 2
    decline(six)
    for _ in range(2):
        counts = six.stage().counts
        assert (counts.new, counts.removed, counts.waiting) == (0, 0, 2)
    six.row(302)["PRICE"] = "89"
    assert six.stage().counts.held == 1, "and as it moved on, it is no less unclear"
    six.drop(302)
    counts = six.stage().counts
    assert (counts.new, counts.changed, counts.removed) == (0, 1, 0)
    assert six.order(301).operation == "update"


def lost_emptied(world: World) -> None:
    world.row(1)["record_uuid"] = None


def lost_misspelled(world: World) -> None:
    world.row(1)["record_uuid"] = uuid(1)[:-1]


def lost_copied(world: World) -> None:
    world.row(1)["record_uuid"] = uuid(2)


def lost_and_of_nobody(world: World) -> None:
    world.row(1).update(record_uuid=uuid(301), CUSTOMER="NOBODY")


def lost_and_invalid(world: World) -> None:
    world.row(1).update(record_uuid=uuid(301), TOTAL=99)


LOST = (lost_emptied, lost_misspelled, lost_copied, lost_and_of_nobody, lost_and_invalid)


@pytest.mark.parametrize("known", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("lost", LOST)
def test_a_new_row_does_not_take_the_item_of_one_that_stands_and_lost_its_uuid(
    six: World, lost: Callable[[World], None], known: bool
) -> None:
    six.change(1, NOTES="of order 1")
    six.sync()
    item, right = six.item(1).id, dict(six.row(1))
    lost(six)
    if known and lost not in (lost_emptied, lost_and_invalid):  # such a row would be order 1 under a new UUID
        six.sync()
    six.add(7, ORDER="A1", NOTES="of order 7", PRICE="99")
    for _ in range(2):
        counts = six.sync().counts
        shown = {i.id: i for items in six.shown().values() for i in items}
        assert counts.removed == 0 and shown[item].cells["long_text_notes"] == "of order 1" and len(shown) == 6
    six.source.orders[0] = right
    assert six.sync().counts.new == 1
    assert len([i for items in six.shown().values() for i in items]) == 7
    six.check_equal()


@pytest.mark.parametrize("state", ["left", "removed"])
def test_nor_does_it_take_the_link_of_an_order_that_nobody_follows_or_that_was_removed(six: World, state: str) -> None:
    if state == "left":
        link = Snapshot.objects.select_related("customer", "board").get(record=uuid(1))
        gone.stop(link=link, actor="ben", now=six.clock.now(), reason="enough")
        lost_misspelled(six)
    else:
        (row,) = six.drop(1)
        six.sync()
        row["record_uuid"] = uuid(1)[:-1]
        six.source.orders.append(row)
    six.add(7, ORDER="A1", PRICE="77")
    assert six.stage().counts.held == 1


def test_a_former_definition_of_the_key_tells_equal_orders_before_todays_tells_unclear_ones(world: World) -> None:
    for number in range(1, 7):
        world.add(number)
    world.change(2, ORDER="A1", CUSTOMER="BHOOD")
    world.sync()
    world.publish(HARBOUR + "business_key: [ORDER, COLOUR]\n")
    world.change(2, PRICE="77")
    reload(world)
    counts = world.sync().counts
    assert (counts.new, counts.held, counts.rekeyed, counts.changed) == (0, 0, 5, 1)
    world.check_equal()


# --- a decision that holds -------------------------------------------------------------------------------------------
def test_what_a_person_holds_after_its_release_stays_held(six: World) -> None:
    six.add(7, ORDER="A1", PO="P7")
    six.stage(po_number="P7")
    order, now = six.order(7), six.clock.now()
    assert order.state == "held"
    decide.release(batch=order.batch, orders=[order.pk], actor="ben", now=now)
    decide.hold(batch=order.batch, orders=[order.pk], actor="ben", now=now, reason="the customer asked to wait")
    six.sync()
    assert six.state(7) == "held" and "asked to wait" in six.order(7).reason
    assert not six.on_board(7)


def test_a_row_with_the_uuid_that_is_derived_for_others_stops_no_run(six: World) -> None:
    six.add(7, ORDER="A7", record_uuid=derived(("A7", "ST1")), TOTAL=99)
    six.add(8, ORDER="A7", record_uuid=None)
    six.add(9, ORDER="A7", record_uuid=None)
    for _ in range(2):
        counts = six.sync().counts
        assert (counts.read, counts.unchanged, counts.invalid, counts.duplicate) == (9, 6, 1, 2)


# --- while the board is waited for -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("action", "word"), [("archive", "archive_item"), ("move", "move_item_to_group")])
def test_an_order_that_is_back_under_a_fresh_uuid_while_its_item_leaves_gets_one_again(
    six: World, action: str, word: str
) -> None:
    six.publish(BOARD + f"deletions: {{action: {action}}}\n")
    (row,) = six.drop(1)
    six.stage()
    six.approve()

    def back() -> None:
        row["record_uuid"] = uuid(301)
        six.source.orders.append(row)
        six.stage()

    done = once_while_writing(six, back, word)
    six.push()
    assert done
    six.wire.calm()
    six.sync()
    six.check_equal()


@pytest.mark.parametrize("whole_table", [False, True])
def test_a_uuid_that_is_made_anew_while_an_undo_is_on_its_way_keeps_its_link(six: World, whole_table: bool) -> None:
    six.change(1, PRICE="12")
    six.sync()
    batch, item = six.batch(), six.item(1).id

    def again() -> None:
        if whole_table:
            reload(six)
        else:
            six.row(1)["record_uuid"] = uuid(300)
        six.stage()

    done = once_while_writing(six, again)
    six.undo(batch)
    assert done
    six.wire.calm()
    for _ in range(2):
        counts = six.stage().counts
        assert (counts.new, counts.changed, counts.removed) == (0, 0, 0)
    assert Snapshot.objects.get(item_id=item).record == uuid(300)
    assert StagedOrder.objects.get(current=True).state == "undone"


def test_what_is_taken_in_hand_while_a_sync_reads_is_left_to_the_next_one(six: World) -> None:
    six.change(2, ORDER="A1")
    six.sync()
    rows = six.drop(1, 2)
    six.add(301, ORDER="A1", PRICE="77")
    assert six.stage().counts.held == 1
    six.source.orders.append(rows[1])
    times: list[int] = []

    def released() -> None:
        times.append(1)
        if len(times) == 2:
            order = six.order(301)
            decide.release(batch=order.batch, orders=[order.pk], actor="ben", now=six.clock.now())
            six.approve(order.batch)
            six.push(order.batch)

    six.source.before_read = released
    assert not six.stage().error
    six.source.before_read = lambda: None
    six.sync()
    six.check_equal()


# --- decisions under UUIDs that are made anew ------------------------------------------------------------------------
def test_a_declined_doubt_under_new_uuids_takes_no_item_away(six: World) -> None:
    six.row(1).update(record_uuid=uuid(301), PRICE="77")
    six.add(302, ORDER="A1", PRICE="88")
    six.stage()
    decline(six)
    for by in (400, 500):
        for number, row in enumerate(six.source.orders):
            row["record_uuid"] = uuid(by + number)
        counts = six.stage().counts
        assert (counts.new, counts.changed, counts.removed, counts.waiting) == (0, 0, 0, 2)


@pytest.fixture
def declined_twin(six: World) -> World:
    """A new twin of order 1 was held by a narrowed run and declined; a run over all rows has settled whose it is."""
    six.add(7, ORDER="A1", PRICE="77", PO="P7")
    assert six.stage(po_number="P7").counts.held == 1
    decline(six)
    assert six.stage().counts.waiting == 1
    return six


def test_a_declined_twin_takes_no_item_of_one_that_is_dropped(declined_twin: World) -> None:
    declined_twin.drop(1)
    counts = declined_twin.stage().counts
    assert (counts.changed, counts.removed, counts.waiting) == (0, 1, 1)


def test_a_declined_twin_is_no_doubt_of_a_fresh_uuid(declined_twin: World) -> None:
    declined_twin.row(1).update(record_uuid=uuid(301), PRICE="12")
    counts = declined_twin.stage().counts
    assert (counts.held, counts.changed) == (0, 1)


def test_what_a_person_holds_stays_held_under_a_fresh_uuid(six: World) -> None:
    six.change(1, PRICE="77")
    six.add(7)
    six.stage()
    orders = [six.order(number).pk for number in (1, 7)]
    decide.hold(batch=six.batch(), orders=orders, actor="ben", now=six.clock.now(), reason="later")
    reload(six)
    counts = six.sync().counts
    assert (counts.new, counts.changed, counts.waiting) == (0, 0, 2) and len(six.shown()) == 6
    assert (six.state(300), six.state(306)) == ("held", "held")


@pytest.mark.parametrize("decision", [lambda world: None, decline], ids=["waiting", "declined"])
def test_twins_whose_changes_wait_are_told_by_these(six: World, decision: Callable[[World], None]) -> None:
    six.change(2, ORDER="A1")
    six.sync()
    six.change(1, PRICE="77")
    six.change(2, PRICE="88")
    six.stage()
    decision(six)
    reload(six)
    counts = six.stage().counts
    assert (counts.new, counts.held, counts.removed) == (0, 0, 0)
    assert {(s.record, s.link_key) for s in Snapshot.objects.all()} == {(uuid(299 + n), uuid(n)) for n in range(1, 7)}


# --- a key in a column that no board shows ---------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["waiting", "declined", "declined creation"])
def test_a_key_that_moves_while_a_decision_waits_is_known(world: World, what: str) -> None:
    world.publish(HARBOUR + "business_key: [ORDER, PO]\n")
    for number in range(1, 7):
        world.add(number)
    world.sync()
    number = 7 if what == "declined creation" else 1
    if number == 7:
        world.add(7)
    else:
        world.change(1, PRICE="77")
    world.stage()
    if what != "waiting":
        decline(world)
    world.row(number)["PO"] = "P99"
    assert world.stage().counts.waiting == 1
    reload(world)
    counts = world.stage().counts
    assert (counts.new, counts.removed) == (0, 0)


@pytest.mark.parametrize("left", [False, True], ids=["declined", "not followed"])
def test_a_key_that_is_defined_anew_is_known_of_what_was_decided(six: World, left: bool) -> None:
    if left:
        link = Snapshot.objects.select_related("customer", "board").get(record=uuid(1))
        gone.stop(link=link, actor="ben", now=six.clock.now(), reason="enough")
    else:
        six.add(7)
        six.stage()
        decline(six)
    six.publish(HARBOUR + "business_key: [ORDER, COLOUR]\n")
    six.stage()
    reload(six)
    counts = six.stage().counts
    assert (counts.new, counts.removed) == (0, 0)


def test_rows_that_cannot_be_used_are_not_alike(six: World) -> None:
    six.change(1, NOTES="of order 1")
    six.sync()
    item = six.item(1).id
    six.change(1, ORDER="A99", TOTAL=99)
    six.add(9, ORDER="A99", NOTES="of order 9", TOTAL=98)
    six.sync()
    one, nine = six.row(1), six.row(9)
    nine["record_uuid"], one["record_uuid"] = sorted((uuid(500), uuid(501)))
    six.sync()
    one["TOTAL"] = nine["TOTAL"] = 3
    six.sync()
    shown = {i.id: i for items in six.shown().values() for i in items}
    assert shown[item].cells["long_text_notes"] == "of order 1" and len(shown) == 6


def test_another_customers_row_is_no_rival_by_a_key_that_is_not_its_own(six: World) -> None:
    six.publish(HARBOUR + "business_key: [ORDER, PO]\n")
    six.change(1, CUSTOMER="BHOOD")
    six.sync()
    six.row(1).update(record_uuid=uuid(301), PRICE="77")
    six.add(7, ORDER="A1")
    counts = six.stage().counts
    assert (counts.held, counts.new, counts.changed) == (0, 1, 1)


# --- rows that cannot be used and stood there before -----------------------------------------------------------------
@pytest.mark.parametrize("twin", [{"TOTAL": 98}, {"record_uuid": "no uuid"}], ids=["invalid", "no UUID"])
def test_a_twin_that_could_not_be_used_before_is_no_rival(six: World, twin: dict[str, Any]) -> None:
    six.add(9, ORDER="A1", **twin)
    six.sync()
    six.row(1).update(record_uuid=uuid(301), PRICE="77")
    counts = six.stage().counts
    assert (counts.held, counts.changed, counts.new) == (0, 1, 0)


def test_a_key_that_can_be_read_in_two_ways_is_no_match(six: World) -> None:
    six.change(1, ORDER="A99", STYLE="X / Y", TOTAL=99)
    six.sync()
    six.drop(1)
    six.add(7, ORDER="A99 / X", STYLE="Y", PRICE="77")
    counts = six.stage().counts
    assert (counts.new, counts.removed) == (1, 1)


@pytest.mark.parametrize("runs", [1, 2])
def test_an_order_whose_key_moved_on_a_row_that_cannot_be_used_stays_when_its_uuid_is_lost(
    six: World, runs: int
) -> None:
    six.change(1, ORDER="A99", TOTAL=99)
    six.sync()
    six.row(1)["record_uuid"] = uuid(1)[:-1]
    for _ in range(runs):
        report = six.stage()
        assert report.counts.removed == 0 and "1 order stays" in " ".join(report.warnings)


@pytest.mark.parametrize("stale", [False, True], ids=["full run", "row moved"])
def test_what_a_conflict_is_about_is_kept_while_it_waits(six: World, stale: bool) -> None:
    six.edit(1, numeric_price="99")
    six.change(1, PRICE="12")
    six.sync()
    problem = six.order(1).problem
    assert six.state(1) == "held" and problem and problem["conflicts"]
    if stale:
        six.row(1)["PRICE"] = " 12 "
    six.sync(full=not stale)
    assert (six.state(1), six.order(1).problem, six.order(1).cause) == ("held", problem, "conflict")


def test_a_run_over_all_rows_settles_a_declined_doubt(declined_twin: World) -> None:
    order = declined_twin.order(7)
    assert (order.state, order.cause, order.problem) == ("declined", "", None)
