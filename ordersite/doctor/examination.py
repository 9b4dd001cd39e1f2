"""The examination: every topic in order, each on its own, so that a broken one does not hide the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections

from mapping.core.family import Family
from mapping.published import NoMapping

from . import (
    api,
    app_database,
    approvers,
    backup,
    leftovers,
    machine,
    mappings,
    notices,
    order_lists,
    project,
    source,
    upkeep,
    workers,
)
from .finding import Finding, problem, told, warning

Topic = Callable[[], Iterator[Finding]]
OF_THE_APP = (
    "app database",
    "migrations",
    "app database rights",
    "clock",
    "mapping",
    "board",
    "leftovers",
    workers.NAME,
    upkeep.SCHEDULES,
    upkeep.AUDIT,
    notices.NAME,
)
APP_REMEDY = "Check DATABASE_URL, that the server runs, that its account may connect, and the file's rights."
SOURCE_REMEDY = "Check ORDERS_DATABASE_URL, that the server runs, that its account may connect, and its grants."
LISTS_REMEDY = "Check INTAKE_DATABASE_URL, that the server runs, that its account may connect, and the file's rights."
OTHER_REMEDY = "Check that this account may read it."


def examine(*, online: bool) -> list[Finding]:
    """Look at everything; `online` also asks the API and counts its calls. No failure ends it."""
    found = [*_topic("settings", project.examine)]
    found += [*_topic("working folder", machine.folder), *_topic("disk", machine.disk)]
    found += _topic(backup.NAME, backup.examine)
    found += _topic("app database", app_database.reachable)
    if not _broken(found, "app database"):
        found += _topic("migrations", app_database.migrations)
        found += _topic("app database rights", app_database.rights)
        found += _topic("clock", app_database.clock)
    families: list[Family] = []
    usable = not _broken(found, "app database", "migrations")
    if not usable:
        found.append(warning("mapping", "Not checked, as the app database cannot be used yet.", "See above."))
    else:
        found += _topic("mapping", mappings.readable)
        families = _families(found)
        found += _topic("board", partial(mappings.fitting, families))
        found += _topic(approvers.NAME, partial(approvers.examine, families))
        found += _topic("leftovers", leftovers.examine)
        found += _topic(workers.NAME, workers.examine)
        found += _topic(upkeep.SCHEDULES, upkeep.examine_schedules)
        found += _topic(upkeep.AUDIT, upkeep.examine_audit)
        found += _topic(notices.NAME, partial(notices.examine, online=online))
    for family in families or [mappings.shipped()]:
        found += _topic("order source", partial(source.examine, family, remembered=bool(families)))
    found += _topic(order_lists.NAME, order_lists.examine)
    found += [*_topic("token", api.token), *_topic("local board", api.local_board)]
    found += _topic("monday.com", partial(api.online, families, counted=usable) if online else api.not_asked)
    return found


def _families(found: list[Finding]) -> list[Family]:
    try:
        return mappings.published()
    except NoMapping as refused:
        found.append(told("mapping", str(refused)))
    except Error as failure:
        found.append(_failed("mapping", failure))
    return []


def _topic(name: str, look: Topic) -> list[Finding]:
    """What one topic found; where it broke off, what it had found until then and why it broke off."""
    found: list[Finding] = []
    try:
        found.extend(look())
    except (Error, OSError, ImproperlyConfigured) as failure:
        found.append(_failed(name, failure))
        for connection in connections.all(initialized_only=True):
            connection.close()  # a broken transaction answers no later question
    return found


def _failed(name: str, failure: Exception) -> Finding:
    lines = str(failure).strip().splitlines()
    reason = lines[0].rstrip(".") if lines else type(failure).__name__
    remedies = {source.NAME: SOURCE_REMEDY, order_lists.NAME: LISTS_REMEDY} | dict.fromkeys(OF_THE_APP, APP_REMEDY)
    remedy = remedies.get(name, OTHER_REMEDY)
    return problem(name, f"It cannot be looked at ({reason}).", remedy)


def _broken(found: list[Finding], *names: str) -> bool:
    return any(finding.name in names and finding.status == "problem" for finding in found)
