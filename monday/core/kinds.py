"""One class per kind of column: its form on the wire, its canonical value, and when two values are the same.

The canonical forms are listed in `monday.core.columns`, which holds the table of kinds.
Facts are from the API's reference, one page a column type: https://developer.monday.com/api-reference/reference
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from .structure import Column

Value = str | bool | list[str] | dict[str, Any] | None

# No money or quantity needs more; beyond it, writing the plain form of an exponent could fill the memory.
MAX_DIGITS = 60
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


class NotWritable(ValueError):
    """A value that this column cannot take; the message is one sentence with the remedy."""


def plain_number(text: str) -> str:
    """The canonical form of a number: "28.860" and "2.886e1" become "28.86". Raises ValueError for anything else."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number.") from None
    if not number.is_finite() or (number and abs(number.adjusted()) > MAX_DIGITS):
        raise ValueError(f"{text!r} is not a number that a board can hold.")
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def wire(cell: Mapping[str, Any]) -> Any:
    """What stands in a cell's `value`, which the API sends as JSON inside a text; None for an empty cell."""
    raw = cell.get("value")
    if not isinstance(raw, str):
        return raw
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def _fields(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    value = wire(cell)
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


class Kind:
    """A kind of column that is only read: its text is shown, and writing it is refused before anything is sent."""

    name: str = "unsupported"
    writable: ClassVar[bool] = False
    graphql_type: str = ""
    fields: ClassVar[str] = ""
    """What is asked of `graphql_type` beyond the `id type text value` of every cell."""
    max_length: ClassVar[int | None] = None

    def __init__(self, name: str = "", graphql_type: str = "") -> None:
        self.name = name or self.name
        self.graphql_type = graphql_type or self.graphql_type

    def encode(self, value: Value, column: Column) -> Any:
        """The JSON-able form that the API takes; None clears the cell. Raises NotWritable."""
        raise NotWritable(
            f"Column {column.title or column.id} is of the kind {column.kind or self.name}, which the API does not "
            "write. Remedy: map the field to another column."
        )

    def decode(self, cell: Mapping[str, Any]) -> Value:
        """The canonical value of a cell as the API shows it."""
        return _text(cell.get("text")) or None

    def same(self, a: Value, b: Value) -> bool:
        """True where both values show the same on the board."""
        return self._comparable(a) == self._comparable(b)

    def _comparable(self, value: Value) -> object:
        if value is None or value == "":
            return None
        return value if not isinstance(value, str) else value.replace("\r\n", "\n").strip() or None

    def _refuse(self, value: Value, column: Column, expected: str) -> NotWritable:
        return NotWritable(
            f"Column {column.title or column.id} takes {expected}, not {value!r}. Remedy: correct the value."
        )


class Shown(Kind):
    """A read-only kind whose content stands in `display_value`, since `text` is always null for it."""

    fields = "display_value"

    def decode(self, cell: Mapping[str, Any]) -> Value:
        return _text(cell.get("display_value") or cell.get("text")) or None


class Text(Kind):
    name, graphql_type, writable = "text", "TextValue", True

    def encode(self, value: Value, column: Column) -> Any:
        if value is None or isinstance(value, str):
            return value or None
        raise self._refuse(value, column, "a text")


class Name(Text):
    name, graphql_type = "name", ""
    max_length = 255

    def encode(self, value: Value, column: Column) -> Any:
        if isinstance(value, str) and value.strip():
            return value
        raise NotWritable("The name of an item cannot be empty. Remedy: fill the field that the name is made from.")


class LongText(Text):
    name, graphql_type = "long_text", "LongTextValue"
    max_length = 2000

    def encode(self, value: Value, column: Column) -> Any:
        text = super().encode(value, column)
        return {"text": text} if text else None


class Numbers(Kind):
    """Only null empties a number: an empty text would be written as 0."""

    name, graphql_type, writable = "numbers", "NumbersValue", True

    def encode(self, value: Value, column: Column) -> Any:
        if value is None or value == "":
            return None
        try:
            if isinstance(value, str):
                return plain_number(value)
        except ValueError:
            pass
        raise self._refuse(value, column, "a number")

    def decode(self, cell: Mapping[str, Any]) -> Value:
        # `text` may be rounded for display, `number` is a float: the stored text comes first.
        stored = wire(cell)
        text = _text(stored) if isinstance(stored, str | int | float) else _text(cell.get("text"))
        try:
            return plain_number(text) if text.strip() else None
        except ValueError:
            return text

    def _comparable(self, value: Value) -> object:
        try:
            return plain_number(value) if isinstance(value, str) and value.strip() else super()._comparable(value)
        except ValueError:
            return value


class Date(Kind):
    """A time of day travels in UTC; the cell's own `text`, `date` and `time` are in the token owner's zone."""

    name, graphql_type, writable, fields = "date", "DateValue", True, "date time"

    def encode(self, value: Value, column: Column) -> Any:
        if value is None or value == "":
            return None
        try:
            if isinstance(value, str) and DATE.fullmatch(value):
                return {"date": date.fromisoformat(value).isoformat()}
            if isinstance(value, str) and TIMESTAMP.fullmatch(value):
                datetime.fromisoformat(value)
                return {"date": value[:10], "time": value[11:19]}
        except ValueError:
            pass
        raise self._refuse(value, column, "a date such as 2026-01-31")

    def decode(self, cell: Mapping[str, Any]) -> Value:
        stored = _fields(cell)
        day = _text(stored.get("date") or cell.get("date"))
        time = _text(stored.get("time"))
        return f"{day}T{time}Z" if day and time else day or None


class Status(Kind):
    name, graphql_type, writable, fields = "status", "StatusValue", True, "label index"
    max_length = 30

    def encode(self, value: Value, column: Column) -> Any:
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self._refuse(value, column, "one label")
        if not value.strip().isdigit():
            return {"label": value}
        # The API reads a label that looks like a number as an id, so such a label is written by its id.
        for label in column.labels:
            if label.active and label.text == value:
                return {"index": label.id}
        raise NotWritable(
            f"Column {column.title or column.id} has no label {value!r}, and a label that looks like a number cannot "
            "be made while writing. Remedy: create the label first."
        )

    def decode(self, cell: Mapping[str, Any]) -> Value:
        return _text(cell.get("label") or cell.get("text")) or None


class Dropdown(Kind):
    """Labels are a set, always written as a list: the short form would cut a label at its comma."""

    name, graphql_type, writable, fields = "dropdown", "DropdownValue", True, "values { id label }"

    def encode(self, value: Value, column: Column) -> Any:
        labels = [value] if isinstance(value, str) else value
        if not labels or labels == [""]:
            return None
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise self._refuse(value, column, "a list of labels")
        return {"labels": list(dict.fromkeys(label for label in labels if label))}

    def decode(self, cell: Mapping[str, Any]) -> Value:
        values = cell.get("values")
        if values is None:
            values = [{"label": label} for label in _text(cell.get("text")).split(", ") if label]
        return [_text(entry.get("label")) for entry in values] or None

    def _comparable(self, value: Value) -> object:
        labels = [value] if isinstance(value, str) else value
        return frozenset(labels) - {""} if labels and isinstance(labels, list) else frozenset()


class Checkbox(Kind):
    """A box that was never touched and one that was emptied show the same: False."""

    name, graphql_type, writable, fields = "checkbox", "CheckboxValue", True, "checked"

    def encode(self, value: Value, column: Column) -> Any:
        if value is None or isinstance(value, bool):
            return {"checked": "true"} if value else None
        raise self._refuse(value, column, "yes or no")

    def decode(self, cell: Mapping[str, Any]) -> Value:
        checked = _fields(cell).get("checked", cell.get("checked"))
        return checked is True or checked == "true"

    def _comparable(self, value: Value) -> object:
        return value is True


class Pair(Kind):
    """A cell of two parts, such as an address and its caption; `parts` names them as we and as the API spell them."""

    writable = True
    parts: ClassVar[tuple[tuple[str, str], tuple[str, str]]]

    def encode(self, value: Value, column: Column) -> Any:
        pair = self._pair(value)
        if pair is None:
            raise self._refuse(value, column, f"{self.parts[0][0]} and {self.parts[1][0]}")
        return {theirs: pair[i] for i, (_, theirs) in enumerate(self.parts)} if pair[0] else None

    def decode(self, cell: Mapping[str, Any]) -> Value:
        stored = _fields(cell)
        first, second = (_text(stored.get(theirs)) for _, theirs in self.parts)
        return {self.parts[0][0]: first, self.parts[1][0]: second} if first else None

    def _pair(self, value: Value) -> tuple[str, str] | None:
        if value is None or isinstance(value, str):
            return value or "", ""
        if not isinstance(value, dict):
            return None
        return _text(value.get(self.parts[0][0])), _text(value.get(self.parts[1][0]))

    def _comparable(self, value: Value) -> object:
        pair = self._pair(value)
        return pair if pair and pair[0] else None


class Email(Pair):
    """Both keys are needed; without a caption the address is its own."""

    name, graphql_type, parts = "email", "EmailValue", (("email", "email"), ("text", "text"))

    def _pair(self, value: Value) -> tuple[str, str] | None:
        pair = super()._pair(value)
        return (pair[0], pair[1] or pair[0]) if pair else None


class Phone(Pair):
    """The API rewrites a number to its international form, so only digits are compared."""

    name, graphql_type, parts = "phone", "PhoneValue", (("phone", "phone"), ("country", "countryShortName"))

    def _comparable(self, value: Value) -> object:
        pair = self._pair(value)
        return re.sub(r"\D", "", pair[0]) or None if pair else None


class Link(Pair):
    name, graphql_type, parts = "link", "LinkValue", (("url", "url"), ("text", "text"))


class Timeline(Pair):
    name, graphql_type, parts = "timeline", "TimelineValue", (("from", "from"), ("to", "to"))


class Ids(Kind):
    """A set of things that are known by their ids; the API wants the ids as numbers."""

    writable = True
    key: ClassVar[str]

    def encode(self, value: Value, column: Column) -> Any:
        if not value:
            return None
        if not isinstance(value, list) or not all(str(entry).isdigit() for entry in value):
            raise self._refuse(value, column, "a list of ids")
        return {self.key: [int(entry) for entry in value]}

    def decode(self, cell: Mapping[str, Any]) -> Value:
        ids = cell.get("linked_item_ids") or _fields(cell).get(self.key) or []
        return [str(entry) for entry in ids] or None

    def _comparable(self, value: Value) -> object:
        return frozenset(value) if isinstance(value, list) else frozenset()


class Tags(Ids):
    name, graphql_type, key = "tags", "TagsValue", "tag_ids"


class BoardRelation(Ids):
    """`text` and `value` are always null for this kind; the linked items stand in a field of their own."""

    name, graphql_type, key, fields = "board_relation", "BoardRelationValue", "item_ids", "linked_item_ids"


class People(Ids):
    name, graphql_type, key = "people", "PeopleValue", "personsAndTeams"

    def encode(self, value: Value, column: Column) -> Any:
        if not value:
            return None
        entries = [str(entry).partition(":") for entry in value] if isinstance(value, list) else []
        if not entries or not all(kind in ("person", "team") and id_.isdigit() for kind, _, id_ in entries):
            raise self._refuse(value, column, "people such as person:1 or team:2")
        return {self.key: [{"id": int(id_), "kind": kind} for kind, _, id_ in entries]}

    def decode(self, cell: Mapping[str, Any]) -> Value:
        entries = _fields(cell).get(self.key) or []
        return [f"{entry.get('kind', 'person')}:{entry.get('id')}" for entry in entries] or None
