"""What an earlier file says that no draft says, each with its line: nothing is lost in silence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .reading import Node, written


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


# Keys that only describe; whatever else stands beside the known ones may matter, and is for a person.
REMARKS = words(
    """
    author authors comment comments confidence created created_at date description example examples explanation
    generated generated_at info last_updated last_validated mapping_confidence match_confidence match_type meta
    metadata note notes owner priority purpose rationale reason remark remarks reviewed_by sample sample_values
    samples similarity source_type statistics stats status summary title total_fields updated updated_at usage
    version
    """
)
_NOT_IN_A_COMMENT = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of an earlier file with its place; the line is 0 where it stands elsewhere."""

    line: int
    path: str
    text: str

    def sentence(self) -> str:
        """The value in one line that may stand in a comment."""
        return f"{_at(self.line)}{self.path}: {self.text}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was not translated. `open` means that a person must settle it before the draft may hold.

    `leaves` are the values that it concerns, in full.
    """

    line: int
    path: str
    message: str
    remedy: str
    open: bool = True
    leaves: tuple[Leaf, ...] = ()

    def sentence(self, file: str = "") -> str:
        """The finding in one line: `FILE:line path: message - remedy`."""
        place = f"{file}:{self.line} " if file and self.line else f"{file} " if file else _at(self.line)
        return f"{place}{self.path or 'file'}: {'' if self.open else 'note: '}{self.message} - {self.remedy}"

    def comment(self) -> list[str]:
        """The finding as lines of a YAML comment, without the sign."""
        word = "open" if self.open else "note"
        own = f"{word}: {_at(self.line)}{self.path}: {self.message} - {self.remedy}"
        return [_one_line(own), *(f"  {_one_line(leaf.sentence())}" for leaf in self.leaves)]


@dataclass(slots=True)
class Findings:
    """Collects findings in the order of their discovery."""

    found: list[Finding] = field(default_factory=list)

    def open(self, node: Node, path: str, message: str, remedy: str) -> None:
        """Something that a person must settle."""
        self.found.append(Finding(node.line, path, message, remedy, True, tuple(leaves(node, path))))

    def note(self, node: Node, path: str, message: str, remedy: str = "Nothing to do.") -> None:
        """Something that changes nothing on the board, kept in sight."""
        self.found.append(Finding(node.line, path, message, remedy, False, tuple(leaves(node, path))))

    def rest(self, node: Node, path: str, known: tuple[str, ...], *, harmless: bool = False) -> None:
        """Every filled key of a block that is none of the known ones."""
        for name, value in node.items():
            if name in known or value.value is None:
                continue
            inner = f"{path}.{name}" if path else name
            if harmless or name.casefold() in REMARKS:
                self.note(value, inner, "has no counterpart here")
            else:
                self.open(value, inner, "this key is not known", "Say it in the draft where it matters, or leave it.")


def leaves(node: Node, path: str) -> Iterator[Leaf]:
    """Every scalar inside a node with its own place; an empty block or list is one itself."""
    if isinstance(node.value, dict) and node.value:
        for name, value in node.value.items():
            yield from leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(node.value, list) and node.value:
        for number, value in enumerate(node.value, 1):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield Leaf(node.line, path, written(node))


def _at(line: int) -> str:
    return f"line {line} " if line else ""


def _one_line(text: str) -> str:
    """The text with everything that would end a comment, or that no document holds, as an escape."""
    return _NOT_IN_A_COMMENT.sub(lambda found: json.dumps(found[0])[1:-1], text)
