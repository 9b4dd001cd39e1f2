"""What one run works with: the board, the published mappings, the source; chosen by wiring, used by every use case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from mapping.core.family import Family
from mapping.publish import PublishedFamily
from monday.core.structure import BoardStructure
from monday.models import Board

from .core.ports import Clock, Condition, Destination, OrderSource, Scope, Target


class Progress(Protocol):
    """Where a use case tells how far it is; may raise `Stopped` to end the work after the piece in hand."""

    def __call__(self, phase: str, done: int, total: int) -> None: ...


class NotConfigured(Exception):
    """A setting or a document is missing or wrong: exit code 2. The message says which, and the remedy."""


class Interrupted(Exception):
    """A second signal came, and the work ends where it stands; `code` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__("Stopped at once. Remedy: run it again; what was sent without an answer is looked up first.")
        self.code = code


class Stopped(Exception):
    """A person or a signal asked to stop; what was done so far is kept and the next run goes on from there."""


def silent(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The parts of one installation. `destination` makes the adapter for a target and a customer."""

    board: Board
    mappings: PublishedFamily
    source: OrderSource
    structure: BoardStructure
    destination: Callable[[Target, str], Destination]
    clock: Clock
    settle_seconds: float

    @property
    def sandbox(self) -> bool:
        """True where the board is the local one, on which the policy `test` approves."""
        return self.board.environment == "sandbox"


def whole(setup: Setup) -> Scope:
    """All rows that belong to the board today, by the mapping's `include`."""
    return belonging(setup.mappings.family, setup.clock.now().date())


def belonging(family: Family, today: date) -> Scope:
    """The rows that belong to this family's board on that day."""
    conditions = []
    for column, include in family.default.source.include.items():
        after, before = include.window(today)
        conditions.append(Condition(column, include.values, after, before))
    return Scope(include=tuple(conditions))


def spellings(setup: Setup, name: str) -> tuple[str, ...]:
    """How the source spells this customer. Raises NotConfigured where nobody has that name, with the nearest one."""
    import difflib

    family = setup.mappings.family
    customer = family.customer_of(name)
    if customer is None:
        near = difflib.get_close_matches(name, family.customers, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(family.customers)[:12])}."
        raise NotConfigured(f"No customer is called {name!r}. {hint}")
    return tuple(raw for raw, _ in setup.source.customers() if raw is not None and family.customer_of(raw) == customer)
