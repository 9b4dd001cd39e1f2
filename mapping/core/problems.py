"""What is wrong with a document, said so that the person who typed it can put it right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. Line and column count from 1, and are 0 where no text is at hand.

    `path` is the key's way from the top, as in `columns.CUSTOMER PRICE.as`.
    """

    line: int
    column: int
    path: str
    message: str
    remedy: str
    severity: Severity = "error"

    def sentence(self, file: str = "") -> str:
        """The problem in one line: `FILE:line:column path: message - remedy`."""
        place = ":".join(part for part in (file, str(self.line or ""), str(self.column or "")) if part)
        start = f"{place} " if place else ""
        word = "warning: " if self.severity == "warning" else ""
        return f"{start}{self._where}: {word}{self._what}"

    @property
    def words(self) -> str:
        """The same for a page that shows place and severity in its own way."""
        return f"{self._where}: {self._what}"

    @property
    def _where(self) -> str:
        return self.path or "document"

    @property
    def _what(self) -> str:
        return f"{self.message} - {self.remedy}"


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Those that forbid publishing."""
    return tuple(problem for problem in problems if problem.severity == "error")


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, by spelling without regard to case."""
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold(), name)
    found = get_close_matches(word.casefold()[:200], folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The remedy for a name that nobody knows: the near one, or what else to do."""
    names = list(known)
    candidate = near(word, names)
    return f"Did you mean {shown(candidate)}?" if candidate is not None else otherwise


def shown(value: object) -> str:
    """A value as it may stand in a message: quoted, on one line, and not longer than a person reads."""
    text = " ".join(str(value).split())
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}...'"
