"""From an order whose answer was lost and what stands on the board to what is known of it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mapping.core.order import Order

from .changeset import LINK, SIZE, differences
from .ports import LiveItem
from .pushplan import Write, line_of, live_value, shows


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look-up found of an order whose answer was lost: confirmations, and whether that is all of it."""

    confirmed: tuple[Write, ...] = ()
    whole: bool = False


def plan_look(
    before: Order | None, after: Order, link_key: str, live: LiveItem | None, line_ids: Mapping[str, str]
) -> Seen:
    """What the live item shows of what was sent; nothing is written, whatever else stands there."""
    if live is None or live.state != "active" or not live.on_board:
        return Seen()
    # The link key of an adopted item is left to the plan, which writes the keys of its subitems with it.
    changes = [change for change in differences(before, after) if change.field != LINK]
    shown = {change.field: live_value(live, link_key, change.field, line_ids) for change in changes}
    already = [change for change in changes if shows(shown[change.field], change.after)]
    fields = [change for change in already if not change.field.startswith(SIZE)]
    found = [
        Write(
            "confirm",
            item_id=live.id,
            before={change.field: change.before for change in fields} if before else {},
            after={change.field: change.after for change in fields},
        )
    ]
    for change in already:
        if change.field.startswith(SIZE):
            size = change.field[len(SIZE) :]
            line = line_of(live, link_key, size, line_ids)
            item_id = line.id if line else line_ids.get(size, "")
            was, now = {change.field: change.before}, {change.field: change.after}
            found.append(Write("confirm", item_id=item_id, parent_id=live.id, size=size, before=was, after=now))
    return Seen(
        tuple(found) if already or before is None else (), whole=len(already) == len(differences(before, after))
    )
