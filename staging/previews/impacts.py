"""A version's preview over every board that is in use: opened one after the other, each counted or said why not."""

from __future__ import annotations

from typing import Any

from mapping.impact import imagined, with_text
from mapping.models import Document, Version
from mapping.publish import NoMapping
from mapping.vetting import vet
from monday.calls import CallLog
from monday.client import Unavailable
from monday.models import Board
from staging.core.lifecycle import NotAllowed
from staging.core.ports import SourceRefused
from staging.detection.guards import GuardRefused
from staging.models import SyncRun
from staging.models.run import RunState
from staging.setup import Progress
from staging.wiring import NotConfigured, boards_of, opened_for, surroundings, under

from .impact import head, not_counted, preview

NO_BOARD = "No board of this document has been read yet. Remedy: start a sync first."


def over_boards(run: SyncRun, calls: CallLog, progress: Progress) -> dict[str, Any]:
    """How the run of a preview ends: its state, and what publishing the version would change as JSON-able data.

    A board that fails says so in its place. Raises what `progress` raises to stop.
    """
    version = Version.objects.select_related("document__customer").get(pk=run.scope["version"])
    boards = counted_boards(version.document, version.text, run=run, calls=calls, progress=progress)
    result = {**head(version), "boards": boards}
    failed = [board["error"] for board in boards if board.get("error")] if boards else [NO_BOARD]
    state = RunState.COMPLETED if not failed else RunState.WITH_ERRORS if len(failed) < len(boards) else RunState.FAILED
    counts = {name: sum(board.get(name, 0) for board in boards) for name in ("staged", "because", "invalid")}
    return {"state": state, "result": result, "counts": counts, "error": " ".join(failed)[:2000]}


def counted_boards(
    document: Document, text: str, *, run: SyncRun, calls: CallLog, progress: Progress
) -> list[dict[str, Any]]:
    """What publishing this text would change on each board in use, or why that could not be counted there."""
    boards = []
    for board in boards_of(document):
        try:
            boards.append(_counted(run, document, text, board, calls, progress))
        except (NotConfigured, GuardRefused, NotAllowed, NoMapping, SourceRefused, Unavailable) as problem:
            boards.append(not_counted(board, str(problem)))
    return boards


def _counted(
    run: SyncRun, document: Document, text: str, board: Board, calls: CallLog, progress: Progress
) -> dict[str, Any]:
    with opened_for(board, calls=calls) as setup:
        family = with_text(document, text, board.board_id)
        problems = vet(document=document, text=text, around=surroundings(document, text))
        after = under(setup, imagined(family))
        return preview(before=setup, after=after, run=run, actor=run.actor, problems=problems, progress=progress)
