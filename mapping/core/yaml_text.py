"""YAML text -> plain values with the place of each, or problems. Nothing that a person types raises.

Read by the rules of YAML 1.2 with every plain scalar as text: `NO`, `1:30`, `012`, `1e3` and `2026-01-01` stay what was
typed, and the schema says where a number or a flag is meant. The tree is built from the parser's events and not by a
loader, so that an alias bomb or a deep nesting is refused at the event where it starts, before anything grows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from .problems import Problem, shown

Path = tuple[str | int, ...]
Mark = tuple[int, int]

MAX_BYTES = 1_000_000
MAX_DEPTH = 12
MAX_NODES = 20_000
MAX_PROBLEMS = 200

# What YAML calls printable; everything else is refused here, since the parser would name a byte and no line.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REMEDIES = (
    ("tab character", "Indent with blanks, not with tabs."),
    (
        "cannot start any token",
        "Indent with blanks, not with tabs, and put a value that starts with @, ` or % in quotes.",
    ),
    ("mapping values are not allowed", "Put a value that contains ': ' in quotes, and check the indentation."),
    ("expected ':'", "Write the key as `KEY: value` on one line; put a key with special characters in quotes."),
    ("quoted scalar", "Close the quotation mark; a ' inside '...' is written twice."),
    ("expected ',' or", "Close the bracket, and put a value that contains , { } [ ] in quotes."),
    ("expected <block end>", "Check the indentation: entries of one block start in the same column."),
    ("escape", "Inside \"...\" a backslash starts an escape; write it twice, or use '...'."),
)


@dataclass(slots=True)
class Tree:
    """The document as dicts, lists, texts and None (nothing typed), with the place of every value and key by path."""

    value: Any = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)

    def place(self, path: Path, *, key: bool = False) -> Mark:
        """Line and column of this path's value (or key), else of the nearest thing around it."""
        while path:
            mark = (self.keys.get(path) if key else None) or self.marks.get(path) or self.keys.get(path)
            if mark:
                return mark
            path = path[:-1]
        return self.marks.get((), (1, 1))


def path_text(path: Path) -> str:
    """A path as people write it: `columns.CUSTOMER PRICE.as`, `aliases[2]` with lists counted from 1."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read(text: str | bytes) -> tuple[Tree | None, tuple[Problem, ...]]:
    """The document's tree, or every reason why there is none. Never raises on a person's text."""
    tree, problems = read_whole(text)
    return (None if problems else tree), problems


def read_whole(text: str | bytes) -> tuple[Tree | None, tuple[Problem, ...]]:
    """The tree as far as it could be built, with what it must not hold, so that the rest can be checked as well.

    Of a key that stands twice the first value is taken. There is no tree where reading stopped before the end.
    """
    plain, refusal = _decoded(text)
    if refusal is not None:
        return None, (refusal,)
    builder = _Builder(plain)
    whole = False
    try:
        builder.build()
        whole = builder.tree.value is not None
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax(error))
    except (yaml.YAMLError, ValueError):
        builder.problems.append(
            Problem(1, 1, "", "this is not YAML", "Check the text, or start from a shipped document.")
        )
    except _Stop:
        pass
    return (builder.tree if whole else None), tuple(builder.problems)


class _Stop(Exception):
    """Reading further would only cost time; the reason is already among the problems."""


class _Builder:
    """Builds one tree from the parser's events, refusing what a document must not hold."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = Tree()
        self.problems: list[Problem] = []
        self.nodes = 0
        self.events: Iterator[Any] = iter(())

    def build(self) -> None:
        self.events = yaml.parse(self.text, Loader=_Loader)
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.refuse(
                        event, (), "a second document starts here", "Keep one document per file; remove the line ---."
                    )
                    raise _Stop
            elif isinstance(event, yaml.NodeEvent):
                self.tree.value = self.node(event, ())
        if self.tree.value is None and not self.problems:
            self.problems.append(Problem(1, 1, "", "the document is empty", "Start from a shipped document."))

    def refuse(self, event: Any, path: Path, message: str, remedy: str) -> None:
        mark = event.start_mark
        self.problems.append(Problem(mark.line + 1, mark.column + 1, path_text(path), message, remedy))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop

    def node(self, event: Any, path: Path) -> Any:
        self.nodes += 1
        if len(path) > MAX_DEPTH:
            self.refuse(
                event, path[:3], f"nested deeper than {MAX_DEPTH} levels", "No document needs that; remove brackets."
            )
            raise _Stop
        if self.nodes > MAX_NODES:
            self.refuse(event, path, f"more than {MAX_NODES} entries", "Split the document, or shorten its lists.")
            raise _Stop
        self.tree.marks[path] = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event, path, f"the alias *{event.anchor} is not allowed", "Write the value out in full.")
            return None
        if event.anchor is not None:
            self.refuse(
                event,
                path,
                f"the anchor &{event.anchor} is not allowed",
                "Remove it, and put the value in quotes if it starts with &.",
            )
        if event.tag is not None:
            self.refuse(
                event,
                path,
                f"the tag {shown(event.tag)} is not allowed",
                "Remove it, and put the value in quotes if it starts with !.",
            )
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.mapping(path)

    def scalar(self, event: Any, path: Path) -> str | None:
        value: str = event.value
        if _UNPRINTABLE.search(value):
            self.refuse(event, path, "holds a control character", "Remove the escape, such as \\0, that makes it.")
        plain = event.style is None or event.style == ""
        return None if plain and not value else value

    def sequence(self, path: Path) -> list[Any]:
        values: list[Any] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self.node(event, (*path, len(values))))
        return values

    def mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            name = self.key(event, path)
            place = (event.start_mark.line + 1, event.start_mark.column + 1)
            inner = (*path, name)
            if name in values:
                first = self.tree.keys[inner][0]
                self.refuse(
                    event,
                    inner,
                    f"the key {shown(name)} stands here a second time (first in line {first})",
                    "Keep one of the two.",
                )
                self.node(next(self.events), (*path, f"{name} (again)"))
                continue
            value = self.node(next(self.events), inner)
            values[name] = value
            self.tree.keys[inner] = place
        return values

    def key(self, event: Any, path: Path) -> str:
        if isinstance(event, yaml.ScalarEvent):
            return self.node(event, (*path, "?")) or ""
        self.refuse(event, path, "a key must be a text", "Put it in quotes if it starts with [ { or *.")
        raise _Stop


def _decoded(text: str | bytes) -> tuple[str, Problem | None]:
    """The text to parse, or the reason why it is none: size, encoding, characters that no document holds."""
    size = len(text) if isinstance(text, bytes) or len(text) > MAX_BYTES else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        return "", Problem(
            1, 1, "", f"the document is larger than {MAX_BYTES // 1_000_000} MB", "Split it, or shorten its lists."
        )
    if isinstance(text, bytes):
        raw = text
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = _position(raw.decode("latin-1"), error.start)
            return "", Problem(line, column, "", "the text is not UTF-8", "Save the file with the encoding UTF-8.")
    text = text.removeprefix("\ufeff")
    bad = _UNPRINTABLE.search(text)
    if bad:
        line, column = _position(text, bad.start())
        message = f"the character U+{ord(bad.group()):04X} cannot stand in a document"
        remedy = "Delete it; copying from a spreadsheet or a PDF often brings one along."
        return "", Problem(line, column, "", message, remedy)
    return text, None


def _position(text: str, offset: int) -> Mark:
    """Line and column, from 1, of the character at this offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _syntax(error: yaml.MarkedYAMLError) -> Problem:
    """The parser's complaint in our words, at the place it names."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    begin = error.context_mark.line + 1 if error.context_mark else line
    where = f", in what begins in line {begin}" if begin < line else ""
    said = f"{error.context or ''} {error.problem or ''}".strip()
    remedy = next(
        (remedy for part, remedy in _REMEDIES if part in said),
        "Check brackets, quotation marks and indentation here and one line above.",
    )
    return Problem(line, column, "", f"this cannot be read as YAML ({error.problem or 'syntax'}{where})", remedy)
