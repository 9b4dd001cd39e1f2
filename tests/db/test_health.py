"""What machines ask: lives, ready, figures; and to whom nothing is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from ordersite import health, roles
from ordersite.doctor.finding import Finding, Status
from tests.world import World

from .admin_line import opened_line, signed_in, staged

TOKEN = "a-token-for-the-scraper"


@pytest.fixture(autouse=True)
def anew() -> None:
    health.forget()


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def figures(client: Client, **headers: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    families = text_string_to_metric_families(answer.content.decode())
    return {(sample.name, tuple(sample.labels.values())): sample.value for f in families for sample in f.samples}


def test_a_living_process_says_so_without_touching_a_database() -> None:
    # No mark of the database: a query would fail the test.
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]
    assert Client().post("/healthz").status_code == 405


def test_production_answers_probes_that_come_past_the_proxy(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/metrics").status_code == 403, "it asks for its token"
    assert Client().get("/").status_code == 301


@pytest.mark.django_db(databases=["default", "orders", "intake"])
def test_ready_says_every_topic_of_the_doctor_and_its_texts_only_to_who_may_see_them() -> None:
    roles.establish(Group, Permission)
    answer = Client().get("/readyz")
    document = answer.json()
    assert (answer.status_code, document["status"]) == (200, "ready")
    assert {"app database", "migrations", "workers"} <= {check["name"] for check in document["checks"]}
    assert all(set(check) == {"name", "status"} for check in document["checks"])
    told = signed_in("viewer").get("/readyz").json()
    assert all(set(check) == {"name", "status", "message", "remedy"} for check in told["checks"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "status"), [("app database", 503), ("migrations", 503), ("workers", 200), ("order source", 200)]
)
def test_only_what_pages_need_makes_the_site_unready(name: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Finding(name, Status.PROBLEM, "It is broken.", "Mend it.")]
    monkeypatch.setattr(health, "examine", lambda online: found)
    answer = Client().get("/readyz")
    assert answer.status_code == status
    assert answer.json()["checks"] == [{"name": name, "status": "problem"}]


def test_a_database_that_cannot_be_read_is_said_by_its_topic_and_no_session_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        health, "examine", lambda online: [Finding("app database", Status.PROBLEM, "Gone.", "Start it.")]
    )
    client = Client()
    client.cookies["sessionid"] = "somebody"
    assert client.get("/readyz").status_code == 503


def test_an_examination_is_shown_again_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(health, "examine", lambda online: asked.append(online) or [])
    assert [Client().get("/readyz").status_code for _ in "123"] == [200, 200, 200]
    assert asked == [False]


@pytest.mark.django_db
def test_figures_are_for_the_bearer_and_for_who_may_see_batches(line: World, settings: Any) -> None:
    assert Client().get("/metrics").status_code == 403
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403
    settings.METRICS_TOKEN = TOKEN
    assert Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 403
    assert Client().get("/metrics", headers={"Authorization": "Bearer \xfc"}).status_code == 403
    assert figures(Client(), Authorization=f"Bearer {TOKEN}")
    assert figures(signed_in("viewer"))


@pytest.mark.django_db
def test_figures_are_those_of_the_lists(line: World) -> None:
    assert not [name for name, _ in figures(signed_in("viewer")) if "last_sync" in name], "no sync yet is no 0"
    line.add(9)
    line.sync()
    staged(line, 1, 2)
    seen = figures(signed_in("viewer"))
    assert seen["ordersite_batches", ("open",)] == 1
    assert seen["ordersite_batches", ("failed",)] == 0
    assert seen["ordersite_staged_orders", ("staged",)] == 2
    assert seen["ordersite_last_sync_ok", ("TEST",)] == 1
    assert seen["ordersite_last_sync_rows", ("TEST", "new")] == 1
    assert seen["ordersite_workers_alive", ()] == 0


@pytest.mark.django_db
def test_figures_that_cannot_be_read_are_an_outage_and_not_a_zero(
    line: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> tuple[bytes, str]:
        raise DatabaseError("gone")

    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr("ordersite.metrics.exposition", broken)
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 503
    assert "Remedy: python manage.py doctor" in answer.content.decode()
