"""Items that a creation finds by their key: what is ours is completed, and what may be somebody's is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from monday.client import Unavailable
from monday.sandbox.faults import Fault
from staging.batches.conflicts import in_conflict, rule, what_is_seen
from staging.batches.describe import orders
from tests.core.mapping_samples import BOARD
from tests.world import World

PRICE = "numeric_price"
ASKED = "activity_logs"
Restored = Callable[..., None]


@pytest.fixture
def restored(world: World) -> Restored:
    """Two orders are created, people do `what`, the source moves, and the database is that of before. Then a sync."""

    def run(what: Callable[[], None] = lambda: None, **cells: Any) -> None:
        yesterday = transaction.savepoint()
        for number in (1, 2):
            world.add(number)
        world.sync()
        what()
        transaction.savepoint_rollback(yesterday)
        if cells:
            world.change(1, **cells)
        world.sync()

    return run


def decide(world: World, take: str, field: str = PRICE) -> None:
    batch = world.order(1).batch
    held = in_conflict(batch, field)
    seen = what_is_seen(held, field)
    rule(batch=batch, orders=held, field=field, take=take, seen=seen, actor="ben", now=world.clock.now())
    world.push(batch)


def asked(world: World) -> int:
    return sum(sent.holds(ASKED) for sent in world.wire.sent)


def test_what_shows_the_order_is_linked_and_the_activity_not_asked(world: World, restored: Restored) -> None:
    restored()
    assert asked(world) == 0
    world.check_equal()


def test_what_we_wrote_before_is_written_over_by_one_further_call(world: World, restored: Restored) -> None:
    restored(PRICE="12", S=7)
    assert asked(world) == 1
    world.check_equal()


@pytest.mark.parametrize("field", ["cell", "name", "group", "size"])
def test_what_somebody_else_wrote_is_held_whatever_field_it_is(world: World, restored: Restored, field: str) -> None:
    def hand() -> None:
        if field == "cell":
            world.edit(1, numeric_price="11")
        elif field == "name":
            world.edit(1, name="mine")
        elif field == "size":
            world.edit_line(1, "S", numeric_qty="9")
        else:
            world.add(3, SEASON="AW27")
            world.sync()
            world.move(1, "HARBOUR AW27")

    restored(hand)
    name = {"cell": PRICE, "size": "size:S"}.get(field, field)
    (conflict,) = world.order(1).problem["conflicts"]
    assert (world.state(1), world.state(2), conflict["field"], conflict["known"]) == ("held", "applied", name, False)
    decide(world, "source", name)
    assert world.state(1) == "applied"
    world.check_equal()


def test_the_edit_of_one_cell_holds_no_other(world: World, restored: Restored) -> None:
    restored(lambda: world.edit(1, numeric_price="11"), NOTES="ours", PRICE="12", UNIT="PACK")
    assert [one["field"] for one in world.order(1).problem["conflicts"]] == [PRICE]


def test_an_edit_that_we_wrote_over_since_is_nobodys_any_more(world: World, restored: Restored) -> None:
    def hand() -> None:
        world.edit(1, numeric_price="11")
        world.change(1, PRICE="11")
        world.sync()
        world.change(1, PRICE="12")
        world.sync()

    restored(hand, PRICE="13")
    assert world.item(1).cells[PRICE] == "13"
    world.check_equal()


def test_an_edit_of_which_the_activity_tells_nothing_any_more_is_held(world: World, restored: Restored) -> None:
    """How far the log goes back depends on the account's plan: what it does not tell is not taken for ours."""

    def forget() -> None:
        with world.store.connection() as db, world.store.writing(db):
            db.execute("DELETE FROM activity")

    restored(forget, PRICE="12")
    assert world.state(1) == "held"


def test_where_the_activity_may_not_be_read_everything_that_differs_is_held(
    world: World, restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> Any:
        raise Unavailable("not allowed", code="UserUnauthorizedException", permanent=True)

    monkeypatch.setattr(world._client, "edits", refuse)
    restored(PRICE="12")
    assert (world.state(1), world.state(2)) == ("held", "applied")


def test_an_outage_while_the_activity_is_asked_for_sends_nothing_and_is_gone_on_from(
    world: World, restored: Restored
) -> None:
    restored(lambda: world.wire.lose(ASKED, times=9, answered=False), PRICE="12")
    assert world.item(1).cells[PRICE] == "10.5"
    world.wire.calm()
    world.sync()
    world.check_equal()


def test_the_boards_value_stays_by_a_ruling_until_the_source_asks_for_another(world: World, restored: Restored) -> None:
    restored(lambda: world.edit(1, numeric_price="11", name="mine"))
    for field in (PRICE, "name"):
        decide(world, "board", field)
    assert (world.state(1), world.item(1).cells[PRICE], world.item(1).name) == ("applied", "11", "mine")
    again = world.sync(full=True)
    assert (again.counts.changed, again.counts.new, world.run_writes) == (0, 0, [])
    world.change(1, PRICE="13")
    world.sync()
    assert (world.state(1), world.item(1).cells[PRICE]) == ("held", "11")


@pytest.mark.parametrize(("policy", "shown"), [("source", "10.5"), ("board", "11")])
def test_the_mappings_policy_decides_without_a_person(
    world: World, restored: Restored, policy: str, shown: str
) -> None:
    world.publish(BOARD.replace("as: decimal}", f"as: decimal, conflicts: {policy}}}"))
    restored(lambda: world.edit(1, numeric_price="11"))
    assert (world.state(1), world.item(1).cells[PRICE]) == ("applied", shown)


def test_what_is_ours_follows_the_source_also_where_the_board_would_keep_an_edit(
    world: World, restored: Restored
) -> None:
    world.publish(BOARD.replace("as: decimal}", "as: decimal, conflicts: board}"))
    restored(PRICE="12")
    assert world.item(1).cells[PRICE] == "12"


def test_pages_and_lines_say_that_it_is_not_known_what_was_written(world: World, restored: Restored) -> None:
    restored(lambda: world.edit(1, numeric_price="11"))
    (picture,) = orders(world.order(1).batch, states=["held"])
    (conflict,) = picture.conflicts
    assert (conflict.written, conflict.wanted, conflict.live) == ("not known", "10.5", "11")


def test_a_rejected_size_that_goes_out_again_writes_over_no_edit(world: World) -> None:
    """The item was made by the same order; what was sent of it is on record."""
    world.add(1)
    world.strike(Fault("field_limit", every=1, on="create_subitem", alias=0))
    world.sync()
    world.strike()
    world.edit(1, numeric_price="11")
    world.clock.sleep(3600)
    world.sync()
    assert (world.state(1), world.item(1).cells[PRICE]) == ("held", "11")
    assert world.order(1).problem["conflicts"][0]["written"] == "10.5"
    assert asked(world) == 0


def test_a_size_that_was_made_is_ours_where_its_order_goes_out_again_and_its_key_was_emptied(world: World) -> None:
    """One of two sizes is refused; the other is known by its number."""
    world.add(1)
    world.strike(Fault("field_limit", every=1, on="create_subitem", alias=0))
    world.sync()
    world.strike()
    world.edit_line(1, "M", text_size_key="", numeric_qty="9")
    world.clock.sleep(3600)
    world.sync()
    assert [one["field"] for one in world.order(1).problem["conflicts"]] == ["size:M"]
    decide(world, "source", "size:M")
    assert world.state(1) == "applied"
    assert sorted(quantity or "" for _, quantity in world.item(1).lines) == ["1", "2"]


def test_a_moved_item_keeps_its_place_where_it_is_known_that_somebody_moved_it(world: World) -> None:
    """As of a change: the group's field is kept, the rest is completed."""
    world.add(1)
    world.add(2, SEASON="AW27")
    world.strike(Fault("field_limit", every=1, on="create_subitem", alias=0))
    world.sync()
    world.strike()
    world.move(1, "HARBOUR AW27")
    world.clock.sleep(3600)
    world.sync()
    assert (world.state(1), world.item(1).group) == ("applied", "HARBOUR AW27")
    assert world.sync(full=True).counts.changed == 0
