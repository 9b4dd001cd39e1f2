"""Items that stand on a board already: linked to their records, so that the next sync creates none of them again."""

from __future__ import annotations

import re
from typing import Any

import pytest

from monday.core.operations import ArchiveItem, CreateItem, CreateSubitem
from staging.batches import describe
from staging.batches.decide import release
from staging.boards.adopt import Adopted
from staging.core.changeset import LINK
from staging.detection.guards import GuardRefused
from staging.models import AuditEvent, BoardFinding, Receipt, Snapshot, StagedOrder
from staging.models.run import RunState
from staging.pushing.outlook import forecast
from staging.setup import Stopped
from tests.moments import moments
from tests.strangers import adopted, adoption, put
from tests.world import Mortal, World, uuid

from .counted import counted


def tally(done: Adopted) -> dict[str, int]:
    c = done.counts
    found = {
        "uuid": c.by_uuid, "key": c.by_key, "unsure": c.unsure_items, "orphaned": c.orphaned,
        "unmatched": c.unmatched, "linked": c.linked, "adopted": c.adopted,
    }  # fmt: skip
    return {name: number for name, number in found.items() if number}


def rows(world: World, *numbers: int, **cells: Any) -> None:
    for number in numbers:
        world.add(number, **cells)


# --- what belongs to what ---------------------------------------------------------------------------------------------
def test_a_dry_run_tells_and_links_nothing(world: World) -> None:
    rows(world, 1, 2, 3)
    put(world, 1, 2)
    before = world.shown()
    assert tally(adopted(world, apply=False)) == {"key": 2, "unmatched": 1}
    assert not Snapshot.objects.exists()
    assert world.shown() == before
    assert set(BoardFinding.objects.values_list("category", "record")) == {
        ("matched", uuid(1)), ("matched", uuid(2)), ("unmatched", uuid(3)),
    }  # fmt: skip


def test_adopted_items_get_their_keys_by_an_ordinary_batch_and_are_not_created_again(world: World) -> None:
    rows(world, 1, 2, 3)
    put(world, 1, 2)
    items = {item.id for found in world.shown().values() for item in found}
    assert tally(adopted(world)) == {"key": 2, "unmatched": 1, "adopted": 2}
    assert all("text_record_uuid" not in item.cells for found in world.shown().values() for item in found)
    report = world.stage()
    assert counted(report) == {"new": 1, "changed": 2}
    order = world.order(1)
    assert (order.operation, order.before["cells"][LINK], order.after["cells"][LINK]) == ("update", None, uuid(1))
    (picture,) = describe.orders(order.batch, after_id=order.pk - 1, limit=1)
    assert [(f.title, f.before, f.after) for f in picture.fields] == [("Link key", None, uuid(1))]
    world.approve()
    world.push()
    world.check_equal()
    assert items <= {item.id for found in world.shown().values() for item in found}
    assert len(world.shown()) == 3
    assert counted(world.sync()) == {"unchanged": 3}
    assert LINK not in world.snapshot(1).order["cells"]


def test_what_the_board_shows_counts_as_last_seen_and_differs_without_conflict(world: World) -> None:
    rows(world, 1)
    put(world, 1, numeric_price="99", long_text_notes="old words")
    adopted(world)
    assert world.snapshot(1).order["cells"]["numeric_price"] == "99"
    world.sync()
    assert world.state(1) == "applied"
    world.check_equal()


def test_a_field_that_moved_between_adoption_and_push_is_a_conflict(world: World) -> None:
    rows(world, 1)
    (item,) = put(world, 1, numeric_price="99")
    adopted(world)
    from monday.core.operations import ChangeValues

    world.by_hand(ChangeValues(world.board.board_id, item, {"numeric_price": "98"}))
    world.sync()
    assert world.state(1) == "held"
    assert [one["field"] for one in world.order(1).problem["conflicts"]] == ["numeric_price"]


def test_the_uuid_column_goes_before_the_business_key(world: World) -> None:
    rows(world, 1, 2)
    put(world, 1, link=True, text_order="another")
    put(world, 2)
    assert tally(adopted(world)) == {"uuid": 1, "key": 1, "adopted": 2}
    world.sync()
    world.check_equal()


def test_an_item_with_the_key_of_a_former_uuid_keeps_that_key(world: World) -> None:
    rows(world, 1)
    put(world, 1, link=True)
    world.source.orders[0]["record_uuid"] = uuid(101)
    assert tally(adopted(world)) == {"key": 1, "adopted": 1}
    snapshot = Snapshot.objects.get()
    assert (snapshot.record, snapshot.link_key) == (uuid(101), uuid(1))
    world.sync()
    world.check_equal()
    assert list(world.shown()) == [uuid(1)]


def test_two_items_with_one_uuid_are_shown_side_by_side_and_not_linked(world: World) -> None:
    rows(world, 1, 2)
    one, *_ = put(world, 1, link=True)
    two, *_ = put(world, 1, link=True)
    put(world, 2)
    done = adopted(world)
    assert tally(done) == {"unsure": 2, "key": 1, "adopted": 1}
    found = BoardFinding.objects.filter(category="unsure")
    assert {(f.item_id, f.record) for f in found} == {(one, ""), (two, ""), ("", uuid(1))}
    assert len({f.group for f in found}) == 1
    assert "Remedy" in found[0].why


def test_an_item_that_carries_the_key_of_a_linked_one_is_unsure(world: World) -> None:
    rows(world, 1)
    world.sync()
    world.copy_item(1)
    assert tally(adopted(world)) == {"linked": 1, "unsure": 1}


def test_twins_of_one_business_key_are_told_apart_by_what_they_show(world: World) -> None:
    rows(world, 1)
    world.add(2, ORDER="A1", NOTES="the second")
    put(world, 2, 1)
    assert tally(adopted(world)) == {"key": 2, "adopted": 2}
    world.sync()
    world.check_equal()
    assert world.item(2).cells["long_text_notes"] == "the second"
    assert all(s.order["cells"].get("long_text_notes") == s_notes(s) for s in Snapshot.objects.all())


def s_notes(snapshot: Snapshot) -> str | None:
    return "the second" if snapshot.record == uuid(2) else None


def test_twins_that_cannot_be_told_apart_are_left_for_a_person_with_their_records(world: World) -> None:
    rows(world, 1)
    world.add(2, ORDER="A1")
    put(world, 1, numeric_price="1")
    put(world, 2, numeric_price="2")
    assert tally(adopted(world)) == {"unsure": 2}
    assert BoardFinding.objects.filter(category="unsure").count() == 4
    assert not Snapshot.objects.exists()


def test_what_is_left_unsure_is_held_and_not_created_until_it_is_settled_and_adopted(world: World) -> None:
    rows(world, 1, 2)
    first, second = put(world, 1, numeric_price="1"), put(world, 1, numeric_price="2")
    put(world, 2)
    assert tally(adopted(world)) == {"key": 1, "unsure": 2, "adopted": 1}
    for again in (False, True):
        world.sync(full=again)
        assert world.state(1) == "held" and "adopt again" in world.order(1).reason
        assert world.state(2) == "applied"
    world.by_hand(ArchiveItem(second[0]))
    assert tally(adopted(world)) == {"key": 1, "linked": 1, "adopted": 1}
    assert world.state(1) == "superseded"
    world.sync()
    world.check_equal()
    assert world.item(1).id == first[0]


@pytest.mark.parametrize("between", [True, False], ids=["after a sync", "before any"])
def test_what_is_left_unsure_stays_so_under_a_fresh_uuid(world: World, between: bool) -> None:
    rows(world, 1, 2)
    world.add(3, ORDER="A2", CUSTOMER="BHOOD")
    put(world, 1, numeric_price="1")
    second = put(world, 1, numeric_price="2")
    assert tally(adopted(world)) == {"unsure": 2, "unmatched": 2}
    if between:
        world.sync()
    for number in (1, 2, 3):
        world.row(number)["record_uuid"] = uuid(number + 100)
    for _ in range(2):
        world.sync()
        assert world.state(101) == "held" and "adopt again" in world.order(101).reason
    assert len(Snapshot.objects.all()) == 2
    world.by_hand(ArchiveItem(second[0]))
    assert tally(adopted(world)) == {"key": 1, "linked": 2, "adopted": 1}
    world.sync()
    world.check_equal()


def test_a_new_row_beside_one_that_is_left_unsure_is_created(world: World) -> None:
    rows(world, 1)
    put(world, 1, numeric_price="1")
    put(world, 1, numeric_price="2")
    adopted(world)
    world.add(5, ORDER="A1")
    world.sync()
    assert (world.state(1), world.state(5)) == ("held", "applied")


def test_what_is_left_unsure_may_be_released_by_a_person_and_is_created(world: World) -> None:
    rows(world, 1)
    put(world, 1, numeric_price="1")
    put(world, 1, numeric_price="2")
    adopted(world)
    world.sync()
    (batch,) = {order.batch for order in StagedOrder.objects.filter(record=uuid(1))}
    release(batch=batch, orders=[world.order(1).pk], actor="ben", now=world.clock.now())
    world.sync()
    assert world.state(1) == "applied" and world.on_board(1)


def test_one_record_and_two_equal_items_link_one_and_leave_the_other_alone(world: World) -> None:
    rows(world, 1)
    put(world, 1)
    put(world, 1)
    assert tally(adopted(world, expect_orphans=1)) == {"key": 1, "orphaned": 1, "adopted": 1}
    assert counted(world.sync()) == {"changed": 1}
    assert sum(len(items) for items in world.shown().values()) == 2


def test_a_row_that_is_invalid_today_is_linked_all_the_same_and_not_created_tomorrow(world: World) -> None:
    rows(world, 1, 2)
    put(world, 1, 2)
    world.change(1, TOTAL=99)
    assert tally(adopted(world)) == {"key": 2, "adopted": 2}
    assert counted(world.sync()) == {"invalid": 1, "changed": 1}
    world.change(1, S=1)
    world.sync()
    world.check_equal()
    assert len(world.shown()) == 2


def test_rows_without_uuid_are_linked_by_their_derived_one(world: World) -> None:
    world.add(1)
    put(world, 1)
    world.source.orders[0]["record_uuid"] = None
    assert tally(adopted(world)) == {"key": 1, "adopted": 1}
    assert counted(world.sync()) == {"changed": 1}
    assert len(world.shown()) == 1


def test_rows_of_unknown_customers_are_named_since_their_items_could_not_be_looked_for(world: World) -> None:
    rows(world, 1, 2)
    put(world, 1, 2)
    world.change(2, CUSTOMER="NOBODY")
    done = adopted(world, expect_orphans=1)
    assert tally(done) == {"key": 1, "orphaned": 1, "adopted": 1}
    assert "'NOBODY'" in done.notes[0] and "Remedy" in done.notes[0]


# --- subitems ---------------------------------------------------------------------------------------------------------
def test_subitems_are_adopted_by_their_size_and_get_their_keys(world: World) -> None:
    rows(world, 1)
    put(world, 1)
    adopted(world)
    lines = dict(world.snapshot(1).lines)
    assert set(lines) == {"S", "M"}
    world.change(1, S=7)
    world.sync()
    world.check_equal()
    assert world.item(1).line_ids == {f"{uuid(1)}/{size}": line for size, line in lines.items()}


@pytest.mark.parametrize("cells", [{}, {"PRICE": "12"}, {"S": 7}, {"S": None}, {"XXL": 4}, {"PRICE": "12", "M": None}])
def test_the_forecast_of_the_first_batch_after_an_adoption_is_what_is_sent(world: World, cells: dict[str, Any]) -> None:
    """The keys of subitems are written with their item's own, and stand in no diff."""
    rows(world, 1, 2, 3)
    put(world, 1, 2)
    adopted(world)
    world.change(1, **cells)
    world.stage()
    batch = world.approve()
    ahead = forecast([batch])
    first = len(world.wire.sent)
    world.push(batch)
    sent = [one for one in world.wire.sent[first:] if one.writes and "create_or_get" not in one.query]
    operations = sum(len(re.findall(r"\ba\d+:", one.query)) for one in sent)
    assert ahead is not None and ahead.operations == operations
    world.check_equal()


def test_a_planners_own_xl_is_not_adopted_and_stays(world: World) -> None:
    rows(world, 1)
    (item,) = put(world, 1)
    world.by_hand(CreateSubitem(item, "XXL", {"numeric_qty": "5"}))
    done = adopted(world)
    assert done.counts.own_subitems == 1
    world.sync()
    world.change(1, XXL=4)
    world.sync()
    assert sorted(world.item(1).lines) == sorted(
        [(f"{uuid(1)}/S", "1"), (f"{uuid(1)}/M", "2"), (f"{uuid(1)}/XXL", "4"), ("XXL", "5")]
    )


def test_on_an_item_with_our_keys_a_subitem_without_one_is_a_persons_own(world: World) -> None:
    rows(world, 1)
    (item,) = put(world, 1, link=True, keyed=True)
    world.change(1, XXL=4)
    world.by_hand(CreateSubitem(item, "XXL", {"dropdown_size": ["XXL"], "numeric_qty": "9"}, create_labels=True))
    assert adopted(world).counts.own_subitems == 1
    world.sync()
    assert ("XXL", "9") in world.item(1).lines or ("XXL", "9.0") in world.item(1).lines
    assert dict(world.item(1).lines)[f"{uuid(1)}/XXL"] == "4"


def test_a_size_that_stands_twice_makes_the_item_unsure(world: World) -> None:
    rows(world, 1)
    (item,) = put(world, 1)
    world.by_hand(CreateSubitem(item, "S", {"dropdown_size": ["S"], "numeric_qty": "1"}))
    assert tally(adopted(world)) == {"unsure": 1}
    assert "size S" in BoardFinding.objects.filter(category="unsure")[0].why


def test_an_item_whose_subitems_lack_their_keys_alone_gets_them(world: World) -> None:
    rows(world, 1)
    put(world, 1, link=True)
    assert tally(adopted(world)) == {"uuid": 1, "adopted": 1}
    assert counted(world.sync()) == {"changed": 1}
    world.check_equal()
    assert {receipt.kind for receipt in Receipt.objects.all()} == {"confirm", "mark_line"}


def test_an_undo_takes_the_keys_back_and_the_next_sync_leaves_them(world: World) -> None:
    rows(world, 1)
    put(world, 1, numeric_price="99")
    adopted(world)
    before = world.shown()[""]
    lines = dict(world.snapshot(1).lines)
    world.sync()
    done = world.undo()
    assert (done.undone, done.kept) == (1, {})
    assert world.shown()[""] == before
    assert dict(world.snapshot(1).lines) == lines
    assert counted(world.sync()) == {"waiting": 1}
    world.change(1, NOTES="late")
    world.sync()
    assert world.shown()[""][0].cells["long_text_notes"] == "late"


# --- linking is audited, can be stopped, and repeated -----------------------------------------------------------------
def test_every_link_stands_in_the_audit(world: World) -> None:
    rows(world, 1)
    (item,) = put(world, 1)
    adopted(world)
    event = AuditEvent.objects.get(action="adopted")
    assert event.data["items"] == {uuid(1): [item, "business key"]}
    assert (event.actor, event.subject) == ("cli:ben", f"run:{adoption().pk}")
    world.check()


def test_an_adoption_is_safe_to_repeat(world: World) -> None:
    rows(world, 1, 2)
    put(world, 1, 2)
    adopted(world)
    before = list(Snapshot.objects.values())
    assert tally(adopted(world)) == {"linked": 2}
    assert list(Snapshot.objects.values()) == before
    world.sync()
    assert tally(adopted(world)) == {"linked": 2}


def test_a_stopped_adoption_keeps_what_is_linked_keeps_syncs_out_and_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staging.boards.adopt.PAGE", 1)
    rows(world, 1, 2, 3)
    put(world, 1, 2, 3)

    def stop(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("link", 2):
            raise Stopped

    with pytest.raises(Stopped):
        adopted(world, progress=stop)
    assert Snapshot.objects.count() == 2
    assert adoption().state == RunState.STOPPED
    for mode in ("TEST", "PRODUCTION"):
        report = world.sync(mode=mode)
        assert report.run.state == RunState.REFUSED
        assert "adopt_board --apply" in report.error
    assert tally(adopted(world)) == {"linked": 2, "key": 1, "adopted": 1}
    world.sync()
    world.check_equal()


# --- guards -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("at", moments(range(1, 40), 6))
def test_an_adoption_that_dies_at_any_moment_is_gone_on_from_by_the_next_command(world: World, at: int) -> None:
    """Also between being asked for and being claimed, where no worker would take it up."""
    rows(world, 1, 2, 3)
    put(world, 1, 2)
    with Mortal(world).living(at):
        adopted(world)
    adopted(world)
    world.sync()
    world.check_equal()
    assert len(world.shown()) == 3


def test_nothing_is_linked_on_a_board_without_the_columns_for_the_keys(world: World) -> None:
    rows(world, 1)
    put(world, 1)
    with world.store.connection() as db, world.store.writing(db):
        db.execute("DELETE FROM board_columns WHERE id = 'text_size_key'")
    with pytest.raises(GuardRefused, match=r"text_size_key.*prepare_board"):
        adopted(world)
    assert tally(adopted(world, apply=False)) == {"key": 1}


def test_nothing_is_linked_while_creations_are_staged(world: World) -> None:
    rows(world, 1)
    world.stage()
    put(world, 1)
    with pytest.raises(GuardRefused, match="1 creations are staged"):
        adopted(world)
    assert not Snapshot.objects.exists()


def test_many_items_without_a_record_must_be_vouched_for(world: World) -> None:
    rows(world, *range(1, 11))
    put(world, *range(1, 11))
    world.drop(*range(1, 9))
    with pytest.raises(GuardRefused, match=r"8 of 10 items have no record.*--expect-orphans 8"):
        adopted(world)
    with pytest.raises(GuardRefused, match="not 7 as stated"):
        adopted(world, expect_orphans=7)
    assert not Snapshot.objects.exists()
    assert tally(adopted(world, expect_orphans=8)) == {"key": 2, "orphaned": 8, "adopted": 2}


def test_an_empty_source_and_a_broken_one_link_nothing(world: World) -> None:
    rows(world, 1, 2)
    put(world, 1, 2)
    rows_, world.source.orders = world.source.orders, []
    with pytest.raises(GuardRefused, match="empty"):
        adopted(world)
    world.source.orders, world.source.fail_after = rows_, 1
    with pytest.raises(Exception, match="broke off"):
        adopted(world)
    assert not Snapshot.objects.exists()


def test_a_first_production_run_against_a_board_that_others_filled_is_refused_until_it_is_adopted(world: World) -> None:
    rows(world, 1, 2)
    put(world, 1)
    report = world.sync(mode="PRODUCTION")
    assert report.run.state == RunState.REFUSED
    assert "adopt_board" in report.error and "Remedy" in report.error
    assert not StagedOrder.objects.exists()
    adopted(world, mode="PRODUCTION")
    assert counted(world.stage()) == {"new": 1, "changed": 1}


def test_a_first_production_run_goes_on_where_every_item_is_ours(world: World) -> None:
    rows(world, 1, 2)
    put(world, 1, 2, link=True, keyed=True)
    report = world.stage()
    assert report.run.state == RunState.WAITING
    world.approve()
    world.push()
    world.check_equal()
    assert len(world.shown()) == 2


def test_a_board_of_planners_alone_may_be_used_once_somebody_vouched_for_it(world: World) -> None:
    rows(world, 1)
    group = world._eye.board(world.board.board_id).groups[0].id
    world.by_hand(CreateItem(world.board.board_id, group, "ours, not yours", {}))
    assert world.stage().run.state == RunState.REFUSED
    adopted(world, expect_orphans=1)
    assert world.stage().run.state == RunState.WAITING
