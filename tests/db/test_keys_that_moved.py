"""Whose item is it, where the business keys of several orders move and their UUIDs are made anew before that is shown.

What the source said of an order last tells more than what its item shows.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from staging.batches import release
from staging.models import Snapshot, StagedOrder
from tests.db.test_whose_item import decline, reload, six
from tests.world import World, uuid

__all__ = ["six"]


def links() -> dict[str, str]:
    return dict(Snapshot.objects.values_list("record", "link_key"))


FOLLOWED = {uuid(299 + number): uuid(number) for number in range(1, 7)}


def test_order_numbers_that_are_swapped_while_their_change_waits(six: World) -> None:
    six.change(1, ORDER="A2")
    six.change(2, ORDER="A1")
    six.stage()
    reload(six)
    six.change(300, PRICE="77")
    six.change(301, PRICE="88")
    counts = six.stage().counts
    assert (counts.new, counts.held, counts.removed, counts.changed) == (0, 0, 0, 2)
    assert links() == FOLLOWED


def test_an_order_number_that_is_used_again_while_its_change_waits(six: World) -> None:
    six.change(1, ORDER="A99")
    six.change(2, ORDER="A1")
    six.stage()
    reload(six)
    six.change(300, PRICE="77")
    six.change(301, PRICE="88")
    counts = six.stage().counts
    assert (counts.new, counts.held, counts.removed, counts.changed) == (0, 0, 0, 2)
    assert links() == FOLLOWED


def test_an_order_number_that_goes_back_with_the_reload(six: World) -> None:
    six.change(1, ORDER="A99")
    six.stage()
    reload(six)
    six.change(300, ORDER="A1", PRICE="77")
    counts = six.stage().counts
    assert (counts.new, counts.held, counts.removed, counts.changed) == (0, 0, 0, 1)
    assert links() == FOLLOWED


def test_an_order_number_that_goes_back_beside_one_that_moved_there_is_a_doubt(six: World) -> None:
    six.change(1, ORDER="A2")
    six.stage()
    reload(six)
    six.change(300, ORDER="A1", PRICE="77")
    six.change(301, PRICE="88")
    counts = six.stage().counts
    assert (counts.new, counts.held) == (2, 2), "none takes the other's item"
    assert (counts.removed, counts.changed) == (0, 0), "and none is lost"


@pytest.mark.parametrize("other", [False, True], ids=["as it was", "with other changes"])
def test_a_change_of_the_number_that_was_released_before_a_reload(six: World, other: bool) -> None:
    six.change(1, ORDER="A99")
    six.stage()
    decline(six)
    batch = six.batch()
    orders = [six.order(1).pk]
    release.release_remembered(batch=batch, orders=orders, actor="ben", now=six.clock.now(), reason="after all")
    reload(six)
    if other:
        six.change(300, PRICE="77")
    counts = six.stage().counts
    assert (counts.new, counts.held, counts.removed, counts.changed) == (0, 0, 0, 1)
    assert links() == FOLLOWED


def test_what_was_declined_before_the_source_went_back_is_no_key_any_more(six: World) -> None:
    six.change(1, ORDER="A99")
    six.stage()
    decline(six)
    six.change(1, ORDER="A1")
    six.stage()
    six.row(1).update(record_uuid=uuid(301), ORDER="A99", PRICE="77")
    counts = six.stage().counts
    assert (counts.new, counts.removed) == (1, 1)


def test_a_row_that_is_held_in_doubt_is_one_still_when_its_number_moves(six: World) -> None:
    six.row(1).update(record_uuid=uuid(301), PRICE="77")
    six.add(302, ORDER="A1", PRICE="88")
    assert six.stage().counts.held == 2
    six.change(301, ORDER="A99")
    for number in (1, 0):
        counts = six.stage().counts
        assert (counts.new, counts.held) == (number, number), "it may be the one whose item it was"
        assert (counts.changed, counts.removed) == (0, 0)
        assert {six.state(301), six.state(302)} == {"held"}
    six.drop(302)
    counts = six.stage().counts
    assert (counts.new, counts.changed, counts.removed) == (0, 1, 0)
    assert links()[uuid(301)] == uuid(1)


def test_a_doubt_whose_number_moved_ends_when_the_former_uuid_is_back(six: World) -> None:
    six.row(1).update(record_uuid=uuid(301), PRICE="77")
    six.add(302, ORDER="A1", PRICE="88")
    six.stage()
    six.change(301, ORDER="A99")
    six.stage()
    six.row(301)["record_uuid"] = uuid(1)
    counts = six.stage().counts
    assert (counts.new, counts.changed, counts.held, counts.removed) == (1, 1, 0, 0)


def doubt(six: World, number: int = 1) -> None:
    six.row(number).update(record_uuid=uuid(301), PRICE="77")
    six.add(302, ORDER=f"A{number}", PRICE="88")
    assert six.stage().counts.held == 2


@pytest.mark.parametrize("other", [1, 3])
def test_a_doubt_that_may_be_either_of_two_that_went_takes_none_at_random(six: World, other: int) -> None:
    doubt(six, 2)
    six.change(301, ORDER=f"A{other}")
    six.drop(other, 302)
    six.add(9)
    six.add(10)
    six.stage()
    assert uuid(301) not in links()
    assert not StagedOrder.objects.filter(operation="remove", current=True, record=uuid(2)).exists()


def test_what_is_ambiguous_is_not_paired_as_well(six: World) -> None:
    doubt(six)
    six.change(301, ORDER="A2")
    six.drop(2)
    six.stage()
    assert uuid(301) not in links()
    counts = six.stage().counts
    assert counts.changed == 0, "302 is settled, as its rival sits on another item"


# --- one order that may be two new rows: by the number that its item shows, and by the one said last -------------
@pytest.mark.parametrize("decision", [lambda world: None, decline], ids=["waiting", "declined"])
def test_a_mistyped_number_put_right_in_the_night_its_true_owner_comes(
    six: World, decision: Callable[[World], None]
) -> None:
    six.change(1, ORDER="A7")  # the number of an order that is still to come
    six.stage()
    decision(six)
    reload(six)
    six.change(300, ORDER="A1", PRICE="77")
    six.add(7, ORDER="A7", NOTES="seven")
    six.stage()
    assert uuid(7) not in links()


def test_a_number_that_was_emptied_and_a_new_row_without_one(six: World) -> None:
    item = six.item(1).id
    six.change(1, ORDER="")
    assert six.sync().counts.invalid == 1
    reload(six)
    six.change(300, ORDER="A1", PRICE="77")
    six.add(7, ORDER="")
    six.sync()
    six.change(7, ORDER="A7", NOTES="seven")
    six.sync()
    shown = {i.id: i for found in six.shown().values() for i in found}
    assert shown[item].cells["text_order"] == "A1"
