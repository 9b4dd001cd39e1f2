"""The pages of adopting and of reconciling: the last result of a whole board's reading, its files, and the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from mapping.models import Document
from monday.screens import moment
from staging import board_jobs
from staging.boards import findings, pairing, reconcile
from staging.core.lifecycle import NotAllowed
from staging.models import SyncRun
from staging.models.run import Kind
from staging.running.runs import ACTIVE

from . import found
from .pills import run_pill
from .progress import progress_of

APPROVE = "staging.approve_batch"


@dataclass(frozen=True, slots=True)
class Screen:
    """One of the two pages. `categories` are the kinds of findings with their words."""

    name: str
    kind: Kind
    title: str
    lead: str
    categories: Mapping[str, str]


SCREENS = {
    "adopt": Screen(
        "adopt",
        Kind.ADOPT,
        "Adoption",
        "Items that stand on a board already are linked to their orders, so that no sync creates them again: by their "
        "UUID column first, then by business key. Looking links nothing.",
        findings.ADOPT,
    ),
    "reconcile": Screen(
        "reconcile",
        Kind.RECONCILE,
        "Reconciliation",
        "A board is compared with what was last written to it. It reads only: nothing on the board is changed.",
        findings.RECONCILE,
    ),
}


def urls() -> list[URLPattern]:
    """The addresses of both pages, for the run's screen to carry."""
    wrap = admin.site.admin_view
    return [
        path("boards/<slug:name>/", wrap(page), name="staging_board_reading"),
        path("boards/<slug:name>/start/", wrap(start), name="staging_board_reading_start"),
        path("boards/<slug:name>/<int:pk>/<slug:category>.csv", wrap(file), name="staging_board_reading_file"),
    ]


def page(request: HttpRequest, name: str) -> HttpResponse:
    """The last result of each mode, and the buttons for the next one. 403 without the right to see runs."""
    screen = _screen(request, name)
    mode = "PRODUCTION" if request.GET.get("mode") == "PRODUCTION" else "TEST"
    read = found.boards_read(screen.kind, mode)
    board = next((one for one in read if str(one.pk) == request.GET.get("of")), None)
    run = findings.last(screen.kind, mode, board.pk if board else None)
    only, after = request.GET.get("show", ""), _number(request.GET.get("after", "")) or 0
    comparing = screen.kind == Kind.RECONCILE
    under_way = SyncRun.objects.filter(kind=screen.kind, mode=mode, state__in=ACTIVE).order_by("-id").first()
    ended = SyncRun.objects.filter(kind=screen.kind, mode=mode).exclude(state__in=ACTIVE).order_by("-id").first()
    context = {
        **admin.site.each_context(request),
        "title": screen.title,
        "screen": screen,
        "mode": mode,
        "modes": ("TEST", "PRODUCTION"),
        "run": run,
        "under_way": under_way,
        "progress": progress_of(under_way, request.user) if under_way else None,
        "refused": ended if ended and ended.error and (run is None or ended.pk > run.pk) else None,
        "pill": run_pill(run) if run else "",
        "when": moment(run.finished_at) if run else "",
        "sentences": _sentences(screen, run) if run else [],
        "sums": reconcile.sums(reconcile.Counts(**run.counts)) if run and comparing else [],
        "parts": found.parts(screen.categories, run, only if only in screen.categories else "", after) if run else [],
        "only": only if only in screen.categories else "",
        "read": read if len(read) > 1 else [],
        **(found.age(run, mode) if comparing else {}),
        "comparing": comparing,
        "boards": _boards(),
        "may_look": request.user.has_perm("staging.add_syncrun"),
        "may_apply": screen.kind == Kind.ADOPT and request.user.has_perm(APPROVE),
        "orphaned": run.counts.get("orphaned", 0) if run and screen.kind == Kind.ADOPT else 0,
        "to_link": run.counts.get("matched", 0) - run.counts.get("adopted", 0) if run and not _linked(run) else 0,
        "sandbox": bool(run and run.board and run.board.environment == "sandbox"),
        "opts": SyncRun._meta,
    }
    return TemplateResponse(request, "staging/admin/board_reading.html", context)


def start(request: HttpRequest, name: str) -> HttpResponse:
    """By POST, ask for a reading; with `apply` the matched items are linked. 403 without the right to it."""
    screen = _screen(request, name)
    apply = screen.kind == Kind.ADOPT and "apply" in request.POST
    if not request.user.has_perm(APPROVE if apply else "staging.add_syncrun"):
        raise PermissionDenied
    mode = "PRODUCTION" if request.POST.get("mode") == "PRODUCTION" else "TEST"
    home = HttpResponseRedirect(f"{reverse('admin:staging_board_reading', args=[name])}?mode={mode}")
    if request.method != "POST":
        return home
    if mode == "PRODUCTION" and not settings.MONDAY_API_TOKEN:
        messages.error(request, "MONDAY_API_TOKEN is not set. Remedy: set it, or choose TEST.")
        return home
    actor, board = request.user.get_username(), _board(request.POST.get("board", ""))
    try:
        if screen.kind == Kind.ADOPT:
            orphans = _number(request.POST.get("orphans", ""))
            run = board_jobs.ask_adoption(mode=mode, actor=actor, board=board, apply=apply, orphans=orphans)
        else:
            run = board_jobs.ask_reconciliation(mode=mode, actor=actor, trigger="admin", board=board)
    except NotAllowed as busy:
        messages.error(request, str(busy))
        return home
    return HttpResponseRedirect(reverse("admin:staging_syncrun_change", args=[run.pk]))


def file(request: HttpRequest, name: str, pk: int, category: str) -> HttpResponse | StreamingHttpResponse:
    """All findings of one kind as a CSV file."""
    screen = _screen(request, name)
    run = SyncRun.objects.filter(pk=min(pk, 2**63 - 1), kind=screen.kind).first()
    if run is None or category not in screen.categories:
        raise Http404("There is no such file.")
    body = (line.encode("utf-8-sig" if first else "utf-8") for first, line in _numbered(run, category))
    answer = StreamingHttpResponse(body, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}-run{run.pk}-{category}.csv"'
    return answer


def _numbered(run: SyncRun, category: str) -> Any:
    return ((number == 0, line) for number, line in enumerate(findings.lines(run, category)))


def _screen(request: HttpRequest, name: str) -> Screen:
    if not request.user.has_perm("staging.view_syncrun"):
        raise PermissionDenied
    if name not in SCREENS:
        raise Http404(f"There is no page {name}.")
    return SCREENS[name]


def _sentences(screen: Screen, run: SyncRun) -> list[str]:
    if screen.kind == Kind.ADOPT:
        counts = {key: value for key, value in run.counts.items() if key != "matched"}
        return [*pairing.told(pairing.Counts(**counts), apply=_linked(run)), *run.notes]
    return [*reconcile.remarks(reconcile.Counts(**run.counts)), *run.notes]


def _linked(run: SyncRun) -> bool:
    return bool(run.scope.get("apply"))


def _boards() -> list[tuple[str, str]]:
    """The mapped boards by key and name, none where there is only one."""
    found = list(Document.objects.boards().order_by("name").values_list("board_key", "name"))
    return found if len(found) > 1 else []


def _board(word: str) -> str | None:
    return word if word in dict(_boards()) else None


def _number(word: str) -> int | None:
    word = word.strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None
