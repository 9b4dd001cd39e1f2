"""What each key allows by itself and the document as a whole forbids.

Works on the tree, so that a document with a fault elsewhere is still searched to its end; blocks that cannot be read
by themselves are passed over, since the schema has reported them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from monday.core.columns import KINDS, guess_kind

from .conversions import FITS, KIND_OF_NAME, Unreadable, conversion_for
from .problems import Problem, Severity, shown
from .schema import ColumnEntry, IncludeEntry, PolicyEntry, SizesEntry, SourceEntry
from .texts import fold
from .yaml_text import Path, Tree, path_text

Block = TypeVar("Block", bound=BaseModel)
LABELLED = ("status", "dropdown")


def in_board(tree: Tree) -> list[Problem]:
    """Everything in a board's document that contradicts itself."""
    columns = dict(_columns(tree))
    return [
        *_column_problems(tree, columns),
        *_doubled_targets(tree, columns),
        *_source(tree),
        *_sizes(tree),
        *_policy(tree),
    ]


def in_customer(tree: Tree) -> list[Problem]:
    """Everything in a customer's document that contradicts itself."""
    columns = dict(_columns(tree))
    rename = tree.value.get("sizes", {})
    return [
        *_column_problems(tree, columns),
        *_doubled_targets(tree, columns),
        *_aliases(tree),
        *_repeated(tree, ("business_key",), tree.value.get("business_key")),
        *_renames(tree, rename.get("rename") if isinstance(rename, dict) else None),
        *_policy(tree),
    ]


def _problem(tree: Tree, path: Path, message: str, remedy: str, severity: Severity = "error") -> Problem:
    line, column = tree.place(path, key=True)
    return Problem(line, column, path_text(path), message, remedy, severity)


def _block(model: type[Block], value: Any) -> Block | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _columns(tree: Tree) -> Iterator[tuple[str, ColumnEntry]]:
    columns = tree.value.get("columns")
    for name, value in columns.items() if isinstance(columns, dict) else ():
        entry = _block(ColumnEntry, {"to": value} if isinstance(value, str) else value)
        if entry is not None:
            yield name, entry


def _column_problems(tree: Tree, columns: dict[str, ColumnEntry]) -> Iterator[Problem]:
    for name, entry in columns.items():
        path: Path = ("columns", name)
        if entry.to == "name":
            yield _problem(tree, path, "the item's name is made by a template", "Set `item` under `board` instead.")
        if entry.required and entry.empty in ("clear", "keep"):
            message = f"is required, and `empty: {entry.empty}` allows it to be empty"
            yield _problem(tree, (*path, "empty"), message, "Remove `empty`, or `required: true`.")
        if entry.otherwise and entry.values is None:
            yield _problem(
                tree, (*path, "otherwise"), "needs `values` beside it", "Add `values`, or remove `otherwise`."
            )
        yield from _kind_problems(tree, path, entry)
        yield from _value_problems(tree, path, entry)


def _kind_problems(tree: Tree, path: Path, entry: ColumnEntry) -> Iterator[Problem]:
    """What the column's id tells of its kind; the live board may differ, so these are warnings."""
    kind = guess_kind(entry.to)
    known = KINDS.get(kind)
    if known is not None and not known.writable:
        message = f"{entry.to} looks like a column of the kind {kind}, which the API does not write"
        yield _problem(tree, path, message, "Map the column to another one, or remove the entry.", "warning")
    if kind in FITS and entry.as_ and entry.as_ not in FITS[kind].named:
        message = f"`as: {entry.as_}` does not fit {entry.to}, which looks like a column of the kind {kind}"
        yield _problem(tree, (*path, "as"), message, f"Use {' or '.join(FITS[kind].named)}, or remove `as`.", "warning")
    if entry.labels and kind in FITS and kind not in LABELLED:
        message = f"{entry.to} looks like a column of the kind {kind}, which has no labels"
        yield _problem(tree, (*path, "labels"), message, "Remove `labels`.", "warning")


def _value_problems(tree: Tree, path: Path, entry: ColumnEntry) -> Iterator[Problem]:
    """Entries of `values` that meet the same cells, or whose result the column cannot take."""
    kind = guess_kind(entry.to)
    convert = conversion_for(kind if kind in FITS else KIND_OF_NAME.get(entry.as_ or "", "text"), entry.as_)
    seen: dict[str, str] = {}
    for source, target in (entry.values or {}).items():
        inner: Path = (*path, "values", source)
        first = seen.setdefault(fold(source), source)
        if first != source:
            yield _problem(
                tree, inner, f"meets the same cells as {shown(first)}", "Keep one of the two; case does not matter."
            )
        try:
            if convert:
                convert(target)
        except Unreadable as reason:
            yield _problem(tree, inner, f"the result {shown(target)} {reason}", "Write what the board's column takes.")


def _doubled_targets(tree: Tree, columns: dict[str, ColumnEntry]) -> Iterator[Problem]:
    board = tree.value.get("board")
    uuid_column = board.get("uuid_column") if isinstance(board, dict) else None
    seen: dict[str, str] = {str(uuid_column): "`uuid_column`"} if uuid_column else {}
    for name, entry in columns.items():
        first = seen.setdefault(entry.to, shown(name))
        if first != shown(name):
            message = f"goes to {entry.to}, which {first} fills already"
            yield _problem(tree, ("columns", name), message, "Give one of the two another column, or remove it.")


def _source(tree: Tree) -> Iterator[Problem]:
    source = tree.value.get("source")
    if not isinstance(source, dict):
        return
    yield from _repeated(tree, ("source", "business_key"), source.get("business_key"))
    read = _block(SourceEntry, source)
    for name, entry in read.include.items() if read else ():
        path: Path = ("source", "include", name)
        if _is_empty(entry):
            yield _problem(tree, path, "narrows nothing", "Write a list of values, or {after: -365d}.")
        elif entry.values is not None and (entry.after or entry.before):
            yield _problem(tree, path, "has values and dates", "A column holds either; keep one of the two.")


def _is_empty(entry: IncludeEntry) -> bool:
    return not entry.values and entry.after is None and entry.before is None


def _sizes(tree: Tree) -> Iterator[Problem]:
    sizes = _block(SizesEntry, tree.value.get("sizes"))
    if sizes is None:
        return
    if sizes.between[0] == sizes.between[1]:
        yield _problem(
            tree, ("sizes", "between"), "starts and ends at the same column", "Name the columns around the sizes."
        )
    targets = (sizes.columns.size, sizes.columns.quantity, sizes.key_column)
    if len(set(targets)) < len(targets):
        message = "size, quantity and key_column must be three columns"
        yield _problem(tree, ("sizes", "columns"), message, "Give each a column of its own on the subitems board.")
    for name in sizes.except_:
        if name in sizes.rename:
            message = f"{shown(name)} is no size by `except`, and renamed"
            yield _problem(tree, ("sizes", "rename", name), message, "Keep one of the two.")
    yield from _renames(tree, sizes.rename)


def _renames(tree: Tree, rename: Any) -> Iterator[Problem]:
    for name, size in rename.items() if isinstance(rename, dict) else ():
        path: Path = ("sizes", "rename", name)
        if isinstance(size, str) and size in rename:
            message = f"{shown(name)} becomes {shown(size)}, which is renamed itself"
            yield _problem(tree, path, message, "Rename to the final size in one step.")


def _aliases(tree: Tree) -> Iterator[Problem]:
    aliases = tree.value.get("aliases")
    seen: dict[str, int] = {}
    for number, alias in enumerate(aliases if isinstance(aliases, list) else ()):
        if not isinstance(alias, str):
            continue
        if seen.setdefault(fold(alias), number) != number:
            message = f"the alias {shown(alias)} stands here twice; case does not matter"
            yield _problem(tree, ("aliases", number), message, "Remove one of the two.", "warning")


def _repeated(tree: Tree, path: Path, names: Any) -> Iterator[Problem]:
    places: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names if isinstance(names, list) else ()):
        places[str(name)].append(number)
    for name, numbers in places.items():
        for number in numbers[1:]:
            yield _problem(tree, (*path, number), f"{shown(name)} stands here twice", "Remove one of the two.")


def _policy(tree: Tree) -> Iterable[Problem]:
    policy = _block(PolicyEntry, tree.value.get("policy"))
    if policy and policy.approve == "automatic" and policy.automatic_up_to is None and "source" in tree.value:
        message = "`approve: automatic` needs a limit"
        return [_problem(tree, ("policy", "approve"), message, "Add `automatic_up_to: {orders: 50}`.")]
    return []
