"""Every item of a board, read once from its first to its last page, for those who look at the whole of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType

import orjson

from mapping.core.order import LineShape
from staging.core.ports import LiveItem, LiveLine, Target
from staging.setup import Setup

EVERYBODY = ""  # no customer: the board's own mapping


def whole_board(setup: Setup) -> Target:
    """What of an item is read when all are: the columns of every customer, and the lines."""
    family = setup.mappings.family
    columns = dict.fromkeys(rules.to for mapping in (family.default, *family.mappings()) for rules in mapping.columns)
    sizes = family.default.sizes
    lines = LineShape(sizes.item, sizes.size_column, sizes.quantity_column, sizes.key_column) if sizes else None
    return Target(family.default.board.uuid_column, tuple(columns), lines)


def everything(setup: Setup) -> Iterator[LiveItem]:
    """Every active item, page by page; memory does not grow with the board. Raises Unavailable."""
    return setup.destination(whole_board(setup), EVERYBODY).everything()


class Spool:
    """Items that were read, kept in a temporary file until it is known what they are."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._places: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def put(self, live: LiveItem) -> None:
        """Keep an item."""
        place = self._file.seek(0, 2)
        body = orjson.dumps(live)
        self._file.write(body)
        self._places[live.id] = (place, len(body))

    def get(self, item_id: str) -> LiveItem:
        """An item that was kept."""
        place, length = self._places[item_id]
        self._file.seek(place)
        data = orjson.loads(self._file.read(length))
        data["lines"] = tuple(LiveLine(**line) for line in data["lines"])
        return LiveItem(**data)
