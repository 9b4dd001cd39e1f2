"""The frame around the sandbox's pages: escaping, style, and a policy that lets nothing foreign run."""

from __future__ import annotations

import html
import secrets

from .answers import Answer
from .labels import HEX

STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 0; color: #323338; background: #f6f7fb; }
header { background: #292f4c; color: #fff; padding: 10px 20px; } header a { color: #fff; margin-right: 18px; }
main { padding: 12px 20px 40px; } h1 { font-size: 22px; margin: 8px 0; } h2 { font-size: 16px; margin: 18px 0 6px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; background: #fff; }
th, td { border: 1px solid #d0d4e4; padding: 3px 8px; text-align: left; white-space: nowrap; max-width: 340px;
  overflow: hidden; text-overflow: ellipsis; vertical-align: top; }
th { font-weight: 500; color: #676879; background: #f0f1f6; } td.number { text-align: right; }
td.name { position: sticky; left: 0; background: #fff; min-width: 220px; } td.label { color: #fff; text-align: center; }
details summary { cursor: pointer; color: #676879; } .faint { color: #676879; } .warning { color: #b00020; }
.dot { vertical-align: -2px; margin-right: 6px; } label { display: block; margin: 6px 0; }
input[type=text], select, textarea { width: 420px; font: inherit; padding: 3px 6px; }
button { font: inherit; padding: 4px 12px; } nav.pages a { margin-right: 10px; }
form.row { display: inline-block; margin-right: 12px; }
"""
LIVE = """
const rows = document.getElementById('rows'); let stamp = rows.dataset.stamp;
async function look() {
  try {
    const told = await fetch(rows.dataset.stampUrl); const now = await told.text();
    if (told.ok && now !== stamp) {
      const fresh = await fetch(rows.dataset.rowsUrl);
      if (fresh.ok) {
        const open = [...rows.querySelectorAll('details[open]')].map(d => d.id);
        rows.innerHTML = await fresh.text(); stamp = now;
        for (const id of open) { const d = document.getElementById(id); if (d) d.open = true; }
      }
    }
  } catch (gone) { /* the server was stopped; the next look tells */ }
  setTimeout(look, 1500);
}
setTimeout(look, 1500);
"""


def text(value: object) -> str:
    """Any value, safe inside HTML text and quoted attributes."""
    return html.escape("" if value is None else str(value), quote=True)


def page(title: str, body: str, *, live: bool = False, status: int = 200) -> Answer:
    """A whole page. Its one style sheet and one script carry a nonce; nothing else may run or load."""
    nonce = secrets.token_urlsafe(16)
    colors = "\n".join(f".c-{name} {{ background: {code}; }}" for name, code in HEX.items())
    script = f'<script nonce="{nonce}">{LIVE}</script>' if live else ""
    whole = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>'
        f'<style nonce="{nonce}">{STYLE}{colors}</style></head><body>'
        '<header><a href="/">Boards</a><a href="/sandbox/requests">Requests</a>local sandbox of monday.com</header>'
        f"<main><h1>{text(title)}</h1>{body}</main>{script}</body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return _html(status, whole, {"Content-Security-Policy": policy})


def fragment(body: str) -> Answer:
    """A piece of a page that the live script puts in place."""
    return _html(200, body, {"Content-Security-Policy": "default-src 'none'"})


def plain(body: str) -> Answer:
    return Answer(200, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}, body.encode())


def redirect(to: str) -> Answer:
    return Answer(303, {"Location": to})


def missing(what: str) -> Answer:
    return page("Not here", f'<p>{text(what)} <a href="/">All boards</a></p>', status=404)


def _html(status: int, body: str, headers: dict[str, str]) -> Answer:
    always = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(status, {**always, **headers}, body.encode("utf-8"))
