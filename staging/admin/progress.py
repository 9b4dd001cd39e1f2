"""How far a run is: one fragment for runs of every kind, asked for again until the run has ended.

Whatever page it stands on, and whoever looks, shows the same, since all of it comes from the run's row.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from monday.screens import seconds
from staging.core.words import counted
from staging.models import SyncRun
from staging.models.run import Kind, RunState
from staging.pushing.outlook import waiting
from staging.running.headway import headway
from staging.running.runs import ACTIVE

from .decisions import Person

STEPS = {
    "detect": ("Comparing the order table", "rows"),
    "items": ("Making the items, whose sizes follow", "orders"),
    "push": ("Sending to the board", "orders"),
    "undo": ("Putting back", "orders"),
    "preview": ("Looking at the board", "orders"),
    "board": ("Reading the board", "items"),
    "source": ("Reading the order table", "rows"),
    "link": ("Linking items to their orders", "items"),
    "now": ("Looking at what the next sync would do as things stand", "rows"),
    "then": ("Looking at what it would do with the new text", "rows"),
    "prune": ("Removing what is past", "rows"),
    "audit": ("Reading the audit", "events"),
    "intake": ("Reading what the intake holds", "rows"),
    "list": ("Reading the list", "rows"),
    "place": ("Putting the list in place", "rows"),
    "export": ("Writing the list", "rows"),
}
BEFORE = {
    Kind.SYNC: "Looking at the board and the order table",
    Kind.PUSH: "Preparing the board and looking at the order table",
    Kind.REFRESH: "Reading the board",
    Kind.GONE: "Settling the item",
}
"""What a run does before its first step, or instead of any, where nothing can be counted."""
PREPARING = "Preparing"
FIRST = "no rate yet, the first piece is under way"
CANCEL = "staging.change_syncrun"


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at work. `pace` is its rate with the time that is left, `waiting` until when it waits for quota."""

    run: SyncRun
    step: str
    unit: str
    pace: str
    waiting: str
    active: bool
    may_cancel: bool

    @property
    def done(self) -> int:
        return self.run.done

    @property
    def total(self) -> int:
        return self.run.total

    @property
    def queued(self) -> bool:
        return self.run.state == RunState.QUEUED


def progress_of(run: SyncRun, person: Person) -> Progress:
    """How far the run is, as this person is shown it."""
    before = BEFORE.get(Kind(run.kind), PREPARING)
    step, unit = STEPS.get(run.phase, (run.phase.capitalize() or before, ""))
    active, runs_now = run.state in ACTIVE, run.state == RunState.RUNNING
    return Progress(
        run=run,
        step=step,
        unit=unit,
        pace=_pace(run, unit),
        waiting=waiting(run.board) if run.board and runs_now else "",
        active=active,
        may_cancel=active and not run.cancelled_by and person.has_perm(CANCEL),
    )


def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The fragment alone; once the run has ended, the page that holds it is asked for anew as a whole."""
    if not request.user.has_perm("staging.view_syncrun"):
        raise PermissionDenied
    run = SyncRun.objects.filter(pk=pk).select_related("board").first()
    if run is None:
        raise Http404(f"There is no run {pk}.")
    shown = {"progress": progress_of(run, request.user)}
    answer = TemplateResponse(request, "staging/admin/progress.html", shown)
    if run.state not in ACTIVE:
        answer["HX-Refresh"] = "true"
    return answer


def _pace(run: SyncRun, unit: str) -> str:
    """ "120 rows a second, about 2 min 5 s left"; "" while too little is done to tell.

    A step that is a piece or two has no rate until it is nearly over, and says so instead of standing still in silence.
    """
    found = headway(run, timezone.now())
    if found.rate is None:
        begun = run.state == RunState.RUNNING and bool(run.phase) and run.done == run.phase_from < run.total
        return FIRST if begun else ""
    number, per = (found.rate, "second") if found.rate >= 1 else (found.rate * 60, "minute")
    words = f"{counted(round(number), unit.removesuffix('s'))} a {per}" if unit else f"{number:,.0f} a {per}"
    return words if not found.left else f"{words}, about {seconds(found.left)} left"
