"""The ledger of a preview: takes what a detection says under a mapping that is not published, and keeps nothing.

It remembers per record what would be staged, so that two detections can be held against each other, and sums up what
a person wants to know of a change: by customer, by field, by label and by reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mapping.core.order import CellProblem
from mapping.core.targets import label_plan
from monday.core.structure import Column
from staging.batches.check import label_texts, labelled_columns
from staging.batches.rehearse import Rehearsal
from staging.batches.rows import Judged
from staging.core.changeset import SIZE, Change, differences
from staging.core.fingerprint import order_of
from staging.models import StagedOrder
from staging.models.snapshot import Verdict

EXAMPLES = 30  # orders shown with every field, over all customers
EXAMPLES_EACH = 3  # of one customer


class Would(NamedTuple):
    """What would be staged of a record."""

    customer: str
    operation: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Example:
    """One order that would be staged because of the change, with the fields that differ."""

    customer: str
    operation: str
    label: str
    key: str
    changes: tuple[Change, ...]


class Foretelling(Rehearsal):
    """`anyway` is what the same detection would stage as things stand; what differs from it is due to the change."""

    def __init__(self, *, anyway: Mapping[str, Would] | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._anyway = anyway
        self.would: dict[str, Would] = {}
        self.because: Counter[str] = Counter()
        """Customer -> orders that are staged, or staged otherwise, because of the change."""
        self.operations: Counter[tuple[str, str]] = Counter()
        """(customer, operation) -> orders."""
        self.held: Counter[str] = Counter()
        """Reason -> orders that would be held at once."""
        self.replaced = 0
        """Orders that wait or are approved now, and would be superseded."""
        self.fields: Counter[str] = Counter()
        """Field -> orders that change in it because of the change; all sizes are one field."""
        self.reasons: Counter[tuple[str, str, str]] = Counter()
        """(customer, column, reason) -> rows that would be invalid, among those rendered anew."""
        self.left_out: Counter[tuple[str, str, str]] = Counter()
        """(customer, column, reason) -> orders that would go out without a cell."""
        self.examples: list[Example] = []
        self._of_customer: Counter[str] = Counter()
        self.labels: dict[str, set[str]] = defaultdict(set)
        """Board column -> labels that the orders to be staged use."""
        self._columns: dict[str, dict[str, Column]] = {}

    def see(
        self,
        judged: Judged,
        verdict: Verdict,
        customer: str,
        key: tuple[str, ...],
        problems: Sequence[CellProblem],
        words: Iterable[str] = (),
    ) -> None:
        super().see(judged, verdict, customer, key, problems, words)
        if verdict == Verdict.INVALID:
            for problem in problems:
                self.reasons[customer, problem.column, problem.reason] += 1

    def flush(self) -> None:
        self.replaced += sum(len(ids) for ids in self._superseded.values())
        for order in self._orders:
            self._count(order)
        super().flush()

    def missing_labels(self, anyway: Mapping[str, set[str]]) -> list[tuple[str, list[str], list[tuple[str, str]]]]:
        """(column's title, labels that it lacks, (new label, near namesake that exists)) of what would be staged.

        Labels that `anyway` uses too are left out: they are made whatever is published.
        """
        columns = {name: column for each in self._columns.values() for name, column in each.items()}
        found = []
        for name, texts in sorted(self.labels.items()):
            plan = label_plan(columns[name], sorted(texts - anyway.get(name, set())))
            if plan.missing:
                found.append((columns[name].title, list(plan.missing), list(plan.twins)))
        return found

    def _count(self, order: StagedOrder) -> None:
        customer = order.batch.customer.name
        would = Would(customer, order.operation, order.after_fingerprint)
        self.would[order.record] = would
        self.operations[customer, order.operation] += 1
        if order.reason:
            self.held[order.reason] += 1
        if order.operation != "remove" and order.after:
            self._note_labels(customer, order.after)
        if self._anyway is None or self._anyway.get(order.record) == would:
            return
        self.because[customer] += 1
        for problem in order.warnings:
            self.left_out[customer, problem["column"], problem["reason"]] += 1
        self._show(customer, order)

    def _note_labels(self, customer: str, after: Mapping[str, Any]) -> None:
        mapping = self.setup.mappings.family.mapping(customer)
        if customer not in self._columns:
            self._columns[customer] = labelled_columns(mapping, self.setup)
        for column, texts in label_texts(after, self._columns[customer], mapping).items():
            self.labels[column] |= texts

    def _show(self, customer: str, order: StagedOrder) -> None:
        before = order_of(order.before) if order.before else None
        after = order_of(order.after) if order.after else None
        changes = differences(before, after) if after else ()
        if before is not None:
            names = {"sizes" if change.field.startswith(SIZE) else change.field for change in changes}
            self.fields.update(names)
        if len(self.examples) < EXAMPLES and self._of_customer[customer] < EXAMPLES_EACH:
            self._of_customer[customer] += 1
            self.examples.append(Example(customer, order.operation, order.label, order.key, changes))
