"""From what is wanted and what stands on the board to the writes, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mapping.core.order import Order
from staging.core.changeset import differences
from staging.core.ports import LiveItem, LiveLine
from staging.core.pushplan import Past, Plan, Write, accepted, plan_archive, plan_change, plan_creation
from staging.core.undoplan import STOOD, Done, attributed, plan_undo

KEY = "9e3779b9-7f4a-7c15-f39c-c0605cedc835"
A = Order("ST1 RED A1", "SS27", {"price": "10", "style": ["ST1"], "notes": None}, {"S": 1, "M": 2})
B = replace(A, cells={**A.cells, "price": "11"}, sizes={"S": 5, "M": 2})
LINES = {"S": "71", "M": "72", "L": "73"}


def line(size: str, quantity: str | None, id: str = "", key: str | None = None, touched: bool = False) -> LiveLine:
    return LiveLine(id or LINES.get(size, "79"), size, f"{KEY}/{size}" if key is None else key, size, quantity, touched)


def live(order: Order = A, *more: LiveLine, **values: Any) -> LiveItem:
    """The item as it shows this order, changed by a person as `values` say."""
    fields = {name: values.pop(name) for name in ("name", "group", "state", "on_board", "lines") if name in values}
    lines = tuple(line(size, str(quantity)) for size, quantity in order.sizes.items())
    shown = LiveItem("7", KEY, "active", True, order.name, "g", order.group, {**order.cells, **values}, (*lines, *more))
    return replace(shown, **fields)


def change(before: Order, after: Order, shown: LiveItem | None, **policies: str) -> Plan:
    return plan_change(before, after, KEY, shown, LINES, {"": "hold", **policies})


def kinds(plan: Plan) -> list[str]:
    return [write.kind for write in (*plan.item, *plan.lines)]


# --- creations --------------------------------------------------------------------------------------------------------
def test_a_new_order_is_one_item_and_a_line_for_each_size() -> None:
    plan = plan_creation(A, KEY, [])
    (item,) = plan.item
    assert item.after == {"name": A.name, "group": A.group, "price": "10", "style": ["ST1"]}
    assert [(w.kind, w.size, dict(w.before), dict(w.after)) for w in plan.lines] == [
        ("create_line", "S", {"size:S": None}, {"size:S": 1}),
        ("create_line", "M", {"size:M": None}, {"size:M": 2}),
    ]


def test_an_item_that_carries_the_key_already_is_linked_and_not_made_again() -> None:
    plan = plan_creation(A, KEY, [live()])
    assert kinds(plan) == ["confirm"] * 3
    assert plan.item[0].item_id == "7"
    assert {write.item_id for write in plan.lines} == {"71", "72"}


def test_of_an_item_that_is_there_only_what_is_missing_is_written() -> None:
    half = live(A, price=None, lines=(line("S", "1"),))
    plan = plan_creation(A, KEY, [half])
    assert [(w.kind, dict(w.after)) for w in plan.item[1:]] == [("change_item", {"price": "10"})]
    assert [(w.kind, w.size, w.parent_id) for w in plan.lines] == [("confirm", "S", "7"), ("create_line", "M", "7")]


def test_a_size_that_a_planner_named_alike_is_not_taken_for_ours() -> None:
    foreign = line("M", "4", id="99", key="")
    plan = plan_creation(A, KEY, [live(A, lines=(line("S", "1"), foreign))])
    assert [(w.kind, w.size) for w in plan.lines] == [("confirm", "S"), ("create_line", "M")]


@pytest.mark.parametrize(
    ("past", "held"),
    [
        (Past(), True),
        (Past(ours=frozenset({"price"})), False),
        (Past(sent={"price": "9"}), False),
        (Past(sent={"price": "10"}), True),
        (Past(sent={"price": "10"}, ours=frozenset({"name"})), True),
    ],
    ids=["nothing is known", "the board says it is ours", "we sent it", "we sent another", "another field is ours"],
)
def test_what_an_item_with_our_key_shows_otherwise_is_written_over_only_where_it_is_ours(
    past: Past, held: bool
) -> None:
    plan = plan_creation(A, KEY, [live(price="9")], past, {"": "hold"})
    assert bool(plan.held) is held
    if held:
        (conflict,) = plan.conflicts
        assert (conflict.field, conflict.live, conflict.known) == ("price", "9", "price" in past.sent)
    else:
        assert [dict(w.after) for w in plan.item if w.kind == "change_item"] == [{"price": "10"}]


def test_what_the_board_keeps_of_a_found_item_is_accepted_as_far_as_it_is_known() -> None:
    shown = live(name="mine", price="9")
    plan = plan_creation(A, KEY, [shown], Past(), {"": "board"})
    assert dict(plan.kept) == {"name": A.name, "price": "10"}
    assert plan.item[0].after["name"] == "mine" and "price" not in plan.item[0].after
    sent = plan_creation(A, KEY, [shown], Past(sent={"price": "8"}), {"": "board"})
    assert sent.item[0].after["price"] == "8"


def test_a_key_that_stands_on_two_items_is_held_with_both_named() -> None:
    plan = plan_creation(A, KEY, [live(), replace(live(), id="8")])
    assert kinds(plan) == []
    assert "7, 8" in plan.held
    assert "Remedy" in plan.held


# --- changes ----------------------------------------------------------------------------------------------------------
def test_a_change_writes_only_what_differs_with_the_value_before() -> None:
    plan = change(A, B, live())
    assert [(w.kind, w.item_id, dict(w.before), dict(w.after)) for w in (*plan.item, *plan.lines)] == [
        ("change_item", "7", {"price": "10"}, {"price": "11"}),
        ("change_line", "71", {"size:S": 1}, {"size:S": 5}),
    ]


def test_a_group_is_moved_and_a_name_is_changed() -> None:
    plan = change(A, replace(A, name="other", group="AW27"), live())
    assert [(w.kind, dict(w.after)) for w in plan.item] == [
        ("change_item", {"name": "other"}),
        ("move_item", {"group": "AW27"}),
    ]


def test_what_the_board_shows_already_is_accepted_without_a_write() -> None:
    plan = change(A, B, live(B))
    assert kinds(plan) == ["confirm", "confirm"]
    (item,) = plan.item
    assert item.after == {"price": "11", "size:S": 5}


def test_a_change_that_went_through_half_is_completed() -> None:
    plan = change(A, B, live(A, price="11"))
    assert kinds(plan) == ["confirm", "change_line"]


def test_a_field_that_a_person_changed_is_a_conflict_with_three_values() -> None:
    plan = change(A, B, live(A, price="99"))
    assert kinds(plan) == []
    (conflict,) = plan.conflicts
    assert (conflict.field, conflict.written, conflict.wanted, conflict.live) == ("price", "10", "11", "99")


def test_a_quantity_that_a_person_changed_is_a_conflict_too() -> None:
    (conflict,) = change(A, B, live(A, lines=(line("S", "3"), line("M", "2")))).conflicts
    assert (conflict.field, conflict.written, conflict.wanted, conflict.live) == ("size:S", 1, 5, 3)


def test_a_persons_edit_of_a_field_that_does_not_change_is_left_alone() -> None:
    plan = change(A, B, live(A, notes="mine", name="mine", group="mine"))
    assert kinds(plan) == ["change_item", "change_line"]
    assert set(plan.item[0].after) == {"price"}


def test_the_policy_says_who_wins() -> None:
    edited = live(A, price="99")
    assert dict(change(A, B, edited, price="source").item[0].after) == {"price": "11"}
    kept = change(A, B, edited, price="board")
    assert kept.kept == {"price": "11"}
    assert kinds(kept) == ["change_line"]


def test_a_newly_mapped_column_over_a_filled_cell_is_a_conflict_and_over_an_empty_one_is_none() -> None:
    after = replace(A, cells={**A.cells, "po": "P1"})
    assert [conflict.field for conflict in change(A, after, live(A, po="theirs")).conflicts] == ["po"]
    assert kinds(change(A, after, live(A, po=""))) == ["change_item"]


@pytest.mark.parametrize("shown", [None, live(state="archived"), live(state="deleted"), live(on_board=False)], ids=str)
def test_an_item_that_is_gone_is_held_and_nothing_is_written(shown: LiveItem | None) -> None:
    plan = change(A, B, shown)
    assert kinds(plan) == []
    assert "Remedy" in plan.held


def test_a_size_without_quantity_is_archived_unless_people_have_written_into_it() -> None:
    without = replace(A, sizes={"M": 2})
    assert kinds(change(A, without, live())) == ["archive_line"]
    touched = live(A, lines=(line("S", "1", touched=True), line("M", "2")))
    (write,) = change(A, without, touched).lines
    assert (write.kind, write.item_id, dict(write.after)) == ("change_line", "71", {"size:S": None})


def test_a_size_that_comes_back_reuses_its_emptied_line() -> None:
    emptied = live(A, lines=(line("S", "0", touched=True), line("M", "2")))
    (write,) = change(replace(A, sizes={"M": 2}), A, emptied).lines
    assert (write.kind, write.item_id, dict(write.after)) == ("change_line", "71", {"size:S": 1})


def test_a_size_that_is_gone_already_is_no_write() -> None:
    plan = change(A, replace(A, sizes={"M": 2}), live(A, lines=(line("M", "2"),)))
    assert kinds(plan) == ["confirm"]


def test_an_archiving_removal_is_confirmed_where_somebody_was_quicker() -> None:
    assert kinds(plan_archive(live(), A)) == ["archive_item"]
    assert kinds(plan_archive(live(state="archived"), A)) == ["confirm"]


# --- the fold of receipts ---------------------------------------------------------------------------------------------
def test_the_accepted_order_is_the_fold_of_what_was_answered() -> None:
    plan = plan_creation(A, KEY, [])
    shown: Order | None = None
    for write in (*plan.item, *plan.lines):
        shown = accepted(shown, write.after)
    assert shown == replace(A, cells={"price": "10", "style": ["ST1"]})
    assert accepted(A, {"archived": True}) == A
    assert accepted(B, {"size:S": None}).sizes == {"M": 2}


# --- undo -------------------------------------------------------------------------------------------------------------
def receipts(plan: Plan, *, item_id: str = "7") -> list[Done]:
    """The plan's writes as they were answered."""
    done = []
    for number, write in enumerate((*plan.item, *plan.lines), 1):
        id = write.item_id or (LINES[write.size] if write.size else item_id)
        parent = item_id if write.size else ""
        done.append(Done(number, write.kind, id, parent, write.size, write.before, write.after))
    return done


def back(done: list[Done], shown: LiveItem | None, *, force: bool = False) -> list[Write | None]:
    return [step.write for step in plan_undo(done, shown, KEY, force=force)]


def test_a_created_item_is_archived() -> None:
    (write,) = back(receipts(plan_creation(A, KEY, [])), live())
    assert write is not None
    assert (write.kind, write.item_id) == ("archive_item", "7")


@pytest.mark.parametrize(
    "shown",
    [
        live(price="99"),
        live(group="Mine"),
        live(A, lines=(line("S", "9"), line("M", "2"))),
        live(A, lines=(line("S", "1"), line("M", "2", touched=True))),
        live(A, line("cutting", None, id="99", key="")),
    ],
    ids=["cell", "group", "quantity", "a planner's cell", "a planner's subitem"],
)
def test_a_created_item_into_which_somebody_wrote_is_kept_unless_forced(shown: LiveItem) -> None:
    done = receipts(plan_creation(A, KEY, []))
    (kept,) = plan_undo(done, shown, KEY)
    assert kept.write is None
    assert kept.kept
    assert kept.why
    (forced,) = back(done, shown, force=True)
    assert forced is not None
    assert forced.kind == "archive_item"


@pytest.mark.parametrize("shown", [None, live(state="archived"), live(state="deleted")], ids=str)
def test_a_created_item_that_is_gone_already_is_confirmed(shown: LiveItem | None) -> None:
    (write,) = back(receipts(plan_creation(A, KEY, [])), shown)
    assert write is not None
    assert (write.kind, dict(write.after)) == ("confirm", {"archived": True})


def test_a_change_is_put_back_last_write_first() -> None:
    after = replace(B, group="AW27")
    done = receipts(change(A, after, live()))
    writes = back(done, live(after))
    assert [(w.kind, dict(w.before), dict(w.after)) for w in writes if w] == [
        ("change_line", {"size:S": 5}, {"size:S": 1}),
        ("move_item", {"group": "AW27"}, {"group": "SS27"}),
        ("change_item", {"price": "11"}, {"price": "10"}),
    ]


def test_a_field_that_somebody_edited_since_is_kept_and_the_others_go_back() -> None:
    after = replace(A, cells={**A.cells, "price": "11", "notes": "late"})
    (step,) = plan_undo(receipts(change(A, after, live())), live(after, price="99"), KEY)
    assert step.kept == {"price": "99"}
    assert step.write is not None
    assert dict(step.write.after) == {"notes": None}
    (forced,) = back(receipts(change(A, after, live())), live(after, price="99"), force=True)
    assert forced is not None
    assert dict(forced.after) == {"notes": None, "price": "10"}


def test_an_undo_whose_answer_was_lost_is_confirmed_and_not_taken_for_an_edit() -> None:
    after = replace(A, cells={**A.cells, "price": "11"}, sizes={"S": 5, "XL": 3})
    done = receipts(change(A, replace(after, sizes={"S": 5}), live()))
    steps = plan_undo(done, live(A), KEY)
    assert {step.write.kind for step in steps if step.write} == {"confirm"}
    assert not [step for step in steps if step.why or step.kept]


def test_an_added_line_goes_and_a_removed_one_comes_back() -> None:
    after = replace(A, sizes={"S": 1, "L": 4})
    done = receipts(change(A, after, live()))
    writes = back(done, live(A, lines=(line("S", "1"), line("L", "4", id="73"))))
    assert [(w.kind, w.item_id, w.parent_id, w.size, dict(w.after)) for w in writes if w] == [
        ("create_line", "", "7", "M", {"size:M": 2}),
        ("archive_line", "73", "7", "L", {"size:L": None}),
    ]


def test_a_line_that_is_back_already_is_not_made_twice() -> None:
    done = receipts(change(A, replace(A, sizes={"S": 1}), live()))
    (write,) = back(done, live(A))
    assert write is not None
    assert (write.kind, write.item_id) == ("confirm", "72")


def test_an_added_line_into_which_people_wrote_is_emptied_and_not_archived() -> None:
    done = [Done(1, "create_line", "73", "7", "L", {"size:L": None}, {"size:L": 4})]
    (write,) = back(done, live(A, line("L", "4", id="73", touched=True)))
    assert write is not None
    assert (write.kind, dict(write.after)) == ("change_line", {"size:L": None})


def test_an_item_that_is_gone_cannot_be_put_back() -> None:
    done = receipts(change(A, B, live()))
    steps = plan_undo(done, None, KEY)
    assert [step.write for step in steps] == [None, None]
    assert all("Remedy" in step.why for step in steps)


def test_what_was_only_confirmed_was_not_ours_and_stays() -> None:
    (step,) = plan_undo(receipts(change(A, B, live(B))), live(B), KEY)
    assert (step.write, step.why) == (None, STOOD)
    assert all(not one.forcible for one in step.stays)
    assert {one.field: one.written for one in step.stays} == {one.field: one.after for one in differences(A, B)}


def test_what_was_only_confirmed_and_reads_as_before_by_now_counts_as_put_back() -> None:
    (step,) = plan_undo(receipts(change(A, B, live(B))), live(A), KEY)
    assert step.write is not None and (step.write.kind, step.why) == ("confirm", "")


def test_a_lost_write_that_the_board_shows_was_ours_and_goes_back() -> None:
    lost = [
        Done(1, "change_item", "7", "", "", {"price": "10"}, {"price": "11"}),
        Done(2, "change_item", "7", "", "", {"price": "10"}, {"price": "11"}),
        Done(3, "change_line", "71", "7", "S", {"size:S": 1}, {"size:S": 5}),
        Done(4, "change_item", "7", "", "", {"notes": None}, {"notes": "never arrived"}),
    ]
    seen = [replace(d, receipt=d.receipt + 10) for d in receipts(change(A, B, live(B)))]
    writes = back(attributed(seen, lost), live(B))
    assert [(w.kind, dict(w.after)) for w in writes if w] == [
        ("change_line", {"size:S": 1}),
        ("change_item", {"price": "10"}),
    ]


def test_a_lost_creation_that_was_found_again_is_archived_by_its_undo() -> None:
    lost = [Done(1, "create_item", "", "", "", {}, dict(plan_creation(A, KEY, []).item[0].after))]
    seen = [replace(d, receipt=d.receipt + 10) for d in receipts(plan_creation(A, KEY, [live()]))]
    (write,) = back(attributed(seen, lost), live())
    assert write is not None
    assert (write.kind, write.item_id) == ("archive_item", "7")


def test_a_confirmation_before_the_lost_write_is_no_proof_of_it() -> None:
    lost = [Done(9, "change_item", "7", "", "", {"price": "10"}, {"price": "11"})]
    seen = receipts(change(A, B, live(B)))
    assert attributed(seen, lost) == seen
