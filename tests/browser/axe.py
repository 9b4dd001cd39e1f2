"""What axe finds on a page that is open in a browser: the violations that keep somebody out, in one line each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
GRAVE = ("serious", "critical")

OPTIONS: dict[str, Any] = {"rules": {"target-size": {"enabled": True}}}  # WCAG 2.2's, which axe leaves out unless asked

# Colours glide from one theme to the other; they are looked at where they arrive.
RUN = """async ([options, grave, exclude]) => {
    for (const each of document.getAnimations()) if (each instanceof CSSTransition) each.finish();
    const found = await axe.run({exclude}, {...options, resultTypes: ["violations"], preload: false});
    const why = (node) => [...node.any, ...node.all, ...node.none].map((check) => check.message)[0];
    return found.violations.filter((each) => grave.includes(each.impact)).flatMap((each) =>
        each.nodes.map((node) => `${each.id}: ${node.target.join(" ")}: ${why(node) || each.help}`));
}"""


def load(page: Any) -> None:
    """Have axe at hand on every page that is opened from now on; the pages' policy does not reach tests."""
    page.add_init_script(path=str(SCRIPT))


def findings(page: Any, without: tuple[str, ...] = ()) -> list[str]:
    """Serious and critical violations on the open page: rule, element and what is wrong with it."""
    there = [part for part in without if page.locator(part).count()]
    return list(page.evaluate(RUN, [OPTIONS, list(GRAVE), there]))
