"""A monday.com board as a destination: items, lines, groups and labels in the words of staging.

One adapter serves one customer's target. It speaks only through `MondayClient`, so a local board and the real one are
served by the same code.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import structlog

from monday import boards
from monday.client import MondayClient, Unavailable
from monday.core.columns import Value, kind_of
from monday.core.operations import (
    ArchiveItem,
    ChangeValues,
    CreateItem,
    CreateSubitem,
    Item,
    MoveToGroup,
    Operation,
    Outcome,
)
from monday.core.structure import BoardStructure, Column
from monday.models import Board
from staging.core.ports import Intent, Journal, LiveItem, LiveLine, Target

LABELLED = ("status", "dropdown")
LARGEST = 500  # items a page, of the API
UPDATES = "Updates below it"  # where people write to each other; no column, so it has a title of our own
PRECREATED = 200  # labels of one column that are made beforehand; beyond it the requests make them

log = structlog.get_logger(__name__)


def filled(value: Value) -> bool:
    """Whether a cell holds anything; a tick that is not set is as good as empty."""
    return value not in (None, "", [], {}, False)


class MondayBoard:
    """The board behind one client, as `staging.core.ports.Destination`.

    `labels` says per column id whether missing labels are made beforehand (create), by the requests (inline) or never.
    """

    def __init__(
        self,
        *,
        client: MondayClient,
        board: Board,
        target: Target,
        now: Callable[[], datetime],
        labels: Mapping[str, str],
    ) -> None:
        self._client, self._board, self._target, self._now = client, board, target, now
        self._labels = labels
        self._known: dict[str, set[str] | None] = {}
        """Labels by column id, None for a column that has none."""
        self._groups: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._structure: BoardStructure | None = None
        # A database that was restored gives out the numbers of its receipts again, and the API would replay the answer
        # that another write of that number had got.
        self._once = secrets.token_hex(8)

    def structure(self, *, fresh: bool = False) -> BoardStructure:
        """Columns, labels, groups and limits; read again from the board where `fresh`."""
        if fresh:
            self._structure = boards.refresh(board=self._board, client=self._client, now=self._now())
        elif self._structure is None:
            self._structure = self._board.known_structure() or self.structure(fresh=True)
        return self._structure

    def find(self, link_keys: Sequence[str]) -> dict[str, list[LiveItem]]:
        """Active items by link key."""
        column = self._target.uuid_column
        found: dict[str, list[LiveItem]] = {}
        if not link_keys or column not in self.structure().columns:
            return found
        items = self._client.find_items(
            self._board.board_id, column, link_keys, columns=self._columns(), subitem_columns=self._line_columns()
        )
        self._titles = boards.titles(self._board)
        wanted = {key.lower() for key in link_keys}
        for item in items:
            live = self._live(item)
            if live.link_key in wanted:
                found.setdefault(live.link_key, []).append(live)
        return found

    def read(self, item_ids: Sequence[str], *, people: bool = False) -> dict[str, LiveItem]:
        """Items by id with their lines, archived and deleted ones included."""
        theirs = self._their_columns() if people else []
        columns = [*self._columns(), *theirs]
        below = self._line_columns(whoever=people)
        items = self._client.items(item_ids, columns=columns, subitem_columns=below, updates=people)
        self._titles = boards.titles(self._board)
        return {item_id: self._live(item, theirs) for item_id, item in items.items()}

    def edits(self, ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Who wrote last, by the board's activity log; nothing where the token may not read that."""
        structure = self.structure()
        both = [self._board.board_id, *([structure.subitems.id] if structure.subitems else [])]
        try:
            return self._client.edits(both, ids)
        except Unavailable as refused:
            if not refused.permanent:
                raise
            log.warning("the board's activity cannot be read", why=str(refused))
            return {}

    def everything(self) -> Iterator[LiveItem]:
        """Every active item with its lines, in the API's largest pages; smaller ones where those are too heavy."""
        self._titles = boards.titles(self._board)
        items = self._client.all_items(
            self._board.board_id, columns=self._columns(), subitem_columns=self._line_columns(), page=LARGEST
        )
        return (self._live(item) for item in items)

    def ensure_groups(self, titles: Sequence[str]) -> dict[str, str]:
        """Group id for each title; a missing group is created once."""
        missing = [title for title in titles if title not in self._groups]
        if missing:
            self._groups |= boards.ensure_groups(
                board=self._board, client=self._client, titles=missing, now=self._now()
            )
            self._structure = None
        return {title: self._groups[title] for title in titles}

    def ensure_labels(self, labels: Mapping[str, Sequence[str]]) -> None:
        """Make these labels exist beforehand, in columns that will not hold too many; the requests make the others."""
        wanted: dict[tuple[str, Column], Sequence[str]] = {}
        for column_id, texts in labels.items():
            owner, column = self._column(column_id)
            if column is None or column.kind not in LABELLED or self._labels.get(column_id, "create") != "create":
                continue
            missing = [text for text in texts if text not in column.label_texts()]
            if missing and len(column.labels) + len(missing) <= PRECREATED:
                wanted[owner, column] = missing
        if wanted:
            self._client.create_all_labels(wanted)
            self.structure(fresh=True)
        self._known = {}

    def write(self, intents: Sequence[Intent], journal: Journal) -> dict[int, Outcome]:
        """Send the intents and say what became of each."""
        operations = [self._operation(intent) for intent in intents]
        receipts = [intent.receipt for intent in intents]
        outcomes = self._client.write(
            operations,
            board=self.structure(),
            tokens=[f"{self._once}/{receipt}" for receipt in receipts],
            journal=_ByReceipt(receipts, journal),
        )
        return dict(zip(receipts, outcomes, strict=True))

    # --- reading -----------------------------------------------------------------------------------------------------
    def _columns(self) -> list[Column]:
        columns = self.structure().columns
        wanted = dict.fromkeys([self._target.uuid_column, *self._target.columns])
        return [columns[column] for column in wanted if column in columns]

    def _line_columns(self, *, whoever: bool = False) -> list[Column]:
        """Every column of the subitems board that people or we can write: what people filled must be seen.

        None where we make no subitems, unless `whoever` made them is wanted.
        """
        subitems = self.structure().subitems
        if subitems is None or (self._target.lines is None and not whoever):
            return []
        return [column for column in subitems.columns.values() if kind_of(column).writable and column.id != "name"]

    def _their_columns(self) -> list[Column]:
        """Columns of the items that somebody can fill by hand and that we do not map."""
        ours = {self._target.uuid_column, *self._target.columns, "name"}
        return [c for c in self.structure().columns.values() if kind_of(c).writable and c.id not in ours]

    def _live(self, item: Item, theirs: Sequence[Column] = ()) -> LiveItem:
        values = dict(item.values)
        people: dict[str, Value] = {column.title: values.pop(column.id, None) for column in theirs} | _below(item)
        lines = [self._line(line) for line in item.subitems]
        if item.state != "active":
            people |= {f"{line.name}, {title}": value for line in lines for title, value in line.people.items()}
        link_key = str(values.pop(self._target.uuid_column, "") or "").lower()
        return LiveItem(
            id=item.id,
            link_key=link_key,
            state=item.state,
            on_board=item.board_id == self._board.board_id,
            name=item.name,
            group_id=item.group_id,
            group=self._titles.get(item.group_id, ""),
            values=values,
            lines=tuple(line for line, below in zip(lines, item.subitems, strict=True) if below.state == "active"),
            people={title: value for title, value in people.items() if filled(value)},
        )

    def _line(self, line: Item) -> LiveLine:
        shape = self._target.lines
        ours = (shape.size_column, shape.quantity_column, shape.key_column) if shape else ("", "", "")
        size, quantity, key = (line.values.get(column) for column in ours)
        subitems = self.structure().subitems
        known = subitems.columns if subitems else {}
        people = {
            known[name].title if name in known else name: value
            for name, value in line.values.items()
            if name not in ours and filled(value)
        } | _below(line)
        return LiveLine(
            id=line.id,
            name=line.name,
            key=str(key or ""),
            size=str(size[0] if isinstance(size, list) and size else size or ""),
            quantity=None if quantity is None else str(quantity),
            touched=bool(people),
            people=people,
        )

    # --- writing -----------------------------------------------------------------------------------------------------
    def _operation(self, intent: Intent) -> Operation:
        board_id = self._board.board_id
        if intent.kind == "create_item":
            group = self.ensure_groups([intent.group])[intent.group]
            return CreateItem(board_id, group, intent.name, intent.values, self._creates_labels(intent.values))
        if intent.kind == "change_item":
            values = dict(intent.values)
            if intent.name:
                values["name"] = intent.name
            return ChangeValues(board_id, intent.item_id, values, self._creates_labels(values))
        if intent.kind == "move_item":
            return MoveToGroup(intent.item_id, self.ensure_groups([intent.group])[intent.group])
        if intent.kind in ("archive_item", "archive_line"):
            return ArchiveItem(intent.item_id)
        if intent.kind == "mark_line":
            assert self._target.lines is not None
            key = {self._target.lines.key_column: intent.values["key"]}
            return ChangeValues(self._subitems_id(), intent.item_id, key)
        values = self._line_values(intent)
        if intent.kind == "create_line":
            return CreateSubitem(intent.parent, intent.name, values, self._creates_labels(values))
        shape = self._target.lines
        assert shape is not None
        return ChangeValues(self._subitems_id(), intent.item_id, {shape.quantity_column: values[shape.quantity_column]})

    def _line_values(self, intent: Intent) -> dict[str, Value]:
        shape, subitems = self._target.lines, self.structure().subitems
        assert shape is not None
        size: Value = str(intent.values["size"])
        column = subitems.columns.get(shape.size_column) if subitems else None
        if (column.kind if column else "dropdown") == "dropdown":
            size = [str(size)]
        values: dict[str, Value] = {shape.size_column: size, shape.quantity_column: intent.values["quantity"]}
        if shape.key_column and (subitems is None or shape.key_column in subitems.columns):
            values[shape.key_column] = intent.values["key"]
        return values

    def _creates_labels(self, values: Mapping[str, Value]) -> bool:
        """Whether the request must make a label: only then is the board asked to, as it needs a right of its own."""
        for column_id, value in values.items():
            if column_id not in self._known:
                _, column = self._column(column_id)
                labelled = column is not None and column.kind in LABELLED
                self._known[column_id] = set(column.label_texts()) if column is not None and labelled else None
            known = self._known[column_id]
            if known is None or value is None or self._labels.get(column_id, "create") == "require":
                continue
            if not known.issuperset(value if isinstance(value, list) else [str(value)]):
                return True
        return False

    def _subitems_id(self) -> str:
        subitems = self.structure().subitems or self.structure(fresh=True).subitems
        return subitems.id if subitems else ""

    def _column(self, column_id: str) -> tuple[str, Column | None]:
        """A column by its id with the board that it stands on: the items' or the subitems'."""
        structure = self.structure()
        if column_id in structure.columns or structure.subitems is None:
            return structure.id, structure.columns.get(column_id)
        return structure.subitems.id, structure.subitems.columns.get(column_id)


def _below(item: Item) -> dict[str, Value]:
    """What people wrote below an item, as one more cell that is theirs."""
    return {UPDATES: [text or "one without text" for text in item.updates]} if item.updates else {}


class _ByReceipt:
    """Turns the client's positions into receipts for the journal."""

    def __init__(self, receipts: Sequence[int], journal: Journal) -> None:
        self._receipts, self._journal = receipts, journal

    def sending(self, indices: Sequence[int], key: str) -> None:
        self._journal.sending([self._receipts[index] for index in indices], key)

    def answered(self, outcomes: Mapping[int, Outcome]) -> None:
        self._journal.answered({self._receipts[index]: outcome for index, outcome in outcomes.items()})
