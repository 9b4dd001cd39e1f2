"""A stranger finds what matters within three clicks of the front page, and a decision is made without a mouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.browser.conftest import Site
from tests.journeys.installation import until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

AT_MOST = 3
LINKED = """
from django.db import connections
from staging.models import Snapshot
table = 'from "ORDERS_UNIFIED" where'
with connections["orders"].cursor() as cursor:
    for one in Snapshot.objects.exclude(item_id="").order_by("id"):
        po = cursor.execute(f'select "PO NUMBER" {table} lower("record_uuid") = %s', [one.record]).fetchone()[0]
        # One that other orders carry too leads to a list of them.
        if po and cursor.execute(f'select count(*) {table} "PO NUMBER" = %s', [po]).fetchone()[0] == 1:
            answer = {"po": po, "item": one.item_id}
            break
"""
# Whether what has the focus is told apart from what has not.
SEEN = """() => {
    const look = getComputedStyle(document.activeElement);
    return look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 1;
}"""


@dataclass
class Stranger:
    """Somebody on the front page whose clicks are counted. Typing is none."""

    page: Any
    clicks: int = 0

    def click(self, what: str) -> None:
        self.clicks += 1
        self.page.click(what)

    def reads(self, *words: str) -> None:
        shown = self.page.inner_text("#content")
        assert [word for word in words if word not in shown] == [], shown[:2000]
        assert self.clicks <= AT_MOST


@pytest.fixture
def stranger(furnished: Site) -> Iterator[Stranger]:
    page = furnished.signed_in("approver")
    yield Stranger(page)
    page.context.close()


def test_why_was_this_rejected(stranger: Stranger) -> None:
    stranger.click("a.card:has-text('Rejected')")
    stranger.reads("ColumnValueException", "the label 'CANCELLED' is deactivated", "What to do:", "Whose job")


def test_who_approved_it(stranger: Stranger) -> None:
    stranger.click("#nav-sidebar >> text=Batches")
    stranger.click("#result_list tr:has-text('Needs attention') th a >> nth=0")
    stranger.reads("Approved by approver")


def test_what_will_be_sent(stranger: Stranger) -> None:
    stranger.click("a.card:has-text('Waiting for approval') >> nth=0")
    stranger.click("#result_list tbody th a >> nth=0")
    stranger.reads("Creates", "items", "calls")
    stranger.click("article.order >> nth=0 >> h3 a")
    stranger.reads("This change", "Waiting for approval")
    assert stranger.page.locator(".diff-parts :is(.values, .diff, .sizes)").count() > 0


def test_how_do_i_take_it_back(stranger: Stranger) -> None:
    stranger.click("#nav-sidebar >> text=Batches")
    stranger.click("#result_list tr:has(.pill:has-text('Pushed')) th a >> nth=0")
    stranger.click("a.button-undo")
    stranger.reads("Look at the board")
    assert "/undo/" in stranger.page.url


def test_where_is_a_purchase_order(stranger: Stranger, furnished: Site) -> None:
    known = furnished.place.ask(LINKED)
    stranger.page.fill("#search-words", str(known["po"]))
    stranger.page.keyboard.press("Enter")
    stranger.page.wait_for_url("**/stagedorder/**")
    stranger.reads(known["item"], "Its whole life")
    assert stranger.clicks == 0


def tab_to(page: Any, what: str) -> None:
    """Press Tab until this has the focus, which is seen on each stop on the way; fails where it is never reached."""
    for _ in range(120):
        page.keyboard.press("Tab")
        assert page.evaluate(SEEN), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("what => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"{what} is not reached by the Tab key on {page.url}")


def follow(page: Any, address: str) -> None:
    with page.expect_navigation(url=address):
        page.keyboard.press("Enter")


def test_a_batch_is_approved_by_the_keyboard_alone(furnished: Site) -> None:
    page = furnished.signed_in("approver")
    page.goto(furnished.address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to main content" and page.evaluate(SEEN)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content-start"
    tab_to(page, "a.card")
    assert "Waiting for approval" in page.evaluate("document.activeElement.innerText")
    follow(page, "**/batch/?*")
    tab_to(page, "details.choice summary")
    page.keyboard.press("Enter")
    assert page.locator("details.choice[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("details.choice[open]").count() == 0
    tab_to(page, "#result_list tbody th a")
    follow(page, "**/change/*")
    batch = page.url
    tab_to(page, "a.button-approve")
    follow(page, "**/act/approve/*")
    tab_to(page, "button.button-approve")
    follow(page, "**")
    assert "approved" in page.inner_text(".messagelist").lower()
    page.goto(batch)
    assert "Approved by approver" in page.inner_text("#content")
    assert furnished.complaints == []


def test_a_page_does_not_load_itself_anew_while_somebody_types(stranger: Stranger) -> None:
    """What a run's progress answers when it has ended comes from here, so that it comes at the worst moment."""
    page = stranger.page
    stranger.click("#nav-sidebar >> text=Batches")
    stranger.click("#result_list tr:has-text('Waiting for approval') th a >> nth=0")
    page.route("**/ended/", lambda route: route.fulfill(status=200, headers={"HX-Refresh": "true"}, body=""))
    asks = "htmx.ajax('GET', '/ended/', {target: 'body', swap: 'none'})"
    page.fill("textarea[name=text]", "ask the buyer")
    page.evaluate("window.before = true")
    page.evaluate(asks)
    page.wait_for_timeout(300)
    assert page.input_value("textarea[name=text]") == "ask the buyer" and page.evaluate("window.before")
    page.fill("textarea[name=text]", "")
    page.evaluate(asks)
    page.wait_for_function("!window.before")


# The last, as there is nothing refused after it.
def test_what_the_board_refused_is_retried_and_seen_to_its_end(furnished: Site) -> None:
    operator = furnished.signed_in("operator")
    operator.goto(f"{furnished.address}/rejected/")
    rejected = "select count(*) from staging_stagedorder where state = 'rejected'"
    before = furnished.place.number(rejected)
    assert before and operator.locator("a:has-text('Retry'), button:has-text('Retry')").count()
    operator.locator("a:has-text('Retry'), button:has-text('Retry')").first.click()
    operator.click("form[method=post] button:has-text('Retry')")
    assert "again" in operator.inner_text(".messagelist") or "on its way" in operator.inner_text(".messagelist")
    tried = "select count(*) from staging_syncrun where kind = 'push' and actor = 'operator' and state not in "
    until(lambda: furnished.place.number(f"{tried} ('queued', 'running')"))
    event = "select count(*) from staging_auditevent where action = 'order.retry' and actor = 'operator'"
    assert furnished.place.number(event) == 1 and furnished.complaints == []
