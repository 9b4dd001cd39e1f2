"""Who guesses passwords is stopped: five wrong ones for an account from one address, and it is closed to that address.

An account is closed to an address and not altogether, or anybody could shut out the administrator by guessing.
django-axes counts; this says whose address it is, and what a person reads.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


def address(request: HttpRequest) -> str:
    """The visitor's address. Behind a proxy that is the last one named, which the proxy wrote itself; what stands
    before it, the visitor may have made up."""
    if settings.BEHIND_PROXY:
        named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if named:
            return without_port(named)[:39]
    return str(request.META.get("REMOTE_ADDR", ""))[:39]


def without_port(named: str) -> str:
    """An address without the port that some proxies add, as in `192.0.2.7:52114` or `[2001:db8::7]:52114`: each
    connection has another one, and would count as another visitor."""
    if named.startswith("["):
        return named[1:].partition("]")[0]
    return named.partition(":")[0] if named.count(":") == 1 else named


def locked(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """The page that says so, with status 429 and when to come back."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    context = {**admin.site.each_context(request), "title": "Too many attempts", "minutes": seconds // 60}
    page = TemplateResponse(
        request, "ordersite/locked.html", context, status=429, headers={"Retry-After": str(seconds)}
    )
    return page.render()
