"""Prepared faults: the doctor names each with its remedy, ends as it should, and `/readyz` says the same."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import OperationalError, connections
from django.utils import timezone
from django_q.models import Schedule

from mapping.models import Version
from mapping.publish import ensure_shipped
from monday.sandbox.app import SandboxApp
from monday.sandbox.behaviour import Behaviour
from monday.sandbox.faults import Fault, FaultScript
from monday.sandbox.server import running
from monday.sandbox.store import SandboxStore
from monday.sandbox.transport import seed
from ordersite import health, roles
from ordersite.doctor import app_database, notices, project, source
from ordersite.models import WorkerPulse
from staging.reports import reporting
from staging.source import demo
from staging.source.demo_columns import TABLE
from staging.wiring import recorder
from tests.journeys.typed import shipped_structure

from .admin_line import signed_in
from .source_tables import dropping, run

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders", "intake"])


@dataclass
class Place:
    """A sound installation that a fault is prepared in."""

    folder: Path
    settings: Any
    patch: pytest.MonkeyPatch


@pytest.fixture
def place(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    ensure_shipped(actor="anna", now=timezone.now(), record=recorder)
    health.forget()
    settings.BACKUP_DIR = str(tmp_path / "copies")
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "app.dump").write_bytes(b"x")
    with dropping(TABLE):
        demo.load(connections["orders"], rows=60, seed=1, replace=True)
        yield Place(tmp_path, settings, monkeypatch)
    reporting.make(connections["default"])


def old_backup(place: Place) -> None:
    old = timezone.now().timestamp() - 30 * 3600
    os.utime(place.folder / "copies" / "app.dump", (old, old))


def little_room(place: Place) -> None:
    place.patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5_000_000))


def no_folder(place: Place) -> None:
    place.settings.VAR_DIR = place.folder / "missing"


def pending(place: Place) -> None:
    place.patch.setattr(app_database, "_pending", lambda: ["staging.0009_more"])


def lost_table(place: Place) -> None:
    introspection = connections["default"].introspection
    names = [*introspection.django_table_names(), "staging_elsewhere"]
    place.patch.setattr(introspection, "django_table_names", lambda: names)


def lost_views(place: Place) -> None:
    reporting.drop(connections["default"])


def no_place_for_files(place: Place) -> None:
    place.settings.FILES_DIR = str(place.folder / "copies" / "app.dump")


def no_place_for_archives(place: Place) -> None:
    place.settings.ARCHIVE_DIR = "/proc/archive"


def nobody(place: Place) -> None:
    User.objects.all().delete()
    place.settings.PRODUCTION = True


def late_schedule(place: Place) -> None:
    Schedule.objects.create(name="read it", func="staging.jobs.sweep", next_run=timezone.now() - timedelta(hours=3))


def silent_worker(place: Place) -> None:
    WorkerPulse.objects.create(host="here", at=timezone.now() - timedelta(minutes=10))


def odd_schedule(place: Place) -> None:
    row = Schedule(name="every odd minute", func="staging.jobs.start", schedule_type=Schedule.CRON, cron="61 * * * *")
    Schedule.objects.bulk_create([row])  # as a statement would: saving it asks when it runs next


def unread_document(place: Place) -> None:
    Version.objects.filter(document__customer__name="HARBOUR").update(text="version: 99\ncustomer: HARBOUR\n")


def no_source(place: Place) -> None:
    def refuse(alias: str) -> None:
        raise OperationalError("connection refused")

    place.patch.setattr(source, "connect", refuse)


def lacking_column(place: Place) -> None:
    run(f'ALTER TABLE "{TABLE}" DROP COLUMN "NOTES"')


def two_words(place: Place) -> None:
    place.settings.MONDAY_API_TOKEN = "Bearer two words"


FAULTS: dict[str, tuple[Callable[[Place], None], str, str, str]] = {
    "an old backup": (old_backup, "backup", "30 hours old", "copy"),
    "a full disk": (little_room, "disk", "MB are free", "Free some space"),
    "a folder that cannot be written": (no_folder, "working folder", "cannot be written", "VAR_DIR"),
    "migrations not applied": (pending, "migrations", "1 are pending", "manage.py migrate"),
    "a table that is gone": (lost_table, "migrations", "staging_elsewhere", "copy"),
    "a file where exports belong": (
        no_place_for_files,
        "working folder",
        "app.dump, which FILES_DIR names",
        "FILES_DIR",
    ),
    "no place for archives": (no_place_for_archives, "working folder", "/proc/archive", "ARCHIVE_DIR"),
    "workers that fell silent": (silent_worker, "workers", "No worker has claimed a job since", "serve"),
    "a schedule that cannot run": (odd_schedule, "schedules", "61 * * * *", "schedule"),
    "a mapping that cannot be read": (unread_document, "mapping", "customer documents", ""),
    "a source that does not answer": (no_source, "order source", "connection refused", "ORDERS_DATABASE_URL"),
    "a column that is gone": (lacking_column, "order table", "lacks NOTES", "Add the columns"),
    "a token that can be none": (two_words, "token", "token", ""),
}

ODD: dict[str, tuple[Callable[[Place], None], str, str, str]] = {
    "views that are gone": (lost_views, "migrations", "ordersite_changes", "manage.py migrate"),
    "nobody to sign in": (nobody, "approvers", "Nobody may sign in", "createsuperuser"),
    "a schedule that nobody runs": (late_schedule, "schedules", "read it was due at", "manage.py worker"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_prepared_fault_is_named_with_its_remedy_and_readyz_says_the_same(place: Place, name: str) -> None:
    prepare, topic, words, remedy = FAULTS[name]
    code, before = examined()
    assert (code, [check for check in before if check["name"] == topic and check["status"] == "problem"]) == (0, [])
    prepare(place)
    code, checks = examined()
    found = [check for check in checks if check["name"] == topic and check["status"] == "problem"]
    assert found and code == 1, checks
    assert words in found[0]["message"], found
    assert found[0]["remedy"] and remedy.lower() in found[0]["remedy"].lower(), found
    health.forget()
    roles.establish(Group, Permission)
    ready = signed_in("viewer").get("/readyz").json()["checks"]
    assert [(c["name"], c["status"]) for c in ready] == [(c["name"], c["status"]) for c in checks]


@pytest.mark.parametrize("name", ODD)
def test_what_still_works_and_somebody_should_know_is_told_with_its_remedy(place: Place, name: str) -> None:
    prepare, topic, words, remedy = ODD[name]
    _, before = examined()
    assert not any(words in check["message"] for check in before)
    prepare(place)
    _, checks = examined()
    (told,) = [check for check in checks if check["name"] == topic and words in check["message"]]
    assert told["status"] == "warning" and remedy in told["remedy"]


def examined(*options: str) -> tuple[int, list[dict[str, str]]]:
    """Exit code and lines of the doctor."""
    out = StringIO()
    try:
        call_command("doctor", "--json", *options, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), json.loads(out.getvalue())["checks"]
    return 0, json.loads(out.getvalue())["checks"]


def archived(store: Path) -> None:
    with closing(sqlite3.connect(store)) as board:
        board.execute("UPDATE boards SET state = 'archived'")
        board.commit()


REFUSED = Fault("locked", every=1, code="missingRequiredPermissions", message="Missing scopes: boards:read")
ONLINE: dict[str, tuple[dict[str, Any], Callable[[Path], None] | None, str, str, str]] = {
    "another token": ({"token": "right"}, None, "monday.com", "problem", "token"),
    "a version that is not this release's": (
        *({"behaviour": Behaviour(answers_as="2027-01")}, None),
        *("API version", "warning", "2027-01"),
    ),
    "a board that is archived": ({}, archived, "monday.com", "problem", "board"),
    "a token without a scope": ({"faults": FaultScript((REFUSED,), 0)}, None, "monday.com", "problem", "permission"),
}


@pytest.mark.parametrize("name", ONLINE)
def test_what_the_api_says_is_named_with_its_remedy(place: Place, name: str) -> None:
    options, spoil, topic, status, words = ONLINE[name]
    store = SandboxStore(place.folder / "served.sqlite3")
    place.settings.MONDAY_API_TOKEN = "wrong"
    place.patch.setattr("monday.line.Line.pause", lambda self, seconds: None)
    with running(SandboxApp(store, **options)) as address:
        if spoil is not None:
            seed(requests.Session(), f"{address}/v2", shipped_structure(), "any")
            spoil(place.folder / "served.sqlite3")
        place.settings.MONDAY_API_URL = f"{address}/v2"
        code, checks = examined("--online")
    store.close()
    found = [check for check in checks if check["name"] == topic and check["status"] == status]
    assert found and found[0]["remedy"], checks
    assert words in found[0]["message"].lower(), found
    assert code == (1 if any(check["status"] == "problem" for check in checks) else 0)


def test_a_server_that_tells_nobody_or_leads_nowhere_is_warned_of(settings: Any, db: None) -> None:
    (well,) = notices.examine(online=False)
    settings.PRODUCTION = True
    (silent,) = notices.examine(online=False)
    settings.NOTIFY_TO = ["anna@example.com"]
    (nowhere,) = notices.examine(online=False)
    settings.SITE_URL = "https://orders.example.com"
    (told,) = notices.examine(online=False)
    assert [one.status for one in (well, silent, nowhere, told)] == ["ok", "warning", "warning", "ok"]
    assert "NOTIFY_TO" in silent.remedy and "SITE_URL" in nowhere.remedy and "1 address" in told.message
    settings.NOTIFY_TO = ["anna@example.com", "the planners"]
    (odd,) = notices.examine(online=False)
    assert odd.status == "warning" and "'the planners'" in odd.message


def test_a_mail_server_that_takes_no_connection_is_named_when_it_is_asked(settings: Any, db: None) -> None:
    settings.NOTIFY_TO, settings.EMAIL_BACKEND = ["anna@example.com"], "django.core.mail.backends.smtp.EmailBackend"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = free.getsockname()
        (silent,) = notices.examine(online=False)
        (refused,) = notices.examine(online=True)
        free.listen()
        (well,) = notices.examine(online=True)
    assert [silent.status, refused.status, well.status] == ["ok", "warning", "ok"]
    assert "takes no connection" in refused.message and "EMAIL_URL" in refused.remedy


@pytest.mark.parametrize(
    ("vendor", "kept_as", "status"),
    [
        ("postgresql", "UTF8", "ok"),
        ("postgresql", "SQL_ASCII", "problem"),
        ("microsoft", "Latin1_General_100_CI_AS", "ok"),
        ("microsoft", "SQL_Latin1_General_CP1_CI_AI", "problem"),
    ],
)
def test_a_database_that_loses_letters_or_accents_is_a_problem(vendor: str, kept_as: str, status: str) -> None:
    found = app_database.texts(vendor, kept_as)
    assert (found.status, bool(found.remedy)) == (status, status == "problem") and kept_as in found.message


def test_secrets_that_are_still_those_of_the_example_are_a_problem(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN, settings.MONDAY_API_TOKEN = "replace-with-another", "a token of its own"
    monkeypatch.setitem(settings.DATABASES["orders"], "PASSWORD", "replace-this-password")
    left = [one for one in project.examine() if "example" in one.message]
    assert [(one.status, one.message.split()[0]) for one in left] == [
        ("problem", "METRICS_TOKEN"),
        ("problem", "ORDERS_DATABASE_URL"),
    ]
    assert all(one.remedy for one in left)
