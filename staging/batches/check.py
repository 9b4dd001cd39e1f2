"""Checking: a batch against the live board, before it is approved.

What the board would refuse is found here, with its remedy; labels that are missing are counted, and where the mapping
requires a label to exist the orders that need it are held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mapping.core.document import Mapping as CustomerMapping
from mapping.core.document import Problem
from mapping.core.targets import LabelRules, label_plan, labelled
from mapping.core.targets import check as check_targets
from mapping.publish import PublishedFamily
from monday.core.structure import BoardStructure, Column
from staging.core.lifecycle import OrderState
from staging.models import Batch, StagedOrder
from staging.setup import Setup
from staging.transitions import move_orders

LABELLED = ("status", "dropdown")
PAGE = 500


@dataclass(slots=True)
class Checked:
    """What a check found. `labels` maps column ids to texts that will be created; `twins` are near ones that
    exist. `groups` are titles that will be created."""

    blocked: int = 0
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)
    twins: list[tuple[str, str, str]] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)
    held: int = 0

    @property
    def label_count(self) -> int:
        """How many labels will be created."""
        return sum(len(texts) for texts in self.labels.values())


def check(*, batches: Iterable[Batch], setup: Setup, actor: str) -> Checked:
    """Check open batches against the board's structure as it was read for this run.

    Opens short transactions to hold orders whose labels must exist and do not. Reads, but never writes, the board.
    """
    checked = Checked()
    wanted: dict[str, set[str]] = defaultdict(set)
    seen: set[Problem] = set()
    for batch in batches:
        problems = batch_problems(batch, setup.mappings, setup.structure)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            checked.blocked += batch.orders.filter(state=OrderState.STAGED).count()
        for problem in problems:
            if problem not in seen:
                seen.add(problem)
                (checked.errors if problem.severity == "error" else checked.warnings).append(problem)
        checked.held += _labels(batch, setup, wanted, checked.groups, actor)
    checked.groups -= {group.title for group in setup.structure.groups if not group.archived}
    for column_id, texts in wanted.items():
        column = _column(setup, column_id)
        if column is not None:
            plan = label_plan(column, sorted(texts))
            if plan.missing:
                checked.labels[column_id] = list(plan.missing)
            checked.twins += [(column.title, new, old) for new, old in plan.twins]
    return checked


def batch_problems(batch: Batch, mappings: PublishedFamily, structure: BoardStructure) -> tuple[Problem, ...]:
    """What the board would not take of this batch's mapping; errors keep it from being approved."""
    return check_targets(mapping_of(batch, mappings), structure, None)


def mapping_of(batch: Batch, mappings: PublishedFamily) -> CustomerMapping:
    """The published mapping of the batch's customer, the board's own where the customer has none any more."""
    family, name = mappings.family, batch.customer.name
    return family.mapping(name) if name in family.customers else family.default


def labelled_columns(mapping: CustomerMapping, setup: Setup) -> dict[str, Column]:
    """The columns with labels that this mapping writes, by id, the size column of the subitems board included."""
    ids = [rules.to for rules in mapping.columns] + ([mapping.sizes.size_column] if mapping.sizes else [])
    columns = {column_id: _column(setup, column_id) for column_id in ids}
    return {column_id: c for column_id, c in columns.items() if c is not None and c.kind in LABELLED}


def label_texts(after: Mapping[str, Any], columns: Iterable[str], mapping: CustomerMapping) -> dict[str, set[str]]:
    """The labels that an order (as a payload) uses, by column id."""
    texts: dict[str, set[str]] = {}
    for column_id in columns:
        value = after["cells"].get(column_id)
        if value is not None:
            texts[column_id] = set(value) if isinstance(value, list) else {str(value)}
    if mapping.sizes and mapping.sizes.size_column in columns:
        texts[mapping.sizes.size_column] = {size for size, _ in after["sizes"]}
    return texts


def group_to(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """The group that a change (of payloads) puts its item in, "" where it stays in its own."""
    return str(after["group"]) if before is None or before["group"] != after["group"] else ""


def _column(setup: Setup, column_id: str) -> Column | None:
    structure = setup.structure
    return structure.columns.get(column_id) or (
        structure.subitems.columns.get(column_id) if structure.subitems else None
    )


def _labels(batch: Batch, setup: Setup, wanted: dict[str, set[str]], groups: set[str], actor: str) -> int:
    """Collect the labels and groups that a batch needs; hold the orders that need a label which may not be created."""
    mapping = mapping_of(batch, setup.mappings)
    rules = labelled(mapping, setup.structure)
    lacking: dict[str, list[int]] = defaultdict(list)
    orders = StagedOrder.objects.filter(batch=batch, state=OrderState.STAGED).exclude(operation="remove").order_by("pk")
    for pk, before, after in orders.values_list("pk", "before", "after").iterator(chunk_size=PAGE):
        assert after is not None
        missing = {
            column_id: texts - rules[column_id].column.label_texts()
            for column_id, texts in label_texts(after, rules, mapping).items()
        }
        why = next((why for each, texts in missing.items() if (why := _refused(rules[each], texts, wanted[each]))), "")
        if why:
            lacking[why].append(pk)
            continue
        for column_id, texts in missing.items():
            wanted[column_id] |= texts
        if moves_to := group_to(before, after):
            groups.add(moves_to)
    now = setup.clock.now()
    for why, ids in lacking.items():
        move_orders(batch, ids, "hold", actor=actor, now=now, reason=why)
    return sum(len(ids) for ids in lacking.values())


def _refused(rules: LabelRules, missing: set[str], wanted: set[str]) -> str:
    """Why these missing labels may not be made beside the wanted ones, "" where they may."""
    named = f"{rules.column.title}: {', '.join(sorted(missing))}"
    if missing and rules.missing == "require":
        remedy = "create it there, map the value to an existing one, or allow labels."
        return f"The board lacks the label {named}. Remedy: {remedy}"
    places = None if rules.limit is None else rules.limit - len(rules.column.label_texts())
    if missing - wanted and places is not None and len(wanted | missing) > places:
        remedy = "map the value to an existing label, or raise `at_most` in the mapping."
        return f"There is no place for the label {named}; at most {rules.limit:,} are allowed. Remedy: {remedy}"
    return ""
