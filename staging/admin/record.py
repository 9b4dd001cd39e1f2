"""The page of a record of which nothing was ever staged, and what every order's page shows of its record's life."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from monday.charts import Chart, chart
from monday.screens import pill
from staging.batches.diff import SizeChange
from staging.core.terms import term
from staging.models import StagedOrder
from staging.models.receipt import WriteOutcome
from staging.records.life import Life
from staging.records.life import life as told
from staging.records.search import known

from .find import place, stands
from .pills import WRITES, batch_pills, operation_word, order_pill
from .proof import item_link


def record(request: HttpRequest, board: int, record: str) -> HttpResponse:
    """A record by its UUID: its last staged order's page, or what is known where nothing was ever staged."""
    if not request.user.has_perm("staging.view_stagedorder"):
        raise PermissionDenied
    found = known(board, term(record))
    if found is None:
        raise Http404(f"There is no record {record}.")
    if found.order is not None:
        return HttpResponseRedirect(place(found))
    life = told(board_id=board, record=found.record)
    context = {
        **admin.site.each_context(request),
        **in_words(life),
        "title": found.name,
        "found": found,
        "pill": stands(found),
        "record": found.record,
        "item": _item(life),
        "opts": StagedOrder._meta,
    }
    return TemplateResponse(request, "staging/admin/record.html", context)


def in_words(life: Life) -> dict[str, Any]:
    """A life with its pills, for `life.html`."""
    batches = batch_pills(version.order.batch for version in life.versions)
    versions = [
        (
            version,
            operation_word(version.order.operation),
            order_pill(version.order),
            batches[version.order.batch_id],
            [
                (one, pill(WRITES[WriteOutcome(one.receipt.outcome)], one.receipt.get_outcome_display()))
                for one in version.writes
            ],
        )
        for version in life.versions
    ]
    seen = life.seen
    return {
        "life": life,
        "versions": versions,
        "seen": seen,
        "seen_pill": pill("bad", seen.get_verdict_display()) if seen else "",
    }


def sizes_chart(sizes: tuple[SizeChange, ...], *, new: bool) -> Chart | None:
    """Quantities by size, before and after side by side; None without sizes."""
    if not sizes:
        return None
    rows: list[tuple[str, list[float | None]]] = [
        (one.size, [one.after] if new else [one.before, one.after]) for one in sizes
    ]
    return chart(
        name="sizes",
        title="Quantity by size",
        head="Size",
        series=("quantity",) if new else ("before", "after"),
        rows=rows,
        stacked=new,
        step=46,
    )


def _item(life: Life) -> str:
    if life.snapshot is None or not life.snapshot.item_id:
        return ""
    return item_link(life.snapshot.item_id, sandbox=life.snapshot.board.environment == "sandbox")
