"""The README's pictures are there, are light enough to load, and say in words what they show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.pictures import LARGEST, PICTURES

TOP = Path(__file__).resolve().parents[2]
SHOWN = dict(re.findall(r"!\[([^\]]*)\]\(([^)]+\.png)\)", (TOP / "README.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", PICTURES)
def test_the_readme_shows_the_picture_and_tells_it(name: str) -> None:
    words = {place: alt for alt, place in SHOWN.items()}.get(f"docs/images/{name}.png", "")
    assert len(words) > 40
    picture = (TOP / "docs/images" / f"{name}.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and 10_000 < len(picture) <= LARGEST


def test_no_other_picture_is_shown_or_kept() -> None:
    kept = {str(file.relative_to(TOP)) for file in (TOP / "docs/images").iterdir()}
    assert kept == set(SHOWN.values()) == {f"docs/images/{name}.png" for name in PICTURES}
