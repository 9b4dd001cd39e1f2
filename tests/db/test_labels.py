"""Labels of a batch: which are made, which have no place, and which orders wait for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from staging.batches import decide
from staging.models import StagedOrder
from tests.core.mapping_samples import BOARD
from tests.world import World

THREE = BOARD.replace("STYLE: dropdown_style", "STYLE: {to: dropdown_style, labels: {missing: create, at_most: 3}}")


@pytest.fixture
def narrow(tmp_path: Path, db: None) -> Iterator[World]:
    made = World(tmp_path, board=THREE)
    try:
        yield made
    finally:
        made.close()


def held() -> dict[str, str]:
    return dict(StagedOrder.objects.filter(state="held").values_list("label", "reason"))


def test_orders_whose_label_has_no_place_are_held_and_the_others_go_out(narrow: World) -> None:
    for number in range(1, 6):
        narrow.add(number, STYLE=f"ST{number}")
    for number in range(6, 11):
        narrow.add(number, STYLE=f"ST{number - 5}")
    report = narrow.sync()
    assert (report.counts.created, report.counts.held) == (6, 4)
    assert len({name.split()[0] for name in held()}) == 2
    assert all("at most 3 are allowed" in why and "Remedy" in why for why in held().values())
    narrow.check()


def test_a_raised_maximum_lets_them_out(narrow: World) -> None:
    for number in range(1, 6):
        narrow.add(number, STYLE=f"ST{number}")
    narrow.sync()
    narrow.publish(THREE.replace("at_most: 3", "at_most: 5"))
    for order in StagedOrder.objects.filter(state="held"):
        decide.release(batch=order.batch, orders=[order.pk], actor="ben", now=narrow.clock.now())
    assert narrow.sync().counts.held == 0
    assert len(narrow.shown()) == 5


def test_a_label_that_is_there_needs_no_place(narrow: World) -> None:
    for number in range(1, 4):
        narrow.add(number, STYLE=f"ST{number}")
    narrow.sync()
    narrow.add(9, STYLE="ST3")
    report = narrow.sync()
    assert (report.counts.created, report.counts.held) == (1, 0)
