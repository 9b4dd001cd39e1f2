"""The page that decides on an item which is gone from the board: recreate it, link another, or stop following."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from staging import board_jobs
from staging.boards.gone import CHOICES, name_of, stop
from staging.core.causes import Cause
from staging.core.lifecycle import NotAllowed, OrderState
from staging.models import Snapshot, StagedOrder
from staging.models.snapshot import LinkState

from .numbers import number

RIGHTS = {"recreate": "staging.stage_batch", "relink": "staging.approve_batch", "stop": "staging.stage_batch"}
"""What each choice needs. Linking another item moves the accepted order, so it is an approver's."""


def urls() -> list[URLPattern]:
    """The address of the page, for the run's screen to carry."""
    return [path("gone/<int:pk>/", admin.site.admin_view(decide), name="staging_gone")]


def is_gone(order: StagedOrder, link: Snapshot) -> bool:
    """Whether an order's page offers the choices."""
    held = order.state == OrderState.HELD and order.current and order.cause == Cause.GONE
    return held or link.state == LinkState.GONE


def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows the three choices with what each means; POST takes one. 403 without the right to it."""
    if not request.user.has_perm("staging.view_snapshot"):
        raise PermissionDenied
    link = Snapshot.objects.select_related("customer", "board").filter(pk=min(pk, 2**63 - 1)).first()
    if link is None:
        raise Http404("There is no such link any more.")
    if request.method == "POST":
        return _take(request, link)
    context = {
        **admin.site.each_context(request),
        "title": f"Gone from the board: {name_of(link)}",
        "link": link,
        "name": name_of(link),
        "left": link.state == LinkState.GONE,
        "choices": [(choice, words) for choice, words in CHOICES.items() if request.user.has_perm(RIGHTS[choice])],
        "opts": Snapshot._meta,
    }
    return TemplateResponse(request, "staging/admin/gone.html", context)


def _take(request: HttpRequest, link: Snapshot) -> HttpResponse:
    choice = request.POST.get("choice", "")
    if choice not in CHOICES:
        raise Http404(f"There is no choice {choice}.")
    if not request.user.has_perm(RIGHTS[choice]):
        raise PermissionDenied
    here = HttpResponseRedirect(reverse("admin:staging_gone", args=[link.pk]))
    actor, reason = request.user.get_username(), request.POST.get("reason", "").replace("\x00", "").strip()[:2000]
    item = request.POST.get("item", "").strip()
    if choice == "relink" and not number(item):
        messages.error(request, "Which item? Remedy: give its number, as its address on the board shows it.")
        return here
    try:
        if choice == "stop":
            stop(link=link, actor=actor, now=timezone.now(), reason=reason)
            messages.success(request, f"{name_of(link)} is not followed any more.")
            return HttpResponseRedirect(reverse("admin:staging_snapshot_change", args=[link.pk]))
        run = board_jobs.ask_gone(link, choice=choice, actor=actor, item=item, reason=reason)
    except NotAllowed as refused:
        messages.error(request, str(refused))
        return here
    return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[run.pk]))
