"""The rules of `query_params`: which items hold them, and the order they ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from . import views
from .boards import Board
from .exchange import Exchange, iso
from .items import BoardItem
from .refusals import bad_argument

Query = Mapping[str, Any]
_PLAIN = ("text", "numbers")
DAY_LENGTH = len("2027-01-31")
# Columns that every board has without showing them.
_TIMES: Mapping[str, Callable[[BoardItem], str]] = {
    "__creation_log__": lambda item: iso(item.created_at) or "",
    "__last_updated__": lambda item: iso(item.updated_at) or "",
}


def holds(exchange: Exchange, board: Board, item: BoardItem, query: Query) -> bool:
    """True where the item holds the query's rules and groups of rules, joined by its operator."""
    verdicts = [_rule(exchange, board, item, rule) for rule in query.get("rules") or ()]
    verdicts += [holds(exchange, board, item, group) for group in query.get("groups") or ()]
    return any(verdicts) if query.get("operator") == "or" else all(verdicts)


def ordered(exchange: Exchange, board: Board, found: Sequence[BoardItem], order: Query) -> list[int]:
    """The ids by one column; empty cells come last in both directions."""
    keys = [(_sort_key(exchange, board, item, order["column_id"]), item.id) for item in found]
    filled = sorted(
        (key for key in keys if key[0] is not None), key=lambda k: k[0] or "", reverse=order.get("direction") == "desc"
    )
    return [i for _, i in filled] + [i for key, i in keys if key is None]


def _sort_key(exchange: Exchange, board: Board, item: BoardItem, column_id: str) -> tuple[int, Decimal, str] | None:
    if column_id in _TIMES:
        return (0, Decimal(0), _TIMES[column_id](item))
    text = _texts(exchange, board, item, column_id)[0]
    number = _number(text) if board.columns[column_id].kind == "numbers" else None
    if not text:
        return None
    return (0, number, "") if number is not None else (1, Decimal(0), text.casefold())


def _rule(exchange: Exchange, board: Board, item: BoardItem, rule: Query) -> bool:
    operator = rule.get("operator") or "any_of"
    given = rule.get("compare_value")
    wanted = [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
    text, ids = _texts(exchange, board, item, rule["column_id"])
    if rule["column_id"] in _TIMES and wanted and len(str(wanted[-1])) == DAY_LENGTH:
        text = text[:DAY_LENGTH]  # a time is compared with a day by its own day
    if operator in ("any_of", "not_any_of"):
        hit = any(_is(text, ids, one) for one in wanted)
        return hit == (operator == "any_of")
    test = _OPERATORS.get(operator)
    if test is None:
        raise bad_argument("The sandbox does not know this operator", operator=operator)
    return test(text, [str(one) for one in wanted])


def _texts(exchange: Exchange, board: Board, item: BoardItem, column_id: str) -> tuple[str, frozenset[str]]:
    """A cell's text, and the ids by which labels, people and groups are compared."""
    if column_id in _TIMES:
        return _TIMES[column_id](item), frozenset()
    if column_id == "group":
        return item.group_id, frozenset({item.group_id})
    column = board.column(column_id)
    if column.kind == "name":
        return item.name, frozenset()
    if column.kind in _PLAIN:  # shown as they are stored: no need to picture the whole cell
        plain = json.loads(item.cells).get(column.id)
        return plain if isinstance(plain, str) else "", frozenset()
    cell = views.cells(exchange, item, [column])[0]
    stored = json.loads(cell["value"]) if cell["value"] else {}
    ids: list[Any] = []
    if isinstance(stored, dict):
        ids = stored.get("ids") or ([stored["index"]] if "index" in stored else [])
        ids = ids or [f"{p['kind']}-{p['id']}" for p in stored.get("personsAndTeams", ())]
    return cell.get("date") or cell["text"] or "", frozenset(str(one) for one in ids)


def _is(text: str, ids: frozenset[str], wanted: Any) -> bool:
    word = "" if wanted is None else str(wanted)
    return str(wanted) in ids or (not ids and text.casefold() == word.casefold()) or (bool(ids) and text == word)


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[str, Sequence[str]], bool]:
    def compare(text: str, wanted: Sequence[str]) -> bool:
        other = wanted[-1] if wanted else ""  # dates come as ["EXACT", "2026-01-01"]
        left, right = _number(text), _number(other)
        if left is not None and right is not None:
            return test(left, right)
        return bool(text) and test(text, other)

    return compare


def _between(text: str, wanted: Sequence[str]) -> bool:
    if len(wanted) != 2:
        raise bad_argument("between needs two values", compare_value=list(wanted))
    low, high = _compared(lambda a, b: a >= b), _compared(lambda a, b: a <= b)
    return low(text, wanted[:1]) and high(text, wanted[1:])


def _has(text: str, wanted: Sequence[str]) -> bool:
    return any(word.casefold() in text.casefold() for word in wanted)


_OPERATORS: Mapping[str, Callable[[str, Sequence[str]], bool]] = {
    "is_empty": lambda text, _: not text,
    "is_not_empty": lambda text, _: bool(text),
    "contains_text": _has,
    "not_contains_text": lambda text, wanted: not _has(text, wanted),
    "contains_terms": lambda text, wanted: all(t in text.casefold() for w in wanted for t in w.casefold().split()),
    "starts_with": lambda text, wanted: any(text.casefold().startswith(w.casefold()) for w in wanted),
    "ends_with": lambda text, wanted: any(text.casefold().endswith(w.casefold()) for w in wanted),
    "greater_than": _compared(lambda a, b: a > b),
    "greater_than_or_equals": _compared(lambda a, b: a >= b),
    "lower_than": _compared(lambda a, b: a < b),
    "lower_than_or_equal": _compared(lambda a, b: a <= b),
    "between": _between,
}
