"""The demo page: one file that shows the board, the batches and the runs, and lets nothing foreign in."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from staging.batches.describe import describe
from staging.reports import page as demo
from tests.world import World

VOID = frozenset({"meta", "rect", "br", "hr", "input", "link"})


@pytest.fixture
def line(world: World, settings: Any) -> World:
    settings.SANDBOX_STORE = str(world.store.path)
    return world


class Reading(HTMLParser):
    """Collects texts, tags and attributes, and checks that every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style" and data.strip():
            self.texts.append(" ".join(data.split()))


def written(folder: Path) -> tuple[str, Reading]:
    """The page's source, and what a browser reads in it."""
    out, path = StringIO(), folder / "made" / "page.html"
    call_command("demo_page", "--out", str(path), stdout=out)
    assert out.getvalue().splitlines()[-1] == str(path)
    source, reading = path.read_text(encoding="utf-8"), Reading()
    reading.feed(source)
    reading.close()
    assert reading.open == []
    return source, reading


def test_before_the_first_sync_the_page_says_how_to_begin(line: World, tmp_path: Path) -> None:
    _, page = written(tmp_path)
    assert "Nothing was synced yet" in page.texts
    assert "python manage.py sync_orders --mode TEST --limit 10" in page.texts


def test_the_page_shows_items_with_labels_sizes_and_groups(line: World, tmp_path: Path) -> None:
    line.add(1, NOTES="call first")
    line.add(2, CUSTOMER="云杉", STYLE="ST2")
    line.sync()
    _, page = written(tmp_path)
    for text in (
        "HARBOUR SS27",
        "云杉服饰 SS27",
        "ST1 RED A1",
        "RECEIVED",
        "call first",
        "PRICE",
        "10.5",
        "2 sizes, 3",
    ):
        assert text in page.texts
    assert ("th", {"scope": "col"}) in page.tags
    assert any(text.endswith("- HARBOUR - 1 change") for text in page.texts)
    assert "2 read = 2 new" in page.texts
    assert "2 staged = 2 applied" in page.texts


def test_the_batch_with_a_change_shows_old_and_new(line: World, tmp_path: Path) -> None:
    line.add(1)
    line.sync()
    line.change(1, PRICE="12.00", S=None)
    line.sync()
    source, _ = written(tmp_path)
    assert "<del>10.5</del> &rarr; <ins>12</ins>" in source
    assert "taken away" in source


def test_a_conflict_and_a_board_edit_are_told_apart(line: World, tmp_path: Path) -> None:
    line.add(1)
    line.sync()
    line.edit(1, numeric_price="99")
    line.change(1, PRICE="12.00")
    line.sync()
    _, page = written(tmp_path)
    assert {"99", "12", "10.5"} <= set(page.texts)
    assert describe(line.batch()).title in page.texts


def test_nothing_on_the_page_comes_from_elsewhere_or_runs(line: World, tmp_path: Path) -> None:
    line.add(1)
    line.sync()
    source, page = written(tmp_path)
    assert not re.search(r"https?://|//[a-z]|url\(|@import", source)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "form"}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv"))
    assert policy
    assert policy.startswith("default-src 'none'")


def test_what_people_and_sources_typed_is_text_and_never_markup(line: World, tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>\"><img src=x onerror=y>"
    line.add(1, COLOUR=evil, NOTES=evil, SEASON="<b>SS27")
    line.stage()
    line.approve()
    line.push()
    source, page = written(tmp_path)
    assert "<script" not in source
    assert "<img" not in source
    assert any("<script>alert('x')</script>" in text for text in page.texts)


def test_only_so_many_items_are_read_and_the_rest_is_counted(
    line: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "MOST_ITEMS", 3)
    monkeypatch.setattr(demo, "MOST_ORDERS", 2)
    for number in range(1, 6):
        line.add(number)
    line.sync()
    source, page = written(tmp_path)
    assert source.count('scope="row">') == 3
    assert "2 more items on the board." in page.texts
    assert "3 more:" in page.texts


def test_a_file_that_cannot_be_written_is_a_sentence(line: World, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(CommandError, match=r"cannot be written .* Remedy: name a file that may be written with --out"):
        call_command("demo_page", "--out", str(tmp_path / "taken" / "page.html"))
