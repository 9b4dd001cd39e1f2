"""YAML text -> a document, or problems with line, key and remedy. Never raises on a person's text.

All problems are found in one pass: the schema reports every block, and the contradictions between blocks are looked
for among whatever blocks could be read (see `contradictions`).
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import ValidationError

from .contradictions import in_board, in_customer
from .problems import Problem, did_you_mean, near, shown
from .rules import (
    Automatic,
    BoardRules,
    ColumnRules,
    Deletions,
    Include,
    Mapping,
    Policy,
    Sizes,
    SourceRules,
    effective,
)
from .schema import BoardDocument, CustomerDocument, known_keys
from .yaml_text import Path, Tree, path_text, read, read_whole

__all__ = [
    "Automatic",
    "BoardDocument",
    "BoardRules",
    "ColumnRules",
    "CustomerDocument",
    "Deletions",
    "Include",
    "Mapping",
    "Policy",
    "Problem",
    "Sizes",
    "SourceRules",
    "effective",
    "is_customer",
    "located",
    "parse_board",
    "parse_customer",
]
Document = TypeVar("Document", BoardDocument, CustomerDocument)


def parse_board(text: str | bytes) -> tuple[BoardDocument | None, tuple[Problem, ...]]:
    """The board's document, None where a problem is an error; warnings may stand beside a document."""
    return _parse(text, BoardDocument, in_board)


def parse_customer(text: str | bytes) -> tuple[CustomerDocument | None, tuple[Problem, ...]]:
    """The customer's document, None where a problem is an error; warnings may stand beside a document."""
    return _parse(text, CustomerDocument, in_customer)


def is_customer(text: str | bytes) -> bool:
    """Whether this text is meant as a customer's document: it names a customer, and no board with an id."""
    tree, _ = read_whole(text)
    return tree is not None and isinstance(tree.value, dict) and "customer" in tree.value and "source" not in tree.value


def located(text: str | bytes, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The problems of a check that knew no text, each with the place of its path in this text."""
    tree, _ = read(text)
    if tree is None:
        return problems
    places = {path_text(path): path for path in (*tree.marks, *tree.keys)}
    found = []
    for problem in problems:
        path = problem.path
        while path and path not in places:
            path = path.rpartition(".")[0]
        line, column = tree.place(places.get(path, ()))
        found.append(_replaced(problem, line, column))
    return _ordered(found)


def _parse(
    text: str | bytes, model: type[Document], contradictions: Any
) -> tuple[Document | None, tuple[Problem, ...]]:
    tree, refused = read_whole(text)
    if tree is None:
        return None, refused
    if not isinstance(tree.value, dict):
        line, column = tree.place(())
        remedy = "Write `key: value` lines, starting with `version: 1`."
        foreign = Problem(line, column, "", "this is no mapping document", remedy)
        return None, _ordered(_with_refused(refused, [foreign]))
    found: list[Problem] = []
    document = None
    try:
        document = model.model_validate(tree.value)
    except ValidationError as error:
        found += _schema_problems(error, tree, model)
    found += contradictions(tree)
    found = _with_refused(refused, found)
    failed = any(problem.severity == "error" for problem in found)
    return (None if failed else document), _ordered(found)


def _with_refused(refused: tuple[Problem, ...], found: list[Problem]) -> list[Problem]:
    """The problems of reading and those of the content; what is no value, such as an alias, is told once."""
    told = {problem.path for problem in refused}
    return [*refused, *(problem for problem in found if problem.path not in told)]


def _ordered(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems), key=lambda each: (each.line, each.column, each.path, each.message)))


def _replaced(problem: Problem, line: int, column: int) -> Problem:
    return Problem(line, column, problem.path, problem.message, problem.remedy, problem.severity)


@lru_cache(maxsize=2)
def _keys(model: type[Document]) -> Dict[tuple[str, ...], tuple[str, ...]]:
    return known_keys(model)


def _schema_problems(error: ValidationError, tree: Tree, model: type[Document]) -> list[Problem]:
    """The schema's complaints in our words. A missing key whose near namesake is unknown is one mistake, told once."""
    details = error.errors(include_url=False, include_input=True)
    unknown = [tuple(detail["loc"]) for detail in details if detail["type"] == "extra_forbidden"]
    problems = []
    for detail in details:
        path = tuple(detail["loc"])
        mistyped = (other[-1] for other in unknown if other[:-1] == path[:-1])
        if detail["type"] == "missing" and any(near(str(word), [str(path[-1])]) for word in mistyped):
            continue
        message, remedy = _said(detail["type"], path, detail.get("input"), detail.get("ctx", {}), model)
        shown_path = path[:-1] if path and path[-1] == "[key]" else path
        line, column = tree.place(shown_path, key=detail["type"] in ("extra_forbidden", "missing"))
        problems.append(Problem(line, column, path_text(shown_path), message, remedy))
    return problems


def _said(kind: str, path: Path, value: Any, context: Dict[str, Any], model: type[Document]) -> tuple[str, str]:
    """Message and remedy for one complaint of the schema."""
    if kind == "rule":
        return f"{shown(value)} {context['message']}" if value else context["message"], context["remedy"]
    if kind == "extra_forbidden":
        known = _block_keys(path[:-1], model)
        return f"the key {shown(path[-1])} is not known here", did_you_mean(
            str(path[-1]), known, f"Remove it; the keys here are {', '.join(known)}."
        )
    if value is None and kind != "missing":
        return "has no value", "Write one after the colon, or remove the key."
    if kind == "literal_error":
        words = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{shown(value)} is not one of {', '.join(words)}", did_you_mean(
            str(value), words, f"Write {words[0] if len(words) == 1 else 'one of these'}."
        )
    return _SAID.get(kind, ("cannot be read", "Compare it with a shipped document."))


_SAID: Dict[str, tuple[str, str]] = {
    "missing": ("is missing", "Add this key with its value."),
    "string_type": ("must be a text", "Write one text here, not a list or a block."),
    "dict_type": ("must be a block of `key: value` lines", "Write each entry as `key: value`, indented by two blanks."),
    "model_type": (
        "must be a block of `key: value` lines",
        "Write each entry as `key: value`, indented by two blanks.",
    ),
    "model_attributes_type": ("must be a block of `key: value` lines", "Write each entry as `key: value`."),
    "tuple_type": ("must be a list", "Write it in brackets, such as [A, B]."),
    "list_type": ("must be a list", "Write it in brackets, such as [A, B]."),
    "too_short": ("is an empty list or block", "Write at least one entry."),
    "too_long": ("has too many entries", "Remove the entries that are not needed."),
}


def _block_keys(path: Path, model: type[Document]) -> tuple[str, ...]:
    """The keys that are known in the block at this path."""
    for pattern, keys in _keys(model).items():
        if len(pattern) == len(path) and all(want in ("*", got) for want, got in zip(pattern, path, strict=True)):
            return keys
    return ()
