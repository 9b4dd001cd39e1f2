"""A session that ended while a page was open: the page is led to the login and back, and nothing is lost in silence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import get_resolver, reverse

from ordersite import ended
from tests.db.admin_line import PASSWORD, opened_line, person, signed_in, staged
from tests.world import World

ROOT = Path(__file__).parents[2]
ASKS = re.compile(r'hx-(get|post|put|patch|delete)="([^"]*)"')
NAMED = re.compile(r"{% url '(?:admin:)?(\w+)'[^%]*%}")
# An address that a view hands to its template has a name too.
HANDED = {("run_log.html", "{{ here }}"): "staging_syncrun_log"}


def asked_by_scripts() -> list[tuple[str, str]]:
    """Every address that a template asks for by htmx, as (method, name)."""
    found = set()
    for template in ROOT.glob("*/templates/**/*.html"):
        for method, address in ASKS.findall(template.read_text()):
            named = NAMED.fullmatch(address)
            found.add((method, named[1] if named else HANDED[template.name, address]))
    return sorted(found)


def address_of(name: str) -> str:
    """The address of this name, with a key wherever it wants one."""
    known = get_resolver().namespace_dict["admin"][1].reverse_dict
    wants = known.getlist(name)[0][0][0][1]
    return reverse(f"admin:{name}", kwargs=dict.fromkeys(wants, 1))


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    return opened_line(world, settings, monkeypatch)


def test_the_scripts_addresses_are_found() -> None:
    named = {name for _, name in asked_by_scripts()}
    assert named >= {"today", "staging_syncrun_live", "staging_syncrun_log", "staging_batch_ticks"}


@pytest.mark.parametrize(("method", "name"), asked_by_scripts())
def test_what_a_script_asks_for_leads_the_whole_page_to_the_login(db: None, method: str, name: str) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/staging/batch/?state=open#orders"}
    answer = getattr(Client(), method)(address_of(name), headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    sent = "" if method == "get" else "unsent=yes&"
    assert answer.headers["HX-Redirect"] == f"/login/?{sent}next=/staging/batch/%3Fstate%3Dopen"
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "named", ["", "https://evil.example/x", "http://testserver//evil.example/", "javascript:alert(1)", "http://["]
)
def test_the_way_back_stays_on_this_site(db: None, named: str) -> None:
    by_script = Client().get("/today/", headers={"HX-Request": "true", "HX-Current-URL": named})
    assert by_script.headers["HX-Redirect"] == "/login/?next=/"
    sent = Client().post("/staging/batch/1/comment/", {"text": "x"}, headers={"Referer": named})
    assert sent.headers["Location"] == "/login/?unsent=yes&next=/"


def test_a_page_leads_back_to_itself_and_a_form_to_the_page_that_sent_it(db: None) -> None:
    assert Client().get("/staging/batch/?q=a").headers["Location"] == "/login/?next=/staging/batch/%3Fq%3Da"
    page = {"Referer": "http://testserver/staging/batch/7/change/"}
    for address in ("/staging/batch/7/ticks/", "/mapping/document/version/3/publish/", "/sandbox/items/5/move"):
        sent = Client().post(address, headers=page)
        assert sent.headers["Location"] == "/login/?unsent=yes&next=/staging/batch/7/change/", address
    at_login = Client().post("/staging/batch/7/ticks/", headers={"Referer": "http://testserver/login/?next=/x"})
    assert at_login.headers["Location"] == "/login/?unsent=yes&next=/"


def test_the_login_and_the_page_after_it_say_that_what_was_sent_was_not_done(line: World) -> None:
    batch, client = staged(line), Client()
    person("approver")
    home = f"/staging/batch/{batch.pk}/change/"
    sent = client.post(
        f"/staging/batch/{batch.pk}/comment/", {"text": "x"}, headers={"Referer": f"http://testserver{home}"}
    )
    login = sent.headers["Location"]
    typed = {"username": "approver", "password": "wrong", "next": home}
    for page in (client.get(login), client.post(login, typed)):
        text = page.content.decode()
        assert text.count(ended.SENTENCE) == 1 and "data-unsent" in text and 'data-user=""' in text
    answer = client.post(login, typed | {"password": PASSWORD})
    assert answer.headers["Location"] == home
    first, second = client.get(home).content.decode(), client.get(home).content.decode()
    assert ended.SENTENCE in first and ended.SENTENCE not in second
    assert "data-unsent" not in first and 'data-user="approver"' in first and "data-posted" not in first


def test_who_only_looked_or_leaves_is_told_nothing(db: None) -> None:
    client = Client()
    text = client.get(client.get("/staging/batch/").headers["Location"]).content.decode()
    assert ended.SENTENCE not in text and "data-unsent" not in text
    assert client.post("/logout/").headers["Location"] == "/"
    assert not list(get_messages(client.get("/login/").wsgi_request))


@pytest.mark.parametrize("named", ["", "https://evil.example/"])
def test_a_login_without_a_page_to_go_to_leads_to_the_front_page(line: World, named: str) -> None:
    person("viewer")
    typed = {"username": "viewer", "password": PASSWORD, "next": named}
    assert Client().post(f"/login/?next={named}", typed).headers["Location"] == "/"


def test_an_address_that_only_takes_what_is_sent_leads_to_its_page(line: World) -> None:
    batch, client = staged(line), signed_in("administrator")
    ticks = f"/staging/batch/{batch.pk}/ticks/"
    assert client.get(ticks).headers["Location"] == f"/staging/batch/{batch.pk}/change/"
    assert client.put(ticks).status_code == 405
    for action in ("count", "cancel", "discard", "publish"):
        address = f"/mapping/document/version/1/{action}/"
        assert client.get(address).headers["Location"] == "/mapping/document/version/1/"
        assert client.delete(address).status_code == 405


@pytest.mark.parametrize("address", ["/mapping/document/check/", "/mapping/document/try/", "/logout/"])
def test_any_other_one_says_what_it_is_for(line: World, address: str) -> None:
    answer = signed_in("administrator").get(address, headers={"Referer": "http://testserver/mapping/document/"})
    text = answer.content.decode()
    assert answer.status_code == 405 and "POST" in answer.headers["Allow"]
    assert "only takes what a button sends" in text and 'href="/mapping/document/">Back to the page' in text


def test_who_is_not_logged_in_is_told_to_log_in_and_not_to_ask_for_a_role(db: None) -> None:
    page = {"Referer": "http://testserver/staging/batch/7/change/"}
    answer = Client(enforce_csrf_checks=True).post("/staging/batch/7/comment/", {"text": "x"}, headers=page)
    text = answer.content.decode()
    assert answer.status_code == 403 and "ask an administrator for a role" not in text
    assert 'You are not logged in. Remedy: <a href="/login/">log in</a>' in text
    assert 'href="/staging/batch/7/change/">Back to the page' in text and "data-unsent" in text
