"""A run that is at work is cancelled on its page, and what it left goes on with the next one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Site, serving
from tests.browser.test_journey import settled, waiting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def slow_site(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("slow"), chromium, rows=5000, latency_ms=400) as site:
        yield site


def cancel(page: Any) -> str:
    """Cancel the run on the page while it is at work; what its page says at its end."""
    page.wait_for_selector("#live progress")
    page.click("text=Cancel this run")
    page.click("button:has-text('Cancel run')")
    assert "was asked to stop" in page.inner_text(".messagelist")
    return settled(page)


def test_a_detection_and_a_push_at_work_are_cancelled_and_done_by_the_next(slow_site: Site) -> None:
    site = slow_site
    operator, approver = site.signed_in("operator"), site.signed_in("approver")
    operator.goto(f"{site.address}/staging/syncrun/start/")
    operator.click("button:has-text('Start the sync')")
    assert "Stopped" in cancel(operator)
    if not waiting(operator, site):
        operator.goto(f"{site.address}/staging/syncrun/start/")
        operator.click("button:has-text('Start the sync')")
        operator.wait_for_selector("#live")
        assert "Waiting for approval" in settled(operator)
    batch = waiting(approver, site)[0]
    approver.goto(f"{site.address}/staging/batch/{batch}/change/")
    approver.click("a.button-approve")
    approver.click("button.button-approve")
    assert "Stopped" in cancel(approver)
    approver.goto(f"{site.address}/staging/batch/{batch}/change/")
    assert approver.locator("a.button-push").count() == 1
    assert "Paused" in approver.inner_text("#content-main")
