"""What was sent without an answer is looked up before anything is compared: nothing is orphaned, doubled or blamed."""

from __future__ import annotations

import pytest
import requests

from monday.core.operations import ArchiveItem, ChangeValues
from staging.batches.decide import release
from staging.models import Receipt, StagedOrder
from tests.moments import moments
from tests.world import Died, Mortal, Sent, World, uuid


@pytest.fixture
def lost(world: World) -> World:
    """Five orders on the board, and a sixth whose creation got no answer."""
    for number in range(2, 7):
        world.add(number)
    world.sync()
    world.settle_seconds = 90
    world.add(1)
    world.wire.lose("create_item", answered=True)
    world.sync()
    assert world.state(1) == "unclear"
    world.wire.calm()
    return world


def later(world: World, runs: int = 1) -> None:
    for _ in range(runs):
        world.clock.sleep(600)
        world.sync()


def test_an_unclear_creation_whose_row_goes_leaves_no_item_that_belongs_to_nobody(lost: World) -> None:
    lost.drop(1)
    later(lost)
    assert lost.item(1).group == "Removed"
    lost.check_equal()


def test_an_unclear_creation_whose_row_moves_on_is_changed_by_the_very_next_run(lost: World) -> None:
    lost.change(1, PRICE="12")
    later(lost)
    assert lost.item(1).cells["numeric_price"] == "12"
    lost.check_equal()


@pytest.mark.parametrize("at_once", [True, False], ids=["while the board may be at work", "later"])
def test_an_unclear_creation_under_a_new_uuid_is_the_same_order(lost: World, at_once: bool) -> None:
    lost.row(1)["record_uuid"] = uuid(77)
    if at_once:
        lost.sync()
    later(lost, 2)
    assert sorted(item[0].name for item in lost.shown().values()) == [f"ST1 RED A{n}" for n in range(1, 7)]
    lost.check_equal()


def test_an_unclear_change_that_the_board_took_is_no_strangers_edit(world: World) -> None:
    """10.50 -> 12 without an answer, and by then the source says 13: 12 on the board is ours, not a conflict."""
    world.add(1)
    world.sync()
    world.settle_seconds = 90
    world.change(1, PRICE="12", S=7)
    world.wire.lose("change_multiple", times=9, answered=True)
    world.sync()
    assert world.state(1) == "unclear"
    world.wire.calm()
    world.change(1, PRICE="13")
    later(world)
    assert world.state(1) == "applied"
    world.check_equal()


@pytest.mark.parametrize("remedy", ["its key is written again", "it is archived", "it is somebody's own"])
@pytest.mark.parametrize("new", [True, False], ids=["creation", "change"])
def test_a_size_without_an_answer_whose_key_is_emptied_is_not_made_twice(world: World, new: bool, remedy: str) -> None:
    """Nothing but its size tells the subitem from a planner's own, so a person says what it is."""
    world.add(1, **({} if new else {"S": None, "TOTAL": 2}))
    world.settle_seconds = 90
    if not new:
        world.sync()
        world.change(1, S=1)
    world.wire.lose("create_subitem", times=1, answered=True)
    world.sync()
    world.wire.calm()
    world.edit_line(1, "S", text_size_key=None)
    later(world)
    assert world.state(1) == "held" and f"{uuid(1)}/S as its key" in world.order(1).reason
    (line,) = (world.item(1).line_ids[name] for name, _ in world.item(1).lines if name == "S")
    if remedy == "it is archived":
        world.by_hand(ArchiveItem(line))
    elif remedy == "its key is written again":
        below = world._eye.board(world.board.board_id).subitems
        assert below is not None
        world.by_hand(ChangeValues(below.id, line, {"text_size_key": f"{uuid(1)}/S"}, create_labels=True))
    release(batch=world.order(1).batch, orders=[world.order(1).pk], actor="ben", now=world.clock.now())
    later(world)
    own = [name for name, _ in world.item(1).lines if name == "S"]
    assert (world.state(1), world.sizes(1)["S"], len(own)) == ("applied", "1", remedy == "it is somebody's own")


def test_what_the_look_up_finds_whole_is_applied_without_another_write(world: World) -> None:
    world.settle_seconds = 90
    world.add(1, S=None, M=None, TOTAL=None)
    world.wire.lose("create_item", answered=True)
    world.sync()
    world.wire.calm()
    writes = len(world.wire.writes)
    later(world)
    assert world.state(1) == "applied"
    assert len(world.wire.writes) == writes
    assert Receipt.objects.filter(record=uuid(1)).values_list("kind", "outcome").order_by("id")[1] == (
        "confirm",
        "done",
    )
    world.check_equal()


def test_a_look_up_that_fails_keeps_no_run_from_its_work(lost: World) -> None:
    lost.clock.sleep(600)
    lost.add(8)
    lost.wire.lose("items_page_by_column_values", times=3, answered=False)
    lost.sync()
    later(lost)
    lost.check_equal()


@pytest.mark.parametrize("at", moments(range(1, 16), 4))
def test_a_look_up_that_dies_at_any_moment_is_finished_by_the_next_run(lost: World, at: int) -> None:
    lost.change(1, PRICE="12")
    lost.clock.sleep(600)
    with Mortal(lost).living(at):
        lost.sync()
    later(lost, 2)
    lost.check_equal()
    assert not StagedOrder.objects.filter(state__in=["sending", "unclear"]).exists()


def test_a_push_whose_last_word_was_lost_with_its_process_is_ended_by_the_next_run(world: World) -> None:
    """All orders are applied, and the process dies before the batch is said to be pushed."""
    world.add(1)
    mortal = Mortal(world)
    with mortal.living(None):
        world.sync(progress=lambda phase, done, total: _die(mortal) if (phase, done) == ("push", total) else None)
    assert (world.state(1), world.batch().state) == ("applied", "pushing")
    world.sync()
    assert world.batch().state == "pushed"
    world.check()


def _die(mortal: Mortal) -> None:
    mortal.dead = True
    raise Died


@pytest.mark.parametrize("at", moments(range(20, 75), 6))
def test_a_removal_that_dies_after_its_answer_is_one_and_the_row_that_returns_comes_back(six: World, at: int) -> None:
    """What the board took before the death needs no second write, and is a removal all the same."""
    rows = six.drop(1)
    with Mortal(six).living(at):
        six.sync()
    six.sync()
    assert (six.item(1).group, six.snapshot(1).state) == ("Removed", "removed")
    six.source.orders += rows
    six.sync()
    six.check_equal()


@pytest.mark.parametrize("gone", [True, False])
def test_an_item_that_came_back_in_part_is_followed_as_one_that_is_back(six: World, gone: bool) -> None:
    """It has left the removed ones, though a size of it found no answer: a row that goes again takes it away again."""
    rows = six.drop(1)
    six.sync()
    six.source.orders += rows
    six.change(1, XXL=4, TOTAL=int(six.row(1)["TOTAL"]) + 4)
    six.settle_seconds = 90
    six.wire.lose("create_subitem", answered=False)
    six.sync()
    six.wire.calm()
    assert (six.item(1).group, six.snapshot(1).state) == ("HARBOUR SS27", "linked")
    if gone:
        six.drop(1)
    else:
        six.change(1, PRICE="12")
    six.clock.sleep(600)
    for _ in range(3):
        six.sync()
    six.check_equal()
    assert (six.item(1).group == "Removed") == gone


@pytest.mark.parametrize("change", ["removal", "change"])
def test_what_was_written_in_part_and_then_taken_back_in_the_source_is_put_right(six: World, change: str) -> None:
    """Its answer is folded, its order superseded by the push that finds the row as it was: the next run must not
    take the row for one that nothing happened to."""
    row = dict(six.row(1))
    if change == "removal":
        six.drop(1)
    else:
        six.change(1, PRICE="12")
    six.stage()
    batch = six.approve()
    mortal = Mortal(six)
    with mortal.living(None):
        six.wire.after = lambda sent: None
        answered = []

        def die(*given: object, **more: object) -> None:
            answered.append(given)
            _die(mortal)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("staging.pushing.send.settle", die)
            six.push(batch)
    assert answered, "it died between the answer and its settling"
    six.source.orders = [one for one in six.source.orders if one["record_uuid"] != uuid(1)] + [row]
    six.push(batch)
    assert six.state(1) == "superseded"
    six.sync()
    six.check_equal()


def test_what_moved_while_its_answer_was_waited_for_is_not_sent_in_its_old_form(world: World) -> None:
    """The look-up within a push lets an order go out again: it is compared with its row first."""
    world.settle_seconds = 3
    world.add(1)
    world.stage()
    batch = world.approve()
    lost = []

    def lose(sent: Sent) -> None:
        if sent.holds("create_item") and not lost:
            lost.append(sent)
            world.change(1, PRICE="12")
            raise requests.ConnectionError("the connection broke")

    world.wire.before = lose
    pushed = world.push(batch)
    assert lost and pushed.moved == ["ST1 RED A1"] and not world.on_board(1)
    world.sync()
    world.check_equal()
