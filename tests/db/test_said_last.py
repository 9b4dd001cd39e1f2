"""What the source said last of an order is kept whatever becomes of the change that said it, and nothing older counts.

An order whose number changed is known by the new one when its table is loaded with fresh UUIDs; one whose number was
put right, or was pushed, is not known by what was decided before.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest
from django.apps import apps

from monday.core.operations import CreateItem
from staging.batches import decide
from staging.boards import gone
from staging.models import Snapshot
from tests.core.mapping_samples import BOARD
from tests.db.test_whose_item import decline, once_while_writing, reload, six
from tests.world import World, uuid

__all__ = ["six"]
FREE = "deletions: {action: move, at_most: 100%}\n"


def links() -> dict[str, str]:
    return dict(Snapshot.objects.values_list("record", "link_key"))


# --- what was decided before --------------------------------------------------------------------------------------
@pytest.fixture(params=["empty cells are kept", "no such column"])
def any_six(six: World, request: pytest.FixtureRequest) -> World:
    if request.param == "no such column":
        six.publish(BOARD.replace(", empty: keep", "") + FREE)
        six.sync()
    return six


def test_undo_of_an_older_batch_and_a_plain_reload_writes_nothing(any_six: World) -> None:
    six = any_six
    six.change(1, PRICE="20")
    six.change(2, PRICE="30")
    six.sync()
    prices = six.batch()
    six.change(1, ORDER="A99")
    six.change(2, ORDER="A1")
    six.sync()
    six.undo(prices)
    reload(six)
    counts = six.stage().counts
    assert (counts.new, counts.changed, counts.removed) == (0, 0, 0)
    assert (links().get(uuid(300)), links().get(uuid(301))) == (uuid(1), uuid(2))


def test_the_same_to_the_end_in_test_mode(six: World) -> None:
    six.change(1, PRICE="20")
    six.change(2, PRICE="30")
    six.sync()
    prices = six.batch()
    six.change(1, ORDER="A99")
    six.change(2, ORDER="A1")
    six.sync()
    six.undo(prices)
    items = {number: six.item(number).id for number in (1, 2)}
    reload(six)
    six.sync()
    shown = {i.id: i for found in six.shown().values() for i in found}
    assert len(shown) == 6
    assert (shown[items[1]].cells["text_order"], shown[items[2]].cells["text_order"]) == ("A99", "A1")


def test_a_mistyped_number_that_was_declined_and_put_right_long_ago(any_six: World) -> None:
    six = any_six
    six.change(1, ORDER="A2")
    six.stage()
    decline(six)
    six.change(1, ORDER="A1")
    six.sync()
    six.change(1, PRICE="20")
    six.change(2, PRICE="30")
    six.sync()
    reload(six)
    six.change(300, PRICE="21")
    six.change(301, PRICE="31")
    counts = six.stage().counts
    assert (counts.new, counts.held, counts.changed) == (0, 0, 2)
    assert (links().get(uuid(300)), links().get(uuid(301))) == (uuid(1), uuid(2))


def test_a_number_that_was_declined_and_is_given_to_a_new_order_later(any_six: World) -> None:
    """A1 -> A98 is declined, A1 -> A99 is pushed; with a reload and a new price of order 1 a new order A98 comes."""
    six = any_six
    six.change(1, ORDER="A98")
    six.stage()
    decline(six)
    six.change(1, ORDER="A99")
    six.sync()
    reload(six)
    six.change(300, PRICE="21")
    six.add(7, ORDER="A98")
    counts = six.stage().counts
    assert links().get(uuid(300)) == uuid(1), "the new order takes the item of order 1"
    assert uuid(7) not in links()
    assert (counts.new, counts.changed) == (1, 1)


def test_a_new_order_with_the_former_number_in_the_night_after_an_undo(any_six: World) -> None:
    six = any_six
    six.change(1, PRICE="20")
    six.sync()
    prices = six.batch()
    six.change(1, ORDER="A99")
    six.sync()
    six.undo(prices)
    reload(six)
    six.add(7, ORDER="A1")
    counts = six.stage().counts
    assert links().get(uuid(300)) == uuid(1), "the new order takes the item of order 1"
    assert (counts.new, counts.changed) == (1, 0)


def test_the_same_beside_a_cell_that_cannot_be_read_and_is_left(six: World) -> None:
    """`unreadable: leave` is the default for optional columns; no column says `empty: keep` here."""
    six.publish(BOARD.replace(", empty: keep", "") + FREE)
    six.sync()
    for number in (1, 2):
        six.change(number, **{"EX FACTORY": "soon"})
    six.sync()
    six.change(1, PRICE="20")
    six.change(2, PRICE="30")
    six.sync()
    prices = six.batch()
    six.change(1, ORDER="A99")
    six.change(2, ORDER="A1")
    six.sync()
    six.undo(prices)
    reload(six)
    counts = six.stage().counts
    assert (counts.new, counts.changed, counts.removed) == (0, 0, 0)


# --- what was superseded, and by whom ------------------------------------------------------------------------------
def follows(six: World) -> None:
    """The next sync finds the order by the number that it has now."""
    counts = six.stage().counts
    assert (counts.new, counts.removed) == (0, 0)
    assert Snapshot.objects.get(record=uuid(300)).link_key == uuid(1)


def test_approved_then_reloaded_then_pushed_before_the_next_sync(six: World) -> None:
    six.change(1, ORDER="A99")
    six.stage()
    six.approve()
    reload(six)
    six.push()  # supersedes it: "gone from the source"
    follows(six)


def test_its_price_moves_after_the_approval_and_the_push_supersedes_it(six: World) -> None:
    six.change(1, ORDER="A99")
    six.stage()
    six.approve()
    six.change(1, PRICE="44")
    six.push()
    reload(six)
    follows(six)


def test_held_for_a_conflict_and_released_in_the_evening(six: World) -> None:
    six.edit(1, numeric_price="77")
    six.change(1, ORDER="A99", PRICE="12")
    six.sync()
    order = six.order(1)
    assert order.state == "held"
    decide.release(batch=order.batch, orders=[order.pk], actor="ben", now=six.clock.now())
    reload(six)
    follows(six)


def test_an_older_batch_is_undone_while_the_number_waits(six: World) -> None:
    six.change(1, PRICE="12")
    six.sync()
    prices = six.batch()
    six.change(1, ORDER="A99")
    six.stage()
    six.undo(prices)
    reload(six)
    follows(six)


def test_its_batch_is_undone_before_it_was_sent(six: World) -> None:
    six.edit(1, text_order="by hand")
    six.change(1, ORDER="A99")
    six.change(2, PRICE="88")
    six.sync()
    assert six.state(1) == "held"
    six.undo()
    reload(six)
    follows(six)


def test_gone_and_not_followed_any_more(six: World) -> None:
    six.archive(1)
    six.change(1, ORDER="A99")
    six.sync()
    link = Snapshot.objects.select_related("customer", "board").get(record=uuid(1))
    gone.stop(link=link, actor="ben", now=six.clock.now(), reason="cancelled by the buyer")
    reload(six)
    assert six.stage().counts.new == 0


def test_gone_and_linked_to_another_item(six: World) -> None:
    six.archive(1)
    six.change(1, ORDER="A99")
    six.sync()
    structure = six.setup().structure
    group = structure.groups[0].id
    (item,) = six.by_hand(CreateItem(six.board.board_id, group, "x", {}))
    link = Snapshot.objects.select_related("customer", "board").get(record=uuid(1))
    gone.relink(link=link, item_id=item, setup=six.setup(), actor="ben")
    reload(six)
    follows(six)


def test_a_number_put_right_after_an_undo_is_never_heard(six: World) -> None:
    six.change(1, PRICE="12")
    six.sync()
    prices = six.batch()
    six.change(1, ORDER="A99")
    six.stage()
    six.undo(prices)
    six.change(1, ORDER="A1")
    for _ in range(5):
        six.stage()  # quiet: the row is exactly that of the undone order
    reload(six)
    six.add(7, ORDER="A99")
    six.stage()
    links = dict(Snapshot.objects.values_list("record", "link_key"))
    assert uuid(7) not in links
    assert links.get(uuid(300)) == uuid(1)


# --- what had gone -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("run", ["removal waits", "removed"])
@pytest.mark.parametrize("decision", [lambda world: None, decline], ids=["number waits", "number declined"])
def test_gone_for_a_night_and_back_under_a_fresh_uuid(six: World, decision: Callable[[World], None], run: str) -> None:
    six.change(1, ORDER="A99")
    six.stage()
    decision(six)
    row = six.row(1)
    six.source.orders.remove(row)
    counts = six.sync().counts if run == "removed" else six.stage().counts
    assert counts.removed == 1
    row["record_uuid"] = uuid(300)
    six.source.orders.insert(0, row)
    assert six.stage().counts.new == 0


def test_the_same_without_a_changed_number_is_found(six: World) -> None:
    row = six.row(1)
    six.source.orders.remove(row)
    six.sync()
    row["record_uuid"] = uuid(300)
    six.source.orders.insert(0, row)
    assert six.stage().counts.new == 0


# --- a sync while others write -----------------------------------------------------------------------------------
def sync_in_between(six: World, number: int, order: str) -> list[int]:
    def act() -> None:
        six.wire.before = lambda sent: None
        six.change(number, ORDER=order)
        six.stage()

    return once_while_writing(six, act)


def found_again(six: World) -> None:
    reload(six)
    counts = six.stage().counts
    assert (counts.new, counts.removed) == (0, 0)


def test_a_number_goes_back_while_its_change_is_sent(six: World) -> None:
    six.change(1, ORDER="A99")
    six.stage()
    six.approve()
    done = sync_in_between(six, 1, "A1")
    six.push()
    assert done
    found_again(six)


def test_a_number_moves_while_an_older_batch_is_undone(six: World) -> None:
    six.change(1, PRICE="12")
    six.sync()
    prices = six.batch()
    done = sync_in_between(six, 1, "A99")
    six.undo(prices)
    assert done
    found_again(six)


# --- databases of before -------------------------------------------------------------------------------------------
def test_what_waited_before_it_was_kept_is_filled_in(six: World) -> None:
    six.change(2, PRICE="20")
    six.sync()
    prices = six.batch()
    six.change(2, ORDER="A98")
    six.sync()
    six.change(1, ORDER="A99")
    six.change(3, PRICE="30")
    six.stage()
    six.undo(prices)
    said = dict(Snapshot.objects.values_list("record", "said"))
    assert [record for record, words in said.items() if words] == [uuid(1)]
    Snapshot.objects.update(said=[])
    import_module("staging.migrations.0025_said_of_what_waits").fill(apps, None)
    assert dict(Snapshot.objects.values_list("record", "said")) == said


def test_an_unusable_row_of_before_the_upgrade(six: World) -> None:
    total = six.row(1)["TOTAL"]
    six.change(1, ORDER="A99", TOTAL=99)
    assert six.sync().counts.invalid == 1
    Snapshot.objects.update(said=[])
    import_module("staging.migrations.0025_said_of_what_waits").fill(apps, None)
    for _ in range(3):
        six.sync()
    reload(six)
    six.change(300, TOTAL=total)
    counts = six.stage().counts
    assert (counts.new, counts.removed) == (0, 0)
