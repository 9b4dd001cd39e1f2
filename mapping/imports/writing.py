"""The text of a document from plain values, in the layout of the shipped ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mapping.core.yaml_text import read

WIDTH = 110  # characters; a longer list takes a line per entry
# Plain where no reader of YAML takes it for anything but the text: `NO`, `012` and `2026-01-01` stand in quotes.
_PLAIN = re.compile(r"[^\W\d](?:[\w ./()&+*%$'’|-]*[\w./()&+*%$'’])?")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,17}")
_BOUND = re.compile(r"[+-]?[0-9]+d|[0-9]{1,3}%")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff]")


def scalar(text: str) -> str:
    """A text as a YAML scalar that is read back as the same."""
    plain = _PLAIN.fullmatch(text) and text.casefold() not in _WORDS
    if plain or _DIGITS.fullmatch(text) or _BOUND.fullmatch(text):
        return text
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def flow(value: Any) -> str:
    """A value on one line: `{to: text_1, required: true}`, `[A, B]`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name)}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else scalar(str(value))


def document(values: Mapping[str, Any], head: Sequence[str] = (), tail: Sequence[str] = ()) -> str:
    """A document with comment lines before and after it; a block takes a line per entry."""
    lines = [*comments(head)]
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            lines.append(f"{scalar(name)}:")
            lines += [f"  {scalar(inner)}: {flow(entry)}" for inner, entry in value.items()]
        else:
            lines += entries(name, value)
    return "\n".join([*lines, *comments(tail)]) + "\n"


def entries(name: str, value: Any) -> list[str]:
    """`name: value` in one line, or a line per entry of a long list."""
    line = f"{scalar(name)}: {flow(value)}"
    if isinstance(value, list | tuple) and len(line) > WIDTH:
        return [f"{scalar(name)}:", *(f"  - {scalar(str(each))}" for each in value)]
    return [line]


def comments(lines: Iterable[str]) -> list[str]:
    """The lines as comments."""
    return [f"# {line}".rstrip() for line in lines]


class NotEditable(ValueError):
    """The text is laid out so that its aliases cannot be changed without touching the rest; the message says so."""


def new_customer(name: str, aliases: Sequence[str]) -> str:
    """The document of a customer that has none yet."""
    values: dict[str, Any] = {"version": "1", "customer": name}
    return document({**values, "aliases": list(aliases)} if aliases else values)


def with_aliases(text: str, aliases: Sequence[str]) -> str:
    """A customer's sound document with these aliases; every other line, comments included, stays as it is typed.

    Raises NotEditable where the document is not written as one key per line.
    """
    tree, _ = read(text)
    if tree is None or not isinstance(tree.value, dict) or "customer" not in tree.value:
        raise NotEditable(_NOT_EDITABLE)
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    starts = sorted(mark for path, mark in tree.keys.items() if len(path) == 1)
    if any(column != 1 for _, column in starts) or len({line for line, _ in starts}) < len(starts):
        raise NotEditable(_NOT_EDITABLE)
    if "aliases" in tree.value:
        first = tree.keys[("aliases",)][0] - 1
        last = next((line - 1 for line, _ in starts if line - 1 > first), len(lines))
        kept = _remarks(lines[first:last])
    else:
        first = last = tree.keys[("customer",)][0]
        kept = []
    block = entries("aliases", list(aliases)) if aliases else []
    made = "\n".join([*lines[:first], *block, *kept, *lines[last:]]) + "\n"
    after, _ = read(made)
    wanted = {**tree.value, "aliases": list(aliases)} if aliases else {**tree.value}
    if not aliases:
        wanted.pop("aliases", None)
    if after is None or after.value != wanted:
        raise NotEditable(_NOT_EDITABLE)
    return made


_NOT_EDITABLE = "The document cannot be changed by a list. Remedy: change its aliases in the mapping editor."


def _remarks(block: Sequence[str]) -> list[str]:
    """The comments and blank lines of a block that is replaced; a comment behind values moves to a line of its own."""
    kept = []
    for line in block:
        plain = line.strip()
        if not plain or plain.startswith("#"):
            kept.append(line)
        elif " #" in plain and not {"'", '"'} & set(plain.rpartition(" #")[2]):
            kept.append(f"# {plain.rpartition(' #')[2].strip()}")
    return kept
