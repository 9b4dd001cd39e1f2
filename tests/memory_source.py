"""An order table in memory that keeps to the port, for tests that need no database of orders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from staging.core.ports import Condition, Row, Scope, SourceColumn, SourceRefused
from tests.core.mapping_samples import COLUMNS

SIZES = ("S", "M", "XXL", "2XL")
WHOLE = ("QTY", *SIZES, "TOTAL")


def uuid(number: int) -> str:
    """The UUID of the n-th record; neighbours stand far apart, as real ones do."""
    return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128))


class MemorySource:
    """An `OrderSource` over a list of rows, each a dict by column; a row without UUID has None there."""

    def __init__(self) -> None:
        self.names = COLUMNS
        self.orders: list[dict[str, Any]] = []
        self.scheme = "memory:1"
        self.types: dict[str, str] = {}
        """Types of columns that are not what they were."""
        self.rows_read = 0
        self.fail_after: int | None = None
        """Rows that are handed out before the source breaks off."""
        self.before_read: Callable[[], None] = lambda: None

    @property
    def columns(self) -> tuple[SourceColumn, ...]:
        return tuple(
            SourceColumn(name, self.types.get(name, "int" if name in WHOLE else "text")) for name in self.names
        )

    def count(self, scope: Scope) -> int:
        return len(self._within(scope))

    def customers(self) -> list[tuple[str | None, int]]:
        names = [row["CUSTOMER"] for row in self.orders]
        return [(name, names.count(name)) for name in dict.fromkeys(names)]

    def fingerprints(self, scope: Scope) -> Iterator[tuple[str | None, str]]:
        self.before_read()
        for row in self._within(scope):
            yield row["record_uuid"], _print(row)

    def fingerprint_pages(self, scope: Scope) -> Iterator[list[tuple[str | None, str]]]:
        yield list(self.fingerprints(scope))

    def rows(self, identities: Sequence[str], scope: Scope) -> Iterator[tuple[str, str, Row]]:
        self.before_read()
        wanted = set(identities)
        for row in self._within(scope):
            if row["record_uuid"] in wanted:
                yield row["record_uuid"], _print(row), self._handed(row)

    def fingerprints_of(self, identities: Sequence[str], scope: Scope) -> Iterator[tuple[str, str]]:
        self.before_read()
        wanted = set(identities)
        for row in self._within(scope):
            if row["record_uuid"] in wanted:
                yield row["record_uuid"], _print(row)

    def rows_without_identity(self, scope: Scope) -> Iterator[tuple[str, Row]]:
        self.before_read()
        for row in self._within(scope):
            if row["record_uuid"] is None:
                yield _print(row), self._handed(row)

    def search(self, columns: Sequence[str], text: str, most: int) -> list[tuple[str | None, str, Row]]:
        begins = text.strip().casefold()
        found = [
            (row["record_uuid"], _print(row), self._handed(row))
            for row in self.orders
            if any(str(row.get(name) or "").strip().casefold().startswith(begins) for name in columns)
        ]
        return found[:most]

    def repeated_keys(
        self, keys: Collection[tuple[str, ...]], scope: Scope
    ) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
        return {key: self._repeated(key, scope) for key in keys}

    def with_keys(
        self, columns: tuple[str, ...], keys: Collection[tuple[str, ...]], scope: Scope
    ) -> Iterator[tuple[str | None, tuple[str, ...]]]:
        for row in self._within(scope):
            key = tuple(str(row.get(name) or "").strip() for name in columns)
            if key in keys:
                yield row["record_uuid"], key

    def _repeated(self, columns: tuple[str, ...], scope: Scope) -> set[tuple[str, ...]]:
        keys = [tuple(str(row.get(name) or "").strip() for name in columns) for row in self._within(scope)]
        return {key for key in keys if keys.count(key) > 1}

    def _handed(self, row: Mapping[str, Any]) -> Row:
        if self.fail_after is not None and self.rows_read >= self.fail_after:
            raise SourceRefused("The order source broke off: connection reset. Remedy: run again.")
        self.rows_read += 1
        return tuple(row.get(name) for name in self.names)

    def _within(self, scope: Scope) -> list[dict[str, Any]]:
        return [
            row
            for row in self.orders
            if (scope.customers is None or row["CUSTOMER"] in scope.customers)
            and (scope.po_number is None or str(row["PO"] or "").strip() == scope.po_number.strip())
            and all(_meets(row, condition) for condition in scope.include)
        ]


def _print(row: Mapping[str, Any]) -> str:
    tracked = {name: value for name, value in row.items() if name != "record_uuid"}
    return hashlib.sha256(json.dumps(tracked, sort_keys=True).encode()).hexdigest()


def _meets(row: Mapping[str, Any], condition: Condition) -> bool:
    text = str(row.get(condition.column) or "").strip()
    day = text[:10]
    return (
        (not condition.values or text in condition.values)
        and (condition.after is None or (bool(day) and day >= condition.after.isoformat()))
        and (condition.before is None or (bool(day) and day <= condition.before.isoformat()))
    )
