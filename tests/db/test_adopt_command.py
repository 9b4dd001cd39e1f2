"""`adopt_board` as it is typed: what it prints, its files, its exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from staging.models import Snapshot, SyncRun
from tests.db.admin_line import opened_line
from tests.strangers import put
from tests.world import World, uuid


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    line = opened_line(world, settings, monkeypatch)
    for number in (1, 2, 3):
        line.add(number)
    put(line, 1, 2)
    return line


def test_a_dry_run_prints_its_sums_and_writes_a_file_for_each_kind(
    line: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("adopt_board", out=str(tmp_path / "found"))
    said = capsys.readouterr().out
    assert "2 items = 0 linked before + 2 matched (0 by UUID, 2 by business key) + 0 unsure + 0 orphaned" in said
    assert "3 records = 0 linked before + 2 matched + 0 unsure + 1 unmatched + 0 unusable" in said
    assert "Nothing was linked." in said
    with (tmp_path / "found" / "unmatched.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["record"], row["customer"], row["key"]) == (uuid(3), "HARBOUR", "A3 / ST1")
    assert len(list((tmp_path / "found").iterdir())) == 5
    assert not Snapshot.objects.exists()


def test_apply_links_and_the_json_says_how_many(line: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("adopt_board", apply=True, json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["counts"]["adopted"], document["counts"]["matched"], document["apply"]) == (2, 2, True)
    run = SyncRun.objects.get(kind="adopt")
    assert (run.state, run.counts["adopted"], run.board_id) == ("completed", 2, line.board.pk)
    assert Snapshot.objects.count() == 2


def test_a_guard_ends_it_with_exit_code_5_and_bad_numbers_with_2(line: World) -> None:
    line.drop(1, 2)
    with pytest.raises(CommandError) as refused:
        call_command("adopt_board", apply=True, expect_orphans="3")
    assert (refused.value.returncode, "not 3 as stated" in str(refused.value)) == (5, True)
    assert SyncRun.objects.get(kind="adopt").state == "refused"
    with pytest.raises(CommandError) as odd:
        call_command("adopt_board", expect_rows="many")
    assert (odd.value.returncode, "from 1 up" in str(odd.value)) == (2, True)


def test_a_folder_that_cannot_be_written_is_said_in_words(line: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("adopt_board", out=str(tmp_path / "file" / "below"))


def test_a_cell_that_a_spreadsheet_would_run_is_quoted(
    line: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line.add(4, ORDER="=cmd()")
    call_command("adopt_board", out=str(tmp_path))
    assert "'=cmd()" in (tmp_path / "unmatched.csv").read_text(encoding="utf-8-sig")
