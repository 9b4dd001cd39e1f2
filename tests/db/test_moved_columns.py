"""The columns of keys, sizes and quantities stay those that the board's orders were written with, whoever publishes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mapping.core.problems import errors
from mapping.drafts import publish_drafts, save_draft_text
from mapping.models import Document, VersionState
from mapping.publish import NotPublishable, publish_text, publishing_problems, revert
from mapping.vetting import vet
from monday.models import Board, Environment
from monday.sandbox import boards
from staging.models import Snapshot
from staging.wiring import recorder, surroundings
from tests.core.mapping_samples import BOARD
from tests.db.test_scenarios import hand
from tests.world import World

pytestmark = pytest.mark.django_db(databases=["default", "orders"])
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MOVES = [
    ("board.uuid_column", "uuid_column: text_record_uuid", "uuid_column: text_other", 5),
    ("sizes.key_column", "key_column: text_size_key", "key_column: text_other", 29),
    ("sizes.columns.size", "size: dropdown_size", "size: dropdown_other", 28),
    ("sizes.columns.quantity", "quantity: numeric_qty", "quantity: numeric_other", 28),
]


@pytest.fixture
def real(world: World) -> World:
    """Two orders on a board that counts as the real one, which has the other columns too."""
    board = int(world.board.board_id)
    with hand(world) as db:
        boards.insert_column(db, board, "text_other", "Other", "text", {})
        boards.insert_column(db, board + 1, "text_other", "Other", "text", {})
        boards.insert_column(db, board + 1, "dropdown_other", "Other size", "dropdown", {})
        boards.insert_column(db, board + 1, "numeric_other", "Other quantity", "numbers", {})
    for number in (1, 2):
        world.add(number)
    world.sync()
    world.known_board()
    Board.objects.update(environment=Environment.PRODUCTION)
    return world


def found(text: str) -> list[tuple[str, int, str]]:
    """The errors of a board's text by path, with the line and the remedy's first word."""
    document = Document.objects.get(board_key="5600100200")
    return [(p.path, p.line, p.remedy.split()[0]) for p in errors(publishing_problems(document, text))]


@pytest.mark.parametrize(("path", "old", "new", "line"), MOVES)
def test_another_column_is_refused_at_its_line_once_orders_stand_on_the_board(
    real: World, path: str, old: str, new: str, line: int
) -> None:
    moved = BOARD.replace(old, new)
    assert found(BOARD.replace("as: decimal", "as: integer")) == []
    assert found(moved) == [(path, line, "Keep")]
    with pytest.raises(NotPublishable):
        publish_text(text=moved, actor="anna", note="", now=NOW, record=recorder)
    document = Document.objects.get(board_key="5600100200")
    assert path in {p.path for p in errors(vet(document=document, text=moved, around=surroundings(document, moved)))}
    saved = save_draft_text(text=moved, actor="anna", note="", now=NOW)
    published, refused = publish_drafts(versions=[saved.version], actor="anna", now=NOW, record=recorder)
    assert not published and refused[0].problems[0].path == path


def test_an_older_version_with_another_column_is_not_put_back(world: World) -> None:
    world.publish(BOARD.replace("text_size_key", "text_former"))
    world.publish(BOARD)
    world.add(1)
    world.sync()
    Board.objects.update(environment=Environment.PRODUCTION)
    former = Document.objects.get(board_key="5600100200").versions.filter(text__contains="text_former").latest("pk")
    assert former.state == VersionState.RETIRED
    with pytest.raises(NotPublishable, match="orders stand on the board by the column text_size_key"):
        revert(version=former, actor="ben", note="", now=NOW, record=recorder)


def test_a_board_without_orders_or_without_the_former_column_binds_nothing(real: World) -> None:
    moved = BOARD.replace("key_column: text_size_key", "key_column: text_other")
    board = Board.objects.get()
    held = board.structure
    board.structure = {**held, "subitems": _without(held["subitems"], "text_size_key")}
    board.save()
    assert found(moved) == []
    board.structure = held
    board.save()
    assert found(moved)
    Snapshot.objects.all().delete()
    assert found(moved) == []


def test_sizes_may_be_mapped_for_the_first_time(world: World) -> None:
    without = BOARD[: BOARD.index("sizes:")]
    world.publish(without)
    world.add(1)
    world.sync()
    Board.objects.update(environment=Environment.PRODUCTION)
    assert found(BOARD) == []


def test_of_a_local_board_it_is_told_and_allowed(world: World) -> None:
    world.add(1)
    world.sync()
    moved = BOARD.replace("numeric_qty", "numeric_other")
    document = Document.objects.get(board_key="5600100200")
    (told,) = [p for p in publishing_problems(document, moved) if p.path == "sizes.columns.quantity"]
    assert told.severity == "warning" and "--reset" in told.remedy
    world.publish(moved)


def _without(structure: Any, column: str) -> Any:
    return {**structure, "columns": [each for each in structure["columns"] if each["id"] != column]}
