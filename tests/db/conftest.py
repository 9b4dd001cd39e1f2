"""What the database tests share: a small world to let the line run in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib import admin

from tests.world import World

# The screens are loaded with the addresses, and some tests look at them before any page is asked for.
admin.autodiscover()


@pytest.fixture
def world(db: None, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()
