"""The database with our own tables: can it be reached, is it up to date, does it do what leases and jobs rely on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from staging.reports.reporting import VIEWS
from staging.running.lease import database_now

from .finding import Finding, ok, problem, warning
from .reaching import connect, file_of, missing_file, network_file_system

NAME = "app database"
MIGRATE = "python manage.py migrate"
TEXTS = {
    "postgresql": "SHOW server_encoding",
    "microsoft": "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128))",
}
READ_ONLY = {
    "postgresql": "SELECT current_setting('transaction_read_only') = 'on'",
    "microsoft": "SELECT CASE DATABASEPROPERTYEX(DB_NAME(), 'Updateability') WHEN 'READ_ONLY' THEN 1 ELSE 0 END",
}
REFUSED = {  # tables that the account may not read and write as it must; others' tables beside them do not matter
    "postgresql": (
        "SELECT c.relname FROM pg_class AS c WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) AND NOT "
        "(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND "
        "has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))"
    ),
    "microsoft": (
        "SELECT t.name FROM sys.tables AS t WHERE t.schema_id = SCHEMA_ID() AND 4 > (SELECT COUNT(DISTINCT "
        "p.permission_name) FROM sys.fn_my_permissions(QUOTENAME(SCHEMA_NAME()) + '.' + QUOTENAME(t.name), 'OBJECT') "
        "AS p WHERE p.subentity_name = '' AND p.permission_name IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))"
    ),
}
CLOCKS_APART = 5.0  # seconds between the database's clock and ours before somebody should know
VERSIONS = {
    "sqlite": ("SQLite", "SELECT sqlite_version()"),
    "postgresql": ("PostgreSQL", "SHOW server_version"),
    "microsoft": ("SQL Server", "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(40))"),
}


def reachable() -> Iterator[Finding]:
    """Where it is, what it is, and in which version."""
    path = missing_file(connections[DEFAULT_DB_ALIAS])
    if path and not Path(path).parent.is_dir():
        yield problem(NAME, f"The folder of {path} does not exist.", "Create it, or correct DATABASE_URL.")
        return
    if path:
        yield problem(NAME, f"It has not been made yet ({path}).", MIGRATE)
        return
    connection = connect(DEFAULT_DB_ALIAS)
    yield ok(NAME, f"{version(connection)} answers.")
    if statement := TEXTS.get(connection.vendor):
        yield texts(connection.vendor, str(_one(connection, statement)))
    if connection.vendor == "sqlite":
        yield from _sqlite(connection)
    if connection.vendor == "microsoft":
        yield from _sql_server(connection)


def texts(vendor: str, kept_as: str) -> Finding:
    """Whether names of customers keep their letters and accents, by PostgreSQL's encoding or SQL Server's collation."""
    name = "app database texts"
    if vendor == "postgresql" and kept_as != "UTF8":
        remedy = "Make a database WITH ENCODING 'UTF8' TEMPLATE template0, and move the tables there with pg_dump."
        return problem(name, f"Its encoding is {kept_as}, so names in other alphabets cannot be kept.", remedy)
    if vendor == "microsoft" and "_AI" in kept_as:
        remedy = "Make the database with a collation that tells accents apart, as Latin1_General_100_CI_AS does."
        return problem(name, f"Its collation is {kept_as}, for which Café and Cafe are one customer.", remedy)
    return ok(name, f"{kept_as} keeps letters and accents.")


def version(connection: BaseDatabaseWrapper) -> str:
    """Vendor and version in words."""
    word, statement = VERSIONS[connection.vendor]
    return f"{word} {_one(connection, statement)}"


def migrations() -> Iterator[Finding]:
    """Whether the tables are those of this version."""
    if missing_file(connections[DEFAULT_DB_ALIAS]):
        return
    pending = _pending()
    if pending:
        yield problem("migrations", f"{len(pending)} are pending: {_some(pending)}.", MIGRATE)
        return
    introspection = connections[DEFAULT_DB_ALIAS].introspection
    there = set(introspection.table_names(include_views=True))
    if lost := sorted(set(introspection.django_table_names()) - there):
        remedy = "Stop the workers, and bring the last copy of this database back."
        yield problem("migrations", f"All are applied, but these tables are gone: {_some(lost)}.", remedy)
    elif lost := sorted({view.name for view in VIEWS} - there):
        yield warning("migrations", f"All are applied, but reporting tools lack their views {_some(lost)}.", MIGRATE)
    else:
        yield ok("migrations", "All are applied.")


def rights() -> Iterator[Finding]:
    """Whether a server lets the account write its tables; a database may be a copy that only reads."""
    connection = connect(DEFAULT_DB_ALIAS)
    if connection.vendor not in REFUSED:
        return
    name = "app database rights"
    if _one(connection, READ_ONLY[connection.vendor]):
        remedy = "Name the server that is written to in DATABASE_URL, or let this account and database write again."
        yield problem(name, "It can only be read, so nothing can run.", remedy)
        return
    with connection.cursor() as cursor:
        cursor.execute(REFUSED[connection.vendor])
        refused = sorted({table for (table,) in cursor.fetchall()} & set(connection.introspection.django_table_names()))
    if refused:
        remedy = "Make it the owner of its tables, or give it SELECT, INSERT, UPDATE and DELETE on all of them."
        yield problem(name, f"The account may not read and write {_some(refused)}.", remedy)
    else:
        yield ok(name, "The account may read and write its tables.")


def clock() -> Iterator[Finding]:
    """The database's clock against this machine's: leases go by the first, waiting for monday.com by the second."""
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor == "sqlite":
        yield ok("clock", "The app database has this machine's clock.")
        return
    connect(DEFAULT_DB_ALIAS)
    before = timezone.now()
    apart = (database_now() - before).total_seconds()
    took = (timezone.now() - before).total_seconds()
    if abs(apart) > CLOCKS_APART + took:
        words = (
            f"The app database's clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's."
        )
        yield warning("clock", words, "Synchronise both clocks (NTP).")
    else:
        yield ok("clock", f"The app database's clock and this machine's are {abs(apart):.1f} s apart.")


def _sqlite(connection: BaseDatabaseWrapper) -> Iterator[Finding]:
    journal = str(_one(connection, "PRAGMA journal_mode"))
    path = file_of(connection)
    shared = network_file_system(path) if path else ""
    if shared:
        remedy = "Move it to a local disk, or use PostgreSQL or SQL Server."
        yield problem("app database file", f"It lies on {shared}, where SQLite's locks do not hold.", remedy)
    elif path is not None and journal != "wal":
        remedy = "Remove options from DATABASE_URL that change the journal mode."
        yield warning("app database file", f"Its journal mode is {journal}, so readers wait for writers.", remedy)
    elif path is not None:
        yield ok("app database file", f"{path}, write-ahead log, local disk.")
    if settings.PRODUCTION:
        remedy = "Use PostgreSQL or SQL Server for several machines or many people; back this file up."
        yield warning("app database vendor", "SQLite serves one machine.", remedy)


def _sql_server(connection: BaseDatabaseWrapper) -> Iterator[Finding]:
    name = "app database vendor"
    if _one(connection, "SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = DB_NAME()"):
        yield ok(name, "READ_COMMITTED_SNAPSHOT is on.")
    else:
        remedy = "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON (while nobody is connected)"
        yield warning(name, "READ_COMMITTED_SNAPSHOT is off, so pages wait for pushes.", remedy)


def _pending() -> list[str]:
    executor = MigrationExecutor(connect(DEFAULT_DB_ALIAS))
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _one(connection: BaseDatabaseWrapper, statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found = cursor.fetchone()
        return found[0] if found else None
