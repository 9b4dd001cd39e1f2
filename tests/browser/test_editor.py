"""The mapping editor in a real browser: typed in, completed, tried, counted, published and put back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
PICTURES = os.environ.get("PICTURES", "")  # a folder for pictures of the pages, for those who want to look at them


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True, caret="initial")


def opened(site: Site, customer: str = "HARBOUR", width: int = 1280) -> Any:
    """The editor of a customer's document, ready to type in."""
    page = site.signed_in("administrator", width)
    page.goto(f"{site.address}/mapping/document/?q={customer}")
    page.click("#result_list tbody th a")
    page.wait_for_selector(".cm-content")
    return page


def typed(page: Any, text: str) -> None:
    """The text in the place of what stands there, as somebody would paste it."""
    page.click(".cm-content")
    page.keyboard.press("Control+a")
    paste = """text => { const data = new DataTransfer(); data.setData("text/plain", text);
        const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
        document.querySelector(".cm-content").dispatchEvent(event); }"""
    page.evaluate(paste, text)


def chosen(page: Any) -> None:
    """Take the first completion that is offered; the editor ignores an Enter that comes as soon as the list does."""
    page.wait_for_selector(".cm-tooltip-autocomplete li[aria-selected]")
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")


def text_of(page: Any) -> str:
    return str(page.evaluate("() => document.getElementById('text').value"))


def counted(page: Any) -> str:
    """What the page says once the changes are counted; it comes by itself, after the page that asked is left."""
    page.wait_for_selector("#preview:not([hx-get]) .announced", timeout=60_000)
    return str(page.inner_text("#preview"))


def test_an_error_is_seen_at_its_line_while_it_is_typed(site: Site) -> None:
    page = opened(site)
    before = text_of(page)
    typed(page, before + "nonsense: 1\n")
    number = before.count("\n") + 1
    page.wait_for_selector(f"#problems [data-line='{number}']")
    page.wait_for_selector(".cm-gutter-lint .cm-lint-marker-error")
    assert page.inner_text(".cm-lintRange-error") == "nonsense"
    page.hover(".cm-lintRange-error")
    tooltip = page.wait_for_selector(".cm-tooltip .cm-diagnostic")
    assert "is not known here" in tooltip.inner_text() and "Remove it" in tooltip.inner_text()
    picture(page, "error-light")
    page.click(f"#problems [data-line='{number}']")
    assert page.evaluate("() => getSelection().toString()") == "nonsense"
    page.emulate_media(color_scheme="dark")
    picture(page, "error-dark")
    typed(page, before)
    page.wait_for_function("() => !document.querySelector('#problems .error')")
    assert page.locator(".cm-lintRange-error").count() == 0
    assert site.complaints == []


def test_who_is_logged_out_while_typing_logs_in_elsewhere_and_goes_on(site: Site) -> None:
    page = opened(site)
    before = text_of(page)
    page.context.clear_cookies(name="sessionid")
    typed(page, before + "# more\n")
    page.wait_for_selector("#problems:has-text('You are logged out')")
    other = page.context.new_page()
    other.goto(f"{site.address}/login/")
    other.fill("#id_username", "administrator")
    other.fill("#id_password", site.passwords["administrator"])
    other.click("input[type=submit]")
    other.wait_for_selector("#logout-form")
    typed(page, before + "nonsense: 1\n")
    page.wait_for_selector("#problems [data-line]:has-text('nonsense'), #problems :has-text('is not known here')")
    assert text_of(page) == before + "nonsense: 1\n" and site.complaints == []
    page.context.close()


def test_keys_columns_and_choices_are_completed(site: Site) -> None:
    page = opened(site)
    typed(page, text_of(page).rstrip("\n") + "\n")
    page.keyboard.type("conf")
    chosen(page)
    page.keyboard.type("ho")
    chosen(page)
    assert text_of(page).endswith("conflicts: hold")
    typed(page, "version: 1\ncustomer: HARBOUR\ncolumns:\n  ")
    page.keyboard.type("EX FAC")
    chosen(page)
    page.keyboard.type("{to: date_mkr5")
    page.wait_for_selector(".cm-tooltip-autocomplete li")
    offered = page.locator(".cm-tooltip-autocomplete li").all_inner_texts()
    picture(page, "completion")
    assert any("date_mkr57811" in each and "EX FACTORY DATE" in each for each in offered)
    assert "  EX FACTORY DATE: {to: date_mkr5" in text_of(page)
    assert site.complaints == []


def test_the_keyboard_gets_into_the_text_and_out_of_it(site: Site) -> None:
    page = opened(site)
    page.click(".cm-content")
    page.keyboard.press("Control+a")
    page.keyboard.type("x: 1")
    page.keyboard.press("Enter")
    assert text_of(page) == "x: 1\n" and site.complaints == []
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.classList.contains('cm-content')")
    assert text_of(page).endswith("  ")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert not page.evaluate("() => document.activeElement.classList.contains('cm-content')")
    assert "leaves the text" in page.inner_text("#keys")
    page.goto(site.address)  # the page asks before it forgets what was typed


def test_a_change_is_tried_counted_published_and_put_back(site: Site) -> None:
    page = opened(site)
    before = text_of(page)
    after = before.rstrip("\n") + '\nboard: {item: "{CUSTOMER STYLE} / {AAG ORDER NUMBER}"}\n'
    typed(page, after)
    page.fill("#q", "HARBOUR")
    page.keyboard.press("Enter")
    page.click("#trial .rows button >> nth=0")
    page.wait_for_selector("#trial tr.differs")
    changed = page.inner_text("#trial tr.differs")
    assert changed.startswith("Item") and " / " in changed
    picture(page, "tried-light")
    page.emulate_media(color_scheme="dark")
    picture(page, "tried-dark")
    page.emulate_media(color_scheme="light")
    page.fill("input[name=note]", "shorter names")
    page.click("button[value=preview]")
    announced = counted(page)
    page.emulate_media(color_scheme="dark")
    picture(page, "counted-dark")
    page.emulate_media(color_scheme="light")
    picture(page, "counted-light")
    orders = int(page.inner_text("#preview .announced strong").split()[0])
    assert orders > 0 and f"HARBOUR {orders}" in announced
    assert page.locator(".merge .cm-mergeView").count() == 1 and "board.item" in page.inner_text("table.settings")
    page.click("#publish button:has-text('Publish')")
    assert "holds now" in page.inner_text(".messagelist")
    page.goto(f"{site.address}/mapping/document/?q=HARBOUR")
    page.click("#result_list tbody th a")
    page.wait_for_selector(".cm-content")
    assert text_of(page) == after and "shorter names" in page.inner_text("#history")
    page.click("#history button:has-text('Compare the two')")
    page.wait_for_selector(".cm-mergeView")
    picture(page, "compared-light")
    page.emulate_media(color_scheme="dark")
    picture(page, "compared-dark")
    page.go_back()
    page.click("#history a:has-text('Version 1')")
    page.click("button:has-text('See what would change')")
    assert "would be staged again" in counted(page)
    assert page.input_value("#preview input[name=note]") == "back to version 1"
    page.click("button:has-text('Publish this text again')")
    assert "holds now" in page.inner_text(".messagelist")
    page.goto(f"{site.address}/mapping/document/?q=HARBOUR")
    page.click("#result_list tbody th a")
    page.wait_for_selector(".cm-content")
    assert text_of(page) == before
    assert site.complaints == []


def test_without_a_script_the_editor_is_a_plain_field_with_everything_below_it(site: Site) -> None:
    signed = site.signed_in("administrator")
    context = site.browser.new_context(java_script_enabled=False, storage_state=signed.context.storage_state())
    page = context.new_page()
    page.goto(f"{site.address}/mapping/document/?q=HARBOUR")
    page.click("#result_list tbody th a")
    text = page.input_value("#text")
    page.fill("#text", text + "nonsense: 1\n")
    page.click("button[value=check] >> nth=1")
    assert page.locator("#problems .error").count() == 1 and "nonsense: 1" in page.input_value("#text")
    picture(page, "plain")
    page.fill("#text", text + "conflicts: hold\n")
    page.fill("#q", "HARBOUR")
    page.click("button[value=try]")
    page.click("#trial .rows button >> nth=0")
    assert "It belongs to HARBOUR." in page.inner_text("#trial")
    page.click("button[value=preview]")
    assert page.locator("table.lines-diff .row-added").count() == 1
    page.wait_for_timeout(3000)
    for _ in range(20):
        page.reload()
        if page.locator("#preview .announced").count():
            break
        page.wait_for_timeout(1000)
    assert "0 orders would be staged again" in page.inner_text("#preview")
    page.click("button:has-text('Put this draft away')")
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_of_a_document_fit_their_window(site: Site, width: int) -> None:
    page = opened(site, width=width)
    picture(page, f"editor-{width}")
    places = [page.url, f"{site.address}/mapping/document/new/", f"{site.address}/mapping/document/version/1/"]
    places.append(f"{site.address}/mapping/document/1/compare/")
    for place in places:
        assert page.goto(place).status == 200, place
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, place
    assert site.complaints == []
