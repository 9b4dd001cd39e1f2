"""`doctor`: what is well, odd or broken, each in one line with its remedy, and no traceback whatever is broken."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from mapping.models import Version
from monday.budgets import standing
from monday.models import Board, Budget
from monday.sandbox.app import SandboxApp
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore
from ordersite.doctor import app_database, machine, mappings, order_lists, source
from ordersite.doctor.examination import examine
from ordersite.doctor.finding import Finding, told
from ordersite.doctor.reaching import network_file_system
from ordersite.models import WorkerPulse
from staging.core.source_dialects import DIALECTS, Column
from staging.models import Batch, StagedOrder, SyncRun
from staging.running.lease import database_now
from staging.source import demo
from staging.source.demo_columns import IDENTITY, TABLE
from tests import settings as test_settings
from tests.tsql.offline import problems
from tests.world import World

from .source_tables import dropping, run, vendor

TOP = Path(__file__).resolve().parents[2]
KEY = "k" * 30 + "-0123456789-abcdefghij"
on_both = pytest.mark.django_db(transaction=True, databases=["default", "orders", "intake"])


def doctor(*options: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py doctor` in a process of its own, under these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if name not in test_settings.OURS}
    return subprocess.run(
        [sys.executable, "manage.py", "doctor", *options],
        cwd=TOP,
        env={**kept, "ORDERSITE_TESTING": "0", "VAR_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def seen(document: str) -> dict[str, list[dict[str, str]]]:
    """The checks of a JSON document by name."""
    found: dict[str, list[dict[str, str]]] = {}
    for check in json.loads(document)["checks"]:
        found.setdefault(check["name"], []).append(check)
    return found


def named(name: str, *, online: bool = False) -> list[Finding]:
    """What an examination in this process says under one name."""
    return [finding for finding in examine(online=online) if finding.name == name]


@pytest.fixture
def orders() -> Iterator[None]:
    with dropping(TABLE):
        demo.load(connections["orders"], rows=300, seed=1, replace=True)
        yield


# --- an installation that is not there yet, or broken --------------------------------------------------------------
def test_an_empty_installation_is_told_which_commands_to_run_and_stays_empty(tmp_path: Path):
    outcome = doctor(folder=tmp_path)
    assert outcome.returncode == 1 and outcome.stderr == ""
    assert "Remedy: python manage.py migrate" in outcome.stdout
    assert "python manage.py load_demo_orders" in outcome.stdout
    assert outcome.stdout.splitlines()[-1] == "6 ok, 2 warnings, 2 problems."
    assert [path.name for path in tmp_path.iterdir()] == ["static"]


def test_the_document_has_the_same_lines_and_every_key(tmp_path: Path):
    outcome = doctor("--json", folder=tmp_path)
    document = json.loads(outcome.stdout)
    assert outcome.returncode == 1
    assert document["schema_version"] == 1
    for check in document["checks"]:
        assert set(check) == {"name", "status", "message", "remedy"}
        assert check["status"] in ("ok", "warning", "problem")
        assert bool(check["remedy"]) == (check["status"] != "ok")
    assert seen(outcome.stdout)["mapping"][0]["message"].startswith("Not checked")


def test_files_that_are_no_databases_are_named_one_by_one(tmp_path: Path):
    for name in ("app", "orders", "sandbox"):
        (tmp_path / f"{name}.sqlite3").write_bytes(b"this is a letter, and no database at all. " * 200)
    outcome = doctor("--json", folder=tmp_path)
    found = seen(outcome.stdout)
    assert outcome.returncode == 1 and outcome.stderr == ""
    for name in ("app database", "order source", "local board"):
        assert found[name][-1]["status"] == "problem"
        assert "file is not a database" in found[name][-1]["message"]


def test_servers_that_do_not_answer_are_problems_and_their_passwords_stay_hidden(tmp_path: Path):
    nowhere = "postgres://somebody:s3cret-word@127.0.0.1:1/orders"
    outcome = doctor(folder=tmp_path, DATABASE_URL=nowhere, ORDERS_DATABASE_URL=nowhere)
    assert outcome.returncode == 1 and outcome.stderr == ""
    assert outcome.stdout.count("It cannot be looked at") == 2
    assert "Check DATABASE_URL" in outcome.stdout and "Check ORDERS_DATABASE_URL" in outcome.stdout
    assert "s3cret-word" not in outcome.stdout


def test_a_folder_that_is_not_there_is_said_and_not_made(tmp_path: Path):
    outcome = doctor("--json", folder=tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/missing/app.sqlite3")
    assert "does not exist" in seen(outcome.stdout)["app database"][0]["message"]
    assert not (tmp_path / "missing").exists()


def test_a_database_of_another_kind_in_the_place_of_the_local_board_is_left_alone(tmp_path: Path):
    path = tmp_path / "sandbox.sqlite3"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE letters (text)")
    outcome = doctor("--json", folder=tmp_path)
    assert "is no store of a local board" in seen(outcome.stdout)["local board"][0]["message"]
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT name FROM sqlite_master").fetchall() == [("letters",)]


def test_an_open_door_on_a_server_is_a_problem(tmp_path: Path):
    odd = {"PRODUCTION": "1", "SECRET_KEY": "short", "DEBUG": "1", "ALLOWED_HOSTS": "*"}
    found = seen(doctor("--json", folder=tmp_path, **odd).stdout)["settings"]
    assert {check["status"] for check in found} == {"problem"}
    assert " ".join(check["remedy"] for check in found).count("Set ") == 2
    well = {"PRODUCTION": "1", "SECRET_KEY": KEY, "ALLOWED_HOSTS": "orders.example.com"}
    (only,) = seen(doctor("--json", folder=tmp_path, **well).stdout)["settings"]
    assert (only["status"], only["message"]) == ("ok", "They fit a server.")


def test_no_secret_is_ever_shown(tmp_path: Path):
    token = "tok-1234567890-abcdefghij"
    for options in ((), ("--json",)):
        outcome = doctor(*options, folder=tmp_path, MONDAY_API_TOKEN=token, SECRET_KEY=KEY)
        assert "MONDAY_API_TOKEN is set" in outcome.stdout
        assert token not in outcome.stdout + outcome.stderr and KEY not in outcome.stdout + outcome.stderr


# --- one topic after the other ---------------------------------------------------------------------------------------
@on_both
def test_a_sound_installation_has_no_problem_and_exit_code_0(orders: None):
    out = StringIO()
    call_command("doctor", stdout=out)
    assert "problem " not in out.getvalue()
    assert out.getvalue().splitlines()[-1].endswith(" 0 problems.")
    assert [finding.status for finding in named("app database")] == ["ok"]
    assert [finding.status for finding in named("migrations")] == ["ok"]


@on_both
def test_migrations_that_are_pending_are_counted_and_nothing_else_is_guessed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app_database, "_pending", lambda: ["staging.0009_more"])
    found = examine(online=False)
    (pending,) = [finding for finding in found if finding.name == "migrations"]
    assert (pending.status, pending.remedy) == ("problem", "python manage.py migrate")
    assert next(finding.message for finding in found if finding.name == "mapping").startswith("Not checked")


@on_both
def test_duplicates_and_missing_identities_are_counted(orders: None):
    said = [finding.message for finding in named("order identities")]
    assert said == [
        "1 of 300 rows repeat the UUID of another row.",
        f"1 of 300 rows have no UUID in {IDENTITY}.",
    ]


@on_both
def test_upper_and_lower_case_of_a_uuid_are_one_identity(orders: None):
    if vendor() != "sqlite":
        pytest.skip("a uuid column of a server has one spelling")
    before = named("order identities")[0].message
    run(f'INSERT INTO "{TABLE}" ("{IDENTITY}") SELECT upper("{IDENTITY}") FROM "{TABLE}" WHERE rowid = 1')
    assert (before[:2], named("order identities")[0].message[:2]) == ("1 ", "2 ")


@on_both
def test_a_missing_index_is_a_warning_with_the_statement_to_run(orders: None):
    assert named("order index")[0].status == "ok"
    run(f'DROP INDEX "{TABLE}_identity"')
    (missing,) = named("order index")
    assert missing.status == "warning"
    run(missing.remedy)
    assert named("order index")[0].status == "ok"


@on_both
def test_a_table_without_a_needed_column_names_it(orders: None):
    run(f'ALTER TABLE "{TABLE}" DROP COLUMN "NOTES"')
    (table,) = named("order table")
    assert (table.status, table.message) == ("problem", f"{TABLE} lacks NOTES.")


@on_both
def test_a_source_without_the_table_says_what_makes_it():
    with dropping(TABLE):
        (table,) = named("order table")
    assert table.status == "problem" and "load_orders FILE" in table.remedy


@pytest.mark.parametrize("native", ["uniqueidentifier", "nvarchar", "char"])
def test_what_sql_server_is_asked_is_good_tsql(native: str):
    server = DIALECTS["microsoft"]
    count = source.identity_count(server, "dbo.ORDERS", Column("record_uuid", native, server.word(native)))
    asked = (
        source.INDEXES,
        {name: sql for name, (_, sql) in app_database.VERSIONS.items()},
        app_database.TEXTS,
        app_database.READ_ONLY,
        app_database.REFUSED,
        order_lists.MAY_MAKE_TABLES,
    )
    for statement in (count.text, *(statements["microsoft"] for statements in asked)):
        assert problems(statement) == []


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="who may write a table is a matter of servers")
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SET TRANSACTION READ ONLY", "It can only be read"),
        ("REVOKE UPDATE ON staging_syncrun FROM a_plain_account", "may not read and write staging_syncrun."),
        ("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM a_plain_account", "and [0-9]+ more"),
        ("CREATE TABLE of_somebody_else (id int); REVOKE ALL ON of_somebody_else FROM a_plain_account", ""),
    ],
)
def test_an_account_that_cannot_write_the_tables_is_a_problem(statement: str, words: str):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE a_plain_account; GRANT USAGE ON SCHEMA public TO a_plain_account")
        cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO a_plain_account")
        cursor.execute(statement)
        cursor.execute("SET LOCAL ROLE a_plain_account")
        (found,) = app_database.rights()
        transaction.set_rollback(True)
    assert found.status == ("problem" if words else "ok") and re.search(words, found.message)
    assert bool(found.remedy) == bool(words)


def test_a_mapping_that_does_not_fit_the_board_is_a_problem_with_its_remedy(world: World):
    (family,) = mappings.published()
    structure = world.setup().structure
    assert mappings.against(family, structure, "the board").status != "problem"
    first = next(iter(family.default.columns)).to
    del structure.columns[first]  # type: ignore[attr-defined]
    broken = mappings.against(family, structure, "the board")
    assert broken.status == "problem" and first in broken.message and broken.remedy


def test_boards_are_judged_by_what_was_last_read_of_them(world: World):
    (family,) = mappings.published()
    (fits,) = mappings.fitting([family])
    assert "as read on 2026-03-02" in fits.message
    Board.objects.update(structure=None)
    (unseen,) = mappings.fitting([family])
    assert unseen.status == "warning" and "was not seen yet" in unseen.message


def test_a_published_text_that_this_release_cannot_read_is_a_problem(world: World):
    Version.objects.filter(document__customer__name="HARBOUR").update(text="version: 99\ncustomer: HARBOUR\n")
    (lost,) = mappings.readable()
    assert lost.status == "problem" and "0 board and 1 customer documents" in lost.message


@on_both
def test_what_dead_processes_left_is_listed_with_the_way_on(tmp_path: Path):
    world = World(tmp_path)
    try:
        world.add(1)
        world.sync()
    finally:
        world.close()
    (well,) = named("leftovers")
    assert well.status == "ok"
    gone = {"lease_owner": "elsewhere:1:x", "lease_until": database_now() - timedelta(hours=1)}
    SyncRun.objects.update(state="running", **gone)
    Batch.objects.update(state="pushing", **gone)
    StagedOrder.objects.update(state="unclear")
    said = " ".join(finding.message for finding in named("leftovers"))
    assert "Run " in said and "was being pushed" in said and "1 order was sent without an answer" in said
    Batch.objects.update(state="draft", lease_owner="")
    SyncRun.objects.update(state="failed")
    assert "left as drafts" in " ".join(finding.message for finding in named("leftovers"))


@on_both
def test_a_run_that_no_worker_takes_up_is_told_after_a_while():
    made = SyncRun.objects.create(mode="TEST", trigger="schedule", actor="policy", started_at=database_now())
    assert named("leftovers")[0].status == "ok"
    SyncRun.objects.filter(pk=made.pk).update(started_at=database_now() - timedelta(minutes=11))
    (waiting,) = named("leftovers")
    assert waiting.message == "1 run was queued, and no worker takes them up." and "serve" in waiting.remedy


@on_both
def test_workers_that_claim_jobs_are_well_and_those_that_fell_silent_are_a_problem(settings: Any):
    pulse = WorkerPulse.objects.create(host="here", at=timezone.now())
    assert [finding.status for finding in named("workers")] == ["ok"]
    WorkerPulse.objects.filter(pk=pulse.pk).update(at=timezone.now() - timedelta(minutes=10))
    (silent,) = named("workers")
    assert silent.status == "problem" and "No worker has claimed a job since" in silent.message
    assert "Remedy" not in silent.message and "serve" in silent.remedy
    settings.PRODUCTION = True
    assert "manage.py worker" in named("workers")[0].remedy


@on_both
def test_an_installation_that_never_had_a_worker_is_only_told_so(settings: Any):
    (never,) = named("workers")
    assert (never.status, never.message) == ("warning", "No worker has claimed a job yet.")
    assert "serve" in never.remedy
    settings.PRODUCTION = True
    assert "setup_schedules" in named("workers")[0].remedy


@on_both
def test_a_run_at_work_is_no_leftover(tmp_path: Path):
    world = World(tmp_path)
    world.close()
    alive = {"lease_owner": "elsewhere:1:x", "lease_until": database_now() + timedelta(minutes=5)}
    run_ = SyncRun(board=world.board, mode="TEST", trigger="cli", actor="anna", state="running", **alive)
    run_.started_at = database_now()
    run_.save()
    assert [finding.status for finding in named("leftovers")] == ["ok"]


def served(store: SandboxStore) -> int:
    """Requests that the local board has answered."""
    with store.connection() as db:
        return int(db.execute("SELECT count(*) FROM requests").fetchone()[0])


@on_both
def test_the_api_is_asked_only_on_request_and_says_who_answers(tmp_path: Path, settings: Any):
    world = World(tmp_path)
    world.close()
    store = SandboxStore(tmp_path / "board.sqlite3")
    with running(SandboxApp(store)) as address:
        settings.MONDAY_API_URL = f"{address}/v2"
        assert "Not asked" in named("monday.com")[0].message
        before = served(store)
        found = {finding.name: finding for finding in examine(online=True)}
        assert found["monday.com"].status == "ok" and "A local board answers" in found["monday.com"].message
        assert found["API version"].message == "2026-10 answers and is current."
        assert "as it stands now" in found["board"].message
        (account,) = Budget.objects.values_list("account_id", flat=True)
        assert standing(settings.MONDAY_API_URL, account).calls == served(store) - before
        settings.PRODUCTION = True
        assert named("monday.com", online=True)[0].status == "problem"
    store.close()


@on_both
def test_without_a_token_only_the_real_address_is_a_warning(settings: Any):
    assert named("token")[0].status == "warning"
    settings.MONDAY_API_URL = "http://127.0.0.1:8765/v2"
    assert named("token")[0].status == "ok"
    settings.MONDAY_API_TOKEN = "Bearer two words"
    (odd,) = named("token")
    assert odd.status == "problem" and "two words" not in odd.message + odd.remedy
    assert named("monday.com", online=True)[0].status == "warning"


@pytest.mark.parametrize(("free", "status"), [(50, "problem"), (500, "warning"), (5000, "ok")])
def test_little_free_room_is_told_before_it_runs_out(free: int, status: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free * machine.MEGABYTE))
    assert {finding.status for finding in machine.disk()} == {status}


def test_a_working_folder_that_cannot_be_written_is_a_problem(tmp_path: Path, settings: Any):
    settings.VAR_DIR = tmp_path / "missing"
    (folder,) = machine.folder()
    assert folder.status == "problem" and folder.remedy


def test_a_network_file_system_is_recognised_by_the_nearest_mount(tmp_path: Path):
    mounts = tmp_path / "mounts"
    here = tmp_path.resolve()
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {here}/shared nfs4 rw 0 0\n", encoding="utf-8")
    assert network_file_system(here / "shared" / "app.sqlite3", mounts) == "nfs4"
    assert network_file_system(here / "app.sqlite3", mounts) == ""
    assert network_file_system(here, tmp_path / "no such file") == ""


def test_a_sentence_is_split_where_its_remedy_begins():
    assert told("x", "It is full. Remedy: empty it.") == Finding("x", "problem", "It is full.", "empty it.")  # type: ignore[arg-type]
