"""`migrate`: Django's own, with the views for reporting tools taken away before it and made anew after it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from staging.reports import reporting


class Command(migrate.Command):
    help = "Bring the tables up to date, and make the views for reporting tools anew. Example: migrate"

    def handle(self, *args: Any, **options: Any) -> str | None:
        """As Django's; a view hangs on its tables, so none is there while they change. What it refuses is usage."""
        try:
            return self._migrate(*args, **options)
        except CommandError as refused:
            raise CommandError(f"{refused} Remedy: python manage.py showmigrations", returncode=2) from None

    def _migrate(self, *args: Any, **options: Any) -> str | None:
        connection = connections[options["database"]]
        looks_only = options["plan"] or options["check_unapplied"] or options["prune"]
        if options["database"] != DEFAULT_DB_ALIAS or looks_only:
            return super().handle(*args, **options)
        reporting.drop(connection)
        super().handle(*args, **options)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return None  # the tables are those of another version; the last step makes the views
        try:
            reporting.make(connection)
        except DatabaseError as refused:
            self.stderr.write(
                f"The views for reporting tools could not be made ({str(refused).strip().splitlines()[0]}). Everything "
                "else is up to date. Remedy: let the account create views, and run migrate again."
            )
        return None
