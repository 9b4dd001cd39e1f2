"""What was found on a board, kept row by row with the run that read it, and handed out as pages and CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any

from monday.core.spreadsheets import shielded
from staging.models import BoardFinding, SyncRun
from staging.models.run import Kind, RunState

PAGE = 500
ADOPT: Mapping[str, str] = {
    "matched": "Items that belong to a record",
    "unsure": "Items and records that may belong together: a person must say; until then the record is held",
    "orphaned": "Items without a record: never touched",
    "unmatched": "Records without an item: the next sync creates them",
    "linked": "Items that were linked before",
}
RECONCILE: Mapping[str, str] = {
    "drifted": "Fields that show something else than was last written",
    "missing": "Linked items that are not on the board any more",
    "archived": "Linked items that were archived or deleted",
    "duplicate": "Items, or subitems of one item, that share one key",
    "extra": "Items that no record is linked to",
}
NOT_THERE = ("missing", "archived")
"""Of what a reconciliation finds: the links whose item the board does not show any more."""
TO_DO: Mapping[str, str] = {
    "drifted": "Nothing puts these back by itself. Where the board is right, let the source say the same; where it is "
    "wrong, correct the item by hand. Once the source changes such a field, the order is held as a conflict, unless "
    "its mapping says which side holds.",
    "missing": "Somebody deleted the item or moved it to another board. Decide for each: recreate it, link another "
    "item, or stop following the order.",
    "archived": "Where that was a mistake, restore the item on the board. Else decide for each: recreate it, link "
    "another item, or stop following the order.",
    "duplicate": "Somebody copied an item or a subitem, and its key with it. Archive on the board the ones that are "
    "not linked; what was typed into them is not taken over.",
    "extra": "They are never touched. Where they stand for orders, an adoption links them; else leave them to whoever "
    "made them.",
}
"""What a person does about each kind of difference."""
COLUMNS = ("category", "group", "record", "item_id", "name", "customer", "key", "field", "written", "live", "why")


class Findings:
    """Collects the findings of one run and stores them in pages. Opens no transaction of its own."""

    def __init__(self, run: SyncRun) -> None:
        self._run = run
        self._page: list[BoardFinding] = []

    def add(self, category: str, **fields: Any) -> None:
        """One finding; texts that are too long for their column are cut."""
        fields["name"] = str(fields.get("name", ""))[:255]
        self._page.append(BoardFinding(run=self._run, category=category, **fields))
        if len(self._page) >= PAGE:
            self.flush()

    def flush(self) -> None:
        """Store what was added since."""
        BoardFinding.objects.bulk_create(self._page, batch_size=100)
        self._page = []


def begin(run: SyncRun) -> Findings:
    """The findings of a run that begins, or begins again: what a dead process left of it is dropped."""
    BoardFinding.objects.filter(run=run).delete()
    return Findings(run)


def keep_only(run: SyncRun) -> None:
    """Drop the findings of earlier runs of this kind and mode: the last result is what people look at."""
    BoardFinding.objects.filter(run__kind=run.kind, run__mode=run.mode, run__board=run.board, run__lt=run.pk).delete()


def last(kind: Kind, mode: str = "", board: int | None = None) -> SyncRun | None:
    """The newest run of this kind that came to its end, of any board or of one; None where there was none."""
    ended = SyncRun.objects.filter(kind=kind, state=RunState.COMPLETED, board__isnull=False).select_related("board")
    ended = ended.filter(mode=mode) if mode else ended
    return (ended.filter(board=board) if board else ended).order_by("-id").first()


def found(run: SyncRun, category: str, *, after: int = 0, limit: int = PAGE) -> list[BoardFinding]:
    """One page of a category, by id."""
    return list(BoardFinding.objects.filter(run=run, category=category, pk__gt=after).order_by("pk")[:limit])


def every(run: SyncRun, category: str) -> Iterator[BoardFinding]:
    """All of a category, by id, read in pages."""
    after = 0
    while page := found(run, category, after=after):
        yield from page
        after = page[-1].pk


def lines(run: SyncRun, category: str) -> Iterator[str]:
    """A category as CSV, line by line, the heading first; texts that a spreadsheet would run are quoted."""
    yield _line(COLUMNS)
    for finding in every(run, category):
        yield _line(str(shielded(str(getattr(finding, name)))) for name in COLUMNS)


def _line(cells: Iterable[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(list(cells))
    return text.getvalue()
