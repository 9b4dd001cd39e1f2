"""The frame around the sandbox's pages: escaping, style, and a policy that lets nothing foreign run."""

from __future__ import annotations

import html
import secrets
from pathlib import Path

from .answers import Answer
from .boards import GROUP_COLORS
from .labels import HEX

HERE = Path(__file__).parent
STYLE = (HERE / "pages.css").read_text(encoding="utf-8")
LIVE = (HERE / "pages.js").read_text(encoding="utf-8")
COLORS = "\n".join(
    [
        *(f".c-{name} {{ background: {code}; }}" for name, code in HEX.items()),
        *(f".g-{code[1:]} {{ --group: {code}; }}" for code in {*HEX.values(), *GROUP_COLORS}),
    ]
)
LINKS = (("/", "Boards"), ("/sandbox/requests", "Requests"))
KEEPING = ("/sandbox/store", "Store")


def text(value: object) -> str:
    """Any value, safe inside HTML text and quoted attributes."""
    return html.escape("" if value is None else str(value), quote=True)


def reads_dark(color: str) -> bool:
    """True for a color so light that dark letters are easier to read on it."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return (299 * red + 587 * green + 114 * blue) / 1000 > 170


def hidden(form_key: str) -> str:
    """The word that a form must send back, which no page of another site can know."""
    return f'<input type="hidden" name="form_key" value="{text(form_key)}">'


def page(
    title: str, body: str, *, live: bool = False, status: int = 200, here: str = "", keeping: bool = True
) -> Answer:
    """A whole page. Its one style sheet and one script carry a nonce; nothing else may run or load.

    `here` is the address of the page's link in the header; `keeping` shows the link to the store's own page.
    """
    nonce = secrets.token_urlsafe(16)
    script = f'<script nonce="{nonce}">{LIVE}</script>' if live else ""
    links = "".join(
        f'<a href="{to}"{" aria-current=page" if to == here else ""}>{name}</a>'
        for to, name in (*LINKS, *((KEEPING,) if keeping else ()))
    )
    whole = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{text(title)} - local sandbox</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style nonce="{nonce}">{STYLE}{COLORS}</style></head><body>'
        f'<header><a class="brand" href="/">Local sandbox</a>{links}<span>a monday.com of this machine</span></header>'
        f"<main>{body}</main>{script}</body></html>"
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


def missing(what: str, *, keeping: bool = True) -> Answer:
    body = f'<h1>Not here</h1><p>{text(what)} <a href="/">All boards</a></p>'
    return page("Not here", body, status=404, keeping=keeping)


def _html(status: int, body: str, headers: dict[str, str]) -> Answer:
    always = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(status, {**always, **headers}, body.encode("utf-8"))
