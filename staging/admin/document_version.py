"""One version: how it differs, what publishing it would change, and the button that publishes it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from mapping.core.problems import errors
from mapping.drafts import NotADraft, discard_draft
from mapping.models import Document, Version, VersionState
from mapping.publish import NotPublishable
from mapping.vetting import vet
from staging.core.lifecycle import NotAllowed
from staging.impact_jobs import ask_impact
from staging.previews.impact import standing
from staging.previews.publishing import RIGHT, NotSeen, publish_version
from staging.running import runs
from staging.running.runs import ACTIVE
from staging.wiring import recorder, surroundings

from .by_post import by_post
from .document_compare import held_before, side_by_side
from .document_parts import found_version, need, published_version, version_pill
from .numbers import number
from .pills import run_pill
from .progress import progress_of


def look(request: HttpRequest, pk: int) -> HttpResponse:
    """A version against the one that holds, or the one that holds against the one before it."""
    need(request, "mapping.view_document")
    version = found_version(pk)
    held = published_version(version.document)
    holds = held is not None and held.pk == version.pk
    before = held_before(version) if holds else held
    problems = () if holds else vet(document=version.document, text=version.text, around=_around(version))
    context = {
        **admin.site.each_context(request),
        **_counted(request, version),
        **side_by_side(before, version),
        "title": str(version),
        "opts": Document._meta,
        "before": before,
        "pill": version_pill(version),
        "holds": holds,
        "problems": problems,
        "overtaken": held if held and version.state == VersionState.DRAFT and held.number > version.number else None,
        "home": reverse("admin:mapping_document_change", args=[version.document_id]),
    }
    return TemplateResponse(request, "staging/admin/version.html", context)


def live(request: HttpRequest, pk: int) -> HttpResponse:
    """What publishing would change: the part of the page that is asked for again while it is being counted."""
    need(request, "mapping.view_document")
    return TemplateResponse(request, "staging/admin/preview.html", _counted(request, found_version(pk)))


@by_post("admin:mapping_version_page")
def count(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for what publishing this version would change."""
    need(request, RIGHT)
    version = found_version(pk)
    try:
        ask_impact(version, actor=request.user.get_username())
    except NotAllowed as busy:
        messages.info(request, str(busy))
    return _back(version)


@by_post("admin:mapping_version_page")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop counting; nothing was written, so nothing is left behind."""
    need(request, RIGHT)
    version = found_version(pk)
    run = standing(version, timezone.now()).run
    try:
        if run is not None:
            runs.cancel(run, actor=request.user.get_username(), now=timezone.now())
    except NotAllowed as ended:
        messages.info(request, str(ended))
    return _back(version)


@by_post("admin:mapping_version_page")
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a draft away; its text stays readable in the history."""
    need(request, RIGHT)
    version = found_version(pk)
    try:
        discard_draft(version=version)
        messages.success(request, f"Draft {version.number} is put away. Its text can still be read in the history.")
    except NotADraft as gone:
        messages.error(request, str(gone))
    return HttpResponseRedirect(reverse("admin:mapping_document_change", args=[version.document_id]))


@by_post("admin:mapping_version_page")
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish the version, where the page showed what that changes."""
    need(request, RIGHT)
    version = found_version(pk)
    shown = request.POST.get("run", "")
    try:
        made = publish_version(
            version=version,
            actor=request.user.get_username(),
            note=request.POST.get("note", "").strip()[:2000],
            now=timezone.now(),
            record=recorder,
            around=_around(version),
            shown_run=number(shown) or None,
            unseen=request.POST.get("unseen") == "on",
        )
    except NotPublishable as refused:
        lines = "; ".join(problem.sentence() for problem in refused.problems[:5])
        messages.error(request, f"It was not published: it has errors, which are named below. {lines}")
    except (NotSeen, NotADraft) as refused:
        messages.error(request, f"It was not published. {refused}")
    else:
        messages.success(request, f"{made} holds now. The next sync stages what it changes.")
        return HttpResponseRedirect(reverse("admin:mapping_version_page", args=[made.pk]))
    return _back(version)


def _counted(request: HttpRequest, version: Version) -> dict[str, Any]:
    """What the part of the page about the changes shows."""
    found = standing(version, timezone.now())
    run = found.run
    busy = run is not None and run.state in ACTIVE
    blocked = not busy and errors(vet(document=version.document, text=version.text, around=_around(version)))
    return {
        "version": version,
        "note": version.note if version.state == VersionState.DRAFT else f"back to version {version.number}",
        "run": run,
        "run_pill": run_pill(run) if run else "",
        "progress": progress_of(run, request.user) if run and busy else None,
        "busy": busy,
        "why_not": found.why_not,
        "boards": run.result.get("boards", []) if run and not busy and run.result else [],
        "blocked": bool(blocked),
        "may_publish": request.user.has_perm(RIGHT) and version.state != VersionState.PUBLISHED,
        "may_cancel": busy and request.user.has_perm(RIGHT) and run is not None and not run.cancelled_by,
    }


def _around(version: Version) -> Any:
    return surroundings(version.document, version.text)


def _back(version: Version) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:mapping_version_page", args=[version.pk]))
