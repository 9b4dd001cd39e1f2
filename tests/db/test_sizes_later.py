"""Sizes later: all items of a first load stand on the board before any of their sizes, under one approval."""

from __future__ import annotations

from typing import Any

import pytest

from staging.batches.describe import describe
from staging.destinations.board import MondayBoard
from staging.models import Batch, Snapshot
from staging.pushing.push import push
from staging.setup import silent
from tests.core.mapping_samples import BOARD
from tests.db.admin_line import opened_line, work_off
from tests.world import Mortal, World

LATER = BOARD + "policy: {sizes: later}\n"


@pytest.fixture
def first_load(world: World) -> World:
    """Two customers with three orders each, and one order without sizes."""
    for number in range(1, 4):
        world.add(number)
        world.add(number + 10, CUSTOMER="BHOOD")
    world.add(20, S=0, M=0, TOTAL=0)
    return world


def order_of_writes(world: World) -> list[str]:
    kinds = {"create_item": "items", "create_subitem": "sizes"}
    return [name for sent in world.run_writes for word, name in kinds.items() if sent.holds(f"{word}(")]


def test_items_of_all_customers_go_out_before_any_size(first_load: World) -> None:
    report = first_load.sync(sizes="later", chunk=2)
    kinds = order_of_writes(first_load)
    assert kinds == sorted(kinds) and set(kinds) == {"items", "sizes"}
    assert (report.counts.created, report.counts.pending) == (7, 0)
    first_load.check_equal()
    first_load.check()
    assert first_load.board.known_structure() is not None
    known = first_load.known_board().known_structure()
    assert known is not None and known.items_count == 7


def test_the_mappings_policy_says_so_too_and_a_request_goes_before_it(first_load: World) -> None:
    first_load.publish(LATER)
    first_load.sync(sizes="together", chunk=2)
    kinds = order_of_writes(first_load)
    assert kinds != sorted(kinds)
    for number in (4, 14):
        first_load.add(number, CUSTOMER="BHOOD" if number > 10 else "HARBOUR (AU)")
    first_load.sync(chunk=1)
    kinds = order_of_writes(first_load)
    assert kinds == sorted(kinds)
    first_load.check_equal()


def test_sizes_that_follow_stay_in_sight_and_need_no_second_approval(first_load: World) -> None:
    first_load.stage(sizes="later")
    batch = Batch.objects.get(customer__name="HARBOUR")
    first_load.approve(batch)
    setup = first_load.setup()
    push(batch=batch, setup=setup, actor="ben", chunk=100, progress=silent, items_only=True)
    assert batch.state == "paused"
    assert "The items of 3 orders are on the board; sizes follow." in describe(batch).sentence
    assert first_load.sizes(1) == {} and first_load.state(20) == "applied"
    staged = first_load.stage()
    assert (staged.counts.changed, staged.counts.staged) == (0, 0), "they go out under the approval they have"
    batch.refresh_from_db()
    assert batch.state == "pushed"
    assert first_load.sizes(1) == {"S": "1", "M": "2"}
    assert describe(batch).sentence.endswith("subitems.")


def test_an_order_that_moved_between_its_item_and_its_sizes_is_staged_anew(first_load: World) -> None:
    first_load.stage(sizes="later")
    batch = Batch.objects.get(customer__name="HARBOUR")
    first_load.approve(batch)
    push(batch=batch, setup=first_load.setup(), actor="ben", chunk=100, progress=silent, items_only=True)
    first_load.change(1, S=7)
    moved = first_load.push(batch).moved
    assert moved == [first_load.order(1).label]
    first_load.sync()
    first_load.check_equal()


def test_an_undo_between_items_and_sizes_takes_the_items_back(first_load: World) -> None:
    first_load.stage(sizes="later")
    batch = Batch.objects.get(customer__name="HARBOUR")
    first_load.approve(batch)
    push(batch=batch, setup=first_load.setup(), actor="ben", chunk=100, progress=silent, items_only=True)
    assert first_load.undo(batch).undone == 4
    assert first_load.shown() == {} and not Snapshot.objects.exists()


@pytest.mark.parametrize("how", ["its key is emptied", "the board finds it late"])
def test_an_item_that_its_key_does_not_find_gets_its_sizes_and_is_not_made_twice(first_load: World, how: str) -> None:
    batch = items_first(first_load)
    item = first_load.item(1)
    if how == "its key is emptied":
        first_load.edit(1, text_record_uuid=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MondayBoard, "find", lambda board, keys: {})
        first_load.push(batch)
    assert first_load.state(1) == "applied"
    assert first_load.snapshot(1).item_id == item.id
    (shown,) = [one for items in first_load.shown().values() for one in items if one.name == item.name]
    assert shown.id == item.id and len(shown.lines) == 2


def test_an_item_that_was_archived_before_its_sizes_is_gone_and_not_made_anew(first_load: World) -> None:
    batch = items_first(first_load)
    first_load.archive(1)
    first_load.push(batch)
    assert (first_load.state(1), first_load.order(1).cause) == ("held", "gone")
    assert not first_load.on_board(1)
    assert first_load.state(2) == "applied"


def items_first(world: World) -> Batch:
    """The items of a customer are on the board, and its sizes are not."""
    world.stage(sizes="later")
    batch = Batch.objects.get(customer__name="HARBOUR")
    world.approve(batch)
    push(batch=batch, setup=world.setup(), actor="ben", chunk=100, progress=silent, items_only=True)
    return batch


def test_jobs_send_the_items_of_all_batches_first(first_load: World, settings: Any, monkeypatch: Any) -> None:
    from staging import jobs

    opened_line(first_load, settings, monkeypatch)
    first_load.publish(LATER)
    before = len(first_load.wire.sent)
    jobs.ask_sync(mode="TEST", actor="anna", trigger="admin", scope={})
    said: list[str] = []
    for _ in range(3):
        said += work_off()
    first_load.run_writes = [sent for sent in first_load.wire.sent[before:] if sent.writes]
    assert sum("goes on with the next message" in one for one in said) == 2
    assert not Batch.objects.exclude(state="pushed").exists()
    first_load.check_equal()


@pytest.mark.parametrize("start", range(3))
def test_a_push_of_sizes_later_that_dies_anywhere_is_finished_by_the_next(first_load: World, start: int) -> None:
    first_load.publish(LATER)
    first_load.stage()
    for batch in Batch.objects.order_by("id"):
        first_load.approve(batch)
    mortal = Mortal(first_load)
    for at in range(start + 1, 70, 3):
        with mortal.living(at):
            first_load.sync()
        first_load.check(settled=False)
        if not mortal.dead:
            break
    first_load.clock.sleep(600)
    first_load.sync()
    first_load.check_equal()
