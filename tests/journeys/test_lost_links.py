"""What must double and remove nothing, typed: a reloaded table, yesterday's database, a board that others filled."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from .typed import Typed

UUID, KEY = "text_record_uuid", "text_size_key"


def begun(folder: Path, rows: int) -> Typed:
    """An installation with its own order table."""
    typed = Typed(folder)
    typed.run("migrate", "--verbosity", "0")
    typed.run("load_demo_orders", "--rows", str(rows))
    return typed


def items(folder: Path) -> list[dict[str, Any]]:
    """The active items of the local board, subitems left out: their cells with id and name."""
    with closing(sqlite3.connect(folder / "sandbox.sqlite3")) as store:
        rows = store.execute(
            "SELECT id, name, cells FROM items WHERE state = 'active' AND parent_id IS NULL"
        ).fetchall()
    return [{"id": number, "name": name, **json.loads(cells)} for number, name, cells in rows]


def subitems(folder: Path) -> list[tuple[int, str]]:
    """The active subitems: parent and key."""
    with closing(sqlite3.connect(folder / "sandbox.sqlite3")) as store:
        rows = store.execute("SELECT parent_id, cells FROM items WHERE state = 'active' AND parent_id IS NOT NULL")
        return [(parent, json.loads(cells).get(KEY, "")) for parent, cells in rows.fetchall()]


def nothing_twice(folder: Path) -> None:
    keys = [item[UUID] for item in items(folder)]
    assert len(keys) == len(set(keys))
    lines = subitems(folder)
    assert len(lines) == len(set(lines))


def test_a_table_that_was_truncated_and_reloaded_with_fresh_uuids_writes_nothing(tmp_path: Path) -> None:
    typed = begun(tmp_path, 150)
    first = typed.sync()
    board = items(tmp_path)
    assert len(board) == first["counts"]["created"] > 100
    for (raw,) in typed.orders('SELECT DISTINCT record_uuid FROM "ORDERS_UNIFIED" WHERE record_uuid IS NOT NULL'):
        if raw.strip():
            typed.orders('UPDATE "ORDERS_UNIFIED" SET record_uuid = ? WHERE record_uuid = ?', str(uuid4()), raw)
    again = typed.sync()
    assert (again["api"]["mutations"], again["counts"]["staged"], again["counts"]["removed"]) == (0, 0, 0)
    assert again["counts"]["rekeyed"] > 100
    assert items(tmp_path) == board
    quiet = typed.sync()
    assert (quiet["counts"]["rekeyed"], quiet["api"]["mutations"]) == (0, 0)


@pytest.mark.long
def test_yesterdays_database_after_fifty_more_pushes_creates_nothing_twice_and_links_what_happened_since(
    tmp_path: Path,
) -> None:
    typed = begun(tmp_path, 160)
    typed.sync("--limit", "60")
    shutil.copy(tmp_path / "app.sqlite3", tmp_path / "yesterday.sqlite3")
    since = typed.sync("--limit", "50")
    typed.run("load_demo_orders", "--mutate", "changed=10")
    typed.sync("--limit", "10")
    stood = {item[UUID] for item in items(tmp_path)}
    assert since["counts"]["created"] == 50 and len(stood) >= 110
    shutil.copy(tmp_path / "yesterday.sqlite3", tmp_path / "app.sqlite3")
    for left in ("app.sqlite3-wal", "app.sqlite3-shm"):
        (tmp_path / left).unlink(missing_ok=True)
    assert typed.app("SELECT COUNT(*) FROM staging_snapshot") == [(60,)]
    typed.sync()
    nothing_twice(tmp_path)
    linked = {key for (key,) in typed.app("SELECT link_key FROM staging_snapshot")}
    assert linked == {item[UUID] for item in items(tmp_path)} >= stood
    quiet = typed.sync()
    assert (quiet["counts"]["new"], quiet["counts"]["changed"], quiet["api"]["mutations"]) == (0, 0, 0)
    found = json.loads(typed.run("reconcile", "--json"))["counts"]
    assert (found["drifted"], found["extra"], found["missing"], found["duplicates"]) == (0, 0, 0, 0)


@pytest.mark.long
def test_a_board_that_another_client_filled_is_refused_adopted_updated_and_reconciled(tmp_path: Path) -> None:
    typed = begun(tmp_path, 90)
    typed.sync("--limit", "60")
    strangers_did_it(tmp_path)
    before = {item["id"] for item in items(tmp_path)}
    looked = json.loads(typed.run("adopt_board", "--json", "--out", str(tmp_path / "found")))
    assert looked["counts"]["matched"] + looked["counts"]["unsure_items"] == 60
    assert looked["counts"]["unsure_items"] <= 2
    assert typed.app("SELECT COUNT(*) FROM staging_snapshot") == [(0,)]
    done = json.loads(typed.run("adopt_board", "--apply", "--json"))
    assert done["counts"]["adopted"] == looked["counts"]["matched"]
    synced = typed.sync()
    assert synced["counts"]["updated"] == done["counts"]["adopted"]
    after = {item["id"] for item in items(tmp_path)}
    assert len(after - before) == synced["counts"]["created"]
    assert before <= after
    if not looked["counts"]["unsure_items"]:
        nothing_twice(tmp_path)
    found = json.loads(typed.run("reconcile", "--json"))["counts"]
    assert (found["drifted"], found["missing"], found["duplicates"]) == (0, 0, 0)
    assert found["extra"] == looked["counts"]["unsure_items"]


def strangers_did_it(folder: Path) -> None:
    """As if another client had put the items there: no key of ours on them, and our database never heard of them."""
    with closing(sqlite3.connect(folder / "sandbox.sqlite3")) as store:
        for number, cells in store.execute("SELECT id, cells FROM items").fetchall():
            kept = {name: value for name, value in json.loads(cells).items() if name not in (UUID, KEY)}
            store.execute("UPDATE items SET cells = ? WHERE id = ?", (json.dumps(kept), number))
        store.execute("DELETE FROM lookup WHERE column_id IN (?, ?)", (UUID, KEY))
        store.commit()
    (folder / "app.sqlite3").unlink()
    for left in ("app.sqlite3-wal", "app.sqlite3-shm"):
        (folder / left).unlink(missing_ok=True)
    Typed(folder).run("migrate", "--verbosity", "0")
