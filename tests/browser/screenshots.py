"""`make screenshots`: every page in light, dark and narrow, as PNG files beside one page that shows them all.

Called as `python -m tests.browser.screenshots --out DIR [--only WORD]`. It furnishes an installation of its own in a
temporary folder, so nothing of the person's is shown or touched. Later screens appear by themselves: see `places`.
"""

from __future__ import annotations

import argparse
import html
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.conftest import Site, launched, serving

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
ADDRESSES = "from tests.browser.places import places\nanswer = places()"


def main() -> int:
    """Make them all; returns 1 where a page did not open or the browser complained."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--only", default="", help="only pages whose name holds this word")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="ordersite-shots-") as folder,
        launched() as browser,
        serving(Path(folder), browser, furnished=True) as site,
    ):
        pages = {name: place for name, place in site.place.ask(ADDRESSES).items() if given.only in name}
        bad = [problem for look in LOOKS for problem in shoot(site, look, pages, given.out)]
        (given.out / "index.html").write_text(overview(list(pages)), encoding="utf-8")
        bad += site.complaints
    print(f"{len(pages)} pages in {len(LOOKS)} looks: {given.out / 'index.html'}")
    for problem in bad:
        print(f"  {problem}", file=sys.stderr)
    return 1 if bad else 0


def shoot(site: Site, look: str, pages: dict[str, str], out: Path) -> list[str]:
    """One look of every page, as an administrator; what went wrong, in words."""
    bad = []
    page = site.signed_in("administrator", **LOOKS[look])
    for name, place in pages.items():
        answer = page.goto(site.address + place)
        if answer.status != 200:
            bad.append(f"{place} answered {answer.status}")
        if look == "narrow" and (wide := too_wide(page)):
            bad.append(f"{place} is {wide} pixels wider than its window")
        if look != "narrow" and (hidden := out_of_sight(page)):
            bad.append(f"{place} has {hidden} pixels of its list out of sight")
        page.screenshot(path=out / f"{file_name(name)}--{look}.png", full_page=True)
    stranger = site.browser.new_context(**LOOKS[look]).new_page()
    stranger.goto(f"{site.address}/login/")
    stranger.screenshot(path=out / f"sign-in--{look}.png")
    return bad


def too_wide(page: Any) -> int:
    """By how many pixels a page must be scrolled sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


HIDDEN = """(() => {
    let box = document.querySelector("#result_list");
    while (box && getComputedStyle(box).overflowX === "visible") box = box.parentElement;
    return box ? box.scrollWidth - box.clientWidth : 0;
})()"""


def out_of_sight(page: Any) -> int:
    """By how many pixels a list must be scrolled sideways, which a screen for work should not need."""
    return int(page.evaluate(HIDDEN))


CUT = """[...document.querySelectorAll("#content table, main table, svg.chart, pre")].filter((each) => {
    let box = each;
    while (box && getComputedStyle(box).overflowX === "visible") box = box.parentElement;
    return box && getComputedStyle(box).overflowX === "hidden" && box.scrollWidth > box.clientWidth + 1;
}).map((each) => each.className || each.tagName.toLowerCase())"""


def cut_off(page: Any) -> list[str]:
    """Tables and pictures whose right end nobody can reach: they are wider than a box that does not scroll."""
    return list(page.evaluate(CUT))


def file_name(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name).split())


def overview(names: list[str]) -> str:
    """A page with every picture under its name."""
    parts = []
    for name in ["sign in", *names]:
        pictures = "".join(
            f'<a href="{file_name(name)}--{look}.png"><img src="{file_name(name)}--{look}.png" alt="{look}"></a>'
            for look in LOOKS
        )
        parts.append(f"<h2>{html.escape(name)}</h2><div>{pictures}</div>")
    style = "body{font:14px system-ui;margin:24px}div{display:flex;gap:12px}img{width:360px;border:1px solid #bbb}"
    return f'<!doctype html><meta charset="utf-8"><title>Every page</title><style>{style}</style>{"".join(parts)}'


if __name__ == "__main__":
    raise SystemExit(main())
