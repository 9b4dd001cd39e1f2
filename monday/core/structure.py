"""What a board is made of: columns, labels, groups and the board of its subitems.

Plain values without behaviour of their own; the client reads them from the API, the cache stores them,
the mapping checks itself against them, and the sandbox is seeded from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Label:
    """One label of a status or dropdown column. `id` is what the API calls `index` for a status."""

    id: int
    text: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a board; `kind` is the API's `ColumnType` (text, numbers, date, status, dropdown ...)."""

    id: str
    title: str
    kind: str
    labels: tuple[Label, ...] = ()
    revision: str = ""
    archived: bool = False

    def label_texts(self) -> frozenset[str]:
        """The texts of the labels that may be used."""
        return frozenset(label.text for label in self.labels if label.active)


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    title: str
    archived: bool = False


@dataclass(frozen=True, slots=True)
class BoardStructure:
    """A board as it stands: ids are the API's, as text. `subitems` is the board that holds the subitems."""

    id: str
    name: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    subitems: BoardStructure | None = None
    items_limit: int | None = None
    items_count: int = 0

    def to_json(self) -> dict[str, Any]:
        """A JSON-able picture of the structure, from which `from_json` makes an equal one."""
        return {
            "id": self.id,
            "name": self.name,
            "items_limit": self.items_limit,
            "items_count": self.items_count,
            "columns": [
                {
                    "id": c.id,
                    "title": c.title,
                    "kind": c.kind,
                    "revision": c.revision,
                    "archived": c.archived,
                    "labels": [[label.id, label.text, label.active] for label in c.labels],
                }
                for c in self.columns.values()
            ],
            "groups": [[g.id, g.title, g.archived] for g in self.groups],
            "subitems": self.subitems.to_json() if self.subitems else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BoardStructure:
        """The structure that `to_json` pictured."""
        columns = [
            Column(
                id=c["id"],
                title=c["title"],
                kind=c["kind"],
                revision=c["revision"],
                archived=c["archived"],
                labels=tuple(Label(*label) for label in c["labels"]),
            )
            for c in data["columns"]
        ]
        return cls(
            id=data["id"],
            name=data["name"],
            items_limit=data["items_limit"],
            items_count=data["items_count"],
            columns={c.id: c for c in columns},
            groups=tuple(Group(*g) for g in data["groups"]),
            subitems=cls.from_json(data["subitems"]) if data["subitems"] else None,
        )
