"""Addresses that nobody's button leads to: no query string, however odd, breaks a page."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from monday.models import Board
from monday.sandbox.store import SandboxStore
from staging.models import Batch, SyncRun
from tests.db.admin_line import opened_line, signed_in, staged
from tests.world import World

VALUES = [
    *("99999999", "9" * 40, "-1", "0", "\x00", "a\x00b", "1,2,x", "[1,2]", "{}", "null", "NaN", "1e999", "%", "'"),
    *("2026-02-31", "0000-00-00", "9999-12-31T99:99:99", "云杉 \U0001f9f5 \u202e", "\ud7ff", "x" * 3000, ""),
]
NAMES = [
    *("q", "p", "o", "e", "all", "format", "after", "part", "changes", "ids", "orders", "code", "_popup", "_to_field"),
    *("id", "id__exact", "id__in", "id__year", "pk", "pk__gt", "no_such_field", "state__exact", "state__in"),
    *("state[]", "\x00", "__", "__exact", "password__startswith", "batch__customer__name__regex"),
]
# Each name meets a few of the values, and the next page's others; `FUZZ=1` lets it meet three times as many.
STEP = 4 if os.environ.get("FUZZ") else 12
TIMES = ("exact", "year", "month", "day", "gte", "range", "date", "isnull", "week_day")


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    line = opened_line(world, settings, monkeypatch)
    line.add(9, CUSTOMER="B'HOOD")
    line.sync()
    staged(line, 1)
    User.objects.create_superuser("root", password="a-long-password-1")
    return line


def strongest() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="root"))
    return client


def lists() -> dict[str, list[str]]:
    """Every list by its address, with the filters that its own times would take."""
    found = {}
    for model in admin.site._registry:
        try:
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        except NoReverseMatch:
            continue
        times = [field.name for field in model._meta.concrete_fields if field.get_internal_type() == "DateTimeField"]
        found[address] = [f"{name}__{lookup}" for name in times[:2] for lookup in TIMES]
    return found


def test_a_search_for_more_words_than_a_database_compares_is_refused_in_one_sentence(line: World) -> None:
    client = strongest()
    for address in lists():
        many = client.get(address, {"q": "x " * 1_100})
        assert (many.status_code, b"up to 100 words" in many.content) == (400, True), address
        assert client.get(address, {"q": "x " * 100}).status_code == 200, address
    export = f"{reverse('admin:staging_batch_export')}?q={'x+' * 1_100}"
    assert {client.get(export).status_code, client.post(export).status_code} == {400}


def test_the_year_that_is_none_is_refused_in_one_sentence(line: World) -> None:
    answer = strongest().get("/staging/syncrun/", {"started_at__year": "99999999"})
    assert answer.status_code in (302, 400), answer.status_code


def test_what_cannot_be_read_is_answered_by_a_page_with_one_sentence_and_the_way_on(line: World) -> None:
    answer = signed_in("viewer").get("/staging/batch/?q=%00")
    text = answer.content.decode()
    assert answer.status_code == 400 and "The address cannot be read. Remedy:" in text
    assert 'href="/staging/batch/">Open the page' in text and 'id="nav-sidebar"' in text


@pytest.mark.parametrize("address", sorted(lists()))
def test_no_query_string_breaks_a_list(line: World, address: str) -> None:
    client, broken, page = strongest(), [], sorted(lists()).index(address)
    for at, name in enumerate([*NAMES, *lists()[address]], start=page):
        for value in VALUES[at % STEP :: STEP]:
            answer = client.get(address, {name: value})
            broken += [(name, value[:30], answer.status_code)] if answer.status_code >= 500 else []
    assert not broken


def test_no_query_string_breaks_another_page(line: World) -> None:
    client, broken = strongest(), []
    batch, run, board = Batch.objects.latest("id"), SyncRun.objects.latest("id"), Board.objects.get()
    pages = [
        *("/", "/today/", "/rejected/", "/rejected/retry/", "/staging/syncrun/start/", "/staging/batch/act/approve/"),
        *(f"/staging/batch/{batch.pk}/change/", f"/staging/syncrun/{run.pk}/live/", "/staging/batch/export/"),
        *(f"/monday/board/{board.pk}/change/", "/mapping/document/new/", f"/sandbox/boards/{board.board_id}"),
        *("/staging/syncrun/999999999999999999999999/change/", "/auth/user/9999999999999999999999/change/"),
    ]
    for place, page in enumerate(pages):
        for at, name in enumerate(NAMES, start=place):
            for value in VALUES[at % STEP :: STEP]:
                answer = client.get(page, {name: value})
                broken += [(page, name, value[:30], answer.status_code)] if answer.status_code >= 500 else []
    assert not broken


def test_a_text_with_a_character_that_no_text_may_hold_breaks_no_decision(line: World) -> None:
    batch = Batch.objects.latest("id")
    answer = signed_in("approver").post("/staging/batch/act/decline/", {"ids": batch.pk, "reason": "no\x00 thanks"})
    batch.refresh_from_db()
    assert (answer.status_code, batch.state) == (302, "declined")


@pytest.mark.parametrize("origin", [None, "null", "http://elsewhere.example", "http://testserver.evil.example"])
def test_the_local_board_takes_a_change_from_its_own_pages_only(line: World, settings: Any, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    operator = signed_in("operator")
    here = {"Referer": "http://testserver/sandbox/"}
    form = (f"form_key={SandboxStore(settings.SANDBOX_STORE).form_key}", "application/x-www-form-urlencoded")
    assert operator.post("/sandbox/items/1/archive", *form, headers=headers).status_code == 403
    assert operator.post("/sandbox/items/1/archive", *form, headers=here).status_code != 403
    assert signed_in("viewer").post("/sandbox/items/1/archive", *form, headers=here).status_code == 403


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_character_that_no_text_may_hold_is_refused_in_the_path_too(line: World, method: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root2", password="a-long-password-1"))
    page = getattr(client, method)("/django_q/failure/a%00b/delete/")
    assert page.status_code == 400 and "cannot be read" in page.content.decode()


@pytest.mark.parametrize("method", ["get", "head", "post", "put"])
@pytest.mark.parametrize("address", ["/rejected/?customer=%00", "/staging/batch/?a%00b=1"])
def test_a_character_that_no_text_may_hold_is_refused_in_the_query_of_every_method(
    line: World, method: str, address: str
) -> None:
    page = getattr(strongest(), method)(address)
    assert page.status_code == 400 and (method == "head" or "cannot be read" in page.content.decode())
