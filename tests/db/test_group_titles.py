"""A group that people give another group's title: each order finds the group of its own."""

from __future__ import annotations

from monday.models import BoardGroup
from tests.db.test_scenarios import rename_group
from tests.world import World


def begun(world: World) -> None:
    for number in (1, 2):
        world.add(number)
    world.sync()


def placed(world: World, number: int) -> str:
    """The id of the group in which a record's item stands."""
    item_id = world.snapshot(number).item_id
    items = world._eye.all_items(world.board.board_id, columns=[], subitem_columns=[])
    return next(item.group_id for item in items if item.id == item_id)


def test_a_group_that_got_another_customers_title_stays_that_of_its_own_orders(world: World) -> None:
    begun(world)
    rename_group(world, "HARBOUR SS27", "B'HOOD SS27")
    world.add(3, CUSTOMER="B'HOOD")
    world.add(4)
    world.sync()
    groups = dict(BoardGroup.objects.values_list("title", "group_id"))
    assert groups["HARBOUR SS27"] != groups["B'HOOD SS27"]
    assert placed(world, 3) == groups["B'HOOD SS27"]
    assert placed(world, 4) == placed(world, 1) == groups["HARBOUR SS27"]
    world.change(1, PRICE="12")
    world.sync()
    assert world.state(1) == "applied"
