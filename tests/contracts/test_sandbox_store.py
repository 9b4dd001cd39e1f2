"""The store: several processes, ids that are never reused, reset, snapshot, restore, and speed."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from monday.sandbox.app import SandboxApp
from monday.sandbox.store import SandboxStore, StoreUnusable
from monday.sandbox.transport import sandbox_session

from .sandbox_world import BOARD, CREATE, structure, world

ADDRESS = "http://sandbox.ordersite/v2"
HEADERS = {"Authorization": "t"}


def _write(path: str, name: str, count: int) -> None:
    with sandbox_session(path) as session:
        for n in range(count):
            variables = {"b": BOARD, "n": f"{name} {n}", "v": json.dumps({"text_key": f"{name}-{n}"})}
            answer = session.post(ADDRESS, json={"query": CREATE, "variables": variables}, headers=HEADERS, timeout=30)
            assert answer.json()["data"]["create_item"]["id"]


def test_several_processes_see_one_api(tmp_path: Path) -> None:
    path = str(tmp_path / "s.sqlite3")
    context = multiprocessing.get_context("spawn")
    with SandboxStoreSeeded(path):
        workers = [context.Process(target=_write, args=(path, f"P{n}", 40)) for n in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0, 0, 0]
    store = SandboxStore(path)
    with store.connection() as db:
        assert db.execute("SELECT count(*), count(DISTINCT id), count(DISTINCT position) FROM items").fetchone() == (
            120,
            120,
            120,
        )
        assert db.execute("SELECT items_count FROM boards WHERE id = ?", (BOARD,)).fetchone() == (120,)
    store.close()


class SandboxStoreSeeded:
    """A seeded store that stays open for the block."""

    def __init__(self, path: str) -> None:
        self.store = SandboxStore(path)
        self.store.seed(structure())

    def __enter__(self) -> SandboxStore:
        return self.store

    def __exit__(self, *_: object) -> None:
        self.store.close()


def test_a_store_keeps_its_account_and_two_stores_differ(tmp_path: Path) -> None:
    first, again, other = (SandboxStore(tmp_path / name) for name in ("a.sqlite3", "a.sqlite3", "b.sqlite3"))
    assert first.account_id == again.account_id != other.account_id
    for store in (first, again, other):
        store.close()


def test_a_reset_empties_the_store_and_reuses_no_id(tmp_path: Path) -> None:
    with world(tmp_path) as board:
        before, account = int(board.create_subitem(board.create())), board.store.account_id
        assert board.session.post(f"{board.address}/sandbox/reset", timeout=5).json()["account_id"] != account
        assert board.ask("{ boards { id } }") == {"boards": []}
        board.store.seed(structure())
        assert int(board.create()) > before


def test_a_snapshot_brings_everything_back_and_reuses_no_id(tmp_path: Path) -> None:
    with world(tmp_path) as board:
        kept = board.create("kept", text_key="A")
        account = board.store.account_id
        board.store.snapshot(tmp_path / "kept.sqlite3")
        later = int(board.create("later"))
        board.change(kept, text_key="B")
        board.store.reset()
        board.store.restore(tmp_path / "kept.sqlite3")
        assert board.store.account_id == account
        assert board.cells(kept)["text_key"]["text"] == "A"
        assert board.ask("query($i: [ID!]) { items(ids: $i) { id } }", {"i": [str(later)]}) == {"items": []}
        assert int(board.create()) > later


def test_a_file_that_cannot_be_used_is_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 200, encoding="utf-8")
    for path in (tmp_path / "notes.txt", tmp_path / "missing" / "s.sqlite3"):
        with pytest.raises(StoreUnusable, match="Remedy"):
            SandboxStore(path)
    store = SandboxStore(tmp_path / "s.sqlite3")
    for path in (tmp_path / "notes.txt", tmp_path / "missing.sqlite3"):
        with pytest.raises(StoreUnusable, match="Remedy"):
            store.restore(path)
    store.close()


def test_a_seed_without_a_numeric_id_is_refused(tmp_path: Path) -> None:
    store = SandboxStore(tmp_path / "s.sqlite3")
    data = {**structure().to_json(), "id": "schedule"}
    answer = SandboxApp(store).handle("POST", "/sandbox/seed", {}, json.dumps(data).encode())
    assert answer.status == 400 and b"Remedy" in answer.body
    store.close()
