"""Every guard fails closed: the run is refused with one sentence, and nothing was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from staging.core.ports import Row, Scope
from staging.models import Batch, StagedOrder, SyncRun
from tests.core.mapping_samples import BOARD, COLUMNS
from tests.memory_source import uuid
from tests.world import World


def refused(world: World, **request: object) -> str:
    """The sentence of a run that a guard refuses; nothing may have changed."""
    before = (StagedOrder.objects.count(), Batch.objects.count(), world.shown())
    report = world.sync(**request)  # type: ignore[arg-type]
    assert str(report.run.state) == "refused"
    assert (StagedOrder.objects.count(), Batch.objects.count(), world.shown()) == before
    assert world.run_writes == []
    assert "Remedy" in report.error or "Nothing was done" in report.error
    return report.error


@pytest.fixture
def ten(world: World) -> World:
    for number in range(1, 11):
        world.add(number)
    world.sync()
    return world


def test_an_empty_source_removes_nothing(ten: World) -> None:
    ten.source.orders.clear()
    assert "empty" in refused(ten)
    assert "empty" in refused(ten, limit=3)


def test_a_source_that_lost_more_than_a_fifth_removes_nothing(ten: World) -> None:
    ten.drop(1, 2, 3)
    assert "enter 7 as Expected rows on the page that starts a sync, or give the command --expect-rows 7." in refused(
        ten
    )


def test_a_loss_of_a_fifth_passes_and_is_staged(ten: World) -> None:
    ten.drop(1, 2)
    assert ten.stage().counts.removed == 2


def test_a_stated_number_of_rows_passes_and_another_one_does_not(ten: World) -> None:
    ten.drop(1, 2, 3)
    assert "not 6 as stated" in refused(ten, expect_rows=6)
    assert ten.stage(expect_rows=7).counts.removed == 3


@pytest.mark.parametrize(("left", "words"), [(0, "empty"), (7, "--expect-rows 7")])
def test_a_source_that_is_emptied_between_its_count_and_its_reading_removes_nothing(
    ten: World, left: int, words: str
) -> None:
    ten.source.before_read = lambda: ten.source.orders.__delitem__(slice(left, None))
    assert words in refused(ten)
    assert words in refused(ten)  # no yardstick was left by the run before


def test_rows_that_are_lost_while_they_are_read_let_nothing_be_removed(ten: World) -> None:
    ten.drop(1)
    ten.source.before_read = lambda: ten.source.orders.__delitem__(slice(8, None))
    report = ten.sync()
    assert (report.counts.read, report.counts.removed, report.run.full_rows) == (8, None, None)
    assert "lost 1 of 9 rows while it was read, so removals were not checked" in " ".join(report.warnings)
    ten.source.before_read = lambda: None
    assert ten.stage().counts.removed == 2


@pytest.fixture
def unnamed(world: World) -> World:
    """Five linked orders whose rows have no UUID."""
    for number in range(1, 6):
        world.add(number, record_uuid=None)
    world.sync()
    return world


def between_the_passes(world: World, act: Callable[[], None]) -> None:
    """From now on `act` comes after the fingerprints were read, and before the rows without a UUID are."""
    read = world.source.rows_without_identity

    def later(scope: Scope) -> Iterator[tuple[str, Row]]:
        act()
        return read(scope)

    world.source.rows_without_identity = later  # type: ignore[method-assign]


def test_uuids_that_are_filled_between_the_two_passes_are_no_removals(unnamed: World) -> None:
    def filled() -> None:
        for number, row in enumerate(unnamed.source.orders):
            row["record_uuid"] = uuid(300 + number)

    between_the_passes(unnamed, filled)
    counts = unnamed.sync().counts
    assert (counts.read, counts.rekeyed, counts.removed) == (5, 5, 0)


def test_a_source_whose_rows_without_uuid_come_while_it_is_read_is_read_again_and_refused_at_last(
    unnamed: World,
) -> None:
    coming = [6, 7, 8]
    between_the_passes(unnamed, lambda: unnamed.add(coming.pop(0), record_uuid=None) if coming else None)
    assert "7 rows had no UUID, then 8" in refused(unnamed)
    assert unnamed.stage().counts.new == 3


def test_what_stands_in_the_source_again_when_it_is_asked_for_is_not_removed(ten: World) -> None:
    dropped, ask = ten.drop(1, 2), ten.source.fingerprints_of

    def loaded(identities: Sequence[str], scope: Scope) -> Iterator[tuple[str, str]]:
        ten.source.orders += [row for row in dropped[:1] if row not in ten.source.orders]
        return ask(identities, scope)

    ten.source.fingerprints_of = loaded  # type: ignore[method-assign]
    assert ten.stage().counts.removed == 1
    assert [order.record for order in StagedOrder.objects.filter(operation="remove")] == [uuid(2)]


def test_a_limited_or_failed_run_is_no_yardstick_for_the_next(ten: World) -> None:
    for number in range(11, 31):
        ten.add(number)
    ten.stage(limit=1)
    ten.source.fail_after = 0
    ten.sync()
    ten.source.fail_after = None
    assert SyncRun.objects.filter(full_rows=30).count() == 0
    ten.drop(*range(11, 31))
    assert str(ten.stage().run.state) != "refused"


def test_a_refused_run_is_no_yardstick_either(ten: World) -> None:
    ten.drop(1, 2, 3)
    refused(ten)
    refused(ten)
    assert "10" in refused(ten)


def test_a_narrowed_run_is_measured_by_nothing_and_removes_nothing(ten: World) -> None:
    ten.drop(*range(1, 10))
    report = ten.sync(po_number="P10")
    assert (report.counts.unchanged, report.counts.removed) == (1, None)


@pytest.mark.parametrize("column", ["PRICE", "CUSTOMER", "ORDER", "TOTAL", "UNIT"])
def test_a_source_without_a_column_that_is_needed_stages_nothing(ten: World, column: str) -> None:
    ten.source.names = tuple(name for name in COLUMNS if name != column)
    assert repr(column) in refused(ten)


def test_a_size_column_that_is_gone_stages_nothing_until_the_mapping_says_so(ten: World) -> None:
    ten.source.names = tuple(name for name in COLUMNS if name != "XXL")
    for row in ten.source.orders:
        row["NOTES"] = "moved"
    assert "'XXL'" in refused(ten)
    assert "'XXL'" in refused(ten, po_number="P1")
    ten.publish(BOARD.replace("except: [COLOUR CODE]", "except: [COLOUR CODE, XXL]"))
    assert ten.stage().counts.changed == 10


def columns(world: World, **types: str) -> None:
    """From now on these columns of the source have these types; "" takes one away."""
    world.source.types |= types
    world.source.names = tuple(name for name in (*COLUMNS, *types) if types.get(name, "text"))
    world.source.names = tuple(dict.fromkeys(world.source.names))


def test_a_dropped_column_is_named_with_what_it_goes_to_and_what_it_may_be_called_now(ten: World) -> None:
    columns(ten, PRICE="", PRICES="text")
    sentence = refused(ten)
    assert "'PRICE' (it goes to numeric_price; was it renamed to 'PRICES'?)" in sentence
    assert "Remedy: restore the column" in sentence


def test_a_retyped_column_is_named_with_both_types_and_what_it_goes_to(ten: World) -> None:
    columns(ten, PRICE="float")
    assert "'PRICE' was text and is float (it goes to numeric_price)" in refused(ten)
    report = ten.stage(expect_rows=10)
    assert (
        report.warnings[0]
        == "The source gave another type to 'PRICE' was text and is float (it goes to numeric_price)."
    )


def test_an_added_column_is_told_once_and_stages_nothing(ten: World) -> None:
    columns(ten, COMMENT="text")
    report = ten.sync()
    assert "new column 'COMMENT' (text): nothing of it goes to the board until a document maps it" in report.warnings[0]
    assert report.counts.unchanged == 10
    assert ten.sync().warnings == []


def test_an_added_column_between_the_sizes_is_told_as_a_size(ten: World) -> None:
    names = list(COLUMNS)
    names.insert(names.index("XXL") + 1, "3XL")
    ten.source.types["3XL"] = "int"
    ten.source.names = tuple(names)
    [first, *_] = ten.sync().warnings
    assert "'3XL' between the sizes: it is read as a size" in first


def test_a_removed_column_that_nothing_maps_changes_nothing(ten: World) -> None:
    columns(ten, COMMENT="text")
    ten.sync()
    columns(ten, COMMENT="")
    report = ten.sync()
    assert "lost the column 'COMMENT': no document maps it" in report.warnings[0]
    assert report.counts.unchanged == 10


def test_a_mass_change_waits_for_a_person_whatever_a_policy_would_approve(world: World) -> None:
    from staging.detection.guards import mass_change

    for number in range(1, 121):
        world.add(number)
    world.sync()
    assert mass_change(world.board, 50) == ""
    assert "51 of 120 linked orders changed at once" in mass_change(world.board, 51)


def test_a_full_run_names_the_orders_whose_row_had_not_moved(ten: World) -> None:
    from staging.models import Snapshot

    snapshot = ten.snapshot(1)
    order = {**snapshot.order, "name": "Something else"}
    Snapshot.objects.filter(pk=snapshot.pk).update(order=order, order_fingerprint="0" * 64)
    assert ten.stage().counts.changed == 0
    report = ten.stage(full=True)
    assert report.counts.changed == 1
    assert any("1 order has changed although the fingerprint of the row had not" in told for told in report.warnings)
