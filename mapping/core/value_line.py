"""One more value of a column in a document's text: a label of the source is mapped to one that exists.

The text is a person's, so nothing else of it moves; where the line does not fit its layout, it is not written.
"""

from __future__ import annotations

from typing import Any

import yaml

from .yaml_text import read


def with_value(text: str, column: str, value: str, target: str) -> str | None:
    """The text with `value: target` under this column's `values`; None where that cannot be written into it."""
    if column not in _columns(text):
        return None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    entry = _below(_below(root, "columns"), column)
    place = _written(text, entry, f"{_quoted(value)}: {_quoted(target)}") if entry is not None else None
    if place is None:
        return None
    found = _columns(place).get(column)
    values = found.get("values") if isinstance(found, dict) else None
    return place if isinstance(values, dict) and values.get(value) == target else None


def has_column(text: str, column: str) -> bool:
    """Whether the document itself says how this source column is mapped."""
    return column in _columns(text)


def _columns(text: str) -> dict[str, Any]:
    tree, _ = read(text)
    found = tree.value.get("columns") if tree is not None and isinstance(tree.value, dict) else None
    return found if isinstance(found, dict) else {}


def _below(node: Any, key: str) -> Any:
    """The value of a key of a mapping, None where it has none."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _written(text: str, entry: Any, line: str) -> str | None:
    if isinstance(entry, yaml.ScalarNode):
        begin, end = entry.start_mark.index, entry.end_mark.index
        return f"{text[:begin]}{{to: {text[begin:end]}, values: {{{line}}}}}{text[end:]}"
    if not isinstance(entry, yaml.MappingNode) or not entry.value:
        return None
    values = _below(entry, "values")
    if values is None:
        return _put(text, entry, f"values: {{{line}}}")
    return _put(text, values, line) if isinstance(values, yaml.MappingNode) else None


def _put(text: str, node: Any, line: str) -> str:
    """The text with one more entry in a mapping, as the mapping is laid out."""
    if node.flow_style:
        end = node.end_mark.index - 1
        return f"{text[:end].rstrip()}{', ' if node.value else ''}{line}{text[end:]}"
    first = node.value[0][0].start_mark
    return f"{text[: first.index]}{line}\n{' ' * first.column}{text[first.index :]}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
