"""`sync_orders --check`: the counts of a fingerprint comparison, and nothing written, asked or rendered for them."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from staging.detection.glance import Glance, glance
from staging.management import quick_answer
from staging.setup import whole
from tests.core.mapping_samples import COLUMNS
from tests.world import World


def asked(world: World) -> Glance:
    sent = len(world.wire.sent)
    setup = world.setup()
    with CaptureQueriesContext(connection) as queries:
        found = glance(setup=setup, scope=whole(setup))
    reads = ("SELECT", "DECLARE")  # PostgreSQL hands long lists out by a cursor
    assert [query["sql"] for query in queries.captured_queries if not query["sql"].startswith(reads)] == []
    assert [request for request in world.wire.sent[sent:] if request.writes] == []
    assert found.read == found.same + found.moved + found.new + found.unusable
    return found


def test_a_quiet_table_is_told_in_one_comparison(world: World) -> None:
    for number in range(1, 7):
        world.add(number)
    world.add(7, TOTAL=99)
    assert (asked(world).new, asked(world).quiet) == (7, False)
    world.sync()
    world.source.rows_read = 0
    found = asked(world)
    assert (found.same, found.gone, found.quiet) == (7, 0, True)
    assert world.source.rows_read == 0


def test_what_moved_came_went_or_cannot_be_used_is_counted(world: World) -> None:
    for number in range(1, 11):
        world.add(number)
    world.sync()
    world.change(1, PRICE="12")
    world.change(2, PRICE=" 10.50 ")
    world.drop(3)
    world.add(11)
    world.add(4)
    found = asked(world)
    assert (found.same, found.moved, found.new, found.gone, found.unusable) == (6, 2, 1, 1, 2)


def test_a_row_that_could_not_be_used_and_went_leaves_an_item_to_look_at(world: World) -> None:
    for number in range(1, 7):
        world.add(number)
    world.sync()
    world.change(1, TOTAL=99)
    world.sync()
    assert asked(world).quiet
    world.drop(1)
    assert (asked(world).gone, asked(world).quiet) == (1, False)


def test_a_published_mapping_makes_rows_incomparable(world: World) -> None:
    world.add(1)
    world.sync()
    world.publish(world.board_text.replace("item: ", "item: X "))
    found = asked(world)
    assert (found.moved, found.incomparable) == (1, 1)


def test_a_run_that_would_be_refused_is_told(world: World) -> None:
    for number in range(1, 11):
        world.add(number)
    world.sync()
    world.source.names = tuple(name for name in COLUMNS if name != "PRICE")
    found = asked(world)
    assert "'PRICE'" in found.refusal
    assert not found.quiet


@pytest.fixture
def answering(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose source the command asks."""
    for number in range(1, 11):
        world.add(number)
    world.sync()
    monkeypatch.setattr(quick_answer, "SqlTable", lambda *arguments: world.source)
    return world


def told(**options: Any) -> str:
    out = StringIO()
    call_command("sync_orders", check=True, stdout=out, **options)
    return out.getvalue()


def test_the_command_says_it_in_words_and_as_json(answering: World) -> None:
    assert "10 read = 10 as before; 0 gone" in told()
    assert "Nothing moved." in told()
    answering.change(1, PRICE="12")
    answer = json.loads(told(json=True))
    assert (answer["read"], answer["same"], answer["moved"], answer["gone"]) == (10, 9, 1, 0)
    assert (answer["check"], answer["quiet"], answer["error"]) == (True, False, None)
    assert "1 read = 0 as before + 1 moved; removals not checked" in told(po_number="P1")


def test_a_machine_learns_from_the_exit_code(answering: World) -> None:
    told(detailed_exitcode=True)
    answering.change(1, PRICE="12")
    told()
    with pytest.raises(SystemExit) as ended:
        told(detailed_exitcode=True)
    assert ended.value.code == 4
    answering.drop(1, 2, 3)
    with pytest.raises(SystemExit) as ended:
        told(detailed_exitcode=True)
    assert ended.value.code == 5


def test_options_that_mean_nothing_to_it_and_strangers_are_refused_in_words(answering: World) -> None:
    with pytest.raises(CommandError, match="--check only counts, so --full, --limit means nothing"):
        told(full=True, limit=3)
    with pytest.raises(CommandError, match="Did you mean 'HARBOUR'") as refused:
        told(customer="HARBOR")
    assert refused.value.returncode == 2
