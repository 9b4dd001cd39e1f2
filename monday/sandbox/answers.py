"""What goes back over the wire, and how errors are dressed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError

from .refusals import Refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `broken` is "" for a whole one, "dropped" where the connection ends without it, "cut" where it ends
    inside the body; `delay` is the seconds the server waits before it sends."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    broken: str = ""
    delay: float = 0.0


def to_json(data: Mapping[str, Any]) -> bytes:
    """As bytes; half a character, which a caller may have sent in an escape, becomes a question mark."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def json_answer(status: int, data: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, to_json(data))


def refused(refusal: Refusal, request_id: str, status: int | None = None) -> Answer:
    """A whole request that was refused; `Retry-After` goes with an error that says when to come again."""
    code = status if status is not None else refusal.status
    wait = (refusal.extensions or {}).get("retry_in_seconds")
    headers = {"Retry-After": str(math.ceil(wait))} if wait and code in (409, 423, 429) else {}
    return json_answer(code, {"errors": [shown(refusal)], "extensions": {"request_id": request_id}}, headers)


def shown(error: GraphQLError) -> dict[str, Any]:
    """An error as the API shows it: message, places, path, and extensions with code and status."""
    entry: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if isinstance(cause, Refusal):
        entry["extensions"] = cause.extensions
    elif isinstance(error, GraphQLSyntaxError):
        entry["message"] = f"Parse error on {error.message.removeprefix('Syntax Error: ')}"
        entry["extensions"] = {"code": "GRAPHQL_PARSE_FAILED", "status_code": 200, "error_data": {}}
    elif cause is not None and not isinstance(cause, GraphQLError):
        entry["message"] = "Internal server error"
        entry["extensions"] = {"code": "INTERNAL_SERVER_ERROR", "status_code": 500, "error_data": {}}
    elif not isinstance(error, Refusal):
        entry["extensions"] = {"code": _validation_code(error.message), "status_code": 200, "error_data": {}}
    return entry


def _validation_code(message: str) -> str:
    if message.startswith("Variable "):
        return "GRAPHQL_VALIDATION_FAILED"
    if message.startswith("Cannot query field"):
        return "undefinedField"
    return "argumentLiteralsIncompatible" if "Expected value of type" in message else "GRAPHQL_VALIDATION_FAILED"
