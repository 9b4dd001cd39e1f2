"""The earlier mapping file -> the draft of a board's document.

The file tells columns and value rules, and sometimes the board and the item's name; everything else is taken from the
document that holds now (or the shipped one), which is the base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mapping.core.problems import shown
from mapping.core.templates import Template, TemplateWrong, check, parse
from mapping.core.texts import fold

from .cleaning import clean
from .columns import IN_DRAFT, KNOWN, SOURCE, TARGET, TARGET_ID, Column, column, first, held_against_source, word
from .drafting import Draft, board_draft
from .findings import REMARKS, Finding, Findings
from .reading import Node

MAPPED = ("exact_matches", "mapped_fields")
SECTIONS = (*MAPPED, "computed_fields", "target_only_fields", "excluded_fields", "preprocessing")
_ABOUT = ("metadata", "meta", "board", "monday", "target", "target_board", "destination")
_BOARD_IDS = ("board_id", "monday_board_id", "target_board_id")
_JOINS = frozenset(["concat", "concatenate", "concatenation", "join", "string_concatenation", "template"])
_GROUPS = frozenset(["group", "groups", "group_id", "group_name", "group_title"])
_NAMES = frozenset(["name", "title", "item", "item_name"])


def is_mapping_file(root: Node) -> bool:
    """Whether a document is an earlier mapping file, at its top or one level below."""
    return bool(_body(root)[0].items()) and any(name in SECTIONS for name, _ in _body(root)[0].items())


def translate_board(
    root: Node,
    base: Mapping[str, Any],
    source_columns: Sequence[str] | None,
    file: str,
    said: Sequence[Finding] = (),
) -> Draft:
    """The draft of the board's document; `base` is the tree of the document that it starts from, `said` what
    reading has found already. Without `source_columns` nothing is held against the source.
    """
    findings = Findings(list(said))
    body, path = _body(root)
    columns: dict[str, Column] = {}
    mapped = _columns_of(base)
    for section in MAPPED:
        for inner, entry in _entries(body.get(section), _join(path, section), findings):
            _keep(columns, column(entry, inner, mapped, findings), findings)
    _moved(columns, mapped, findings)
    board = _board_block(root, base, findings)
    _computed(body.get("computed_fields"), _join(path, "computed_fields"), board, columns, base, findings)
    preprocessing = body.get("preprocessing")
    if preprocessing is not None:
        clean(preprocessing, _join(path, "preprocessing"), columns, _text_columns(base), findings)
    _left_out(body, path, columns, findings)
    for name, node in body.items():
        if name not in SECTIONS and node.value is not None:
            _beside(node, _join(path, name), findings)
    for name, node in root.items() if body is not root else ():
        if node is not body and node.value is not None:
            _beside(node, name, findings)
    if source_columns is not None:
        columns = held_against_source(columns, source_columns, findings)
    return board_draft(base, board, columns, findings, file)


def _moved(columns: Mapping[str, Column], mapped: Mapping[str, str], findings: Findings) -> None:
    """Where the file and the document that holds now name the same board, a column of which they disagree is open:
    one of the two ids may be stale, and only the board itself tells which.
    """
    both = [made for name, made in columns.items() if name in mapped]
    differ = [made for made in both if made.to != mapped[made.source]]
    if len(differ) * 2 >= len(both):  # another board, which has ids of its own
        return
    for made in differ:
        message = (
            f"{shown(made.source)} goes to {made.to} here, and to {mapped[made.source]} by the document that holds"
        )
        findings.open(made.node, made.path, message, "Keep the one that the board has; check_mapping --online tells.")


def _body(root: Node) -> tuple[Node, str]:
    """The block that holds the sections, and its key."""
    if any(name in SECTIONS for name, _ in root.items()):
        return root, ""
    for name, value in root.items():
        if any(inner in SECTIONS for inner, _ in value.items()):
            return value, name
    return root, ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _entries(node: Node | None, path: str, findings: Findings) -> Iterator[tuple[str, Node]]:
    """The entries of a section, from a list or from a block whose keys are source columns."""
    if node is None:
        return
    if isinstance(node.value, list):
        for number, entry in enumerate(node.value, 1):
            if isinstance(entry.value, dict):
                yield f"{path}[{number}]", entry
            elif entry.value is not None:
                findings.open(entry, f"{path}[{number}]", "is no entry with a source and a target", IN_DRAFT)
    elif any(key in dict(node.items()) for key in (*SOURCE, *TARGET_ID)):
        yield path, node
    elif isinstance(node.value, dict):
        for name, entry in node.items():
            yield from _named(name, entry, f"{path}.{name}", findings)
    else:
        findings.open(node, path, "is no list of entries", IN_DRAFT)


def _named(name: str, entry: Node, path: str, findings: Findings) -> Iterator[tuple[str, Node]]:
    """An entry that stands under a name: a list of entries, or the rules of the source column of that name."""
    key = Node(name, entry.line)
    if isinstance(entry.value, list):
        yield from _entries(entry, path, findings)
    elif isinstance(entry.value, dict):
        own = entry if first(entry, SOURCE) else Node({SOURCE[0]: key, **entry.value}, entry.line)
        yield path, own
    elif word(name) in REMARKS or word(name) in ("count", "total"):
        findings.note(entry, path, "has no counterpart here")
    elif entry.value is not None:
        yield path, Node({SOURCE[0]: key, TARGET_ID[0]: entry}, entry.line)


def _keep(columns: dict[str, Column], made: Column | None, findings: Findings) -> None:
    """Add a column; a source column goes to one board column, and a board column is filled by one."""
    if made is None:
        return
    twin = columns.get(made.source)
    taken = next((each for each in columns.values() if each.to == made.to), None)
    if twin is not None and twin.entry() == made.entry():
        findings.note(made.node, made.path, f"says the same of {shown(made.source)} as {twin.path}")
    elif twin is not None:
        message = f"{shown(made.source)} goes to {twin.to} already, by {twin.path} in line {twin.node.line}"
        findings.open(made.node, made.path, message, "Choose one in the draft; the first one stands.")
    elif taken is not None:
        message = f"{made.to} is filled by {shown(taken.source)} already, by {taken.path} in line {taken.node.line}"
        findings.open(made.node, made.path, message, "Choose one in the draft; the first one stands.")
    else:
        columns[made.source] = made


def _board_block(root: Node, base: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The base's block `board`, with the id and the name that the file tells."""
    board = dict(base["board"])
    places = [root, *(block for name in _ABOUT if (block := root.get(name)) is not None)]
    for place in places:
        node = first(place, (*_BOARD_IDS, "id") if place is not root else _BOARD_IDS)
        if node is None:
            continue
        if node.text().isascii() and node.text().isdigit():
            name = first(place, ("board_name", "target_board_name", "target_board", "name"))
            board["id"] = node.text()
            board["name"] = (name.text() if name else "") or board["name"]
            return board
        findings.open(
            node, "board_id", f"{shown(node.text())} is no board's id", "Set `id` under `board` in the draft."
        )
    return board


def _computed(
    node: Node | None,
    path: str,
    board: dict[str, Any],
    columns: dict[str, Column],
    base: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Computed fields: the item's name and the group as templates, a copy of one column as a column."""
    for inner, entry in _entries(node, path, findings):
        target, to = first(entry, TARGET), first(entry, TARGET_ID)
        names = {word(found.text()) for found in (target, to) if found}
        slot = "item" if names & _NAMES else "group" if names & _GROUPS else ""
        sources = _sources(entry)
        template = _template(entry, sources, base["source"]["customer"]) if slot else None
        if template:
            board[slot] = template
            known = (
                *KNOWN,
                "source_fields",
                "source_columns",
                "fields",
                "template",
                "format",
                "separator",
                "delimiter",
            )
            findings.rest(entry, inner, known)
        elif slot:
            message = f"this way of making the {'item name' if slot == 'item' else 'group'} is not known"
            findings.open(
                entry, inner, message, f"Set `{slot}` under `board` in the draft; the template is {board[slot]}"
            )
        elif to is not None and len(sources) == 1:
            single = Node({SOURCE[0]: Node(sources[0], entry.line), **dict(entry.items())}, entry.line)
            single = Node({name: each for name, each in single.items() if name != "source_fields"}, entry.line)
            _keep(columns, column(single, inner, _columns_of(base), findings), findings)
        else:
            findings.open(entry, inner, "a field that is computed has no counterpart here", IN_DRAFT)


def _sources(entry: Node) -> list[str]:
    node = first(entry, ("source_fields", "source_columns", "fields", *SOURCE))
    if node is None:
        return []
    parts = node.value if isinstance(node.value, list) else [node]
    return [part.text() for part in parts if part.text()]


def _template(entry: Node, sources: list[str], customer: str) -> str | None:
    """The template that an entry spells out, or that joins its source columns; None where it is not clear."""
    spelled = first(entry, ("template", "format"))
    how = entry.get("transformation")
    if spelled is not None:
        text = spelled.text()
    elif sources and (how is None or word(how.text()) in _JOINS):
        separator = first(entry, ("separator", "delimiter"))
        between = separator.value if separator and isinstance(separator.value, str) else " "
        wanted = ["customer" if name == customer else name for name in sources]
        text = between.replace("{", "{{").replace("}", "}}").join(f"{{{name}}}" for name in wanted)
        if _names(text) != tuple(wanted):
            return None
    else:
        return None
    return text if _names(text) else None


def _names(text: str) -> tuple[str, ...]:
    try:
        check(text, ("customer", "total"), columns=True)
        return parse(text).names()
    except TemplateWrong:
        return ()


def _left_out(body: Node, path: str, columns: dict[str, Column], findings: Findings) -> None:
    """Fields that the earlier system did not write: named, and opened where the file contradicts itself."""
    for section, said in (("target_only_fields", "the board's own"), ("excluded_fields", "left out by the file")):
        node = body.get(section)
        inner = _join(path, section)
        for name, entry in _listed(node):
            twin = columns.get(name) if section == "excluded_fields" else None
            if twin is not None:
                message = (
                    f"{shown(name)} is left out here, and goes to {twin.to} by {twin.path} in line {twin.node.line}"
                )
                findings.open(entry, inner, message, "Remove it from the draft, or leave it.")
            elif first(entry, ("default_value", "default")):
                findings.open(
                    entry, inner, f"{shown(name)} has a value of its own", "Nothing here writes a fixed value."
                )
            else:
                findings.note(entry, inner, f"{shown(name)} is {said}")


def _listed(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Names in a section with their entries, from a list of names, a list of blocks, or a block."""
    if node is None:
        return
    if isinstance(node.value, list):
        for each in node.value:
            named = first(each, (*SOURCE, *TARGET, "field", "name", *TARGET_ID)) or each
            yield named.text() or "a block", each
    elif isinstance(node.value, dict):
        yield from node.items()
    else:
        yield node.text(), node


def _beside(node: Node, path: str, findings: Findings) -> None:
    """A key beside the sections: a description, or something that may matter."""
    name = word(path.rpartition(".")[2])
    if name in REMARKS or name in _ABOUT or name in _BOARD_IDS or name.startswith(("board_", "source_", "target_")):
        findings.note(node, path, "describes the file")
    else:
        findings.open(node, path, "this section is not known", "Say it in the draft where it matters, or leave it.")


def _columns_of(base: Mapping[str, Any]) -> dict[str, str]:
    """Board column by source column, as the base has them."""
    entries = base.get("columns") or {}
    return {name: entry if isinstance(entry, str) else entry.get("to", "") for name, entry in entries.items()}


def _text_columns(base: Mapping[str, Any]) -> frozenset[str]:
    """Folded source columns that the base uses beside `columns`: in templates, keys and as the customer."""
    templates: list[Template] = [parse(base["board"][slot]) for slot in ("item", "group")]
    names = [name for template in templates for name in template.columns()]
    source = base["source"]
    return frozenset(map(fold, [*names, *source["business_key"], source["customer"], source["po_number"]]))
