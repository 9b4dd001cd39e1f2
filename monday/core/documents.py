"""Many operations in one document: an alias each, and everything that a person typed in variables.

Names and types of arguments are those of the API's schema, version 2026-10; a test holds them to it. One operation's
refusal nulls its own alias alone: https://developer.monday.com/api-reference/docs/error-handling
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .answers import Problem, Reply
from .columns import NotWritable, Value, guess_kind, kind_of
from .operations import (
    ArchiveItem,
    ChangeValues,
    CreateGroup,
    CreateItem,
    CreateSubitem,
    DeleteItem,
    Done,
    MoveToGroup,
    Operation,
    Outcome,
    Refused,
    Unclear,
)
from .structure import BoardStructure, Column

COMPLEXITY = "complexity { before query after reset_in_x_seconds }"


@dataclass(frozen=True, slots=True)
class Field:
    """How one operation is spelt: the mutation's name and its arguments with their types."""

    name: str
    arguments: Mapping[str, str]


FIELDS: Mapping[type[Operation], Field] = {
    CreateItem: Field(
        "create_item",
        {
            "board_id": "ID!",
            "group_id": "String",
            "item_name": "String!",
            "column_values": "JSON",
            "create_labels_if_missing": "Boolean",
        },
    ),
    CreateSubitem: Field(
        "create_subitem",
        {
            "parent_item_id": "ID!",
            "item_name": "String!",
            "column_values": "JSON",
            "create_labels_if_missing": "Boolean",
        },
    ),
    ChangeValues: Field(
        "change_multiple_column_values",
        {"board_id": "ID!", "item_id": "ID", "column_values": "JSON!", "create_labels_if_missing": "Boolean"},
    ),
    MoveToGroup: Field("move_item_to_group", {"item_id": "ID", "group_id": "String!"}),
    ArchiveItem: Field("archive_item", {"item_id": "ID"}),
    DeleteItem: Field("delete_item", {"item_id": "ID"}),
    CreateGroup: Field("create_group", {"board_id": "ID!", "group_name": "String!"}),
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One operation ready to be sent. `index` is its place in what the caller gave; `size` its weight in bytes."""

    index: int
    token: str
    field: Field
    arguments: Mapping[str, Any]
    creates: bool
    size: int


def prepare(index: int, token: str, operation: Operation, board: BoardStructure) -> Mutation:
    """The operation with its values in the API's form. Raises NotWritable for a value that cannot be sent."""
    arguments = _arguments(operation, board)
    try:
        size = len(json.dumps(arguments, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise NotWritable(
            "A text holds half a character, which no board can show. Remedy: correct the source."
        ) from None
    creates = isinstance(operation, CreateItem | CreateSubitem | CreateGroup)
    return Mutation(index, token, FIELDS[type(operation)], arguments, creates, size)


def refused_before(problem: NotWritable) -> Refused:
    """The outcome of an operation that was not sent, since its value cannot be."""
    return Refused("NotWritable", str(problem), owner="mapping")


def document(mutations: Sequence[Mutation]) -> tuple[str, dict[str, Any]]:
    """One document for all these operations, in this order, with its variables.

    Aliases count within the request (a0, a1 ...), so that requests of one shape have one text.
    """
    declared, fields, variables = [], [], {}
    for place, mutation in enumerate(mutations):
        given = []
        for argument, type_ in mutation.field.arguments.items():
            variable = f"a{place}_{argument}"
            declared.append(f"${variable}: {type_}")
            given.append(f"{argument}: ${variable}")
            variables[variable] = mutation.arguments[argument]
        fields.append(f"a{place}: {mutation.field.name}({', '.join(given)}) {{ id }}")
    body = "\n  ".join([*fields, COMPLEXITY])
    return f"mutation ({', '.join(declared)}) {{\n  {body}\n}}", variables


def request_body(text: str, variables: Mapping[str, Any]) -> bytes:
    """The request's body; the same for the same document and variables, byte by byte."""
    return json.dumps({"query": text, "variables": variables}, separators=(",", ":")).encode()


def idempotency_key(tokens: Iterable[str], generation: int, body: bytes) -> str:
    """The key of one attempt: equal for a request that is sent again unchanged, another for anything else.

    The API replays the answer of a key for 30 minutes: https://developer.monday.com/api-reference/docs/idempotency
    """
    digest = hashlib.sha256(json.dumps([list(tokens), generation]).encode())
    digest.update(body)
    return digest.hexdigest()


def outcomes(mutations: Sequence[Mutation], reply: Reply, sent_at: float) -> dict[int, Outcome]:
    """What became of each operation of a request that was answered, by its index.

    An alias that is missing, or null without a word why, is unclear: it may have been written.
    """
    return {mutation.index: _outcome(f"a{place}", reply, sent_at) for place, mutation in enumerate(mutations)}


def refusal(problem: Problem, request_id: str) -> Refused:
    """A problem of the answer as the outcome of the operation that it belongs to."""
    return Refused(
        code=problem.code,
        message=problem.message,
        remedy=problem.fault.remedy,
        owner=problem.fault.owner,
        column=problem.column,
        value=problem.value,
        transient=problem.fault.transient,
        request_id=request_id,
    )


def _outcome(alias: str, reply: Reply, sent_at: float) -> Outcome:
    answer = (reply.data or {}).get(alias)
    if isinstance(answer, Mapping) and answer.get("id"):
        return Done(str(answer["id"]), reply.request_id)
    problem = reply.of_alias(alias)
    # A longer path names a field of the result: the operation itself went through, and only its id is not known.
    if problem is not None and answer is None and len(problem.path) == 1:
        return refusal(problem, reply.request_id)
    return Unclear("The answer does not say what became of this operation.", sent_at, reply.request_id)


def _arguments(operation: Operation, board: BoardStructure) -> dict[str, Any]:
    match operation:
        case CreateItem():
            return {
                "board_id": operation.board_id,
                "group_id": operation.group_id or None,
                "item_name": _name(operation.name),
                **_cells(operation.values, board, operation.create_labels),
            }
        case CreateSubitem():
            return {
                "parent_item_id": operation.parent_id,
                "item_name": _name(operation.name),
                **_cells(operation.values, board.subitems, operation.create_labels),
            }
        case ChangeValues():
            owner = board if operation.board_id == board.id else board.subitems
            return {
                "board_id": operation.board_id,
                "item_id": operation.item_id,
                **_cells(operation.values, owner, operation.create_labels),
            }
        case MoveToGroup():
            return {"item_id": operation.item_id, "group_id": operation.group_id}
        case ArchiveItem() | DeleteItem():
            return {"item_id": operation.item_id}
        case CreateGroup():
            return {"board_id": operation.board_id, "group_name": _name(operation.title)}


def _name(text: str) -> str:
    name = kind_of(Column("name", "Name", "name")).encode(text, Column("name", "Name", "name"))
    return str(name)


def _cells(values: Mapping[str, Value], board: BoardStructure | None, create_labels: bool) -> dict[str, Any]:
    encoded = {}
    for column_id, value in values.items():
        column = _column(column_id, board)
        encoded[column_id] = kind_of(column).encode(value, column)
    # A `JSON` variable is a text that holds JSON.
    return {"column_values": json.dumps(encoded, ensure_ascii=False), "create_labels_if_missing": create_labels}


def _column(column_id: str, board: BoardStructure | None) -> Column:
    if column_id == "name":
        return Column("name", "Name", "name")
    if board is None:  # the board of the subitems comes into being with the first subitem
        return Column(column_id, column_id, guess_kind(column_id))
    column = board.columns.get(column_id)
    if column is None:
        raise NotWritable(
            f"The board {board.name} has no column {column_id}. Remedy: refresh the board, then correct the mapping."
        )
    return column
