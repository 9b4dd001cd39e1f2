"""A long list is written into a file by a job: the rows that its page shows, row by row."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone

from monday.exports import SHEET, SheetFull, lines, write
from staging import audit
from staging.core.lifecycle import NotAllowed
from staging.models import SyncRun
from staging.models.run import RunState
from staging.running.runs import tell
from staging.setup import Progress

from . import kept_files

NOBODY = "Whoever asked for this list may not see it any more. Remedy: none needed; nothing was written."


def screen_of(label: str) -> Any:
    """The admin screen of a list such as `staging.stagedorder`; None where there is none."""
    reverse("admin:index")  # the screens are loaded with the addresses, which a worker has not asked for yet
    known = {model._meta.label_lower: screen for model, screen in admin.site._registry.items()}
    return known.get(label)


def carry_out(run: SyncRun, progress: Progress) -> dict[str, Any]:
    """Write the list that the run's `scope` names; how its row ends. A former attempt's part is written anew.

    Raises NotAllowed where the person may not see the list any more, for an XLSX of more rows than a sheet holds and
    for a folder that cannot be written, and what `progress` raises to stop.
    """
    kept_files.clean(timezone.now())
    screen, form = screen_of(run.scope["list"]), run.scope["format"]
    request = HttpRequest()
    request.method = "GET"
    user = get_user_model()._default_manager.filter(pk=run.scope["user"], is_active=True).first()
    if user is None or screen is None:
        raise NotAllowed(NOBODY)
    request.user = user
    if not screen.has_view_permission(request):
        raise NotAllowed(NOBODY)
    rows = screen.export_rows(request, QueryDict(run.scope["query"], mutable=True))
    total = rows.order_by().count()
    name = f"export-{run.pk}.{form}"
    try:
        if form == "xlsx" and total > SHEET:
            raise SheetFull
        with kept_files.written(name) as file:
            done = write(file, form, lines(screen, rows), lambda now: progress("export", now, max(total, now)))
            size = file.tell()
    except SheetFull as refused:
        raise NotAllowed(str(refused)) from None
    except OSError as problem:
        remedy = "check free space and rights of FILES_DIR, then ask again"
        raise NotAllowed(f"The file cannot be written ({problem.strerror}). Remedy: {remedy}.") from None
    with transaction.atomic():
        told = {"list": run.scope["list"], "query": run.scope["query"], "format": form, "rows": done}
        tell(run, "list.exported", run.actor, timezone.now(), told)
    return {"state": RunState.COMPLETED, "counts": {"rows": done}, "result": {"file": name, "bytes": size}}


def taken(*, label: str, query: str, form: str, rows: int, actor: str) -> None:
    """Write down who took which list home. Opens a transaction."""
    data = {"list": label, "query": query[:2000], "format": form, "rows": rows}
    with transaction.atomic():
        audit.record(
            chain=audit.DECISIONS,
            actor=actor,
            action="list.exported",
            subject=f"list:{label}",
            now=timezone.now(),
            data=data,
        )


def downloaded(run: SyncRun, *, actor: str) -> None:
    """Write down who took a written file home. Opens a transaction."""
    with transaction.atomic():
        tell(run, "list.downloaded", actor, timezone.now(), {"file": run.result["file"]})
