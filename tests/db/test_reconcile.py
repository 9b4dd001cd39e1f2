"""The board against what was last written: every way in which they can differ is named, and nothing is changed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from monday.core.operations import ArchiveItem, ChangeValues, CreateItem, CreateSubitem, DeleteItem
from staging.boards.reconcile import Counts, reconcile, sums, told
from staging.models import BoardFinding, Receipt, Snapshot, StagedOrder, SyncRun
from staging.models.run import Kind, RunState
from staging.running.runs import end, now_on
from staging.setup import silent
from tests.db.admin_line import opened_line, signed_in
from tests.strangers import adopted, put
from tests.world import World, uuid


def reconciled(world: World) -> Counts:
    """One reconciliation, as the command does it. Its sums must hold, and it must write nothing."""
    world.clock.sleep(1)
    setup, before = world.setup(), list(Snapshot.objects.order_by("id").values())
    sent = len([one for one in world.wire.sent if one.writes])
    with now_on(
        kind=Kind.RECONCILE, subject="board:TEST", board=setup.board, mode="TEST", actor="cli:ben", scope={}
    ) as run:
        counts = reconcile(run=run, setup=setup, progress=silent)
        end(run, RunState.COMPLETED, now=timezone.now())
    assert counts.problems() == []
    assert list(Snapshot.objects.order_by("id").values()) == before
    assert len([one for one in world.wire.sent if one.writes]) == sent
    return counts


def found(category: str) -> list[BoardFinding]:
    return list(BoardFinding.objects.filter(category=category).order_by("id"))


@pytest.fixture
def line(world: World) -> World:
    for number in range(1, 7):
        world.add(number)
    world.sync()
    return world


def tally(counts: Counts) -> dict[str, int]:
    names = ("equal", "drifted", "missing", "archived", "extra", "duplicates", "fields", "unmarked", "left")
    return {name: getattr(counts, name) for name in names if getattr(counts, name)}


def test_a_board_that_nobody_touched_differs_in_nothing(line: World) -> None:
    counts = reconciled(line)
    assert tally(counts) == {"equal": 6}
    assert not counts.differs
    assert not BoardFinding.objects.exists()


def test_every_field_that_somebody_edited_is_named_with_both_values(line: World) -> None:
    line.edit(1, numeric_price="99", long_text_notes="call me")
    line.edit(2, name="renamed")
    line.edit_line(3, "S", numeric_qty="8")
    groups = [group.title for group in line._eye.board(line.board.board_id).groups]
    line.move(4, next(title for title in groups if title != "HARBOUR SS27"))
    assert tally(reconciled(line)) == {"equal": 2, "drifted": 4, "fields": 5}
    assert {(f.record, f.field, f.written, f.live) for f in found("drifted")} == {
        (uuid(1), "PRICE", "10.5", "99"),
        (uuid(1), "NOTES", "", "call me"),
        (uuid(2), "Name", "ST1 RED A2", "renamed"),
        (uuid(3), "Size S", "1", "8"),
        (uuid(4), "Group", "HARBOUR SS27", line.item(4).group),
    }


def test_archived_deleted_and_copied_items_and_those_of_others_are_told_apart(line: World) -> None:
    line.archive(1)
    line.by_hand(DeleteItem(line.item(2).id))
    line.copy_item(3)
    group = line._eye.board(line.board.board_id).groups[0].id
    (own,) = line.by_hand(CreateItem(line.board.board_id, group, "a planner's", {}))
    assert tally(reconciled(line)) == {"equal": 4, "archived": 2, "extra": 1, "duplicates": 1}
    assert {f.record for f in found("archived")} == {uuid(1), uuid(2)}
    assert [f.item_id for f in found("extra")] == [own]
    twins = found("duplicate")
    assert {f.record for f in twins} == {uuid(3)}
    assert (len({f.item_id for f in twins}), len({f.group for f in twins})) == (2, 1)


def twin(line: World, number: int, size: str) -> str:
    """A person copies a subitem, its key included; the copy's number."""
    below = line._eye.board(line.board.board_id).subitems
    assert below is not None
    (new,) = line.by_hand(CreateSubitem(line.item(number).id, f"{size} (copy)"))
    line.by_hand(ChangeValues(below.id, new, {"text_size_key": f"{uuid(number)}/{size}", "numeric_qty": "9"}))
    return new


def test_a_copied_subitem_is_found_beside_the_one_that_stands_for_the_size(line: World) -> None:
    ours = line.snapshot(1).lines["S"]
    copy = twin(line, 1, "S")
    counts = reconciled(line)
    assert counts.differs and counts.copied_subitems == 1 and (counts.duplicates, counts.extra) == (0, 0)
    (one,) = found("duplicate")
    assert (one.record, one.item_id, one.field) == (uuid(1), line.item(1).id, "Size S")
    assert f"Subitem {copy} (S (copy)) carries the key of subitem {ours}" in one.why
    assert f"Remedy: archive subitem {copy}" in one.why
    assert ("copied subitems", 1, [("duplicates", 1, "duplicate")]) in sums(counts)
    said = list(told(counts))
    assert "1 subitem carries the key of another subitem of the same item." in said
    assert "The board shows what was last written." not in said


def test_one_order_that_is_left_and_one_that_lacks_its_key_are_told_in_the_singular() -> None:
    said = list(told(Counts(left=1, unmarked=1)))
    assert "1 order is not followed any more, as a person decided." in said
    assert (
        "1 adopted item does not carry its key yet; the next sync stages it, but for what was undone or declined."
        in said
    )
    assert "2 orders are not followed any more, as a person decided." in list(told(Counts(left=2)))


def test_an_item_that_the_board_never_had_is_missing(line: World) -> None:
    Snapshot.objects.filter(record=uuid(1)).update(item_id="424242")
    assert tally(reconciled(line)) == {"equal": 5, "missing": 1, "extra": 1}
    assert [f.record for f in found("missing")] == [uuid(1)]


def test_a_key_that_somebody_emptied_is_drift_and_one_that_is_not_written_yet_is_none(line: World) -> None:
    line.edit(1, text_record_uuid=None)
    assert tally(reconciled(line)) == {"equal": 5, "drifted": 1, "fields": 1}
    assert [(f.field, f.written, f.live) for f in found("drifted")] == [("Link key", uuid(1), "")]


def test_adopted_items_without_keys_are_counted_and_are_no_drift(world: World) -> None:
    world.add(1)
    put(world, 1)
    adopted(world)
    assert tally(reconciled(world)) == {"equal": 1, "unmarked": 1}


def test_an_order_that_is_not_followed_any_more_is_not_compared(line: World) -> None:
    Snapshot.objects.filter(record=uuid(1)).update(state="gone")
    line.archive(1)
    assert tally(reconciled(line)) == {"equal": 5, "left": 1}


def test_it_stages_nothing_and_the_last_result_replaces_the_one_before(line: World) -> None:
    line.edit(1, numeric_price="99")
    reconciled(line)
    first = SyncRun.objects.latest("id")
    reconciled(line)
    assert not BoardFinding.objects.filter(run=first).exists()
    assert len(found("drifted")) == 1
    assert not StagedOrder.objects.filter(current=True).exists()
    assert Receipt.objects.filter(intended_at__gt=first.started_at).count() == 0


# --- the command ------------------------------------------------------------------------------------------------------
@pytest.fixture
def typed(line: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(line, settings, monkeypatch)


def test_the_command_prints_sums_and_differences_and_writes_files(
    typed: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed.edit(1, numeric_price="99")
    typed.by_hand(ArchiveItem(typed.item(2).id))
    call_command("reconcile", out=str(tmp_path))
    said = capsys.readouterr().out
    assert "6 links = 4 equal + 1 drifted (1 field) + 0 missing + 1 archived" in said
    assert "5 items = 5 linked + 0 extra + 0 duplicates" in said
    assert "PRICE: written 10.5, board 99" in said
    with (tmp_path / "drifted.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["field"], row["written"], row["live"]) == ("PRICE", "10.5", "99")


def test_a_copied_subitem_stands_in_the_command_and_on_the_page(
    typed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = twin(typed, 1, "S")
    call_command("reconcile")
    assert f"Size S: Subitem {copy} (S (copy)) carries the key" in capsys.readouterr().out
    page = signed_in("viewer").get("/staging/syncrun/boards/reconcile/").content.decode()
    assert f"<strong>Size S:</strong> Subitem {copy}" in page
    assert "1 subitem carries the key of another subitem of the same item." in page


@pytest.mark.parametrize("command", ["reconcile", "adopt_board"])
def test_a_run_that_is_at_it_keeps_the_command_out(typed: World, command: str) -> None:
    with (
        now_on(kind=Kind.ADOPT, subject="board:TEST", board=typed.board, mode="TEST", actor="cli:ben", scope={}),
        pytest.raises(CommandError, match=r"under way already\. Remedy: ") as refused,
    ):
        call_command(command)
    assert refused.value.returncode == 5


def test_the_json_has_all_of_it(typed: World, capsys: pytest.CaptureFixture[str]) -> None:
    typed.edit(1, numeric_price="99")
    call_command("reconcile", json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["counts"]["drifted"], document["found"]["drifted"][0]["live"]) == (1, "99")


def test_an_odd_number_is_refused_in_words(typed: World) -> None:
    with pytest.raises(CommandError, match="--limit must be a whole number"):
        call_command("reconcile", limit="all")
