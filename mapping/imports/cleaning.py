"""The earlier file's `preprocessing.data_cleaning` -> value rules: it ran before the rules of a column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from mapping.core.problems import shown
from mapping.core.texts import fold

from .columns import Column, first, word
from .findings import Findings
from .reading import Node

# Rendering trims every cell and drops its control characters.
_NEEDLESS = frozenset(["clean", "strip", "trim", "trim_and_clean", "trim_whitespace", "remove_control_characters"])
_REPLACE = frozenset(["replace", "replace_value", "replace_values"])
_KNOWN = ("field", "fields", "source_field", "column", "operation", "find", "replace")
REMEDY = "Say it by `values` in the draft, or clean the source."


def clean(node: Node, path: str, columns: Mapping[str, Column], in_titles: Collection[str], findings: Findings) -> None:
    """Fold every cleaning step into the columns that it concerns; `in_titles` are folded names used in templates."""
    steps = node.get("data_cleaning") or (node if isinstance(node.value, list) else None)
    if steps is not node:
        findings.rest(node, path, ("data_cleaning",))
    for inner, step in _steps(steps, f"{path}.data_cleaning", findings):
        named = first(step, ("field", "fields", "source_field", "column"))
        how = step.get("operation")
        parts = (named.value if isinstance(named.value, list) else [named]) if named else []
        for part in parts:
            _step(step, inner, part.text(), word(how.text()) if how else "", columns, in_titles, findings)
        if not parts:
            findings.open(step, inner, "names no field", REMEDY)
        findings.rest(step, inner, _KNOWN)


def _steps(node: Node | None, path: str, findings: Findings) -> Iterator[tuple[str, Node]]:
    if node is None:
        return
    if isinstance(node.value, list):
        for number, step in enumerate(node.value, 1):
            if isinstance(step.value, dict):
                yield f"{path}[{number}]", step
            elif step.value is not None:
                findings.open(step, f"{path}[{number}]", "is no step with a field and an operation", REMEDY)
    elif node.get("operation"):
        yield path, node
    elif isinstance(node.value, dict):
        for name, step in node.items():
            inner = f"{path}.{name}"
            if isinstance(step.value, list):
                named = [Node({"field": Node(name, one.line), **dict(one.items())}, one.line) for one in step.value]
                yield from _steps(Node(list(named), step.line), inner, findings)
            elif isinstance(step.value, dict):
                yield inner, Node({"field": Node(name, step.line), **step.value}, step.line)
            elif step.value is not None:
                yield inner, Node({"field": Node(name, step.line), "operation": step}, step.line)
    else:
        findings.open(node, path, "is no list of steps", REMEDY)


def _step(
    step: Node,
    path: str,
    name: str,
    operation: str,
    columns: Mapping[str, Column],
    in_titles: Collection[str],
    findings: Findings,
) -> None:
    if operation in _NEEDLESS:
        return
    if operation not in _REPLACE:
        findings.open(step, path, f"the operation {shown(operation or 'none')} is not known", REMEDY)
        return
    entries = dict(step.items())
    target = columns.get(name) or next((each for each in columns.values() if fold(each.source) == fold(name)), None)
    if "find" not in entries or "replace" not in entries:
        findings.open(step, path, "has no find with a replace", REMEDY)
    elif isinstance(entries["find"].value, list | dict) or isinstance(entries["replace"].value, list | dict):
        findings.open(step, path, "is no replacement of one value", REMEDY)
    elif target is None:
        findings.open(step, path, f"{shown(name)} is no column of the mapping", REMEDY)
    else:
        _replace(step, path, target, entries["find"].text(), entries["replace"].text(), findings)
        if fold(name) in in_titles:
            message = f"{shown(name)} also stands in a title or a key, which shows the cell as it is"
            findings.open(step, path, message, "Clean the source, or leave it.")


def _replace(step: Node, path: str, target: Column, find: str, replace: str, findings: Findings) -> None:
    """Cleaning comes first: what it makes of a cell goes through the column's own rules."""
    rules = {fold(cell): result for cell, result in target.values.items()}
    result = rules.get(fold(replace), replace)
    same = next((cell for cell in target.values if fold(cell) == fold(find)), None)
    if same is not None and target.values[same] != result:
        message = f"{shown(find)} is replaced before the rule that makes {shown(target.values[same])} of it"
        findings.note(step, path, message, "Compare the draft; the rule never applied.")
    target.values[same if same is not None else find] = result
