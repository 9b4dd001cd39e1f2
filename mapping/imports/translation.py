"""A file of the earlier system, whichever of the two it is -> drafts and everything that no draft says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapping.core.document import effective, parse_board
from mapping.core.rules import size_columns

from .board import is_mapping_file, translate_board
from .customers import is_customer_file, translate_customers
from .drafting import Draft, base_tree
from .findings import Finding, Findings
from .reading import read


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of a file. `refusals` say why nothing did; `beside` are findings that belong to no draft."""

    file: str
    drafts: tuple[Draft, ...] = ()
    beside: tuple[Finding, ...] = ()
    refusals: tuple[Finding, ...] = ()


def translate(
    data: bytes,
    *,
    base: str,
    source_columns: Sequence[str] | None,
    file: str,
    held: Mapping[str, str] | None = None,
) -> Translation:
    """The drafts of a file. Never raises on what the file holds.

    `base` is the text of the sound board's document that a board's draft starts from; `source_columns` are
    those of the order table in its order, None where they are not known; `held` are the texts that hold for customers
    now, by folded name: a customer's draft starts from its own.
    """
    roots, problems = read(data)
    said = tuple(Finding(each.line, each.path, each.message, each.remedy) for each in problems)
    if not roots:
        return Translation(file, refusals=said)
    drafts: list[Draft] = []
    beside = Findings(list(said))
    for root in roots:
        known = False
        if is_mapping_file(root):
            known = True
            drafts.append(translate_board(root, base_tree(base), source_columns, file, said))
        if is_customer_file(root):
            known = True
            made, outside = translate_customers(root, _sizes(base, source_columns), file, held or {})
            drafts += made
            beside.found += outside
        if not known:
            beside.open(root, "", "is neither a mapping nor a list of customers", "Name a file of the earlier system.")
    if not drafts:
        if not any(finding.open for finding in beside.found):
            beside.open(roots[0], "", "holds no column and no customer", "Name a file of the earlier system.")
        return Translation(file, refusals=tuple(beside.found))
    return Translation(file, tuple(drafts), tuple(beside.found))


def _sizes(base: str, source_columns: Sequence[str] | None) -> tuple[str, ...] | None:
    """The source's columns that are sizes by the base document."""
    document, _ = parse_board(base)
    mapping = effective(document, None) if document else None
    if source_columns is None or mapping is None:
        return None
    return size_columns(mapping.sizes, source_columns) if mapping.sizes else ()
