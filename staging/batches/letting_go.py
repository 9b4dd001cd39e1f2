"""What a link lets go as its row and its mapping move on: values that were withheld, and columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mapping.core.order import Order
from staging.core.changeset import LINK, field_value, same
from staging.core.fingerprint import order_of, payload
from staging.models import Snapshot


def still_withheld(snapshot: Snapshot, rendered: Order) -> dict[str, Any]:
    """What stays withheld of a record, as its row asks for the same value or says nothing of it."""
    return {
        name: value
        for name, value in snapshot.withheld.items()
        if name == LINK or name in rendered.left or same(field_value(rendered, name), value)
    }


def release_columns(snapshot: Snapshot, rendered: Order) -> bool:
    """Let columns that are not mapped any more leave the accepted order; what stands on the board stays there."""
    accepted = order_of(snapshot.order)
    cells = {c: v for c, v in accepted.cells.items() if c in rendered.cells or c in rendered.left or c == LINK}
    if len(cells) == len(accepted.cells):
        return False
    snapshot.order = payload(replace(accepted, cells=cells))
    return True


def accept(changed: Iterable[tuple[Snapshot, str]]) -> None:
    """Store what links accept now, each with the fingerprint that it was found with: only where no push has moved it
    meanwhile; else the next run finds it as it is then. Requires an open transaction."""
    for snapshot, was in changed:
        Snapshot.objects.filter(pk=snapshot.pk, order_fingerprint=was).update(
            order=snapshot.order, order_fingerprint=snapshot.order_fingerprint, withheld=snapshot.withheld
        )
