"""A group that people give another group's title: each order finds the group of its own."""

from __future__ import annotations

import pytest
from django.db import connection

from monday.boards import GroupFailed, ensure_groups
from monday.models import BoardGroup
from staging.batches.decide import release
from tests.db.test_scenarios import hand, rename_group
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


def test_a_group_that_was_deleted_is_followed_once_a_person_made_it_anew(world: World) -> None:
    begun(world)
    with hand(world) as db:
        db.execute("UPDATE board_groups SET state = 'deleted' WHERE title = 'HARBOUR SS27'")
    world.add(3)
    world.sync()
    assert world.state(3) == "held" and "make one of that name" in world.order(3).reason
    with hand(world) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(board_groups)")]
        deleted = db.execute("SELECT * FROM board_groups WHERE title = 'HARBOUR SS27'").fetchone()
        anew = dict(zip(columns, deleted, strict=True)) | {"id": "group_anew", "state": "active"}
        places = ",".join("?" * len(anew))
        db.execute(f"INSERT INTO board_groups ({','.join(anew)}) VALUES ({places})", list(anew.values()))
    release(batch=world.order(3).batch, orders=[world.order(3).pk], actor="ben", now=world.clock.now())
    world.sync()
    assert world.state(3) == "applied" and placed(world, 3) == "group_anew"
    assert BoardGroup.objects.get(title="HARBOUR SS27").group_id == "group_anew"


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="an index is made amid a test on SQLite alone")
def test_titles_that_a_database_takes_for_one_do_not_take_each_others_group(world: World) -> None:
    begun(world)
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX any_case ON monday_boardgroup (board_id, UPPER(title))")
    with pytest.raises(GroupFailed, match="but for capitals"):
        ensure_groups(board=world.board, client=world._eye, titles=["Harbour SS27"], now=world.clock.now())
    assert BoardGroup.objects.get(title="HARBOUR SS27").group_id == placed(world, 1)
