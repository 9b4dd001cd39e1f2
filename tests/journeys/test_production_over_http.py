"""The whole line as an operator types it, in PRODUCTION on a served board: row to item and back, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monday.sandbox.behaviour import Behaviour

from .typed import ServedBoard, Typed, served

PRODUCTION = ("--mode", "PRODUCTION", "--allow-sandbox", "--batch-size", "100")
together = pytest.mark.xdist_group("production")  # one installation for several tests, so one worker has them all


@contextmanager
def begun(folder: Path) -> Iterator[tuple[Typed, ServedBoard]]:
    """60 rows, the shipped documents published, and nothing on the board yet."""
    with served(folder) as (installation, board):
        installation.run("load_demo_orders", "--rows", "60")
        installation.sync("--mode", "TEST", "--dry-run")  # the first boot publishes the shipped documents
        yield installation, board


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Typed, ServedBoard]]:
    """Every order of the 60 rows stands on the board."""
    with begun(tmp_path_factory.mktemp("production")) as (installation, board):
        installation.sync(*PRODUCTION)
        approve_and_push(installation)
        yield installation, board


def approve_and_push(installation: Typed) -> list[int]:
    """Approve every open batch and push it, as a person would; gives their ids."""
    listed = json.loads(installation.run("batches", "list", "--state", "open", "--json"))
    ids = [str(batch["id"]) for batch in listed["batches"]]
    installation.run("batches", "approve", *ids, "--removals", "--note", "looked at")
    installation.run("batches", "push", *ids)
    return [int(one) for one in ids]


def test_from_row_to_item_and_back(tmp_path: Path) -> None:
    with begun(tmp_path) as (installation, board):
        _from_row_to_item_and_back(installation, board)


def test_another_version_of_the_api_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with served(tmp_path, behaviour=Behaviour(answers_as="2027-01")) as (installation, board):
        installation.run("load_demo_orders", "--rows", "20")
        told = installation.run("sync_orders", "--mode", "TEST", "--limit", "3", code=5)
        assert "answers with version 2027-01 of its API (release candidate) instead of 2026-10" in told
        assert "Remedy: take a newer release" in told and board.items() == {}


def _from_row_to_item_and_back(installation: Typed, board: ServedBoard) -> None:
    staged = installation.sync(*PRODUCTION)
    assert staged["status"] == "waiting" and staged["counts"]["pending"] == staged["counts"]["staged"] > 40
    assert staged["api"]["mutations"] == 0 and board.items() == {}, "nothing goes out before a person said so"
    installation.sync(*PRODUCTION, "--detailed-exitcode", code=4)

    approve_and_push(installation)
    stood = board.items()
    assert len(stood) == staged["counts"]["staged"]
    quiet = installation.sync(*PRODUCTION)
    assert (quiet["counts"]["new"], quiet["counts"]["changed"], quiet["api"]["mutations"]) == (0, 0, 0)

    # --- a field and a size of one row, and another row gone -----------------------------------------------------
    changed, gone = _two_plain_rows(installation, stood)
    size, quantity = next(iter(stood[changed]["sizes"].items()))
    installation.orders(
        f'UPDATE "ORDERS_UNIFIED" SET "PO NUMBER" = ?, "{size}" = "{size}" + 5, "TOTAL QTY" = "TOTAL QTY" + 5 '
        "WHERE lower(record_uuid) = ?",
        "PO-O'NEIL|7",
        changed,
    )
    saved = installation.orders('SELECT * FROM "ORDERS_UNIFIED" WHERE lower(record_uuid) = ?', gone)
    installation.orders('DELETE FROM "ORDERS_UNIFIED" WHERE lower(record_uuid) = ?', gone)
    moved = installation.sync(*PRODUCTION)
    assert (moved["counts"]["changed"], moved["counts"]["removed"]) == (1, 1)
    batches = approve_and_push(installation)
    now = board.items()
    assert now[changed]["values"]["text_mkr5ej2x"] == "PO-O'NEIL|7"
    assert now[changed]["sizes"] == {**stood[changed]["sizes"], size: str(int(quantity) + 5)}
    assert now[gone]["group"] == "Removed" and now[gone]["sizes"] == stood[gone]["sizes"]

    # --- each is taken back, and the next run leaves it so -----------------------------------------------------------
    for batch in reversed(batches):
        installation.run("batches", "undo", str(batch), "--reason", "a mistake")
    assert board.items() == stood, "the board stands as before"
    left = installation.sync(*PRODUCTION)
    assert (left["counts"]["staged"], left["api"]["mutations"]) == (0, 0)
    assert board.items() == stood

    # --- the row comes back, and another field of the undone one moves: only that goes out ---------------------------
    marks = ", ".join("?" * len(saved[0]))
    installation.orders(f'INSERT INTO "ORDERS_UNIFIED" VALUES ({marks})', *saved[0])
    installation.orders('UPDATE "ORDERS_UNIFIED" SET "DESTINATION" = ? WHERE lower(record_uuid) = ?', "PORT 9", changed)
    again = installation.sync(*PRODUCTION)
    assert again["counts"]["changed"] == 1 and again["counts"]["staged"] == 1
    approve_and_push(installation)
    after = board.items()
    assert after[changed]["values"]["text_mkr5kbc6"] == "PORT 9"
    assert after[changed]["values"]["text_mkr5ej2x"] == stood[changed]["values"]["text_mkr5ej2x"]
    assert installation.run("verify_audit")


def _two_plain_rows(installation: Typed, stood: dict[str, dict[str, object]]) -> tuple[str, str]:
    """Two records of one customer with sizes and with a UUID of their own that stands once."""
    rows = installation.orders('SELECT lower(record_uuid), "CUSTOMER NAME" FROM "ORDERS_UNIFIED"')
    once = [(record, name) for record, name in rows if record in stood and stood[record]["sizes"]]
    for record, name in once:
        other = next((r for r, n in once if n == name and r != record), None)
        if other and "text_mkr5ej2x" in dict(stood[record]["values"]):  # type: ignore[call-overload]
            return record, other
    raise AssertionError("the demo has no two such rows")


@together
def test_declined_is_declined_and_says_why(line: tuple[Typed, ServedBoard]) -> None:
    installation, board = line
    installation.run("load_demo_orders", "--mutate", "new=2")
    staged = installation.sync(*PRODUCTION)
    assert staged["counts"]["new"] == 2
    before = board.items()
    for batch in staged["batches"]:
        said = installation.run("batches", "decline", str(batch["id"]), code=2)
        assert "--reason" in said
        installation.run("batches", "decline", str(batch["id"]), "--reason", "not agreed with the customer")
    again = installation.sync(*PRODUCTION)
    assert (again["counts"]["new"], again["counts"]["waiting"]) == (0, 2) and again["batches"] == []
    assert board.items() == before


@together
def test_what_moved_since_the_approval_does_not_go_out(line: tuple[Typed, ServedBoard]) -> None:
    installation, board = line
    installation.run("load_demo_orders", "--mutate", "changed=2")
    staged = installation.sync(*PRODUCTION)
    ids = [str(batch["id"]) for batch in staged["batches"] if batch["run"] == staged["run_id"]]
    installation.run("batches", "approve", *ids)
    record = installation.app(
        "SELECT record FROM staging_stagedorder WHERE state = 'approved' AND operation = 'update' ORDER BY id"
    )[0][0]
    installation.orders('UPDATE "ORDERS_UNIFIED" SET "DESTINATION" = ? WHERE lower(record_uuid) = ?', "MOVED", record)
    before = board.items()[record]
    said = installation.run("batches", "push", *ids, code=5)
    assert "changed since this batch was built" in said
    assert board.items()[record] == before, "it was not sent in its old form"
    again = installation.sync(*PRODUCTION)
    assert again["counts"]["changed"] == 1
    approve_and_push(installation)
    assert board.items()[record]["values"]["text_mkr5kbc6"] == "MOVED"


@together
def test_the_odd_names_go_through_the_whole_line(line: tuple[Typed, ServedBoard]) -> None:
    _, board = line
    groups = " ".join(str(item["group"]) for item in board.items().values())
    assert "B'HOOD" in groups and "WHITE|FOX" in groups and "云端服饰" in groups
