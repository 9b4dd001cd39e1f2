"""The order fingerprint: a versioned SHA-256 over a rendered order, equal for equal orders and for nothing else.

The canonical form is JSON with sorted keys, so that ("a|b", "c") and ("a", "b|c") differ and the order of columns and
sizes does not matter. The mapping's version is not part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from itertools import combinations, islice, pairwise
from typing import Any

import orjson

from mapping.core.order import Order

VERSION = b"1:"
BETWEEN = " / "
"""Stands between the values of a business key as it is stored."""
MOST_CUTS = 10_000  # ways to cut a key that are tried


def payload(order: Order) -> dict[str, Any]:
    """The order as JSON-able data; sizes keep their order as pairs, as some databases reorder keys."""
    return {
        "name": order.name,
        "group": order.group,
        "cells": dict(order.cells),
        "sizes": [[size, quantity] for size, quantity in order.sizes.items()],
        "left": sorted(order.left),
    }


def order_of(data: dict[str, Any]) -> Order:
    """The order that `payload` pictured."""
    return Order(
        name=data["name"],
        group=data["group"],
        cells=data["cells"],
        sizes=dict(data["sizes"]),
        left=tuple(data.get("left", ())),
    )


def fingerprint(order: Order) -> str:
    """64 hex digits that name this order's content."""
    body = [order.name, order.group, order.cells, order.sizes, sorted(order.left)]
    return hashlib.sha256(VERSION + orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def approval_hash(lines: list[tuple[str, str, str, str]]) -> str:
    """What an approval binds: (link key, operation, fingerprint before, fingerprint after) of the ticked orders."""
    return hashlib.sha256(orjson.dumps(sorted(lines))).hexdigest()


def key_hash(key: tuple[str, ...]) -> str:
    """64 hex digits that name a business key."""
    return hashlib.sha256(orjson.dumps(key)).hexdigest()


def key_values(key: str, hashed: str, lengths: Collection[int]) -> tuple[str, ...]:
    """The values of a business key as it is stored, told by its hash, since a value may hold what stands between them;
    () where it has none of these numbers of values."""
    pieces = key.split(BETWEEN)
    for length in lengths:
        for cuts in islice(combinations(range(1, len(pieces)), length - 1), MOST_CUTS):
            ends = pairwise((0, *cuts, len(pieces)))
            values = tuple(BETWEEN.join(pieces[start:end]) for start, end in ends)
            if key_hash(values) == hashed:
                return values
    return ()
