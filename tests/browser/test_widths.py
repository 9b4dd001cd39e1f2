"""What must be read without scrolling sideways: on a desk's window and on the narrowest phones."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Site
from tests.browser.screenshots import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

HIDDEN = "(box) => box.scrollWidth - box.clientWidth"


@pytest.mark.parametrize("width", [1280, 360])
def test_the_list_of_runs_shows_all_its_counts_at_once(furnished: Site, width: int) -> None:
    page = furnished.signed_in("viewer", width)
    page.goto(f"{furnished.address}/staging/syncrun/?kind__exact=sync")
    assert too_wide(page) == 0 and page.locator(".results").evaluate(HIDDEN) <= 0
    row = page.locator("#result_list tbody tr", has_text="Waiting for approval").first
    for name in ("asked_by", "started", "n_read", "n_unchanged", "n_invalid", "n_rejected"):
        cell = row.locator(f".field-{name}")
        box = cell.bounding_box()
        assert cell.inner_text().strip() and box and box["x"] >= 0 and box["x"] + box["width"] <= width, name
    page.context.close()


PLACES = ("/mapping/customer/unknown/", "/monday/apicall/refusals/", "/staging/syncrun/boards/reconcile/")


@pytest.mark.parametrize("place", PLACES)
def test_on_a_phone_what_a_person_does_is_not_cut_off(furnished: Site, place: str) -> None:
    page = furnished.signed_in("administrator", 360)
    assert page.goto(furnished.address + place).status == 200
    assert too_wide(page) == 0 and page.locator(".fold").count()
    for box in page.locator(".scroll:has(.fold)").all():
        assert box.evaluate(HIDDEN) <= 0
    for button in page.locator("#content :is(.button, .fold a):visible").all():
        box = button.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360, button.inner_text()
    page.context.close()


def test_the_ring_of_a_field_is_not_cut_off(furnished: Site) -> None:
    page = furnished.signed_in("administrator", 360)
    page.goto(f"{furnished.address}/auth/user/add/")
    clips = """(field) => { const ring = field.getBoundingClientRect(), cut = [];
        for (let box = field.parentElement; box; box = box.parentElement) {
            const edge = box.getBoundingClientRect();
            const hides = getComputedStyle(box).overflowX !== "visible";
            if (hides && (edge.left > ring.left - 4 || edge.top > ring.top - 4)) cut.push(box.className);
        }
        return cut; }"""
    assert page.locator("#id_username").evaluate(clips) == []
    page.context.close()


def test_a_word_longer_than_a_line_widens_no_page(furnished: Site) -> None:
    """A note may be an address or a row of signs, and nobody breaks those by hand."""
    page, word = furnished.signed_in("administrator", 1280), "https://" + "x" * 300
    page.goto(f"{furnished.address}/staging/batch/?state__exact=open")
    page.locator("#result_list tbody th a").first.click()
    batch = page.url
    page.fill("[name=text]", word)
    page.get_by_role("button", name="Add the comment").click()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for place in (batch, f"{furnished.address}/search/?q={word}"):
            page.goto(place)
            assert too_wide(page) == 0, (width, place)
    page.set_viewport_size({"width": 1280, "height": 800})
    for look in ("diff", "diff trial"):
        page.locator("#content-main").evaluate(
            """(main, [look, word]) => {
                const cell = (kind) => `<td class="${kind}">${word}</td>`;
                const row = `<tr><th scope="row">Item</th>${cell("") + cell("old") + cell("new")}</tr>`;
                main.innerHTML = `<div class="scroll" id="values"><table class="${look}">${row}</table></div>`;
            }""",
            [look, word],
        )
        assert page.locator("#values").evaluate(HIDDEN) <= 0, look
    page.context.close()


WIDE = """() => [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth)
    .map((one) => `${one.tagName}.${one.className}`).slice(0, 25)"""
LENGTHEN = """(word) => {
    const leaves = (inside) => [...document.querySelectorAll(inside)].filter((one) => !one.children.length);
    const told = ".order :is(h3 a, .key, dt, dd, th, td, del, ins, p), #validation :is(li, strong, a)";
    const around = ".affected :is(a, span), #history td, .life h3 a, #content > h1, .lead, .narrowing option";
    leaves(`:is(${told}, #lacks :is(th, td), ${around})`).forEach((one) => {
        one.textContent = word;
    });
    document.querySelectorAll(".order details").forEach((one) => { one.open = true; });
    return document.querySelectorAll(".order h3 a").length;
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_a_style_of_120_letters_without_a_gap_does_not_widen_a_batch(furnished: Site, width: int) -> None:
    page, word = furnished.signed_in("administrator", width), "W" * 120
    page.goto(f"{furnished.address}/staging/batch/")
    batches = page.locator("#result_list tbody th a").evaluate_all("(all) => all.map((one) => one.href)")
    assert batches
    orders = 0
    for batch in batches[:12]:
        page.goto(batch)
        orders += page.evaluate(LENGTHEN, word)
        assert too_wide(page) == 0, (width, batch, page.evaluate(WIDE))
    assert orders
    for place in (
        page.locator(".order h3 a").first.get_attribute("href"),
        f"/staging/batch/act/decline/?ids={batch.split('/')[-3]}",
    ):
        page.goto(furnished.address + place)
        page.evaluate(LENGTHEN, word)
        assert too_wide(page) == 0, (width, place)
    page.context.close()
