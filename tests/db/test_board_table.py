"""`board_export` and `board_labels` over real HTTP to a served local board: files, counts, formulas, twins, room."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from openpyxl import load_workbook

from monday.models import ApiCall
from monday.sandbox.app import SandboxApp
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore
from staging.boards import board_table
from staging.models import SyncRun
from tests.world import World

EVIL = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture
def served(world: World, settings: Any, tmp_path: Path) -> Iterator[World]:
    """Two orders on a board that is served, one of them named like a formula."""
    world.add(1)
    world.add(2, STYLE="st-1", S=7, M=None, TOTAL=7)
    world.sync()
    world.edit(1, name=EVIL)
    with running(SandboxApp(SandboxStore(tmp_path / "board.sqlite3"))) as address:
        settings.MONDAY_API_URL = f"{address}/v2"
        yield world


def typed(command: str, *words: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(command, *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_csv_file_has_every_item_with_its_subitems_beneath_and_runs_no_formula(served: World, tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    out, err = typed("board_export", "Orders", "--to", str(path))
    calls = ApiCall.objects.filter(correlation="board_export")
    what = f"2 items and 3 subitems of Orders (sandbox), {len(table(path)[0])} columns"
    assert out == f"{path}: {what}; {calls.count()} API calls.\n"
    assert "read 50 % (1 of 2)" in err
    rows = table(path)
    assert sorted(bool(row["Parent id"]) for row in rows) == [False, False, True, True, True]
    at = next(place for place, row in enumerate(rows) if row["Item id"] == served.item(1).id)
    first, line = rows[at], rows[at + 1]
    assert first["Name"] == f"'{EVIL}" and first["Item id"] == line["Parent id"] == served.item(1).id
    assert first["Group"] and first["Group"] == line["Group"]
    below = {name: value for name, value in line.items() if name.startswith("Subitem: ") and value}
    assert "1" in below.values() and all(not value for name, value in first.items() if name.startswith("Subitem: "))
    assert not SyncRun.objects.filter(kind="reconcile").exists() and [p.name for p in tmp_path.glob("*.partial")] == []


def test_an_xlsx_file_holds_numbers_as_numbers_and_texts_as_texts(served: World, tmp_path: Path) -> None:
    path = tmp_path / "board.xlsx"
    out, _ = typed("board_export", "--to", str(path), "--json")
    told = json.loads(out)
    assert (told["items"], told["subitems"], told["board"], told["mode"]) == (2, 3, "Orders", "TEST")
    sheet = load_workbook(path)["Board"]
    heading, *rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert heading == told["columns"] and len(rows) == 5
    assert f"'{EVIL}" in [row[3] for row in rows] and all(
        cell.data_type != "f" for row in sheet.iter_rows() for cell in row
    )
    quantities = [
        value for row in rows for value in row if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    assert {1, 2, 7} <= set(quantities)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--to", "{}/board.pdf"], 2, "ends in neither .csv nor .xlsx. Remedy: --to board.csv"),
        (["--to", "{}/no/such/board.csv"], 2, "There is no folder"),
        (["nonsense", "--to", "{}/board.csv"], 2, "No mapping is published for a board called nonsense. Remedy:"),
        (["--mode", "PRODUCTION", "--to", "{}/board.csv"], 5, "answers as a local board, not as monday.com"),
    ],
)
def test_what_cannot_be_exported_is_said_in_a_sentence_and_leaves_no_file(
    served: World, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    with pytest.raises(CommandError, match=said.replace("(", r"\(")) as refused:
        typed("board_export", *(word.format(tmp_path) for word in words))
    assert refused.value.returncode == code and list(tmp_path.glob("board.[cpx][sld][vsf]*")) == []


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_export_that_is_stopped_or_cannot_be_written_leaves_the_former_file(
    served: World, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"board.{ending}"
    path.write_text("former")

    def stops(self: Any, phase: str, done: int, total: int) -> None:
        if done == 2:
            self.signal_code = 130
            raise board_stop

    from staging.setup import Stopped

    board_stop = Stopped()
    monkeypatch.setattr("staging.console.Console.progress", stops)
    with pytest.raises(SystemExit) as ended:
        typed("board_export", "--to", str(path))
    assert ended.value.code == 130 and path.read_text() == "former"
    monkeypatch.undo()
    monkeypatch.setattr(Path, "replace", refuses)
    with pytest.raises(CommandError, match=r"cannot be written \(No space left\)\. Remedy: free space") as full:
        typed("board_export", "--to", str(path))
    assert full.value.returncode == 1 and path.read_text() == "former"
    assert [found.name for found in tmp_path.glob("*.partial")] == []


def refuses(self: Path, target: Path) -> Path:
    raise OSError(28, "No space left")


def test_columns_that_are_titled_alike_are_told_apart_and_odd_values_are_read_as_people_do() -> None:
    from decimal import Decimal

    from monday.core.operations import Item
    from monday.core.structure import BoardStructure, Column, Group

    columns = [
        *(Column("a", "Note", "text"), Column("b", "Note", "email"), Column("c", "Done", "checkbox")),
        *(Column("d", "Price", "numbers"), Column("e", "Tags", "dropdown"), Column("n", "Name", "name")),
    ]
    structure = BoardStructure("1", "B", {c.id: c for c in columns}, (Group("g", "G"),))
    above = board_table._shown(structure)
    assert board_table._titles(structure, above, [])[4:6] == ("Note (a)", "Note (b)")
    values = {"a": None, "b": {"email": "a@b.c", "text": "Anna"}, "c": True, "d": "-2.50", "e": ["x", "y"]}
    item = Item("7", "I", "active", "1", "gone", values)  # type: ignore[arg-type]
    done = board_table.Exported(())
    (row,) = board_table._rows([item], structure, above, [], done)
    assert row == ["7", None, "gone", "I", None, "a@b.c (Anna)", "yes", Decimal("-2.50"), "x, y"]


# --- labels ---------------------------------------------------------------------------------------------------------
def columns_of(*words: str) -> dict[str, Any]:
    out, _ = typed("board_labels", "--json", *words)
    return {column["column"]: column for column in json.loads(out)["columns"]}


def test_labels_are_counted_and_those_that_are_nearly_alike_are_named_with_the_room_that_is_left(served: World) -> None:
    found = columns_of()
    style = next(column for column in found.values() if any(label["text"] == "ST1" for label in column["labels"]))
    assert {label["text"]: label["used"] for label in style["labels"] if label["used"]} == {"ST1": 1, "st-1": 1}
    assert ["ST1", "st-1"] in style["nearly_alike"]
    sizes = next(column for column in found.values() if any(label["text"] == "M" for label in column["labels"]))
    assert {label["text"]: label["used"] for label in sizes["labels"]}["S"] == 2
    for column in found.values():
        if column["kind"] == "status":
            active = sum(label["active"] for label in column["labels"])
            assert column["limit"] and column["room"] == column["limit"] - active
    out, _ = typed("board_labels", "--column", style["column"])
    assert len([line for line in out.splitlines() if not line.startswith("  ")]) == 1
    assert "      1 x ST1  (nearly like 'st-1')" in out and "1 group nearly alike" in out


def test_without_counts_the_items_are_not_read(served: World) -> None:
    found = columns_of("--no-counts")
    assert all(label["used"] is None for column in found.values() for label in column["labels"])
    assert ApiCall.objects.filter(correlation="board_labels", kind="all_items").count() == 0


def test_a_column_that_there_is_none_of_is_refused_before_the_items_are_read(served: World) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match=r"has no such column with labels\. Remedy: one of ") as refused:
        call_command("board_labels", "--column", "no such", "--json", stdout=out)
    assert refused.value.returncode == 2
    assert json.loads(out.getvalue()) == {"schema_version": 1, "error": str(refused.value)}
    assert ApiCall.objects.filter(correlation="board_labels", kind="all_items").count() == 0
