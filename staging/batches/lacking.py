"""What a batch needs that its board does not have yet: labels and groups, each with its near-twin where there is one.

A push makes what is missing. A label that is nearly one that exists is most often a slip of the source, and is better
mapped to the existing one before it is made.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mapping.core.targets import label_plan, labelled
from mapping.core.texts import fold
from mapping.publish import NoMapping, PublishedFamily, load_family
from monday.core.structure import BoardStructure, Column
from staging.core.lifecycle import OrderState
from staging.models import Batch, StagedOrder

from .check import group_to, label_texts, mapping_of

UNSENT = (OrderState.STAGED, OrderState.APPROVED)
CHUNK = 500
GROUP = "group"


@dataclass(frozen=True, slots=True)
class Lack:
    """A label or a group that a push would make, for how many orders; `twin` is one that exists and is nearly it.

    `column` is the board's title of the column, and `source` the source column that brings the label, "" for groups
    and for the labels of sizes.
    """

    column: str
    text: str
    orders: int
    source: str = ""
    twin: str = ""

    @property
    def is_group(self) -> bool:
        return self.column == GROUP

    @property
    def entry(self) -> str:
        """The line of the mapping document that maps it to its twin, "" where there is no such line."""
        return f"{_quoted(self.text)}: {_quoted(self.twin)}" if self.twin and self.source else ""


def lacks_of(batch: Batch) -> list[Lack]:
    """`lacking` by the mapping that holds now and the board as it was read last; empty where either is not known."""
    structure = batch.board.known_structure()
    try:
        return lacking(batch, load_family(batch.board.board_id), structure) if structure else []
    except NoMapping:
        return []


def lacking(batch: Batch, mappings: PublishedFamily, structure: BoardStructure) -> list[Lack]:
    """What the unsent orders of a batch need and the board, as it was read last, lacks; near-twins first."""
    mapping = mapping_of(batch, mappings)
    rules = {name: rule for name, rule in labelled(mapping, structure).items() if rule.missing == "create"}
    sources = {one.to: one.source for one in mapping.columns}
    groups: Counter[str] = Counter()
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    orders = StagedOrder.objects.filter(batch=batch, state__in=UNSENT, after__isnull=False).order_by("pk")
    for before, after in orders.values_list("before", "after").iterator(chunk_size=CHUNK):
        assert after is not None
        if moves_to := group_to(before, after):
            groups[moves_to] += 1
        for column_id, texts in label_texts(after, rules, mapping).items():
            labels[column_id].update(texts)
    found = _groups(groups, structure)
    for column_id, counts in labels.items():
        found += _labels(rules[column_id].column, sources.get(column_id, ""), counts)
    return sorted(found, key=lambda one: (not one.twin, one.column.casefold(), one.text.casefold()))


def _labels(column: Column, source: str, counts: Counter[str]) -> Iterable[Lack]:
    plan = label_plan(column, sorted(counts))
    twins = dict(plan.twins) | dict(plan.near)
    return [Lack(column.title, text, counts[text], source, twins.get(text, "")) for text in plan.missing]


def _groups(counts: Counter[str], structure: BoardStructure) -> list[Lack]:
    known = [group.title for group in structure.groups if not group.archived]
    here = {fold(title): title for title in known}
    missing = [title for title in counts if title and title not in known]
    return [Lack(GROUP, title, counts[title], twin=here.get(fold(title), "")) for title in missing]


def _quoted(text: str) -> str:
    """A text as a plain YAML scalar that stays a text, whatever is in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
