"""Pages that cannot be shown say what that means and what to do next."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from ordersite import errors
from tests.db.admin_line import opened_line, person, signed_in
from tests.db.test_admin_pages import foreign
from tests.world import World


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def test_each_error_says_what_it_means_and_what_to_do(line: World) -> None:
    client, strict = signed_in("viewer"), Client(enforce_csrf_checks=True)
    strict.force_login(person("viewer"))
    answers = {
        "There is no run 999": (client.get("/staging/syncrun/999/change/"), 404),
        "Nothing is at this address": (client.get("/nowhere/"), 404),
        "Your role may not": (client.get("/staging/syncrun/start/"), 403),
        "was not sent from a page of this site": (strict.post("/staging/batch/1/comment/", {"text": "x"}), 403),
    }
    for words, (answer, status) in answers.items():
        page = answer.content.decode()
        assert answer.status_code == status and words in page and "Remedy:" in page and foreign(page) == [], words
        assert 'id="nav-sidebar"' in page and "Log out" in page, words


def test_a_broken_page_asks_the_database_nothing() -> None:
    """Which this test could not reach."""
    answer = errors.broken(RequestFactory().get("/"))
    page = answer.content.decode()
    assert answer.status_code == 500 and "Remedy:" in page and foreign(page) == []


def test_a_site_that_is_asked_for_under_a_strange_name_says_so_and_is_not_broken() -> None:
    answer = Client(raise_request_exception=False).get("/", headers={"Host": "strange.example"})
    assert (answer.status_code, b"Remedy:" in answer.content, b"strange.example" in answer.content) == (
        400,
        True,
        False,
    )
