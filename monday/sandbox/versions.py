"""The versions of the API that are known, and which one answers a request. Fact: the page on API versioning."""

from __future__ import annotations

import re

from .refusals import Refusal

CURRENT, MAINTENANCE = "2026-10", "2026-07"
VERSIONS: dict[str, dict[str, str]] = {
    "2026-07": {"value": "2026-07", "kind": "maintenance", "display_name": "Maintenance"},
    "2026-10": {"value": "2026-10", "kind": "current", "display_name": "Current"},
    "2027-01": {"value": "2027-01", "kind": "release_candidate", "display_name": "Release Candidate"},
}
_MONTH = re.compile(r"20[0-9]{2}-(01|04|07|10)")


def answering(asked: str | None) -> str:
    """The version that serves a request which asks for `asked`; raises Refusal for something that is no version.

    A deprecated version is served by the maintenance one, a month that never was one by the current one.
    """
    if asked is None or asked == "default":
        return CURRENT
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", asked):
        raise Refusal("InvalidVersionException", f"{asked!r} is not an API version", about={"version": asked})
    if asked in VERSIONS:
        return asked
    return MAINTENANCE if _MONTH.fullmatch(asked) and "2023-07" <= asked < MAINTENANCE else CURRENT
