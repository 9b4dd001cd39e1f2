"""Level 1 by itself: every row counts once, whatever page or partition it comes in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from monday.models import Board
from staging.detection import compare as comparing
from staging.detection.compare import Comparison, compare
from staging.models import Seen
from tests.memory_source import uuid
from tests.world import START

pytestmark = pytest.mark.django_db

KEY = "k" * 16


@pytest.fixture
def board() -> Board:
    return Board.objects.create(environment="sandbox", address="x", account_id="1", board_id="1", name="Board")


def pages(rows: Sequence[tuple[Any, str]], size: int = 3) -> Iterable[Sequence[tuple[Any, str]]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def know(board: Board, *numbers: int, fingerprint: str = "f") -> None:
    for number in numbers:
        Seen.objects.create(
            board=board, record=uuid(number), source_fingerprint=fingerprint, scheme="s", mapping_key=KEY,
            verdict="invalid", at=START,
        )  # fmt: skip


def compared(board: Board, rows: Sequence[tuple[Any, str]], expected_rows: int = 10, **more: Any) -> Comparison:
    return compare(
        pages(rows), board=board, expected_rows=expected_rows, scheme="s", mapping_keys=frozenset([KEY]), **more
    )


@pytest.mark.parametrize("partition", [120_000, 2])
def test_every_row_counts_once_whatever_the_partitions(
    board: Board, monkeypatch: pytest.MonkeyPatch, partition: int
) -> None:
    monkeypatch.setattr(comparing, "PARTITION_ROWS", partition)
    know(board, 1, 2, 3, 4)
    rows = [(uuid(1), "f"), (uuid(2).upper(), "g"), (uuid(5), "f"), (uuid(3), "f"), (None, "f"), ("no uuid", "f")]
    found = compared(board, rows)
    assert (found.read, found.quiet["invalid"], found.unreadable_rows.total()) == (6, 2, 1)
    assert found.moved == [(uuid(2), uuid(2).upper())]
    assert found.appeared == [(uuid(5), uuid(5))]
    assert found.forgotten == [uuid(4)]


@pytest.mark.parametrize("partition", [120_000, 2])
@pytest.mark.parametrize("at", [0, 1, 2, 3, 4])
def test_a_record_on_several_rows_is_a_duplicate_and_nothing_else(
    board: Board, monkeypatch: pytest.MonkeyPatch, at: int, partition: int
) -> None:
    monkeypatch.setattr(comparing, "PARTITION_ROWS", partition)
    know(board, 1, 2, 3)
    for fingerprint in ("f", "g"):
        rows = [(uuid(1), "f"), (uuid(2), "f"), (uuid(3), "f"), (uuid(4), "f")]
        rows.insert(at, (uuid(2).upper(), fingerprint))
        rows.append((uuid(2), "h"))
        found = compared(board, rows)
        assert found.duplicates == {uuid(2): 3}
        assert (found.read, found.quiet["invalid"]) == (6, 2)
        assert (found.moved, found.appeared, found.forgotten) == ([], [(uuid(4), uuid(4))], [])


def test_an_identity_that_is_none_counts_by_rows(board: Board) -> None:
    found = compared(board, [("TBC", "f"), ("TBC", "g"), ("?", "f")])
    assert (found.unreadable_rows.total(), len(found.unreadable)) == (3, 2)


def test_a_full_comparison_moves_everything_and_remembers_what_had_not_moved(board: Board) -> None:
    know(board, 1, 2)
    found = compared(board, [(uuid(1), "f"), (uuid(2), "g"), (uuid(3), "f")], full=True)
    assert [record for record, _ in found.moved] == sorted([uuid(1), uuid(2)])
    assert found.asleep == {uuid(1)}
    assert found.quiet.total() == 0


def test_what_was_judged_under_another_scheme_or_mapping_has_to_be_looked_at_again(board: Board) -> None:
    know(board, 1, 2, 3)
    Seen.objects.filter(record=uuid(1)).update(scheme="other")
    Seen.objects.filter(record=uuid(2)).update(mapping_key="x" * 16)
    found = compared(board, [(uuid(number), "f") for number in (1, 2, 3)])
    assert (len(found.moved), found.incomparable, found.quiet["invalid"]) == (2, 2, 1)
