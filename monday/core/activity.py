"""Who wrote last into an item, from the board's activity log.

What is not told there is unknown: an item counts only where the log reaches back to its making, by the token's owner,
and where everything that others did to it since is understood.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

MOST = 25  # items in one request
ENTRIES = 200  # of one item; of one with a longer history nothing is said
MADE, CHANGED = "create_pulse", "update_column_value"


def document(items: int) -> str:
    """The log of so many items on an items' board and on that of the subitems, one alias an item: `$i0` and so on."""
    declared = "".join(f", $i{at}: [ID!]" for at in range(items))
    asked = " ".join(
        f"a{at}: boards(ids: $boards) {{ activity_logs(item_ids: $i{at}, limit: $limit) {{ event user_id data }} }}"
        for at in range(items)
    )
    return f"query ($boards: [ID!], $limit: Int{declared}) {{ me {{ id }} {asked} }}"


def theirs(boards: Sequence[Mapping[str, Any] | None], me: str) -> frozenset[str] | None:
    """The columns of an item whose last change was not by `me`; None where the log does not tell that of every field.

    `boards` is the answer of one alias, newest entries first.
    """
    entries = [entry for board in boards if board for entry in board.get("activity_logs") or () if entry]
    last: dict[str, str] = {}
    made = False
    for entry in entries:
        event, user = entry.get("event"), str(entry.get("user_id") or "")
        column = _column(entry.get("data")) if event == CHANGED else ""
        if column:
            last.setdefault(column, user)
        elif not me or user != me:
            return None
        made = made or event == MADE
    return frozenset(column for column, user in last.items() if user != me) if made else None


def _column(data: Any) -> str:
    try:
        told = json.loads(data) if isinstance(data, str) else data
    except ValueError:
        return ""
    return str(told.get("column_id") or "") if isinstance(told, Mapping) else ""
