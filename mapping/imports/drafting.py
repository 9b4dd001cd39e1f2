"""Drafts: the text of a document with everything that was not translated as comments, checked like any other text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mapping.core.document import parse_board, parse_customer
from mapping.core.problems import Problem, errors, shown
from mapping.core.yaml_text import path_text, read

from .columns import Column
from .findings import Finding, Findings, Leaf
from .held import CustomerParts, Held
from .writing import comments, document

REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft of one document. `text` is "" where none could be made; `translated` counts columns or aliases.

    `status` is what the earlier system said of a customer: approved, review, or "" where it said nothing.
    """

    kind: str
    name: str
    text: str
    translated: int
    findings: tuple[Finding, ...]
    status: str = ""

    @property
    def open(self) -> tuple[Finding, ...]:
        """What a person must settle before the draft may hold."""
        return tuple(finding for finding in self.findings if finding.open)

    @property
    def publishable(self) -> bool:
        """Whether nothing stands against publishing it without a person."""
        return bool(self.text) and not self.open and self.status != REVIEW

    def with_findings(self, more: tuple[Finding, ...]) -> Draft:
        """The same draft with findings of a later check."""
        return replace(self, findings=self.findings + more)


def board_draft(
    base: Mapping[str, Any], board: Mapping[str, Any], columns: dict[str, Column], findings: Findings, file: str
) -> Draft:
    """The draft of a board's document: the base with this board and these columns.

    A column that the document cannot hold is taken out again and named.
    """
    _not_in_file(base, columns, findings)

    def made() -> str:
        values = {**base, "board": board, "columns": {name: each.entry() for name, each in columns.items()}}
        head = [
            f"Made from {file} of the earlier system. Columns and value rules are from there; source, sizes, labels,",
            "deletions and policy are those of the document that this draft started from.",
        ]
        return document(values, head, _tail(findings))

    def drop(problem: Problem) -> bool:
        fitting = [name for name in columns if _within(problem.path, path_text(("columns", name)))]
        if not fitting:
            return False
        out = columns.pop(max(fitting, key=len))
        findings.open(out.node, out.path, problem.message, problem.remedy)
        return True

    text = _sound(made, parse_board, drop, findings) if columns else ""
    if not columns:
        findings.found.append(Finding(1, "", "no column could be translated", "Compare the file with its description."))
    return Draft("board", str(board["name"]), text, len(columns), _by_line(findings))


def customer_draft(parts: CustomerParts, findings: Findings, file: str, held: Held | None) -> Draft:
    """The draft of a customer's document, which starts from the one that holds now where there is one.

    A part that the document cannot hold is taken out again and named.
    """

    def made() -> str:
        if held is not None:
            return held.with_parts(parts, comments(_tail(findings)))
        values: dict[str, Any] = {"version": "1", "customer": parts.name}
        if parts.aliases:
            values["aliases"] = list(parts.aliases)
        if parts.rename:
            values["sizes"] = {"rename": {alias: size for alias, (size, _) in parts.rename.items()}}
        head = [f"Made from {file} of the earlier system."]
        head += [f"Its status there is {shown(parts.status)}."] if parts.status else []
        return document(values, head, _tail(findings))

    def drop(problem: Problem) -> bool:
        before = len(held.added_to(parts)) - len(parts.aliases) if held is not None else 0
        for number, (alias, node) in enumerate(parts.aliases.items(), before):
            if problem.path == path_text(("aliases", number)):
                findings.open(node, f"{parts.path}.aliases", f"{shown(alias)}: {problem.message}", problem.remedy)
                del parts.aliases[alias]
                return True
        for alias, (size, node) in parts.rename.items():
            if _within(problem.path, path_text(("sizes", "rename", alias))):
                message = f"{shown(alias)} for {shown(size)}: {problem.message}"
                findings.open(node, f"{parts.path}.size_aliases", message, problem.remedy)
                del parts.rename[alias]
                return True
        return False

    text = _sound(made, parse_customer, drop, findings)
    return Draft("customer", parts.name, text, len(parts.aliases), _by_line(findings), parts.status)


def base_tree(text: str) -> Mapping[str, Any]:
    """A sound board's document as a plain tree of texts, for drafts to start from."""
    tree, _ = read(text)
    assert tree is not None
    found: dict[str, Any] = dict(tree.value)
    policy = found.get("policy")
    if isinstance(policy, dict) and "four_eyes" in policy:
        found["policy"] = {**policy, "four_eyes": policy["four_eyes"].casefold() == "true"}
    return found


def _sound(
    made: Callable[[], str],
    check: Callable[[str], tuple[Any, tuple[Problem, ...]]],
    drop: Callable[[Problem], bool],
    findings: Findings,
) -> str:
    """The text once nothing in it is an error, "" where that cannot be reached; every pass takes one part out."""
    while True:
        text = made()
        parsed, problems = check(text)
        if parsed is not None:
            return text
        wrong = errors(problems)
        if not any(drop(problem) for problem in wrong[:1]):
            for problem in wrong:
                said = f"the draft cannot hold: {problem.message}"
                findings.found.append(Finding(1, problem.path, said, problem.remedy))
            return ""


def _not_in_file(base: Mapping[str, Any], columns: Mapping[str, Column], findings: Findings) -> None:
    """Columns that the document which holds now maps and the file does not: a draft leaves them out, not unseen."""
    entries = (base.get("columns") or {}).items()
    missing = [
        Leaf(0, f"columns.{name}", entry if isinstance(entry, str) else entry.get("to", ""))
        for name, entry in entries
        if name not in columns
    ]
    if missing:
        count = "1 column" if len(missing) == 1 else f"{len(missing)} columns"
        message = f"the document that this draft started from maps {count} more"
        remedy = "Add to the draft what is still wanted."
        findings.found.append(Finding(0, "columns", message, remedy, open=False, leaves=tuple(missing)))


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _tail(findings: Findings) -> list[str]:
    """The comment at the end of a draft: all that was not translated."""
    found = _by_line(findings)
    lines = [line for finding in found for line in finding.comment()]
    return ["Not translated:", *lines] if lines else []


def _by_line(findings: Findings) -> tuple[Finding, ...]:
    return tuple(sorted(dict.fromkeys(findings.found), key=lambda each: (each.line, each.path)))
