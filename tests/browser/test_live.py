"""A page that keeps itself up to date takes nothing away: the focus stays, a reload and a second viewer see it too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

AT_WORK = "from staging.models import SyncRun\nanswer = SyncRun.objects.filter(state='running').latest('pk').pk"
WAITING = "from staging.models import Batch\nanswer = Batch.objects.filter(state='open').latest('pk').pk"
SET = "from staging.models import SyncRun\nanswer = SyncRun.objects.filter(pk=%d).update(%s)"


@pytest.fixture
def run(furnished: Site) -> Iterator[int]:
    """A run at work, which is so again afterwards."""
    found = furnished.place.ask(AT_WORK)
    yield found
    furnished.place.ask(SET % (found, "state='running', done=57, finished_at=None"))


def asked_again(page: Any, address: str) -> None:
    """Wait until the page has asked for itself and shows the answer."""
    with page.expect_response(re.compile(address)):
        pass
    page.wait_for_timeout(150)


@pytest.mark.parametrize(
    ("place", "part", "link"),
    [("change", "live", "cancel"), ("log", "progress", "cancel-{run}"), ("log", "log/", "event-")],
)
def test_who_stands_on_a_link_is_left_there(furnished: Site, run: int, place: str, part: str, link: str) -> None:
    page = furnished.signed_in("administrator")
    page.goto(f"{furnished.address}/staging/syncrun/{run}/{place}/")
    mine = f'[id^="{link.format(run=run)}"]'
    page.locator(mine).first.focus()
    page.evaluate("mine => { document.querySelector(mine).former = true }", mine)
    asked_again(page, rf"/{run}/{part}")
    page.wait_for_function("mine => !document.querySelector(mine).former", arg=mine)  # it is the new one
    assert page.evaluate("mine => document.activeElement.matches(mine)", mine)
    assert furnished.complaints == []
    page.context.close()


def test_a_reload_and_a_second_viewer_show_the_same_and_the_end_is_said(furnished: Site, run: int) -> None:
    first, second = furnished.signed_in("operator"), furnished.signed_in("viewer")
    pages = [(one, one.goto(f"{furnished.address}/staging/syncrun/{run}/change/"))[0] for one in (first, second)]
    assert all("57 of 91 items" in one.inner_text("#live") for one in pages)
    furnished.place.ask(SET % (run, "done=80"))
    first.reload()
    assert "80 of 91 items" in first.inner_text("#live")
    second.wait_for_selector("#live >> text=80 of 91 items")
    assert first.locator("#cancel").count() == 1 and second.locator("#cancel").count() == 0
    assert {one.inner_text("#said") for one in pages} == {f"Run {run}: Running"}
    assert [one.locator("#rest >> text=Mail it to me").count() for one in pages] == [0, 0]
    furnished.place.ask(SET % (run, "state='completed'"))
    for one in pages:
        one.wait_for_selector("#live:has-text('Completed'):not([hx-get])")
        one.wait_for_function("document.getElementById('said').textContent.endsWith('Completed')")
        one.wait_for_selector("#rest >> text=Mail it to me")
        one.context.close()
    assert furnished.complaints == []


def test_escape_closes_a_filter_and_leads_back_to_it(furnished: Site) -> None:
    page = furnished.signed_in("viewer")
    page.goto(f"{furnished.address}/staging/syncrun/")
    page.locator("details.choice summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('details.choice[open] ul') !== null")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('details.choice:not([open]) > summary')")
    page.context.close()


def test_each_chart_has_its_figures_as_a_table_that_the_keyboard_opens(furnished: Site) -> None:
    page = furnished.signed_in("viewer")
    page.goto(furnished.address)
    charts = page.locator("figure.figure")
    assert charts.count() >= 4
    for number in range(charts.count()):
        chart = charts.nth(number)
        if not chart.locator("svg").count():
            continue
        chart.locator("summary").focus()
        page.keyboard.press("Enter")
        cells = chart.locator("td.num").all_inner_texts()
        bars = chart.locator("tbody tr").count()
        assert bars and chart.locator("thead th").count() * bars == len(cells) + bars
        drawn = [text for text in chart.locator(".bar-day").all_inner_texts() if text]
        assert [text for text in drawn if text not in chart.locator("tbody th").all_inner_texts()] == []
    page.context.close()


def test_what_was_typed_is_there_again_after_a_login_in_between_and_not_once_it_was_taken(furnished: Site) -> None:
    page = furnished.signed_in("approver")
    batch = furnished.place.ask(WAITING)
    address, field = f"{furnished.address}/staging/batch/{batch}/change/", "textarea[name=text]"
    page.goto(address)
    page.fill(field, "ask the buyer\nabout the second size")
    page.context.clear_cookies(name="sessionid")
    page.click("text=Add the comment")
    assert "what you sent was not done" in page.inner_text(".messagelist")
    page.fill("#id_username", "approver")
    page.fill("#id_password", furnished.passwords["approver"])
    page.click("input[type=submit]")
    page.wait_for_url(address)
    assert "what you sent was not done" in page.inner_text(".messagelist")
    assert page.input_value(field) == "ask the buyer\nabout the second size"
    page.click("text=Add the comment")
    assert "The comment was added" in page.inner_text(".messagelist")
    assert page.input_value(field) == ""
    page.goto(address)
    assert page.input_value(field) == "" and furnished.complaints == []
    page.context.close()


def test_who_comes_in_by_another_window_goes_on_and_another_person_is_given_nothing(furnished: Site) -> None:
    page = furnished.signed_in("approver")
    batch = furnished.place.ask(WAITING)
    address, field = f"{furnished.address}/staging/batch/{batch}/change/", "textarea[name=text]"

    def log_in(window: Any, name: str) -> None:
        window.fill("#id_username", name)
        window.fill("#id_password", furnished.passwords[name])
        window.click("input[type=submit]")
        window.wait_for_selector("#logout-form")

    page.goto(address)
    page.fill(field, "typed before")
    page.context.clear_cookies(name="sessionid")
    page.evaluate("htmx.ajax('GET', '/today/', {target: 'body', swap: 'none'})")
    page.wait_for_selector("#silent:has-text('Log in in another window')")
    other = page.context.new_page()
    other.goto(f"{furnished.address}/login/")
    log_in(other, "approver")
    page.click("text=Add the comment")
    assert "The comment was added" in page.inner_text(".messagelist")

    page.goto(f"{furnished.address}/staging/syncrun/lists/")
    page.set_input_files("input[type=file]", {"name": "x.csv", "mimeType": "text/csv", "buffer": b"ORDER\n1\n"})
    page.context.clear_cookies(name="sessionid")
    page.click("text=Read the list")
    page.wait_for_selector("#silent:has-text('press the button here again')")
    other.goto(f"{furnished.address}/login/")
    log_in(other, "approver")
    page.click("text=Read the list")
    page.wait_for_selector("h1:has-text('List: x.csv')")

    page.goto(address)
    page.fill(field, "of the approver alone")
    page.context.clear_cookies(name="sessionid")
    page.click("text=Add the comment")
    log_in(page, "operator")
    page.goto(address)
    assert page.input_value(field) == "" and page.evaluate("sessionStorage.getItem('typed')") is None
    page.context.close()


def test_a_page_says_since_when_nobody_answers_and_stops_when_somebody_does(furnished: Site) -> None:
    page = furnished.signed_in("viewer")
    page.wait_for_function("window.htmx !== undefined")  # a slow machine shows the page before its script
    asks = "htmx.ajax('GET', '/today/', {target: '#cards', swap: 'outerHTML'})"
    for failing in (lambda route: route.abort(), lambda route: route.fulfill(status=502, body="")):
        page.route("**/today/", failing)
        page.evaluate(f"{asks}.catch(() => 0)")
        page.wait_for_selector("#silent:has-text('these figures are of then')")
        assert re.fullmatch(r"No answer since \d\d:\d\d UTC; these figures are of then\.", page.inner_text("#silent"))
        page.unroute("**/today/")
        page.evaluate(asks)
        page.wait_for_function("document.getElementById('silent').textContent === ''")
    page.context.close()
    furnished.complaints.clear()  # the browser logs each answer that was kept from it here
