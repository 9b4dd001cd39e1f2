"""What publishing would change is told beforehand, and the run after it stages exactly that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from mapping.core.document import parse_board, parse_customer
from mapping.core.order import Rendered
from mapping.core.render import ColumnsMissing
from mapping.impact import Impact, families, measure, touched
from staging.core.fingerprint import fingerprint, order_of
from staging.core.identity import canonical
from staging.core.ports import Scope
from staging.core.verdict import Accepted, Kind, Remembered, judge
from staging.models import Snapshot, StagedOrder
from staging.models.snapshot import LinkState
from tests.core.mapping_samples import BHOOD, BOARD, HARBOUR
from tests.world import World, uuid


class Known:
    """What this installation knows of its records, as the port asks for it."""

    def __init__(self, world: World) -> None:
        self.board = world.board

    def __call__(self, record: str, customer: str, rendered: Rendered) -> bool:
        snapshot = Snapshot.objects.filter(board=self.board, record=record).first()
        last = StagedOrder.objects.filter(board=self.board, record=record, current=True).first()
        accepted = snapshot and Accepted(
            order_of(snapshot.order),
            snapshot.order_fingerprint,
            snapshot.withheld,
            removed=snapshot.state == LinkState.REMOVED,
        )
        remembered = last and Remembered(last.order_fingerprint, last.state, last.operation)
        verdict = judge(rendered.order, fingerprint(rendered.order), accepted, remembered)
        return verdict.kind in (Kind.NEW, Kind.CHANGED)


def told(world: World, text: str, steps: list[tuple[int, int]] | None = None) -> Impact:
    """What publishing this text would change in this world."""
    document = parse_customer(text)[0] or parse_board(text)[0]
    assert document is not None
    before, after = families(document)
    spellings = touched(before, after, [name for name, _ in world.source.customers()])
    setup = world.setup()
    rows = list(rows_of(world, spellings))
    return measure(
        after=after,
        columns=world.source.names,
        structure=setup.structure,
        rows=rows,
        judge=Known(world),
        total=len(rows),
        progress=lambda done, total: (steps if steps is not None else []).append((done, total)),
    )


def rows_of(world: World, spellings: Sequence[str | None]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    scope = Scope(customers=tuple(str(name) for name in spellings))
    identities = [raw for raw, _ in world.source.fingerprints(scope) if raw]
    for raw, _, row in world.source.rows(identities, scope):
        record = canonical(raw)
        assert record is not None
        yield record, row


@pytest.fixture
def synced(world: World) -> World:
    """Five orders of HARBOUR and three of B'HOOD, all on the board."""
    for number in range(1, 6):
        world.add(number, PRICE="TBC" if number == 5 else "10.50")
    for number in range(6, 9):
        world.add(number, CUSTOMER="BHOOD", NOTES="pack flat" if number == 8 else None)
    world.sync()
    return world


CHANGES = {
    "a column of one customer": (HARBOUR + "columns: {UNIT: text_unit}\n", {"HARBOUR": 5}),
    "a rule that two orders of a customer meet": (
        BHOOD + "columns: {NOTES: {to: long_text_notes, values: {PACK FLAT: hang}}}\n",
        {"B'HOOD": 1},
    ),
    "another item name for all": (
        BOARD.replace("{STYLE} {COLOUR} {ORDER}", "{ORDER} {STYLE}"),
        {"HARBOUR": 5, "B'HOOD": 3},
    ),
    "a rule that no cell meets": (HARBOUR + "columns: {UNIT: {to: color_unit, values: {BOX: CARTON}}}\n", {}),
    "a remark": (HARBOUR + "# a remark\n", {}),
    "the order of keys": (
        "aliases: [HARBOUR (AU), HARBOUR (US)]\nsizes: {rename: {2XL: XXL}}\ncustomer: HARBOUR\nversion: 1\n",
        {},
    ),
    "who approves": (HARBOUR + "policy: {approve: person, approvers: [ben]}\n", {}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_number_told_is_the_number_staged(synced: World, name: str) -> None:
    text, expected = CHANGES[name]
    impact = told(synced, text)
    assert {customer: each.staged for customer, each in impact.customers.items() if each.staged} == expected
    synced.publish(text)
    report = synced.stage()
    assert (report.counts.new, report.counts.changed) == (0, impact.staged)
    staged = StagedOrder.objects.filter(state="staged", current=True)
    assert {order.batch.customer.name for order in staged.select_related("batch__customer")} == set(expected)


def test_what_would_be_invalid_is_told_and_not_counted_as_staged(synced: World) -> None:
    text = HARBOUR + "columns: {PRICE: {to: numeric_price, as: decimal, unreadable: reject}}\n"
    impact = told(synced, text)
    assert (impact.staged, impact.invalid) == (0, 1)
    assert impact.sentence() == "0 orders would be staged again. 1 would be invalid."
    synced.publish(text)
    report = synced.stage()
    assert (report.counts.changed, report.counts.invalid) == (0, 1)


def test_an_alias_that_goes_holds_its_rows(synced: World) -> None:
    impact = told(synced, "version: 1\ncustomer: B'HOOD\n")
    assert (impact.staged, impact.held) == (0, {"BHOOD": 3})
    assert "3 would be held" in impact.sentence()


def test_an_alias_that_comes_stages_its_rows(world: World) -> None:
    world.add(1, CUSTOMER="HARBOUR (NZ)")
    world.sync()
    text = HARBOUR.replace("(US)]", "(US), HARBOUR (NZ)]")
    impact = told(world, text)
    assert impact.sentence() == "1 order would be staged again: HARBOUR 1."
    world.publish(text)
    assert world.stage().counts.new == 1


def test_progress_is_told_and_may_stop_the_work(synced: World) -> None:
    steps: list[tuple[int, int]] = []
    told(synced, CHANGES["another item name for all"][0], steps)
    assert steps == [(0, 8), (8, 8)]


def test_a_column_that_the_source_lacks_is_named(synced: World) -> None:
    with pytest.raises(ColumnsMissing, match="NOWHERE"):
        told(synced, HARBOUR + "columns: {NOWHERE: text_nowhere}\n")


def test_other_customers_rows_are_not_read(synced: World) -> None:
    before, after = families(parse_customer(HARBOUR + "columns: {UNIT: text_unit}\n")[0])  # type: ignore[arg-type]
    assert touched(before, after, ["HARBOUR (AU)", "BHOOD", "nobody", None]) == ["HARBOUR (AU)"]
    assert uuid(1)


SOURCE_COSMETICS = {
    "a trailing blank": {"COLOUR": "RED  ", "NOTES": " "},
    "zeros of a price": {"PRICE": "10.500"},
    "a sign of money": {"PRICE": "$10.50"},
    "midnight behind a date": {"EX_FACTORY": "2026-01-01T00:00"},
}


@pytest.mark.parametrize("name", SOURCE_COSMETICS)
def test_a_cosmetic_change_of_the_source_stages_nothing(world: World, name: str) -> None:
    world.add(1, EX_FACTORY="2026-01-01")
    world.sync()
    world.change(1, **SOURCE_COSMETICS[name])
    report = world.stage()
    assert (report.counts.changed, report.counts.unchanged) == (0, 1)


def test_a_price_to_be_confirmed_does_not_hide_the_order(world: World) -> None:
    world.add(1, PRICE="TBC")
    report = world.sync()
    assert report.counts.new == 1
    order = StagedOrder.objects.get()
    assert "numeric_price" not in order.after["cells"]
    (problem,) = order.warnings
    assert (problem["column"], problem["value"]) == ("PRICE", "TBC")
