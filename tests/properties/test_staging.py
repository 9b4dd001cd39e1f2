"""Properties of the pure heart: whatever the orders, nothing is lost, doubled or falsified on the way."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.core.order import Order
from staging.core.changeset import (
    Candidate,
    differences,
    field_value,
    match_rekeyed,
    same,
    settled,
    with_field,
)
from staging.core.fingerprint import fingerprint, key_hash, order_of, payload
from staging.core.ports import LiveItem, LiveLine
from staging.core.pushplan import Plan, Write, accepted, plan_change, plan_creation
from staging.core.undoplan import Done, plan_undo
from staging.core.verdict import Accepted, Kind, judge

KEY = "9e3779b9-7f4a-7c15-f39c-c0605cedc835"
# Few letters, so that values often meet; among them those that break naive concatenation.
texts = st.text(alphabet="ab|,:\"'\\ é云", max_size=4)
columns = st.sampled_from(["text_a", "numeric_b", "date_c", "dropdown_d"])
values = st.one_of(st.none(), texts, st.lists(texts, max_size=3, unique=True))
cells = st.dictionaries(columns, values, max_size=4)
sizes = st.dictionaries(st.sampled_from(["S", "M", "L", "XL"]), st.integers(1, 9), max_size=4)
orders = st.builds(Order, name=texts, group=texts, cells=cells, sizes=sizes)
whole = st.builds(Order, name=texts, group=texts, cells=st.fixed_dictionaries(
    {"text_a": values, "numeric_b": values, "date_c": values, "dropdown_d": values}), sizes=sizes)  # fmt: skip


@given(before=orders, after=orders)
def test_applying_a_change_set_to_what_was_gives_what_is(before: Order, after: Order) -> None:
    shown = before
    for change in differences(before, after):
        shown = with_field(shown, change.field, change.after)
    assert differences(shown, after) == ()


@given(before=orders, after=orders)
def test_a_change_set_names_only_fields_that_differ_and_each_once(before: Order, after: Order) -> None:
    changes = differences(before, after)
    assert len({change.field for change in changes}) == len(changes)
    for change in changes:
        assert not same(change.before, change.after)
        assert same(field_value(after, change.field), change.after)


@given(order=orders)
def test_an_order_does_not_differ_from_itself_and_survives_being_stored(order: Order) -> None:
    back = order_of(payload(order))
    assert differences(order, back) == ()
    assert back == order
    assert fingerprint(back) == fingerprint(order)


@given(one=orders, other=orders)
def test_equal_fingerprints_mean_equal_orders_and_nothing_else(one: Order, other: Order) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


@given(order=orders, shuffled=st.randoms(use_true_random=False))
def test_a_fingerprint_does_not_depend_on_the_order_of_anything(order: Order, shuffled: object) -> None:
    turned = replace(
        order, cells=dict(reversed(order.cells.items())), sizes=dict(sorted(order.sizes.items(), reverse=True))
    )
    assert fingerprint(turned) == fingerprint(order)


@given(one=st.lists(texts, max_size=3), other=st.lists(texts, max_size=3))
def test_business_keys_never_run_into_each_other(one: list[str], other: list[str]) -> None:
    assert (key_hash(tuple(one)) == key_hash(tuple(other))) == (one == other)


@given(accepted_order=orders, rendered=orders, withheld_from=orders)
def test_a_withheld_field_is_never_written_and_every_other_one_is(
    accepted_order: Order, rendered: Order, withheld_from: Order
) -> None:
    wanted = differences(accepted_order, rendered)
    withheld = {change.field: change.after for change in wanted[::2]}
    reached = settled(accepted_order, rendered, withheld)
    written = {change.field for change in differences(accepted_order, reached)}
    assert written == {change.field for change in wanted[1::2]}


@given(before=orders, after=orders)
def test_what_was_judged_unchanged_shows_the_same_on_the_board(before: Order, after: Order) -> None:
    verdict = judge(after, fingerprint(after), Accepted(before, fingerprint(before)), None)
    assert (verdict.kind is Kind.UNCHANGED) == (differences(before, after) == ())


# Who it is, its key, and its print: whoever comes twice has two keys.
candidates = st.lists(st.tuples(st.integers(0, 4), st.sampled_from("klm"), st.sampled_from("fgh")), max_size=7)


@given(new=candidates, old=candidates)
def test_no_vanished_record_is_given_to_two_new_ones_and_none_is_forgotten(
    new: list[tuple[int, str, str]], old: list[tuple[int, str, str]]
) -> None:
    appeared = [Candidate(f"n{who}", key, print_) for who, key, print_ in new]
    vanished = [Candidate(f"o{who}", key, print_) for who, key, print_ in old]
    found = match_rekeyed(appeared, vanished)
    keys_of: dict[str, set[str]] = {}
    for candidate in (*appeared, *vanished):
        keys_of.setdefault(candidate.record, set()).add(candidate.key)
    assert len(set(found.pairs.values())) == len(found.pairs)
    assert all(keys_of[one] & keys_of[other] for one, other in found.pairs.items())
    assert not found.ambiguous & found.pairs.keys()
    assert not found.kept & set(found.pairs.values())
    # A new record that is neither matched nor ambiguous has no vanished one left under any of its keys.
    left = {c.key for c in vanished if c.record not in found.pairs.values()}
    for candidate in appeared:
        if candidate.record not in found.pairs and candidate.record not in found.ambiguous:
            assert candidate.key not in left
    # And nobody is kept for a new one that is known.
    unclear = set().union(*(keys_of[record] for record in found.ambiguous))
    assert all(keys_of[record] & unclear for record in found.kept)


# --- a board in a few lines, for the plans ----------------------------------------------------------------------------
class Paper:
    """An item on paper: carries writes out as a board would, and shows itself."""

    def __init__(self, order: Order) -> None:
        self.order, self.archived = order, False
        self.lines = {size: str(place) for place, size in enumerate(order.sizes, 100)}
        self.made = 200

    def live(self) -> LiveItem:
        lines = tuple(
            LiveLine(self.lines[size], size, f"{KEY}/{size}", size, str(quantity))
            for size, quantity in self.order.sizes.items()
        )
        state = "archived" if self.archived else "active"
        return LiveItem("1", KEY, state, True, self.order.name, "g", self.order.group, self.order.cells, lines)

    def write(self, write: Write) -> str:
        if write.kind == "archive_item":
            self.archived = True
            return "1"
        if write.kind != "confirm":
            self.order = accepted(self.order, write.after)
        if write.kind == "create_line":
            self.made += 1
            self.lines[write.size] = str(self.made)
        return self.lines.get(write.size, "1") if write.size else "1"


def carry_out(plan: Plan, paper: Paper) -> list[Done]:
    done = []
    for number, write in enumerate((*plan.item, *plan.lines), 1):
        id = write.item_id or paper.write(write)
        if write.item_id:
            paper.write(write)
        done.append(Done(number, write.kind, id, "1" if write.size else "", write.size, write.before, write.after))
    return done


def shows(paper: Paper, order: Order) -> bool:
    """Whether a board that cannot tell "" from empty shows this order."""
    return not [
        change
        for change in differences(paper.order, order)
        if not (change.before in (None, "", []) and change.after in (None, "", []))
    ]


@given(before=whole, after=whole)
def test_a_change_makes_the_board_show_the_order_and_its_undo_puts_it_back(before: Order, after: Order) -> None:
    paper = Paper(before)
    plan = plan_change(before, after, KEY, paper.live(), dict(paper.lines), {})
    assert not plan.held
    done = carry_out(plan, paper)
    assert shows(paper, after)
    for step in plan_undo(done, paper.live(), KEY):
        assert not step.why
        assert step.write is not None
        paper.write(step.write)
    assert shows(paper, before)


@given(before=whole, after=whole, cut=st.integers(0, 12))
@settings(max_examples=200)
def test_a_push_that_was_cut_off_anywhere_and_repeated_ends_the_same(before: Order, after: Order, cut: int) -> None:
    paper = Paper(before)
    plan = plan_change(before, after, KEY, paper.live(), dict(paper.lines), {})
    for write in (*plan.item, *plan.lines)[:cut]:
        paper.write(write)
    again = plan_change(before, after, KEY, paper.live(), dict(paper.lines), {})
    assert not again.held
    carry_out(again, paper)
    assert shows(paper, after)
    third = plan_change(before, after, KEY, paper.live(), dict(paper.lines), {})
    assert {write.kind for write in (*third.item, *third.lines)} <= {"confirm"}


@given(after=whole, cut=st.integers(0, 6))
def test_a_creation_that_was_cut_off_anywhere_is_completed_and_not_repeated(after: Order, cut: int) -> None:
    paper = Paper(Order(after.name, after.group, {c: v for c, v in after.cells.items() if v is not None}))
    for size in list(after.sizes)[:cut]:
        paper.write(Write("create_line", size=size, after={f"size:{size}": after.sizes[size]}))
    plan = plan_creation(after, KEY, [paper.live()])
    assert "create_item" not in {write.kind for write in plan.item}
    carry_out(plan, paper)
    assert shows(paper, after)


@given(before=whole, after=whole, cut=st.integers(0, 12))
def test_an_undo_that_was_cut_off_anywhere_and_repeated_ends_as_before(before: Order, after: Order, cut: int) -> None:
    paper = Paper(before)
    done = carry_out(plan_change(before, after, KEY, paper.live(), dict(paper.lines), {}), paper)
    for step in plan_undo(done, paper.live(), KEY)[:cut]:
        assert step.write is not None
        paper.write(step.write)
    for step in plan_undo(done, paper.live(), KEY):
        assert not step.why
        assert step.write is not None
        paper.write(step.write)
    assert shows(paper, before)
