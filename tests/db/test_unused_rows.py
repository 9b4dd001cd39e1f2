"""Rows not used are counted as rows, by one count: run, front page, list, files and metrics agree."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ordersite.metrics import exposition
from staging.models import Seen
from staging.reports.unused import by_spelling, reasons
from tests.db.admin_line import opened_line, signed_in
from tests.world import World, uuid

from .counted import others


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Ten rows that cannot be used: a wrong total, three of one UUID, two without UUID and of one business key, three
    that hold one text which is no UUID, and one of nobody."""
    line = opened_line(world, settings, monkeypatch)
    others(line)
    line.add(1, TOTAL=99)
    for number in (11, 12, 13):
        line.add(number, record_uuid=uuid(11))
    for number in (21, 22):
        line.add(number, record_uuid=None, ORDER="A21", STYLE="TEE")
    for number in (31, 32, 33):
        line.add(number, record_uuid="see mail")
    line.add(41, CUSTOMER="NOBODY'S")
    return line


def card() -> str:
    cards = {card.title: card for card in signed_in("viewer").get("/").context["cards"]}
    return str(cards["Rows not used"].value)


def test_every_count_of_rows_that_are_not_used_is_the_runs(line: World) -> None:
    counts = line.stage().counts
    assert (counts.invalid, counts.duplicate) == (5, 5)
    assert card() == "10"
    assert Seen.objects.unused().number_of_rows() == 10 and Seen.objects.count() == 5
    assert sum(rows for _, rows in by_spelling(line.board)) == 10
    listed = signed_in("viewer").get("/staging/seen/").content.decode()
    assert "10 rows not used, in 5 entries: rows that share a UUID or a business key stand in one" in listed
    assert "1 row not used\n" in signed_in("viewer").get("/staging/seen/?q=NOBODY'S").content.decode()
    measured = re.findall(r'ordersite_unused_rows\{verdict="(\w+)"\} (\d+)', exposition()[0].decode())
    assert dict(measured) == {"invalid": "4", "duplicate": "5", "unknown_customer": "1"}
    said = StringIO()
    call_command("unused_rows", stdout=said)
    assert "10 rows are not used:" in said.getvalue() and "duplicate  3 rows" in said.getvalue()


def test_each_reason_counts_its_rows_and_naming_them_is_no_reason(line: World) -> None:
    line.stage()
    found = dict(reasons(line.board))
    assert found["record_uuid: The same UUID stands on 3 rows."] == 3
    assert found["record_uuid: 2 rows have no UUID and share one business key."] == 2
    assert found["record_uuid: This is no UUID."] == 3
    assert sum(found.values()) == 10, found


def test_a_limited_run_that_read_every_row_remembers_those_in_each_others_way(line: World) -> None:
    counts = line.stage(limit=1).counts
    assert counts.removed is None and card() == f"{counts.invalid + counts.duplicate}" == "10"


def test_a_narrowed_run_changes_nothing_of_what_is_known_of_other_rows(line: World) -> None:
    line.stage()
    line.source.orders = [row for row in line.source.orders if row["record_uuid"] != uuid(11)]
    line.stage(customers=("HARBOUR (AU)",), customer_name="HARBOUR")
    assert Seen.objects.get(record=uuid(11)).rows == 3


def test_a_row_more_of_the_same_uuid_is_counted_by_the_next_run(line: World) -> None:
    line.stage()
    Seen.objects.filter(record=uuid(11)).update(rows=1)  # as it was remembered before rows were counted
    line.stage()
    assert Seen.objects.get(record=uuid(11)).rows == 3
    line.add(14, record_uuid=uuid(11))
    line.stage()
    assert Seen.objects.get(record=uuid(11)).rows == 4 and card() == "11"


def test_rows_that_share_a_key_or_a_uuid_are_found_by_it_and_stand_with_their_customer(line: World) -> None:
    line.add(15, record_uuid=uuid(11), CUSTOMER="B'HOOD")
    line.stage()
    alike = Seen.objects.get(key="A21 / TEE")
    assert (alike.customer_name, alike.rows) == ("HARBOUR", 2)
    several = Seen.objects.get(record=uuid(11))
    assert (several.customer_name, several.key, several.rows) == ("", "", 4)  # of two customers
    assert dict(by_spelling(line.board))["HARBOUR"] == 6  # three of them with a text that is no UUID
    found = signed_in("viewer").get("/staging/seen/?q=A21").content.decode()
    assert "2 rows have no UUID and share one business key.<" in found
    line.add(16, record_uuid=uuid(15))
    line.add(17, record_uuid=uuid(15))
    line.stage()
    listed = signed_in("viewer").get("/staging/seen/").content.decode()
    assert "They are: A16 / ST1 / HARBOUR (AU); A17 / ST1 / HARBOUR (AU)<" in listed
    assert "is one of them" not in signed_in("viewer").get("/staging/seen/").content.decode()


@pytest.mark.parametrize("limit", ["0", "-1", "x"])
def test_a_limit_below_one_is_refused(line: World, limit: str) -> None:
    with pytest.raises(CommandError, match="--limit must be a whole number from 1 up") as refused:
        call_command("unused_rows", f"--limit={limit}", stdout=StringIO())
    assert refused.value.returncode == 2
