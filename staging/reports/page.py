"""The demo page: a board as planners know it, the batches with their diffs and the last runs, gathered for one page.

Reads the board through the client like everybody else, and at most so many items of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol

from mapping.core.rules import Sizes
from mapping.publish import PublishedFamily
from monday.core.operations import Item
from monday.core.structure import BoardStructure, Column
from monday.models import Board
from staging.batches.describe import BatchPicture, describe_all
from staging.batches.diff import OrderPicture, orders, shown
from staging.core.counts import Counts
from staging.core.lifecycle import COUNTED, BatchState
from staging.models import Batch, SyncRun
from staging.models.run import Kind, RunState

from .report import READ, STATUS

MOST_ITEMS, MOST_BATCHES, MOST_ORDERS, MOST_RUNS = 200, 12, 25, 12
TONES = 12  # colours for labels and groups; they repeat
LABELLED = ("status", "dropdown")
CHANGING = ("update", "remove", "restore")
STAGED = ("applied", "pending", "held", "rejected", "skipped", "unclear")


class Reader(Protocol):
    """What gathering needs of the client."""

    def all_items(
        self, board_id: str, *, columns: Sequence[Column], subitem_columns: Sequence[Column] = ()
    ) -> Iterator[Item]: ...


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as text. `labels` holds (text, tone); `kind` is status, dropdown, number or text."""

    kind: str
    text: str = ""
    labels: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One subitem: its size, its quantity, and the quantity's share of the item's largest in percent."""

    name: str
    quantity: str
    share: int


@dataclass(frozen=True, slots=True)
class ItemShown:
    name: str
    cells: tuple[Cell, ...]
    lines: tuple[Line, ...]
    pieces: str
    """The sum of the quantities, "" where one of them is no whole number."""


@dataclass(slots=True)
class GroupShown:
    title: str
    tone: int
    items: list[ItemShown] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pill:
    """A state as a word with an icon and a tone (good, busy, wait, bad or quiet)."""

    words: str
    icon: str
    tone: str


@dataclass(frozen=True, slots=True)
class OrderShown:
    picture: OrderPicture
    pill: Pill


@dataclass(frozen=True, slots=True)
class BatchShown:
    picture: BatchPicture
    pill: Pill
    orders: tuple[OrderShown, ...]
    more: int
    unfolded: bool


@dataclass(frozen=True, slots=True)
class RunShown:
    """One run. `sums` are its balanced counts, such as `300 read = 290 unchanged + 10 changed`."""

    id: int
    kind: str
    mode: str
    actor: str
    at: datetime
    seconds: float | None
    pill: Pill
    sums: tuple[str, ...]
    error: str


@dataclass(frozen=True, slots=True)
class DemoPage:
    """Everything that the page shows."""

    board: str
    where: str
    now: datetime
    columns: tuple[Column, ...]
    groups: tuple[GroupShown, ...]
    items: int
    more_items: int
    waiting: int
    rejected: int
    batches: tuple[BatchShown, ...]
    more_batches: int
    runs: tuple[RunShown, ...]

    @property
    def untouched(self) -> bool:
        """Whether nothing has ever happened here."""
        return not (self.items or self.runs or self.batches)


def gather(
    *, client: Reader, board: Board, structure: BoardStructure, mappings: PublishedFamily, now: datetime
) -> DemoPage:
    """Gather the page. Reads the board and the app database, and writes nothing. Raises Unavailable."""
    columns, line_columns, sizes = _mapped(structure, mappings)
    read = client.all_items(structure.id, columns=columns, subitem_columns=line_columns)
    items = list(islice(read, MOST_ITEMS))
    filled = [column for column in columns if any(shown(item.values.get(column.id)) for item in items)]
    mine = Batch.objects.filter(board=board).exclude(state=BatchState.DRAFT)
    newest = list(mine.order_by("-pk")[:MOST_BATCHES])
    return DemoPage(
        board=structure.name,
        where="local board" if board.environment == "sandbox" else board.address,
        now=now,
        columns=tuple(filled),
        groups=tuple(_groups(structure, items, filled, sizes)),
        items=max(structure.items_count, len(items)),
        more_items=max(0, structure.items_count - len(items)),
        waiting=mine.waiting().count(),
        rejected=mine.filter(orders__state__in=sorted(COUNTED["rejected"])).distinct().count(),
        batches=tuple(_batches(newest)),
        more_batches=max(0, mine.count() - len(newest)),
        runs=tuple(_run(run) for run in SyncRun.objects.filter(board=board).order_by("-pk")[:MOST_RUNS]),
    )


# --- the board ------------------------------------------------------------------------------------------------------
def _mapped(structure: BoardStructure, mappings: PublishedFamily) -> tuple[list[Column], list[Column], Sizes | None]:
    """The mapped columns in the board's order, those of its subitems, and how sizes are written."""
    effective = mappings.family.mappings()
    wanted = {rules.to for mapping in effective for rules in mapping.columns}
    columns = [column for column in structure.columns.values() if column.id in wanted and not column.archived]
    sizes = next((mapping.sizes for mapping in effective if mapping.sizes), None)
    if sizes is None or structure.subitems is None:
        return columns, [], None
    ours = (sizes.size_column, sizes.quantity_column)
    return columns, [column for column in structure.subitems.columns.values() if column.id in ours], sizes


def _groups(
    structure: BoardStructure, items: Iterable[Item], columns: Sequence[Column], sizes: Sizes | None
) -> list[GroupShown]:
    groups = {
        group.id: GroupShown(group.title, at % TONES)
        for at, group in enumerate(group for group in structure.groups if not group.archived)
    }
    tones = {column.id: _tones(column) for column in columns if column.kind in LABELLED}
    for item in items:
        group = groups.setdefault(item.group_id, GroupShown(item.group_id, len(groups) % TONES))
        lines = _lines(item, sizes)
        pieces = sum(int(line.quantity) for line in lines if line.quantity.isdigit())
        cells = tuple(_cell(column, item, tones.get(column.id, {})) for column in columns)
        group.items.append(ItemShown(item.name, cells, lines, f"{pieces:,}" if pieces else ""))
    return [group for group in groups.values() if group.items]


def _tones(column: Column) -> dict[str, int]:
    return {label.text: at % TONES for at, label in enumerate(column.labels)}


def _cell(column: Column, item: Item, tones: Mapping[str, int]) -> Cell:
    value = item.values.get(column.id)
    if column.kind in LABELLED:
        texts = value if isinstance(value, list) else [value] if value else []
        return Cell(column.kind, labels=tuple((str(text), tones.get(str(text), 0)) for text in texts))
    return Cell("number" if column.kind == "numbers" else "text", shown(value) or "")


def _lines(item: Item, sizes: Sizes | None) -> tuple[Line, ...]:
    if sizes is None:
        return ()
    active = [line for line in item.subitems if line.state == "active"]
    pairs = [
        (shown(line.values.get(sizes.size_column)) or line.name, shown(line.values.get(sizes.quantity_column)) or "")
        for line in active
    ]
    largest = max((int(quantity) for _, quantity in pairs if quantity.isdigit()), default=0)
    return tuple(
        Line(name, quantity, int(quantity) * 100 // largest if quantity.isdigit() and largest else 0)
        for name, quantity in pairs
    )


# --- batches and runs ---------------------------------------------------------------------------------------------
def _batches(batches: Sequence[Batch]) -> Iterator[BatchShown]:
    # What has something old to show beside the new comes first, and the batch with the most of it is open.
    changing = [orders(batch, limit=MOST_ORDERS, operations=CHANGING) for batch in batches]
    telling = max(range(len(batches)), key=lambda at: len(changing[at]), default=0)
    for at, (batch, picture) in enumerate(zip(batches, describe_all(batches), strict=True)):
        page = changing[at] + orders(batch, limit=MOST_ORDERS - len(changing[at]), operations=["create"])
        shown_ones = tuple(OrderShown(order, pill(order.state)) for order in page)
        more = sum(picture.counts.values()) - len(page)
        state = "held" if picture.all_held else batch.state
        yield BatchShown(picture, pill(state), shown_ones, more, unfolded=at == telling)


def _run(run: SyncRun) -> RunShown:
    return RunShown(
        id=run.pk,
        kind=Kind(run.kind).label,
        mode=run.mode,
        actor=run.actor,
        at=run.started_at,
        seconds=run.durations.get("total"),
        pill=Pill(STATUS.get(RunState(run.state), run.get_state_display()), *TONE.get(run.state, QUIET)),
        sums=tuple(_sums(run)),
        error=run.error,
    )


def _sums(run: SyncRun) -> Iterator[str]:
    """What a run counted, as sums that hold; of a push or an undo only what became of how many."""
    if run.kind != Kind.SYNC:
        counted = [f"{number:,} {name}" for name, number in run.counts.items() if number]
        if counted:
            yield ", ".join(counted)
        return
    counts = Counts.from_json(run.counts)
    yield _sum(counts, "read", READ)
    if counts.staged:
        yield _sum(counts, "staged", STAGED)
    if counts.deferred:
        yield f"{counts.deferred:,} deferred by --limit"
    yield "removals not checked" if counts.removed is None else f"{counts.removed:,} removed from the source"


def _sum(counts: Counts, whole: str, parts: Iterable[str]) -> str:
    named = [f"{getattr(counts, part):,} {part}" for part in parts if getattr(counts, part)]
    return f"{getattr(counts, whole):,} {whole} = {' + '.join(named) or '0'}"


def pill(state: str) -> Pill:
    """The pill of a batch's or an order's state."""
    return Pill(state.replace("_", " "), *TONE.get(state, QUIET))


QUIET = ("·", "quiet")
TONE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("applied", "pushed", "completed"), ("✓", "good")),
    **dict.fromkeys(("approved", "sending", "pushing", "running", "undoing"), ("→", "busy")),
    **dict.fromkeys(("staged", "open", "waiting", "held", "all held", "queued", "paused"), ("○", "wait")),
    **dict.fromkeys(("rejected", "failed", "needs_attention", "unclear", "with_errors", "refused"), ("!", "bad")),
    **dict.fromkeys(("undone", "partly_undone", "kept"), ("↩", "quiet")),
    **dict.fromkeys(("declined", "superseded", "given_up", "stopped"), ("×", "quiet")),
}
