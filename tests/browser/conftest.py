"""A served installation and a headless Chromium in front of it; left out where there is no Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser.scene import furnish
from tests.journeys.installation import Installation, free_port, until

# The shell draws the same pages without a browser's own windows, which cost three times the processor.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-default-apps", "--disable-dev-shm-usage"),
]


@dataclass
class Site:
    """The address of a served installation, and its people's passwords."""

    address: str
    place: Installation
    passwords: dict[str, str]
    browser: Any
    complaints: list[str] = field(default_factory=list)

    def signed_in(self, role: str, width: int = 1280, **look: Any) -> Any:
        """A page of somebody with this role; what the browser complains about is kept in `complaints`."""
        page = self.browser.new_context(**{"viewport": {"width": width, "height": 900}, **look}).new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: self._heard(page, said))
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("request", self._asked)
        page.goto(f"{self.address}/login/")
        page.fill("#id_username", role)
        page.fill("#id_password", self.passwords[role])
        page.click("input[type=submit]")
        return page

    def _heard(self, page: Any, said: Any) -> None:
        # A refused address is logged by the browser itself; the tests look at its status.
        if said.type in ("error", "warning") and "status of 403" not in said.text:
            self.complaints.append(f"{page.url}: {said.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "about:")):
            self.complaints.append(f"a foreign address was asked for: {request.url}")


@pytest.fixture(autouse=True)
def pages_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """No page of a test that is over goes on asking the server."""
    yield
    if "chromium" in request.fixturenames:
        for context in request.getfixturevalue("chromium").contexts:
            context.close()


@pytest.fixture
def site(served: Site) -> Site:
    """The served installation, without complaints of earlier tests."""
    served.complaints.clear()
    return served


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation with demo orders, a few of them on its board; to be copied."""
    place = Installation(tmp_path_factory.mktemp("synced"))
    prepare(place, rows=40)
    return place.folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, synced: Path, chromium: Any) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(synced, folder, dirs_exist_ok=True)
    with serving(folder, chromium, rows=0) as site:
        yield site


@pytest.fixture(scope="package")
def furnished(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("furnished"), chromium, furnished=True) as site:
        yield site


@contextmanager
def launched() -> Iterator[Any]:
    """A headless Chromium; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    from tests.browser.whole import wait_for_whole_pages

    wait_for_whole_pages()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def prepare(place: Installation, *, rows: int, latency_ms: int = 0) -> None:
    """Load demo orders and bring three of them to the board."""
    place.manage("migrate", "--verbosity", "0")
    place.manage("load_demo_orders", "--rows", str(rows))
    if latency_ms:
        place.board(latency_ms)
    place.manage("sync_orders", "--mode", "TEST", "--limit", "3")


@contextmanager
def serving(
    folder: Path, browser: Any, *, rows: int = 300, latency_ms: int = 0, furnished: bool = False, **settings: str
) -> Iterator[Site]:
    """A served installation with demo orders; with a latency the local board answers over HTTP, that much later.

    Without rows the folder holds one already. A furnished one has something to show on every page (see `scene`).
    """
    place = Installation(folder, WORKERS="2", **settings)
    try:
        if furnished:
            furnish(place, rows=rows)
        elif rows:
            prepare(place, rows=rows, latency_ms=latency_ms)
        port = free_port()
        place.start("serve", "--port", str(port))
        until(lambda: f":{port}/" in place.log())
        passwords = dict(re.findall(r"^  (\w+) +(\S+)$", place.log(), re.MULTILINE))
        yield Site(f"http://127.0.0.1:{port}", place, passwords, browser)
    finally:
        place.stop()
