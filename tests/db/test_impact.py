"""What publishing would change is told beforehand, and the run after it stages exactly that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from mapping.drafts import save_draft_text
from mapping.impact import affected, imagined, with_text
from mapping.models import Version
from mapping.published import load_family
from staging.detection.guards import GuardRefused
from staging.models import Batch, Seen, Snapshot, StagedOrder, SyncRun
from staging.models.run import Kind
from staging.previews.impact import preview
from staging.setup import Stopped
from tests.core.mapping_samples import BHOOD, BOARD, HARBOUR
from tests.world import World


def draft(text: str) -> Version:
    return save_draft_text(text=text, actor="anna", note="", now=timezone.now()).version


def told(world: World, text: str, steps: list[tuple[str, int, int]] | None = None) -> dict[str, Any]:
    """What publishing this text would change in this world."""
    version = draft(text)
    before = world.setup()
    after = replace(before, mappings=imagined(with_text(version.document, text)))
    run = SyncRun(kind=Kind.IMPACT, mode="TEST", actor="anna", pk=99)
    seen = steps if steps is not None else []
    return preview(
        before=before,
        after=after,
        run=run,
        actor="anna",
        problems=(),
        progress=lambda phase, done, total: seen.append((phase, done, total)),
    )


def by_customer(found: dict[str, Any]) -> dict[str, int]:
    """Customer -> orders that the text is the reason of."""
    return {each["name"]: each["because"] for each in found["customers"] if each["because"]}


def kept() -> list[Any]:
    """Everything that a run could have written."""
    orders = StagedOrder.objects.order_by("pk").values_list("pk", "state", "current", "mapping_key")
    marks = Snapshot.objects.order_by("pk").values_list("pk", "mapping_key", "order_fingerprint", "record")
    return [list(orders), list(marks), Seen.objects.count(), Batch.objects.count()]


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
    before = kept()
    found = told(synced, text)
    assert kept() == before
    assert by_customer(found) == expected and found["staged"] == sum(expected.values())
    synced.publish(text)
    report = synced.stage()
    assert (report.counts.new, report.counts.changed) == (0, found["staged"])
    staged = StagedOrder.objects.filter(state="staged", current=True)
    assert {order.batch.customer.name for order in staged.select_related("batch__customer")} == set(expected)


def test_what_differs_anyway_is_told_apart(synced: World) -> None:
    synced.change(1, PRICE="11")
    synced.change(6, PRICE="11")
    synced.add(9)
    found = told(synced, CHANGES["a column of one customer"][0])
    assert (found["staged"], found["because"]) == (7, 6)
    rows = {each["name"]: each for each in found["customers"]}
    assert rows["HARBOUR"] == {"name": "HARBOUR", "staged": 6, "update": 5, "create": 1, "because": 6, "gone": 0}
    assert rows["B'HOOD"] == {"name": "B'HOOD", "staged": 1, "update": 1, "because": 0, "gone": 0}
    synced.publish(CHANGES["a column of one customer"][0])
    report = synced.stage()
    assert report.counts.new + report.counts.changed == 7


def test_what_waits_already_is_replaced_and_what_would_be_staged_no_more_is_told(synced: World) -> None:
    synced.change(8, NOTES="unpack")
    synced.stage()
    synced.change(7, NOTES="wash")
    text = BHOOD + "columns: {NOTES: {to: long_text_notes, values: {UNPACK: pack flat}}}\n"
    found = told(synced, text)
    # Number 8 shows on the board what the text makes of it, so nothing of it is left to stage.
    assert (found["staged"], found["because"], found["replaced"], found["gone"]) == (1, 0, 1, 0)
    found = told(synced, BHOOD + "columns: {NOTES: {to: long_text_notes, values: {WASH: ''}}}\n")
    assert (found["staged"], found["gone"]) == (0, 1)


def test_rows_that_leave_the_window_are_told_as_removals(synced: World) -> None:
    synced.change(1, TYPE="CANCELLED")
    synced.sync()
    text = BOARD.replace("  po_number: PO\n", "  po_number: PO\n  include: {TYPE: ACTIVE}\n")
    found = told(synced, text)
    assert (found["staged"], [each.get("remove") for each in found["customers"]]) == (1, [1])
    assert found["refusal"] == ""
    synced.publish(text)
    assert synced.stage().counts.removed == 1


def test_a_window_that_the_guard_of_rows_would_refuse_says_so(synced: World) -> None:
    text = BOARD.replace("  po_number: PO\n", "  po_number: PO\n  include: {TYPE: CANCELLED}\n")
    assert "The source is empty" in told(synced, text)["refusal"]


def test_what_would_be_invalid_is_told_and_not_counted_as_staged(synced: World) -> None:
    text = HARBOUR + "columns: {PRICE: {to: numeric_price, as: decimal, unreadable: reject}}\n"
    found = told(synced, text)
    assert (found["staged"], found["invalid"], found["invalid_now"]) == (0, 1, 0)
    assert found["reasons"] == [["HARBOUR", "PRICE", "is not a number", 1]]
    synced.publish(text)
    report = synced.stage()
    assert (report.counts.changed, report.counts.invalid) == (0, 1)


def test_an_alias_that_goes_holds_its_rows(synced: World) -> None:
    found = told(synced, "version: 1\ncustomer: B'HOOD\n")
    assert (found["staged"], found["unknown"]) == (0, {"BHOOD": 3})


def test_an_alias_that_comes_stages_its_rows(world: World) -> None:
    world.add(1, CUSTOMER="HARBOUR (NZ)")
    world.sync()
    text = HARBOUR.replace("(US)]", "(US), HARBOUR (NZ)]")
    found = told(world, text)
    assert by_customer(found) == {"HARBOUR": 1} and found["unknown"] == {}
    world.publish(text)
    assert world.stage().counts.new == 1


def test_what_changes_is_shown_field_by_field_with_the_labels_that_it_makes(synced: World) -> None:
    found = told(synced, BHOOD + "columns: {UNIT: {to: color_unit, values: {EACH: pieces}}, PRICE: text_price}\n")
    assert found["fields"] == [["UNIT", 3], ["text_price", 3]]
    assert found["labels"] == [["UNIT", ["pieces"], []]]
    assert len(found["examples"]) == 3
    example = found["examples"][0]
    assert (example["customer"], example["operation"]) == ("B'HOOD", "update")
    assert example["changes"] == [["UNIT", "EACH", "pieces"], ["text_price", None, "10.50"]]


def test_progress_is_told_and_may_stop_the_work(synced: World) -> None:
    steps: list[tuple[str, int, int]] = []
    told(synced, CHANGES["another item name for all"][0], steps)
    assert steps[0] == ("now", 0, 8) and ("then", 0, 8) in steps

    def stop(phase: str, done: int, total: int) -> None:
        raise Stopped

    setup = synced.setup()
    with pytest.raises(Stopped):
        preview(before=setup, after=setup, run=SyncRun(pk=1), actor="anna", problems=(), progress=stop)


def test_a_column_that_the_source_lacks_is_named(synced: World) -> None:
    with pytest.raises(GuardRefused, match="NOWHERE"):
        told(synced, HARBOUR + "columns: {NOWHERE: text_nowhere}\n")


def test_other_customers_rows_are_not_read(synced: World) -> None:
    text = HARBOUR + "columns: {UNIT: text_unit}\n"
    synced.source.rows_read = 0
    told(synced, text)
    assert synced.source.rows_read == 5
    version = draft(text)
    assert affected(load_family().family, with_text(version.document, text)) == ["HARBOUR"]


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
