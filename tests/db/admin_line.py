"""A line with the admin in front of it: people by role, and the queue's jobs done one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from mapping.models import Document
from monday.sandbox.transport import sandbox_session
from ordersite import roles
from staging import jobs
from staging.models import Batch, SyncRun
from staging.models.run import RunState
from tests.world import World

PASSWORD = "a-long-password-1"


def opened_line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, found by whatever opens a board: its board is the local one, and its rows are the order table."""
    settings.SANDBOX_STORE = str(world.store.path)
    settings.NOTIFY_TO = ["planner@example.com"]

    def session(store: str) -> Any:
        return world._session(world.wire) if store == str(world.store.path) else sandbox_session(store)

    monkeypatch.setattr("staging.wiring.sandbox_session", session)
    monkeypatch.setattr("staging.wiring.source", lambda mappings: world.source)
    monkeypatch.setattr("staging.wiring.source_columns", lambda table: world.source.names if table == "ORDERS" else ())
    roles.establish(Group, Permission)
    return world


def person(role: str) -> User:
    """Somebody with this role."""
    found = User.objects.filter(username=role).first()
    if found is None:
        found = User.objects.create_user(role, password=PASSWORD, is_staff=True)
        found.groups.add(Group.objects.get(name=role))
    return found


def signed_in(role: str) -> Client:
    """The browser of somebody with this role."""
    client = Client()
    client.force_login(person(role))
    return client


def work_off(most: int = 20) -> list[str]:
    """Do every run that is asked for, as a worker would; what each said."""
    said = []
    while (run := SyncRun.objects.filter(state=RunState.QUEUED).order_by("id").first()) and len(said) < most:
        said.append(jobs.work(run.pk))
    return said


def staged(world: World, *numbers: int, **cells: Any) -> Batch:
    """One batch of HARBOUR that waits for approval."""
    for number in numbers or (1, 2, 3):
        world.add(number, **cells)
    world.stage()
    return world.batch()


def shown(client: Client, batch: Batch, action: str = "approve") -> dict[str, str]:
    """What the confirm page holds, as its form would send it."""
    page = client.get(f"/staging/batch/act/{action}/", {"ids": batch.pk})
    assert page.status_code == 200, page.content.decode()[:500]
    rows = page.context["possible"]
    fields = {"ids": ",".join(str(row["batch"].pk) for row in rows), "removals": "1"}
    return fields | {f"shown-{row['batch'].pk}": row["shown"] for row in rows}


def board_document() -> Document:
    """The document of the world's board."""
    return Document.objects.boards().get()
