"""The keys of subitems that were adopted with their item: written when the item gets its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mapping.core.order import Order

from .changeset import LINK, MARK, differences
from .ports import LiveItem
from .pushplan import Plan, Write


def keys_to_write(before: Order | None, after: Order, line_ids: Mapping[str, str]) -> int:
    """How many subitems of an adopted item get their key with this change, as far as is known without looking there."""
    if before is None or not any(change.field == LINK for change in differences(before, after)):
        return 0
    return sum(1 for size in line_ids if size in after.sizes or size not in before.sizes)


def with_marks(plan: Plan, live: LiveItem | None, link_key: str, line_ids: Mapping[str, str]) -> Plan:
    """The plan, and where it gives the item its link key also the keys of the subitems that it keeps."""
    if live is None or plan.held or not any(LINK in write.after for write in plan.item):
        return plan
    going = {write.size for write in plan.lines if write.kind == "archive_line"}
    return replace(plan, lines=(*plan.lines, *_marks(live, link_key, line_ids, going)))


def _marks(live: LiveItem, link_key: str, line_ids: Mapping[str, str], going: set[str]) -> Iterator[Write]:
    by_id = {line.id: line for line in live.lines}
    for size, line_id in line_ids.items():
        line, key, name = by_id.get(line_id), f"{link_key}/{size}", MARK + size
        if line is not None and line.key != key and size not in going:
            before, after = {name: line.key}, {name: key}
            yield Write("mark_line", item_id=line.id, parent_id=live.id, size=size, before=before, after=after)
