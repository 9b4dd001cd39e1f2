"""One entry of the earlier mapping file -> the rules of one column, as far as they are understood."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mapping.core.conversions import FITS
from mapping.core.problems import did_you_mean, shown
from mapping.core.texts import fold, one_line
from monday.core.columns import KINDS, guess_kind

from .findings import Findings, words
from .reading import Node

SOURCE = ("source_field", "source_column", "source")
TARGET = ("target_field", "target_column", "target_name")
TARGET_ID = ("target_column_id", "column_id", "target_id", "monday_column_id")
TYPE = ("target_type", "column_type", "type")
RULES = ("mapping_rules", "value_mapping", "value_mappings", "rules")
KNOWN = (*SOURCE, *TARGET, *TARGET_ID, *TYPE, *RULES, "transformation", "required", "is_required")
IN_DRAFT = "Add it to the draft under `columns`, or leave it."

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Every cell is trimmed and freed of control characters by rendering, so that these need no rule.
_NEEDLESS = words(
    """
    as_is clean clean_text copy direct direct_copy direct_mapping dropdown dropdown_label exact exact_match
    identity label no_transformation none normalize_whitespace one_to_one pass_through passthrough status str
    string strip text to_label to_string to_text trim trim_and_clean trim_whitespace
    """
)
_BY_RULES = words(
    """
    conditional conditional_mapping lookup map map_values mapping mapping_rules replace_value rules value_lookup
    value_map value_mapping value_replacement
    """
)
_CONVERSIONS: Mapping[str, str] = {
    name: conversion
    for conversion, names in {
        "date": "date date_conversion date_format format_date iso_date parse_date to_date",
        "decimal": "currency decimal float money number numbers numeric numeric_conversion price to_decimal to_number",
        "integer": "int integer to_int to_integer whole_number",
        "percent": "percent percentage to_percent",
        "fraction": "fraction percent_to_decimal percentage_to_decimal percentage_to_fraction rate share to_fraction",
        "yes/no": "bool boolean checkbox to_boolean yes_no",
        "list": "list multi_value split split_list",
        "long text": "long_text multiline",
    }.items()
    for name in names.split()
}
_DATES = frozenset(name for name, conversion in _CONVERSIONS.items() if conversion == "date")
_ISO = frozenset(["iso", "iso8601", "iso_8601", "y_m_d", "yyyy_mm_dd"])
_KINDS: Mapping[str, str] = {
    name: kind
    for kind, names in {
        "text": "text string short_text varchar nvarchar",
        "long_text": "long_text longtext long-text",
        "numbers": "numbers number numeric decimal float int integer",
        "date": "date datetime",
        "status": "status color label",
        "dropdown": "dropdown",
        "checkbox": "checkbox boolean bool",
        "email": "email",
        "link": "link url",
    }.items()
    for name in names.split()
}
_USUAL_AS = {"numbers": "decimal", "date": "date"}
_NEEDED_AS = {**_USUAL_AS, "long_text": "long text", "checkbox": "yes/no"}


@dataclass(slots=True)
class Column:
    """The rules of one source column; `node` and `path` are where they come from."""

    source: str
    to: str
    node: Node
    path: str
    as_: str | None = None
    required: bool = False
    values: dict[str, str] = field(default_factory=dict)

    def entry(self) -> Any:
        """The rules as the document holds them: the id alone where nothing is special."""
        entry: dict[str, Any] = {"to": self.to}
        if self.as_:
            entry["as"] = self.as_
        if self.required:
            entry["required"] = True
        if self.values:
            entry["values"] = self.values
        return self.to if len(entry) == 1 else entry


def first(node: Node, keys: Iterable[str]) -> Node | None:
    """The value under the first of these keys that is filled."""
    return next((found for key in keys if (found := node.get(key)) is not None), None)


def word(text: str) -> str:
    """A name such as `Direct Mapping` in the one form that names are looked up by."""
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


def column(node: Node, path: str, mapped: Mapping[str, str], findings: Findings) -> Column | None:
    """The rules of an entry, None where it names no column of the board that can be written.

    `mapped` are the board columns by source column as the document that holds now has them, for the remedy.
    """
    source, to = _text(node, SOURCE), _text(node, TARGET_ID)
    if not source:
        findings.open(node, path, "names no source column", IN_DRAFT)
        return None
    if not to:
        known = mapped.get(source)
        hint = f"The document that holds now has {known} for it; add it to the draft." if known else IN_DRAFT
        findings.open(node, path, f"{shown(source)} names no id of a board column", hint)
        return None
    if not _ID.fullmatch(to):
        findings.open(node, path, f"{shown(to)} is no id of a board column", IN_DRAFT)
        return None
    kind = guess_kind(to)
    if kind in KINDS and not KINDS[kind].writable:
        findings.open(node, path, f"{to} looks like a column of the kind {kind}, which is not written", IN_DRAFT)
        return None
    made = Column(source, to, node, path)
    made.required = _text(node, ("required", "is_required")).casefold() in ("true", "yes", "1")
    _by_type(made, first(node, TYPE), kind, findings)
    rules = first(node, RULES)
    if rules is not None:
        for key, value in value_rules(rules, f"{path}.mapping_rules", findings):
            add_value(made, key, value, rules, findings)
    _transform(made, node.get("transformation"), kind, findings)
    findings.rest(node, path, KNOWN)
    return made


def held_against_source(columns: Mapping[str, Column], names: Sequence[str], findings: Findings) -> dict[str, Column]:
    """The columns that the source has, in its spelling; a run refuses a mapping that names any other."""
    spelled = {fold(name): name for name in reversed(names)}
    known: dict[str, Column] = {}
    for name, made in columns.items():
        found = name if name in names else spelled.get(fold(name))
        if found is None or (found != name and found in columns) or found in known:
            remedy = did_you_mean(name, names, "Add the column to the source, or leave it.")
            findings.open(made.node, made.path, f"the source has no column {shown(name)}", remedy)
            continue
        if found != name:
            findings.note(made.node, made.path, f"the source spells {shown(name)} as {shown(found)}")
        made.source = found
        known[found] = made
    return known


def _text(node: Node, keys: Iterable[str]) -> str:
    found = first(node, keys)
    return found.text() if found else ""


def _by_type(made: Column, node: Node | None, guessed: str, findings: Findings) -> None:
    """The conversion that the column's type asks for, where the id does not tell it already."""
    if node is None or not node.text():
        return
    path = f"{made.path}.target_type"
    kind = _KINDS.get(node.text().casefold()) or _KINDS.get(word(node.text()))
    if kind is None:
        findings.open(node, path, f"the type {shown(node.text())} is not known", "Compare the column on the board.")
    elif guessed in FITS and kind != guessed:
        message = f"{made.to} looks like a column of the kind {guessed}, not {kind}; the board decides"
        findings.note(node, path, message, "The check against the board says which it is.")
    else:
        made.as_ = (_USUAL_AS if guessed in FITS else _NEEDED_AS).get(kind)


def _transform(made: Column, node: Node | None, guessed: str, findings: Findings) -> None:
    """The conversion or the value rules that a transformation names; an unknown one is for a person."""
    if node is None:
        return
    path, name = f"{made.path}.transformation", word(node.text())
    head, _, parameter = node.text().partition(":")
    if word(head) in _DATES and word(parameter) in _ISO:
        name = word(head)
    conversion = _CONVERSIONS.get(name)
    if conversion and guessed in FITS and conversion not in FITS[guessed].named:
        message = f"the transformation {shown(node.text())} does not fit {made.to}, a column of the kind {guessed}"
        findings.open(node, path, message, "Choose an `as` for it in the draft, or leave it.")
    elif conversion:
        made.as_ = conversion
    elif made.values and name.endswith(("_lookup", "_map", "_mapping", "_rules")):
        return  # such as customer_mapping_lookup: the rules beside it say all of it
    elif name in _BY_RULES and not made.values:
        findings.open(node, path, f"{shown(node.text())} has no rules beside it", "Add `values` in the draft.")
    elif name not in _NEEDLESS and name not in _BY_RULES:
        message = f"the transformation {shown(node.text() or 'of several parts')} is not known"
        findings.open(node, path, message, "Say it by `as` or `values` in the draft; the cell goes out as it stands.")


def value_rules(node: Node, path: str, findings: Findings) -> Iterator[tuple[str, str]]:
    """Pairs of a cell's text and its replacement, from a list of rules or from a block of `cell: replacement`."""
    if isinstance(node.value, dict) and not {"source_value", "target_value"} & node.value.keys():
        for name, value in node.items():
            if isinstance(value.value, list | dict):
                findings.open(
                    value, f"{path}.{name}", "is no replacement for a cell", "Add it to `values` in the draft."
                )
            else:
                yield one_line(name), value.text()
        return
    for number, rule in enumerate(node.value if isinstance(node.value, list) else [node], 1):
        inner = f"{path}[{number}]"
        entries = dict(rule.items())
        if not {"source_value", "target_value"} <= entries.keys():
            findings.open(rule, inner, "has no source_value with a target_value", "Add it to `values` in the draft.")
            continue
        cells, target = entries["source_value"], entries["target_value"]
        if isinstance(target.value, list | dict) or isinstance(cells.value, dict):
            findings.open(rule, inner, "is no replacement for a cell", "Add it to `values` in the draft.")
            continue
        for cell in cells.value if isinstance(cells.value, list) else [cells]:
            if cell.text() == "*":
                remedy = "Say it by `otherwise` or cell by cell in the draft, or leave it."
                findings.open(rule, inner, "a rule for every other cell has no counterpart here", remedy)
            else:
                yield cell.text(), target.text()
        findings.rest(rule, inner, ("source_value", "target_value"))


def add_value(made: Column, cell: str, target: str, node: Node, findings: Findings) -> None:
    """Add a replacement; one that meets the same cells as an earlier one is for a person."""
    same = next((known for known in made.values if fold(known) == fold(cell)), None)
    if same is None:
        made.values[cell] = target
    elif made.values[same] != target:
        message = (
            f"{shown(cell)} becomes {shown(made.values[same])} by an earlier rule, and {shown(target)} by this one"
        )
        findings.open(node, f"{made.path}.mapping_rules", message, "Choose one in the draft; the earlier one stands.")
