"""The executable schema: the SDL beside this file, joined with its resolvers, and documents run against it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    ConstValueNode,
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    StringValueNode,
    build_schema,
    execute_sync,
    get_operation_ast,
    introspection_from_schema,
    parse,
    validate,
)

from . import (
    resolve_account,
    resolve_boards,
    resolve_columns,
    resolve_copies,
    resolve_items,
    resolve_places,
    resolve_updates,
)
from .answers import Answer, json_answer
from .exchange import Exchange, Info

SDL = Path(__file__).with_name("schema.graphql")
DOCUMENTS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that was parsed and validated; `errors` is what is wrong with it."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation that would run."""
        return get_operation_ast(self.document, name) if self.document else None


@cache
def schema() -> GraphQLSchema:
    """The schema with its resolvers and scalars."""
    built = build_schema(SDL.read_text(encoding="utf-8"))
    _scalars(built)
    fields: dict[str, dict[str, Any]] = {"Query": {}, "Mutation": {"complexity": resolve_account.QUERIES["complexity"]}}
    for queries in (resolve_account, resolve_boards, resolve_items, resolve_places, resolve_updates):
        fields["Query"].update(queries.QUERIES)
        for type_name, resolvers in queries.FIELDS.items():
            fields.setdefault(type_name, {}).update(resolvers)
    for changes in (
        resolve_boards, resolve_columns, resolve_items, resolve_copies, resolve_places, resolve_updates,
    ):  # fmt: skip
        fields["Mutation"].update(changes.MUTATIONS)
    for implementation in built.get_implementations(built.type_map["ColumnValue"]).objects:  # type: ignore[arg-type]
        fields.setdefault(implementation.name, {}).update(resolve_items.ON_EVERY_CELL)
    for type_name, resolvers in fields.items():
        kind = built.type_map[type_name]
        if not isinstance(kind, GraphQLObjectType):
            raise TypeError(type_name)
        for name, resolver in resolvers.items():
            kind.fields[name].resolve = resolver
    return built


def told(form: str) -> Answer:
    """The schema for people and programs: as SDL, or as the answer to the introspection query."""
    if form == "sdl":
        sdl = SDL.read_text(encoding="utf-8")
        return Answer(200, {"Content-Type": "text/plain; charset=utf-8"}, sdl.encode("utf-8"))
    return json_answer(200, {"data": introspection_from_schema(schema())})


def _scalars(built: GraphQLSchema) -> None:
    json_scalar = built.type_map["JSON"]
    if isinstance(json_scalar, GraphQLScalarType):
        # The API takes JSON as a text that holds JSON, never as an object.
        json_scalar.coerce_input_value = _json_text
        json_scalar.coerce_input_literal = _json_literal


def _json_text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("JSON is given as a text that holds JSON")
    return value


def _json_literal(node: ConstValueNode) -> str:
    if not isinstance(node, StringValueNode):
        raise GraphQLError("JSON is given as a text that holds JSON", node)
    return node.value


_PREPARED: OrderedDict[str, Prepared] = OrderedDict()
_PREPARED_LOCK = threading.Lock()


def prepared(text: str) -> Prepared:
    """Parses and validates a document; the last ones are remembered, since a client repeats few shapes."""
    with _PREPARED_LOCK:
        if text in _PREPARED:
            _PREPARED.move_to_end(text)
            return _PREPARED[text]
    try:
        document = parse(text)
        made = Prepared(document, tuple(validate(schema(), document)))
    except GraphQLSyntaxError as problem:
        made = Prepared(None, (problem,))
    with _PREPARED_LOCK:
        _PREPARED[text] = made
        while len(_PREPARED) > DOCUMENTS_KEPT:
            _PREPARED.popitem(last=False)
    return made


def run(
    ready: Prepared, exchange: Exchange, variables: Mapping[str, Any], operation_name: str | None
) -> ExecutionResult:
    """Executes a valid document; mutations run one after another."""
    if ready.document is None:
        raise ValueError("the document has errors")
    return execute_sync(
        schema(),
        ready.document,
        context_value=exchange,
        variable_values=dict(variables),
        operation_name=operation_name,
        field_resolver=_field,
    )


def _field(source: Any, info: Info, **_arguments: Any) -> Any:
    return source.get(info.field_name) if isinstance(source, dict) else None
