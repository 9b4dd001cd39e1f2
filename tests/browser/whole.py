"""Clicks that wait for the whole page they lead to; Playwright's own wait for its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from playwright.sync_api import Locator, Page


def _page(where: Any) -> Any:
    return where if isinstance(where, Page) else where.page


def _waiting(act: Callable[..., None]) -> Callable[..., None]:
    @wraps(act)
    def waits(where: Any, *args: Any, **options: Any) -> None:
        act(where, *args, **options)
        _page(where).wait_for_load_state()

    return waits


def wait_for_whole_pages() -> None:
    """From now on nobody counts what a page holds while the rest of it is on its way. May be called again."""
    for kind in (Page, Locator):
        for act in ("click", "press"):
            ours = getattr(kind, act)
            if not hasattr(ours, "__wrapped__"):
                setattr(kind, act, _waiting(ours))
