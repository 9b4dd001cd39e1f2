"""check_mapping and prepare_board on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mapping.core.targets import expected_structure
from mapping.prepare import NewColumn, NewGroup, NewLabels, NotCreated, Plan, create, missing, prepare
from mapping.publish import publish_text
from monday.budgets import standing
from monday.core.operations import CreateGroup, Done, Operation, Outcome, Refused, Unclear
from monday.core.structure import BoardStructure, Column, Group, Label
from monday.models import Budget
from monday.sandbox.app import SandboxApp
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore
from tests.core.mapping_samples import BOARD, HARBOUR, family

MAPPING = family().mapping("HARBOUR")
FULL = replace(expected_structure(MAPPING), groups=(Group("r", "Removed"),))
FULL = replace(
    FULL,
    columns={
        **FULL.columns,
        "dropdown_type": Column("dropdown_type", "TYPE", "dropdown", (Label(1, "RECEIVED"), Label(2, "CANCELLED"))),
        "numeric_tariff": Column("numeric_tariff", "TARIFF", "numbers"),
    },
)


def check_mapping(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("check_mapping", *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_a_sound_document_is_said_to_be_so(tmp_path: Path) -> None:
    file = tmp_path / "board.yaml"
    file.write_text(BOARD, encoding="utf-8")
    assert check_mapping(str(file)) == (0, f"{file}: no problems\n")


def test_every_problem_is_a_line_that_editors_can_follow(tmp_path: Path) -> None:
    file = tmp_path / "board.yaml"
    file.write_text(BOARD.replace("as: decimal", "as: decmal").replace("name: Orders", "nme: Orders"), encoding="utf-8")
    code, output = check_mapping(str(file))
    assert code == 2
    first, second = output.splitlines()
    assert first == f"{file}:4:3 board.nme: the key 'nme' is not known here - Did you mean 'name'?"
    assert second.startswith(f"{file}:19:")
    assert second.endswith("Did you mean 'decimal'?")


def test_customers_are_held_against_each_other(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(HARBOUR, encoding="utf-8")
    other.write_text("version: 1\ncustomer: QUAY\naliases: [harbour (us)]\n", encoding="utf-8")
    code, output = check_mapping(str(one), str(other))
    assert code == 2
    assert f"{one}:3:" in output
    assert f"{other}:3:" in output
    other.write_text(HARBOUR, encoding="utf-8")
    assert "is a document of HARBOUR too" in check_mapping(str(one), str(other))[1]


@pytest.mark.parametrize("name", ["missing.yaml", ".", "nul\0byte"])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, name: str) -> None:
    code, output = check_mapping(str(tmp_path / name))
    assert code == 2
    assert len(output.splitlines()) == 1


def test_problems_as_json(tmp_path: Path) -> None:
    file = tmp_path / "customer.yaml"
    file.write_text("version: 1\ncustomer: A\naliass: [B]\n", encoding="utf-8")
    code, output = check_mapping(str(file), "--json")
    assert code == 2
    document = json.loads(output)
    assert document["ok"] is False
    assert document["files"][0]["problems"][0]["line"] == 3


class Board:
    """A client that makes what it is told to, and remembers it."""

    def __init__(self, outcome: Outcome | None = None, column_id: str = "") -> None:
        self.made: list[str] = []
        self.outcome, self.column_id = outcome or Done("g1"), column_id

    def create_column(self, board_id: str, title: str, kind: str, id: str | None = None) -> Column:
        self.made.append(f"column {id} {title} {kind} on {board_id}")
        return Column(self.column_id or id or "x", title, kind)

    def create_labels(self, board_id: str, column: Column, texts: Sequence[str]) -> Column:
        self.made.append(f"labels {','.join(texts)} of {column.id}")
        return column

    def write(
        self, operations: Sequence[Operation], *, board: BoardStructure, tokens: Sequence[str], journal: object
    ) -> list[Outcome]:
        (operation,) = operations
        assert isinstance(operation, CreateGroup)
        self.made.append(f"group {operation.title}")
        return [self.outcome]


def without(board: BoardStructure, column_id: str) -> BoardStructure:
    return replace(board, columns={each: column for each, column in board.columns.items() if each != column_id})


def test_a_complete_board_lacks_nothing() -> None:
    assert not missing(FULL, [MAPPING])


def test_what_is_missing_is_planned_and_made() -> None:
    assert FULL.subitems is not None
    bare = replace(without(FULL, "text_record_uuid"), groups=(), subitems=without(FULL.subitems, "text_size_key"))
    bare = replace(bare, columns={**bare.columns, "dropdown_type": Column("dropdown_type", "TYPE", "dropdown")})
    plan = missing(bare, [MAPPING, family().mapping("B'HOOD")])
    assert [type(step) for step in plan.steps] == [NewColumn, NewLabels, NewColumn, NewGroup]
    assert plan.by_hand == ()
    board = Board()
    assert prepare(board, bare, MAPPING) == missing(bare, [MAPPING])
    assert board.made == [
        "column text_record_uuid Record UUID text on 5600100200",
        "labels RECEIVED,CANCELLED of dropdown_type",
        "column text_size_key Size Key text on 5600100201",
        "group Removed",
    ]


def test_looking_alone_makes_nothing() -> None:
    assert prepare(None, replace(FULL, groups=()), MAPPING).steps == (NewGroup(replace(FULL, groups=()), "Removed"),)


def test_a_missing_subitems_board_is_for_a_person() -> None:
    plan = missing(replace(FULL, subitems=None), [MAPPING])
    assert plan.steps == ()
    assert "add one subitem" in plan.by_hand[0]


def test_an_id_that_the_board_cannot_give_is_for_a_person() -> None:
    mapping = replace(MAPPING, board=replace(MAPPING.board, uuid_column="text_mkr123"))
    assert "create a text column called Record UUID by hand" in missing(FULL, [mapping]).by_hand[0]


@pytest.mark.parametrize("outcome", [Refused("X", "No more groups."), Unclear("time-out")])
def test_a_step_that_fails_is_a_sentence(outcome: Outcome) -> None:
    with pytest.raises(NotCreated, match="Removed"):
        create(Board(outcome), Plan((NewGroup(FULL, "Removed"),), ()))


def test_a_column_under_another_id_is_a_sentence() -> None:
    with pytest.raises(NotCreated, match="write text_2 into the mapping"):
        create(Board(column_id="text_2"), Plan((NewColumn(FULL, "text_record_uuid", "Record UUID"),), ()))


@pytest.mark.django_db
def test_without_a_mapping_or_a_token_the_command_says_what_to_do(settings: Any) -> None:
    with pytest.raises(CommandError, match="No board's mapping is published") as refusal:
        call_command("prepare_board")
    assert refusal.value.returncode == 2
    publish_text(text=BOARD, actor="anna", note="", now=datetime(2026, 3, 1, tzinfo=UTC), record=lambda **event: None)
    settings.MONDAY_API_URL, settings.MONDAY_API_TOKEN = "https://api.monday.com/v2", ""
    with pytest.raises(CommandError, match="MONDAY_API_TOKEN is not set") as refusal:
        call_command("prepare_board")
    assert refusal.value.returncode == 2


@pytest.fixture
def served(tmp_path: Path, settings: Any) -> Iterator[SandboxStore]:
    """A local board over HTTP, with the mapped columns but without the UUID and key columns and the group."""
    store = SandboxStore(str(tmp_path / "sandbox.sqlite3"))
    whole = expected_structure(MAPPING)
    assert whole.subitems is not None
    store.seed(replace(without(whole, "text_record_uuid"), subitems=without(whole.subitems, "text_size_key")))
    with running(SandboxApp(store)) as address:
        settings.MONDAY_API_URL = f"{address}/v2"
        settings.MONDAY_API_TOKEN = "a-token-for-the-sandbox"
        yield store
    store.close()


def prepare_board(*arguments: str) -> str:
    out = StringIO()
    call_command("prepare_board", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def requests_of(store: SandboxStore) -> int:
    with store.connection() as db:
        return int(db.execute("SELECT count(*) FROM requests").fetchone()[0])


@pytest.mark.django_db
def test_the_command_shows_what_is_missing_creates_it_and_then_finds_nothing(
    served: SandboxStore, settings: Any
) -> None:
    for text in (BOARD, HARBOUR):
        publish_text(
            text=text, actor="anna", note="", now=datetime(2026, 3, 1, tzinfo=UTC), record=lambda **event: None
        )
    first = prepare_board()
    assert "missing: column text_record_uuid (Record UUID, text) on Orders" in first
    assert "missing: column text_size_key (Size Key, text) on Subitems of Orders" in first
    assert "missing: labels RECEIVED, CANCELLED in column TYPE" in first
    assert "missing: group Removed" in first
    assert "--apply" in first
    assert "Creating it takes about 6 API calls (left today: " in first
    before = requests_of(served)
    again = prepare_board()
    looking = requests_of(served) - before
    assert again.splitlines()[:-2] == first.splitlines()[:-2], "only the calls that are left have changed"
    assert json.loads(prepare_board("--apply", "--json"))["apply"] is True
    assert requests_of(served) - before == 2 * looking + 6, "what was forecast is what was called"
    assert prepare_board() == "Orders has everything that the mapping needs.\n"
    assert prepare_board("--apply") == "Orders has everything that the mapping needs.\n"
    calls = requests_of(served)
    (account,) = Budget.objects.values_list("account_id", flat=True)
    assert standing(settings.MONDAY_API_URL, account).calls == calls


@pytest.mark.django_db
def test_a_board_that_is_not_there_is_a_sentence(served: SandboxStore) -> None:
    text = BOARD.replace("5600100200", "77")
    publish_text(text=text, actor="anna", note="", now=datetime(2026, 3, 1, tzinfo=UTC), record=lambda **event: None)
    with pytest.raises(CommandError, match="The board 77 is not there"):
        prepare_board()
