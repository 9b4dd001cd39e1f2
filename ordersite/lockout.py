"""Who guesses passwords is stopped: five wrong ones for an account from one address, and it is closed to that address.

An account is closed to an address and not altogether, or anybody could shut out the administrator by guessing.
django-axes counts; this says whose address it is, and what a person reads.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import User
from django.forms import TextInput
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

UNKNOWN = "::"


class SignIn(AdminAuthenticationForm):
    """Django's own form, which takes a name of any length; where attempts are kept, it is no longer than a person's."""

    username = UsernameField(
        max_length=User._meta.get_field("username").max_length, widget=TextInput(attrs={"autofocus": True})
    )


def address(request: HttpRequest) -> str:
    """The visitor's address. Behind a proxy that is the last one named, which the proxy wrote itself; what stands
    before it, the visitor may have made up. UNKNOWN where it is none, as of a socket: no database's column keeps it."""
    named = str(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_PROXY:
        told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        named = without_port(told) if told else named
    try:
        return str(ip_address(named.partition("%")[0]))
    except ValueError:
        return UNKNOWN


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
