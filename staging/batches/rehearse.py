"""The ledger of a dry run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from mapping.models import Customer
from staging.models import Batch

from .stage import Ledger


class Rehearsal(Ledger):
    """The ledger of a dry run: it counts what would be staged and writes nothing."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.staged: Counter[tuple[str, str, str]] = Counter()
        """(customer, operation, state) -> orders."""

    def flush(self) -> None:
        for order in self._orders:
            self.staged[(order.batch.customer.name, order.operation, str(order.state))] += 1
        self._forget_page()
        self._superseded.clear()
        self._closed.clear()

    def close(self) -> None:
        self.flush()

    def by_state(self) -> Counter[tuple[str, str]]:
        """How many orders would stand in each (operation, state)."""
        counted: Counter[tuple[str, str]] = Counter()
        for (_, operation, state), orders in self.staged.items():
            counted[(operation, state)] += orders
        return counted

    def lose(self, records: Iterable[str]) -> None:
        """A dry run forgets nothing."""

    def rekey(self, pairs: Mapping[str, str]) -> set[str]:
        """A dry run points no snapshot elsewhere."""
        return set()

    def _batch(self, customer: str) -> Batch:
        if customer not in self._batches:
            self._batches[customer] = Batch(run=self.run, board=self.setup.board, customer=Customer(name=customer))
        return self._batches[customer]
