"""The guard before a board's first run in PRODUCTION: what stands there already must be ours, or have been adopted.

Else the run would create a second item for every order that somebody else has put there.
"""

from __future__ import annotations

from collections.abc import Iterable

from monday.models import Board
from staging.core.adoption import link_of
from staging.core.ports import LiveItem
from staging.detection.guards import GuardRefused
from staging.models import Snapshot, SyncRun
from staging.models.run import Kind, RunState
from staging.setup import Setup, whole

from .board_items import everything

PAGE = 500
REMEDY = "Remedy: python manage.py adopt_board --mode PRODUCTION, which links them to their orders; then sync."


def check_strangers(setup: Setup, mode: str) -> None:
    """Refuse a sync while an adoption is at work or was broken off, and a first one that would double what is there.

    Reads the board only where nothing was ever linked on it, and stops at the first item that is not ours. Raises
    GuardRefused and Unavailable.
    """
    adoption = _last_adoption(setup.board)
    if adoption is not None and adoption.state != RunState.COMPLETED:
        raise GuardRefused(
            f"{adoption} links the items of {setup.board} to their orders and has not come to its end; nothing was "
            "done. Remedy: wait for it, or run adopt_board --apply again."
        )
    known = adoption is not None or Snapshot.objects.filter(board=setup.board).exists()
    if mode != "PRODUCTION" or known or not setup.structure.items_count:
        return
    page: list[LiveItem] = []
    for live in everything(setup):
        page.append(live)
        if len(page) == PAGE:
            _refuse_strangers(setup, page)
            page = []
    _refuse_strangers(setup, page)


def _last_adoption(board: Board) -> SyncRun | None:
    """The newest run that was to link, and began to; a run that was refused or stopped before it linked counts not."""
    runs = SyncRun.objects.filter(board=board, kind=Kind.ADOPT).order_by("-id")
    return next((run for run in runs.iterator(chunk_size=50) if run.scope.get("linking")), None)


def _refuse_strangers(setup: Setup, page: list[LiveItem]) -> None:
    ours = _records(setup, [link for live in page if (link := link_of(live))])
    for live in page:
        if link_of(live) not in ours or not _keyed(live):
            raise GuardRefused(
                f"{setup.board} holds {setup.structure.items_count:,} items already, and not all are ours: "
                f"{live.name!r}, for instance. A first run would create their orders a second time; nothing was done. "
                + REMEDY
            )


def _records(setup: Setup, links: Iterable[str]) -> set[str]:
    """Those UUIDs that are records of the source."""
    spelled = {word: link for link in links for word in (link.lower(), link.upper())}
    return {spelled[raw] for raw, _ in setup.source.fingerprints_of(list(spelled), whole(setup)) if raw in spelled}


def _keyed(live: LiveItem) -> bool:
    return all(line.key for line in live.lines)
