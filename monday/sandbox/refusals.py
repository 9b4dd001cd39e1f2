"""How the API says no: an error beside the data, with a code, a status and what it is about."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError


class Refusal(GraphQLError):
    """One operation was refused and nothing of it was written; the document's other operations go on.

    `code` is spelt as the API's error page spells it. `status` is the number in `extensions.status_code`;
    the HTTP status of the whole answer stays 200.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 200, about: dict[str, Any] | None = None, **more: Any
    ) -> None:
        self.code = code
        self.status = status
        extensions = {"code": code, "status_code": status, "error_data": about or {}, **more}
        super().__init__(message, extensions=extensions)


def bad_argument(message: str, **about: Any) -> Refusal:
    """An argument that cannot be: a limit that is too high, a board that is not there."""
    return Refusal("InvalidArgumentException", message, about=about)


def not_found(what: str, key: object) -> Refusal:
    """Something that is named by its id does not exist."""
    return Refusal(
        "ResourceNotFoundException", f"{what} not found", status=404, about={"resource_type": what, "id": str(key)}
    )


def bad_board(board_id: object) -> Refusal:
    return Refusal(
        "InvalidBoardIdException", "This board does not exist or cannot be used here", about={"board_id": str(board_id)}
    )


def bad_column(column_id: str) -> Refusal:
    return Refusal(
        "InvalidColumnIdException", "This column ID doesn't exist for the board", about={"column_id": column_id}
    )


def bad_value(column_id: str, kind: str, value: object, reason: str) -> Refusal:
    """A value that a column does not take; `error_data` names the column and the value as they came."""
    about = {"column_id": column_id, "column_type": kind, "column_value": value}
    return Refusal("ColumnValueException", f"Column {column_id} ({kind}): {reason}", about=about)
