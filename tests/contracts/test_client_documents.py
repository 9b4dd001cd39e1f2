"""Every document that the client can send is valid in the API's own schema."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from monday.core import activity, queries
from monday.core.columns import KINDS
from monday.core.documents import FIELDS, document, prepare
from monday.core.operations import (
    ArchiveItem,
    ChangeValues,
    CreateGroup,
    CreateItem,
    CreateSubitem,
    DeleteItem,
    MoveToGroup,
)
from monday.core.structure import BoardStructure, Column

SCHEMA = Path(__file__).resolve().parents[3] / "shared" / "reference" / "monday-schema-2026-10.graphql"
COLUMNS = [Column(f"c_{kind}", kind, kind) for kind in KINDS]
PLAIN = [Column("text_1", "PO", "text")]
OPERATIONS = [
    CreateItem("1", "g", "A", {"name": "A"}),
    CreateSubitem("5", "XL"),
    ChangeValues("1", "5", {"name": "B"}, create_labels=True),
    MoveToGroup("5", "g"),
    ArchiveItem("5"),
    DeleteItem("5"),
    CreateGroup("1", "G"),
]
READS = {
    "identity": queries.IDENTITY,
    "version": queries.VERSION,
    "daily limit": queries.DAILY_LIMIT,
    "activity": activity.document(2),
    "items with what people wrote below": queries.items_by_id(PLAIN, PLAIN, updates=True),
    "board": queries.BOARD,
    "column": queries.COLUMN,
    "subitems board": queries.SUBITEMS_BOARD,
    "create board": queries.CREATE_BOARD,
    "create column": queries.CREATE_COLUMN,
    "dropdown labels": queries.UPDATE_LABELS["dropdown"],
    "status labels": queries.UPDATE_LABELS["status"],
    "labels of many columns": queries.update_many_labels(["status", "dropdown", "dropdown"]),
    **{
        f"{make.__name__} {name}": make(columns, below)
        for make in (
            queries.find_items,
            queries.find_more_items,
            queries.all_items,
            queries.more_items,
            queries.items_by_id,
        )
        for name, columns, below in (
            ("every kind", COLUMNS, COLUMNS),
            ("one column", PLAIN, []),
            ("names alone", [Column("name", "Name", "name")], []),
            ("lines alone", [], PLAIN),
            ("nothing", [], []),
        )
    },
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    if not SCHEMA.exists():
        pytest.skip("the API's schema does not lie beside the checkout: ../shared/reference")
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


def problems(schema, text):
    return [error.message for error in validate(schema, parse(text))]


@pytest.mark.parametrize("name", READS)
def test_a_read_is_valid(schema, name):
    assert problems(schema, READS[name]) == []


def test_all_operations_together_are_valid(schema):
    assert {type(operation) for operation in OPERATIONS} == set(FIELDS)
    prepared = [prepare(n, str(n), operation, BoardStructure("1", "B")) for n, operation in enumerate(OPERATIONS)]
    text, variables = document(prepared)
    assert problems(schema, text) == []
    assert len(variables) == text.split("{", 1)[0].count("$")


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.graphql_type], ids=lambda kind: kind.name)
def test_a_kind_is_one_of_the_api_with_the_type_that_holds_its_cells(schema, kind):
    assert kind.graphql_type in schema.type_map
    assert kind.name in schema.type_map["ColumnType"].values


def test_the_colours_of_labels_are_those_of_the_api(schema):
    assert set(queries.COLORS) == set(schema.type_map["StatusColumnColors"].values) - {"explosive"}
