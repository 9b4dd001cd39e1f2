"""What people do while the line works: they publish documents, change rows, and edit the board by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import requests

from mapping.publish import publish_text
from monday.client import MondayClient
from monday.core.operations import ArchiveItem, ChangeValues, CreateItem, CreateSubitem, MoveToGroup, Operation
from monday.models import Board
from staging.wiring import recorder

from .core.mapping_samples import COLUMNS
from .memory_source import SIZES, MemorySource, uuid

if TYPE_CHECKING:
    from .world import FixedClock, Shown


class Silent:
    """A journal for what people do on the board by hand."""

    def sending(self, indices: Sequence[int], key: str) -> None: ...

    def answered(self, outcomes: Mapping[int, object]) -> None: ...


class People:
    """The part of a world that is done by hand."""

    clock: FixedClock
    source: MemorySource
    board: Board
    address: str
    _eye: MondayClient
    _hand: requests.Session

    if TYPE_CHECKING:

        def item(self, number: int) -> Shown: ...

    def publish(self, text: str) -> None:
        """Publish a mapping document."""
        publish_text(text=text, actor="anna", note="", now=self.clock.now(), record=recorder)

    def add(self, number: int, **cells: Any) -> dict[str, Any]:
        """A valid row of HARBOUR with two sizes, unless `cells` say otherwise (a blank in a name is written as _)."""
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        row |= {"record_uuid": uuid(number), "ORDER": f"A{number}", "CUSTOMER": "HARBOUR (AU)", "PO": f"P{number}"}
        row |= {"STYLE": "ST1", "COLOUR": "RED", "SEASON": "SS27", "TYPE": "ACTIVE", "PRICE": "10.50", "UNIT": "EACH"}
        row |= {"S": 1, "M": 2, "TOTAL": 3}
        row |= _columns(cells)
        self.source.orders.append(row)
        return row

    def change(self, number: int, **cells: Any) -> None:
        """Change cells of a row; sizes bring their total with them."""
        row = self.row(number)
        row |= _columns(cells)
        if "TOTAL" not in cells:
            row["TOTAL"] = sum(row[size] or 0 for size in SIZES)

    def row(self, number: int) -> dict[str, Any]:
        return next(row for row in self.source.orders if row["record_uuid"] == uuid(number))

    def drop(self, *numbers: int) -> list[dict[str, Any]]:
        """Take rows out of the source."""
        gone = [self.row(number) for number in numbers]
        self.source.orders = [row for row in self.source.orders if row not in gone]
        return gone

    def by_hand(self, *operations: Operation) -> list[str]:
        """What a person does on the board; the ids that came back."""
        structure = self._eye.board(self.board.board_id)
        tokens = [f"hand:{self.clock.at}:{position}" for position in range(len(operations))]
        outcomes = self._eye.write(list(operations), board=structure, tokens=tokens, journal=Silent())
        self.clock.sleep(1)
        return [outcome.id for outcome in outcomes]  # type: ignore[union-attr]

    def edit(self, number: int, **values: Any) -> None:
        """A person changes cells of an order's item."""
        self.by_hand(ChangeValues(self.board.board_id, self.item(number).id, values, create_labels=True))

    def edit_line(self, number: int, size: str, **values: Any) -> None:
        """A person changes cells of a size's subitem."""
        line = self.item(number).line_ids[f"{uuid(number)}/{size}"]
        below = self._eye.board(self.board.board_id).subitems
        assert below is not None
        self.by_hand(ChangeValues(below.id, line, values, create_labels=True))

    def write_below(self, place: str, body: str) -> str:
        """A person writes an update below an item or subitem (`item_id: 7`) or answers one (`parent_id: 8`); its id."""
        text = f"mutation ($body: String!) {{ create_update({place}, body: $body) {{ id }} }}"
        asked = {"query": text, "variables": {"body": body}}
        answer = self._hand.post(self.address, json=asked, headers={"Authorization": "planner"}, timeout=10).json()
        self.clock.sleep(1)
        return str(answer["data"]["create_update"]["id"])

    def archive(self, number: int) -> None:
        """A person archives an order's item."""
        self.by_hand(ArchiveItem(self.item(number).id))

    def move(self, number: int, title: str) -> None:
        """A person drags an order's item into another group."""
        groups = {group.title: group.id for group in self._eye.board(self.board.board_id).groups}
        self.by_hand(MoveToGroup(self.item(number).id, groups[title]))

    def add_subitem(self, number: int, name: str) -> None:
        """A planner's own subitem."""
        self.by_hand(CreateSubitem(self.item(number).id, name))

    def copy_item(self, number: int) -> None:
        """A person duplicates an item, its UUID column included."""
        group = self._eye.board(self.board.board_id).groups[0].id
        self.by_hand(CreateItem(self.board.board_id, group, "a copy", {"text_record_uuid": uuid(number)}))


def _columns(cells: Mapping[str, Any]) -> dict[str, Any]:
    return {name if name == "record_uuid" else name.replace("_", " "): value for name, value in cells.items()}
