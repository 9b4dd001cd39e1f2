"""Yesterday's database, taken and put back as documented: what happened since is linked, and nothing is doubled."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .installation import SERVER, postgres_answers, postgres_database
from .typed import ServedBoard, Typed, served

pytestmark = [pytest.mark.slow, pytest.mark.long]
PRODUCTION = ("--mode", "PRODUCTION", "--allow-sandbox")
SERVERLESS = not shutil.which("pg_restore") or not postgres_answers()
POSTGRES = pytest.mark.skipif(SERVERLESS, reason="no PostgreSQL server on 127.0.0.1:5432")


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=POSTGRES)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Typed, ServedBoard]]:
    with ExitStack() as stack:
        installation, board = stack.enter_context(served(tmp_path))
        if request.param == "PostgreSQL":
            installation.extra["DATABASE_URL"] = stack.enter_context(postgres_database())
            installation.run("migrate", "--verbosity", "0")
        installation.run("load_demo_orders", "--rows", "110")
        installation.sync("--mode", "TEST", "--dry-run")  # publishes the shipped documents
        yield installation, board


def backup(installation: Typed) -> Callable[[], None]:
    """Back up as docs/running.md says; gives what restores it."""
    folder, address = installation.folder / "backups", installation.extra.get("DATABASE_URL")
    if not address:
        installation.run("backup", "--to", str(folder))
        (copy,) = folder.iterdir()

        def put_back() -> None:
            for left in ("app.sqlite3-wal", "app.sqlite3-shm"):
                (installation.folder / left).unlink(missing_ok=True)
            shutil.copy(copy, installation.folder / "app.sqlite3")

        return put_back
    folder.mkdir()
    server = ["--host", str(SERVER["host"]), "--port", str(SERVER["port"]), "--username", str(SERVER["user"])]
    name, dump = address.rpartition("/")[2], folder / "ordersite.dump"
    subprocess.run(["pg_dump", *server, "--format=custom", "--file", dump, name], check=True, timeout=120)
    restore = ["pg_restore", *server, "--clean", "--if-exists", "--single-transaction", "--dbname", name, dump]
    return lambda: bool(subprocess.run(restore, check=True, timeout=120)) and None


def stage(installation: Typed, *words: str) -> list[str]:
    """Sync; gives the open batches."""
    installation.sync(*PRODUCTION, *words)
    listed = json.loads(installation.run("batches", "list", "--state", "open", "--json"))
    return [str(batch["id"]) for batch in listed["batches"]]


def approve(installation: Typed, batches: list[str]) -> None:
    installation.run("batches", "approve", *batches, "--removals", "--note", "looked at")


def push(installation: Typed, batches: list[str]) -> None:
    installation.run("batches", "push", *batches)


def test_yesterdays_database_links_what_was_pushed_since_and_says_what_was_undone(
    place: tuple[Typed, ServedBoard],
) -> None:
    installation, board = place
    first = stage(installation, "--limit", "25")
    approve(installation, first)
    push(installation, first)
    waiting = stage(installation, "--limit", "10")
    approve(installation, waiting)
    put_back = backup(installation)

    # --- what the backup does not know: 60 more items, changes, and a batch taken back ---------------------------
    push(installation, waiting)
    later = stage(installation, "--limit", "50")
    approve(installation, later)
    push(installation, later)
    assert len(board.items()) == 85
    installation.run("load_demo_orders", "--mutate", "changed=6")
    changed = stage(installation, "--limit", "6")
    approve(installation, changed)
    push(installation, changed)
    before = set(board.items())
    installation.run("batches", "undo", first[0], "--reason", "wrong season")
    stood = board.items()
    undone = before - set(stood)
    assert undone

    put_back()
    states = {str(b["id"]): b["state"] for b in json.loads(installation.run("batches", "list", "--json"))["batches"]}
    assert {states[batch] for batch in waiting} == {"approved"} and {states[batch] for batch in first} == {"pushed"}
    again = stage(installation)  # what was approved already goes out at once; all else is asked for again
    approve(installation, again)
    push(installation, again)
    now = board.items()
    assert set(stood) <= set(now) and undone.isdisjoint(now)
    assert {key: now[key]["values"] for key in stood} == {key: stood[key]["values"] for key in stood}
    assert {key: now[key]["sizes"] for key in stood} == {key: stood[key]["sizes"] for key in stood}
    quiet = installation.sync(*PRODUCTION)
    assert (quiet["counts"]["new"], quiet["counts"]["changed"], quiet["api"]["mutations"]) == (0, 0, 0)
    # What was taken back since is not known any more; a reconciliation says of which orders the items are gone.
    found = json.loads(installation.run("reconcile", *PRODUCTION, "--json"))["counts"]
    assert (found["drifted"], found["extra"], found["duplicates"]) == (0, 0, 0), found
    assert found["missing"] + found["archived"] == len(undone), found
    installation.run("verify_audit")
