"""The local board's own pages under /sandbox/, for people who are signed in; never in production."""

from __future__ import annotations

import re
from functools import lru_cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from monday.sandbox.app import SandboxApp
from monday.sandbox.store import SandboxStore, StoreUnusable

from . import ended

PREFIX = "/sandbox"
PAGES = re.compile(r"/|/boards/\d+(/rows|/stamp)?|/sandbox/requests")
ITEMS = re.compile(r"/items/\d+(/move|/archive|/delete|/cell/\w+)?")
# The pages are written by us and escape every text, so a quoted address that begins with a slash is always a link.
HEADER, HOME = b"<header>", b'<a class="brand" href="/">Ordersite</a>'
LINK = re.compile(rb'\b(href|action|data-[a-z-]+)="/')
BY_HAND = "edit the local board by hand"
REFUSED = "Your role may not {}. Remedy: ask an administrator for the right."
EDITS = (
    (re.compile(rb' data-edit="[^"]*"'), b""),
    (re.compile(rb"Click a cell to change it by hand, or open an item\."), b"Open an item to see all of it."),
    (re.compile(rb'<form class="row" method="post".*?</form>', re.DOTALL), b""),
    (re.compile(rb'<button class="main">Save</button>'), b""),
    (re.compile(rb'<(input|select|textarea) (?!type="?(?:hidden|search))'), rb"<\1 disabled "),
    (re.compile(rb"<h2>Move or take away</h2>"), b"<p>" + REFUSED.format(BY_HAND).encode() + b"</p>"),
)
"""What a page offers to whoever may edit the board by hand, and what stands there for others."""


# The forms carry a word of the board's own, which no page of another site can read. A change must besides name this
# site as the one it comes from, which browsers always do.
@csrf_exempt
def sandbox_page(request: HttpRequest, page: str) -> HttpResponse:
    """A page of the local board, or what a form on it does. 404 in production and for its API."""
    route = f"/{page}"
    writes = request.method == "POST"
    if settings.PRODUCTION or not (ITEMS.fullmatch(route) or (PAGES.fullmatch(route) and not writes)):
        raise Http404("There is no such page.")
    if not request.user.is_authenticated:
        return ended.to_login(request)
    if not request.user.has_perm("monday.change_board" if writes else "monday.view_board"):
        what = BY_HAND if writes else "see the local board"
        return HttpResponse(REFUSED.format(what), status=403, content_type="text/plain")
    if writes and not _from_here(request):
        what = "It is not known where this came from. Remedy: use the form on the local board's own page."
        return HttpResponse(what, status=403, content_type="text/plain")
    query = request.META.get("QUERY_STRING", "")
    path = f"{route}?{query}" if query else route
    headers = {name: request.headers[name] for name in ("Origin", "Content-Type") if name in request.headers}
    headers["Host"] = request.get_host()
    try:
        answer = _app(str(settings.SANDBOX_STORE)).handle(request.method or "GET", path, headers, request.body)
    except StoreUnusable as problem:
        return HttpResponse(str(problem), status=503, content_type="text/plain")
    kept = {name: value for name, value in answer.headers.items() if name != "Location"}
    body = LINK.sub(rb'\1="' + PREFIX.encode() + b"/", answer.body).replace(HEADER, HEADER + HOME, 1)
    if not request.user.has_perm("monday.change_board"):
        for offered, instead in EDITS:
            body = offered.sub(instead, body)
    response = HttpResponse(body, status=answer.status, headers=kept)
    if "Location" in answer.headers:
        response["Location"] = PREFIX + answer.headers["Location"]
    return response


def _from_here(request: HttpRequest) -> bool:
    """Whether the browser says that a page of this very site sent this; a request that says nothing is refused."""
    said = request.headers.get("Origin") or request.headers.get("Referer", "")
    return said.split("/")[:3] == [f"{request.scheme}:", "", request.get_host()]


@lru_cache(maxsize=1)
def _app(store: str) -> SandboxApp:
    """The local board of this process; its store is shared with the jobs through the file."""
    return SandboxApp(SandboxStore(store), keeping=False)
