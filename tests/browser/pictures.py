"""`make pictures`: the README's pictures of the pages, made anew from an installation that is furnished for it.

Called as `python -m tests.browser.pictures --out docs/images`. What the scene does in a minute is spread over two weeks
before, so that the charts look as they do after some days of work; nothing else is touched.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.conftest import launched, serving

LARGEST = 200_000  # bytes of a picture, as everybody who opens the README loads it
WIDTH = 1280
PICTURES: dict[str, tuple[str, int, str]] = {
    "today": ("light", 960, "/"),
    "batch": ("light", 1180, "/staging/batch/{batch}/change/?kind=update"),
    "order": ("light", 960, "/staging/stagedorder/{order}/change/"),
    "editor": ("dark", 900, "/mapping/document/{document}/change/"),
}
"""Each picture's look, height and page."""
UNFOLD = "for (const each of document.querySelectorAll('article.order details')) each.open = true"

SPREAD = """
from datetime import timedelta
from django.utils import timezone
from mapping.models import Document
from staging.models import StagedOrder
written = StagedOrder.objects.filter(state="applied")
for at, key in enumerate(list(written.order_by("pk").values_list("pk", flat=True))):
    days = [0, 1, 1, 2, 3, 4, 4, 4, 5, 7, 8, 8, 9, 10, 11, 12][at * 7 % 16]
    written.filter(pk=key).update(updated_at=timezone.now() - timedelta(days=days))
waits = StagedOrder.objects.filter(batch__state="open", state="staged")
change = waits.filter(operation="update").order_by("pk").first()
new = waits.filter(operation="create").order_by("pk")[:60]
with_sizes = [one for one in new if one.after and one.after.get("sizes")]
answer = {
    "batch": change.batch_id,
    "order": max(with_sizes, key=lambda one: len(one.after["sizes"])).pk,
    "document": Document.objects.get(kind="board").pk,
}
"""


def main() -> int:
    """Make them; returns 1 where one is too large."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.pictures")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="ordersite-pictures-") as folder,
        launched() as browser,
        serving(Path(folder), browser, furnished=True) as site,
    ):
        known, large = site.place.ask(SPREAD), []
        for name, (look, height, place) in PICTURES.items():
            role = "administrator" if name == "editor" else "approver"
            page = site.signed_in(role, color_scheme=look, viewport={"width": WIDTH, "height": height})
            take(page, site.address + place.format(**known), given.out / f"{name}.png")
            large += [name] if (given.out / f"{name}.png").stat().st_size > LARGEST else []
    for name in large:
        print(f"{name}.png is larger than {LARGEST:,} bytes", file=sys.stderr)
    return 1 if large else 0


def take(page: Any, address: str, to: Path) -> None:
    """One page as it stands in its window once everything that moves is at rest."""
    page.goto(address)
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    page.evaluate(UNFOLD)
    page.screenshot(path=to, animations="disabled")


if __name__ == "__main__":
    raise SystemExit(main())
