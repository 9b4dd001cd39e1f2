"""The search box of every page: straight to the order where one is meant, else a list of what was found."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from monday.screens import pill
from staging.models import StagedOrder
from staging.models.snapshot import LinkState, Verdict
from staging.records.search import FoundRecord, find

from .pills import LINKS, batch_pills, order_pill, run_pill

LONGEST = 300


def search(request: HttpRequest) -> HttpResponse:
    """What `q` leads to. 403 without the right to see staged orders."""
    if not request.user.has_perm("staging.view_stagedorder"):
        raise PermissionDenied
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    found = find(text)
    if found.sure is not None:
        return HttpResponseRedirect(place(found.sure))
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Search: {text}" if text else "Search",
        "text": text,
        "searched": text,  # the box of the header
        "found": found,
        "records": [(one, place(one), stands(one)) for one in found.records],
        "batch_pill": batch_pills([found.batch])[found.batch.pk] if found.batch else "",
        "run_pill": run_pill(found.run) if found.run else "",
        "opts": StagedOrder._meta,
    }
    return TemplateResponse(request, "staging/admin/search.html", context)


def place(found: FoundRecord) -> str:
    """The page of a record: that of its last staged order, or its own where nothing was ever staged."""
    if found.order is not None:
        return reverse("admin:staging_stagedorder_change", args=[found.order.pk])
    return reverse("admin:staging_record", args=[found.board, found.record])


def stands(found: FoundRecord) -> SafeString:
    """How a record stands: out of use, in somebody's hands, or on the board."""
    if found.seen is not None and found.seen.verdict != Verdict.WAITING:
        return pill("bad", found.seen.get_verdict_display())
    if found.order is not None:
        return order_pill(found.order)
    if found.snapshot is not None:
        return pill(LINKS[LinkState(found.snapshot.state)], found.snapshot.get_state_display())
    return pill("off", "Not known any more")
