"""An installation of a measurement's own, in a folder that goes with it: what settings name is not touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASES = ("DATABASE_URL", "ORDERS_DATABASE_URL", "INTAKE_DATABASE_URL")


@contextmanager
def installation(*, database: str = "", migrated: bool = True) -> Iterator[Path]:
    """Django over embedded databases, or over `database` as the app's own; the folder. Once in a process's life."""
    with tempfile.TemporaryDirectory(prefix="ordersite-bench-") as folder:
        for name in DATABASES:
            os.environ.pop(name, None)
            os.environ.pop(f"{name}_FILE", None)
        if database:
            os.environ["DATABASE_URL"] = database
        os.environ.update(ORDERSITE_TESTING="1", VAR_DIR=folder, DJANGO_SETTINGS_MODULE="ordersite.settings")
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        if migrated:
            call_command("migrate", verbosity=0)
        try:
            yield Path(folder)
        finally:
            connections.close_all()
