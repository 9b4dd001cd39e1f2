"""What the doctor knows by the last full run and by grants: another type, fewer rows, more rights than reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.db import connections
from django.utils import timezone

from mapping.core.family import Family
from mapping.models import Customer
from mapping.publish import ensure_shipped
from mapping.published import PublishedFamily
from monday.models import Board
from monday.sandbox.app import SandboxApp
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore
from monday.sandbox.transport import seed
from ordersite.doctor import mappings, order_lists, source
from ordersite.doctor.examination import examine
from ordersite.doctor.finding import Finding
from ordersite.doctor.order_lists import PLACE
from staging import wiring
from staging.core.ports import SourceRefused
from staging.detection.columns import shape
from staging.models import Snapshot, SyncRun
from staging.source import demo
from staging.source.demo_columns import TABLE
from staging.source.sql_table import SqlTable
from tests.db.source_tables import dropping, run, vendor
from tests.journeys.typed import shipped_structure

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders", "intake"])
ROWS = 60


@pytest.fixture
def board() -> Iterator[Board]:
    """A board whose last full run saw the demo's orders as they stand."""
    ensure_shipped(actor="anna", now=timezone.now(), record=wiring.recorder)
    (family,) = mappings.published()
    made = Board.objects.create(
        environment="production",
        address="https://api.monday.com/v2",
        account_id="1",
        board_id=family.board.board.id,
        name="Schedule",
    )
    with dropping(TABLE):
        demo.load(connections["orders"], rows=ROWS, seed=1, replace=True)
        known = shape(family, wiring.source(PublishedFamily(family, 0, {})).columns)
        SyncRun.objects.create(
            board=made, mode="PRODUCTION", actor="anna", full_rows=ROWS, scope=known, started_at=timezone.now()
        )
        yield made


def told(name: str) -> list[Finding]:
    return [found for found in examine(online=False) if found.name == name]


def retype(column: str) -> None:
    if vendor() == "sqlite":
        run(f'ALTER TABLE "{TABLE}" DROP COLUMN "{column}"')
        run(f'ALTER TABLE "{TABLE}" ADD COLUMN "{column}" INTEGER')
    else:
        run(f'ALTER TABLE "{TABLE}" ALTER COLUMN "{column}" TYPE integer USING NULL')


def test_the_source_as_it_was_is_well(board: Board) -> None:
    assert [found.status for found in told("order table")] == ["ok"]


def test_a_mapped_column_of_another_type_is_named(board: Board) -> None:
    retype("EX FACTORY DATE")
    _, found = told("order table")
    assert found.status == "problem" and "--expect-rows" in found.remedy
    assert "'EX FACTORY DATE' was" in found.message and "it goes to" in found.message


def test_a_size_that_is_gone_is_named(board: Board) -> None:
    run(f'ALTER TABLE "{TABLE}" DROP COLUMN "XXS"')
    _, found = told("order table")
    assert found.status == "problem" and "'XXS'" in found.message and "sizes.except" in found.remedy


def test_a_source_that_lost_rows_is_a_problem_before_a_run_is_refused(board: Board) -> None:
    run(f'DELETE FROM "{TABLE}" WHERE record_uuid IN (SELECT record_uuid FROM "{TABLE}" ORDER BY record_uuid LIMIT 30)')
    _, found = told("order table")
    assert found.status == "problem" and "fewer than in the last full run (60)" in found.message


def test_a_source_that_lost_all_its_rows_is_one_too(board: Board) -> None:
    run(f'DELETE FROM "{TABLE}"')
    _, found = told("order table")
    assert found.status == "problem" and "empty" in found.message
    SyncRun.objects.all().delete()
    assert [found.status for found in told("order table")] == ["ok"]  # nothing was ever there to lose


def test_a_table_that_is_replaced_while_it_is_looked_at_ends_no_examination(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "columns", lambda connection, table: ())
    *_, found = told("order table")
    assert found.status == "problem" and "record_uuid" in found.message and found.remedy


def test_a_source_that_cannot_be_counted_is_a_problem(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, scope: object) -> int:
        raise SourceRefused("The order table cannot be read (gone). Remedy: look at its grants.")

    monkeypatch.setattr(SqlTable, "count", refuse)
    *_, found = told("order table")
    assert (found.status, found.remedy) == ("problem", "look at its grants.")


@contextmanager
def role(*grants: str) -> Iterator[None]:
    """The connection of the orders acts as an account with these grants on the table and no others."""
    name = f"reader_{uuid4().hex}"  # roles belong to the whole server, which several runs of the tests share
    run(f"CREATE ROLE {name}")
    try:
        for grant in ("SELECT", *grants):
            run(f'GRANT {grant} ON "{TABLE}" TO {name}')
        run(f"SET ROLE {name}")
        yield
    finally:
        for statement in ("RESET ROLE", f"DROP OWNED BY {name}", f"DROP ROLE {name}"):
            run(statement)


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        ((), ""),
        (("UPDATE",), "(UPDATE)"),
        (('UPDATE ("NOTES")',), "(UPDATE)"),
        (("TRUNCATE",), "(TRUNCATE)"),
        (("INSERT", "DELETE"), "(DELETE, INSERT)"),
    ],
)
def test_rights_beyond_reading_are_named_each(board: Board, grants: tuple[str, ...], words: str) -> None:
    if vendor() != "postgresql":
        pytest.skip("the embedded source has no accounts")
    run("DELETE FROM ordersite_demo")  # as in a customer's database: else nobody asks who may write to demo orders
    run("GRANT SELECT ON ordersite_demo TO PUBLIC")
    with role(*grants):
        (found,) = [line for line in source.examine(family_of(board)) if line.name == "order rights"]
    assert (found.status == "ok", words in found.message) == (not words, True), found
    assert not words or "SELECT only" in found.remedy


def test_an_account_that_cannot_read_the_mark_of_the_demo_may_still_be_well(board: Board) -> None:
    if vendor() != "postgresql":
        pytest.skip("the embedded source has no accounts")
    with role():
        found = list(source.examine(family_of(board)))
    assert [line.name for line in found if line.status == "problem"] == []
    assert [line.status for line in found if line.name == "order rights"] == ["ok"]


def family_of(board: Board) -> Family:
    return next(family for family in mappings.published() if family.board.board.id == board.board_id)


def test_lists_of_people_have_a_database_of_their_own(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [found.status for found in told("order lists")] == ["ok"]
    mine = {
        **connections["intake"].settings_dict,
        **{part: connections["orders"].settings_dict[part] for part in PLACE},
    }
    monkeypatch.setattr(connections["intake"], "settings_dict", mine)
    (found,) = told("order lists")
    assert found.status == "problem" and "INTAKE_DATABASE_URL" in found.remedy


def test_an_account_that_may_make_no_tables_for_lists_is_named(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    if vendor() != "postgresql":
        pytest.skip("the embedded source has no accounts")
    elsewhere = SimpleNamespace(settings_dict=dict.fromkeys(PLACE, "elsewhere"))
    monkeypatch.setattr(order_lists, "connections", {"intake": connections["orders"], "orders": elsewhere})
    monkeypatch.setattr(order_lists, "connect", lambda alias: connections["orders"])
    assert [found.status for found in order_lists.examine()] == ["ok"], "the tests' own account may make tables"
    with role():
        (found,) = order_lists.examine()
    assert found.status == "problem" and "owner" in found.remedy


def test_a_token_of_another_account_than_the_boards_is_named(board: Board, tmp_path: Any, settings: Any) -> None:
    store = SandboxStore(tmp_path / "served.sqlite3")
    settings.MONDAY_API_TOKEN = "word"
    with running(SandboxApp(store)) as address:
        settings.MONDAY_API_URL = f"{address}/v2"
        Board.objects.filter(pk=board.pk).update(address=settings.MONDAY_API_URL)
        seed(requests.Session(), settings.MONDAY_API_URL, shipped_structure(), "any")
        before = [found for found in examine(online=True) if "another account" in found.message]
        customer, now = Customer.objects.get(name="HARBOUR"), timezone.now()
        Snapshot.objects.create(board=board, record="one", customer=customer, order={}, accepted_at=now)
        (found,) = [found for found in examine(online=True) if "another account" in found.message]
    store.close()
    assert before == [], "a board that nothing is linked to has nothing to lose"
    assert (found.name, found.status) == ("monday.com", "problem") and "token" in found.remedy
