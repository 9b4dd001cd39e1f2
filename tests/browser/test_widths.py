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
