"""The way of a change through the admin, in a real browser: started, watched, looked at, approved, pushed, undone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Site
from tests.journeys.installation import until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def settled(page: Any) -> str:
    """The live part of a run's page once nothing is under way any more; it comes by itself, nobody reloads."""
    page.wait_for_function(
        "() => document.querySelector('#live') && !document.querySelector('#live[hx-get]')", timeout=60_000
    )
    return str(page.inner_text("#live"))


def start(page: Any, site: Site, *, by_person: bool) -> str:
    page.goto(f"{site.address}/")
    page.click("text=Start a sync")
    page.set_checked("#id_by_person", by_person)
    page.click("button:has-text('Start the sync')")
    return settled(page)


def tick(page: Any, *rows: int) -> None:
    for row in rows:
        page.locator("#result_list input.action-select").nth(row).check()


def test_the_way_of_a_change_from_the_source_to_the_board_and_back(site: Site) -> None:
    operator = site.signed_in("operator")
    first = start(operator, site, by_person=True)
    assert "Waiting for approval" in first and re.search(r"read\s+40\s", first)
    operator.goto(f"{site.address}/staging/batch/?state__exact=open")
    operator.click("#result_list tbody tr:first-child th a")
    assert operator.locator("article.order").count() > 0 and operator.locator("a.button-approve").count() == 0
    assert "Your role may not approve batches" in operator.locator("details.why").text_content()

    approver = site.signed_in("approver")
    approver.goto(f"{site.address}/staging/batch/?state__exact=open&o=1")
    tick(approver, 0, 1)
    names = [approver.locator("#result_list tbody th a").nth(row).inner_text() for row in (0, 1)]
    approver.select_option("select[name=action]", "approve")
    approver.click("button[name=index]")
    assert "Approve: 2 batches" in approver.inner_text("h1")
    assert all(name in approver.inner_text(".affected") for name in names)
    approver.click("button:has-text('Approve 2 batches')")
    assert approver.inner_text(".messagelist").count("The push is on its way.") == 2
    for number in (name.split()[-1] for name in names):
        watch_push(approver, site, number)
    number = names[1].split()[-1]
    approver.goto(f"{site.address}/staging/batch/{number}/change/")
    orders = approver.locator("article.order h3").all_inner_texts()
    approver.goto(site.address)
    approver.click("#nav-sidebar >> text=Local board")
    approver.click("text=Customer Master Schedule >> nth=-1")
    board = approver.url
    before, shown = _items(approver, board), "\n".join(approver.locator("#rows td.name").all_inner_texts())
    assert orders and all(order in shown for order in orders)

    approver.goto(f"{site.address}/staging/batch/{number}/change/")
    approver.click("a.button-undo")
    approver.click("text=Cancel")
    approver.click("a.button-undo")
    approver.click("button:has-text('Look at the board')")
    approver.wait_for_selector("text=Will be reversed", timeout=60_000)
    assert approver.locator("section.part-back tbody tr").count() > 0
    approver.click("button:has-text('Undo what is ticked')")
    approver.fill("textarea[name=reason]", "wrong season")
    approver.click("button.button-undo")
    undone = settled(approver)
    assert "Undone" in undone and "Completed" in undone
    assert _items(approver, board) == before - len(orders)
    rows = "\n".join(approver.locator("#rows td.name").all_inner_texts())  # what happened stands below them
    assert not [order for order in orders if order in rows]
    approver.goto(f"{site.address}/staging/batch/{number}/change/")
    assert "wrong season" in approver.inner_text("#content-main") and "Undone" in approver.inner_text("p.lead")
    assert site.complaints == []


def watch_push(page: Any, site: Site, batch: str) -> None:
    """From a batch to the run that sends it, and there until it has ended; it comes by itself, nobody reloads."""
    page.goto(f"{site.address}/staging/batch/{batch}/change/")
    run = page.locator(".progress a[href$='/change/']")
    if at := [link.get_attribute("href") for link in run.all()]:
        page.goto(f"{site.address}{at[0]}")
        assert "Completed" in settled(page)
    until(lambda: page.goto(f"{site.address}/staging/batch/{batch}/change/") and "Pushed" in page.inner_text("p.lead"))


def _items(page: Any, board: str) -> int:
    page.goto(board)
    found = re.search(r"(\d+) items", page.inner_text("main"))
    return int(found[1]) if found else 0


def test_a_viewer_finds_no_button_and_is_refused_by_address(site: Site) -> None:
    viewer = site.signed_in("viewer")
    for place in ("/", "/staging/batch/", "/staging/batch/1/change/", "/staging/syncrun/"):
        viewer.goto(site.address + place)
        assert viewer.locator("a.button-approve, a.button-push, a.button-undo, select[name=action]").count() == 0
    for place in (
        "/staging/syncrun/start/",
        "/staging/batch/act/approve/?ids=1",
        "/staging/auditevent/",
        "/auth/user/",
    ):
        assert viewer.goto(site.address + place).status == 403, place
    viewer.goto(f"{site.address}/")
    send = """([place, fields]) => fetch(place, {method: "POST", headers: {"X-CSRFToken":
        document.querySelector("#logout-form input").value}, body: new URLSearchParams(fields)}).then(a => a.status)"""
    for action in ("approve", "withdraw", "decline", "push", "undo", "hold", "release"):
        assert (
            viewer.evaluate(send, [f"/staging/batch/act/{action}/", {"ids": "1", "orders": "1", "reason": "x"}]) == 403
        )
    assert viewer.evaluate(send, ["/staging/syncrun/start/", {"mode": "TEST"}]) == 403
    assert viewer.evaluate(send, ["/staging/syncrun/1/cancel/", {}]) == 403


def decide(page: Any, site: Site, batch: str, action: str, reason: str = "") -> None:
    """Press a batch's button and confirm it."""
    page.goto(f"{site.address}/staging/batch/{batch}/change/")
    page.click(f"a.button-{action}")
    if reason:
        page.fill("textarea[name=reason]", reason)
    page.click(f"button.button-{action}")
    assert page.locator(".messagelist .error").count() == 0, page.inner_text(".messagelist")


def waiting(page: Any, site: Site) -> list[str]:
    """The numbers of the batches that wait for approval."""
    page.goto(f"{site.address}/staging/batch/?state__exact=open")
    return [name.split()[-1] for name in page.locator("#result_list tbody th a").all_inner_texts()]


PRESSED_THRICE = """() => {
    const form = document.querySelector("#content-main form[method=post]");
    const body = new URLSearchParams(new FormData(form, form.querySelector("button.button")));
    return Promise.all([1, 2, 3].map(() => fetch(location.href, {method: "POST", body}).then(answer => answer.status)));
}"""


def test_what_is_pressed_thrice_and_by_two_people_at_once_happens_once(site: Site) -> None:
    approver, other = site.signed_in("approver"), site.signed_in("administrator")
    if not waiting(approver, site):
        start(site.signed_in("operator"), site, by_person=True)
    batch = waiting(approver, site)[0]
    for page in (approver, other):
        page.goto(f"{site.address}/staging/batch/act/approve/?ids={batch}")
    assert approver.evaluate(PRESSED_THRICE) == [200, 200, 200]
    other.click("button.button-approve")
    said = other.inner_text(".messagelist")
    assert "is under way" in said or "cannot be approved" in said or "has changed" in said, said
    watch_push(approver, site, batch)
    pushes = f"select count(*) from staging_syncrun where kind = 'push' and subject = 'batch:{batch}'"
    assert site.place.number(pushes) == 1
    approvals = "select count(*) from staging_auditevent where action = 'batch.approve' and subject = 'batch:%s'"
    assert site.place.number(approvals % batch) == 1
    undo = f"{site.address}/staging/batch/{batch}/undo/"
    approver.goto(undo)
    assert approver.evaluate(PRESSED_THRICE) == [200, 200, 200]
    approver.goto(undo)
    approver.wait_for_selector("text=Will be reversed", timeout=60_000)
    approver.goto(f"{undo}?confirm=1")
    assert approver.evaluate(PRESSED_THRICE) == [200, 200, 200]
    assert site.place.number(pushes.replace("'push'", "'undo'")) == 1


def test_orders_are_held_and_released_and_batches_approved_withdrawn_and_declined(site: Site) -> None:
    operator, approver = site.signed_in("operator"), site.signed_in("approver")
    if len(waiting(operator, site)) < 2:
        start(operator, site, by_person=True)
    one, other = waiting(operator, site)[:2]
    for action, reason in (("hold", "ask the buyer"), ("release", "")):
        operator.goto(f"{site.address}/staging/batch/{one}/change/")
        operator.locator("input[name=orders]").first.check()
        operator.click(f".ticked-bar button:has-text('{action.capitalize()}')")
        if reason:
            operator.fill("textarea[name=reason]", reason)
        operator.click(f"button.button-{action}")
        assert re.search(r"1 order (held|released)\.", operator.inner_text(".messagelist"))

    approver.goto(f"{site.address}/staging/batch/{one}/change/")
    approver.click("a.button-approve")
    approver.uncheck("input[name=push_after]")
    approver.click("button.button-approve")
    assert "approved." in approver.inner_text(".messagelist")
    assert one not in waiting(approver, site)
    decide(approver, site, one, "withdraw")
    assert one in waiting(approver, site)
    decide(approver, site, other, "decline", "the buyer said no")
    assert other not in waiting(approver, site)
    approver.goto(f"{site.address}/staging/batch/{other}/change/")
    assert "the buyer said no" in approver.inner_text("#content-main")
    assert "Declined" in approver.inner_text("#content-main")
    assert site.complaints == []
