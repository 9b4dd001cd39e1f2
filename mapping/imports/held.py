"""A customer that has a document already: the earlier file adds to that one, and takes nothing out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapping.core.document import CustomerDocument, parse_customer
from mapping.core.problems import shown
from mapping.core.texts import fold
from mapping.core.yaml_text import read

from .findings import Finding, Findings, Leaf
from .reading import Node
from .writing import NotEditable, entries, with_aliases


@dataclass(slots=True)
class CustomerParts:
    """What a customer's document is made of; each part with the node that it came from."""

    name: str
    aliases: dict[str, Node]
    rename: dict[str, tuple[str, Node]]
    status: str
    node: Node
    path: str


@dataclass(frozen=True, slots=True)
class Held:
    """The document of a customer that holds now, with its text as it was typed."""

    text: str
    document: CustomerDocument

    @classmethod
    def of(cls, text: str | None, parts: CustomerParts, findings: Findings) -> Held | None:
        """The document that this text is, None without one. `parts` keep what it does not say yet and may be given."""
        document = parse_customer(text)[0] if text is not None else None
        if text is None or document is None:
            return None
        held = cls(text, document)
        parts.name = document.customer
        held._stays(parts, findings)
        said = {fold(document.customer), *map(fold, document.aliases)}
        parts.aliases = {alias: node for alias, node in parts.aliases.items() if fold(alias) not in said}
        held._spellings(parts, findings)
        held._sizes(parts, findings)
        return held

    def added_to(self, parts: CustomerParts) -> list[str]:
        """All spellings of the draft: those that hold, then those of the file."""
        return [*self.document.aliases, *parts.aliases]

    def with_parts(self, parts: CustomerParts, tail: Sequence[str]) -> str:
        """The text with what the file adds; every other line stays as it was typed."""
        text = with_aliases(self.text, self.added_to(parts)) if parts.aliases else self.text
        lines = []
        if parts.rename:
            lines += entries("sizes", {"rename": {alias: size for alias, (size, _) in parts.rename.items()}})
        remarks = "\n".join(tail)
        if remarks and remarks not in text:
            lines += tail
        return "\n".join([text.removesuffix("\n"), *lines]) + "\n" if lines else text

    def _stays(self, parts: CustomerParts, findings: Findings) -> None:
        """A note on spellings that hold and the file does not name."""
        named = {fold(parts.name), *map(fold, parts.aliases)}
        more = [Leaf(0, "aliases", alias) for alias in self.document.aliases if fold(alias) not in named]
        if more:
            count = "1 spelling" if len(more) == 1 else f"{len(more)} spellings"
            message = f"the document that holds now claims {count} more, and the draft keeps that"
            remedy = "Remove what is wanted no more."
            findings.found.append(Finding(0, f"{parts.path}.aliases", message, remedy, open=False, leaves=tuple(more)))

    def _spellings(self, parts: CustomerParts, findings: Findings) -> None:
        """Where the text is laid out so that no spelling can be added to it, each is for a person."""
        if not parts.aliases:
            return
        try:
            with_aliases(self.text, self.added_to(parts))
        except NotEditable:
            for alias, node in parts.aliases.items():
                message = f"{shown(alias)} cannot be added to the document that holds now"
                findings.open(node, f"{parts.path}.aliases", message, "Add it to `aliases` in the draft.")
            parts.aliases = {}

    def _sizes(self, parts: CustomerParts, findings: Findings) -> None:
        """Sizes are added where the document says nothing of sizes; what differs from what it says is for a person."""
        known = self.document.sizes.rename
        tree, _ = read(self.text)
        told = tree is not None and ("sizes" in tree.value or self.text.lstrip().startswith("{"))
        for alias, (size, node) in list(parts.rename.items()):
            if known.get(alias) == size:
                del parts.rename[alias]
            elif told:
                message = f"{shown(alias)} for {shown(size)} is not what the document that holds now says of sizes"
                findings.open(node, f"{parts.path}.size_aliases", message, "Set `sizes: {rename: ...}` in the draft.")
                del parts.rename[alias]
