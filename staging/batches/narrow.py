"""A batch, narrowed: which of its orders a person looks at, and what its validation says, grouped by message.

A batch of ten thousand orders is gone through once for each page; only what a question needs is read of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from mapping.core.order import Order
from staging.core.changeset import SIZE, differences
from staging.core.lifecycle import SHOWN, OrderState
from staging.core.terms import term
from staging.core.words import sentences
from staging.models import Batch, StagedOrder, Term
from staging.records.search import beginning, spellings

NAMED = 20  # orders of a message that are named beside it
KEPT_BACK: dict[str, str] = {
    OrderState.HELD: "Held",
    OrderState.REJECTED: "Refused by the board",
    OrderState.UNCLEAR: "No answer yet",
}
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a person looks for in a batch; an empty part narrows nothing.

    `text` is words of order number, style, PO or name, or a whole UUID; `part` a state as in `core.lifecycle.SHOWN`;
    `operation` a kind of change; `message` the key of a `Message`; `field` a field that differs (`size:` is any size).
    """

    text: str = ""
    part: str = ""
    operation: str = ""
    message: str = ""
    field: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))


@dataclass(slots=True)
class Message:
    """One thing that validation says, and the orders that it concerns: how many, and the first of them by id."""

    key: str
    kind: str
    text: str
    number: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)


def matching(batch: Batch, narrowing: Narrowing) -> list[tuple[int, str]]:
    """Every order of the batch that the narrowing leaves, by id, each with its operation."""
    found = StagedOrder.objects.filter(batch=batch)
    if narrowing.part:
        found = found.filter(state__in=sorted(SHOWN[narrowing.part]))
    if narrowing.operation:
        found = found.filter(operation=narrowing.operation)
    if narrowing.text:
        found = found.filter(reduce(or_, (_worded(batch, each) for each in spellings(narrowing.text))))
    rows = list(found.order_by("pk").values_list("pk", "operation"))
    if narrowing.message:
        said = {pk for pk, _, key, _, _ in _said(batch) if key == narrowing.message}
        rows = [row for row in rows if row[0] in said]
    if narrowing.field and rows:
        moved = set(_moving(found, narrowing.field))
        rows = [row for row in rows if row[0] in moved]
    return rows


def _worded(batch: Batch, text: str) -> Q:
    """Orders that all of these words lead to; the slashes are those of a key as pages print it."""
    words = [word for word in text.split() if word != "/"][:8]
    ways = (Q(label__icontains=word) | Q(key__icontains=word) | _called(batch, term(word)) for word in words)
    return reduce(and_, ways, Q())


def _called(batch: Batch, text: str) -> Q:
    """Records that are found by a term that begins like this, or by exactly this UUID.

    The terms of each order of the batch are looked up, as those of all records that begin so may be a million.
    """
    mine = Term.objects.filter(board=batch.board_id, record=OuterRef("record"))
    terms = beginning(mine, text).exclude(text=F("record"))
    return Q(Exists(terms)) | Q(record=text) | Q(link_key=text)


def messages(batch: Batch) -> list[Message]:
    """What validation says about the batch's orders: cells that were left out, and why some are kept back or refused.

    Grouped by message, what keeps orders back first and then by how many it concerns.
    """
    found: dict[str, Message] = {}
    for pk, label, key, kind, text in _said(batch):
        one = found.setdefault(key, Message(key, kind, text))
        one.number += 1
        if len(one.first) < NAMED:
            one.first.append((pk, label))
    return sorted(found.values(), key=lambda one: (one.kind == LEFT_OUT, -one.number, one.text))


LEFT_OUT = "Cell left out"


def _said(batch: Batch) -> Iterator[tuple[int, str, str, str, str]]:
    """Every (order, its label, key, kind, text) of validation."""
    kept_back = Q(state__in=sorted(KEPT_BACK))
    unsettled = sorted(set(OrderState) - SHOWN["skipped"])
    rows = StagedOrder.objects.filter(kept_back | ~Q(warnings=[]), batch=batch, state__in=unsettled).order_by("pk")
    wanted = rows.values_list("pk", "label", "state", "reason", "problem", "warnings")
    for pk, label, state, reason, problem, warnings in wanted.iterator(chunk_size=CHUNK):
        if kind := KEPT_BACK.get(state):
            text = _why(reason, problem or {})
            yield pk, label, _key(kind, text), kind, text
        for text in dict.fromkeys(f"{cell['column']}: {cell['reason']}" for cell in warnings):
            yield pk, label, _key(LEFT_OUT, text), LEFT_OUT, text


def _why(reason: str, problem: dict[str, Any]) -> str:
    if problem.get("message"):
        return sentences(problem["message"], problem.get("remedy"))
    return reason or "No reason was given."


def _key(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}|{text}".encode()).hexdigest()[:12]


def _moving(orders: Any, name: str) -> Iterator[int]:
    """The orders in which this field differs, by the one comparison that their diffs are made of."""
    for pk, before, after in orders.values_list("pk", "before", "after").iterator(chunk_size=CHUNK):
        moves = differences(_only(before, name) if before else None, _only(after, name)) if after else ()
        if any(one.field == name or (name == SIZE and one.field.startswith(SIZE)) for one in moves):
            yield pk


def _only(side: dict[str, Any], name: str) -> Order:
    """The order that is pictured, with this one field of its cells and sizes: comparing all of them takes longer."""
    cells = {name: side["cells"][name]} if name in side["cells"] else {}
    return Order(side["name"], side["group"], cells, dict(side["sizes"]) if name.startswith(SIZE) else {})
