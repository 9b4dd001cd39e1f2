"""A UUID that was an order's once comes back: each order keeps an item of its own."""

from __future__ import annotations

import requests

from staging.core.identity import spare
from staging.models import Snapshot, StagedOrder
from tests.core.mapping_samples import BOARD
from tests.world import Sent, World, uuid


def apart(world: World) -> None:
    """No two orders share an item, and the board shows what the source says."""
    for _ in range(2):
        world.sync()
    items = list(Snapshot.objects.values_list("item_id", flat=True))
    assert len(items) == len(set(items))
    world.check_equal()


def renamed_uuid(world: World) -> None:
    """The first order gets another UUID; its item keeps the key."""
    world.row(1)["record_uuid"] = uuid(77)
    assert world.sync().counts.rekeyed == 1


def test_an_old_uuid_that_returns_as_another_order_makes_an_item_of_its_own(six: World) -> None:
    renamed_uuid(six)
    first = six.item(1)
    six.add(1, ORDER="B9", STYLE="ST9", PRICE="99")
    six.sync()
    assert six.item(1) == first
    assert six.snapshot(1).link_key == spare(uuid(1), 1)
    apart(six)


def test_a_uuid_returns_a_third_time(six: World) -> None:
    renamed_uuid(six)
    six.add(1, ORDER="B9", STYLE="ST9", PRICE="99")
    six.sync()
    six.row(1)["record_uuid"] = uuid(78)
    six.sync()
    six.add(1, ORDER="C9", STYLE="ST9", PRICE="98")
    six.sync()
    assert six.snapshot(1).link_key == spare(uuid(1), 2)
    apart(six)


def test_the_former_table_comes_back_with_one_order_renamed(six: World) -> None:
    for number, row in enumerate(six.source.orders, 1):
        row["record_uuid"] = uuid(number + 100)
    assert six.sync().counts.rekeyed == 6
    for number, row in enumerate(six.source.orders, 1):
        row["record_uuid"] = uuid(number)
    six.row(1)["ORDER"] = "Z9"
    counts = six.sync().counts
    assert (counts.rekeyed, counts.new, counts.removed) == (5, 1, 1)
    assert six.item(1).group == "Removed"
    apart(six)


def test_a_derived_uuid_is_taken_by_another_row(six: World) -> None:
    row = six.add(7, record_uuid=None)
    six.sync()
    row["record_uuid"] = uuid(50)
    six.sync()
    row["ORDER"] = "Z1"
    six.sync()
    six.add(7, record_uuid=None, PRICE="99")
    six.sync()
    items = list(Snapshot.objects.values_list("item_id", flat=True))
    assert len(items) == len(set(items)) == 8


def test_an_answer_that_was_lost_is_found_by_the_key_of_its_own(six: World) -> None:
    renamed_uuid(six)
    six.add(1, ORDER="B9", STYLE="ST9", PRICE="99")
    six.wire.lose("create_item", answered=True)
    six.sync()
    six.bury()
    apart(six)


def test_the_key_of_an_order_that_was_archived_is_not_given_to_another(six: World) -> None:
    six.publish(BOARD + "deletions: {action: archive}\n")
    renamed_uuid(six)
    rows, six.source.orders = six.source.orders[:1], six.source.orders[1:]
    six.sync()
    batch = six.batch()
    six.add(1, ORDER="B9", STYLE="ST9", PRICE="99")
    six.sync()
    six.undo(batch)
    six.source.orders += rows
    apart(six)


def test_an_order_that_was_approved_with_a_key_that_is_taken_is_staged_anew(six: World) -> None:
    renamed_uuid(six)
    six.add(1, ORDER="B9", STYLE="ST9", PRICE="99")
    six.stage()
    StagedOrder.objects.filter(pk=six.order(1).pk).update(link_key=uuid(1))
    first = six.item(1)
    six.approve()
    pushed = six.push()
    assert six.item(1) == first
    assert (six.state(1), len(pushed.moved)) == ("superseded", 1)
    apart(six)


def test_a_key_that_a_person_put_onto_another_orders_item_is_waited_for(six: World) -> None:
    six.add(7)
    six.stage()
    six.approve()
    six.edit(1, text_record_uuid=uuid(7))
    six.push()
    order = six.order(7)
    assert order.state == "held"
    assert "belongs to the order" in order.reason
    assert "Remedy" in order.reason


def test_an_answer_that_was_lost_is_not_looked_for_on_another_orders_item(six: World) -> None:
    six.add(7)
    six.stage()
    six.approve()
    taken = six.item(1).id

    def elsewhere(sent: Sent) -> None:
        if sent.holds("create_item"):
            six.wire.calm()
            six.edit(1, text_record_uuid=uuid(7))
            raise requests.ConnectionError("the connection broke")

    six.wire.before = elsewhere
    six.push()
    six.bury()
    six.sync()
    assert not Snapshot.objects.filter(record=uuid(7), item_id=taken).exists()
    assert "belongs to the order" in six.order(7).reason
