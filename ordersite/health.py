"""What machines ask this site: does it live, is it ready, and its figures. The doctor's findings, no second opinion.

`/healthz` touches nothing, so that a slow database does not have the process killed. `/readyz` is 503 only for what
pages cannot do without: a site that is taken off the network because its workers are silent could not say so.
"""

from __future__ import annotations

import hmac
import time
from threading import Lock

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .doctor.examination import examine
from .doctor.finding import Finding, Status

NEEDED = frozenset({"settings", "working folder", "app database", "migrations"})
"""The doctor's topics without which no page can be shown."""
KEPT = 15.0  # seconds that an examination is shown again; probes come often, and it asks the order source too
BEARER = "Bearer "


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers at all. Reads no table and no session."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The doctor's findings as JSON, 503 where pages cannot be shown. Texts and remedies only for who may see them.

    An examination is at most 15 s old. Asks nothing of monday.com.
    """
    findings, age = _examined()
    broken = any(found.status is Status.PROBLEM and found.name in NEEDED for found in findings)
    told = _may_read(request, broken)
    document = {
        "status": "not ready" if broken else "ready",
        "age_seconds": round(age, 1),
        "checks": [
            {"name": found.name, "status": str(found.status)}
            | ({"message": found.message, "remedy": found.remedy} if told else {})
            for found in findings
        ],
    }
    return JsonResponse(document, status=503 if broken else 200)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures in Prometheus' text format, for the bearer of METRICS_TOKEN or a person who may see batches; else 403."""
    if not _may_read(request, broken=False):
        sentence = "Not for everybody. Remedy: send METRICS_TOKEN as `Authorization: Bearer ...`, or sign in.\n"
        return HttpResponse(sentence, status=403, content_type="text/plain")
    # Only here, as every command reads the addresses of the site and none needs this.
    from .metrics import exposition

    try:
        body, kind = exposition()
    except DatabaseError:
        sentence = "The app database cannot be read. Remedy: python manage.py doctor\n"
        return HttpResponse(sentence, status=503, content_type="text/plain")
    return HttpResponse(body, content_type=kind)


def _may_read(request: HttpRequest, broken: bool) -> bool:
    """Whether details are for this caller; with a broken app database nobody's session can be read."""
    given = request.headers.get("Authorization", "")
    if settings.METRICS_TOKEN and given.startswith(BEARER):
        return hmac.compare_digest(given[len(BEARER) :].encode(), settings.METRICS_TOKEN.encode())
    return not broken and request.user.has_perm("staging.view_batch")


_lock = Lock()
_kept: list[tuple[float, list[Finding]]] = []


def _examined() -> tuple[list[Finding], float]:
    """The findings and their age in seconds. One caller examines, the others of that moment wait for it."""
    with _lock:
        now = time.monotonic()
        if not _kept or now - _kept[0][0] > KEPT:
            _kept[:] = [(now, _examine())]
        at, findings = _kept[0]
        return findings, now - at


def _examine() -> list[Finding]:
    try:
        return examine(online=False)
    except ImproperlyConfigured as refused:
        return [Finding("settings", Status.PROBLEM, str(refused))]


def forget() -> None:
    """Examine anew at the next question."""
    with _lock:
        _kept.clear()
