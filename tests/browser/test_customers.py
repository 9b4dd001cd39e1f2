"""Names that nobody knows, and a list of customers that comes in, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Site

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_an_unknown_name_becomes_a_customer_in_two_clicks(site: Site) -> None:
    page = site.signed_in("administrator")
    page.goto(f"{site.address}/mapping/customer/")
    page.click("text=/unknown name/")
    row = page.locator("#content-main tbody tr", has_text="New customer ...").first
    name, rows = row.locator(".chip").inner_text(), int(row.locator("td").first.inner_text())
    row.locator("text=New customer ...").click()
    assert page.input_value("#id_customer") == name
    page.keyboard.press("Tab")
    page.click("text=Make the customer")
    said = page.inner_text(".messagelist")
    assert f"{name} belongs to {name}. The next sync stages its {rows} row" in said
    assert page.locator("#content-main tbody .chip", has_text=name).count() == 0
    assert site.complaints == []


def test_a_list_is_looked_at_and_confirmed(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "spellings.csv"
    file.write_text("customer,alias\nHARBOUR,HARBOUR (IE)\nHARBOUR,HARBOUR (AU)\n", encoding="utf-8")
    page = site.signed_in("administrator")
    page.goto(f"{site.address}/mapping/alias/")
    page.goto(f"{site.address}/mapping/customer/")
    page.goto(f"{site.address}/mapping/alias/")
    page.click("text=Import a list")
    page.set_input_files("input[type=file]", str(file))
    page.click("text=Show what it would change")
    page.wait_for_selector(".lead:has-text('1 of 2 rows would change something')")
    assert "+ HARBOUR (IE)" in page.inner_text("#content-main table")
    page.click("text=Import 1 row")
    assert "1 new, 0 changed, 1 stay" in page.inner_text(".messagelist")
    assert site.complaints == []
