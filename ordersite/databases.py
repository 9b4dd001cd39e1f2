"""The databases: the app's own (`default`), the one that holds the orders (`orders`), and the one of lists that people
bring (`intake`).

Each is given as one address, `sqlite:///path`, `postgres://...` or `mssql://user:password@host:port/name`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from . import env

# Readers beside one writer, and a write lock taken at the start: the pair that never says "database is locked".
# Six megabytes of pages are kept: with SQLite's two, a first load writes its indexes' pages several times over.
SQLITE = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
    "PRAGMA busy_timeout=20000;PRAGMA cache_size=-6000;",
}
MSSQL = {
    "python_driver": "mssql_python",
    "connection_timeout": 30,
    "query_timeout": 600,
    "return_rows_bulk_insert": True,  # so that bulk_create knows the keys, as on the other databases
}
ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql", "mssql")


def database(variable: str, embedded: Path, *, test_url: str) -> dict[str, Any]:
    """One entry of Django's DATABASES from the address in `variable`, an SQLite file `embedded` where it is unset.

    Under pytest the address in `test_url` is taken instead, so that the whole suite can run against any server.
    Raises ImproperlyConfigured for an address that cannot be read, without showing it.
    """
    address = (env.secret(test_url) if env.flag("ORDERSITE_TESTING", False) else "") or env.secret(variable)
    if not address:
        return {"ENGINE": ENGINES[0], "NAME": str(embedded), "OPTIONS": dict(SQLITE)}
    try:
        entry: dict[str, Any] = dict(dj_database_url.parse(address, conn_max_age=600, conn_health_checks=True))
    except (ValueError, KeyError):
        entry = {}
    if entry.get("ENGINE") not in ENGINES:
        raise ImproperlyConfigured(
            f"{variable} cannot be read. Remedy: sqlite:///path/file, postgres://user:password@host:5432/name "
            "or mssql://user:password@host:1433/name."
        )
    if entry["ENGINE"] == ENGINES[0]:
        entry["OPTIONS"] = {**SQLITE, **entry.get("OPTIONS", {})}
        entry["CONN_MAX_AGE"] = 0
    if entry["ENGINE"] == "mssql":
        entry["OPTIONS"] = {**MSSQL, **entry.get("OPTIONS", {})}
    return entry


class OrdersRouter:
    """Keeps our tables out of the orders and the intake: nothing is ever migrated there."""

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool | None:
        return False if db in ("orders", "intake") else None
