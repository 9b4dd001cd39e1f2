"""The earlier customer file -> a draft per customer: its spellings and the names of its sizes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from mapping.core.problems import shown
from mapping.core.texts import fold, one_line

from .columns import first
from .drafting import REVIEW, Draft, customer_draft
from .findings import Finding, Findings
from .held import CustomerParts, Held
from .reading import Node

NAME = ("canonical", "canonical_name", "customer", "name")
SPELLINGS = ("master_order_list", "aliases", "alias")
SIZE = ("size", "canonical", "name", "target")
OTHER_NAMES = ("aliases", "names", "variants", "source")
STATUSES = ("approved", REVIEW, "")
_KNOWN = (*NAME, *SPELLINGS, "status", "matching_config", "size_aliases")


def is_customer_file(root: Node) -> bool:
    """Whether a document is an earlier customer file: a list of customers, or a block that holds one."""
    return root.get("customers") is not None or any(first(each, NAME[:2]) for each in _items(root))


def translate_customers(
    root: Node, size_columns: Sequence[str] | None, file: str, held: Mapping[str, str]
) -> tuple[list[Draft], list[Finding]]:
    """A draft per customer, and what stands in the file beside them.

    `size_columns` are the source's columns that are sizes, None where they are not known; `held` the texts that hold
    for customers now, by folded name.
    """
    outside = Findings()
    if root.get("customers") is not None:
        for name, node in root.items():
            if name != "customers" and node.value is not None:
                outside.note(node, name, "describes the file")
    made: dict[str, tuple[CustomerParts, Findings]] = {}
    for path, node in _customers(root.get("customers") or root, outside):
        _customer(node, path, size_columns, made, outside)
    _held_apart(made.values())
    drafts = [
        customer_draft(parts, findings, file, Held.of(held.get(folded), parts, findings))
        for folded, (parts, findings) in made.items()
    ]
    return drafts, outside.found


def _items(node: Node) -> list[Node]:
    return node.value if isinstance(node.value, list) else []


def _customers(node: Node, outside: Findings) -> Iterator[tuple[str, Node]]:
    """The entries, from a list or from a block whose keys are canonical names; a bare name is a customer too."""
    for number, entry in enumerate(_items(node), 1):
        path = f"customers[{number}]"
        if isinstance(entry.value, str):
            yield path, Node({NAME[0]: entry}, entry.line)
        elif isinstance(entry.value, dict):
            yield path, entry
        elif entry.value is not None:
            outside.open(entry, path, "is no customer", "Make its document by hand, or leave it.")
    for name, entry in node.items():
        key = Node(name, entry.line)
        if isinstance(entry.value, dict):
            own = entry if first(entry, NAME) else Node({NAME[0]: key, **entry.value}, entry.line)
            yield f"customers.{name}", own
        else:
            yield f"customers.{name}", Node({NAME[0]: key, "aliases": entry}, entry.line)
    if not isinstance(node.value, list | dict):
        outside.open(node, "customers", "is no list of customers", "Compare the file with its description.")


def _customer(
    node: Node,
    path: str,
    size_columns: Sequence[str] | None,
    made: dict[str, tuple[CustomerParts, Findings]],
    outside: Findings,
) -> None:
    named = first(node, NAME)
    name = named.text() if named else ""
    if not name:
        outside.open(node, path, "names no customer", "Make its document by hand, or leave it.")
        return
    known = made.get(fold(name))
    if known:
        parts, findings = known
        message = f"{shown(name)} stands a second time (first in line {parts.node.line}); both were put together"
        findings.open(node, path, message, "Compare the draft with both entries.")
    else:
        parts, findings = CustomerParts(name, {}, {}, "", node, path), Findings()
        made[fold(name)] = (parts, findings)
    for key in SPELLINGS:
        _spellings(node.get(key), f"{path}.{key}", parts, findings)
    _status(node.get("status"), path, parts, findings)
    config = node.get("matching_config")
    for outer, inner in ((node, path), (config, f"{path}.matching_config")):
        sizes = outer.get("size_aliases") if outer else None
        if sizes is not None:
            _sizes(sizes, f"{inner}.size_aliases", size_columns, parts, findings)
    if config is not None:
        findings.rest(config, f"{path}.matching_config", ("size_aliases",), harmless=True)
        if not isinstance(config.value, dict):
            findings.note(config, f"{path}.matching_config", "has no counterpart here")
    findings.rest(node, path, _KNOWN, harmless=True)


def _spellings(node: Node | None, path: str, parts: CustomerParts, findings: Findings) -> None:
    """Spellings from a text or a list; those that differ only by case or blanks are one."""
    if node is None:
        return
    known = {fold(parts.name), *map(fold, parts.aliases)}
    for each in node.value if isinstance(node.value, list) else [node]:
        named = first(each, ("alias", "name", "value")) if isinstance(each.value, dict) else each
        text = named.text() if named else ""
        if isinstance(each.value, list | dict) and not text:
            findings.open(each, path, "is no spelling of a name", "Add it to `aliases` in the draft, or leave it.")
        elif text and fold(text) not in known:
            known.add(fold(text))
            parts.aliases[text] = each
        if isinstance(each.value, dict) and text:
            findings.rest(each, path, ("alias", "name", "value"), harmless=True)


def _status(node: Node | None, path: str, parts: CustomerParts, findings: Findings) -> None:
    if node is None:
        return
    status = node.text().casefold()
    if status not in STATUSES:
        message = f"the status {shown(node.text() or 'of several parts')} is neither approved nor review"
        findings.open(node, f"{path}.status", message, "Look at the customer, and publish the draft yourself.")
    if parts.status != REVIEW:
        parts.status = status


def _sizes(node: Node, path: str, columns: Sequence[str] | None, parts: CustomerParts, findings: Findings) -> None:
    """`XS: [EXTRA SMALL]` -> the size column EXTRA SMALL counts as XS; a name that is no column needs no rule."""
    if isinstance(node.value, list) and all(_size_entry(each) for each in node.value):
        for number, each in enumerate(node.value, 1):
            size, names = _size_entry(each) or ("", each)
            findings.rest(each, f"{path}[{number}]", (*SIZE, *OTHER_NAMES), harmless=True)
            _sizes(Node({size: names}, each.line), f"{path}[{number}]", columns, parts, findings)
        return
    if not isinstance(node.value, dict):
        findings.open(
            node, path, "is no block of sizes with their other names", "Set `sizes: {rename: ...}` in the draft."
        )
        return
    for size, names in node.items():
        inner = f"{path}.{size}"
        listed = first(names, OTHER_NAMES)
        if listed is not None:
            findings.rest(names, inner, OTHER_NAMES, harmless=True)
            names = listed
        for each in names.value if isinstance(names.value, list) else [names]:
            if isinstance(each.value, list | dict):
                findings.open(each, inner, "is no name of a size", "Set `sizes: {rename: ...}` in the draft.")
            elif each.text() and one_line(size) and each.text() != one_line(size):
                _size(each, inner, one_line(size), columns, parts, findings)


def _size_entry(node: Node) -> tuple[str, Node] | None:
    """The size and its other names, of an entry that names both; None of any other."""
    size, names = first(node, SIZE), first(node, OTHER_NAMES)
    return (size.text(), names) if size is not None and size.text() and names is not None else None


def _size(
    node: Node, path: str, size: str, columns: Sequence[str] | None, parts: CustomerParts, findings: Findings
) -> None:
    alias = node.text()
    if columns is None:
        message = f"{shown(alias)} for {shown(size)} could not be held against the source, which was not read"
        findings.open(node, path, message, "Import again with the order source in reach.")
        return
    column = next((name for name in columns if name == alias), None)
    column = column or next((name for name in columns if fold(name) == fold(alias)), None)
    if column is None or column == size:
        message = f"{shown(alias)} is no size column of the source, so that there is nothing to rename"
        findings.note(node, path, message)
    elif column in parts.rename and parts.rename[column][0] != size:
        message = f"{shown(alias)} is {shown(parts.rename[column][0])} already"
        findings.open(node, path, message, "Choose one in the draft; the first one stands.")
    else:
        parts.rename[column] = (size, node)


def _held_apart(made: Collection[tuple[CustomerParts, Findings]]) -> None:
    """A finding on every spelling that two customers claim: whose rows they are is for a person."""
    claims: dict[str, list[str]] = defaultdict(list)
    for parts, _ in made:
        for spelling in (parts.name, *parts.aliases):
            claims[fold(spelling)].append(parts.name)
    for parts, findings in made:
        for spelling, node in ((parts.name, parts.node), *parts.aliases.items()):
            others = [shown(name) for name in claims[fold(spelling)] if name != parts.name]
            if others:
                message = f"the spelling {shown(spelling)} belongs to {' and '.join(others)} too"
                single = Node(spelling, node.line)
                findings.open(single, f"{parts.path}.aliases", message, "Remove it from all but one of the drafts.")
