"""The log of a run as a page: its lines, narrowed by level, oldest or newest first, a page at a time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from monday.screens import pill
from staging.models import SyncRun
from staging.reports.run_log import Level, Line, run_log

LEVELS = (("", "All", Level.INFO), ("warning", "Warnings and errors", Level.WARNING), ("error", "Errors", Level.ERROR))
PILLS = {Level.INFO: ("off", "Info"), Level.WARNING: ("warn", "Warning"), Level.ERROR: ("bad", "Error")}
PAGES = {"event": ("staging.view_auditevent", "staging_auditevent"), "call": ("monday.view_apicall", "monday_apicall")}


def context(run: SyncRun, request: HttpRequest) -> dict[str, Any]:
    """Everything that the page shows of the log; an odd level or position counts as none."""
    level = request.GET.get("level", "")
    known = {word: least for word, _, least in LEVELS}
    level, newest = level if level in known else "", request.GET.get("order") == "newest"
    after = request.GET.get("after", "")
    found = run_log(run, least=known[level], after=after, newest=newest)
    return {
        "run": run,
        "lines": [(line, pill(*PILLS[line.level]), _where(line, request)) for line in found.lines],
        "levels": [(words, _query(word, newest), word == level) for word, words, _ in LEVELS],
        "orders": [
            (words, _query(level, last), last == newest)
            for words, last in (("Oldest first", False), ("Newest first", True))
        ],
        "narrowed": bool(level),
        "begun": bool(after),
        "here": _query(level, newest, after),
        "first": _query(level, newest),
        "more": _query(level, newest, found.position) if found.position else "",
        "calls_gone": _calls_gone(run),
    }


def _query(level: str, newest: bool, after: str = "") -> str:
    asked = {"level": level, "order": "newest" if newest else "", "after": after}
    return "?" + urlencode({name: value for name, value in asked.items() if value})


def _where(line: Line, request: HttpRequest) -> str:
    """The page on which the whole of this line stands, "" where this person may not see it."""
    right, name = PAGES.get(line.source, ("", ""))
    return reverse(f"admin:{name}_change", args=[line.id]) if right and request.user.has_perm(right) else ""


def _calls_gone(run: SyncRun) -> int:
    """The days for which API calls are kept, where this run is older than that; else 0."""
    days = int(settings.RETAIN_DAYS["api_calls"])
    return days if days and (timezone.now() - run.started_at).days >= days else 0
