"""What a fault does to a request: instead of it, inside it, or to its answer."""

from __future__ import annotations

import sqlite3

from . import boards, labels
from .answers import Answer, json_answer
from .exchange import FieldFault
from .faults import REFUSED, Fault
from .refusals import Refusal

_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>The server could not answer.</p></body></html>"


def before(fault: Fault, request_id: str) -> Answer:
    """The answer in place of a request that is not run."""
    if fault.kind == "drop_before":
        return Answer(0, broken="dropped")
    if fault.kind in ("gateway_before", "html"):
        return gateway(fault.status)
    status, code, message = REFUSED[fault.kind]
    code, message = fault.code or code, fault.message or message
    if fault.kind == "legacy_error":
        return json_answer(
            200,
            {"error_code": code, "error_message": message, "error_data": {}, "status_code": 429, "errors": [message]},
        )
    extensions: dict[str, object] = {**({"code": code} if code else {}), "status_code": status, "error_data": {}}
    headers = {}
    if fault.retry_after and status in (423, 429):
        headers["Retry-After"] = f"{max(1, round(fault.retry_after))}"
        if fault.kind == "ingest_limit":
            extensions["retryAfterMs"] = round(fault.retry_after * 1000)
        else:
            extensions["retry_in_seconds"] = fault.retry_after
    error = {"message": message, "extensions": extensions}
    return json_answer(status, {"errors": [error], "extensions": {"request_id": request_id}}, headers)


def after(fault: Fault, answer: Answer) -> Answer:
    """What becomes of the answer to a request that was run."""
    if fault.kind == "drop_after":
        return Answer(0, broken="dropped")
    if fault.kind == "gateway_after":
        return gateway(fault.status)
    if fault.kind == "cut":
        return Answer(answer.status, answer.headers, answer.body, broken="cut")
    return Answer(answer.status, answer.headers, answer.body, delay=fault.seconds)


def gateway(status: int) -> Answer:
    """The HTML page of a gateway in front of the API, as it comes with 502 and 504."""
    title = f"{status} {'Gateway Time-out' if status == 504 else 'Bad Gateway'}"
    return Answer(status, {"Content-Type": "text/html; charset=utf-8"}, _HTML.format(title).encode())


def on_field(fault: Fault, count: int, dice: float) -> FieldFault | None:
    """The fault for one of `count` operations; `dice` (0 to 1) says which, where the script does not."""
    index = fault.alias if fault.alias >= 0 else int(dice * count)
    if fault.kind == "field_limit":
        refusal = Refusal(
            fault.code or "FIELD_LIMIT_EXCEEDED",
            fault.message or "Field limit exceeded",
            status=429,
            about={"entity": "item"},
            retry_in_seconds=fault.retry_after,
        )
        return FieldFault("refuse", index, refusal)
    if fault.kind in ("missing_alias", "skipped_alias"):
        return FieldFault("hide" if fault.kind == "missing_alias" else "skip", index)
    return None


def change_structure(db: sqlite3.Connection, fault: Fault) -> None:
    """Changes a board under the caller's feet, inside the caller's write transaction."""
    board = boards.find(db, fault.board)
    column = board.columns.get(fault.column) if board else None
    if board is None or column is None:
        return
    if fault.kind == "column_deleted":
        boards.change_column(db, board, column.id, state="deleted")
    elif fault.kind == "column_retyped":
        boards.change_column(db, board, column.id, kind=fault.column_type)
    else:
        found = labels.by_text(db, column, fault.label)
        if found is not None:
            labels.insert(db, column, found.id, found.text, position=found.position, active=False, color=found.color)
            boards.revise(db, column)
