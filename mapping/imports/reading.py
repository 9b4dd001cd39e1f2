"""The text of an earlier file -> nodes with their lines, or the reasons why there are none. Nothing raises.

More forgiving than the reader of our own documents, since nobody can correct these files any more: YAML or JSON, with
anchors, merge keys, several documents and any encoding mark. Every scalar stays the text that was typed; a plain `null`
and an empty value are None. The bounds are those of a hostile text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from mapping.core import yaml_text
from mapping.core.problems import Problem, shown
from mapping.core.texts import one_line

MAX_BYTES = 4_000_000
MAX_DEPTH = 40
MAX_NODES = 200_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")
_STANDARD_TAG = "tag:yaml.org,2002:"
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_TABBED = re.compile(r"^[ ]*\t[ \t]*", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]*\t[ \t]*", re.MULTILINE)

Value = str | None | list["Node"] | dict[str, "Node"]


@dataclass(frozen=True, slots=True)
class Node:
    """A value with the line, from 1, where it or its key stands; `size` counts the values in it."""

    value: Value
    line: int
    size: int = 1

    def text(self) -> str:
        """The scalar on one line, trimmed; "" for null and for anything that is no scalar."""
        return one_line(self.value) if isinstance(self.value, str) else ""

    def get(self, key: str) -> Node | None:
        """The value under this key where it is filled."""
        found = self.value.get(key) if isinstance(self.value, dict) else None
        return found if found is not None and found.value is not None else None

    def items(self) -> list[tuple[str, Node]]:
        """The entries of a block, none of anything else."""
        return list(self.value.items()) if isinstance(self.value, dict) else []


def read(data: bytes) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    """The documents of a file. Where there are none, the problems say why; else they name keys that stand twice."""
    text, refusal = _decoded(data)
    if refusal is not None:
        return (), (refusal,)
    documents, problems = _built(_as_yaml(text))
    if not documents and problems and _TABBED.search(text):
        documents, problems = _built(_TABBED.sub(lambda found: found[0].replace("\t", "  "), text))
    if not documents and problems:
        return (), tuple(problems)
    filled = tuple(document for document in documents if document.value is not None)
    if not filled:
        empty = Problem(1, 1, "", "the file is empty", "Name a file of the earlier system.")
        return (), (empty,)
    return filled, tuple(problems)


def _built(text: str) -> tuple[tuple[Node, ...], list[Problem]]:
    """The documents of a YAML text with what is odd about them, or none with the reason."""
    builder = _Builder(text)
    try:
        return tuple(builder.documents()), builder.problems
    except _Refused as refused:
        return (), [refused.problem]
    except (yaml.YAMLError, ValueError, OverflowError):
        return (), [_syntax(text)]


class _Refused(Exception):
    def __init__(self, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, 1, "", message, remedy)


class _Builder:
    """Builds nodes from the parser's events, so that a hostile text is refused before anything grows."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.nodes = 0

    def documents(self) -> Iterator[Node]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
                yield self.node(next(self.events), 0)

    def node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), line)
        self.count(1, line)
        if depth > MAX_DEPTH:
            raise _Refused(line, f"nested deeper than {MAX_DEPTH} levels", "No file of the earlier system is.")
        tag = getattr(event, "tag", None)
        if tag is not None and not _is_plain(tag):
            raise _Refused(line, f"the tag {shown(tag)} is not allowed", "Remove it.")
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style is None or event.style == ""
            made = Node(None if plain and event.value in _NULLS else event.value, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            made = self.sequence(line, depth)
        else:
            made = self.mapping(line, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = made
        return made

    def alias(self, anchor: str, line: int) -> Node:
        known = self.anchors.get(anchor)
        if known is None:
            raise _Refused(line, f"the alias *{anchor} stands for nothing", "Write the value out in full.")
        self.count(known.size, line)  # what it stands for, so that aliases of aliases cannot grow unseen
        return replace(known, line=line)

    def count(self, more: int, line: int) -> None:
        self.nodes += more
        if self.nodes > MAX_NODES:
            raise _Refused(line, f"more than {MAX_NODES:,} entries", "Split the file.")

    def sequence(self, line: int, depth: int) -> Node:
        values: list[Node] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self.node(event, depth + 1))
        return Node(values, line, 1 + sum(each.size for each in values))

    def mapping(self, line: int, depth: int) -> Node:
        values: dict[str, Node] = {}
        merged: list[Node] = []
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            at = event.start_mark.line + 1
            key = self.node(event, depth + 1)
            value = replace(self.node(next(self.events), depth + 1), line=at)
            if not (key.value is None or isinstance(key.value, str)):
                raise _Refused(at, "a key must be a text", "Put it in quotes if it starts with [ or {.")
            if key.value == "<<" and isinstance(value.value, dict | list):
                merged += value.value if isinstance(value.value, list) else [value]
            else:
                self.keep(values, key.value or "", value)
        for each in merged:
            for name, value in each.items():
                values.setdefault(name, value)
        return Node(values, line, 1 + sum(each.size + 1 for each in values.values()))

    def keep(self, values: dict[str, Node], name: str, value: Node) -> None:
        first = values.setdefault(name, value)
        if first is not value:
            message = f"the key {shown(name)} stands here a second time (first in line {first.line}): {written(value)}"
            self.problems.append(Problem(value.line, 1, name, message, "Keep one of the two; the first was taken."))


def written(node: Node) -> str:
    """A value in full on one line, as a remark may hold it."""
    if isinstance(node.value, dict):
        return "{" + ", ".join(f"{name}: {written(value)}" for name, value in node.value.items()) + "}"
    if isinstance(node.value, list):
        return "[" + ", ".join(map(written, node.value)) + "]"
    return "null" if node.value is None else " ".join(node.value.split()) or '""'


def _is_plain(tag: str) -> bool:
    """Whether a tag only says what a scalar or a block is anyway, such as !!str."""
    return tag == "!" or (tag.startswith(_STANDARD_TAG) and tag[len(_STANDARD_TAG) :].isalpha())


def _decoded(data: bytes) -> tuple[str, Problem | None]:
    if len(data) > MAX_BYTES:
        return "", Problem(1, 1, "", f"the file is larger than {MAX_BYTES // 1_000_000} MB", "Split it.")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding), None
            except UnicodeDecodeError:
                break
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return "", Problem(line, 1, "", "the text is not UTF-8", "Save the file with the encoding UTF-8.")


def _as_yaml(text: str) -> str:
    """JSON's two liberties that YAML does not take: indenting by tabs, and letters written as two halves."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    joined = _PAIR.sub(lambda found: found[1] + _whole_letter(found[2], found[3]), text)
    return _INDENT.sub(lambda found: found[0].replace("\t", "  "), joined)


def _whole_letter(high: str, low: str) -> str:
    return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)


def _syntax(text: str) -> Problem:
    """Why this is no YAML, in the words and with the place that our own reader finds."""
    _, problems = yaml_text.read(text[: yaml_text.MAX_BYTES // 4])
    at_start = Problem(1, 1, "", "this is neither YAML nor JSON", "Name a file of the earlier system.")
    return problems[-1] if problems else at_start
