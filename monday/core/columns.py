"""Cell values in one canonical form, and what each kind of column makes of them on the wire.

Canonical values are JSON-able: text is `str`; numbers a plain decimal text without trailing zeros ("28.86"); a date
"YYYY-MM-DD" or "YYYY-MM-DDTHH:MM:SSZ"; a status its label; a dropdown the list of its labels; a checkbox `bool`;
an e-mail {"email", "text"}; a phone {"phone", "country"}; a link {"url", "text"}; a timeline {"from", "to"};
people ["person:1", "team:2"]; tags and connected items lists of ids. None is an empty cell of any kind.

The classes stand in `monday.core.kinds`; this is the table of them, and the only place that names all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .kinds import (
    BoardRelation,
    Checkbox,
    Date,
    Dropdown,
    Email,
    Kind,
    Link,
    LongText,
    Name,
    NotWritable,
    Numbers,
    People,
    Phone,
    Shown,
    Status,
    Tags,
    Text,
    Timeline,
    Value,
    plain_number,
)
from .structure import Column

__all__ = ["KINDS", "Kind", "NotWritable", "Value", "guess_kind", "kind_of", "plain_number"]

WRITABLE: tuple[Kind, ...] = (
    Name(),
    Text(),
    LongText(),
    Numbers(),
    Date(),
    Status(),
    Dropdown(),
    Checkbox(),
    Email(),
    Phone(),
    Link(),
    Timeline(),
    People(),
    Tags(),
    BoardRelation(),
)
READ_ONLY: tuple[Kind, ...] = (
    Shown("mirror", "MirrorValue"),
    Shown("formula", "FormulaValue"),
    Shown("subtasks", "SubtasksValue"),
    *(Kind(name) for name in ("item_id", "last_updated", "creation_log", "auto_number", "button", "progress")),
    *(Kind(name) for name in ("time_tracking", "file", "doc", "vote", "dependency", "integration", "group")),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*WRITABLE, *READ_ONLY)}
UNKNOWN = Kind()

# The ids that the API gives to new columns begin with these; longer ones stand first.
PREFIXES: tuple[tuple[str, str], ...] = (
    ("long_text", "long_text"),
    ("text", "text"),
    ("numeric", "numbers"),
    ("numbers", "numbers"),
    ("dropdown", "dropdown"),
    ("color_picker", "color_picker"),
    ("color", "status"),
    ("status", "status"),
    ("date", "date"),
    ("boolean", "checkbox"),
    ("checkbox", "checkbox"),
    ("check", "checkbox"),
    ("email", "email"),
    ("phone", "phone"),
    ("link", "link"),
    ("timerange", "timeline"),
    ("timeline", "timeline"),
    ("multiple_person", "people"),
    ("people", "people"),
    ("person", "people"),
    ("board_relation", "board_relation"),
    ("connect_boards", "board_relation"),
    ("lookup", "mirror"),
    ("mirror", "mirror"),
    ("formula", "formula"),
    ("pulse_id", "item_id"),
    ("item_id", "item_id"),
    ("pulse_updated", "last_updated"),
    ("last_updated", "last_updated"),
    ("pulse_log", "creation_log"),
    ("creation_log", "creation_log"),
    ("auto_number", "auto_number"),
    ("subtasks", "subtasks"),
    ("subitems", "subtasks"),
    ("button", "button"),
    ("tag", "tags"),
    ("file", "file"),
    ("name", "name"),
)
_PREFIX = re.compile("(" + "|".join(prefix for prefix, _ in PREFIXES) + r")s?(?=\d|_|$)")
_KIND_BY_PREFIX = dict(PREFIXES)


def kind_of(column: Column) -> Kind:
    """How this column is written, read and compared; a kind that is not known is only read."""
    return KINDS.get(column.kind, UNKNOWN)


def guess_kind(column_id: str) -> str:
    """The kind of a column by its id alone, "unsupported" where the id does not tell."""
    found = _PREFIX.match(column_id)
    return _KIND_BY_PREFIX[found.group(1)] if found else UNKNOWN.name
