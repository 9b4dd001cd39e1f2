"""Pages that cannot be shown: each says what that means and what to do next, where Django's own say two words."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render
from django.template.loader import render_to_string

from . import ended

NOTHING = "Nothing is at this address, or it was removed. Remedy: go on from its list, or search for it above."
NOT_YOURS = "Your role may not see this or do this. Remedy: ask an administrator for a role that may."
UNSIGNED = (
    "The form was not sent from a page of this site that you have open, so nothing was done. "
    "Remedy: open the page anew and press the button again; the browser must keep cookies."
)
NO_PAGE = (
    "There is no page at this address: it only takes what a button sends, and nothing was done. "
    "Remedy: go to the page that has the button, and press it there."
)
STRANGE = (
    "Nothing is answered under this name of the site. "
    "Remedy: open it by the address that you were given; whoever runs it names all of them in ALLOWED_HOSTS."
)
UNREADABLE = "What was sent cannot be read, so nothing was done. Remedy: open the page anew and try again."


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Status 404, with what the page said that was looked for."""
    said = _said(exception)
    return _page(request, 404, "Not found", f"{said} {NOTHING}" if said else NOTHING)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Status 403: the person is known, and may not; where it is not for their role, the page that refused says why."""
    return _page(request, 403, "Not allowed", _said(exception) or NOT_YOURS)


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Status 403 for a form without this site's own token, as one of another site would be."""
    return _page(request, 403, "Nothing was done", UNSIGNED, unsent=True)


def explained(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    """The answer, and instead of an empty one of status 405 the page that says what the address is for."""
    if not isinstance(answer, HttpResponseNotAllowed):
        return answer
    page = _page(request, 405, "Nothing to see here", NO_PAGE)
    page["Allow"] = answer["Allow"]
    return page


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Status 400; in plain words where the site was asked for under another name, before it looked who asks."""
    if not hasattr(request, "user"):
        return HttpResponse(STRANGE, status=400, content_type="text/plain; charset=utf-8")
    return _page(request, 400, "Nothing was done", UNREADABLE)


def broken(request: HttpRequest) -> HttpResponse:
    """Status 500, told without asking the database anything, as that may be what is broken."""
    return HttpResponse(render_to_string("ordersite/broken.html"), status=500)


def _said(exception: Exception) -> str:
    return exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""


def _page(request: HttpRequest, status: int, title: str, sentence: str, **more: object) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "sentence": sentence, **more}
    if status in (403, 405):
        context["back"] = ended.came_from(request)
    return render(request, "ordersite/error.html", context, status=status)
