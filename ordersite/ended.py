"""What a page gets whose session has ended: the way to the login, and from there back to where the person was."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme

UNSENT = "unsent"  # in the login page's address: something was sent and not done
SENTENCE = (
    "Your session had ended, so what you sent was not done. Remedy: do it again once you are logged in; what you "
    "typed is put back into its field when you open its page; ticks have to be set and a file has to be chosen again."
)


def to_login(request: HttpRequest) -> HttpResponse:
    """To the login page, and afterwards to the page that the person sees now.

    What is sent goes to addresses that show nothing, so the way back from them is the page that sent it. A part of a
    page that a script asks for is not answered with the login page, which would be put into its place: the whole page
    is led there.
    """
    by_script = "HX-Request" in request.headers
    sent = request.method == "POST"
    if by_script:
        back = own(request, request.headers.get("HX-Current-URL", ""))
    elif sent:
        back = came_from(request)
    else:
        back = request.get_full_path()
    login = reverse("admin:login")
    answer: HttpResponse = redirect_to_login(back or reverse("admin:index"), f"{login}?{UNSENT}=yes" if sent else login)
    if by_script:
        answer = HttpResponse(status=204, headers={"HX-Redirect": answer["Location"]})
    add_never_cache_headers(answer)
    return answer


def came_from(request: HttpRequest) -> str:
    """The page of this site that the browser says it comes from; empty where it is another site's or the login's."""
    return own(request, request.headers.get("Referer", ""))


def own(request: HttpRequest, address: str) -> str:
    """The path and query of an address of this site; empty where it is another site's or the login's."""
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return ""
    parts = urlsplit(address)
    found = f"{parts.path}?{parts.query}" if parts.query else parts.path
    # The path alone may read as another host, as in "https://here//there/".
    safe = found.startswith("/") and url_has_allowed_host_and_scheme(found, None)
    return found if safe and parts.path != reverse("admin:login") else ""
