"""The database of the lists that people bring by the page: a place of its own, where tables may be made."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connections

from ordersite.doctor.app_database import version
from ordersite.doctor.finding import Finding, ok, problem
from ordersite.doctor.reaching import connect

NAME = "order lists"
PLACE = ("ENGINE", "HOST", "PORT", "NAME")
MAY_MAKE_TABLES = {
    "postgresql": "SELECT has_schema_privilege(current_schema(), 'CREATE')",
    "microsoft": "SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE TABLE')",
}


def examine() -> Iterator[Finding]:
    """Whether a list could be read there. Only reads. Raises OSError, django.db.Error."""
    mine, orders = (connections[alias].settings_dict for alias in ("intake", "orders"))
    if all(mine[part] == orders[part] for part in PLACE):
        remedy = "Give the lists a database of their own, or unset INTAKE_DATABASE_URL."
        yield problem(
            NAME, "INTAKE_DATABASE_URL names the database of the orders, which nobody's list may touch.", remedy
        )
        return
    vendor = connections["intake"].vendor
    if vendor == "sqlite":
        yield ok(NAME, "They are kept in a file of this machine, which the first list makes.")
        return
    connection = connect("intake")
    with connection.cursor() as cursor:
        cursor.execute(MAY_MAKE_TABLES[vendor])
        (allowed,) = cursor.fetchone()
    if allowed:
        yield ok(NAME, f"{version(connection)} answers.")
    else:
        remedy = "Make the account of INTAKE_DATABASE_URL the owner of that database."
        yield problem(NAME, "Its account may make no tables there, so no list can be read.", remedy)
