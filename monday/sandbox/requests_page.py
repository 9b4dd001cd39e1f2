"""The page of the sandbox's counters and last requests."""

from __future__ import annotations

import datetime as dt

from . import journal
from .exchange import Exchange
from .layout import text

SHOWN = 100
_SUMS = {
    "requests": "requests that are remembered",
    "queries": "of them queries",
    "mutations": "operations",
    "refused": "operations refused",
    "limited": "requests refused by a limit",
    "cost": "points in all",
}
_COUNTED = {"minute": "requests this minute", "complexity": "points this minute", "daily": "calls today"}


def body(exchange: Exchange, plan: str) -> str:
    """What the account has used of its limits, sums, and the last requests."""
    db, now = exchange.db, exchange.clock()
    sums = journal.totals(db)
    kept = db.execute("SELECT count(*) FROM idempotency WHERE finished_at IS NOT NULL").fetchone()[0]
    running = db.execute("SELECT count(*) FROM in_flight").fetchone()[0]
    cards = [(f"{sums[name]:,.0f}", words) for name, words in _SUMS.items()]
    cards += [(f"{running:,}", "on their way"), (f"{kept:,}", "answers kept by key")]
    for name, started, used in db.execute("SELECT name, started_at, used FROM counters ORDER BY name"):
        if name in _COUNTED:
            cards.append((f"{used:,.1f}".removesuffix(".0"), f"{_COUNTED[name]}, since {_moment(started)}"))
        else:
            cards.append((f"{used:,.0f}", f"{name} struck"))
    shown = "".join(
        f'<div class="card"><span class="big">{value}</span><span class="faint">{text(name)}</span></div>'
        for value, name in cards
    )
    lines = "".join(_line(*row) for row in journal.latest(db, SHOWN))
    heads = "".join(f"<th>{head}</th>" for head in ("Number", "At", "Kind", "Operations", "Refused", "Answer", "ms"))
    return (
        f'<div class="top"><h1>Requests</h1><span class="pill">plan {text(plan)}</span>'
        f'<span class="faint">as of {_moment(now)} UTC</span></div><div class="cards">{shown}</div>'
        f'<h2>Last requests</h2><div class="scroll card" tabindex="0" role="group" '
        f'aria-label="Last requests"><table><thead><tr>{heads}<th>Cost</th><th>Note</th></tr>'
        "</thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


def _line(
    number: int, at: float, kind: str, count: int, refused: int, status: int, seconds: float, cost: int, note: str
) -> str:
    tone = "good" if status == 200 and not refused else "warn" if status in (200, 429, 423) else "bad"
    cells = "".join(f'<td class="number">{value:,}</td>' for value in (count, refused))
    return (
        f'<tr><td class="number">{number}</td><td>{_moment(at)}</td><td>{text(kind)}</td>{cells}'
        f'<td><span class="pill {tone}">{status or "broken"}</span></td><td class="number">{seconds * 1000:,.0f}</td>'
        f'<td class="number">{cost:,}</td><td>{text(note)}</td></tr>'
    )


def _moment(at: float) -> str:
    return f"{dt.datetime.fromtimestamp(at, dt.UTC):%H:%M:%S}"
