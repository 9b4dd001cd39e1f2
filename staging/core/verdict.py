"""Level 2 of detection: a rendered order against what is known of its record -> one verdict.

A function of plain values: no database, no source, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mapping.core.order import Order

from .changeset import LINK, differences, settled, with_field
from .lifecycle import REMEMBERED


class Kind(StrEnum):
    UNCHANGED = "unchanged"
    NEW = "new"
    CHANGED = "changed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the board last accepted. `removed` is true where the item stands among the removed ones, `left` where a
    person said that the record is not followed any more. `link_key` is what the item's UUID column must hold."""

    order: Order
    fingerprint: str
    withheld: Mapping[str, Any] = field(default_factory=dict)
    removed: bool = False
    left: bool = False
    link_key: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last word staged on a record: what it was rendered to, and what became of it."""

    fingerprint: str
    state: str
    operation: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a record. `before` and `after` are set for what is to be staged."""

    kind: Kind
    operation: str = ""
    before: Order | None = None
    after: Order | None = None


def judge(rendered: Order, fingerprint: str, accepted: Accepted | None, remembered: Remembered | None) -> Verdict:
    """New, changed, unchanged or waiting: the only place that decides it."""
    if accepted is None:
        if _known(fingerprint, remembered):
            return Verdict(Kind.WAITING)
        return Verdict(Kind.NEW, "create", None, settled(None, rendered, {}))
    if accepted.left:
        return Verdict(Kind.WAITING)
    if not accepted.removed and fingerprint == accepted.fingerprint:
        return Verdict(Kind.UNCHANGED)
    if LINK in accepted.order.cells:  # adopted, and its item does not carry the key yet
        rendered = with_field(rendered, LINK, accepted.link_key)
    # An order that comes back comes back whole: what was undone before it went does not hold it down.
    after = settled(accepted.order, rendered, {} if accepted.removed else accepted.withheld)
    if not accepted.removed and not differences(accepted.order, after):
        return Verdict(Kind.WAITING if accepted.withheld else Kind.UNCHANGED)
    # An undone update is remembered field by field (withheld), so that its other fields can go on.
    undone = remembered is not None and remembered.state in ("undone", "kept")
    if _known(fingerprint, remembered) and (accepted.removed or not undone):
        return Verdict(Kind.WAITING)
    return Verdict(Kind.CHANGED, "restore" if accepted.removed else "update", accepted.order, after)


def _known(fingerprint: str, remembered: Remembered | None) -> bool:
    """Exactly this order is already in somebody's hands, or was declined or undone."""
    return (
        remembered is not None
        and remembered.operation != "remove"
        and remembered.state in REMEMBERED
        and remembered.fingerprint == fingerprint
    )
