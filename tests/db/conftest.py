"""What the database tests share: a small world to let the line run in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib import admin

from tests.world import World

# What screens, lists, files and jobs ask the database is compiled for SQL Server at every run; `--tsql` does all.
SCREENS_AND_JOBS = {
    *("test_admin_batches", "test_admin_customers", "test_admin_documents", "test_admin_pages", "test_batch_page"),
    *("test_adopt", "test_board_readings", "test_exports", "test_gone", "test_health", "test_impact", "test_intake"),
    *("test_jobs", "test_lockout", "test_notifications", "test_people_admin", "test_reconcile", "test_rejected_queue"),
    *("test_reporting", "test_run_report", "test_schedules", "test_search", "test_undo_preview", "test_unused_files"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of screens and jobs. The hook is handed the items of every folder."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and item.path.stem in SCREENS_AND_JOBS:
            item.add_marker("tsql")


# The screens are loaded with the addresses, and some tests look at them before any page is asked for.
admin.autodiscover()


@pytest.fixture
def world(db: None, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def six(world: World) -> World:
    """Six orders on the board."""
    for number in range(1, 7):
        world.add(number)
    world.sync()
    return world
