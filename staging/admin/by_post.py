"""Addresses that only take what a button sends: who opens one is led to the page that has the button."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

View = Callable[[HttpRequest, int], HttpResponse]


def by_post(home: str) -> Callable[[View], View]:
    """Make a view of POST alone whose address, when opened, leads to the page named `home` of the same key."""

    def made(view: View) -> View:
        posted = require_POST(view)

        @wraps(view)
        def inner(request: HttpRequest, pk: int) -> HttpResponse:
            if request.method in ("GET", "HEAD"):
                return HttpResponseRedirect(reverse(home, args=[pk]))
            return posted(request, pk)

        return inner

    return made
