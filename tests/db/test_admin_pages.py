"""Every page of the admin: it opens, loads nothing foreign, runs nothing inline, and says what is wrong in words."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Schedule

from monday.core.errors import FAULTS
from monday.models import ApiCall
from ordersite import roles, watchdog
from ordersite.first_start import make_demo_users
from ordersite.mail import mail_server
from ordersite.today_charts import calls, changes
from staging import jobs
from staging.models import Batch, StagedOrder, SyncRun
from staging.models.run import RunState
from tests.db.admin_line import opened_line, signed_in, staged, work_off
from tests.world import World

LISTS = [
    *("/", "/rejected/", "/staging/syncrun/", "/staging/syncrun/start/", "/staging/batch/", "/staging/stagedorder/"),
    *("/staging/seen/", "/staging/snapshot/", "/staging/receipt/", "/staging/auditevent/", "/monday/apicall/"),
    "/monday/apicall/refusals/",
    *("/monday/board/", "/mapping/document/", "/mapping/document/new/", "/mapping/customer/", "/mapping/alias/"),
    *("/django_q/schedule/", "/django_q/schedule/add/", "/django_q/failure/", "/django_q/success/", "/django_q/ormq/"),
    *("/auth/user/", "/auth/user/add/", "/auth/group/", "/auth/group/add/", "/password_change/"),
]


@pytest.fixture
def line(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    line = opened_line(world, settings, monkeypatch)
    line.add(1)
    line.add(2, CUSTOMER="NOBODY WE KNOW")
    line.sync()
    staged(line, 3)
    return line


def foreign(page: str) -> list[str]:
    """What a page must not hold: addresses of other hosts, inline scripts, handlers and styles."""
    found = re.findall(r"(?:src|href|action)=\"((?:https?:)?//[^\"]+)\"", page)
    found += re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", page)
    found += re.findall(r"<[^>]+\s(?:on[a-z]+|style)=\"[^\"]*\"[^>]*>", page)
    return found + re.findall(r"<style(?![^>]*nonce)[^>]*>", page)


def test_every_page_opens_and_is_its_own(line: World) -> None:
    client = signed_in("administrator")
    for address in LISTS:
        answer = client.get(address)
        assert answer.status_code == 200, address
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy, address
        assert foreign(answer.content.decode()) == [], address


def test_every_record_opens_by_its_link(line: World) -> None:
    client, opened = signed_in("administrator"), 0
    for model, screen in admin.site._registry.items():
        first = model._default_manager.order_by("pk").first()
        if first is None or not screen.has_view_permission(_request(client)):
            continue
        place = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[first.pk])
        answer = client.get(place)
        assert answer.status_code == 200, (place, answer.status_code)
        assert foreign(answer.content.decode()) == [], place
        opened += 1
    assert opened >= 13


def _request(client: Client) -> Any:
    answer = client.get("/")
    return answer.wsgi_request


@pytest.mark.parametrize(
    "address", ["/staging/batch/", "/staging/stagedorder/", "/staging/syncrun/", "/staging/receipt/"]
)
def test_a_search_and_a_filter_find_by_their_words(line: World, address: str) -> None:
    client = signed_in("viewer")
    assert client.get(address, {"q": "1"}).status_code == 200
    assert client.get(address, {"q": "' OR 1=1 --"}).status_code == 200


@pytest.mark.parametrize("filter_", ["id__exact=abc", "customer__id__exact=x", "foo__bar=1", "at__gte=zz"])
def test_an_export_with_an_odd_filter_is_refused_in_words(line: World, filter_: str) -> None:
    client = signed_in("administrator")
    for name in ("batch", "syncrun", "stagedorder", "seen", "snapshot", "receipt"):
        answer = client.get(f"/staging/{name}/export/?{filter_}", follow=True)
        assert answer.status_code == 200, name
        assert "cannot be read" in answer.content.decode(), name


def test_a_list_counts_no_further_than_it_must(line: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monday.screens.COUNTED", 1)
    answer = signed_in("viewer").get("/staging/receipt/")
    assert answer.context["cl"].result_count == 2


def test_a_list_says_how_many_were_found_only_where_it_is_narrowed(line: World) -> None:
    client = signed_in("viewer")
    words = {
        "": None,
        "q=HARBOUR": "2 found. Clear the search",
        "state__exact=open": "1 found. Clear the filters",
        "q=HARBOUR&state__exact=pushed": "1 found. Clear search and filters",
    }
    for query, said in words.items():
        page = re.sub(r"<[^>]+>", "", client.get(f"/staging/batch/?{query}").content.decode())
        assert (said in page) if said else "found." not in page, query


def test_the_side_bar_marks_one_screen(line: World) -> None:
    marked = re.compile(r'<a href="([^"]+)" aria-current="page">')
    for page, screen in {
        "/staging/syncrun/": "/staging/syncrun/",
        "/staging/syncrun/lists/": "/staging/syncrun/lists/",
        "/staging/syncrun/boards/adopt/": "/staging/syncrun/boards/adopt/",
        f"/staging/batch/{Batch.objects.latest('pk').pk}/change/": "/staging/batch/",
    }.items():
        assert marked.findall(signed_in("operator").get(page).content.decode()) == [screen]


# --- the front page -------------------------------------------------------------------------------------------------
def test_the_front_page_says_what_waits_and_each_card_leads_to_its_list(line: World) -> None:
    client = signed_in("viewer")
    for at in (timezone.now(), timezone.now() - timedelta(days=1)):
        ApiCall.objects.create(at=at, kind="read", outcome="done")
    cards = {card.title: card for card in client.get("/").context["cards"]}
    assert (cards["Waiting for approval"].value, cards["Waiting for approval"].words) == ("1", "changes of 1 customer")
    assert cards["Rows not used"].value == "1" and cards["Rejected"].value == "0"
    assert "Silent" in cards["Workers"].value and cards["Next scheduled sync"].value == "none"
    assert "1 made today" in cards["API calls left today"].words  # as the chart below it shows
    assert [title for title, card in cards.items() if not card.url] == ["Next scheduled sync"]
    watchdog.claimed()
    Schedule.objects.create(name="sync TEST", func="staging.jobs.start", next_run=timezone.now() + timedelta(hours=1))
    again = {card.title: card for card in client.get("/today/").context["cards"]}
    assert "Alive" in again["Workers"].value and "from now" in again["Next scheduled sync"].value


@pytest.mark.parametrize("role", list(roles.ROLES))
def test_a_card_leads_only_where_this_person_may_look_and_is_plain_text_else(line: World, role: str) -> None:
    client = signed_in(role)
    answer = client.get("/today/")
    cards, text = answer.context["cards"], answer.content.decode()
    assert {client.get(card.url).status_code for card in cards if card.url} == {200}
    assert text.count('class="card ') == len(cards) and text.count("<a href=") == sum(bool(card.url) for card in cards)
    assert [card.title for card in cards if not card.url] == (["Next scheduled sync"] if role == "viewer" else [])


def test_before_the_first_sync_the_front_page_claims_nothing(db: None) -> None:
    roles.establish(Group, Permission)
    cards = {card.title: card for card in signed_in("viewer").get("/").context["cards"]}
    assert (cards["Rejected"].value, cards["Rejected"].words) == ("-", "nothing was sent yet")
    assert (cards["Rows not used"].value, cards["Rows not used"].words) == ("-", "no sync has read the source yet")
    assert cards["Last sync"].words == "none yet"


def test_the_front_page_says_how_the_last_sync_went_and_who_asked_for_it(line: World) -> None:
    jobs.start(mode="TEST")
    work_off()
    words = signed_in("viewer").get("/").content.decode()
    assert ", by schedule: 3 read, 0 new, 0 changed, 0 removed; 0 applied" in words
    assert 'href="/sandbox/">Local board' in words.replace("\n", "")


def test_what_was_never_changed_by_hand_has_no_empty_history_and_apps_have_no_page(line: World) -> None:
    client = signed_in("approver")
    batch = Batch.objects.latest("id")
    answer = client.get(f"/staging/batch/{batch.pk}/history/", follow=True)
    assert answer.redirect_chain[-1][0].endswith("/change/") and answer.status_code == 200
    assert client.get("/staging/").headers["Location"] == "/"


def test_exports_hold_what_the_lists_show(line: World) -> None:
    client = signed_in("viewer")
    run = SyncRun.objects.latest("id")
    runs = [row.split(",") for row in client.get("/staging/syncrun/export/?format=csv").content.decode().splitlines()]
    named = dict(zip(runs[0], next(row for row in runs if row[0] == str(run.pk)), strict=True))
    assert (named["read"], named["new"], named["staged"], named["applied"]) == ("3", "1", "1", "0")
    assert "No customer document claims the name" in client.get("/staging/seen/export/?format=csv").content.decode()
    StagedOrder.objects.update(state="rejected", problem={"code": "ColumnValueException"}, cause="ColumnValueException")
    page = client.get("/staging/stagedorder/export/?format=csv&state__exact=rejected").content.decode()
    assert page.splitlines()[0].split(",")[8] == "code" and "ColumnValueException" in page


def test_the_chart_counts_each_day_and_kind_and_stands_as_a_table_too(line: World) -> None:
    StagedOrder.objects.filter(state="applied").update(updated_at=timezone.now())
    bars = changes().bars
    assert len(bars) == 14 and bars[-1].cells == ("1", "0", "0", "0")
    StagedOrder.objects.filter(state="applied").update(
        updated_at=timezone.now() - timedelta(days=3), operation="update"
    )
    assert {at: bar.cells for at, bar in enumerate(changes().bars) if bar.parts} == {10: ("0", "1", "0", "0")}
    assert "As a table" in signed_in("viewer").get("/").content.decode()


def test_the_calls_of_each_day_are_told_apart_from_those_that_were_refused(line: World) -> None:
    ApiCall.objects.all().delete()
    for days, outcome in (
        (0, "done"),
        (0, "partly"),
        (0, "RateLimited"),
        (13, "done"),
        (13, "Unreachable"),
        (14, "done"),
    ):
        ApiCall.objects.create(at=timezone.now() - timedelta(days=days), kind="write", outcome=outcome)
    shown = {at: bar.cells for at, bar in enumerate(calls().bars) if bar.parts}
    assert shown == {0: ("1", "1"), 13: ("2", "1")}


def test_who_was_never_changed_here_says_where_its_past_is(line: World) -> None:
    page = signed_in("administrator").get(f"/auth/group/{Group.objects.get(name='viewer').pk}/history/")
    assert "Nobody has changed this role on these pages yet" in page.content.decode()


def test_the_front_page_asks_few_questions(line: World, django_assert_max_num_queries: Any) -> None:
    client = signed_in("viewer")
    with django_assert_max_num_queries(34):
        client.get("/")


# --- runs -----------------------------------------------------------------------------------------------------------
def test_a_sync_is_started_watched_and_ends_on_its_page(line: World) -> None:
    line.add(5)
    client = signed_in("operator")
    answer = client.post("/staging/syncrun/start/", {"mode": "TEST", "by_person": "on", "limit": "3"})
    run = SyncRun.objects.latest("id")
    assert answer.headers["Location"] == f"/staging/syncrun/{run.pk}/change/"
    live = f"/staging/syncrun/{run.pk}/live/"
    text = client.get(live).content.decode()
    assert "every 2s" in text and 'id="rest"' not in text
    assert "<h2>Report</h2>" not in client.get(answer.headers["Location"]).content.decode()
    work_off()
    text = client.get(live).content.decode()
    assert 'id="rest" hx-swap-oob="true"' in text and "csrfmiddlewaretoken" in text
    assert all(f"<h2>{part}</h2>" in text for part in ("Report", "Its orders", "Asked for", "API calls"))
    assert "hx-swap-oob" not in client.get(answer.headers["Location"]).content.decode()
    assert "every 2s" not in text and "Waiting for approval" in text
    run.refresh_from_db()
    assert (run.state, run.actor, run.scope) == (RunState.WAITING, "operator", {"by_person": True, "limit": 3})


def test_a_second_sync_is_not_started_while_one_is_under_way(line: World) -> None:
    client = signed_in("operator")
    client.post("/staging/syncrun/start/", {"mode": "TEST"})
    before = SyncRun.objects.count()
    text = client.post("/staging/syncrun/start/", {"mode": "TEST"}, follow=True).content.decode()
    assert "is still queued. Remedy: wait for it, or cancel it." in text and SyncRun.objects.count() == before


def test_production_without_a_token_is_refused_on_the_form(line: World) -> None:
    text = signed_in("operator").post("/staging/syncrun/start/", {"mode": "PRODUCTION"}).content.decode()
    assert "MONDAY_API_TOKEN is not set. Remedy:" in text and not SyncRun.objects.filter(state="queued").exists()


def test_a_run_is_cancelled_from_its_page_after_a_question(line: World) -> None:
    client = signed_in("operator")
    client.post("/staging/syncrun/start/", {"mode": "TEST"})
    run = SyncRun.objects.latest("id")
    assert "Let it go on" in client.get(f"/staging/syncrun/{run.pk}/cancel/").content.decode()
    client.post(f"/staging/syncrun/{run.pk}/cancel/")
    run.refresh_from_db()
    assert (run.state, run.cancelled_by) == (RunState.STOPPED, "operator")
    again = client.get(f"/staging/syncrun/{run.pk}/cancel/", follow=True).content.decode()
    assert "has ended already; nothing is left to stop" in again and "Let it go on" not in again


def test_a_board_is_read_again_by_a_job(line: World) -> None:
    client = signed_in("operator")
    assert client.get(f"/monday/board/{line.board.pk}/refresh/").status_code == 302
    assert not SyncRun.objects.filter(kind="refresh").exists()
    client.post(f"/monday/board/{line.board.pk}/refresh/")
    work_off()
    assert SyncRun.objects.get(kind="refresh").state == RunState.COMPLETED


# --- schedules, the local board, people -----------------------------------------------------------------------------
def schedule(**fields: Any) -> dict[str, Any]:
    return {
        "name": "nightly",
        "func": "staging.jobs.start",
        "schedule_type": "I",
        "minutes": 5,
        "repeats": -1,
        "next_run_0": f"{timezone.now().year + 4}-01-01",
        "next_run_1": "00:00:00",
        "kwargs": "mode='TEST', limit=5",
        **fields,
    }


def test_a_schedule_runs_our_own_jobs_and_nothing_else(line: World) -> None:
    client = signed_in("administrator")
    client.post("/django_q/schedule/add/", schedule())
    assert Schedule.objects.get().kwargs == "mode='TEST', limit=5"
    for wrong in (
        schedule(func="os.system"),
        schedule(kwargs="mode='PROD'"),
        schedule(kwargs="actor='anna'"),
        schedule(kwargs="limit='5'"),
        schedule(kwargs="__import__('os')"),
        schedule(kwargs="'TEST'"),
    ):
        assert client.post("/django_q/schedule/add/", wrong).status_code == 200, wrong
    assert Schedule.objects.count() == 1


def test_a_schedule_that_the_queue_could_not_count_is_refused_as_it_would_stop_all_the_others(line: World) -> None:
    client = signed_in("administrator")
    client.post("/django_q/schedule/add/", schedule())
    one = f"/django_q/schedule/{Schedule.objects.get().pk}/change/"
    for fields, said in (
        ({"next_run_0": "0026-11-25"}, "The year 26 is too far from now."),
        ({"next_run_0": "9999-12-31"}, "The year 9999 is too far from now."),
        ({"minutes": 99_999_999}, "Every how many minutes?"),
        ({"minutes": 0}, "Every how many minutes?"),
        ({"schedule_type": "C", "cron": "0 0 31 2 *"}, "This says no time that ever comes."),
        ({"schedule_type": "C", "cron": ""}, "A cron schedule needs its expression."),
        ({"schedule_type": "C", "cron": "0 61 * * *"}, "This says no time that ever comes."),
    ):
        for address in ("/django_q/schedule/add/", one):
            answer = client.post(address, schedule(**fields))
            assert answer.status_code == 200 and said in answer.content.decode(), (address, fields)
    before = Schedule.objects.get()
    assert (before.schedule_type, before.minutes, before.next_run.year) == ("I", 5, timezone.now().year + 4)
    client.post(one, schedule(schedule_type="C", cron="0 6 1 * *"))
    by_cron = Schedule.objects.get()
    assert (by_cron.next_run.day, by_cron.next_run.hour) == (1, 6) and by_cron.next_run < before.next_run


def test_a_viewer_finds_nothing_to_press_on_the_local_board_and_is_told_why(line: World) -> None:
    client, item = signed_in("viewer"), line.item(1).id
    page = client.get(f"/sandbox/items/{item}").content.decode()
    assert "Your role may not edit the local board by hand. Remedy: ask" in page
    assert not any(offered in page for offered in (">Save<", ">Archive<", ">Delete<", "/move"))
    assert '<input disabled type="text" id="name"' in page
    board = client.get(f"/sandbox/boards/{line.board.board_id}").content.decode()
    assert "data-edit" not in board and "by hand" not in board and f"/sandbox/items/{item}" in board
    assert ">Save<" in signed_in("operator").get(f"/sandbox/items/{item}").content.decode()


def test_the_local_boards_pages_lie_under_sandbox_with_their_links(line: World) -> None:
    client = signed_in("operator")
    page = client.get(f"/sandbox/boards/{line.board.board_id}")
    item = line.item(1).id
    assert f'href="/sandbox/items/{item}"' in page.content.decode()
    assert "nonce-" in page.headers["Content-Security-Policy"]
    column = page.content.decode().split('data-c="')[1].split('"')[0]
    assert f'action="/sandbox/items/{item}"' in client.get(f"/sandbox/items/{item}/cell/{column}").content.decode()
    form = client.get(f"/sandbox/items/{item}").content.decode()
    key = form.split('name="form_key" value="')[1].split('"')[0]
    sent = {"content_type": "application/x-www-form-urlencoded", "headers": {"Origin": "http://testserver"}}
    assert client.post(f"/sandbox/items/{item}/archive", "form_key=guessed", **sent).status_code == 403
    archived = client.post(f"/sandbox/items/{item}/archive", f"form_key={key}", **sent)
    assert archived.headers["Location"] == f"/sandbox/boards/{line.board.board_id}"
    assert not line.on_board(1)
    foreign_site = client.post(f"/sandbox/items/{item}/archive", headers={"Origin": "http://evil.example"})
    assert foreign_site.status_code == 403
    assert "/store" not in page.content.decode()
    for hidden in ("/sandbox/v2", "/sandbox/sandbox/store", "/sandbox/sandbox/seed", "/sandbox/sandbox/reset"):
        assert client.get(hidden).status_code == client.post(hidden).status_code == 404


def test_there_is_no_local_board_in_production(line: World, settings: Any) -> None:
    settings.PRODUCTION = True
    assert signed_in("administrator").get("/sandbox/").status_code == 404


def test_demo_people_are_made_once_and_only_where_everything_is_here(line: World, settings: Any) -> None:
    assert make_demo_users() == [] or User.objects.count() == 4
    User.objects.all().delete()
    settings.PRODUCTION = True
    assert make_demo_users() == []
    settings.PRODUCTION = False
    made = make_demo_users()
    if made:
        assert [name for name, _ in made] == ["viewer", "operator", "approver", "administrator"]
        assert User.objects.get(username="approver").check_password(dict(made)["approver"])
        assert make_demo_users() == []


def test_a_batch_of_nobody_is_not_found_under_another_name(line: World) -> None:
    assert signed_in("viewer").get(f"/staging/batch/{Batch.objects.latest('id').pk + 1}/change/").status_code == 404


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("smtp://mail.example:25", ("mail.example", 25, "", False, False)),
        ("smtp://anna:se%40cret@mail.example", ("mail.example", 587, "se@cret", False, True)),
        ("smtps://anna:x@mail.example", ("mail.example", 465, "x", True, False)),
        ("file:", ("", 0, "", False, False)),
    ],
)
def test_a_mail_server_is_read_from_one_address(address: str, expected: tuple[Any, ...]) -> None:
    server = mail_server(address)
    assert (server.host, server.port, server.password, server.tls, server.starttls) == expected


@pytest.mark.parametrize("address", ["ftp://x", "smtp://", "smtp://x:abc", "nonsense"])
def test_an_odd_mail_address_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL cannot be read"):
        mail_server(address)


def test_every_documented_refusal_is_explained_on_a_page(line: World) -> None:
    text = unescape(signed_in("viewer").get("/monday/apicall/refusals/").content.decode())
    for fault in FAULTS:
        assert fault.code in text and fault.meaning in text and fault.remedy in text and fault.retry.value in text
    assert "refusals/" in signed_in("viewer").get("/monday/apicall/").content.decode()
