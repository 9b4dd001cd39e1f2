"""What a board lacks before orders can go to it: columns, labels, groups; shown first, created on demand.

`missing` only looks; `create` does what a plan says, one call a step, and stops at the first that fails. Both are
safe to repeat, since a plan is made from the board as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from monday.core.calls import Journal
from monday.core.operations import CreateGroup, Done, Operation, Outcome, Refused
from monday.core.structure import BoardStructure, Column

from .core import rules as rules_of
from .core.targets import LABELLED, label_plan

CREATABLE_ID = "abcdefghijklmnopqrstuvwxyz_"
LONGEST_ID = 20  # https://developer.monday.com/api-reference/reference/columns


class Client(Protocol):
    """The part of `monday.client.MondayClient` that is needed here."""

    def create_column(self, board_id: str, title: str, kind: str, id: str | None = None) -> Column: ...

    def create_labels(self, board_id: str, column: Column, texts: Sequence[str]) -> Column: ...

    def write(
        self, operations: Sequence[Operation], *, board: BoardStructure, tokens: Sequence[str], journal: Journal
    ) -> list[Outcome]: ...


class NotCreated(Exception):
    """The board did not take a step; the message says which, why, and the remedy. Earlier steps stand."""


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A text column to create on a board, under the id that the mapping names."""

    board: BoardStructure
    id: str
    title: str

    def sentence(self) -> str:
        return f"column {self.id} ({self.title}, text) on {self.board.name}"


@dataclass(frozen=True, slots=True)
class NewLabels:
    """Labels to add to a column."""

    board: BoardStructure
    column: Column
    labels: tuple[str, ...]

    def sentence(self) -> str:
        return f"labels {', '.join(self.labels)} in column {self.column.title}"


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A group to create."""

    board: BoardStructure
    title: str

    def sentence(self) -> str:
        return f"group {self.title}"


Step = NewColumn | NewLabels | NewGroup


@dataclass(frozen=True, slots=True)
class Plan:
    """What is missing: `steps` can be created here, `by_hand` are sentences for a person."""

    steps: tuple[Step, ...]
    by_hand: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.steps or self.by_hand)

    @property
    def calls(self) -> int:
        """API calls that its steps take: labels are read before and after they are written."""
        return sum(3 if isinstance(step, NewLabels) else 1 for step in self.steps)


def prepare(client: Client | None, structure: BoardStructure, *mappings: rules_of.Mapping) -> Plan:
    """What this board lacks for these mappings; created at once where a client is given.

    Raises NotCreated where the board refuses a step, and `monday.client.Unavailable` where it cannot be reached.
    """
    plan = missing(structure, mappings)
    if client is not None:
        create(client, plan)
    return plan


def missing(structure: BoardStructure, mappings: Iterable[rules_of.Mapping]) -> Plan:
    """What this board lacks for these mappings."""
    steps: list[Step] = []
    by_hand: list[str] = []
    for mapping in mappings:
        for found in _missing(structure, mapping):
            if isinstance(found, str):
                by_hand += [found] if found not in by_hand else []
            elif found not in steps:
                steps.append(found)
    return Plan(tuple(steps), tuple(by_hand))


def create(client: Client, plan: Plan, *, done: Callable[[Step], None] = lambda step: None) -> None:
    """Do what the plan says, in order, telling `done` of each step. Raises NotCreated, `monday.client.Unavailable`."""
    for step in plan.steps:
        if isinstance(step, NewColumn):
            made = client.create_column(step.board.id, step.title, "text", step.id)
            if made.id != step.id:
                raise NotCreated(
                    f"The board named the new column {made.id} and not {step.id}. "
                    f"Remedy: write {made.id} into the mapping, or delete the column."
                )
        elif isinstance(step, NewLabels):
            client.create_labels(step.board.id, step.column, step.labels)
        else:
            _create_group(client, step)
        done(step)


def _create_group(client: Client, step: NewGroup) -> None:
    operation = CreateGroup(step.board.id, step.title)
    token = f"prepare:{step.board.id}:{step.title}"
    (outcome,) = client.write([operation], board=step.board, tokens=[token], journal=_Unwritten())
    if isinstance(outcome, Refused):
        raise NotCreated(f"The board refused the {step.sentence()}: {outcome.message} {outcome.remedy}".strip())
    if not isinstance(outcome, Done):
        raise NotCreated(
            f"Whether the {step.sentence()} was made is not known. Remedy: look at the board, then run again."
        )


class _Unwritten:
    """A journal for writes that need none: a group is looked up by the next plan, and nothing else is at stake."""

    def sending(self, indices: Sequence[int], key: str) -> None:
        """Nothing is to be committed."""

    def answered(self, outcomes: Mapping[int, Outcome]) -> None:
        """The outcome is returned by `write` too."""


def _missing(structure: BoardStructure, mapping: rules_of.Mapping) -> Iterator[Step | str]:
    yield from _text_column(structure, mapping.board.uuid_column, "Record UUID")
    for rules in mapping.columns:
        yield from _labels(structure, rules)
    if mapping.sizes and structure.subitems:
        yield from _text_column(structure.subitems, mapping.sizes.key_column, "Size Key")
    elif mapping.sizes:
        yield (
            f"{structure.name} has no subitems yet, so the board of its subitems does not exist. "
            "Remedy: add one subitem to any item by hand, then run prepare_board again."
        )
    titles = {group.title for group in structure.groups if not group.archived}
    if mapping.deletions.action == "move" and mapping.deletions.group not in titles:
        yield NewGroup(structure, mapping.deletions.group)


def _text_column(board: BoardStructure, column_id: str, title: str) -> Iterator[Step | str]:
    column = board.columns.get(column_id)
    if column is not None and not column.archived:
        return
    if column is not None or not set(column_id) <= set(CREATABLE_ID) or len(column_id) > LONGEST_ID:
        yield (
            f"{board.name} has no usable column {column_id}, and no column of that id can be made. "
            f"Remedy: create a text column called {title} by hand, and write its id into the mapping."
        )
    else:
        yield NewColumn(board, column_id, title)


def _labels(structure: BoardStructure, rules: rules_of.ColumnRules) -> Iterator[Step | str]:
    column = structure.columns.get(rules.to)
    if column is None or column.kind not in LABELLED or rules.labels == "require":
        return
    plan = label_plan(column, [target for target in rules.values.values() if target])
    twins = dict(plan.twins)
    fresh = tuple(label for label in plan.missing if label not in twins)
    if fresh and rules.labels == "create":
        yield NewLabels(structure, column, fresh)
    for label, existing in plan.twins:
        yield (
            f"The label {label} differs from {existing} of {column.title} by case only. "
            f"Remedy: write {existing} into the mapping."
        )
