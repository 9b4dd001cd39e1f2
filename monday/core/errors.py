"""Every refusal that the API documents: what it means, what helps, whose job that is, and whether to try again.

Codes are matched after dropping `_`, blanks and case, since their spelling differs between pages and versions of the
API; where a code is missing or new, the message and then the HTTP status decide.
Source: https://developer.monday.com/api-reference/docs/error-handling and docs/rate-limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Retry(Enum):
    """What the client does about a refusal, by itself."""

    NEVER = "never: the same request is refused again"
    WAIT = "waits and sends again: nothing was processed"
    SAME_KEY = "waits and sends again with the same key: the first one is still running"
    HALVE = "sends the operations again in smaller requests"
    UNSURE = "sends again what is safe to repeat: it may have been processed"
    TOMORROW = "stops until the next day in UTC"
    ANEW = "reads again and starts over"


@dataclass(frozen=True, slots=True)
class Fault:
    """One documented refusal. `owner` is source, mapping, board, access or outage.

    `whole` is true where a whole request is turned away before any of its operations runs.
    """

    code: str
    meaning: str
    remedy: str
    owner: str = "board"
    retry: Retry = Retry.NEVER
    whole: bool = False

    @property
    def transient(self) -> bool:
        """True where the same operation may succeed later without anybody's help."""
        return self.retry not in (Retry.NEVER, Retry.HALVE)


def _limit(code: str, meaning: str, remedy: str = "Wait; it is sent again.") -> Fault:
    return Fault(code, meaning, remedy, "outage", Retry.WAIT, whole=True)


def _document(code: str, meaning: str) -> Fault:
    return Fault(code, meaning, "Update Ordersite: its API version may have ended.", "outage", whole=True)


TOKEN_REMEDY = "Check MONDAY_API_TOKEN and what its owner may do."  # noqa: S105  a sentence, not a token  # nosec B105
FAULTS: tuple[Fault, ...] = (
    _limit("COMPLEXITY_BUDGET_EXHAUSTED", "The account's points for this minute are used up."),
    _limit("RATE_LIMIT_EXCEEDED", "Too many requests in a short time."),
    _limit("MINUTE_RATE_LIMIT_EXCEEDED", "Too many requests in this minute."),
    _limit("MAX_CONCURRENCY_EXCEEDED", "Too many requests at the same time."),
    _limit("CONCURRENCY_LIMIT_EXCEEDED", "Too many requests at the same time."),
    _limit("IP_RATE_LIMIT_EXCEEDED", "Too many requests from this address."),
    _limit("FIELD_LIMIT_EXCEEDED", "Too many requests for this kind of data."),
    _limit("FIELD_MINUTE_RATE_LIMIT_EXCEEDED", "Too many requests for this kind of data in this minute."),
    _limit("tooManyRequests", "Too many requests in a short time."),
    _limit("CALL_LIMIT_EXCEEDED", "Too many calls of this one operation."),
    _limit("API_TEMPORARILY_BLOCKED", "monday.com has blocked its API for the moment.",
           "Wait; it is tried again, slowly."),
    _limit("RESOURCE_LOCKED", "Another change holds the board."),
    Fault("DAILY_LIMIT_EXCEEDED", "The account's calls for today are used up.",
          "Go on after 00:00 UTC, or raise the plan.", "outage", Retry.TOMORROW, whole=True),
    Fault("IDEMPOTENCY_CONFLICT", "The same request is still running.", "Wait for it to end.", "outage",
          Retry.SAME_KEY),
    Fault("ComplexityException", "The request is too heavy.", "It is sent again in smaller parts.", "outage",
          Retry.HALVE, whole=True),
    Fault("PAYLOAD_TOO_LARGE", "The request is too large.", "It is sent again in smaller parts.", "outage",
          Retry.HALVE, whole=True),
    Fault("INTERNAL_SERVER_ERROR", "monday.com failed over this request; an unknown id can be the cause.",
          "Try again; if it stays, check that the item and its board still exist.", "outage", Retry.UNSURE),
    Fault("REVISION_MISMATCH", "Somebody changed the column at the same time.",
          "It is read again and repeated.", "board", Retry.ANEW),
    Fault("CursorExpiredException", "Reading the board took longer than an hour.",
          "It starts again from the first page.", "outage", Retry.ANEW),
    Fault("ColumnValueException", "The column does not take this value.",
          "Correct the value, or add the label.", "source"),
    Fault("CorrectedValueException", "The column does not take a simple text.",
          "Map the field to another column.", "mapping"),
    Fault("InvalidColumnIdException", "The board has no such column.",
          "Refresh the board and correct the mapping.", "mapping"),
    Fault("ItemNameTooLongException", "The name is empty or longer than 255 characters.",
          "Shorten the item's name.", "mapping"),
    Fault("InvalidItemNameException", "The name is empty or longer than 255 characters.",
          "Shorten the item's name.", "mapping"),
    Fault("ItemsLimitationException", "The board is full.", "Archive old items, or move to a second board."),
    Fault("ResourceNotFoundException", "The item, group or board does not exist any more.",
          "Look at the board; then recreate, relink or stop following it."),
    Fault("InvalidBoardIdException", "There is no such board, or the token may not see it.",
          "Check the board's id in the mapping and the token's rights.", "mapping"),
    Fault("InvalidUserIdException", "There is no such user.", "Correct the person in the mapping.", "mapping"),
    Fault("InvalidArgumentException", "The API does not take this argument.",
          "Check that the board, the group and the item still exist."),
    Fault("InvalidVersionException", "The API version is not known.", "Update Ordersite.", "outage", whole=True),
    Fault("CreateBoardException", "The board could not be created.", "Check the name and the account's plan."),
    Fault("DeleteLastGroupException", "The last group of a board cannot go.", "Add another group first."),
    Fault("RecordInvalidException", "The board does not take this record.",
          "Check the limits of the board's subscribers."),
    Fault("missingRequiredPermissions", "The token lacks a permission.",
          "Give it boards:read, boards:write and updates:read.", "access"),
    Fault("Unauthorized", "The token was not accepted.", TOKEN_REMEDY, "access", whole=True),
    Fault("UserUnauthorizedException", "The token's owner may not do this.", TOKEN_REMEDY, "access"),
    Fault("USER_ACCESS_DENIED", "The token's owner has no access.", TOKEN_REMEDY, "access"),
    Fault("IP_RESTRICTED", "The account does not accept calls from this address.",
          "Add this machine's address to the account's list.", "access", whole=True),
    _document("undefinedField", "The API does not know a field that was asked for."),
    _document("argumentLiteralsIncompatible", "The API does not take an argument's form."),
    _document("GRAPHQL_VALIDATION_FAILED", "The API does not accept the request's form."),
    _document("GRAPHQL_PARSE_FAILED", "The API cannot read the request."),
    _document("JsonParseException", "The API cannot read the request."),
    _document("BAD_REQUEST", "The API cannot read the request."),
    Fault("WRONG_ADDRESS", "There is no monday.com API at this address.", "Check MONDAY_API_URL.", "access",
          whole=True),
)  # fmt: skip

CURSORS: tuple[tuple[str, str], ...] = ((r"cursor.*expired|(invalid|expired) cursor", "CursorExpiredException"),)
# Messages that come without a code, or with one that is used for several things.
MESSAGES: tuple[tuple[str, str], ...] = (
    (r"minute (limit )?rate", "MINUTE_RATE_LIMIT_EXCEEDED"),
    (r"daily limit", "DAILY_LIMIT_EXCEEDED"),
    (r"concurrency", "MAX_CONCURRENCY_EXCEEDED"),
    (r"complexity.*reset in|budget exhausted", "COMPLEXITY_BUDGET_EXHAUSTED"),
    (r"call limit exceeded", "CALL_LIMIT_EXCEEDED"),
    (r"rate limit exceeded|too many requests", "RATE_LIMIT_EXCEEDED"),
    (r"currently locked", "RESOURCE_LOCKED"),
    (r"ip is restricted", "IP_RESTRICTED"),
    (r"not authenticated|unauthorized", "Unauthorized"),
    *CURSORS,
    (r"^parse error", "GRAPHQL_PARSE_FAILED"),
    (r"internal server error", "INTERNAL_SERVER_ERROR"),
)
ALIASES: Mapping[str, str] = {
    "invalidcursorexception": "CursorExpiredException",
    "cursorexception": "CursorExpiredException",
    "cursorexpirederror": "CursorExpiredException",
    "notauthenticated": "Unauthorized",
    "resourcelockedexception": "RESOURCE_LOCKED",
    "locked": "RESOURCE_LOCKED",
    "concurrencyexceeded": "MAX_CONCURRENCY_EXCEEDED",
    "complexitybudgetexceeded": "COMPLEXITY_BUDGET_EXHAUSTED",
    "parseerror": "GRAPHQL_PARSE_FAILED",
    "badrequest": "BAD_REQUEST",
}
STATUSES: Mapping[int, str] = {
    400: "BAD_REQUEST",
    401: "Unauthorized",
    403: "USER_ACCESS_DENIED",
    404: "WRONG_ADDRESS",
    405: "WRONG_ADDRESS",
    413: "PAYLOAD_TOO_LARGE",
    423: "RESOURCE_LOCKED",
    429: "RATE_LIMIT_EXCEEDED",
}


def _plain(code: str) -> str:
    return re.sub(r"[\s_]", "", code).lower()


_BY_CODE: Mapping[str, Fault] = {_plain(fault.code): fault for fault in FAULTS}


def fault_of(code: str, message: str = "", status: int = 0) -> Fault:
    """What is known of a refusal by its code, its message and its HTTP status, tried in this order.

    A refusal that nothing is known of keeps its own code, is not tried again and belongs to the board.
    """
    known = _BY_CODE.get(_plain(code)) or _BY_CODE.get(_plain(ALIASES.get(_plain(code), "")))
    # Some codes serve several purposes: "this request is too heavy" and "too much in this minute", and, where the
    # API says nothing of its own code for it, a cursor that has run out.
    if known is None or known.code in ("ComplexityException", "InvalidArgumentException"):
        patterns = MESSAGES if known is None or known.retry is Retry.HALVE else CURSORS
        for pattern, named in patterns:
            if re.search(pattern, message, re.IGNORECASE):
                return _BY_CODE[_plain(named)]
    if known is not None:
        return known
    if status >= 500:
        return _BY_CODE["internalservererror"]
    if status in STATUSES:
        return _BY_CODE[_plain(STATUSES[status])]
    if 300 <= status < 400:
        return _BY_CODE["wrongaddress"]
    return Fault(
        code or "Unknown", "The board refused this for a reason of its own.", "Read its message and look at the board."
    )
