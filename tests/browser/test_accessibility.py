"""Every page can be read and reached by everybody: axe in light and dark, on a desk's window and on a phone's."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.browser import axe
from tests.browser.conftest import Site
from tests.browser.screenshots import ADDRESSES, cut_off, too_wide

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

# A layout per width and colours per theme: two looks have both. What every page repeats is read on the first. Pages
# take turns in the two looks, as their parts recur; the long run has every page in both.
LOOKS: tuple[tuple[int, str], ...] = ((1280, "light"), (390, "dark"))
FRAME = ("#header", "#nav-sidebar")
# What the scene must bring forth, or a page of that kind would be missing.
SEEN = ("batch open", "batch needing attention", "staged order rejected", "staged order in conflict", "undone")
SEEN += (
    "one decided",
    "gone from the board",
    "undo, confirmed",
    "run a push",
    "run an undo",
    "run at work",
    "a record",
)
SEEN += ("delivery", "a draft with what it changes", "an order list", "undo of two", "claim a spelling")
UNFOLD = "for (const each of document.querySelectorAll('details:not(.choice)')) each.open = true"
# The page itself learns of its window's new width with the next picture.
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# A row like six others tells nothing new, and costs as much time.
THIN = "for (const row of document.querySelectorAll('tbody tr:nth-child(n + 7)')) row.remove()"


# Whatever takes a click is reached by the Tab key, in the order in which it stands, and is seen to have the focus.
KEYS = """() => {
    // An editor's ring is around all of it.
    const seen = (each) => { const look = getComputedStyle(each.closest(".editor, .merge") ?? each);
        return look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 1 || look.boxShadow !== "none"; };
    const wrong = [];
    for (const each of document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")) {
        const name = `${each.tagName.toLowerCase()}#${each.id}.${each.className}`;
        if (each.tabIndex > 0) wrong.push(`${name} is out of its order`);
        const there = each.checkVisibility({visibilityProperty: true}) && !each.disabled && each.type !== "hidden";
        if (!there || each.tabIndex < 0) continue;
        each.focus({preventScroll: true});
        if (document.activeElement !== each) wrong.push(`${name} cannot have the focus`);
        else if (!seen(each)) wrong.push(`${name} is not seen to have the focus`);
    }
    for (const each of document.querySelectorAll("[onclick], [hx-get]:not([hx-trigger]), [role=button]"))
        if (each.tabIndex < 0) wrong.push(`${each.tagName} takes a click and no key`);
    return [...new Set(wrong)];
}"""


def look(page: Any, width: int, theme: str, without: tuple[str, ...]) -> list[str]:
    """What axe finds, and by how much the page is wider than its window; folded parts are read too."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    page.evaluate(UNFOLD)
    page.evaluate(DRAWN)
    wide = [f"too wide by {more}"] if (more := too_wide(page)) > 0 else []
    wide += [f"cut off: {part}" for part in cut_off(page)]
    page.evaluate(THIN)
    return [f"{width} {theme}: {each}" for each in axe.findings(page, without) + wide]


def test_axe_is_the_file_that_its_note_of_origin_names() -> None:
    note = (axe.SCRIPT.parent / "ORIGIN.txt").read_text(encoding="utf-8")
    assert hashlib.sha256(axe.SCRIPT.read_bytes()).hexdigest() in note


@pytest.mark.parametrize("looks", [1, pytest.param(2, marks=pytest.mark.long)])
def test_every_page_opens_fits_its_window_and_keeps_nobody_out(furnished: Site, looks: int) -> None:
    pages = furnished.place.ask(ADDRESSES)
    assert [kind for kind in SEEN if not any(kind in name for name in pages)] == []
    page, wrong = furnished.signed_in("administrator"), []
    axe.load(page)
    for number, (name, place) in enumerate(pages.items()):
        assert page.goto(furnished.address + place).status == 200, place
        page.keyboard.press("Tab")  # rings are for those who use the keyboard
        wrong += [f"{name} ({place}) {each}" for each in page.evaluate(KEYS)]
        for width, theme in LOOKS if looks == 2 or name == "today" else (LOOKS[number % 2],):
            found = look(page, width, theme, FRAME if name != "today" else ())
            wrong += [f"{name} ({place}) {each}" for each in found]
    page.set_viewport_size({"width": 1280, "height": 900})  # a narrow window shows no two versions side by side
    page.goto(furnished.address + pages["a draft with what it changes"])
    page.wait_for_selector(".cm-changedText .tok-comment")
    wrong += look(page, 1280, "light", FRAME)
    assert wrong == [] and furnished.complaints == []
