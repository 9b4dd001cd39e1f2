"""`migrate`: Django's own, with the views for reporting tools brought up to date after it.

Where tables are to change below them, SQLite and PostgreSQL want them away meanwhile; who may read them is kept.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InternalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from ordersite.commandline import FAILED, REFUSED_TEXTS, disk_is_full
from staging.reports import reporting


class NotMade(CommandError):
    """The tables are up to date, and the views could not be made."""


class Command(migrate.Command):
    help = "Bring the tables up to date, and the views for reporting tools. Example: migrate"

    def handle(self, *args: Any, **options: Any) -> str | None:
        """As Django's, and then the views. What it refuses is usage."""
        try:
            return self._migrate(*args, **options)
        except NotMade:
            raise
        except CommandError as refused:
            remedy = "" if "Remedy" in str(refused) else " Remedy: python manage.py showmigrations"
            raise CommandError(f"{refused}{remedy}", returncode=2) from None

    def _migrate(self, *args: Any, **options: Any) -> str | None:
        connection = connections[options["database"]]
        looks_only = options["plan"] or options["check_unapplied"] or options["prune"]
        if options["database"] != DEFAULT_DB_ALIAS or looks_only:
            return super().handle(*args, **options)
        rights: list[str] = []
        # SQL Server alters a table below a view, and its account may not give rights on views back.
        if connection.vendor != "microsoft" and (options["app_label"] or _pending(connection)):
            rights = _take_away(connection)
        try:
            super().handle(*args, **options)
            if _pending(connection):  # the tables are those of another version; the last step makes the views
                reporting.drop(connection)
                return None
            try:
                _make(connection, rights)
                rights = []
            except DatabaseError as refused:
                self.stderr.write(_not_made(refused))
            return None
        finally:
            if rights:
                self.stderr.write(
                    "The views for reporting tools are away, and so is who might read them. Remedy: once migrate has "
                    f"made them again, {'; '.join(rights)}"
                )


def _pending(connection: BaseDatabaseWrapper) -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _take_away(connection: BaseDatabaseWrapper) -> list[str]:
    try:
        return reporting.drop(connection)
    except InternalError as refused:
        raise CommandError(
            f"Tables cannot change while something hangs on the views for reporting tools ({_words(refused)}); nothing "
            "was done. Remedy: drop it, run migrate, and make it again.",
        ) from None


def _not_made(refused: DatabaseError) -> str:
    """What is said to an account that may make no views, which has the rest. Raises NotMade for any other cause, and
    what the edge of the command line has a sentence for."""
    if disk_is_full(refused):
        raise refused
    said = f"The views for reporting tools could not be made ({_words(refused)}). Everything else is up to date."
    if not any(text in str(refused).lower() for text in REFUSED_TEXTS):
        raise NotMade(f"{said} Remedy: see to the cause, and run migrate again.", returncode=FAILED) from None
    return f"{said} Remedy: let the account create views, and run migrate again."


def _make(connection: BaseDatabaseWrapper, rights: list[str]) -> None:
    try:
        reporting.make(connection, rights)
    except DatabaseError as refused:  # a view of another version, with other columns, is not changed in its place
        if disk_is_full(refused):
            raise
        reporting.make(connection, [*rights, *reporting.drop(connection)])


def _words(refused: DatabaseError) -> str:
    return "; ".join(line.strip() for line in str(refused).splitlines() if line.strip() and "HINT" not in line)
