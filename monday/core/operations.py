"""What can be asked of a board, and what can come back.

An operation is one mutation. Every operation that is sent ends as exactly one of three outcomes:
`Done`, `Refused` (the board said no, nothing was written) or `Unclear` (no answer that can be trusted came).
Values are the canonical ones of `monday.core.columns`; encoding for the wire happens where documents are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .columns import Value


@dataclass(frozen=True, slots=True)
class CreateItem:
    board_id: str
    group_id: str
    name: str
    values: Mapping[str, Value] = field(default_factory=dict)
    create_labels: bool = False


@dataclass(frozen=True, slots=True)
class CreateSubitem:
    parent_id: str
    name: str
    values: Mapping[str, Value] = field(default_factory=dict)
    create_labels: bool = False


@dataclass(frozen=True, slots=True)
class ChangeValues:
    """Change several columns of an item or subitem at once; the name is the column `name`."""

    board_id: str
    item_id: str
    values: Mapping[str, Value]
    create_labels: bool = False


@dataclass(frozen=True, slots=True)
class MoveToGroup:
    item_id: str
    group_id: str


@dataclass(frozen=True, slots=True)
class ArchiveItem:
    item_id: str


@dataclass(frozen=True, slots=True)
class DeleteItem:
    item_id: str


@dataclass(frozen=True, slots=True)
class CreateGroup:
    board_id: str
    title: str


Creation = CreateItem | CreateSubitem | CreateGroup
Operation = Creation | ChangeValues | MoveToGroup | ArchiveItem | DeleteItem


@dataclass(frozen=True, slots=True)
class Done:
    """Written. `id` is the item's, subitem's or group's id as the API gave it."""

    id: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The board refused this operation and wrote nothing.

    `code` is the API's code as it came; `owner` says whose job the remedy is: source, mapping, board, access or outage;
    `transient` is true where the same operation may succeed later without anybody's help.
    """

    code: str
    message: str
    remedy: str = ""
    owner: str = "board"
    column: str = ""
    value: str = ""
    transient: bool = False
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Sent, and no answer came that says whether it was written. `sent_at` is epoch seconds, UTC."""

    reason: str
    sent_at: float = 0.0
    request_id: str = ""


Outcome = Done | Refused | Unclear


@dataclass(frozen=True, slots=True)
class Item:
    """An item or subitem as the API shows it; `values` are canonical, for the columns that were asked for.

    `state` is active, archived or deleted. `subitems` is filled only where it was asked for, and so are `updates`: the
    texts of the newest that people wrote below it, each followed by its replies; "" is one without any text.
    """

    id: str
    name: str
    state: str
    board_id: str
    group_id: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    subitems: tuple[Item, ...] = ()
    parent_id: str = ""
    updates: tuple[str, ...] = ()
