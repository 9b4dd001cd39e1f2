"""The sandbox's SDL holds nothing that the published schema does not hold with the same type."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    parse,
    print_ast,
    validate,
)

from monday.sandbox.schema import SDL, schema

PUBLISHED = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "monday-schema-2026-10.graphql"


@pytest.fixture(scope="module")
def published() -> GraphQLSchema:
    if not PUBLISHED.is_file():
        pytest.skip("../shared/reference/monday-schema-2026-10.graphql does not lie beside this checkout")
    return build_schema(PUBLISHED.read_text(encoding="utf-8"))


def _differences(own: GraphQLSchema, published: GraphQLSchema) -> list[str]:
    found = []
    for name, kind in own.type_map.items():
        if name.startswith("__"):
            continue
        other = published.type_map.get(name)
        if type(other) is not type(kind):
            found.append(f"{name}: another kind of type or none")
        elif isinstance(kind, GraphQLEnumType):
            found += [f"{name}.{value}" for value in set(kind.values) - set(other.values)]
        elif isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            found += _fields(name, kind, other)
        elif isinstance(kind, GraphQLInputObjectType):
            found += [
                f"{name}.{field}"
                for field, own_field in kind.fields.items()
                if field not in other.fields
                or str(own_field.type) != str(other.fields[field].type)
                or _default(own_field) != _default(other.fields[field])
            ]
            found += [f"{name}.{field} is left out" for field in set(other.fields) - set(kind.fields)]
    return found


def _fields(name: str, kind: GraphQLObjectType | GraphQLInterfaceType, other: GraphQLObjectType) -> list[str]:
    found = []
    for field, own_field in kind.fields.items():
        if field not in other.fields or str(own_field.type) != str(other.fields[field].type):
            found.append(f"{name}.{field}")
            continue
        for argument, own_argument in own_field.args.items():
            theirs = other.fields[field].args.get(argument)
            same = theirs is not None and str(theirs.type) == str(own_argument.type)
            if not same or _default(theirs) != _default(own_argument):
                found.append(f"{name}.{field}({argument})")
    return found


def _default(given: GraphQLArgument | GraphQLInputField) -> str | None:
    return print_ast(given.default.literal) if given.default and given.default.literal else None


def test_every_type_field_and_argument_is_the_published_one(published: GraphQLSchema) -> None:
    assert _differences(build_schema(SDL.read_text(encoding="utf-8")), published) == []


def test_a_field_of_our_own_would_be_found(published: GraphQLSchema) -> None:
    text = SDL.read_text(encoding="utf-8")
    invented = text.replace("type Item {", "type Item {\n  invented: String")
    retyped = text.replace("create_group(board_id: ID!", "create_group(board_id: String!")
    other_default = text.replace(
        "items(exclude_nonactive: Boolean, ids: [ID!], limit: Int = 25", "items(ids: [ID!], limit: Int = 99"
    )
    assert _differences(build_schema(invented), published) == ["Item.invented"]
    assert _differences(build_schema(other_default), published) == ["Query.items(limit)"]
    assert _differences(build_schema(retyped), published) == ["Mutation.create_group(board_id)"]


def test_every_field_at_the_root_has_a_resolver() -> None:
    own = schema()
    roots = [*own.query_type.fields.items(), *own.mutation_type.fields.items()]
    assert [name for name, field in roots if field.resolve is None] == []


def test_arguments_have_the_types_that_clients_trip_over() -> None:
    own = schema()
    group_as_id = 'mutation($g: ID) { create_item(board_id: 1, item_name: "a", group_id: $g) { id } }'
    values_nullable = "mutation($v: JSON) { change_multiple_column_values(board_id: 1, column_values: $v) { id } }"
    ids_nullable = "query($i: [ID]) { items(ids: $i) { id } }"
    for document in (group_as_id, values_nullable, ids_nullable):
        assert validate(own, parse(document)), document
