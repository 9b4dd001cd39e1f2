"""What the tests of detection share."""

from __future__ import annotations

from typing import Any

from tests.world import World


def counted(report: Any) -> dict[str, int]:
    """The counts of rows that are not zero."""
    names = ("unchanged", "new", "changed", "waiting", "rekeyed", "invalid", "duplicate", "removed", "deferred")
    return {name: getattr(report.counts, name) for name in names if getattr(report.counts, name)}


def others(world: World) -> None:
    """Four more orders, so that one that goes is no landslide."""
    for number in range(50, 54):
        world.add(number)
