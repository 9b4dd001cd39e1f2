"""The shape of the two documents: which keys there are, and what each may hold.

Values arrive as texts (see `yaml_text`); a field says where it means a number, a flag or a date. Models are frozen,
and two documents that differ only in comments or in the order of keys are equal. `model_json_schema()` serves editors.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from . import templates
from .problems import did_you_mean

MAX_TITLE = 200  # characters of a name that the database keeps and people read in lists
_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%")
_DAYS = re.compile(r"([+-])([0-9]{1,5})d")
_COLUMN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _wrong(message: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{message}", {"message": message, "remedy": remedy})


def _filled(text: str) -> str:
    if not text.strip():
        raise _wrong("is empty", "Write a text here, or remove the key.")
    return text.strip()


def _short(text: str) -> str:
    if len(text) > MAX_TITLE:
        raise _wrong(f"has more than {MAX_TITLE} characters", "Shorten it.")
    return text


def _flag(value: Any) -> Any:
    word = value.lower() if isinstance(value, str) else value
    if word in ("true", "false"):
        return word == "true"
    raise _wrong("must be true or false", "Write true or false, without quotes.")


def _whole(value: Any) -> Any:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise _wrong("must be a whole number", "Write digits only, such as 50.")


def _share(value: Any) -> Any:
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if found and float(found[1]) <= 100:
        return float(found[1]) / 100
    raise _wrong("must be a percentage", "Write a number from 0 to 100 with the sign, such as 2%.")


def _board_id(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise _wrong(
            "must be the board's id", "Write the digits at the end of the board's address, such as 9200517329."
        )
    return text


def _column_id(text: str) -> str:
    if not _COLUMN_ID.fullmatch(text):
        raise _wrong(
            "must be a column's id, not its title",
            "Write the id that the board gives the column, such as text_mkr5wya6.",
        )
    return text


def _order_template(text: str) -> str:
    return _template(text, templates.ROW_NAMES, columns=True)


def _line_template(text: str) -> str:
    return _template(text, templates.LINE_NAMES, columns=False)


def _template(text: str, computed: tuple[str, ...], *, columns: bool) -> str:
    try:
        templates.check(text, computed, columns=columns)
    except templates.TemplateWrong as wrong:
        raise _wrong(wrong.message, wrong.remedy) from None
    return text


def _day_bound(text: str) -> str:
    try:
        day_bound(text)
    except ValueError:
        raise _wrong("must be a date or a distance in days", "Write 2026-01-01, or -365d for 365 days ago.") from None
    return text


def day_bound(text: str) -> int | date:
    """Days from today (`-365d`) or a date (`2026-01-01`). Raises ValueError for anything else."""
    found = _DAYS.fullmatch(text)
    if found:
        return int(found[1] + found[2])
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return date.fromisoformat(text)
    raise ValueError(text)


def _short_column(value: Any) -> Any:
    return {"to": value} if isinstance(value, str) else value


def _short_include(value: Any) -> Any:
    if isinstance(value, str):
        return {"values": [value]}
    return {"values": value} if isinstance(value, list) else value


def _short_labels(value: Any) -> Any:
    """`create` -> `{missing: create}`; a word that is none is told here, so that it is told at the key itself."""
    if isinstance(value, dict) or value is None:
        return value
    if value in LABEL_WORDS:
        return {"missing": value}
    otherwise = "Write one of these, or {missing: create, at_most: 200}."
    remedy = did_you_mean(value, LABEL_WORDS, otherwise) if isinstance(value, str) else otherwise
    raise _wrong(f"is not one of {', '.join(LABEL_WORDS)}", remedy)


def _empty_is_text(value: Any) -> Any:
    return "" if value is None else value


Filled = Annotated[str, AfterValidator(_filled)]
Title = Annotated[Filled, AfterValidator(_short)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Whole = Annotated[int, BeforeValidator(_whole)]
Share = Annotated[float, BeforeValidator(_share)]
BoardId = Annotated[Filled, AfterValidator(_board_id)]
ColumnId = Annotated[Filled, AfterValidator(_column_id)]
DayBound = Annotated[Filled, AfterValidator(_day_bound)]
OrderTemplate = Annotated[Filled, AfterValidator(_order_template)]
LineTemplate = Annotated[Filled, AfterValidator(_line_template)]
MapTarget = Annotated[str, BeforeValidator(_empty_is_text)]
Names = tuple[Filled, ...]

ConversionName = Literal["text", "long text", "integer", "decimal", "percent", "fraction", "date", "yes/no", "list"]
Empty = Literal["clear", "keep", "reject"]
Unreadable = Literal["leave", "reject"]
Otherwise = Literal["pass", "leave", "reject"]
LabelWord = Literal["create", "require", "inline"]
LABEL_WORDS: tuple[str, ...] = get_args(LabelWord)
Conflicts = Literal["hold", "source", "board"]
Kind = Literal["create", "update", "restore"]


class Part(BaseModel):
    """A block of the document. A key that is not listed is a problem, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class LabelsEntry(Part):
    """What becomes of a label that the board lacks, and how many labels the column may come to at most."""

    missing: LabelWord = "create"
    at_most: Whole | None = None


Labels = Annotated[LabelsEntry, BeforeValidator(_short_labels)]


class ColumnEntry(Part):
    """How one source column reaches the board."""

    to: ColumnId
    as_: ConversionName | None = Field(default=None, alias="as")
    required: Flag = False
    empty: Empty | None = None
    unreadable: Unreadable | None = None
    values: dict[str, MapTarget] | None = None
    otherwise: Otherwise | None = None
    labels: Labels | None = None
    conflicts: Conflicts | None = None


class IncludeEntry(Part):
    """Which rows belong to the board: those with one of `values`, or with a date from `after` to `before`."""

    values: Names | None = None
    after: DayBound | None = None
    before: DayBound | None = None


class BoardEntry(Part):
    id: BoardId
    name: Title
    uuid_column: ColumnId
    group: OrderTemplate
    item: OrderTemplate


class SourceEntry(Part):
    table: Filled
    identity: Filled
    business_key: Annotated[Names, Field(min_length=1)]
    customer: Filled
    po_number: Filled
    include: dict[str, Annotated[IncludeEntry, BeforeValidator(_short_include)]] = Field(default_factory=dict)


class SizeColumns(Part):
    size: ColumnId
    quantity: ColumnId


class SizesEntry(Part):
    between: tuple[Filled, Filled]
    except_: Names = Field(default=(), alias="except")
    total: Filled | None = None
    item: LineTemplate = "{size}"
    columns: SizeColumns
    key_column: ColumnId
    rename: dict[str, Filled] = Field(default_factory=dict)


class DeletionsEntry(Part):
    action: Literal["move", "archive", "keep"] = "move"
    group: Filled = "Removed"
    at_most: Share = 0.02


class AutomaticEntry(Part):
    orders: Whole
    kinds: tuple[Kind, ...] = ("create", "update")


class PolicyEntry(Part):
    approve: Literal["person", "automatic"] | None = None
    automatic_up_to: AutomaticEntry | None = None
    four_eyes: Flag | None = None
    approvers: Names | None = None
    sizes: Literal["together", "later"] | None = None


Columns = dict[str, Annotated[ColumnEntry, BeforeValidator(_short_column)]]
Version = Annotated[Literal[1], BeforeValidator(_whole)]


class BoardDocument(Part):
    """The document of a board: what its orders look like for every customer."""

    version: Version
    board: BoardEntry
    source: SourceEntry
    columns: Columns = Field(min_length=1)
    sizes: SizesEntry | None = None
    labels: Labels = LabelsEntry()
    conflicts: Conflicts = "hold"
    deletions: DeletionsEntry = DeletionsEntry()
    policy: PolicyEntry = PolicyEntry()


class CustomerBoardEntry(Part):
    group: OrderTemplate | None = None
    item: OrderTemplate | None = None


class CustomerSizesEntry(Part):
    rename: dict[str, Filled] = Field(default_factory=dict)


class CustomerDocument(Part):
    """The document of a customer: its aliases, and whatever differs from the board's document."""

    version: Version
    customer: Title
    aliases: tuple[Title, ...] = ()
    board: CustomerBoardEntry = CustomerBoardEntry()
    business_key: Annotated[Names, Field(min_length=1)] | None = None
    columns: Columns = Field(default_factory=dict)
    sizes: CustomerSizesEntry = CustomerSizesEntry()
    labels: Labels | None = None
    conflicts: Conflicts | None = None
    policy: PolicyEntry = PolicyEntry()


def known_keys(model: type[BaseModel]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The keys that each block of a document knows, by the block's path; `*` stands for any name or place in a list."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}

    def visit(part: type[BaseModel], path: tuple[str, ...]) -> None:
        found[path] = tuple(field.alias or name for name, field in part.model_fields.items())
        for name, field in part.model_fields.items():
            for inner, many in _parts(field.annotation):
                visit(inner, (*path, field.alias or name, *(("*",) if many else ())))

    visit(model, ())
    return found


def _parts(annotation: Any, many: bool = False) -> list[tuple[type[BaseModel], bool]]:
    """The blocks inside an annotation, each with whether it stands under names of a person's choice."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, many)]
    many = many or getattr(annotation, "__origin__", None) is dict
    return [found for inner in get_args(annotation) for found in _parts(inner, many)]
