"""What people decide, in a real browser: some orders of a batch, whose value holds, again what was refused, by whom."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Site
from tests.browser.scene import EX_FACTORY, MOVE
from tests.browser.test_journey import settled, start, waiting, watch_push

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

LINKED = """
from staging.models import Snapshot
answer = [[s.item_id, s.record] for s in Snapshot.objects.exclude(item_id="").order_by("id")[:40]]
"""
CUSTOMERS = """
from staging.models import Batch
answer = {b.pk: b.customer.name for b in Batch.objects.filter(state="open")}
"""
FOUR_EYES = """
from django.utils import timezone
from mapping.models import Document
from mapping.publish import publish
from staging.wiring import recorder
document = Document.objects.boards().get()
text = document.versions.published().get().text.replace("four_eyes: false", "four_eyes: true")
version = publish(document=document, text=text, actor="policy:test", note="", now=timezone.now(), record=recorder)
answer = [str(version), "four_eyes: true" in text]
"""


def batch_page(page: Any, site: Site, batch: str, query: str = "") -> None:
    page.goto(f"{site.address}/staging/batch/{batch}/change/{query}")


def count(page: Any) -> str:
    """What the bar above the orders says."""
    return str(page.inner_text("#ticked > span"))


def test_some_orders_are_found_ticked_across_filters_and_alone_approved(site: Site) -> None:
    approver = site.signed_in("approver")
    start(site.signed_in("operator"), site, by_person=True)
    numbers = {pk: len(_labels(approver, site, pk)) for pk in waiting(approver, site)}
    batch = max(numbers, key=lambda pk: numbers[pk])
    labels = _labels(approver, site, batch)
    assert len(labels) >= 3, numbers
    batch_page(approver, site, batch)
    alone = next(label for label in labels[1:] if labels.count(label) == 1)
    approver.locator("input[name=orders]").nth(0).check()
    approver.wait_for_selector("#ticked:has-text('1 of')")
    approver.fill(".narrowing input[name=q]", alone)
    approver.press(".narrowing input[name=q]", "Enter")
    approver.wait_for_selector("a:has-text('Show all')")
    assert approver.locator("article.order h3").all_inner_texts() == [alone]
    approver.click("text=Tick all 1 found")
    assert count(approver).startswith("2 of")
    approver.reload()
    with approver.expect_navigation():
        approver.click("a:has-text('Show all')")
    ticks = [box.is_checked() for box in approver.locator("input[name=orders]").all()]
    assert [label for label, ticked in zip(labels, ticks, strict=True) if ticked] == [labels[0], alone]
    approver.click("button:has-text('Approve only these')")
    assert f"2 of {len(labels)} orders go out." in approver.inner_text("#content-main")
    approver.click("button.button-approve")
    watch_push(approver, site, batch)
    assert sorted(_labels(approver, site, batch)) == sorted([labels[0], alone])
    batch_page(approver, site, batch)
    approver.fill("textarea[name=text]", "the rest waits for the buyer")
    approver.click("text=Add the comment")
    assert "the rest waits for the buyer" in approver.inner_text("#history")
    assert site.complaints == []


def _labels(page: Any, site: Site, batch: str) -> list[str]:
    batch_page(page, site, batch)
    return list(page.locator("article.order h3").all_inner_texts())


def test_a_planners_edit_is_a_conflict_that_a_person_rules_on_and_an_undo_keeps_what_came_after(site: Site) -> None:
    operator, approver = site.signed_in("operator"), site.signed_in("approver")
    item, record = site.place.ask(LINKED)[0]
    edit(operator, site, item, "2027-06-30")
    site.place.ask(MOVE % [record])
    start(operator, site, by_person=True)
    batch = next(pk for pk in waiting(approver, site) if _holds(approver, site, pk, record))
    approver.goto(f"{site.address}/staging/batch/act/approve/?ids={batch}")
    approver.click("button.button-approve")
    settled(approver)
    batch_page(approver, site, batch, "?part=held")
    row = approver.locator("table.diff:has(caption) tbody tr").first
    assert "2027-06-30" in row.inner_text() and "2027-12-24" in row.inner_text()
    row.locator("text=Take the source").click()
    approver.click("button.button-approve")
    watch_push(approver, site, batch)
    assert "2027-12-24" in date_of(approver, site, item)

    edit(operator, site, item, "2028-01-15")
    batch_page(approver, site, batch)
    approver.click("a.button-undo")
    approver.click("button:has-text('Look at the board')")
    approver.wait_for_selector("text=Will be reversed", timeout=60_000)
    assert "2028-01-15" in approver.inner_text("section.part-kept")
    approver.click("button:has-text('Undo what is ticked')")
    approver.click("button.button-undo")
    assert "Kept" in settled(approver)
    assert "2028-01-15" in date_of(approver, site, item)
    assert site.complaints == []


def _holds(page: Any, site: Site, batch: str, record: str) -> bool:
    batch_page(page, site, batch, f"?q={record}")
    return bool(page.locator("article.order").count())


def edit(page: Any, site: Site, item: str, date: str) -> None:
    """A planner changes the ex-factory date on the local board."""
    page.goto(f"{site.address}/sandbox/items/{item}")
    page.fill(f"[name={EX_FACTORY}]", date)
    page.locator(f"form:has([name={EX_FACTORY}]) button").first.click()


def date_of(page: Any, site: Site, item: str) -> str:
    page.goto(f"{site.address}/sandbox/items/{item}")
    return str(page.input_value(f"[name={EX_FACTORY}]"))


def test_with_four_eyes_who_started_the_run_is_told_why_and_a_second_person_approves(site: Site) -> None:
    approver, second = site.signed_in("approver"), site.signed_in("administrator")
    assert site.place.ask(FOUR_EYES)[1]
    if waiting(second, site):
        second.goto(f"{site.address}/staging/batch/act/decline/?ids={','.join(waiting(second, site))}")
        second.fill("textarea[name=reason]", "the season is over")
        second.click("button.button-decline")
    site.place.manage("load_demo_orders", "--mutate", "changed=4,new=3")
    start(approver, site, by_person=True)
    batch = waiting(approver, site)[0]
    batch_page(approver, site, batch)
    assert approver.locator("a.button-approve").count() == 0
    assert re.search(r"approver started run \d+ that staged it. Four eyes", approver.text_content("details.why"))
    assert approver.goto(f"{site.address}/staging/batch/act/approve/?ids={batch}").status == 200
    assert "Four eyes are wanted" in approver.inner_text(".left-out")
    assert approver.locator("button.button-approve").count() == 0
    second.goto(f"{site.address}/staging/batch/act/approve/?ids={batch}")
    second.click("button.button-approve")
    watch_push(second, site, batch)
    batch_page(approver, site, batch)
    assert "Approved by administrator" in approver.inner_text("#content-main")
