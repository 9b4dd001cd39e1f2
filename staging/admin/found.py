"""What the reading of a board has found, as pages show it: each kind with its rows, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from monday.models import Board
from staging.boards import findings, reconcile
from staging.models import BoardFinding, Snapshot, SyncRun
from staging.models.run import Kind
from staging.running import schedules

SHOWN = 50  # findings of a kind on one page
OLD = timedelta(days=2)
"""After so long a comparison says little: the schedule makes one a day."""
COMPARING = "staging.board_jobs.reconcile"


@dataclass(frozen=True, slots=True)
class Row:
    """One finding with the pages that it leads to; `link` is the key of its item's link, None where it has none."""

    finding: BoardFinding
    order: str
    link: int | None


def parts(kinds: Mapping[str, str], run: SyncRun, only: str = "", after: int = 0) -> list[dict[str, Any]]:
    """Each kind of finding with its number and its first rows; of `only` one kind, those after a key."""
    shown = []
    for category, words in kinds.items():
        if only and category != only:
            continue
        number = BoardFinding.objects.filter(run=run, category=category).count()
        if not number:
            continue
        rows = findings.found(run, category, after=after, limit=SHOWN + 1)
        part = {"category": category, "words": words, "number": number, "to_do": findings.TO_DO.get(category, "")}
        shown.append(part | {"rows": _rows(run, rows[:SHOWN]), "more": rows[SHOWN - 1].pk if rows[SHOWN:] else 0})
    return shown


def _rows(run: SyncRun, rows: Sequence[BoardFinding]) -> list[Row]:
    """The rows with their links, asked for all of them at once."""
    links = Snapshot.objects.filter(board=run.board_id, item_id__in=[row.item_id for row in rows if row.item_id])
    by_item = {item: (pk, record) for item, pk, record in links.values_list("item_id", "pk", "record")}
    found = []
    for row in rows:
        link, record = by_item.get(row.item_id, (None, ""))
        order = reverse("admin:staging_record", args=[run.board_id, record]) if record else ""
        found.append(Row(row, order, link))
    return found


def comparison(board: Board, mode: str) -> dict[str, Any]:
    """How a board compares with what was last written to it: the last result with its sums, its age, the next one."""
    run = findings.last(Kind.RECONCILE, mode, board.pk)
    counts = reconcile.Counts(**run.counts) if run else None
    return {"run": run, "sums": reconcile.sums(counts) if counts else [], "differs": bool(counts and counts.differs)}


def age(run: SyncRun | None, mode: str) -> dict[str, Any]:
    """Whether a comparison is old by now, and when the next one comes by itself."""
    now = timezone.now()
    old = bool(run and run.finished_at and now - run.finished_at > OLD)
    return {"old": old, "next": schedules.next_of(COMPARING, mode, now)}


def boards_read(kind: Kind, mode: str) -> list[Board]:
    """The boards of which there is a result, by name."""
    read = SyncRun.objects.filter(kind=kind, mode=mode, board__isnull=False).order_by().values("board").distinct()
    return list(Board.objects.filter(pk__in=read).order_by("name", "pk"))
