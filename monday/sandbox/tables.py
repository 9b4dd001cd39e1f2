"""The tables of the sandbox's store, one SQLite file.

Ids of boards and items come from one sequence in `meta` that outlives a reset, so an id never means two things.
An item's cells are one JSON text: items are written and read whole. Names and text cells stand in `lookup` as well,
because they are what items are looked up by.
"""

from __future__ import annotations

LATER = ("updates", "tags", "workspaces", "board_places")  # since layout 2
CONTENT = ("boards", "board_columns", "labels", "board_groups", "items", "lookup", "activity", *LATER)
PASSING = ("cursors", "idempotency", "counters", "in_flight", "requests")

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS boards (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT, kind TEXT NOT NULL, type TEXT NOT NULL,
    state TEXT NOT NULL, items_limit INTEGER, items_count INTEGER NOT NULL DEFAULT 0, parent_board_id INTEGER,
    stamp TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS board_columns (
    board_id INTEGER NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, kind TEXT NOT NULL, position REAL NOT NULL,
    description TEXT, state TEXT NOT NULL, revision TEXT NOT NULL, settings TEXT NOT NULL, width INTEGER,
    PRIMARY KEY (board_id, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labels (
    board_id INTEGER NOT NULL, column_id TEXT NOT NULL, id INTEGER NOT NULL, text TEXT NOT NULL,
    active INTEGER NOT NULL, color TEXT, position INTEGER NOT NULL, is_done INTEGER NOT NULL DEFAULT 0,
    description TEXT,
    PRIMARY KEY (board_id, column_id, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labels_by_text ON labels (board_id, column_id, text);
CREATE TABLE IF NOT EXISTS board_groups (
    board_id INTEGER NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, color TEXT NOT NULL, position REAL NOT NULL,
    state TEXT NOT NULL, PRIMARY KEY (board_id, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY, board_id INTEGER NOT NULL, parent_id INTEGER, group_id TEXT NOT NULL, name TEXT NOT NULL,
    state TEXT NOT NULL, position REAL NOT NULL, cells TEXT NOT NULL, creator TEXT NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS items_by_group ON items (board_id, group_id, position);
CREATE INDEX IF NOT EXISTS items_by_parent ON items (parent_id, position) WHERE parent_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS lookup (
    column_id TEXT NOT NULL, key TEXT NOT NULL, item_id INTEGER NOT NULL,
    PRIMARY KEY (column_id, key, item_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activity (
    id INTEGER PRIMARY KEY, board_id INTEGER NOT NULL, item_id INTEGER, event TEXT NOT NULL, data TEXT NOT NULL,
    actor TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS activity_by_board ON activity (board_id, id);
CREATE TABLE IF NOT EXISTS updates (
    id INTEGER PRIMARY KEY, board_id INTEGER NOT NULL, item_id INTEGER NOT NULL, parent_id INTEGER, body TEXT NOT NULL,
    creator TEXT NOT NULL, liked TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS updates_by_item ON updates (item_id, id);
CREATE INDEX IF NOT EXISTS updates_by_board ON updates (board_id, id);
CREATE TABLE IF NOT EXISTS tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL, color TEXT NOT NULL, board_id INTEGER);
CREATE TABLE IF NOT EXISTS workspaces (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, description TEXT, state TEXT NOT NULL,
    created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS board_places (board_id INTEGER PRIMARY KEY, workspace_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS cursors (key TEXT PRIMARY KEY, ids TEXT NOT NULL, created_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, body_hash TEXT NOT NULL, started_at REAL NOT NULL, finished_at REAL, status INTEGER,
    body BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
    name TEXT PRIMARY KEY, started_at REAL NOT NULL, used REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS in_flight (id TEXT PRIMARY KEY, started_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, operations INTEGER NOT NULL,
    refused INTEGER NOT NULL, status INTEGER NOT NULL, seconds REAL NOT NULL, cost INTEGER NOT NULL,
    note TEXT NOT NULL);
"""
