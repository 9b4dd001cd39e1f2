"""Undoing several batches: what each undo would do and their sum, read from the live board by jobs, then confirmed.

Nothing is looked up while the page is asked for: each batch has its own preview, as on its own undo page, where single
orders can be unticked or edits overwritten first. What is confirmed is exactly what stands ticked on each.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from staging import jobs
from staging.core.lifecycle import NotAllowed
from staging.core.words import counted
from staging.models import Batch, SyncRun
from staging.models.run import RunState
from staging.running.runs import ACTIVE
from staging.undoing.foresee import latest, what_is_chosen, why_stale

from .confirm import found_batches
from .decisions import Person, may
from .progress import progress_of
from .undoing import numbers_of, why_not_undo

MOST = 50  # batches on one page
SUMMED = ("orders", "back", "kept", "cannot", "forced")


@dataclass(frozen=True, slots=True)
class Row:
    """One batch: `why_not` where it cannot be undone, its preview, and its numbers once that is complete."""

    batch: Batch
    why_not: str = ""
    preview: SyncRun | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    seen: str = ""

    @property
    def active(self) -> bool:
        return self.preview is not None and self.preview.state in ACTIVE

    @property
    def ready(self) -> bool:
        return bool(self.seen)

    @property
    def failed(self) -> str:
        """Why the board could not be looked at."""
        ended = self.preview is not None and not self.active and self.preview.state != RunState.COMPLETED
        return (self.preview.error or "It was stopped.") if self.preview and ended else ""


def undo_many(request: HttpRequest) -> HttpResponse:
    """GET shows what undoing the batches in `ids` would do; POST looks at the board for them, or starts their undos.

    403 without the right to undo.
    """
    if not may(request.user, "undo"):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    batches = found_batches(given.getlist("ids"))
    if len(batches) > MOST:
        messages.error(request, f"At most {MOST} batches are undone at once. Remedy: tick fewer.")
        return HttpResponseRedirect(reverse("admin:staging_batch_changelist"))
    rows = [_row(batch, request.user) for batch in batches]
    if request.method != "POST":
        return _page(request, rows)
    return _go(request, rows) if given.get("do") == "go" else _look(request, rows)


def _row(batch: Batch, person: Person) -> Row:
    if why := why_not_undo(batch, person):
        return Row(batch, why)
    preview = latest(batch)
    whole = preview is not None and not preview.scope.get("orders")
    if preview is None or not whole or preview.state != RunState.COMPLETED:
        return Row(batch, preview=preview if whole or (preview and preview.state in ACTIVE) else None)
    if why_stale(preview, batch):
        return Row(batch)
    return Row(batch, preview=preview, numbers=numbers_of(preview), seen=what_is_chosen(preview))


def _look(request: HttpRequest, rows: list[Row]) -> HttpResponse:
    for row in rows:
        if row.why_not or row.active or row.ready:
            continue
        try:
            jobs.ask_preview(row.batch, actor=request.user.get_username(), trigger="admin")
        except NotAllowed as busy:
            messages.warning(request, f"Batch {row.batch.pk}: {busy}")
    return HttpResponseRedirect(_here(rows))


def _go(request: HttpRequest, rows: list[Row]) -> HttpResponse:
    """Start the undo of each batch whose preview is still the one that the page showed."""
    reason = request.POST.get("reason", "").replace("\x00", "").strip()[:2000]
    shown = [row for row in rows if f"seen-{row.batch.pk}" in request.POST]
    if any(row.numbers.get("forced") for row in shown) and not reason:
        messages.error(request, "Overwriting what people edited needs a reason. Remedy: say why in a few words.")
        return HttpResponseRedirect(_here(rows))
    for row in shown:
        named = f"Batch {row.batch.pk}"
        if not row.ready or request.POST[f"seen-{row.batch.pk}"] != row.seen or not row.numbers["orders"]:
            messages.error(request, f"{named}: its preview is not what was shown. Remedy: look at it again.")
            continue
        try:
            actor = request.user.get_username()
            jobs.ask_undo(row.batch, actor=actor, trigger="admin", reason=reason, preview=row.preview)
            messages.success(request, f"{named}: the undo is on its way.")
        except NotAllowed as refused:
            messages.error(request, f"{named}: {refused}")
    return HttpResponseRedirect(reverse("admin:staging_batch_changelist"))


def _page(request: HttpRequest, rows: list[Row]) -> HttpResponse:
    possible = [row for row in rows if not row.why_not]
    ready = [row for row in possible if row.ready]
    active = next((row.preview for row in possible if row.active), None)
    total: Counter[str] = Counter()
    for row in ready:
        total.update({name: row.numbers[name] for name in SUMMED})
    context = {
        **admin.site.each_context(request),
        "title": f"Undo: {counted(len(rows), 'batch', 'batches')}",
        "opts": Batch._meta,
        "rows": rows,
        "possible": possible,
        "ready": ready,
        "unseen": len(possible) - len(ready),
        "progress": progress_of(active, request.user) if active else None,
        "total": {name: total[name] for name in SUMMED},
        "ids": ",".join(str(row.batch.pk) for row in rows),
        "back": reverse("admin:staging_batch_changelist"),
    }
    return TemplateResponse(request, "staging/admin/undo_many.html", context)


def _here(rows: list[Row]) -> str:
    return f"{reverse('admin:staging_batch_undo_many')}?ids={','.join(str(row.batch.pk) for row in rows)}"
