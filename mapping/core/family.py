"""A board's document with the documents of all customers: whose row it is, and how that customer's rows render."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from monday.core.columns import guess_kind
from monday.core.structure import BoardStructure

from .conversions import FITS, KIND_OF_NAME
from .order import LineShape
from .problems import Problem, shown
from .render import ColumnsMissing, KeyReader, Renderer, compile_renderer, key_reader, shown_key_reader
from .rules import ColumnRules, Mapping, effective
from .schema import BoardDocument, CustomerDocument
from .texts import fold

__all__ = ["ColumnsMissing", "Family", "KeyReader", "UnknownCustomer", "alias_problems", "key_reader", "kind_for"]

# Part of every key: raised when the code renders the same mapping differently, so that rows are compared again.
RENDERING = 2


class UnknownCustomer(LookupError):
    """No document names this customer."""


class Family:
    """The documents that hold together. Immutable; a customer's mapping and key are made once.

    An alias that two customers claim belongs to nobody: its rows are held for a person, not guessed.
    """

    def __init__(self, board: BoardDocument, customers: Sequence[CustomerDocument]) -> None:
        self.board = board
        self._documents = {document.customer: document for document in customers}
        self._mappings: dict[str, Mapping] = {}
        self._keys: dict[str, str] = {}

    @property
    def customers(self) -> tuple[str, ...]:
        """Canonical names, in the order of the documents."""
        return tuple(self._documents)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Canonical name by folded alias, without the aliases that more than one customer claims."""
        claims = _claims(tuple(self._documents.values()))
        return {alias: next(iter(names)) for alias, names in claims.items() if len(names) == 1}

    def customer_of(self, raw: str | None) -> str | None:
        """The customer that this spelling belongs to, or None. The canonical name is an alias too."""
        return self.aliases.get(fold(raw))

    def mapping(self, customer: str) -> Mapping:
        """The effective mapping of a customer by canonical name. Raises UnknownCustomer."""
        if customer not in self._mappings:
            self._mappings[customer] = effective(self.board, self._document(customer))
        return self._mappings[customer]

    @cached_property
    def default(self) -> Mapping:
        """The board's own mapping, as it holds for a customer without rules of its own; its customer is ""."""
        return effective(self.board, None)

    def mappings(self) -> tuple[Mapping, ...]:
        """The effective mapping of every customer, the board's own where there is none."""
        return tuple(self.mapping(customer) for customer in self._documents) or (self.default,)

    def key(self, customer: str) -> str:
        """16 hex digits that change when this customer's rows may render differently or belong to somebody else.

        Comments and the order of keys change nothing, nor does another customer's document. Raises UnknownCustomer.
        """
        if customer not in self._keys:
            aliases = sorted(alias for alias, name in self.aliases.items() if name == customer)
            self._keys[customer] = _digest([RENDERING, "customer", _rendering(self.mapping(customer)), aliases])
        return self._keys[customer]

    @cached_property
    def unknown_key(self) -> str:
        """16 hex digits that change when a row whose customer is unknown may have found one."""
        return _digest([RENDERING, "unknown", sorted(self.aliases), self.board.source.customer])

    def renderer(self, customer: str, columns: Sequence[str], structure: BoardStructure | None) -> Renderer:
        """The renderer of this customer's rows, whose cells stand in the order of `columns`; compiled once and kept by
        the caller, for one thread. Raises UnknownCustomer, and ColumnsMissing where the source lacks a column.
        """
        return compile_renderer(self.mapping(customer), columns, lambda rules: kind_for(rules, structure))

    def line_shape(self, customer: str) -> LineShape | None:
        """How this customer's sizes become lines; None where the mapping has no sizes. Raises UnknownCustomer."""
        sizes = self.mapping(customer).sizes
        if sizes is None:
            return None
        return LineShape(sizes.item, sizes.size_column, sizes.quantity_column, sizes.key_column)

    @cached_property
    def key_definitions(self) -> tuple[tuple[str, ...], ...]:
        """The columns of every business key that any document defines, each once, the board's own first."""
        keys = [mapping.source.business_key for mapping in (self.default, *self.mappings())]
        return tuple(dict.fromkeys(tuple(key) for key in keys))

    def business_key(self, customer: str | None, columns: Sequence[str]) -> KeyReader:
        """A function from a row to its business key, trimmed texts, missing as ""; None means an unknown customer.

        Raises UnknownCustomer, and ColumnsMissing where the source lacks a column of the key.
        """
        mapping = self.default if customer is None else self.mapping(customer)
        return key_reader(mapping.source.business_key, columns)

    def shown_key(
        self, customer: str, columns: Sequence[str], structure: BoardStructure | None
    ) -> Callable[[tuple[Any, ...]], dict[str, Any]]:
        """A function from a row to the cells by which the board shows its business key. Raises UnknownCustomer."""
        return shown_key_reader(self.mapping(customer), columns, lambda rules: kind_for(rules, structure))

    def _document(self, customer: str) -> CustomerDocument:
        try:
            return self._documents[customer]
        except KeyError:
            raise UnknownCustomer(f"No customer is called {shown(customer)}.") from None


def kind_for(rules: ColumnRules, structure: BoardStructure | None) -> str:
    """The kind of the column that a rule goes to: the live board's, else what `as` and the id tell."""
    live = structure.columns.get(rules.to) if structure else None
    if live is not None:
        return live.kind
    guessed = guess_kind(rules.to)
    if rules.as_ and not (guessed in FITS and rules.as_ in FITS[guessed].named):
        return KIND_OF_NAME[rules.as_]
    return guessed if guessed in FITS else "text"


def alias_problems(customers: Sequence[CustomerDocument]) -> dict[str, tuple[Problem, ...]]:
    """By customer, the aliases that another customer claims too: an error in both documents."""
    found: dict[str, list[Problem]] = defaultdict(list)
    spelling = {fold(alias): alias for each in customers for alias in (*each.aliases, each.customer)}
    for alias, names in _claims(customers).items():
        for name in names if len(names) > 1 else ():
            others = " and ".join(shown(other) for other in names if other != name)
            message = f"the alias {shown(spelling[alias])} belongs to {others} too"
            found[name].append(Problem(0, 0, "aliases", message, "Remove it from all but one of the documents."))
    return {name: tuple(problems) for name, problems in found.items()}


def _claims(customers: Sequence[CustomerDocument]) -> dict[str, list[str]]:
    """Who claims each folded alias."""
    claims: dict[str, list[str]] = defaultdict(list)
    for document in customers:
        for alias in (document.customer, *document.aliases):
            names = claims[fold(alias)]
            if document.customer not in names:
                names.append(document.customer)
    return claims


def _rendering(mapping: Mapping) -> dict[str, Any]:
    """What decides how a row renders: not who approves, how labels are made or what deletions do."""
    columns = [asdict(rules) for rules in sorted(mapping.columns, key=lambda each: each.to)]
    for column in columns:
        del column["labels"], column["labels_at_most"], column["conflicts"]
    return {
        "customer": mapping.customer,
        "group": mapping.board.group,
        "item": mapping.board.item,
        "business_key": mapping.source.business_key,
        "customer_column": mapping.source.customer,
        "columns": columns,
        "sizes": asdict(mapping.sizes) if mapping.sizes else None,
    }


def _digest(content: Any) -> str:
    plain = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()[:16]
