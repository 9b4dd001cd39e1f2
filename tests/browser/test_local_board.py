"""The local board's page in a browser: it follows what programs write, and its cells are changed where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.sandbox_world import BOARD, SUBITEMS, World, world

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture
def board(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    made = chromium.new_page()
    made.set_default_timeout(20_000)
    yield made
    made.close()


def test_the_page_follows_the_board_and_a_cell_is_changed_where_it_stands(board: World, page: Any) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "422" not in said.text else None)
    item = board.create("Shirt", numeric_p="5", color_s={"label": "Open"})
    line = board.create_subitem(item, "XL", numeric_q="12")
    page.goto(f"{board.address}/boards/{BOARD}")

    assert not page.is_visible(f"#i{line}")
    page.click(f"#i{item} button.unfold")
    board.change(line, board=SUBITEMS, numeric_q="77")
    page.wait_for_selector(f"#i{line} td.fresh:has-text('77')")
    assert page.is_visible(f"#i{line}") and page.inner_text("#live").startswith("LIVE: ")

    page.click(f"#i{item} td[data-c=numeric_p]")
    page.fill("td form input[type=text]", "TBC")
    page.keyboard.press("Enter")
    page.wait_for_selector("td form .warning:has-text('a number is expected')")
    page.fill("td form input[type=text]", "6.5")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#i{item} td[data-c=numeric_p]:has-text('6.5')")

    page.click(f"#i{item} td[data-c=color_s]")
    page.select_option("td form select", "Done")
    page.click("td form button")
    page.wait_for_selector(f"#i{item} td.c-done_green:has-text('Done')")
    assert {c: board.cells(item)[c]["text"] for c in ("numeric_p", "color_s")} == {
        "numeric_p": "6.5",
        "color_s": "Done",
    }
    assert "by hand" in page.inner_text(".activity")
    assert complaints == []


def test_a_cell_that_is_opened_while_the_rows_are_fetched_stays_open(board: World, page: Any) -> None:
    item = board.create("Shirt", numeric_p="5", color_s={"label": "Open"})
    page.goto(f"{board.address}/boards/{BOARD}")
    held: list[Any] = []
    page.route(f"**/boards/{BOARD}/rows*", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request(f"**/boards/{BOARD}/rows*"):
        board.change(item, numeric_p="6")
    page.click(f"#i{item} td[data-c=color_s]")
    page.wait_for_selector("td form select")
    with page.expect_response(f"**/boards/{BOARD}/rows*"):
        held[0].continue_()
    page.select_option("td form select", "Done")
    page.click("td form button")
    page.wait_for_selector(f"#i{item} td.c-done_green:has-text('Done')")
    assert page.inner_text(f"#i{item} td[data-c=numeric_p]") == "6"
