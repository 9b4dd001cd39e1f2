"""What differs between two texts of a document: line by line as typed, and setting by setting as meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from .core.yaml_text import Path, path_text, read
from .models import Version

Kind = Literal["same", "removed", "added", "changed"]
MAX_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the side-by-side view. A line number counts from 1 and is None where that side has no line."""

    kind: Kind
    before_line: int | None
    before: str
    after_line: int | None
    after: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting whose meaning differs; None where that side does not have it."""

    path: str
    before: str | None
    after: str | None

    def sentence(self) -> str:
        """The difference in one line: `path: old -> new`."""
        if self.before is None:
            return f"{self.path}: added, {self.after or 'empty'}"
        if self.after is None:
            return f"{self.path}: removed, was {self.before or 'empty'}"
        return f"{self.path}: {self.before or 'empty'} -> {self.after or 'empty'}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two texts held against each other. `settings` is None where one of them cannot be read as a document."""

    rows: tuple[Row, ...]
    settings: tuple[Setting, ...] | None

    @property
    def same(self) -> bool:
        """Whether the two are the same text."""
        return all(row.kind == "same" for row in self.rows)

    @property
    def cosmetic(self) -> bool:
        """Whether the texts differ and mean the same: comments, blanks, quotation marks, the order of keys."""
        return not self.same and self.settings == ()

    def excerpt(self, around: int = 3) -> tuple[Row | None, ...]:
        """The rows that differ with some lines around them; None stands for lines that were left out."""
        changed = [place for place, row in enumerate(self.rows) if row.kind != "same"]
        wanted = sorted({near for place in changed for near in range(place - around, place + around + 1)})
        shown: list[Row | None] = []
        last = -1
        for place in wanted:
            if not 0 <= place < len(self.rows):
                continue
            if place != last + 1:
                shown.append(None)
            shown.append(self.rows[place])
            last = place
        if shown and last < len(self.rows) - 1:
            shown.append(None)
        return tuple(shown)


def between(before: Version | str | None, after: Version | str) -> Difference:
    """What differs between two versions, or texts that are not kept yet; None stands for an empty text."""
    old, new = _text(before), _text(after)
    return Difference(tuple(_rows(old, new)), _settings(old, new))


def _text(side: Version | str | None) -> str:
    return "" if side is None else side if isinstance(side, str) else side.text


def _rows(before: str, after: str) -> Iterator[Row]:
    # By hand and not by splitlines, whose idea of a line is wider than an editor's.
    old, new = (text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else [] for text in (before, after))
    if len(old) + len(new) > MAX_LINES:
        same = [("equal", 0, len(old), 0, len(new))]
        changes: Any = same if old == new else [("replace", 0, len(old), 0, len(new))]
    else:
        changes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    names: dict[str, Kind] = {"equal": "same", "replace": "changed", "delete": "removed", "insert": "added"}
    for tag, first, last, start, end in changes:
        for offset in range(max(last - first, end - start)):
            has_old, has_new = first + offset < last, start + offset < end
            kind: Kind = names[tag] if has_old and has_new else "removed" if has_old else "added"
            yield Row(
                kind,
                first + offset + 1 if has_old else None,
                old[first + offset] if has_old else "",
                start + offset + 1 if has_new else None,
                new[start + offset] if has_new else "",
            )


def _settings(before: str, after: str) -> tuple[Setting, ...] | None:
    old, new = _leaves(before), _leaves(after)
    if old is None or new is None:
        return None
    paths = dict.fromkeys([*old, *new])
    return tuple(
        Setting(path_text(path), old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)
    )


def _leaves(text: str) -> dict[Path, str] | None:
    """Every setting with its value as text; a list is one setting, since its order is part of it."""
    if not text.strip():
        return {}
    tree, _ = read(text)
    return None if tree is None else dict(_walk(tree.value, ()))


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict) and value:
        # The short form of a column says the same as the long one.
        if len(path) == 2 and path[0] == "columns" and set(value) == {"to"}:
            value = value["to"]
        else:
            for name, inner in value.items():
                yield from _walk(inner, (*path, name))
            return
    if isinstance(value, list):
        yield path, ", ".join(str(each) for each in value)
    else:
        yield path, "" if value is None or isinstance(value, dict) else str(value)
