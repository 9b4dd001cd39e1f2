"""A mapping against the live board and the source's columns: what would fail later is found here, with its remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass

from monday.core.columns import kind_of
from monday.core.structure import BoardStructure, Column

from .conversions import FITS, conversion_for
from .problems import Problem, Severity, near, shown
from .render import missing_columns, source_columns_needed
from .rules import ColumnRules, Mapping, Sizes
from .sandbox_board import expected_structure
from .texts import fold

__all__ = [
    "LabelPlan",
    "LabelRules",
    "check",
    "check_source",
    "expected_structure",
    "label_plan",
    "labelled",
    "source_columns_needed",
]

LABELLED = ("status", "dropdown")
MAX_STATUS_LABELS = 40  # https://developer.monday.com/api-reference/reference/status
NAMED = 5  # labels that a message names
PREPARE = "Run `python manage.py prepare_board --apply`, or create it on the board."


def check(
    mapping: Mapping,
    structure: BoardStructure | None,
    source_columns: Sequence[str] | None,
    labels: Dict[str, Collection[str]] | None = None,
) -> tuple[Problem, ...]:
    """Everything about this mapping that the board or the source would not take, errors first.

    Without a structure or without columns that half is not checked. `labels` are those that the source's rows bring,
    by column id; their problems are warnings, since orders that need them are held. Lines are unknown here; see
    `document.located`.
    """
    problems: list[Problem] = [*_combination(mapping)]
    if structure is not None:
        problems += _board(mapping, structure)
        problems += _labels_of_rows(mapping, structure, labels or {})
    if source_columns is not None:
        problems += check_source(mapping, source_columns)
    return tuple(sorted(problems, key=lambda problem: problem.severity != "error"))


def check_source(mapping: Mapping, source_columns: Sequence[str]) -> tuple[Problem, ...]:
    """Every column that the mapping names and the source does not have."""
    return missing_columns(mapping, source_columns)


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """What is to do so that labels exist: `missing` ones; `twins`, missing ones with the label from which they differ
    by case alone; `near`, missing ones with a label from which they differ by blanks and punctuation too.
    """

    missing: tuple[str, ...]
    twins: tuple[tuple[str, str], ...]
    near: tuple[tuple[str, str], ...] = ()


def label_plan(column: Column, wanted: Iterable[str]) -> LabelPlan:
    """Which of these labels the column lacks (exact text), and which of those have a namesake, there or among them."""
    existing = column.label_texts()
    missing = tuple(dict.fromkeys(label for label in wanted if label not in existing))
    if not missing:  # the usual case; a column may have tens of thousands of labels
        return LabelPlan((), ())
    folded = {fold(label): label for label in sorted(existing)}
    bare = {_bare(label): label for label in sorted(existing)}
    twins, near = [], []
    for label in missing:
        twin, namesake = folded.setdefault(fold(label), label), bare.setdefault(_bare(label), label)
        if twin != label:
            twins.append((label, twin))
        elif namesake != label:
            near.append((label, namesake))
    return LabelPlan(missing, tuple(twins), tuple(near))


def alike(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """The labels that differ from each other by case, blanks and signs only, as groups; each group and all sorted."""
    groups: dict[str, list[str]] = {}
    for label in sorted(labels):
        groups.setdefault(_bare(label), []).append(label)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _bare(label: str) -> str:
    """The letters and digits of a label without regard to case; the label itself where it has none."""
    return "".join(filter(str.isalnum, fold(label))) or label


@dataclass(frozen=True, slots=True)
class LabelRules:
    """What holds for the labels of one column: where the mapping says so, and how many the column may come to."""

    path: str
    column: Column
    missing: str
    at_most: int | None

    @property
    def limit(self) -> int | None:
        """The most labels that the column may have: the mapping's number or the board's, whichever is less."""
        limits = [self.at_most, MAX_STATUS_LABELS if self.column.kind == "status" else None]
        return min((limit for limit in limits if limit is not None), default=None)

    def beyond(self, plan: LabelPlan) -> int:
        """How many of the missing labels have no place."""
        if self.limit is None:
            return 0
        return min(len(plan.missing), max(0, len(self.column.label_texts()) + len(plan.missing) - self.limit))


def labelled(mapping: Mapping, structure: BoardStructure) -> dict[str, LabelRules]:
    """The columns with labels that this mapping writes, by id, the size column of the subitems board included."""
    found = {}
    for rules in mapping.columns:
        column = structure.columns.get(rules.to)
        if column is not None and column.kind in LABELLED:
            found[rules.to] = LabelRules(f"columns.{rules.source}", column, rules.labels, rules.labels_at_most)
    lines, sizes = structure.subitems, mapping.sizes
    below = lines.columns.get(sizes.size_column) if sizes and lines else None
    if sizes and below is not None and below.kind in LABELLED:
        found[sizes.size_column] = LabelRules("sizes.columns.size", below, mapping.labels, mapping.labels_at_most)
    return found


def _problem(path: str, message: str, remedy: str, severity: Severity = "error") -> Problem:
    return Problem(0, 0, path, message, remedy, severity)


def _combination(mapping: Mapping) -> Iterator[Problem]:
    """What the board's and the customer's document say together and neither says alone."""
    if mapping.policy.approve == "automatic" and mapping.policy.automatic_up_to is None:
        yield _problem("policy.approve", "`approve: automatic` needs a limit", "Add `automatic_up_to: {orders: 50}`.")
    seen = {mapping.board.uuid_column: "`uuid_column`"}
    for rules in mapping.columns:
        first = seen.setdefault(rules.to, shown(rules.source))
        if first != shown(rules.source):
            message = f"goes to {rules.to}, which {first} fills already"
            yield _problem(f"columns.{rules.source}", message, "Give one of the two another column, or remove it.")


def _board(mapping: Mapping, structure: BoardStructure) -> Iterator[Problem]:
    yield from _text_column(structure, mapping.board.uuid_column, "board.uuid_column", "record's UUID")
    for rules in mapping.columns:
        yield from _column(rules, structure)
    if mapping.sizes:
        yield from _sizes(mapping.sizes, structure)
    if structure.items_limit is not None and structure.items_count >= structure.items_limit:
        message = f"the board is full: {structure.items_count} of {structure.items_limit} items"
        yield _problem("board.id", message, "New orders are held; archive items, or narrow `include`.", "warning")
    removed = mapping.deletions.group
    known = {group.title for group in structure.groups if not group.archived}
    if mapping.deletions.action == "move" and removed not in known:
        message = f"the board has no group {shown(removed)} yet"
        yield _problem(
            "deletions.group", message, "It is made with the first removal, or by `prepare_board`.", "warning"
        )


def _text_column(structure: BoardStructure, column_id: str, path: str, purpose: str) -> Iterator[Problem]:
    column = structure.columns.get(column_id)
    if column is None or column.archived:
        yield _problem(path, f"{structure.name} has no column {column_id} for the {purpose}", PREPARE)
    elif column.kind != "text":
        message = f"{column_id} is of the kind {column.kind}, and the {purpose} needs a text column"
        yield _problem(path, message, "Name a text column.")


def _column(rules: ColumnRules, structure: BoardStructure) -> Iterator[Problem]:
    path = f"columns.{rules.source}"
    column = structure.columns.get(rules.to)
    if column is None or column.archived:
        gone = "has archived the column" if column else "has no column"
        yield _problem(f"{path}.to", f"{structure.name} {gone} {rules.to}", _candidate(rules, structure))
        return
    if not kind_of(column).writable or column.kind not in FITS:
        message = f"{rules.to} ({column.title}) is of the kind {column.kind}, which is not written"
        yield _problem(f"{path}.to", message, _candidate(rules, structure))
    elif conversion_for(column.kind, rules.as_) is None:
        named = ", ".join(FITS[column.kind].named)
        message = f"`as: {rules.as_}` does not fit {rules.to}, which is of the kind {column.kind}"
        yield _problem(f"{path}.as", message, f"Use one of {named}, or remove `as`.")
    elif column.kind in LABELLED:
        yield from _labels(rules, column, path)


def _candidate(rules: ColumnRules, structure: BoardStructure) -> str:
    """The live column that was probably meant: one of the same title first, else a near id."""
    usable = [column for column in structure.columns.values() if not column.archived and column.kind in FITS]
    for column in usable:
        if fold(column.title) == fold(rules.source):
            return f"Did you mean {column.id} ({column.title}, {column.kind})?"
    by_name = near(rules.source, [column.title for column in usable])
    by_id = near(rules.to, [column.id for column in usable])
    for column in usable:
        if by_name == column.title or (by_name is None and by_id == column.id):
            return f"Did you mean {column.id} ({column.title}, {column.kind})?"
    return "Write the id of a column that the board has, or remove the entry."


def _labels(rules: ColumnRules, column: Column, path: str) -> Iterator[Problem]:
    """The labels that the mapping itself names; those that rows bring are checked with the rows."""
    plan = label_plan(column, [target for target in rules.values.values() if target])
    twins = dict(plan.twins)
    for label in plan.missing:
        if label in twins:
            message = f"the label {shown(label)} differs from {shown(twins[label])} of {column.title} by case only"
            yield _problem(f"{path}.values", message, f"Map to the existing one: {twins[label]}.")
        elif rules.labels == "require":
            message = f"{column.title} has no label {shown(label)}, and `labels: require` forbids to make it"
            yield _problem(f"{path}.values", message, "Add the label on the board, or set `labels: create`.")
    for label, namesake in plan.near:
        message = f"the label {shown(label)} is nearly {shown(namesake)} of {column.title}"
        yield _problem(f"{path}.values", message, f"Map to the existing one: {namesake}, if it is meant.", "warning")
    about = LabelRules(path, column, rules.labels, rules.labels_at_most)
    if about.beyond(plan):
        message = f"{column.title} would have more than {about.limit} labels"
        yield _problem(f"{path}.values", message, "Map to fewer labels, raise `at_most`, or use a dropdown column.")


def _labels_of_rows(
    mapping: Mapping, structure: BoardStructure, labels: Dict[str, Collection[str]]
) -> Iterator[Problem]:
    """What the labels of the source's rows meet on the board: those that are held, and namesakes of existing ones."""
    for to, about in labelled(mapping, structure).items():
        plan = label_plan(about.column, sorted(labels.get(to, ())))
        where = "sizes.rename" if about.path.startswith("sizes") else f"{about.path}.values"
        for pairs, said in ((plan.twins, "by case only"), (plan.near, "by case, blanks or signs only")):
            if pairs:
                named = ", ".join(f"{shown(new)} from {shown(old)}" for new, old in pairs[:NAMED])
                message = f"{about.column.title}: {_count(len(pairs))} of the source differ {said}: {named}"
                new, old = pairs[0]
                remedy = f"Map to the existing one, such as {{{new}: {old}}}, or correct the source."
                yield _problem(where, message, remedy, "warning")
        if about.missing == "require" and plan.missing:
            named = ", ".join(shown(label) for label in plan.missing[:NAMED])
            message = f"{about.column.title} lacks {_count(len(plan.missing))} of the source: {named}"
            remedy = "Add them on the board, map to existing ones, or set `labels: create`; until then orders are held."
            yield _problem(where, message, remedy, "warning")
        elif about.beyond(plan):
            message = f"{about.column.title} has {_count(len(about.column.label_texts()))} of at most {about.limit:,}"
            message += f", and the source brings {len(plan.missing):,} more"
            remedy = "Map to fewer labels, or raise `at_most`; orders whose label has no place are held."
            yield _problem(where, message, remedy, "warning")


def _count(labels: int) -> str:
    return "1 label" if labels == 1 else f"{labels:,} labels"


def _sizes(sizes: Sizes, structure: BoardStructure) -> Iterator[Problem]:
    lines = structure.subitems
    if lines is None:
        yield _problem("sizes.columns", f"{structure.name} has no subitems board yet", PREPARE)
        return
    wanted = (
        ("size", sizes.size_column, ("dropdown", "status", "text")),
        ("quantity", sizes.quantity_column, ("numbers",)),
    )
    for name, column_id, kinds in wanted:
        column = lines.columns.get(column_id)
        path = f"sizes.columns.{name}"
        if column is None or column.archived:
            yield _problem(path, f"{lines.name} has no column {column_id}", _size_candidate(lines, kinds))
        elif column.kind not in kinds:
            message = f"{column_id} is of the kind {column.kind}, and the {name} needs {' or '.join(kinds)}"
            yield _problem(path, message, _size_candidate(lines, kinds))
    yield from _text_column(lines, sizes.key_column, "sizes.key_column", "size's key")


def _size_candidate(lines: BoardStructure, kinds: Sequence[str]) -> str:
    usable = [
        f"{each.id} ({each.title})" for each in lines.columns.values() if each.kind in kinds and not each.archived
    ]
    return (
        f"Name one of {', '.join(usable[:5])}."
        if usable
        else f"Create a column of the kind {kinds[0]} on {lines.name}."
    )
