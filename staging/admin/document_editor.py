"""The editor of a document: its text with its problems, kept as a draft, and led on to what it would change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mapping.core.problems import Problem, errors
from mapping.core.value_line import with_value
from mapping.drafts import Saved, open_drafts, save_draft
from mapping.models import Document, Version, VersionState
from mapping.publish import NotPublishable, document_for
from mapping.vetting import vet
from monday.screens import link
from staging.core.lifecycle import NotAllowed
from staging.impact_jobs import ask_impact
from staging.previews.publishing import RIGHT, RIGHT_NEW
from staging.wiring import surroundings

from .document_parts import found_document, given, need, published_version, version_of, version_pill
from .document_typing import tried

NEW = """version: 1
customer: NEW CUSTOMER
aliases: []
"""
SHOWN = 50  # versions of the history that stand on the page


def edit(request: HttpRequest, object_id: str) -> HttpResponse:
    """The editor of one document, and its history. POST checks, tries, keeps the text, or asks what it would change."""
    document = found_document(object_id)
    if not request.user.has_perm("mapping.view_document"):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, document, *_opened(request, document))
    need(request, RIGHT)
    return _done(request, document)


def new(request: HttpRequest) -> HttpResponse:
    """The editor of a document that does not exist yet; a text is only ever kept where there is none."""
    need(request, RIGHT_NEW)
    if request.method != "POST":
        return _page(request, None, str(request.GET.get("text", "") or NEW)[:20_000])
    return _done(request, None)


def _done(request: HttpRequest, document: Document | None) -> HttpResponse:
    """What the pressed button says."""
    text, note, action = given(request), request.POST.get("note", "").strip()[:2000], request.POST.get("action", "")
    held = published_version(document) if document else None
    if held is not None and request.POST.get("base", "") not in ("", str(held.pk)):
        words = "{} was published by {} while you typed. Your text is kept here. Remedy: {}, then go on."
        seen = link(reverse("admin:mapping_document_compare", args=[held.document_id]) + f"?to={held.pk}", "look at it")
        messages.warning(request, format_html(words, held, held.author, seen))
        return _page(request, document, text, note=note, checked=True)
    if action.startswith("try") or action not in ("preview", "save"):
        trial = tried(request) if action.startswith("try") else {}
        return _page(request, document, text, note=note, checked=True, trial=trial)
    problems = vet(document=document, text=text, around=surroundings(document, text))
    if errors(problems) and (action == "preview" or document is None):
        messages.error(request, "The text cannot be published: it has errors. Remedy: see the lines named below.")
        return _page(request, document, text, note=note, problems=problems)
    try:
        saved = _kept(request, document, text, note)
    except NotPublishable as refused:
        return _page(request, document, text, note=note, problems=refused.problems)
    if saved.holds:
        messages.info(request, "This text is the one that holds: there is nothing to publish.")
        return HttpResponseRedirect(reverse("admin:mapping_document_change", args=[saved.version.document_id]))
    if action != "preview":
        messages.success(request, f"Draft {saved.version.number} is kept. It holds only once it is published.")
        return HttpResponseRedirect(reverse("admin:mapping_document_change", args=[saved.version.document_id]))
    try:
        ask_impact(saved.version, actor=request.user.get_username())
    except NotAllowed as busy:
        messages.info(request, str(busy))
    return HttpResponseRedirect(reverse("admin:mapping_version_page", args=[saved.version.pk]))


def _kept(request: HttpRequest, document: Document | None, text: str, note: str) -> Saved:
    """The text as a draft; a new document is made where there is none. Raises NotPublishable."""
    where = document or document_for(text)
    return save_draft(document=where, text=text, actor=request.user.get_username(), note=note, now=timezone.now())


def _opened(request: HttpRequest, document: Document) -> tuple[str, SafeString | str, str]:
    """The text to begin with, a sentence about whose it is, and the note that was kept with it."""
    held = published_version(document)
    drafts = open_drafts(document)
    asked = version_of(document, request.GET.get("version", ""))
    mine = next((draft for draft in drafts if draft.author == request.user.get_username()), None)
    newest = mine is not None and (held is None or mine.number > held.number)
    chosen = asked or (mine if newest else None) or held or next(iter(drafts), None)
    if chosen is None:
        return "", "", ""
    words: list[SafeString] = []
    if chosen.state == VersionState.DRAFT:
        whose = "your draft" if chosen == mine else f"the draft of {chosen.author}"
        page = reverse("admin:mapping_version_page", args=[chosen.pk])
        words.append(
            format_html("This is {}, {}. It does not hold yet.", whose, link(page, f"version {chosen.number}"))
        )
    elif chosen != held:
        words.append(format_html("This is the text of version {}, which does not hold any more.", chosen.number))
    words += [_other(draft, document) for draft in drafts if draft not in (chosen,)][:5]
    text, mapped = _mapped(request, chosen.text)
    words += [mapped] if mapped else []
    return (
        text,
        format_html_join(" ", "{}", ((each,) for each in words)),
        chosen.note if chosen.state == VersionState.DRAFT else "",
    )


def _mapped(request: HttpRequest, text: str) -> tuple[str, SafeString | None]:
    """The text with a label mapped to an existing one, where a batch's page asks for that, and a sentence about it."""
    source, label, target = (str(request.GET.get(name, ""))[:300] for name in ("source", "label", "to"))
    if not (source and label and target):
        return text, None
    changed = with_value(text, source, label, target)
    if changed is None:
        words = "To map {} to {}, write that line under the values of {}; it could not be put in by itself."
        return text, format_html(words, label, target, source)
    words = "In this text {} of {} is mapped to {}. Nothing is kept before you press a button below."
    return changed, format_html(words, label, source, target)


def _other(draft: Version, document: Document) -> SafeString:
    page = reverse("admin:mapping_document_change", args=[document.pk]) + f"?version={draft.pk}"
    return format_html("There is {} by {}.", link(page, f"draft {draft.number}"), draft.author)


def _page(
    request: HttpRequest,
    document: Document | None,
    text: str,
    about: SafeString | str = "",
    note: str = "",
    *,
    problems: tuple[Problem, ...] | None = None,
    checked: bool = False,
    trial: dict[str, Any] | None = None,
) -> HttpResponse:
    if problems is None:
        problems = vet(document=document, text=text, around=surroundings(document, text))
        problems = problems if document or checked else ()  # nobody has typed anything yet
    versions = list(document.versions.order_by("-number")[: SHOWN + 1]) if document else []
    held = published_version(document) if document else None
    may = RIGHT if document else RIGHT_NEW
    context = {
        **admin.site.each_context(request),
        "title": document.name if document else "New customer document",
        "opts": Document._meta,
        "document": document,
        "held": held,
        "text": text,
        "about": about,
        "note": note,
        "problems": problems,
        "checked": checked,
        "trial": trial or {},
        "q": request.POST.get("q", ""),
        "may_publish": request.user.has_perm(may),
        "history": [(version, version_pill(version)) for version in versions[:SHOWN]],
        "more": len(versions) > SHOWN,
        # To be compared with the newest: the one before it that says something else.
        "compared": next((each.pk for each in versions if each.sha256 != versions[0].sha256), None),
    }
    return TemplateResponse(request, "staging/admin/document.html", context)
