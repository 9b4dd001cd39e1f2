"""What a document costs, estimated from its fields and variables before it runs.

The original's formula is not published. Here a field costs a point for each time it may be answered, and a mutation
costs a fixed sum that is a switch; so bigger pages and more operations cost more, as they do there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    ValueNode,
    VariableNode,
    value_from_ast_untyped,
)

REQUEST_LIMIT = 5_000_000
ENDLESS = 10**15  # points; lists within lists within lists cost more than a number can hold
CELLS, SUBITEMS, PAGE, REPLIES = 20, 5, 25, 5  # how many there are where the document does not say
_LISTS = {
    "boards": PAGE,
    "items": PAGE,
    "items_page": PAGE,
    "next_items_page": PAGE,
    "items_page_by_column_values": PAGE,
    "column_values": CELLS,
    "columns": CELLS,
    "groups": 5,
    "subitems": SUBITEMS,
    "activity_logs": PAGE,
    "updates": PAGE,
    "replies": REPLIES,
}
_PAGES = frozenset({"items_page", "next_items_page", "items_page_by_column_values"})


class Estimate:
    """Walks one operation; `total` is its cost in points."""

    def __init__(self, document: DocumentNode, variables: Mapping[str, Any], mutation_cost: int) -> None:
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._variables = variables
        self._mutation_cost = mutation_cost

    def total(self, operation: OperationDefinitionNode) -> int:
        """The cost of the operation, in points."""
        changing = operation.operation is OperationType.MUTATION
        cost = 0
        for field in self._fields(operation.selection_set.selections):
            cost += self._field(field, 1)
            if changing and field.name.value != "complexity":
                cost += self._mutation_cost
        return min(cost, ENDLESS)

    def _field(self, field: FieldNode, times: int, *, in_page: bool = False) -> int:
        if field.selection_set is None:
            return times
        name = field.name.value
        each = 1 if in_page and name == "items" else self._size(field)
        inner = times * each
        cost = times
        for child in self._fields(field.selection_set.selections):
            cost += self._field(child, inner, in_page=name in _PAGES)
        return cost

    def _size(self, field: FieldNode) -> int:
        usual = _LISTS.get(field.name.value)
        if usual is None:
            return 1
        given = {argument.name.value: self._value(argument.value) for argument in field.arguments or ()}
        if isinstance(given.get("ids"), list):
            return max(1, len(given["ids"]))
        return given["limit"] if isinstance(given.get("limit"), int) and given["limit"] > 0 else usual

    def _value(self, node: ValueNode) -> Any:
        if isinstance(node, VariableNode):
            return self._variables.get(node.name.value)
        if isinstance(node, ListValueNode):
            return [self._value(one) for one in node.values]
        return value_from_ast_untyped(node, dict(self._variables))

    def _fields(self, selections: Iterable[SelectionNode]) -> Iterable[FieldNode]:
        for selection in selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fields(selection.selection_set.selections)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value in self._fragments:
                yield from self._fields(self._fragments[selection.name.value].selection_set.selections)


def asks_only_complexity(operation: OperationDefinitionNode) -> bool:
    """True for a query that asks what is left and nothing else; it weighs a tenth of a call."""
    names = [s.name.value for s in operation.selection_set.selections if isinstance(s, FieldNode)]
    return names == ["complexity"]
